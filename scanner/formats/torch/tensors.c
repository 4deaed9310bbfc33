#include "formats/torch/tensors.h"

#include <inttypes.h>
#include <stdlib.h>

#include "formats/torch/storage.h"

enum {
    TENSORS_MAX = 1 << 20,
    NAMES_MAX = 64 << 20,
    TEXT_MAX = 1024, /* of a name or key */
    VISITS_MAX = 1 << 20,
    DEPTH_MAX = 6,
    ITEMS_MAX = 1 << 16 /* of one container */
};

struct storage {
    size_t offset; /* of the call that gave it */
    struct span key, class_name;
};

struct result { /* a call that gave a tensor */
    size_t offset, tensor;
};

struct named_tensor {
    struct tensor tensor;
    struct span storage;
    struct span key; /* declared by this; else empty */
};

/* Grown by append(); sorted by offset, since calls come in the order of the stream. */
struct torch_tensors {
    struct inspection *in;
    struct arena *names;
    struct storage *storages;
    struct result *results;
    struct named_tensor *tensors;
    size_t storage_count, storage_capacity, result_count, result_capacity;
    size_t tensor_count, tensor_capacity;
    size_t *declared; /* tensors by their keys */
    size_t declared_count;
    uint64_t visits;
    bool lost; /* something did not fit */
};

struct torch_tensors *torch_tensors_new(struct inspection *in)
{
    struct torch_tensors *t = calloc(1, sizeof *t);
    if (t) {
        t->in = in;
        t->names = arena_new(NAMES_MAX);
    }
    return t;
}

void torch_tensors_free(struct torch_tensors *t)
{
    if (!t)
        return;
    free(t->storages);
    free(t->results);
    free(t->tensors);
    free(t->declared);
    arena_free(t->names);
    free(t);
}

/* Make room for one more. */
static bool grow(struct torch_tensors *t, void **array, size_t size, size_t count,
                 size_t *capacity)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = wanted <= TENSORS_MAX ? reallocarray(*array, wanted, size) : NULL;
    if (!grown) {
        t->lost = true;
        return false;
    }
    *array = grown;
    *capacity = wanted;
    return true;
}

static struct span keep_text(struct torch_tensors *t, const struct pickle_machine *m,
                             pickle_value v)
{
    struct buffer scratch;
    if (value_tag(v) != PICKLE_STR)
        return (struct span){ 0 };
    buffer_init(&scratch, TEXT_MAX);
    struct span kept =
        arena_copy(t->names, span_slice(pickle_text(m, v, &scratch), 0, TEXT_MAX));
    buffer_free(&scratch);
    return kept;
}

/* ---- what a tar declares ---- */

static struct span keep_key(struct torch_tensors *t, const struct pickle_machine *m,
                            pickle_value v)
{
    if (value_tag(v) == PICKLE_INT)
        return arena_printf(t->names, "%" PRId64, value_int_of(v));
    return keep_text(t, m, v);
}

void torch_tensors_declare(struct torch_tensors *list, const struct pickle_machine *m,
                           pickle_value key, pickle_value storage, const struct tensor *t)
{
    void *array = list->tensors;
    if (!grow(list, &array, sizeof *list->tensors, list->tensor_count,
              &list->tensor_capacity))
        return;
    list->tensors = array;
    list->tensors[list->tensor_count++] = (struct named_tensor){
        .tensor = *t, .key = keep_key(list, m, key), .storage = keep_key(list, m, storage)
    };
}

static int by_key(const void *a, const void *b, void *self)
{
    const struct torch_tensors *t = self;
    const size_t *x = a, *y = b;
    int order = span_compare(t->tensors[*x].key, t->tensors[*y].key);
    return order ? order : (*x > *y) - (*x < *y); /* PyTorch takes the last of equals */
}

void torch_tensors_declared(struct torch_tensors *list)
{
    size_t n = list->tensor_count;
    list->declared = n ? calloc(n, sizeof *list->declared) : NULL;
    list->lost |= n && !list->declared;
    if (!list->declared)
        return;
    for (size_t i = 0; i < n; i++)
        list->declared[i] = i;
    qsort_r(list->declared, n, sizeof *list->declared, by_key, list);
    list->declared_count = n;
}

