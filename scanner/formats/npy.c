/* NumPy .npy: a header that is a Python dict literal, then the array.  An array of
 * objects is a pickle instead.  The header is read by ast.literal_eval, so a type can be
 * spelled in many ways: whatever is not plainly a type of numbers counts as objects. */
#include "formats/inspector.h"

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

/* The value of 'descr': where it is a single plain literal, the item size; else 0. */
static uint64_t plain_itemsize(struct span header)
{
    size_t at = span_find(header, "'descr'", 0);
    if (at == SIZE_MAX || span_find(header, "'descr'", at + 1) != SIZE_MAX)
        return 0;
    struct reader r = reader_of(span_slice(header, at + 7, header.len), 0);
    while (reader_peek(&r, 1).len && strchr(" :", *reader_peek(&r, 1).ptr))
        reader_skip(&r, 1);
    uint8_t quote = reader_u8(&r), order = reader_u8(&r), kind = reader_u8(&r);
    uint64_t n = 0;
    if (quote != '\'' || !order || !strchr("<>|=", order) || !kind ||
        !strchr("biufcSUVmM?", kind))
        return 0;
    for (uint8_t c = reader_u8(&r); c != '\''; c = reader_u8(&r)) {
        if (c == '[' && (kind == 'm' || kind == 'M'))
            return n;
        if (c < '0' || c > '9' || n > UINT32_MAX)
            return 0;
        n = n * 10 + (uint64_t)(c - '0');
    }
    return kind == 'U' ? n * 4 : kind == '?' ? 1 : n;
}

/* The product of 'shape'; false when it is not a plain tuple of integers. */
static bool shape_elements(struct span header, uint64_t *ret)
{
    size_t at = span_find(header, "'shape'", 0);
    size_t open = at == SIZE_MAX ? SIZE_MAX : span_find(header, "(", at);
    size_t close = open == SIZE_MAX ? SIZE_MAX : span_find(header, ")", open);
    if (close == SIZE_MAX || span_find(header, "'shape'", at + 1) != SIZE_MAX)
        return false;
    uint64_t total = 1, n = 0;
    bool digits = false;
    for (size_t i = open + 1; i <= close; i++) {
        uint8_t c = header.ptr[i];
        if (c >= '0' && c <= '9') {
            digits = true;
            if (!size_multiply(n, 10, &n) || !size_add(n, (uint64_t)(c - '0'), &n))
                return false;
        } else if (c == ',' || c == ')') {
            if (digits && !size_multiply(total, n, &total))
                return false;
            n = 0;
            digits = false;
        } else if (c != ' ' && c != 'L') {
            return false;
        }
    }
    *ret = total;
    return true;
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
    uint64_t item = plain_itemsize(h.text);
    if (item > 0 && shape_elements(h.text, &elements) &&
        size_multiply(elements, item, &size)) {
        if (data.len < size)
            inspection_incomplete(in, "the array is cut short");
        else if (data.len > size)
            (void)inspect_member(in, span_of_text("behind the array"),
                                 h.data + (size_t)size,
                                 span_slice(data, (size_t)size, data.len));
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
