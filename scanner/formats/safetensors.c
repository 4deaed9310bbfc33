/* safetensors: u64le N, N bytes of JSON, tensor data to the end of the file.
 *
 * The rules are those of the reference reader (safetensors, src/tensor.rs): N is at most
 * 100 000 000; every tensor is {dtype, shape, data_offsets}; sorted by offset the tensors
 * leave no gap, share no byte and end where the file ends; __metadata__ maps text to
 * text. What other readers accept beyond that is reported.  Tensor data is never touched.
 */
#include "formats/inspector.h"

#include "core/tokens.h"
#include "formats/tensor_facts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LENGTH_BYTES = 8,
    HEADER_MAX = 100000000,   /* of the reference reader */
    HEADER_LARGE = 10 << 20,  /* honest ones of 1000 tensors have 0.1 MB */
    HEADER_NOTABLE = 1 << 20, /* and below this its share of the file says nothing */
    TEXT_MAX = 16 << 20,      /* one metadata text with escapes in it */
    NAME_SHOWN = 200,
    FINDINGS_EACH = 16, /* of one rule: a bad header must not drown the others */
    METADATA_SHOWN = 64,
    CLAIM_WINDOW = 65536
};

static const struct dtype {
    const char *name;
    unsigned bits;
} dtypes[] = {
    {"BOOL",         8 },
    { "U8",          8 },
    { "I8",          8 },
    { "F8_E5M2",     8 },
    { "F8_E4M3",     8 },
    { "F8_E8M0",     8 },
    { "F8_E4M3FNUZ", 8 },
    { "F8_E5M2FNUZ", 8 },
    { "I16",         16},
    { "U16",         16},
    { "F16",         16},
    { "BF16",        16},
    { "I32",         32},
    { "U32",         32},
    { "F32",         32},
    { "I64",         64},
    { "U64",         64},
    { "F64",         64},
    { "C64",         64},
    { "F4",          4 },
    { "F6_E2M3",     6 },
    { "F6_E3M2",     6 },
};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

/* Data that tensors cover without a gap.  Tensors are merged as they come, so a file
 * whose header is in the order of its data, as writers make it, needs one. */
struct extent {
    uint64_t begin, end;
    uint64_t where; /* of the first tensor's name in the file */
};

struct header {
    struct inspection *in;
    struct tokens *tokens;
    uint64_t tensors, parameters, metadata;
    uint64_t by_dtype[DTYPES];
    struct fact *metadata_facts;
    struct buffer name, dtype; /* of the tensor that is read, whole, for its fact */
    uint64_t data_start;       /* offset of the first tensor's data in the file */
    struct extent *extents;
    size_t extent_count, extent_capacity;
    unsigned reported[RULE_COUNT];
};

/* What one tensor's entry says. */
struct entry {
    char name[NAME_SHOWN];
    uint64_t where;
    const struct dtype *dtype;
    uint64_t elements, begin, end;
    struct tensor tensor;                   /* as it is noted with --detail */
    bool has_dtype, has_shape, has_offsets; /* the field is there and usable */
    bool shape_fits;
};

