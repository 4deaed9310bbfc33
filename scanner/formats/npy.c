/* NumPy .npy: a header that is a Python dict literal, then the array.  An array of
 * objects is a pickle instead.  The header is read by ast.literal_eval, so a type can be
 * spelled in many ways: whatever is not plainly a type of numbers counts as objects. */
#include "formats/tensor_facts.h"

enum { MAGIC = 6, HEADER_MAX = 1 << 20 };

struct header {
    struct span text;
    size_t data; /* offset of what follows */
    bool ok;
};

static struct header read_header(struct span bytes)
{
    struct reader r = reader_of(bytes, 0);
    struct header h = { 0 };
    reader_skip(&r, MAGIC);
    uint8_t major = reader_u8(&r);
    (void)reader_u8(&r);
    uint64_t n = major == 1 ? reader_u16le(&r) : reader_u32le(&r);
    h.text = reader_bytes(&r, n);
    h.data = r.pos;
    h.ok = reader_ok(&r) && major >= 1 && major <= 3 && n <= HEADER_MAX;
    return h;
}

static void skip_blanks(struct reader *r)
{
    while (reader_peek(r, 1).len && strchr(" :,", *reader_peek(r, 1).ptr))
        reader_skip(r, 1);
}

/* '<f8': the size of one element; 0 for anything that is not plainly numbers or text. */
static uint64_t plain_type(struct reader *r)
{
    uint8_t quote = reader_u8(r), order = reader_u8(r), kind = reader_u8(r);
    uint64_t n = 0;
    if (quote != '\'' || !order || !strchr("<>|=", order) || !kind ||
        !strchr("biufcSUVmM?", kind))
        return 0;
    bool unit = false;
    for (uint8_t c = reader_u8(r); c != '\''; c = reader_u8(r)) {
        unit |= c == '[' && (kind == 'm' || kind == 'M');
        if (!unit && (c < '0' || c > '9' || n > UINT32_MAX))
            return 0;
        if (!unit)
            n = n * 10 + (uint64_t)(c - '0');
        if (!reader_ok(r))
            return 0;
    }
    return kind == 'U' ? n * 4 : kind == '?' ? 1 : n;
}

/* A name without escapes, in single quotes. */
static bool plain_name(struct reader *r)
{
    if (reader_u8(r) != '\'')
        return false;
    for (uint8_t c = reader_u8(r); c != '\''; c = reader_u8(r))
        if (!reader_ok(r) || c == '\\')
            return false;
    return true;
}

static void add_dimension(struct tensor *t, uint64_t n)
{
    if (t && t->dimensions < TENSOR_DIMENSIONS_MAX)
        t->shape[t->dimensions] = n;
    if (t)
        t->dimensions++;
}

/* "(2, 3)": the product; the numbers themselves go to `t`, unless that is NULL. */
static bool plain_shape(struct reader *r, uint64_t *ret, struct tensor *t)
{
    uint64_t total = 1, n = 0;
    bool digits = false;
    if (reader_u8(r) != '(')
        return false;
    for (uint8_t c = 0; c != ')';) {
        c = reader_u8(r);
        if (c >= '0' && c <= '9') {
            digits = true;
            if (!size_multiply(n, 10, &n) || !size_add(n, (uint64_t)(c - '0'), &n))
                return false;
        } else if (c == ',' || c == ')') {
            if (digits && !size_multiply(total, n, &total))
                return false;
            if (digits)
                add_dimension(t, n);
            n = 0;
            digits = false;
        } else if (c != ' ' && c != 'L') {
            return false;
        }
    }
    *ret = total;
    return reader_ok(r);
}

/* [('a', '<f4'), ('b', '<i4', (3,))]: the size of a record; 0 when it is not plain. */
static uint64_t record_type(struct reader *r)
{
    uint64_t total = 0;
    for (reader_skip(r, 1);; skip_blanks(r)) {
        uint8_t c = reader_u8(r);
        if (c == ']')
            return total;
        if (c != '(' || !plain_name(r))
            return 0;
        skip_blanks(r);
        uint64_t size = plain_type(r), times = 1;
        skip_blanks(r);
        if (reader_peek(r, 1).len && *reader_peek(r, 1).ptr == '(' &&
            !plain_shape(r, &times, NULL))
            return 0;
        if (size == 0 || reader_u8(r) != ')' || !size_multiply(size, times, &size) ||
            !size_add(total, size, &total))
            return 0;
    }
}

