#include "formats/pickle/store.h"

#include <stdlib.h>

/* Layout of the ring, in words:
 *   tuple, frozenset   count, items…
 *   list, dict, set    count, position of the last chunk (0: none)
 *   chunk              position of the chunk before, count, items…           */
enum { STORE_WORDS_FIRST = 512, FIRST_POSITION = 2, CHUNKS_MAX = 4096 };
#define CHUNK_LOST UINT64_MAX

void store_free(struct pickle_store *s)
{
    free(s->words);
    *s = (struct pickle_store){ 0 };
}

/* Grow while nothing has been overwritten yet, so positions stay where they are. */
static bool store_grow(struct pickle_store *s, size_t n)
{
    if (n > STORE_WORDS_MAX / 4)
        return false;
    while (s->head + n > s->size && s->size < STORE_WORDS_MAX) {
        size_t size = s->size ? s->size * 2 : STORE_WORDS_FIRST;
        uint64_t *words = realloc(s->words, size * sizeof *words);
        if (!words)
            break;
        s->words = words;
        s->size = size;
    }
    return n <= s->size / 4;
}

static inline bool store_room(struct pickle_store *s, size_t n)
{
    bool full_grown = s->size == STORE_WORDS_MAX || s->head + n <= s->size;
    return full_grown ? n <= s->size / 4 : store_grow(s, n);
}

static uint64_t *word(const struct pickle_store *s, uint64_t position)
{
    return &s->words[position & (s->size - 1)];
}

static uint64_t append_items(struct pickle_store *s, const pickle_value *items, size_t n)
{
    uint64_t at = s->head;
    for (size_t i = 0; i < n; i++)
        *word(s, at + i) = items[i];
    s->head += n;
    return at;
}

static uint64_t append_word(struct pickle_store *s, uint64_t w)
{
    return append_items(s, &w, 1);
}

static bool remembered(const struct pickle_store *s, uint64_t position)
{
    return position != 0 && s->size && s->head - position <= s->size;
}

bool store_forgot(const struct pickle_store *s, pickle_value v)
{
    enum pickle_tag tag = value_tag(v);
    return tag >= PICKLE_TUPLE && tag <= PICKLE_FROZENSET &&
           !remembered(s, value_payload(v));
}

static bool is_fixed(enum pickle_tag tag)
{
    return tag == PICKLE_TUPLE || tag == PICKLE_FROZENSET;
}

pickle_value store_new(struct pickle_store *s, enum pickle_tag tag,
                       const pickle_value *items, size_t n)
{
    if (s->head == 0)
        s->head = FIRST_POSITION;
    bool fixed = is_fixed(tag);
    if (!store_room(s, fixed ? n + 1 : 2))
        return value_make(tag, 0);
    uint64_t at = append_word(s, fixed ? n : 0);
    if (fixed)
        append_items(s, items, n);
    else
        append_word(s, 0);
    pickle_value v = value_make(tag, at);
    if (!fixed && n > 0)
        store_add(s, v, items, n);
    return v;
}

void store_add(struct pickle_store *s, pickle_value container, const pickle_value *items,
               size_t n)
{
    uint64_t at = value_payload(container);
    if (n == 0 || !remembered(s, at))
        return;
    uint64_t last = *word(s, at + 1);
    if (last == CHUNK_LOST)
        return;
    if (!store_room(s, n + 2)) {
        *word(s, at + 1) = CHUNK_LOST;
        return;
    }
    *word(s, at) += n;
    *word(s, at + 1) = s->head;
    append_word(s, last);
    append_word(s, n);
    append_items(s, items, n);
}

bool store_count(const struct pickle_store *s, pickle_value container, size_t *ret_n)
{
    uint64_t at = value_payload(container);
    enum pickle_tag tag = value_tag(container);
    if (tag < PICKLE_TUPLE || tag > PICKLE_FROZENSET || !remembered(s, at) ||
        (!is_fixed(tag) && *word(s, at + 1) == CHUNK_LOST))
        return false;
    *ret_n = (size_t)*word(s, at);
    return true;
}

/* Chunks are linked last first: copy each one's items to their place from the end. */
static bool chunk_items(const struct pickle_store *s, uint64_t at, pickle_value *ret,
                        size_t max)
{
    size_t end = (size_t)*word(s, at);
    uint64_t chunk = *word(s, at + 1);
    for (int steps = 0; end > 0; steps++) {
        if (steps == CHUNKS_MAX || !remembered(s, chunk))
            return false;
        size_t n = (size_t)*word(s, chunk + 1);
        if (n > end)
            return false;
        end -= n;
        for (size_t i = 0; i < n && end + i < max; i++)
            ret[end + i] = *word(s, chunk + 2 + i);
        chunk = *word(s, chunk);
    }
    return true;
}

bool store_items(const struct pickle_store *s, pickle_value container, pickle_value *ret,
                 size_t max, size_t *ret_n)
{
    size_t n;
    if (!store_count(s, container, &n))
        return false;
    uint64_t at = value_payload(container);
    if (!is_fixed(value_tag(container))) {
        if (!chunk_items(s, at, ret, max))
            return false;
    } else {
        for (size_t i = 0; i < n && i < max; i++)
            ret[i] = *word(s, at + 1 + i);
    }
    *ret_n = n < max ? n : max;
    return true;
}
