/* Checkpoints of PyTorch before 0.1.10, which torch.load still reads: a tar with three
 * members.  `pickle` holds the object and is a plain pickle.  `storages` and `tensors`
 * are pickles with raw data between them:
 *   storages: count; for each: (key, location, type), elements, data; then views
 *   tensors:  count; for each: (key, storage, type), dimensions, sizes, strides, offset
 * (torch/serialization.py, legacy_load).  All of them are executed by torch.load. */
#include "formats/torch/tar.h"

#include "formats/pickle/scan.h"
#include "formats/tar_walk.h"
#include "formats/torch/storage.h"
#include "formats/torch/tar_tensors.h"

#include <inttypes.h>

enum { NAMES_MAX = 1 << 20 };

enum part { PART_STORAGES, PART_TENSORS, PART_PICKLE, PART_COUNT };
static const char *const part_names[PART_COUNT] = {
    [PART_STORAGES] = "storages",
    [PART_TENSORS] = "tensors",
    [PART_PICKLE] = "pickle",
};

/* tarfile finds members by their very name. */
static enum part part_of(struct span name)
{
    for (int n = 0; n < PART_COUNT; n++)
        if (span_is(name, part_names[n]))
            return (enum part)n;
    return PART_COUNT;
}

bool torch_tar_reads(struct span member)
{
    return span_is(member, part_names[PART_STORAGES]) ||
           span_is(member, part_names[PART_TENSORS]);
}

/* torch.load opens `storages` first; one more part tells it from other tars. */
static enum claim claim(const struct inspection *in)
{
    struct arena *names = tar_recognise(in->bytes) ? arena_new(NAMES_MAX) : NULL;
    if (!names)
        return CLAIM_NONE;
    struct tar_walk w = tar_walk_start(in->bytes, names);
    bool met[PART_COUNT + 1] = { false };
    struct tar_entry e;
    struct arena_mark mark = arena_mark(names);
    for (; tar_walk_next(&w, &e) == TAR_ENTRY; arena_release(names, mark))
        met[part_of(e.name)] = true;
    arena_free(names);
    bool both = met[PART_STORAGES] && (met[PART_TENSORS] || met[PART_PICKLE]);
    return both ? CLAIM_MAGIC : CLAIM_NONE;
}

/* A pickle that holds one number: how many records follow. */
static bool read_count(struct pickle_scan *s, uint64_t *ret_count)
{
    if (pickle_scan_stream(s) != PICKLE_STOPPED ||
        value_tag(s->machine->result) != PICKLE_INT)
        return false;
    int64_t n = value_int_of(s->machine->result);
    struct reader r = reader_of(s->in->bytes, 0);
    reader_seek(&r, s->at);
    if (n < 0 || reader_count(&r, (uint64_t)n, 1) != (uint64_t)n)
        return false;
    *ret_count = (uint64_t)n;
    return true;
}

/* Move behind `size` bytes of raw data; false when there are fewer. */
static bool skip_raw(struct pickle_scan *s, struct reader *r, uint64_t size)
{
    reader_skip(r, size);
    if (!reader_ok(r))
        return false;
    s->at = (size_t)reader_where(r);
    return true;
}

static bool read_storage(struct pickle_scan *s)
{
    pickle_value record[3];
    size_t n;
    if (pickle_scan_stream(s) != PICKLE_STOPPED ||
        !pickle_items(s->machine, s->machine->result, record, 3, &n) || n != 3 ||
        !value_has_global(record[2]))
        return false;
    uint64_t element = torch_element_size(pickle_global(s->machine, record[2])->name);
    struct reader r = reader_of(s->in->bytes, 0);
    reader_seek(&r, s->at);
    uint64_t size;
    if (element == 0 || !size_multiply(reader_u64le(&r), element, &size))
        return false;
    inspection_bulk(s->in, reader_where(&r), size);
    return skip_raw(s, &r, size);
}

static bool read_tensor(struct pickle_scan *s)
{
    if (pickle_scan_stream(s) != PICKLE_STOPPED)
        return false;
    struct reader r = reader_of(s->in->bytes, 0);
    reader_seek(&r, s->at);
    uint64_t dimensions = reader_u32le(&r);
    reader_skip(&r, 4);
    return skip_raw(s, &r, 16 * dimensions + 8);
}

/* What does not follow the layout is read as torch.load never would, for what hides
 * there: pickle_scan_rest() then makes the member incomplete. */
static void read_records(struct inspection *in, bool (*read)(struct pickle_scan *s),
                         bool views)
{
    struct pickle_scan s;
    uint64_t left = 0;
    in->artifact->formats |= FORMAT_BIT(FORMAT_PICKLE);
    if (!pickle_scan_begin(&s, in))
        return;
    bool regular = read_count(&s, &left);
    for (; regular && left > 0; left--)
        regular = read(&s);
    if (regular && views)
        (void)pickle_scan_stream(&s);
    pickle_scan_rest(&s);
    pickle_scan_end(&s);
}

static void read_storages(struct inspection *in)
{
    read_records(in, read_storage, true);
}

static void read_tensors(struct inspection *in)
{
    read_records(in, read_tensor, false);
}

/* What there is of it. */
static struct span bytes_of(const struct inspection *in, const struct tar_entry *e)
{
    struct reader r = reader_of(in->bytes, 0);
    reader_seek(&r, e->data);
    struct span bytes = reader_bytes(&r, e->size);
    return reader_ok(&r) ? bytes : span_slice(in->bytes, (size_t)e->data, SIZE_MAX);
}

static void inspect_part(struct inspection *in, const struct tar_entry *e, enum part part)
{
    struct span bytes = bytes_of(in, e);
    if (part != PART_PICKLE && e->has_data && bytes.len > 0)
        (void)inspect_member_as(in, e->name, e->data, bytes,
                                part == PART_STORAGES ? read_storages : read_tensors);
}

static void inspect(struct inspection *in)
{
    struct arena *names = arena_new(NAMES_MAX);
    if (!names) {
        inspection_incomplete(in, "no memory");
        return;
    }
    in->artifact->executes = true;
    struct fact *facts = fact_object(in->arena, artifact_facts(in->artifact), "torch");
    fact_text(in->arena, facts, "kind", span_of_text("tar"));
    struct tar_walk w = tar_walk_start(in->bytes, names);
    uint64_t met[PART_COUNT + 1] = { 0 };
    struct span last[PART_COUNT + 1] = { 0 };
    struct tar_entry e;
    struct arena_mark mark = arena_mark(names);
    for (; tar_walk_next(&w, &e) == TAR_ENTRY; arena_release(names, mark)) {
        enum part part = part_of(e.name);
        if (++met[part] == 2 && part != PART_COUNT)
            inspection_finding(in, RULE_TORCH_DUPLICATE_RECORD, e.header, e.name,
                               "a second member '%s'; PyTorch takes the last",
                               part_names[part]);
        if (part != PART_COUNT)
            inspect_part(in, &e, part);
        last[part] = bytes_of(in, &e);
    }
    arena_free(names);
    if (in->detail)
        torch_tar_tensors(in, last[PART_TENSORS], last[PART_PICKLE]);
}

const struct inspector torch_tar_inspector = {
    .format = FORMAT_TORCH_TAR,
    .claim = claim,
    .inspect = inspect,
};