/* A reader behind the only mention of the key, or a failed one. */
static struct reader value_of(struct span header, const char *key)
{
    struct reader r = reader_of(header, 0);
    size_t at = span_find(header, key, 0);
    if (at == SIZE_MAX || span_find(header, key, at + 1) != SIZE_MAX)
        at = header.len + 1;
    reader_seek(&r, at);
    reader_skip(&r, strlen(key));
    skip_blanks(&r);
    return r;
}

/* Bytes of one element, or 0 when it may be an object. */
static uint64_t element_size(struct span header)
{
    struct reader r = value_of(header, "'descr'");
    struct span next = reader_peek(&r, 1);
    return next.len && *next.ptr == '[' ? record_type(&r) : plain_type(&r);
}

/* <f4, or [('a', '<f4')]: as it stands there, to its last bracket. */
static struct span type_text(struct span header)
{
    struct reader r = value_of(header, "'descr'");
    struct span rest = reader_peek(&r, reader_left(&r));
    size_t depth = 0;
    if (rest.len && rest.ptr[0] == '\'')
        return span_slice(rest, 1, span_find(rest, "'", 1));
    for (size_t i = 0; i < rest.len && (rest.ptr[0] == '[' || rest.ptr[0] == '('); i++) {
        depth += rest.ptr[i] == '[' || rest.ptr[i] == '(';
        depth -= rest.ptr[i] == ']' || rest.ptr[i] == ')';
        if (depth == 0)
            return span_slice(rest, 0, i + 1);
    }
    return span_slice(rest, 0, 0);
}

/* An array has no name but that of the member of an .npz that it is. */
static void note_tensor(struct inspection *in, struct span header, uint64_t element)
{
    struct reader r = value_of(header, "'shape'");
    struct tensor t = { .dtype = type_text(header), .bytes = UINT64_MAX };
    uint64_t elements;
    if (!plain_shape(&r, &elements, &t))
        t.dimensions = 0;
    else if (element == 0 || !size_multiply(elements, element, &t.bytes))
        t.bytes = UINT64_MAX;
    if (in->artifact->parent)
        t.name = in->artifact->name;
    if (span_ends(t.name, ".npy"))
        t.name.len -= strlen(".npy");
    (void)tensor_fact(in, &t);
}

static enum claim claim(const struct inspection *in)
{
    return span_starts(in->bytes, "\x93NUMPY") ? CLAIM_MAGIC : CLAIM_NONE;
}

static void inspect(struct inspection *in)
{
    struct header h = read_header(in->bytes);
    uint64_t elements = 0, size = 0;
    if (!h.ok) {
        inspection_incomplete(in, "the header is not readable");
        return;
    }
    struct fact *facts = fact_object(in->arena, artifact_facts(in->artifact), "npy");
    fact_text(in->arena, facts, "header", h.text);
    struct span data = span_slice(in->bytes, h.data, in->bytes.len);
    uint64_t element = element_size(h.text);
    struct reader shape = value_of(h.text, "'shape'");
    note_tensor(in, h.text, element);
    if (element > 0 && plain_shape(&shape, &elements, NULL) &&
        size_multiply(elements, element, &size)) {
        if (data.len < size)
            inspection_incomplete(in, "the array is cut short");
        else if (data.len > size)
            (void)inspect_member(in, span_of_text("behind the array"),
                                 h.data + (size_t)size,
                                 span_slice(data, (size_t)size, data.len));
        inspection_bulk(in, h.data, size);
        return;
    }
    (void)inspect_member(in, span_of_text("objects.pkl"), h.data, data);
    if (!in->artifact->executes)
        inspection_incomplete(in, "an array of a type that is not read");
}

static const char *const extensions[] = { ".npy", NULL };

const struct inspector npy_inspector = {
    .format = FORMAT_NPY,
    .extensions = extensions,
    .claim = claim,
    .inspect = inspect,
};
