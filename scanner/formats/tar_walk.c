#include "formats/tar_walk.h"

enum {
    NAME_WIDTH = 100,
    PREFIX_WIDTH = 155,
    CHECKSUM_AT = 148,
    CHECKSUM_WIDTH = 8,
    SPARSE_FLAG_AT = 482,   /* old GNU: more sparse headers follow */
    EXTENDED_FLAG_AT = 504, /* the same flag in those */
    EXTENSIONS_MAX = 32     /* extension headers in front of one member */
};

/* The extension headers gathered for the member that follows. */
struct overrides {
    struct span path, link;
    uint64_t size;
    bool has_size, sparse, malformed;
};

struct header {
    struct span name, prefix, link;
    uint64_t size;
    uint32_t mode;
    uint8_t type;
    bool negative;
    bool extended; /* old GNU sparse */
};

static struct reader reader_at(struct span file, uint64_t offset)
{
    struct reader r = reader_of(file, 0);
    reader_seek(&r, offset);
    return r;
}

/* A field of text ends at its first NUL, or is full. */
static struct span text_field(struct reader *r, size_t width)
{
    struct span field = reader_bytes(r, width);
    struct reader look = reader_of(field, 0);
    size_t n = 0;
    while (reader_left(&look) > 0 && reader_u8(&look) != 0)
        n++;
    return span_slice(field, 0, n);
}

/* Octal digits between blanks, ended by a NUL; an empty field is 0.  tarfile lets
 * Python's int() read them, hence the sign. */
static bool parse_octal(struct span field, uint64_t *ret_value, bool *ret_negative)
{
    struct reader r = reader_of(field, 0);
    uint64_t value = 0;
    bool digits = false, ended = false, negative = false;
    while (reader_left(&r) > 0) {
        uint8_t c = reader_u8(&r);
        if (c == 0)
            break;
        bool blank = c == ' ' || (c >= '\t' && c <= '\r');
        if (blank) {
            ended = digits;
        } else if (c == '-' && !digits && !negative) {
            negative = true;
        } else if (c < '0' || c > '7' || ended) {
            return false;
        } else if (!size_multiply(value, 8, &value) ||
                   !size_add(value, (uint64_t)(c - '0'), &value)) {
            return false;
        } else {
            digits = true;
        }
    }
    *ret_value = value;
    *ret_negative = negative && value > 0;
    return true;
}

/* GNU's base-256: a first byte of 0x80 or 0xff, then a big-endian integer. */
static bool parse_number(struct reader *r, size_t width, uint64_t *ret_value,
                         bool *ret_negative)
{
    struct span field = reader_bytes(r, width);
    struct reader bytes = reader_of(field, 0);
    uint8_t first = reader_u8(&bytes);
    if (first != 0x80 && first != 0xff)
        return parse_octal(field, ret_value, ret_negative);
    uint64_t value = 0;
    while (reader_left(&bytes) > 0) {
        if (value > UINT64_MAX >> 8)
            value = UINT64_MAX >> 8; /* too large for any file all the same */
        value = value << 8 | reader_u8(&bytes);
    }
    *ret_value = value;
    *ret_negative = first == 0xff;
    return true;
}

/* Old tars summed signed bytes; both sums count. */
static bool checksum_valid(struct span block)
{
    struct reader r = reader_of(block, 0);
    uint32_t sum = 0;
    uint32_t negative = 0; /* how many bytes are 256 less in the signed sum */
    for (size_t i = 0; reader_left(&r) > 0; i++) {
        uint8_t c = reader_u8(&r);
        bool in_field = i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_WIDTH;
        sum += in_field ? ' ' : c;
        negative += !in_field && c >= 0x80;
    }
    uint64_t said;
    bool below_zero;
    r = reader_at(block, CHECKSUM_AT);
    if (block.len != TAR_BLOCK || !parse_number(&r, CHECKSUM_WIDTH, &said, &below_zero))
        return false;
    return (!below_zero && said == sum) ||
           (below_zero ? (int64_t)-said : (int64_t)said) ==
               (int64_t)sum - 256 * (int64_t)negative;
}

