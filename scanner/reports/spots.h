/* spots.h: the findings of a result, each with the file and model it lies in, for
 * writers: one after the other as they stand, or gathered, worst first, in groups.
 *
 * A file that two models share is met in both. */
#ifndef SPOTS_H
#define SPOTS_H

#include "core/fingerprint.h"
#include "core/result.h"

struct spot {
    const struct model *model;
    const struct file *file;         /* NULL: of the model as a whole */
    const struct artifact *artifact; /* NULL likewise; a member or the file itself */
    const struct finding *finding;
    size_t order; /* in the order of the report: model, then file by path, then member */
};

/* One model's findings as they stand.  `s` starts as { .model = m } and is overwritten;
 * false past the last. */
bool spots_next(struct spot *s);

/* Gathered and ordered: severity, worst first; then rule; then as they stand. */
struct spots {
    struct spot *all;
    size_t count, hidden; /* hidden: below the severity that was asked for */
    uint64_t dropped;     /* counted by a list that was full */
};

/* False when out of memory.  spots_free() is idempotent. */
bool spots_of_model(const struct model *m, enum severity least, struct spots *ret);
bool spots_of_result(const struct result *r, enum severity least, struct spots *ret);
void spots_free(struct spots *s);

/* Move those that are suppressed from *s into *ret; both keep the order.  False, with *s
 * as it was, when out of memory. */
bool spots_set_apart(struct spots *s, struct spots *ret);

/* The end of the group that starts at `at`: all spots of one rule. */
size_t spots_group(const struct spots *s, size_t at);

/* The first spots of a group, at most `most`, that differ in evidence or message, or,
 * with `places`, in the file or member; how many. */
size_t spots_different(const struct spot *group, size_t count, bool places,
                       const struct spot **ret_shown, size_t most);

/* Names that stay the same from scan to scan.  `repeat` tells equal ones apart: 1, 2, …
 * in the order of the report. */
struct spot_id {
    char fingerprint[FINGERPRINT_HEX + 1];
    size_t repeat;
};

/* One for each spot, in the same order; free() it.  NULL: out of memory. */
struct spot_id *spots_identify(const struct spots *s);

#endif
