#include "formats/pickle/memo.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { FIRST_SLOTS = 16, VARINT_MAX = 10, RUN = 15, FASTEST = 1 };
enum { PACKED_MAX = (MEMO_PAGE + 1) * VARINT_MAX };

struct memo_page {
    uint64_t number;
    pickle_value *entries; /* MEMO_PAGE of them, or NULL: packed */
    uint8_t *packed;
    uint32_t squeezed;       /* length of `packed`, which is compressed; 0: it is not */
    struct memo_page *newer; /* in the list of open pages */
};

struct memo_squeezer {
    ZSTD_CCtx *in;
    ZSTD_DCtx *out;
    uint8_t room[ZSTD_COMPRESSBOUND(PACKED_MAX)];
};

struct memo_cached {
    uint64_t number; /* plus one; 0: empty */
    pickle_value entries[MEMO_PAGE];
};

void memo_clear(struct pickle_memo *m)
{
    for (size_t i = 0; i < m->slot_count; i++)
        if (m->slots[i]) {
            free(m->slots[i]->entries);
            free(m->slots[i]->packed);
            free(m->slots[i]);
        }
    free(m->slots);
    free(m->cache);
    if (m->squeezer) {
        ZSTD_freeCCtx(m->squeezer->in);
        ZSTD_freeDCtx(m->squeezer->out);
        free(m->squeezer);
    }
    *m = (struct pickle_memo){ 0 };
}

static struct memo_page **find_slot(const struct pickle_memo *m, uint64_t number)
{
    size_t mask = m->slot_count - 1;
    size_t at = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 20) & mask;
    while (m->slots[at] && m->slots[at]->number != number)
        at = (at + 1) & mask;
    return &m->slots[at];
}

static bool grow(struct pickle_memo *m)
{
    struct pickle_memo wider = *m;
    wider.slot_count = m->slot_count ? m->slot_count * 2 : FIRST_SLOTS;
    wider.slots = calloc(wider.slot_count, sizeof *wider.slots);
    if (!wider.slots)
        return false;
    for (size_t i = 0; i < m->slot_count; i++)
        if (m->slots[i])
            *find_slot(&wider, m->slots[i]->number) = m->slots[i];
    free(m->slots);
    *m = wider;
    return true;
}

static bool charge(struct pickle_memo *m, uint64_t bytes)
{
    if (bytes > MEMO_BYTES_MAX - m->bytes)
        return false;
    m->bytes += bytes;
    return true;
}

/* Payloads are coded as the difference to the last payload of the same tag; the
 * tag takes the low four bits, RUN repeats the code before it. */
static uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (uint64_t) - (int64_t)(difference >> 63);
}

static uint64_t unzigzag(uint64_t code)
{
    return code >> 1 ^ (uint64_t) - (int64_t)(code & 1);
}

static size_t put_varint(uint8_t *to, uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        to[n++] = (uint8_t)(v | 0x80);
    to[n++] = (uint8_t)v;
    return n;
}

static uint64_t get_varint(const uint8_t *from, size_t *at)
{
    uint64_t v = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = from[(*at)++];
        v |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return v;
}

/* A container that the store has forgotten is like any other one of its kind. */
static uint64_t payload_to_keep(const struct pickle_store *s, pickle_value v)
{
    return s && store_forgot(s, v) ? 0 : value_payload(v);
}

/* Into `to`, which has room for the worst case; gives the length. */
static size_t pack(const struct pickle_store *s, const pickle_value *entries, uint8_t *to)
{
    uint64_t last[16] = { 0 }, previous = UINT64_MAX, run = 0;
    size_t len = 0;
    for (size_t i = 0; i <= MEMO_PAGE; i++) {
        uint64_t code = UINT64_MAX; /* behind the end: flushes the run */
        if (i < MEMO_PAGE) {
            enum pickle_tag tag = value_tag(entries[i]);
            uint64_t payload = payload_to_keep(s, entries[i]);
            code = zigzag(payload - last[tag]) << 4 | (uint64_t)tag;
            last[tag] = payload;
        }
        if (code == previous) {
            run++;
            continue;
        }
        if (run > 0)
            len += put_varint(to + len, run << 4 | RUN);
        run = 0;
        previous = code;
        if (i < MEMO_PAGE)
            len += put_varint(to + len, code);
    }
    return len;
}

static void unpack(const uint8_t *packed, pickle_value *entries)
{
    uint64_t last[16] = { 0 }, previous = 0;
    size_t at = 0;
    for (size_t i = 0; i < MEMO_PAGE;) {
        uint64_t code = get_varint(packed, &at), times = 1;
        if ((code & 15) == RUN)
            times = code >> 4;
        else
            previous = code;
        for (; times > 0 && i < MEMO_PAGE; times--) {
            uint64_t tag = previous & 15;
            last[tag] += unzigzag(previous >> 4);
            entries[i++] = value_make((enum pickle_tag)tag, last[tag]);
        }
    }
}

