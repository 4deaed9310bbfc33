/* Pickles inside the literals of a pickle: as they are, compressed, in base64 or hex.
 * Only what looks like one becomes an artifact of its own. */
#include "formats/expansion.h"
#include "formats/pickle/judge.h"

enum { ENCODED_MIN = 16, HEAD = 48, INSIDE_MAX = 64 << 10, PIECE = 16 << 10 };

/* Does it begin like something that can hold a pickle? */
static bool wrapped(struct span s)
{
    static const struct {
        const char *bytes;
        size_t len;
    } magic[] = {
        {"\x1f\x8b\x08",      3},
        { "BZh",              3},
        { "\xfd"
          "7zXZ\0",  6},
        { "\x5d\0\0",         3},
        { "PK\3\4",           4},
        { "\x28\xb5\x2f\xfd", 4},
        { "\x04\x22\x4d\x18", 4},
        { "\x93NUMPY",        6},
    };
    for (size_t i = 0; i < sizeof magic / sizeof *magic; i++)
        if (s.ptr[0] == (uint8_t)magic[i].bytes[0] &&
            span_equal(span_slice(s, 0, magic[i].len),
                       span_of(magic[i].bytes, magic[i].len)))
            return true;
    return s.ptr[0] == 0x78 && (s.ptr[0] * 256U + s.ptr[1]) % 31 == 0;
}

/* Does it begin like that, or like a pickle? */
static bool promising(struct pickle_judge *j, struct span s)
{
    if (!j->prober)
        j->prober = pickle_prober_new(j->in->pickle_rules);
    return s.len >= PICKLE_LITERAL_MIN &&
           (wrapped(s) || pickle_prober_claim(j->prober, s) != CLAIM_NONE);
}

static void inspect(struct pickle_judge *j, const char *kind, size_t offset,
                    struct span bytes)
{
    char name[64];
    if (offset + 1 == j->nested) /* seen as a literal, now as what it is encoded to */
        return;
    j->nested = offset + 1;
    int n = snprintf(name, sizeof name, "%s@%zu", kind, offset);
    (void)inspect_member(j->in, span_of(name, n > 0 ? (size_t)n : 0), offset, bytes);
}

static unsigned sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : 64;
}

static unsigned nibble(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 64;
}

/* Text that stands for bytes: digits of 6 or 4 bits, white space between them. */
struct digits {
    unsigned bits, have;
    uint32_t pending;
    bool padded; /* '=' was seen: the rest says nothing */
};

/* Bytes made of the digits in s, at most as many as s is long; SIZE_MAX when something
 * else is among them. */
static size_t decode(struct digits *d, struct span s, uint8_t *ret)
{
    size_t len = 0;
    for (size_t i = 0; i < s.len && !d->padded; i++) {
        uint8_t c = s.ptr[i];
        if (c == '\n' || c == '\r')
            continue;
        d->padded = c == '=' && d->bits == 6;
        if (d->padded)
            break;
        unsigned digit = d->bits == 6 ? sextet(c) : nibble(c);
        if (digit > 63)
            return SIZE_MAX;
        d->pending = d->pending << d->bits | digit;
        d->have += d->bits;
        if (d->have >= 8) {
            d->have -= 8;
            ret[len++] = (uint8_t)(d->pending >> d->have);
        }
    }
    return len;
}

/* Could bytes that begin like this be worth decoding the rest? */
static bool worth_decoding(uint8_t first)
{
    static const uint8_t heads[] = { OP_PROTO,
                                     OP_GLOBAL,
                                     OP_MARK,
                                     OP_EMPTY_LIST,
                                     OP_EMPTY_DICT,
                                     OP_SHORT_BINUNICODE,
                                     OP_BINUNICODE,
                                     OP_STRING,
                                     OP_UNICODE,
                                     OP_EMPTY_TUPLE,
                                     0x78 /* zlib */,
                                     0x1f,
                                     'B',
                                     0xfd,
                                     0x04,
                                     0x93 };
    return memchr(heads, first, sizeof heads) != NULL;
}

static void decode_and_inspect(struct pickle_judge *j, const char *kind, size_t offset,
                               struct span text, unsigned bits)
{
    uint8_t piece[PIECE];
    struct digits d = { .bits = bits };
    size_t n = 0;
    for (size_t at = 0; n == 0 && at < HEAD; at += 2) /* most end at the first byte */
        n = decode(&d, span_slice(text, at, at + 2), piece);
    if (n == SIZE_MAX || n == 0 || !worth_decoding(piece[0]))
        return;
    d = (struct digits){ .bits = bits };
    if (decode(&d, span_slice(text, 0, HEAD), piece) == SIZE_MAX)
        return;
    struct expansion *e = expansion_open(j->in);
    d = (struct digits){ .bits = bits };
    bool ok = e != NULL;
    for (size_t at = 0; ok && at < text.len; at += sizeof piece) {
        n = decode(&d, span_slice(text, at, at + sizeof piece), piece);
        ok = n != SIZE_MAX && expansion_add(e, span_of(piece, n));
    }
    if (!e)
        inspection_incomplete(j->in, "out of memory");
    else if (n != SIZE_MAX && promising(j, expansion_bytes(e)))
        inspect(j, kind, offset, expansion_bytes(e));
    expansion_close(e);
}

void judge_latin1(struct pickle_judge *j, size_t offset, struct span text)
{
    uint8_t piece[PIECE];
    struct expansion *e = text.len < PICKLE_LITERAL_MIN ? NULL : expansion_open(j->in);
    bool ok = e != NULL;
    for (size_t at = 0; ok && at < text.len;) {
        size_t n = 0;
        while (n < sizeof piece && at < text.len) {
            uint8_t c = text.ptr[at++];
            if ((c == 0xc2 || c == 0xc3) && at < text.len)
                c = (uint8_t)((c & 3) << 6 | (text.ptr[at++] & 0x3f));
            piece[n++] = c;
        }
        ok = expansion_add(e, span_of(piece, n));
    }
    if (ok && promising(j, expansion_bytes(e)))
        inspect(j, "bytes", offset, expansion_bytes(e));
    expansion_close(e);
}

/* Are these the instructions whose text is not in the stream as it is? */
static bool has_escapes(const struct pickle_machine *m, size_t offset)
{
    struct span code = span_slice(m->bytes, offset, offset + 1);
    return code.len == 1 && (code.ptr[0] == OP_STRING || code.ptr[0] == OP_UNICODE);
}

void judge_literal(struct pickle_judge *j, const struct pickle_machine *m,
                   pickle_value literal, struct span bytes)
{
    struct buffer scratch;
    size_t offset = value_offset(literal);
    bool text = value_tag(literal) == PICKLE_STR;
    buffer_init(&scratch, 1 << 20);
    if (text && has_escapes(m, offset))
        bytes = pickle_text(m, literal, &scratch);
    if (promising(j, bytes)) {
        inspect(j, text ? "text" : "bytes", offset, bytes);
    } else if (bytes.len >= ENCODED_MIN) {
        decode_and_inspect(j, "base64", offset, bytes, 6);
        decode_and_inspect(j, "hex", offset, bytes, 4);
        if (text && span_starts(bytes, "\xc2\x80"))
            judge_latin1(j, offset, bytes);
        size_t inner = bytes.len <= INSIDE_MAX && !text
                           ? pickle_prober_find(j->prober, bytes)
                           : SIZE_MAX;
        if (inner != SIZE_MAX)
            inspect(j, "bytes", offset, span_slice(bytes, inner, bytes.len));
    }
    buffer_free(&scratch);
}
