/* joblib writes the bytes of an array straight behind the wrapper object that stands
 * for it (joblib.numpy_pickle.NumpyArrayWrapper).  To read on, the machine has to know
 * how many they are: it evaluates the wrapper's state and the numpy dtype in it. */
#include "formats/pickle/run.h"

#include <stdlib.h>

enum { DTYPES_MAX = 4096, STATE_MAX = 64, FIELDS_MAX = 512, SHAPE_MAX = 64 };

struct dtype {
    uint64_t offset; /* of the call that made it: how values name it */
    uint64_t itemsize;
    bool known, has_object;
    bool copied; /* numpy.dtype(description, align, copy=True): nobody shares it */
};

struct dtype_table {
    size_t count;
    struct dtype entries[DTYPES_MAX];
};

void joblib_reset(struct pickle_machine *m)
{
    if (m->dtypes)
        m->dtypes->count = 0;
}

void joblib_free(struct pickle_machine *m)
{
    free(m->dtypes);
    m->dtypes = NULL;
}

static struct dtype *find_dtype(const struct pickle_machine *m, pickle_value v)
{
    size_t n = m->dtypes && value_tag(v) == PICKLE_RESULT ? m->dtypes->count : 0;
    while (n > 0 && m->dtypes->entries[n - 1].offset != value_offset(v))
        n--;
    return n ? &m->dtypes->entries[n - 1] : NULL;
}

/* "f8", "<f4", "|S10", "U5", "O8", "V16", "b1", "M8", "?", … */
static struct dtype parse_description(struct span s)
{
    struct dtype d = { 0 };
    if (s.len && memchr("<>=|", s.ptr[0], 4))
        s = span_slice(s, 1, s.len);
    if (s.len == 0)
        return d;
    uint8_t kind = s.ptr[0];
    uint64_t n = 0;
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] == '[') /* the unit of a datetime */
            break;
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || n > UINT32_MAX)
            return d;
        n = n * 10 + (uint64_t)(s.ptr[i] - '0');
    }
    d.has_object = kind == 'O';
    d.itemsize = kind == 'U' ? n * 4 : kind == '?' ? 1 : n;
    d.known =
        s.len > 1 ? memchr("biufcOSUVmM", kind, 11) != NULL : kind == '?' || kind == 'O';
    return d;
}

void joblib_dtype_called(struct pickle_machine *m, pickle_value result, pickle_value args)
{
    pickle_value items[4];
    size_t n = 0;
    if (!m->dtypes)
        m->dtypes = calloc(1, sizeof *m->dtypes);
    if (!m->dtypes || m->dtypes->count == DTYPES_MAX)
        return; /* an array of that type then ends the run as "not understood" */
    struct dtype d = { 0 };
    if (pickle_items(m, args, items, 4, &n) && n > 0 && value_tag(items[0]) == PICKLE_STR)
        d = parse_description(pickle_text(m, items[0], &m->scratch[0]));
    d.copied = n == 3 && (items[2] == value_atom(ATOM_TRUE) ||
                          (value_tag(items[2]) == PICKLE_INT && value_int_of(items[2])));
    d.offset = value_offset(result);
    m->dtypes->entries[m->dtypes->count++] = d;
}

/* ---- is a state what NumPy itself would write? It believes all of it. ---- */

enum { FLAG_OBJECTS = 1, FLAG_PICKLED_AS_LIST = 2 };

struct field {
    pickle_value dtype;
    uint64_t at, end;
    bool objects;
};

static int compare_fields(const void *a, const void *b)
{
    const struct field *l = a, *r = b;
    return l->at < r->at ? -1 : l->at > r->at;
}

/* Does no field lie over one of objects?  A title names its field a second time. */
static bool objects_apart(struct field *fields, size_t n)
{
    uint64_t end = 0;     /* of what reaches furthest */
    bool objects = false; /* and is it a field of objects */
    qsort(fields, n, sizeof *fields, compare_fields);
    for (size_t i = 0; i < n; i++) {
        const struct field *f = &fields[i];
        bool again = i && f->at == f[-1].at && f->dtype == f[-1].dtype;
        if (!again && f->at < end && (f->objects || objects))
            return false;
        if (f->end >= end) {
            end = f->end;
            objects = f->objects;
        }
    }
    return true;
}

static bool read_field(const struct pickle_machine *m, pickle_value v, struct field *ret)
{
    pickle_value parts[3];
    size_t n = 0;
    if (!pickle_items(m, v, parts, 3, &n) || n < 2 || value_tag(parts[1]) != PICKLE_INT)
        return false;
    const struct dtype *d = find_dtype(m, parts[0]);
    int64_t at = value_int_of(parts[1]);
    if (!d || at < 0)
        return false;
    *ret = (struct field){ parts[0], (uint64_t)at, (uint64_t)at + d->itemsize,
                           d->has_object };
    return true;
}

