#include "formats/torch/tar_tensors.h"

#include <inttypes.h>

#include "formats/pickle/machine.h"
#include "formats/torch/storage.h"
#include "formats/torch/tensors.h"

enum { NAMES_MAX = 64 << 20, KEY_MAX = 64 };

static void ignore_import(void *self, struct pickle_machine *m, uint32_t index, size_t at)
{
    (void)self, (void)m, (void)index, (void)at;
}

/* "torch.FloatTensor" holds what a FloatStorage holds. */
static void set_type(struct tensor *t, struct span class_name)
{
    char storage[KEY_MAX] = "";
    t->bytes = UINT64_MAX;
    if (!span_ends(class_name, "Tensor"))
        return;
    (void)snprintf(storage, sizeof storage, "%.*sStorage",
                   (int)(class_name.len - strlen("Tensor")), class_name.ptr);
    const char *dtype = torch_dtype(span_of_text(storage));
    if (!dtype)
        return;
    t->dtype = span_of_text(dtype);
    t->bytes = torch_element_size(span_of_text(storage));
}

/* What follows a record's pickle; false when there is less of it. */
static bool read_shape(struct reader *r, struct tensor *t)
{
    uint64_t n = reader_count(r, reader_u32le(r), 16);
    reader_skip(r, 4);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t size = reader_u64le(r);
        if (i < TENSOR_DIMENSIONS_MAX)
            t->shape[i] = size;
        if (t->bytes != UINT64_MAX && !size_multiply(t->bytes, size, &t->bytes))
            t->bytes = UINT64_MAX;
    }
    t->dimensions = (size_t)n;
    reader_skip(r, 8 * n + 8); /* strides, offset */
    return reader_ok(r);
}

/* The record at *at: a pickle of (key, storage, type), then its shape. */
static bool read_record(struct torch_tensors *list, struct pickle_machine *m,
                        struct span bytes, size_t *at)
{
    pickle_value parts[3];
    struct tensor t = { 0 };
    size_t n;
    m->store.head = 0; /* of the record before nothing is needed */
    if (pickle_machine_run(m, *at) != PICKLE_STOPPED ||
        !pickle_items(m, m->result, parts, 3, &n) || n != 3 ||
        !value_has_global(parts[2]))
        return false;
    struct reader r = reader_of(bytes, 0);
    reader_seek(&r, m->end);
    set_type(&t, pickle_global(m, parts[2])->name);
    if (!read_shape(&r, &t))
        return false;
    torch_tensors_declare(list, m, parts[0], parts[1], &t);
    *at = r.pos;
    return true;
}

static void read_tensors(struct torch_tensors *list, struct pickle_machine *m,
                         struct span bytes)
{
    if (pickle_machine_run(m, 0) != PICKLE_STOPPED || value_tag(m->result) != PICKLE_INT)
        return;
    int64_t count = value_int_of(m->result);
    size_t at = m->end;
    while (count-- > 0 && read_record(list, m, bytes, &at))
        ;
}

static void on_call(void *self, struct pickle_machine *m, const struct pickle_call *call)
{
    torch_tensors_call(self, m, call);
}

void torch_tar_tensors(struct inspection *in, struct span tensors, struct span pickle)
{
    struct torch_tensors *list = torch_tensors_new(in);
    struct pickle_sink ignore = { .import = ignore_import };
    struct pickle_sink name = { .self = list, .import = ignore_import, .call = on_call };
    struct arena *names = arena_new(NAMES_MAX);
    struct pickle_machine *m = pickle_machine_new(tensors, names, NULL, &ignore);
    if (list && names && m) {
        m->max_instructions = in->budget->left[BUDGET_PICKLE_OPCODES];
        read_tensors(list, m, tensors);
        torch_tensors_declared(list);
        pickle_machine_reuse(m, pickle, names);
        m->sink = &name;
        (void)pickle_machine_run(m, 0);
        torch_tensors_note(list, m);
    } else {
        inspection_incomplete(in, "no memory");
    }
    pickle_machine_free(m);
    arena_free(names);
    torch_tensors_free(list);
}
