/* torch.save() before the zip format (_use_new_zipfile_serialization=False): five
 * pickles in a row (magic number, protocol, host, object, keys of storages), then each
 * storage: its number of elements, its bytes.  Element types are in the persistent ids
 * of the fourth pickle. */
#include <assert.h>
#include <inttypes.h>

#include "formats/pickle/scan.h"
#include "formats/torch/storage.h"

enum { STREAMS = 5, TORCH_PROTOCOL = 1001 };
enum { KEY_MAX = 64, STORAGES_MAX = 1 << 20, KEYS_FIRST = 64 };

static const uint8_t magic[10] = { 0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                   0x20, 0x6a, 0xa8, 0x50, 0x19 };

/* A pickle of the magic number: any notation that pushes it. */
static bool is_magic(const struct pickle_machine *m)
{
    struct pickle_instruction i;
    if (value_tag(m->result) != PICKLE_NUMBER || !pickle_instruction_of(m, m->result, &i))
        return false;
    if (i.code == OP_LONG1 || i.code == OP_LONG4)
        return span_equal(i.text, span_of(magic, sizeof magic));
    return span_starts(i.text, "119547037146038801333356");
}

struct headers {
    bool magic, protocol, computed;
};

static void ignore_import(void *self, struct pickle_machine *m, uint32_t index, size_t at)
{
    (void)self, (void)m, (void)index, (void)at;
}

/* The first two pickles: enough to know the format. */
static struct headers read_headers(const struct inspection *in)
{
    struct headers h = { 0 };
    struct pickle_sink sink = { .import = ignore_import };
    struct arena *names = arena_new(1 << 16);
    struct pickle_machine *m = pickle_machine_new(in->bytes, names, NULL, &sink);
    if (m && names) {
        m->max_instructions = 4096;
        if (pickle_machine_run(m, 0) == PICKLE_STOPPED) {
            h.magic = is_magic(m);
            h.computed = value_tag(m->result) >= PICKLE_GLOBAL;
            m->store.head = 0;
            pickle_value version;
            h.protocol = (h.magic || h.computed) &&
                         pickle_machine_run(m, m->end) == PICKLE_STOPPED &&
                         value_int(TORCH_PROTOCOL, &version) && m->result == version;
        }
    }
    pickle_machine_free(m);
    arena_free(names);
    return h;
}

static enum claim claim(const struct inspection *in)
{
    /* every number and name that matters is short: most files end here at once */
    if (in->bytes.len == 0 || !pickle_opcodes[in->bytes.ptr[0]].name)
        return CLAIM_NONE;
    struct headers h = read_headers(in);
    return h.magic ? CLAIM_MAGIC : h.computed && h.protocol ? CLAIM_LIKELY : CLAIM_NONE;
}

/* ---- storages ---- */

struct storage {
    struct span key;
    uint64_t element_size, count;
};

struct storages {
    struct inspection *in;
    struct storage *entries; /* in the arena */
    size_t n, capacity;
    uint32_t *slots; /* by hash of the key: index plus one; twice the capacity */
    bool lost;
};

static uint32_t *slot_of(const struct storages *s, struct span key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ key.ptr[i]) * UINT64_C(0x100000001b3);
    size_t mask = s->capacity * 2 - 1, at = (size_t)(h ^ h >> 31) & mask;
    while (s->slots[at] && !span_equal(s->entries[s->slots[at] - 1].key, key))
        at = (at + 1) & mask;
    return &s->slots[at];
}

static const struct storage *find(const struct storages *s, struct span key)
{
    uint32_t index = s->capacity ? *slot_of(s, key) : 0;
    return index ? &s->entries[index - 1] : NULL;
}

static bool room(struct storages *s)
{
    if (s->n < s->capacity)
        return true;
    size_t capacity = s->capacity ? s->capacity * 2 : KEYS_FIRST;
    if (capacity > STORAGES_MAX)
        return false;
    struct storage *grown = arena_array(s->in->arena, capacity, sizeof *grown);
    uint32_t *slots = arena_array(s->in->arena, capacity * 2, sizeof *slots);
    if (!grown || !slots)
        return false;
    for (size_t i = 0; i < s->n; i++)
        grown[i] = s->entries[i];
    s->entries = grown;
    s->slots = slots;
    s->capacity = capacity;
    for (size_t i = 0; i < s->n; i++)
        *slot_of(s, grown[i].key) = (uint32_t)i + 1;
    return true;
}