/* The index behind the last declared tensor whose key is not greater. */
static size_t find_declared(const struct torch_tensors *t, struct span key)
{
    size_t low = 0, high = t->declared_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (span_compare(t->tensors[t->declared[middle]].key, key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_result(struct torch_tensors *t, size_t offset, size_t tensor)
{
    void *array = t->results;
    if (!grow(t, &array, sizeof *t->results, t->result_count, &t->result_capacity))
        return;
    t->results = array;
    t->results[t->result_count++] = (struct result){ .offset = offset, .tensor = tensor };
}

/* persistent_load("94210"), where tensors are declared. */
static void add_declared(struct torch_tensors *t, const struct pickle_machine *m,
                         const struct pickle_call *call)
{
    struct arena_mark mark = arena_mark(t->names);
    struct span key = keep_key(t, m, call->args);
    size_t end = find_declared(t, key);
    if (key.len && end && span_equal(t->tensors[t->declared[end - 1]].key, key))
        add_result(t, call->offset, t->declared[end - 1]);
    arena_release(t->names, mark);
}

/* ---- what the calls give ---- */

/* ("storage", type, key, location, number of elements[, view]) */
static void add_storage(struct torch_tensors *t, const struct pickle_machine *m,
                        const struct pickle_call *call)
{
    pickle_value parts[6];
    size_t n = 0;
    void *array = t->storages;
    if (!pickle_items(m, call->args, parts, 6, &n) || n < 5 ||
        !pickle_is_text(m, parts[0], "storage") || !value_has_global(parts[1]) ||
        !grow(t, &array, sizeof *t->storages, t->storage_count, &t->storage_capacity))
        return;
    t->storages = array;
    t->storages[t->storage_count++] =
        (struct storage){ .offset = call->offset,
                          .key = keep_text(t, m, parts[2]),
                          .class_name = pickle_global(m, parts[1])->name };
}

static const struct storage *find_storage(const struct torch_tensors *t, pickle_value v)
{
    uint64_t offset = value_offset(v);
    size_t low = 0, high = t->storage_count;
    while (value_tag(v) == PICKLE_OTHER && low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->storages[middle].offset == offset)
            return &t->storages[middle];
        if (t->storages[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static struct named_tensor *find_tensor(const struct torch_tensors *t, pickle_value v)
{
    uint64_t offset = value_offset(v);
    size_t low = 0, high = t->result_count;
    bool other = value_tag(v) == PICKLE_OTHER && t->declared;
    while ((other || value_tag(v) == PICKLE_RESULT) && low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->results[middle].offset == offset)
            return &t->tensors[t->results[middle].tensor];
        if (t->results[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* "float32" has 4 bytes, "bfloat16" 2, "float8_e4m3fn" 1, "bool" 1; else 0. */
static uint64_t dtype_size(struct span dtype)
{
    uint64_t bits = 0;
    if (span_is(dtype, "bool"))
        return 1;
    for (size_t i = 0; i < dtype.len && bits < 1000; i++) {
        uint8_t c = dtype.ptr[i];
        if (c >= '0' && c <= '9')
            bits = bits * 10 + (uint64_t)(c - '0');
        else if (bits > 0)
            break;
    }
    return bits % 8 == 0 ? bits / 8 : 0;
}

static void read_shape(struct tensor *tensor, const struct pickle_machine *m,
                       pickle_value v)
{
    pickle_value sizes[TENSOR_DIMENSIONS_MAX];
    size_t n = 0;
    if (!pickle_items(m, v, sizes, TENSOR_DIMENSIONS_MAX, &n))
        return;
    for (size_t i = 0; i < n; i++) {
        int64_t size = value_tag(sizes[i]) == PICKLE_INT ? value_int_of(sizes[i]) : -1;
        bool usable = size >= 0 && tensor->bytes != UINT64_MAX &&
                      size_multiply(tensor->bytes, (uint64_t)size, &tensor->bytes);
        if (!usable)
            tensor->bytes = UINT64_MAX;
        tensor->shape[i] = size >= 0 ? (uint64_t)size : 0;
    }
    tensor->dimensions = n;
}

/* (storage, offset, size, stride, …); from version 3 on a dtype comes seventh. */
static void add_tensor(struct torch_tensors *t, const struct pickle_machine *m,
                       const struct pickle_call *call)
{
    pickle_value parts[8];
    size_t n = 0;
    void *array = t->tensors;
    if (!pickle_items(m, call->args, parts, 8, &n) || n < 4 ||
        !grow(t, &array, sizeof *t->tensors, t->tensor_count, &t->tensor_capacity))
        return;
    t->tensors = array;
    struct named_tensor named = { 0 };
    const struct storage *storage = find_storage(t, parts[0]);
    const char *dtype = storage ? torch_dtype(storage->class_name) : NULL;
    named.storage = storage ? storage->key : (struct span){ 0 };
    if (dtype) {
        named.tensor.dtype = span_of_text(dtype);
        named.tensor.bytes = torch_element_size(storage->class_name);
    } else if (n >= 7 && value_tag(parts[6]) == PICKLE_GLOBAL) {
        named.tensor.dtype = arena_copy(t->names, pickle_global(m, parts[6])->name);
        named.tensor.bytes = dtype_size(named.tensor.dtype);
    }
    if (named.tensor.bytes == 0)
        named.tensor.bytes = UINT64_MAX;
    read_shape(&named.tensor, m, parts[2]);
    add_result(t, call->offset, t->tensor_count);
    t->tensors[t->tensor_count++] = named;
}

static void add_parameter(struct torch_tensors *t, const struct pickle_machine *m,
                          const struct pickle_call *call)
{
    pickle_value parts[1];
    size_t n = 0;
    const struct named_tensor *same = NULL;
    if (pickle_items(m, call->args, parts, 1, &n) && n == 1)
        same = find_tensor(t, parts[0]);
    if (same)
        add_result(t, call->offset, (size_t)(same - t->tensors));
}

/* ---- names ---- */

static void name_value(struct torch_tensors *t, const struct pickle_machine *m,
                       pickle_value key, pickle_value v, unsigned depth);

/* The tensors in a plain container; those of a dict by their own keys. */
/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_MAX deep */
static void name_items(struct torch_tensors *t, const struct pickle_machine *m,
                       pickle_value key, pickle_value container, unsigned depth)
{
    size_t n = 0;
    bool pairs = value_tag(container) == PICKLE_DICT;
    if (depth >= DEPTH_MAX || !store_count(&m->store, container, &n) || n == 0 ||
        n > ITEMS_MAX)
        return;
    pickle_value *items = calloc(n, sizeof *items);
    if (items && pickle_items(m, container, items, n, &n))
        for (size_t i = 0; i + pairs < n && t->visits < VISITS_MAX; i += 1U + pairs) {
            t->visits++;
            name_value(t, m, pairs ? items[i] : key, items[i + pairs], depth + 1);
        }
    free(items);
}

/* A tensor keeps the first name that it gets. */
/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_MAX deep */
static void name_value(struct torch_tensors *t, const struct pickle_machine *m,
                       pickle_value key, pickle_value v, unsigned depth)
{
    struct named_tensor *named = find_tensor(t, v);
    if (named && named->tensor.name.len == 0)
        named->tensor.name = keep_text(t, m, key);
    else if (value_tag(v) >= PICKLE_TUPLE && value_tag(v) <= PICKLE_FROZENSET)
        name_items(t, m, key, v, depth);
}

void torch_tensors_call(struct torch_tensors *t, struct pickle_machine *m,
                        const struct pickle_call *call)
{
    if (call->kind == CALL_PERSISTENT) {
        if (t->declared)
            add_declared(t, m, call);
        else
            add_storage(t, m, call);
        return;
    }
    if (call->kind == CALL_SETITEM) {
        for (size_t i = 0; i + 1 < call->count; i += 2)
            name_value(t, m, call->items[i], call->items[i + 1], 0);
        return;
    }
    const struct pickle_global *g = pickle_global(m, call->callee);
    if (call->kind != CALL_REDUCE || value_tag(call->callee) != PICKLE_GLOBAL ||
        !span_is(g->module, "torch._utils"))
        return;
    if (span_starts(g->name, "_rebuild_tensor") || span_is(g->name, "_rebuild_qtensor"))
        add_tensor(t, m, call);
    else if (span_starts(g->name, "_rebuild_parameter"))
        add_parameter(t, m, call);
}

void torch_tensors_note(struct torch_tensors *t, struct pickle_machine *m)
{
    t->visits = 0;
    if (m->status == PICKLE_STOPPED && t->tensor_count > 0)
        name_value(t, m, 0, m->result, 0);
    for (size_t i = 0; i < t->tensor_count; i++) {
        struct fact *f = tensor_fact(t->in, &t->tensors[i].tensor);
        if (t->tensors[i].storage.len)
            fact_text(t->in->arena, f, "storage", t->tensors[i].storage);
    }
    if (t->lost)
        inspection_incomplete(t->in, "not all tensors of the checkpoint are listed");
}
