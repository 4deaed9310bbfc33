/* decision.h: what was decided in one sentence, and the models in the order in which a
 * reviewer looks at them.  Shared by the reports that people read. */
#ifndef DECISION_H
#define DECISION_H

#include "core/result.h"
#include "reports/text/out.h"

/* How bad a model is, from worst to best: violations by their severity, then what was
 * not read to its end, what passes with findings, what passes without, what is empty. */
enum rank {
    RANK_FAIL = 0,
    RANK_INCOMPLETE = 6,
    RANK_FOUND,
    RANK_QUIET,
    RANK_EMPTY,
    RANK_COUNT
};
enum rank rank_of(const struct model *m);

struct decision {
    uint64_t verdicts[VERDICT_EMPTY + 1], ranks[RANK_COUNT], models, errors;
    const struct model *worst; /* the first of the worst rank; NULL: no models */
};
struct decision decision_of(const struct result *r);

/* "6 of 9 models violate gate "ci"; 1 target could not be scanned (exit code 1)", added
 * to the words of `t`. */
void decision_say(struct text_out *t, const struct result *r, const struct decision *d);

/* All models, worst first, equals as they stand: d.models pointers to free().  NULL:
 * out of memory. */
const struct model **decision_order(const struct result *r, const struct decision *d);

#endif
