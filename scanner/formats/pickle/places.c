#include "formats/pickle/places.h"

enum { TABLE_FIRST = 32 }; /* entries that C's table starts with */

void places_clear(struct pickle_places *p)
{
    memo_clear(&p->far);
    *p = (struct pickle_places){ .size = TABLE_FIRST };
}

bool places_far(struct pickle_places *p, uint64_t index, uint64_t count)
{
    if (index < p->size)
        return false;
    if (index > 2 * count) {
        p->has_far = true;
        return true;
    }
    p->size = 2 * index;
    return false;
}

bool places_put(struct pickle_places *p, uint64_t index, bool far, pickle_value old)
{
    pickle_value was;
    bool moves = !far && old != 0 && memo_get(&p->far, index) != 0;
    if (!far && (old == 0 || moves))
        p->count++;
    return (!far && !moves) ||
           memo_put(&p->far, index, far ? value_atom(ATOM_TRUE) : 0, &was);
}