/* Compress the packed form; gives its length, which is 0 when that is of no use. */
static size_t squeeze(struct pickle_memo *m, const uint8_t *packed, size_t len)
{
    if (m->bytes < MEMO_SQUEEZE)
        return 0;
    if (!m->squeezer) {
        m->squeezer = calloc(1, sizeof *m->squeezer);
        if (!m->squeezer)
            return 0;
        m->squeezer->in = ZSTD_createCCtx();
        m->squeezer->out = ZSTD_createDCtx();
    }
    struct memo_squeezer *q = m->squeezer;
    if (!q->in || !q->out)
        return 0;
    size_t n = ZSTD_compressCCtx(q->in, q->room, sizeof q->room, packed, len, FASTEST);
    return ZSTD_isError(n) || n >= len ? 0 : n;
}

/* The entries of a packed page; false when memory is short. */
static bool restore(const struct pickle_memo *m, const struct memo_page *p,
                    pickle_value *entries)
{
    uint8_t packed[PACKED_MAX];
    if (p->squeezed == 0) {
        unpack(p->packed, entries);
        return true;
    }
    size_t n = ZSTD_decompressDCtx(m->squeezer->out, packed, sizeof packed, p->packed,
                                   p->squeezed);
    if (!ZSTD_isError(n))
        unpack(packed, entries);
    return !ZSTD_isError(n);
}

/* Pack the page that was opened first. */
static bool close_oldest(struct pickle_memo *m)
{
    uint8_t packed[PACKED_MAX];
    struct memo_page *p = m->oldest;
    size_t len = pack(m->store, p->entries, packed), squeezed = squeeze(m, packed, len);
    size_t kept = squeezed ? squeezed : len;
    p->packed = malloc(kept);
    if (!p->packed || !charge(m, kept))
        return false;
    memcpy(p->packed, squeezed ? m->squeezer->room : packed, kept);
    p->squeezed = (uint32_t)squeezed;
    free(p->entries);
    p->entries = NULL;
    m->bytes -= MEMO_PAGE * sizeof *p->entries;
    m->oldest = p->newer;
    m->open_count--;
    if (m->current == p)
        m->current = NULL;
    return true;
}

/* Give the page its entries, from the packed form or empty. */
static bool open_page(struct pickle_memo *m, struct memo_page *p)
{
    if (m->open_count >= MEMO_OPEN_MAX && !close_oldest(m))
        return false;
    if (!charge(m, MEMO_PAGE * sizeof *p->entries))
        return false;
    p->entries = calloc(MEMO_PAGE, sizeof *p->entries);
    if (!p->entries)
        return false;
    if (p->packed) {
        if (!restore(m, p, p->entries))
            return false;
        free(p->packed); /* its length stays charged: an upper bound is enough */
        p->packed = NULL;
        if (m->cache)
            m->cache[p->number % MEMO_CACHE].number = 0;
    }
    p->newer = NULL;
    if (m->open_count++ == 0)
        m->oldest = p;
    else
        m->newest->newer = p;
    m->newest = p;
    return true;
}

static struct memo_page *page_for_put(struct pickle_memo *m, uint64_t number)
{
    if (m->page_count * 2 >= m->slot_count && !grow(m))
        return NULL;
    struct memo_page **slot = find_slot(m, number), *p = *slot;
    if (!p) {
        if (!charge(m, sizeof *p + 2 * sizeof *slot))
            return NULL;
        p = calloc(1, sizeof *p);
        if (!p)
            return NULL;
        p->number = number;
        *slot = p;
        m->page_count++;
    }
    if (!p->entries && !open_page(m, p))
        return NULL;
    m->current = p;
    return p;
}

bool memo_put(struct pickle_memo *m, uint64_t index, pickle_value v,
              pickle_value *ret_old)
{
    uint64_t number = index / MEMO_PAGE;
    struct memo_page *p = m->current;
    if (!p || p->number != number)
        p = page_for_put(m, number);
    if (!p)
        return false;
    pickle_value *entry = &p->entries[index % MEMO_PAGE];
    *ret_old = *entry;
    m->count += *entry == 0;
    *entry = v;
    return true;
}

pickle_value memo_get(struct pickle_memo *m, uint64_t index)
{
    uint64_t number = index / MEMO_PAGE;
    if (m->slot_count == 0)
        return 0;
    const struct memo_page *p = *find_slot(m, number);
    if (!p)
        return 0;
    if (p->entries)
        return p->entries[index % MEMO_PAGE];
    if (!m->cache)
        m->cache = calloc(MEMO_CACHE, sizeof *m->cache);
    if (!m->cache) {
        pickle_value entries[MEMO_PAGE];
        return restore(m, p, entries) ? entries[index % MEMO_PAGE] : 0;
    }
    struct memo_cached *c = &m->cache[number % MEMO_CACHE];
    if (c->number != number + 1) {
        if (!restore(m, p, c->entries))
            return 0;
        c->number = number + 1;
    }
    return c->entries[index % MEMO_PAGE];
}
