#include "worker/statement_wire.h"
#include "core/descriptor.h"

enum { FRAME_HEADER = 5, GATHER = 32 << 10, SAID = 1, DONE = 2 };
enum {
    FLAG_UNIT = 1,
    FLAG_SIZE = 2,
    FLAG_LINE_ENDS = 4,
    FLAGS = FLAG_UNIT | FLAG_SIZE | FLAG_LINE_ENDS
};

/* ---- the child's side ----------------------------------------------------- */

void statement_encoder_init(struct statement_encoder *e, int fd)
{
    *e = (struct statement_encoder){ .fd = fd };
    buffer_init(&e->gathered, GATHER + 2 * (FRAME_HEADER + STATEMENT_RECORD_MAX));
}

void statement_encoder_free(struct statement_encoder *e)
{
    buffer_free(&e->gathered);
}

static void add_uint(struct buffer *b, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    buffer_add(b, span_of(bytes, size));
}

static void flush(struct statement_encoder *e)
{
    if (!e->failed && !descriptor_write(e->fd, buffer_span(&e->gathered)))
        e->failed = true;
    buffer_clear(&e->gathered);
}

void statement_encode(void *self, const struct statement *s)
{
    struct statement_encoder *e = self;
    const struct span texts[] = { s->path, s->digest,   s->reference, s->registry,
                                  s->name, s->revision, s->note };
    size_t length = 16; /* kind, source, flags, algorithm, problem, size */
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        length += 2 + texts[i].len;
    add_uint(&e->gathered, SAID, 1);
    add_uint(&e->gathered, length, 4);
    add_uint(&e->gathered, s->kind, 1);
    add_uint(&e->gathered, s->source, 4);
    add_uint(&e->gathered,
             (s->unit ? FLAG_UNIT : 0U) | (s->has_size ? FLAG_SIZE : 0U) |
                 (s->line_ends ? FLAG_LINE_ENDS : 0U),
             1);
    add_uint(&e->gathered, s->algorithm, 1);
    add_uint(&e->gathered, s->problem, 1);
    add_uint(&e->gathered, s->size, 8);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        add_uint(&e->gathered, texts[i].len, 2);
        buffer_add(&e->gathered, texts[i]);
    }
    e->failed |= e->gathered.truncated;
    if (e->gathered.len >= GATHER)
        flush(e);
}

bool statement_encoder_end(struct statement_encoder *e)
{
    add_uint(&e->gathered, DONE, 1);
    add_uint(&e->gathered, 0, 4);
    flush(e);
    return !e->failed;
}

/* ---- the parent's side ---------------------------------------------------- */

static bool is_digits(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!strchr("0123456789abcdef", text.ptr[i]) || text.ptr[i] == 0)
            return false;
    return true;
}

/* Relative, without empty, "." and ".." components and NUL; nothing is fine. */
static bool is_inside(struct span path)
{
    if (path.len == 0)
        return true;
    if (memchr(path.ptr, '\0', path.len))
        return false;
    for (size_t at = 0; at <= path.len;) {
        size_t end = span_find(path, "/", at);
        struct span part = span_slice(path, at, end);
        if (part.len == 0 || span_is(part, ".") || span_is(part, ".."))
            return false;
        at = end == SIZE_MAX ? path.len + 1 : end + 1;
    }
    return true;
}

static struct span read_text(struct reader *r)
{
    return reader_bytes(r, reader_u16le(r));
}

/* Could a parser have said so? */
static bool plausible(const struct statement *s)
{
    if (!is_inside(s->path) || s->path.len > STATEMENT_TEXT_MAX)
        return false;
    bool blob = s->algorithm == DIGEST_GIT_SHA1 || s->algorithm == DIGEST_GIT_SHA256;
    if (s->line_ends && (s->kind != STATEMENT_EXPECT || !blob))
        return false;
    if (s->kind == STATEMENT_EXPECT)
        return s->path.len > 0 && is_digits(s->digest) &&
               (s->digest.len || s->has_size) &&
               s->digest.len <= digest_digits(s->algorithm);
    if (s->kind == STATEMENT_LISTING)
        return s->path.len > 0 && is_digits(s->digest) &&
               s->digest.len == digest_digits(DIGEST_MD5);
    return s->digest.len == 0 && !s->has_size;
}

static enum wire_outcome read_said(struct statement_decoder *d, struct reader *r)
{
    struct statement s = { 0 };
    uint8_t kind = reader_u8(r);
    s.source = reader_u32le(r);
    uint8_t flags = reader_u8(r), algorithm = reader_u8(r), problem = reader_u8(r);
    s.size = reader_u64le(r);
    struct span *const texts[] = { &s.path, &s.digest,   &s.reference, &s.registry,
                                   &s.name, &s.revision, &s.note };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = read_text(r);
    if (!reader_ok(r) || reader_left(r) > 0 || kind >= STATEMENT_KINDS ||
        algorithm >= DIGEST_COUNT || problem >= PROBLEM_KINDS || flags > FLAGS ||
        s.source >= d->sources || d->left == 0)
        return d->outcome = WIRE_MALFORMED;
    s.kind = (enum statement_kind)kind;
    s.algorithm = (enum digest_algorithm)algorithm;
    s.problem = (enum statement_problem)problem;
    s.unit = flags & FLAG_UNIT;
    s.has_size = flags & FLAG_SIZE;
    s.line_ends = flags & FLAG_LINE_ENDS;
    if (!plausible(&s))
        return d->outcome = WIRE_MALFORMED;
    d->left--;
    d->say(d->self, &s);
    return WIRE_MORE;
}

enum wire_outcome statement_decode(struct statement_decoder *d, struct span bytes,
                                   size_t *ret_taken)
{
    struct reader r = reader_of(bytes, 0);
    *ret_taken = 0;
    while (d->outcome == WIRE_MORE && reader_left(&r) >= FRAME_HEADER) {
        uint8_t type = reader_u8(&r);
        uint32_t length = reader_u32le(&r);
        if (length > STATEMENT_RECORD_MAX || (type != SAID && type != DONE) ||
            (type == DONE && (length > 0 || reader_left(&r) > 0)))
            return d->outcome = WIRE_MALFORMED;
        if (reader_left(&r) < length)
            break;
        struct reader payload = reader_sub(&r, length);
        if (type == DONE)
            d->outcome = WIRE_ENDED;
        else
            (void)read_said(d, &payload);
        *ret_taken = bytes.len - reader_left(&r);
    }
    return d->outcome;
}
