/* read_model.h: one model of a stored report. */
#ifndef READ_MODEL_H
#define READ_MODEL_H

#include "core/result.h"
#include "reports/input.h"

/* The rules that the findings of a report name; they live in the result's arena. */
struct rule_names {
    struct arena *arena;
    const struct rule *slots[8192]; /* by hash; half of them at most are used */
    size_t count;
};

/* The object at hand, as a new model at the end of *r. */
bool read_model(struct input *in, struct result *r, struct rule_names *names);

/* A severity, as "fail_on" has one too. */
bool read_severity(struct input *in, void *to); /* enum severity * */
bool read_verdict(struct input *in, void *to);  /* enum verdict * */
bool read_reasons(struct input *in, void *to);  /* struct reason_list * */

struct reason_list {
    struct reason *first, *last;
};

#endif
