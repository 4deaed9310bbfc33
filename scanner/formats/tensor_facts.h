/* tensor_facts.h: tensors as facts for `assay inspect`, the same for every format.
 *
 *   "tensors": [ { "name", "dtype", "shape": [..], "bytes", … } ], "tensors_dropped": n
 *
 * at the root of an artifact's facts.  Only with --detail: else nothing is noted.  Each
 * tensor costs one of BUDGET_FACTS; past that they are counted. */
#ifndef TENSOR_FACTS_H
#define TENSOR_FACTS_H

#include "formats/inspector.h"

enum { TENSOR_DIMENSIONS_MAX = 16 }; /* more are not shown */

struct tensor {
    struct span name, dtype; /* raw; dtype as the format spells it */
    uint64_t shape[TENSOR_DIMENSIONS_MAX];
    size_t dimensions; /* may be more than fit */
    uint64_t bytes;    /* UINT64_MAX: not known */
};

/* The new fact, to add what only one format knows; NULL when it is not kept. */
struct fact *tensor_fact(struct inspection *in, const struct tensor *t);

#endif