/* ("storage", type, key, location, number of elements[, view]) */
static void note_storage(void *self, const struct pickle_machine *m, pickle_value id)
{
    struct storages *s = self;
    pickle_value parts[6];
    size_t n = 0;
    struct buffer scratch;
    if (!pickle_items(m, id, parts, 6, &n) || n < 5 ||
        !pickle_is_text(m, parts[0], "storage") || value_tag(parts[2]) != PICKLE_STR)
        return;
    buffer_init(&scratch, KEY_MAX);
    struct span key = pickle_text(m, parts[2], &scratch);
    if (!find(s, key) && !room(s)) {
        s->lost = true;
    } else if (!find(s, key)) {
        assert(s->entries);
        struct storage *new = &s->entries[s->n];
        *new = (struct storage){ .key = arena_copy(s->in->arena, key),
                                 .element_size =
                                     torch_element_size(pickle_global(m, parts[1])->name),
                                 .count = UINT64_MAX };
        if (value_tag(parts[4]) == PICKLE_INT)
            new->count = (uint64_t)value_int_of(parts[4]);
        *slot_of(s, key) = (uint32_t)++s->n;
    }
    buffer_free(&scratch);
}

/* Step over one storage; false when its extent cannot be told. */
static bool skip_storage(struct inspection *in, const struct storage *st,
                         struct reader *r)
{
    uint64_t where = reader_where(r), count = reader_u64le(r), bytes;
    if (reader_ok(r) && count != st->count) {
        inspection_finding(in, RULE_TORCH_STORAGE_MISMATCH, where, st->key,
                           "a storage has %" PRIu64 " elements, its tensors say %" PRIu64,
                           count, st->count);
    }
    if (!reader_ok(r) || st->element_size == 0 ||
        !size_multiply(count, st->element_size, &bytes))
        return false;
    inspection_bulk(in, reader_where(r), bytes);
    reader_skip(r, bytes);
    return reader_ok(r);
}

/* What lies behind the fifth pickle, in the order of the keys that it lists. */
static void read_storages(struct pickle_scan *scan, const struct storages *s)
{
    struct inspection *in = scan->in;
    const struct pickle_machine *m = scan->machine;
    struct reader r = reader_of(in->bytes, 0);
    size_t n = 0, got = 0;
    struct buffer scratch;
    reader_seek(&r, scan->at);
    if (value_tag(m->result) != PICKLE_LIST || !store_count(&m->store, m->result, &n) ||
        n > STORAGES_MAX) {
        inspection_incomplete(in, "the list of storages is not readable");
        return;
    }
    pickle_value *keys = arena_array(in->arena, n, sizeof *keys);
    if (!keys || !pickle_items(m, m->result, keys, n, &got) || got != n) {
        inspection_incomplete(in, "the list of storages is not readable");
        return;
    }
    buffer_init(&scratch, KEY_MAX);
    for (size_t i = 0; i < n; i++) {
        struct span key = value_tag(keys[i]) == PICKLE_STR
                              ? pickle_text(m, keys[i], &scratch)
                              : (struct span){ 0 };
        const struct storage *st = find(s, key);
        if (!st || !skip_storage(in, st, &r)) {
            inspection_incomplete(in, "storage %zu of %zu does not fit", i + 1, n);
            break;
        }
        scan->at = r.pos;
    }
    buffer_free(&scratch);
}

static void inspect(struct inspection *in)
{
    struct pickle_scan scan;
    struct storages storages = { .in = in };
    struct headers h = read_headers(in);
    if (!pickle_scan_begin(&scan, in))
        return;
    if (!h.magic)
        inspection_finding(in, RULE_TORCH_COMPUTED_MAGIC, 0, span_slice(in->bytes, 0, 32),
                           "a scanner that looks for the number takes this for no "
                           "checkpoint");
    scan.judge.persistent = note_storage;
    scan.judge.persistent_self = &storages;
    while (scan.streams < STREAMS && pickle_scan_stream(&scan) == PICKLE_STOPPED)
        ;
    scan.judge.persistent = NULL;
    if (scan.streams == STREAMS && scan.stopped)
        read_storages(&scan, &storages);
    if (storages.lost)
        inspection_incomplete(in, "too many storages");
    pickle_scan_rest(&scan);
    pickle_scan_end(&scan);
}

const struct inspector torch_legacy_inspector = {
    .format = FORMAT_TORCH_LEGACY,
    .claim = claim,
    .inspect = inspect,
};