static bool parse_header(struct span block, struct header *ret_header)
{
    struct header h = { 0 };
    struct reader r = reader_of(block, 0);
    uint64_t mode;
    bool ignored;
    h.name = text_field(&r, NAME_WIDTH);
    bool numbers = parse_number(&r, 8, &mode, &ignored);
    reader_skip(&r, 8 + 8); /* user, group */
    numbers &= parse_number(&r, 12, &h.size, &h.negative);
    reader_skip(&r, 12 + CHECKSUM_WIDTH); /* time, checksum */
    h.type = reader_u8(&r);
    h.link = text_field(&r, NAME_WIDTH);
    reader_skip(&r, 8 + 32 + 32 + 8 + 8); /* magic, names, device */
    h.prefix = text_field(&r, PREFIX_WIDTH);
    r = reader_at(block, SPARSE_FLAG_AT);
    h.extended = reader_u8(&r) != 0;
    if (!numbers || !reader_ok(&r))
        return false;
    h.mode = (uint32_t)(mode & 07777);
    *ret_header = h;
    return true;
}

static bool is_extension(uint8_t type)
{
    return type == 'L' || type == 'K' || type == 'x' || type == 'X' || type == 'g';
}

/* Links, devices and directories have no content for tarfile, whatever their size. */
static bool type_has_data(uint8_t type)
{
    return type < TAR_HARD_LINK || type > TAR_FIFO;
}

struct tar_walk tar_walk_start(struct span file, struct arena *arena)
{
    return (struct tar_walk){ .arena = arena, .file = file };
}

