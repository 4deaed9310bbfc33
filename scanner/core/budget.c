#include "core/budget.h"

const struct budget_kind_info budget_kinds[BUDGET_COUNT] = {
#define BUDGET(symbol, option, amount, unit, what)                                       \
    [BUDGET_##symbol] = { option, amount, unit, what },
#include "core/budget.def"
#undef BUDGET
};

struct budget budget_default(void)
{
    struct budget b = { 0 };
    for (int kind = 0; kind < BUDGET_COUNT; kind++)
        b.left[kind] = budget_kinds[kind].amount;
    return b;
}

bool budget_take(struct budget *b, enum budget_kind kind, uint64_t n)
{
    if (n > b->left[kind])
        return false;
    b->left[kind] -= n;
    b->taken[kind] += n;
    return true;
}
