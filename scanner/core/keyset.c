#include "core/keyset.h"

#include <stdbool.h>
#include <stdlib.h>

/* Most objects have a handful of keys: those are compared one by one.  The table is
 * for bigger ones.  Removal in reverse order of insertion needs no tombstones. */
enum { FEW = 8, FIRST_KEYS = 64, FIRST_SLOTS = 64 };

/* An honest set needs about two probes a key.  Keys that need more on average were
 * made to. */
enum { PROBES_PER_KEY = 16, PROBES_FREE = 4096 };

#define IN_TABLE UINT64_C(1)

void keyset_init(struct keyset *k, size_t max)
{
    *k = (struct keyset){ .max = max < UINT32_MAX ? max : UINT32_MAX - 1 };
}

void keyset_free(struct keyset *k)
{
    free(k->keys);
    free(k->table);
    *k = (struct keyset){ 0 };
}

size_t keyset_mark(const struct keyset *k)
{
    return k->used;
}

/* Spread the hash, with the mark in it: of the objects open at once no two have the
 * same mark, so the same key in two of them takes two slots. */
static uint64_t spread(uint64_t hash, size_t mark)
{
    hash ^= (uint64_t)mark * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (hash ^ hash >> 33) & ~IN_TABLE;
}

/* The slot of the key `hash`, or the free one where it belongs. */
static size_t find_slot(struct keyset *k, uint64_t hash)
{
    size_t slot = (size_t)(hash >> 1) & (k->slots - 1);
    while (k->table[slot] &&
           (k->keys[k->table[slot] - 1] | IN_TABLE) != (hash | IN_TABLE)) {
        slot = (slot + 1) & (k->slots - 1);
        k->probes++;
    }
    return slot;
}

static bool grow_keys(struct keyset *k)
{
    size_t capacity = k->capacity ? k->capacity * 2 : FIRST_KEYS;
    uint64_t *keys = realloc(k->keys, capacity * sizeof *keys);
    if (!keys)
        return false;
    k->keys = keys;
    k->capacity = capacity;
    return true;
}

/* In the order of the stack, so that the order of removal stays the reverse. */
static bool grow_table(struct keyset *k)
{
    size_t slots = k->slots ? k->slots * 2 : FIRST_SLOTS;
    uint32_t *table = calloc(slots, sizeof *table);
    if (!table)
        return false;
    free(k->table);
    k->table = table;
    k->slots = slots;
    for (size_t i = 0; i < k->used; i++)
        if (k->keys[i] & IN_TABLE)
            k->table[find_slot(k, k->keys[i])] = (uint32_t)i + 1;
    return true;
}

/* Put the key at `i` of the stack into the table; the caller knows that it is new. */
static bool put(struct keyset *k, size_t i)
{
    if (k->indexed >= k->slots / 2 && !grow_table(k))
        return false;
    k->table[find_slot(k, k->keys[i])] = (uint32_t)i + 1;
    k->keys[i] |= IN_TABLE;
    k->indexed++;
    return true;
}

static bool seen(struct keyset *k, size_t mark, uint64_t hash)
{
    if (k->used - mark > FEW)
        return k->table[find_slot(k, hash)] != 0;
    for (size_t i = mark; i < k->used; i++)
        if ((k->keys[i] & ~IN_TABLE) == hash)
            return true;
    return false;
}

enum keyset_answer keyset_add(struct keyset *k, size_t mark, uint64_t hash)
{
    hash = spread(hash, mark);
    if (seen(k, mark, hash))
        return KEY_SEEN;
    if (k->used >= k->max || k->probes > k->added * PROBES_PER_KEY + PROBES_FREE)
        return KEY_REFUSED;
    if (k->used == k->capacity && !grow_keys(k))
        return KEY_NOMEM;
    k->keys[k->used++] = hash;
    k->added++;
    size_t count = k->used - mark;
    if (count > FEW) {
        size_t first = count == FEW + 1 ? mark : k->used - 1;
        for (size_t i = first; i < k->used; i++)
            if (!put(k, i))
                return KEY_NOMEM;
    }
    return KEY_NEW;
}

void keyset_release(struct keyset *k, size_t mark)
{
    while (k->used > mark) {
        if (k->keys[k->used - 1] & IN_TABLE) {
            k->table[find_slot(k, k->keys[k->used - 1])] = 0;
            k->indexed--;
        }
        k->used--;
    }
}
