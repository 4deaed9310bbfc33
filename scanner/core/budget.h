/* budget.h: how much work one top-level file may cost (table: budget.def).
 *
 * A budget that runs out makes the artifact incomplete, loudly; it is never a
 * reason to stop reporting what was found before. */
#ifndef BUDGET_H
#define BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum budget_kind {
#define BUDGET(symbol, option, amount, unit, what) BUDGET_##symbol,
#include "core/budget.def"
#undef BUDGET
    BUDGET_COUNT
};

struct budget_kind_info {
    const char *option; /* "expanded-bytes": the option is --max-expanded-bytes */
    uint64_t amount;
    const char *unit, *what;
};
extern const struct budget_kind_info budget_kinds[BUDGET_COUNT];

struct budget {
    uint64_t left[BUDGET_COUNT];
    uint64_t taken[BUDGET_COUNT];
};

struct budget budget_default(void);

/* Spend n; false, and nothing is spent, when less is left. */
bool budget_take(struct budget *b, enum budget_kind kind, uint64_t n);

#endif