static bool fields_sound(const struct pickle_machine *m, pickle_value dict,
                         uint64_t itemsize, bool objects)
{
    size_t total = 0, n = 0;
    if (dict == value_atom(ATOM_NONE))
        return true;
    if (!store_count(&m->store, dict, &total) || total < 2)
        return false;
    pickle_value *items = reallocarray(NULL, total, sizeof *items);
    struct field *fields = reallocarray(NULL, total / 2, sizeof *fields);
    bool sound = items && fields && pickle_items(m, dict, items, total, &n) && n == total;
    for (size_t i = 0; sound && i + 1 < n; i += 2) {
        struct field *f = &fields[i / 2];
        sound = read_field(m, items[i + 1], f) && f->end <= itemsize &&
                (objects || !f->objects);
    }
    sound = sound && (!objects || objects_apart(fields, n / 2));
    free(items);
    free(fields);
    return sound;
}

/* The elements of an array of this shape, a tuple or one length, times `size`. */
static bool shape_size(const struct pickle_machine *m, pickle_value shape, uint64_t size,
                       uint64_t *ret)
{
    pickle_value lengths[SHAPE_MAX] = { shape };
    size_t n = 1;
    if (value_tag(shape) != PICKLE_INT && !pickle_items(m, shape, lengths, SHAPE_MAX, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (value_tag(lengths[i]) != PICKLE_INT || value_int_of(lengths[i]) < 0 ||
            !size_multiply(size, (uint64_t)value_int_of(lengths[i]), &size))
            return false;
    *ret = size;
    return true;
}

/* (dtype, shape) or (dtype, length) */
static bool subarray_sound(const struct pickle_machine *m, pickle_value subarray,
                           uint64_t itemsize, bool objects)
{
    pickle_value parts[2];
    size_t n = 0;
    uint64_t size = 0;
    if (subarray == value_atom(ATOM_NONE))
        return true;
    if (!pickle_items(m, subarray, parts, 2, &n) || n != 2)
        return false;
    const struct dtype *d = find_dtype(m, parts[0]);
    return d && (objects || !d->has_object) &&
           shape_size(m, parts[1], d->itemsize, &size) && size <= itemsize;
}

bool joblib_array_sound(const struct pickle_machine *m, pickle_value state)
{
    pickle_value parts[8];
    size_t n = 0, count = 0;
    uint64_t size = 0;
    if (!pickle_items(m, state, parts, 8, &n) || n < 4)
        return true;
    size_t shape = value_tag(parts[0]) == PICKLE_INT; /* behind the version, if any */
    pickle_value data = n > shape + 3 ? parts[shape + 3] : 0;
    return value_tag(data) != PICKLE_LIST || !store_count(&m->store, data, &count) ||
           (shape_size(m, parts[shape], 1, &size) && size == count);
}

bool joblib_dtype_sound(const struct pickle_machine *m, pickle_value dtype,
                        pickle_value state)
{
    const struct dtype *d = find_dtype(m, dtype);
    pickle_value parts[9];
    size_t n = 0;
    if (!d || !d->copied || !pickle_items(m, state, parts, 9, &n))
        return false;
    if (n < 8) /* before NumPy 1.0: the flags are computed */
        return true;
    if (value_tag(parts[7]) != PICKLE_INT || value_tag(parts[5]) != PICKLE_INT)
        return false;
    int64_t flags = value_int_of(parts[7]), itemsize = value_int_of(parts[5]);
    bool objects = flags & FLAG_OBJECTS;
    uint64_t size = itemsize > 0 ? (uint64_t)itemsize : d->itemsize;
    return objects == !!(flags & FLAG_PICKLED_AS_LIST) && (objects || !d->has_object) &&
           subarray_sound(m, parts[2], size, objects) &&
           fields_sound(m, parts[4], size, objects);
}

/* dtype.__setstate__((version, byte order, subarray, names, fields, itemsize, alignment,
 * flags)): fields and sizes of structured types are only here. */
void joblib_dtype_built(struct pickle_machine *m, pickle_value dtype, pickle_value state)
{
    struct dtype *d = find_dtype(m, dtype);
    pickle_value parts[9], fields[FIELDS_MAX];
    size_t n = 0, fields_n = 0, total = 0;
    if (!d)
        return;
    if (!pickle_items(m, state, parts, 9, &n) || n < 5) {
        d->known = false;
        return;
    }
    if (n > 5 && value_tag(parts[5]) == PICKLE_INT && value_int_of(parts[5]) > 0)
        d->itemsize = (uint64_t)value_int_of(parts[5]);
    if (n > 7 && value_tag(parts[7]) == PICKLE_INT && (value_int_of(parts[7]) & 1))
        d->has_object = true;
    if (parts[4] == value_atom(ATOM_NONE))
        return;
    if (!pickle_items(m, parts[4], fields, FIELDS_MAX, &fields_n) ||
        !store_count(&m->store, parts[4], &total) || total != fields_n) {
        d->known = false;
        return;
    }
    for (size_t i = 1; i < fields_n; i += 2) {
        pickle_value field[2];
        size_t pair = 0;
        const struct dtype *f = NULL;
        if (pickle_items(m, fields[i], field, 2, &pair) && pair > 0)
            f = find_dtype(m, field[0]);
        d->known &= f && f->known;
        d->has_object |= f && f->has_object;
    }
}

struct span joblib_module(struct span module)
{
    static const char copies[] = "sklearn.externals.";
    return span_starts(module, copies) ? span_slice(module, sizeof copies - 1, module.len)
                                       : module;
}

bool joblib_is_wrapper(const struct pickle_machine *m, pickle_value v)
{
    enum pickle_tag tag = value_tag(v);
    if (tag != PICKLE_INSTANCE && tag != PICKLE_RESULT)
        return false;
    const struct pickle_global *g = pickle_global(m, v);
    return span_is(joblib_module(g->module), "joblib.numpy_pickle") &&
           span_is(g->name, "NumpyArrayWrapper");
}

/* The bytes of the array; false when that cannot be told. */
static bool array_size(const struct pickle_machine *m, pickle_value shape,
                       const struct dtype *d, uint64_t *ret)
{
    pickle_value dimensions[SHAPE_MAX];
    size_t n = 0, rank = 0;
    uint64_t size = d->itemsize;
    if (!store_count(&m->store, shape, &rank) || rank > SHAPE_MAX ||
        !pickle_items(m, shape, dimensions, SHAPE_MAX, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (value_tag(dimensions[i]) != PICKLE_INT || value_int_of(dimensions[i]) < 0 ||
            !size_multiply(size, (uint64_t)value_int_of(dimensions[i]), &size))
            return false;
    *ret = size;
    return true;
}

struct wrapper {
    pickle_value shape, dtype, alignment; /* 0: not in the state */
};

static bool read_state(const struct pickle_machine *m, pickle_value state,
                       struct wrapper *ret)
{
    pickle_value items[STATE_MAX];
    size_t n = 0, total = 0;
    if (!store_count(&m->store, state, &total) || total > STATE_MAX ||
        !pickle_items(m, state, items, STATE_MAX, &n))
        return false;
    *ret = (struct wrapper){ 0 };
    for (size_t i = 0; i + 1 < n; i += 2) {
        if (pickle_is_text(m, items[i], "shape"))
            ret->shape = items[i + 1];
        else if (pickle_is_text(m, items[i], "dtype"))
            ret->dtype = items[i + 1];
        else if (pickle_is_text(m, items[i], "numpy_array_alignment_bytes"))
            ret->alignment = items[i + 1];
    }
    return ret->shape && ret->dtype;
}

/* An array of objects is a pickle of its own, for pickle.load: run it, then go on. */
static bool run_inner(struct pickle_machine *m, struct reader *r)
{
    struct pickle_machine outer = *m;
    m->stack = NULL;
    m->capacity = 0;
    m->marks = NULL;
    m->mark_capacity = 0;
    m->memo = (struct pickle_memo){ 0 };
    m->places = (struct pickle_places){ 0 };
    m->joblib = false;
    enum pickle_end status = pickle_machine_run(m, r->pos);
    const char *reason = m->reason;
    size_t end = m->end;
    uint64_t instructions = m->instructions;
    free(m->stack);
    free(m->marks);
    memo_clear(&m->memo);
    places_clear(&m->places);

    m->stack = outer.stack;
    m->depth = outer.depth;
    m->capacity = outer.capacity;
    m->fence = outer.fence;
    m->marks = outer.marks;
    m->mark_count = outer.mark_count;
    m->mark_capacity = outer.mark_capacity;
    m->memo = outer.memo;
    m->places = outer.places;
    m->disputed |= outer.disputed;
    m->fork = outer.fork < m->fork ? outer.fork : m->fork;
    m->joblib = true;
    m->start = outer.start;
    m->protocol = outer.protocol;
    m->frame_end = SIZE_MAX;
    m->wrapper_offset = outer.wrapper_offset;
    m->instructions = outer.instructions + instructions;
    m->result = 0;
    m->reason = reason;
    m->status = status == PICKLE_STOPPED ? PICKLE_TRUNCATED : status;
    reader_seek(r, end);
    return status == PICKLE_STOPPED;
}

bool joblib_skip(struct pickle_machine *m, pickle_value state, struct reader *r)
{
    struct wrapper w;
    uint64_t size;
    if (!read_state(m, state, &w))
        return run_fails(m, "an array whose size cannot be told");
    const struct dtype *d = find_dtype(m, w.dtype);
    if (!d || !d->known)
        return run_fails(m, "an array whose type cannot be told");
    if (d->has_object)
        return run_inner(m, r);
    if (!array_size(m, w.shape, d, &size))
        return run_fails(m, "an array whose size cannot be told");
    size_t start = r->pos;
    if (w.alignment && w.alignment != value_atom(ATOM_NONE))
        reader_skip(r, reader_u8(r));
    reader_skip(r, size);
    m->frame_end = SIZE_MAX;
    if (reader_ok(r)) {
        if (m->sink->skipped)
            m->sink->skipped(m->sink->self, m, start, r->pos);
        return true;
    }
    m->status = PICKLE_TRUNCATED;
    return false;
}