static bool parse_decimal(struct span text, uint64_t *ret_value)
{
    uint64_t value = 0;
    struct reader r = reader_of(text, 0);
    if (text.len == 0)
        return false;
    while (reader_left(&r) > 0) {
        uint8_t c = reader_u8(&r);
        if (c < '0' || c > '9' || !size_multiply(value, 10, &value) ||
            !size_add(value, (uint64_t)(c - '0'), &value))
            return false;
    }
    *ret_value = value;
    return true;
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static bool pax_record(struct reader *r, struct span *ret_key, struct span *ret_value)
{
    struct reader look = *r;
    size_t digits = 0;
    while (reader_left(&look) > 0 && reader_u8(&look) != ' ')
        digits++;
    uint64_t length;
    if (digits > 18 || !parse_decimal(reader_peek(r, digits), &length) ||
        length < digits + 2)
        return false;
    struct span record = reader_bytes(r, length);
    struct span body = span_slice(record, digits + 1, record.len - 1);
    size_t equals = span_find(body, "=", 0);
    if (!reader_ok(r) || equals == SIZE_MAX)
        return false;
    *ret_key = span_slice(body, 0, equals);
    *ret_value = span_slice(body, equals + 1, body.len);
    return true;
}

/* Stops, as tarfile does, at the first thing that is no record. */
static void read_pax(struct span body, struct overrides *o)
{
    struct reader r = reader_of(body, 0);
    struct span key, value;
    while (reader_left(&r) > 0 && pax_record(&r, &key, &value)) {
        if (span_is(key, "path"))
            o->path = value;
        else if (span_is(key, "linkpath"))
            o->link = value;
        else if (span_starts(key, "GNU.sparse."))
            o->sparse = true;
        else if (span_is(key, "size") && parse_decimal(value, &o->size))
            o->has_size = true;
        else if (span_is(key, "size"))
            o->malformed = true;
    }
    o->malformed |= !reader_ok(&r) || !span_is_zero(reader_rest(&r));
}

static enum tar_step damaged(struct tar_walk *w, const char *problem)
{
    w->problem = problem;
    return TAR_DAMAGED;
}

/* The end of `size` bytes at `data`, rounded up to a block; false past 64 bits. */
static bool block_end(uint64_t data, uint64_t size, uint64_t *ret_end)
{
    uint64_t end;
    if (!size_add(size, TAR_BLOCK - 1, &end))
        return false;
    return size_add(data, end / TAR_BLOCK * TAR_BLOCK, ret_end);
}

static enum tar_step take_extension(struct tar_walk *w, const struct header *h,
                                    struct overrides *o)
{
    struct reader r = reader_at(w->file, w->next + TAR_BLOCK);
    struct span body = reader_bytes(&r, h->size);
    uint64_t end;
    if (!reader_ok(&r) || !block_end(w->next + TAR_BLOCK, h->size, &end))
        return TAR_CUT;
    r = reader_of(body, 0);
    struct overrides global = { 0 };
    if (h->type == 'L')
        o->path = text_field(&r, body.len);
    else if (h->type == 'K')
        o->link = text_field(&r, body.len);
    else
        read_pax(body, h->type == 'g' ? &global : o);
    o->malformed |= global.malformed;
    if (global.path.len > 0)
        w->global_path = global.path;
    if (global.link.len > 0)
        w->global_link = global.link;
    if (global.has_size) {
        w->global_size = global.size;
        w->has_global_size = true;
    }
    w->next = end;
    return TAR_ENTRY;
}

static struct span join_name(struct tar_walk *w, const struct header *h)
{
    if (h->prefix.len == 0 || h->type == TAR_GNU_SPARSE)
        return h->name;
    return arena_printf(w->arena, "%.*s/%.*s", (int)h->prefix.len,
                        (const char *)h->prefix.ptr, (int)h->name.len,
                        (const char *)(h->name.len ? h->name.ptr : h->prefix.ptr));
}

/* The member that a header and the extensions before it describe. */
static enum tar_step make_entry(struct tar_walk *w, const struct header *h,
                                const struct overrides *o, struct tar_entry *ret_entry)
{
    struct tar_entry e = { .header = w->next, .mode = h->mode, .type = h->type };
    e.data = w->next + TAR_BLOCK;
    for (bool more = h->type == TAR_GNU_SPARSE && h->extended; more;) {
        struct reader r = reader_at(w->file, e.data);
        struct reader block = reader_sub(&r, TAR_BLOCK);
        reader_skip(&block, EXTENDED_FLAG_AT);
        more = reader_u8(&block) != 0;
        if (!reader_ok(&block))
            return TAR_CUT;
        e.data += TAR_BLOCK;
    }
    e.header_name = join_name(w, h);
    e.name = o->path.len ? o->path : w->global_path.len ? w->global_path : e.header_name;
    e.link = o->link.len ? o->link : w->global_link.len ? w->global_link : h->link;
    e.header_size = h->size;
    e.size = o->has_size ? o->size : w->has_global_size ? w->global_size : h->size;
    e.renamed = o->path.len > 0 || w->global_path.len > 0;
    e.global = (o->path.len == 0 && w->global_path.len > 0) ||
               (!o->has_size && w->has_global_size);
    e.sparse = o->sparse || h->type == TAR_GNU_SPARSE;
    e.malformed = o->malformed;
    e.has_data = type_has_data(h->type);
    if (h->type == TAR_OLD_FILE && span_ends(e.name, "/"))
        e.has_data = false;
    uint64_t end = e.data;
    if (e.has_data && !block_end(e.data, e.size, &end)) {
        w->bad_size = true;
        return damaged(w, "a member's size is past 64 bits");
    }
    w->next = end;
    *ret_entry = e;
    return TAR_ENTRY;
}

enum tar_step tar_walk_next(struct tar_walk *w, struct tar_entry *ret_entry)
{
    struct overrides o = { 0 };
    for (unsigned extensions = 0; extensions < EXTENSIONS_MAX; extensions++) {
        if (w->next >= w->file.len)
            return extensions == 0 && w->next == w->file.len ? TAR_END : TAR_CUT;
        struct reader r = reader_at(w->file, w->next);
        struct span block = reader_bytes(&r, TAR_BLOCK);
        struct header h;
        if (!reader_ok(&r))
            return TAR_CUT;
        if (span_is_zero(block))
            return extensions == 0 ? TAR_END
                                   : damaged(w, "an extension describes nothing");
        if (!checksum_valid(block))
            return damaged(w, "a header's checksum is wrong");
        if (!parse_header(block, &h))
            return damaged(w, "a header's numbers are malformed");
        if (h.negative) {
            w->bad_size = true;
            return damaged(w, "a member's size is negative");
        }
        if (!is_extension(h.type))
            return make_entry(w, &h, &o, ret_entry);
        enum tar_step step = take_extension(w, &h, &o);
        if (step != TAR_ENTRY)
            return step;
    }
    return damaged(w, "too many extension headers for one member");
}

bool tar_recognise(struct span file)
{
    struct span block = span_slice(file, 0, TAR_BLOCK);
    struct header h;
    return block.len == TAR_BLOCK && !span_is_zero(block) && checksum_valid(block) &&
           parse_header(block, &h);
}

size_t tar_last_members(struct span file, size_t tail,
                        struct tar_range ret_list[TAR_RANGES_MAX])
{
    struct arena *names = tar_recognise(file) ? arena_new(1 << 20) : NULL;
    if (!names)
        return 0;
    size_t n = 0, from = file.len > tail ? file.len - tail : 0;
    struct tar_walk w = tar_walk_start(file, names);
    struct tar_entry e;
    struct arena_mark mark = arena_mark(names);
    for (; n < TAR_RANGES_MAX && tar_walk_next(&w, &e) == TAR_ENTRY;
         arena_release(names, mark)) {
        struct tar_range range = { e.data, e.data };
        if (e.has_data && size_add(e.data, e.size, &range.end) && range.end > from)
            ret_list[n++] = range;
    }
    arena_free(names);
    return n;
}