__attribute__((format(printf, 5, 6))) static void
report(struct header *h, enum rule_id rule, uint64_t offset, struct span evidence,
       const char *format, ...)
{
    if (h->reported[rule]++ >= FINDINGS_EACH)
        return;
    char text[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    inspection_finding(h->in, rule, offset, evidence, "%s%s", text,
                       h->reported[rule] == FINDINGS_EACH
                           ? " (more of the same kind are not listed)"
                           : "");
}

static void copy_name(char *ret_name, struct span name)
{
    (void)snprintf(ret_name, NAME_SHOWN, "%.*s",
                   (int)(name.len < NAME_SHOWN ? name.len : NAME_SHOWN),
                   name.len ? (const char *)name.ptr : "");
}

/* ---- tokens ---- */

/* The next token, with what every token may have wrong. */
static enum token_type next(struct header *h, struct token *ret_token)
{
    enum token_type type = tokens_next(h->tokens, ret_token);
    if (type == TOKEN_ERROR && (ret_token->flags & TOKEN_LIMIT))
        inspection_incomplete(h->in, "header not read to its end: %.*s",
                              (int)ret_token->text.len,
                              (const char *)ret_token->text.ptr);
    else if (type == TOKEN_ERROR)
        report(h, RULE_SAFETENSORS_MALFORMED, ret_token->offset, (struct span){ 0 },
               "the header is no valid JSON: %.*s", (int)ret_token->text.len,
               (const char *)ret_token->text.ptr);
    else if (ret_token->flags & (TOKEN_CONTROL | TOKEN_BAD_TEXT | TOKEN_SURROGATE))
        report(h, RULE_SAFETENSORS_BINARY, ret_token->offset, ret_token->text,
               "bytes that are no text lie in a string of the header");
    if (ret_token->flags & TOKEN_DUPLICATE)
        report(h, RULE_SAFETENSORS_DUPLICATE, ret_token->offset, ret_token->text,
               "this key occurs twice in one object; readers take one or the other");
    return type;
}

/* Pass over the value that begins with `first`; false when an error ends the header. */
static bool skip(struct header *h, struct token first)
{
    if (first.type != TOKEN_OBJECT && first.type != TOKEN_ARRAY)
        return first.type != TOKEN_ERROR;
    struct token k;
    do {
        if (next(h, &k) == TOKEN_ERROR)
            return false;
    } while (k.depth > first.depth);
    return true;
}

/* A count or an offset.  False when it is no such thing. */
static bool read_size(struct header *h, const struct token *k, uint64_t *ret_size)
{
    const unsigned unusable = TOKEN_NEGATIVE | TOKEN_FRACTION | TOKEN_EXPONENT |
                              TOKEN_OVERFLOW | TOKEN_NOT_FINITE;
    if (k->type != TOKEN_NUMBER)
        return false;
    if (k->flags & (unusable | TOKEN_LEADING_ZERO | TOKEN_IMPRECISE))
        report(h, RULE_SAFETENSORS_NUMBER, k->offset, k->text,
               "a size or offset that readers understand differently");
    *ret_size = k->number;
    return !(k->flags & unusable);
}

/* ---- metadata ---- */

/* A marker counts only where it is not the middle of a longer word. */
static const struct {
    const char *text;
    enum rule_id rule;
    bool word;
} markers[] = {
    {"_target_",        RULE_SAFETENSORS_METADATA_CODE,     false},
    { "__import__",     RULE_SAFETENSORS_METADATA_CODE,     false},
    { "__builtins__",   RULE_SAFETENSORS_METADATA_CODE,     false},
    { "__globals__",    RULE_SAFETENSORS_METADATA_CODE,     false},
    { "__subclasses__", RULE_SAFETENSORS_METADATA_CODE,     false},
    { "__reduce__",     RULE_SAFETENSORS_METADATA_CODE,     false},
    { "os.system",      RULE_SAFETENSORS_METADATA_CODE,     true },
    { "subprocess.",    RULE_SAFETENSORS_METADATA_CODE,     true },
    { "eval(",          RULE_SAFETENSORS_METADATA_CODE,     true },
    { "exec(",          RULE_SAFETENSORS_METADATA_CODE,     true },
    { "pickle.loads",   RULE_SAFETENSORS_METADATA_CODE,     false},
    { "marshal.loads",  RULE_SAFETENSORS_METADATA_CODE,     true },
    { "b64decode(",     RULE_SAFETENSORS_METADATA_CODE,     false},
    { "!!python/",      RULE_SAFETENSORS_METADATA_CODE,     false},
    { "<script",        RULE_SAFETENSORS_METADATA_CODE,     false},
    { "{{",             RULE_SAFETENSORS_METADATA_TEMPLATE, false},
    { "{%",             RULE_SAFETENSORS_METADATA_TEMPLATE, false},
    { "://",            RULE_SAFETENSORS_METADATA_URL,      false},
};

/* Is the byte at `at` part of a word? */
static bool word_at(struct span text, size_t at)
{
    struct reader r = reader_of(text, 0);
    reader_seek(&r, at);
    uint8_t c = reader_u8(&r);
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '.';
}

static size_t find_marker(struct span text, const char *marker, bool word)
{
    size_t at = span_find(text, marker, 0);
    while (word && at != SIZE_MAX && at > 0 && word_at(text, at - 1))
        at = span_find(text, marker, at + 1);
    return at;
}

/* Report each rule at most once for one text, with what stands around the marker. */
static void check_text(struct header *h, const struct token *k, const char *name)
{
    if (k->flags & TOKEN_CUT)
        inspection_incomplete(h->in, "a metadata text is longer than %d bytes", TEXT_MAX);
    enum rule_id last = RULE_COUNT;
    for (size_t i = 0; i < sizeof markers / sizeof markers[0]; i++) {
        if (markers[i].rule == last)
            continue;
        size_t at = find_marker(k->text, markers[i].text, markers[i].word);
        if (at == SIZE_MAX)
            continue;
        last = markers[i].rule;
        report(h, last, k->offset, span_slice(k->text, at < 64 ? 0 : at - 64, at + 128),
               "metadata entry \"%s\" holds \"%s\"", name, markers[i].text);
    }
}

static void keep_metadata(struct header *h, const char *name, const struct token *value)
{
    uint64_t shown = h->in->detail ? UINT64_MAX : METADATA_SHOWN;
    if (h->metadata > shown || !budget_take(h->in->budget, BUDGET_FACTS, 3))
        return;
    struct fact *entry = fact_object(h->in->arena, h->metadata_facts, "");
    fact_text(h->in->arena, entry, "name", span_of_text(name));
    fact_text(h->in->arena, entry, "value", value->text);
}

/* One entry's value.  Anything but a text is against the rules, and searched as well. */
static bool read_metadata_value(struct header *h, const char *name)
{
    struct token k;
    if (next(h, &k) == TOKEN_STRING) {
        check_text(h, &k, name);
        keep_metadata(h, name, &k);
        return true;
    }
    if (k.type == TOKEN_ERROR)
        return false;
    report(h, RULE_SAFETENSORS_METADATA_TYPE, k.offset, (struct span){ 0 },
           "metadata entry \"%s\" is not a text", name);
    unsigned depth = k.depth;
    if (k.type != TOKEN_OBJECT && k.type != TOKEN_ARRAY)
        return true;
    do {
        if (next(h, &k) == TOKEN_ERROR)
            return false;
        if (k.type == TOKEN_KEY || k.type == TOKEN_STRING)
            check_text(h, &k, name);
    } while (k.depth > depth);
    return true;
}

static bool read_metadata(struct header *h)
{
    struct token k;
    if (next(h, &k) != TOKEN_OBJECT) {
        report(h, RULE_SAFETENSORS_METADATA_TYPE, k.offset, (struct span){ 0 },
               "__metadata__ is not an object");
        return skip(h, k);
    }
    while (next(h, &k) == TOKEN_KEY) {
        char name[NAME_SHOWN];
        copy_name(name, k.text);
        h->metadata++;
        check_text(h, &k, name);
        if (!read_metadata_value(h, name))
            return false;
    }
    return k.type == TOKEN_OBJECT_END;
}

/* ---- tensors ---- */

/* What an array of sizes says. */
struct sizes {
    uint64_t count, first[TENSOR_DIMENSIONS_MAX], product;
    bool usable; /* an array, and every element a size */
    bool fits;   /* their product fits 64 bits, multiplied from left to right */
};

/* False when an error ends the header. */
static bool read_sizes(struct header *h, struct sizes *ret_sizes)
{
    struct sizes s = { .product = 1, .usable = true, .fits = true };
    struct token k;
    *ret_sizes = (struct sizes){ .usable = false };
    if (next(h, &k) != TOKEN_ARRAY)
        return skip(h, k);
    while (next(h, &k) != TOKEN_ARRAY_END) {
        uint64_t size = 0;
        s.usable &= read_size(h, &k, &size);
        s.fits &= size_multiply(s.product, size, &s.product);
        if (s.count < TENSOR_DIMENSIONS_MAX)
            s.first[s.count] = size;
        s.count++;
        if (!skip(h, k))
            return false;
    }
    *ret_sizes = s;
    return true;
}

static bool read_dtype(struct header *h, struct entry *e)
{
    struct token k;
    if (next(h, &k) != TOKEN_STRING)
        return skip(h, k);
    e->has_dtype = true;
    buffer_clear(&h->dtype);
    if (h->in->detail)
        buffer_add(&h->dtype, k.text);
    for (size_t i = 0; i < DTYPES; i++)
        if (span_is(k.text, dtypes[i].name))
            e->dtype = &dtypes[i];
    if (!e->dtype)
        inspection_incomplete(h->in, "the element type \"%.*s\" is not known",
                              (int)(k.text.len < 40 ? k.text.len : 40),
                              k.text.len ? (const char *)k.text.ptr : "");
    return true;
}

static bool read_field(struct header *h, struct entry *e, const struct token *key)
{
    struct sizes sizes;
    if (span_is(key->text, "dtype"))
        return read_dtype(h, e);
    if (span_is(key->text, "shape")) {
        if (!read_sizes(h, &sizes))
            return false;
        e->has_shape = sizes.usable;
        e->shape_fits = sizes.fits;
        e->elements = sizes.product;
        memcpy(e->tensor.shape, sizes.first, sizeof sizes.first);
        e->tensor.dimensions = (size_t)sizes.count;
        return true;
    }
    if (span_is(key->text, "data_offsets")) {
        if (!read_sizes(h, &sizes))
            return false;
        e->has_offsets = sizes.usable && sizes.count == 2;
        e->begin = sizes.first[0];
        e->end = sizes.first[1];
        return true;
    }
    report(h, RULE_SAFETENSORS_UNKNOWN_FIELD, key->offset, key->text,
           "tensor \"%s\" has a field that the format does not know", e->name);
    struct token k;
    next(h, &k);
    return skip(h, k);
}

/* Remember where the tensor's data lies.  False when memory is short. */
static bool add_extent(struct header *h, const struct entry *e)
{
    if (h->extent_count > 0 && h->extents[h->extent_count - 1].end == e->begin) {
        h->extents[h->extent_count - 1].end = e->end;
        return true;
    }
    if (h->extent_count == h->extent_capacity) {
        size_t capacity = h->extent_capacity ? h->extent_capacity * 2 : 16;
        struct extent *grown = arena_array(h->in->arena, capacity, sizeof *grown);
        if (!grown)
            return false;
        if (h->extent_count)
            memcpy(grown, h->extents, h->extent_count * sizeof *grown);
        h->extents = grown;
        h->extent_capacity = capacity;
    }
    h->extents[h->extent_count++] =
        (struct extent){ .begin = e->begin, .end = e->end, .where = e->where };
    return true;
}

/* Is the entry whole, and does its shape need the bytes that it has? */
static void check_tensor(struct header *h, const struct entry *e)
{
    const char *missing = !e->has_dtype     ? "dtype"
                          : !e->has_shape   ? "shape"
                          : !e->has_offsets ? "data_offsets"
                                            : NULL;
    uint64_t bits = 0;
    if (missing) {
        report(h, RULE_SAFETENSORS_TENSOR, e->where, (struct span){ 0 },
               "tensor \"%s\" has no usable %s", e->name, missing);
    } else if (e->begin > e->end) {
        report(h, RULE_SAFETENSORS_TENSOR, e->where, (struct span){ 0 },
               "tensor \"%s\" ends before it begins", e->name);
    } else if (!e->shape_fits ||
               (e->dtype && !size_multiply(e->elements, e->dtype->bits, &bits))) {
        report(h, RULE_SAFETENSORS_TENSOR, e->where, (struct span){ 0 },
               "tensor \"%s\" has a shape whose size overflows 64 bits", e->name);
    } else if (e->dtype && (bits % 8 != 0 || bits / 8 != e->end - e->begin)) {
        report(h, RULE_SAFETENSORS_TENSOR, e->where, (struct span){ 0 },
               "tensor \"%s\" has %" PRIu64 " bytes, its shape needs %" PRIu64 "%s",
               e->name, e->end - e->begin, bits / 8,
               bits % 8 ? " and a part of one" : "");
    } else if (!size_add(h->parameters, e->elements, &h->parameters)) {
        h->parameters = UINT64_MAX;
    }
    if (e->dtype)
        h->by_dtype[e->dtype - dtypes]++;
}

static void note_tensor(struct header *h, struct entry *e)
{
    e->tensor.name = buffer_span(&h->name);
    e->tensor.dtype = buffer_span(&h->dtype);
    bool placed = e->has_offsets && e->begin <= e->end;
    e->tensor.bytes = placed ? e->end - e->begin : UINT64_MAX;
    struct fact *f = tensor_fact(h->in, &e->tensor);
    uint64_t offset;
    if (placed && size_add(h->data_start, e->begin, &offset))
        fact_uint(h->in->arena, f, "offset", offset);
}

static bool read_tensor(struct header *h, const struct token *key)
{
    struct entry e = { .where = key->offset };
    struct token k;
    copy_name(e.name, key->text);
    h->tensors++;
    buffer_clear(&h->name);
    buffer_clear(&h->dtype);
    if (h->in->detail)
        buffer_add(&h->name, key->text);
    if (next(h, &k) != TOKEN_OBJECT) {
        report(h, RULE_SAFETENSORS_TENSOR, k.offset, (struct span){ 0 },
               "the entry of tensor \"%s\" is not an object", e.name);
        return skip(h, k);
    }
    while (next(h, &k) == TOKEN_KEY)
        if (!read_field(h, &e, &k))
            return false;
    if (k.type == TOKEN_ERROR)
        return false;
    check_tensor(h, &e);
    note_tensor(h, &e);
    if (e.has_offsets && e.begin < e.end) /* an empty tensor has no place to be wrong */
        return add_extent(h, &e);
    return true;
}

/* ---- layout ---- */

static int compare_extents(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* What unclaimed bytes look like, for a reader of the report. */
static const char *describe(struct span bytes)
{
    static const struct {
        const char *magic, *what;
    } kinds[] = {
        {"PK\003\004",  "a zip archive"    },
        { "\177ELF",    "an ELF program"   },
        { "MZ",         "a Windows program"},
        { "\200\002",   "a pickle"         },
        { "\200\003",   "a pickle"         },
        { "\200\004",   "a pickle"         },
        { "\200\005",   "a pickle"         },
        { "\037\213",   "gzip data"        },
        { "#!",         "a script"         },
        { "7z\274\257", "a 7z archive"     },
        { "\x93NUMPY",  "a NumPy array"    },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (span_starts(bytes, kinds[i].magic))
            return kinds[i].what;
    size_t tail = bytes.len > 65557 ? bytes.len - 65557 : 0;
    if (span_find(bytes, "PK\005\006", tail) != SIZE_MAX)
        return "something that ends as a zip archive";
    return "something";
}

/* Bytes that belong to no tensor are the place to hide in: look into them. */
static void check_unclaimed(struct header *h, enum rule_id rule, uint64_t offset,
                            uint64_t size, const char *where)
{
    struct reader r = reader_of(h->in->bytes, 0);
    reader_seek(&r, offset);
    struct span bytes = reader_bytes(&r, size);
    report(h, rule, offset, span_slice(bytes, 0, 32),
           "%" PRIu64 " bytes %s belong to no tensor; they look like %s", size, where,
           describe(bytes));
    inspect_member(h->in, span_of_text(where), offset, bytes);
}

/* The tensors must cover the data exactly: from its first byte to the last, each once. */
static void check_layout(struct header *h, uint64_t data_start, uint64_t data_size)
{
    uint64_t expected = 0;
    if (h->extent_count > 1)
        qsort(h->extents, h->extent_count, sizeof h->extents[0], compare_extents);
    for (size_t i = 0; i < h->extent_count; i++) {
        const struct extent *e = &h->extents[i];
        if (e->begin < expected)
            report(h, RULE_SAFETENSORS_OVERLAP, e->where, (struct span){ 0 },
                   "tensor data at offset %" PRIu64 " lies in that of another tensor",
                   e->begin);
        else if (e->begin > expected && expected < data_size)
            check_unclaimed(h, RULE_SAFETENSORS_GAP, data_start + expected,
                            (e->begin < data_size ? e->begin : data_size) - expected,
                            "between tensors");
        if (e->end > expected)
            expected = e->end;
    }
    if (expected > data_size) {
        report(h, RULE_SAFETENSORS_TRUNCATED, data_start + data_size, (struct span){ 0 },
               "the tensors need %" PRIu64 " bytes, the file has %" PRIu64, expected,
               data_size);
        inspection_incomplete(h->in,
                              "cut short: %" PRIu64 " bytes of tensor data missing",
                              expected - data_size);
    } else if (expected < data_size) {
        check_unclaimed(h, RULE_SAFETENSORS_TRAILING, data_start + expected,
                        data_size - expected, "behind the last tensor");
    }
}

/* ---- the header ---- */

static bool read_entries(struct header *h)
{
    struct token k;
    if (next(h, &k) != TOKEN_OBJECT) {
        if (k.type != TOKEN_ERROR)
            report(h, RULE_SAFETENSORS_MALFORMED, k.offset, (struct span){ 0 },
                   "the header is no JSON object");
        return false;
    }
    while (next(h, &k) == TOKEN_KEY)
        if (!(span_is(k.text, "__metadata__") ? read_metadata(h) : read_tensor(h, &k)))
            return false;
    return k.type == TOKEN_OBJECT_END && next(h, &k) == TOKEN_END;
}

static void add_facts(struct header *h, struct fact *facts, uint64_t header_bytes)
{
    struct arena *a = h->in->arena;
    fact_uint(a, facts, "header_bytes", header_bytes);
    fact_uint(a, facts, "tensors", h->tensors);
    fact_uint(a, facts, "parameters", h->parameters);
    struct fact *types = fact_object(a, facts, "dtypes");
    for (size_t i = 0; i < DTYPES; i++)
        if (h->by_dtype[i])
            fact_uint(a, types, dtypes[i].name, h->by_dtype[i]);
    fact_uint(a, facts, "metadata_entries", h->metadata);
}

/* What readers of the header disagree about before its first key. */
static void check_start(struct header *h, struct span json)
{
    enum json_encoding encoding = tokens_encoding(h->tokens);
    if (encoding != JSON_UTF8 || tokens_marked(h->tokens))
        report(h, RULE_SAFETENSORS_START, LENGTH_BYTES, span_slice(json, 0, 16),
               "the header is %s%s; the format demands plain UTF-8",
               json_encoding_name(encoding),
               tokens_marked(h->tokens) ? " with a byte order mark" : "");
    else if (!span_starts(json, "{"))
        report(h, RULE_SAFETENSORS_START, LENGTH_BYTES, span_slice(json, 0, 16),
               "the header does not begin with '{'");
    uint64_t size = h->in->bytes.len;
    if (json.len > HEADER_LARGE || (json.len > HEADER_NOTABLE && json.len > size / 5))
        report(h, RULE_SAFETENSORS_LARGE, LENGTH_BYTES, (struct span){ 0 },
               "the header has %zu of the file's %" PRIu64 " bytes", json.len, size);
}

static void inspect_header(struct inspection *in, struct span json)
{
    struct header h = { .in = in, .data_start = LENGTH_BYTES + json.len };
    struct fact *facts =
        fact_object(in->arena, artifact_facts(in->artifact), "safetensors");
    h.metadata_facts = fact_list(in->arena, facts, "metadata");
    h.tokens = tokens_open(json, LENGTH_BYTES, TEXT_MAX, in->budget);
    if (!h.tokens) {
        inspection_incomplete(in, "out of memory");
        return;
    }
    check_start(&h, json);
    buffer_init(&h.name, FACT_TEXT_MAX);
    buffer_init(&h.dtype, FACT_TEXT_MAX);
    bool whole = read_entries(&h);
    tokens_close(h.tokens);
    buffer_free(&h.name);
    buffer_free(&h.dtype);
    add_facts(&h, facts, json.len);
    if (whole) {
        uint64_t start = LENGTH_BYTES + json.len, size = in->bytes.len - start;
        inspection_bulk(in, start, size);
        check_layout(&h, start, size);
    } else
        inspection_incomplete(in, "the header was not understood to its end");
    if (h.reported[RULE_SAFETENSORS_MALFORMED] || h.reported[RULE_SAFETENSORS_BINARY])
        inspect_member(in, span_of_text("header"), LENGTH_BYTES, json);
}

/* ---- the inspector ---- */

static const char *const extensions[] = { ".safetensors", NULL };

/* No magic number: a length that may be true, and JSON of the right shape behind it. */
static enum claim claim(const struct inspection *in)
{
    struct reader r = reader_of(in->bytes, 0);
    uint64_t length = reader_u64le(&r);
    bool likely = false;
    if (reader_ok(&r) && length >= 2 && length <= HEADER_MAX) {
        struct span window = reader_peek(
            &r, length < CLAIM_WINDOW ? (size_t)length : (size_t)CLAIM_WINDOW);
        struct tokens *t = tokens_open(window, 0, 0, NULL);
        struct token k;
        if (t && tokens_next(t, &k) == TOKEN_OBJECT) {
            tokens_next(t, &k);
            likely =
                k.type == TOKEN_KEY || k.type == TOKEN_OBJECT_END ||
                (k.offset == window.len && length > window.len); /* a very long key */
        }
        tokens_close(t);
    }
    if (likely)
        return CLAIM_LIKELY;
    return span_ends_nocase(in->artifact->name, extensions[0]) ? CLAIM_NAME : CLAIM_NONE;
}

static void inspect(struct inspection *in)
{
    struct reader r = reader_of(in->bytes, 0);
    uint64_t length = reader_u64le(&r);
    if (!reader_ok(&r)) {
        inspection_incomplete(in, in->bytes.len ? "too short for a safetensors header"
                                                : "the file is empty");
    } else if (length > HEADER_MAX) {
        inspection_finding(in, RULE_SAFETENSORS_LENGTH, 0, span_slice(in->bytes, 0, 8),
                           "the header would have %" PRIu64
                           " bytes; at most %d are allowed",
                           length, HEADER_MAX);
        inspection_incomplete(in,
                              "not readable as safetensors: impossible header length");
    } else if (length > reader_left(&r)) {
        inspection_finding(in, RULE_SAFETENSORS_TRUNCATED, 0, span_slice(in->bytes, 0, 8),
                           "the header has %" PRIu64 " bytes, the file only %zu more",
                           length, reader_left(&r));
        inspection_incomplete(in, "cut short in its header");
    } else {
        inspect_header(in, reader_bytes(&r, length));
    }
}

const struct inspector safetensors_inspector = {
    .format = FORMAT_SAFETENSORS,
    .extensions = extensions,
    .claim = claim,
    .inspect = inspect,
};
