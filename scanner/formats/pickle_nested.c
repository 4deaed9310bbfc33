/* Pickles inside the literals of a pickle: as they are, compressed, in base64 or hex.
 * Only what looks like one becomes an artifact of its own. */
#include <inttypes.h>
#include <stdlib.h>

#include "formats/pickle_judge.h"
#include "formats/pickle_scan.h"

enum { ENCODED_MIN = 16, HEAD = 48, INSIDE_MAX = 64 << 10 };

/* Does it begin like a pickle, or like something that can hold one? */
static bool promising(const struct pickle_judge *j, struct span s)
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
    if (s.len < PICKLE_LITERAL_MIN)
        return false;
    for (size_t i = 0; i < sizeof magic / sizeof *magic; i++)
        if (span_equal(span_slice(s, 0, magic[i].len),
                       span_of(magic[i].bytes, magic[i].len)))
            return true;
    if (s.ptr[0] == 0x78 && (s.ptr[0] * 256U + s.ptr[1]) % 31 == 0)
        return true;
    return pickle_probe(s, j->in->pickle_rules) != CLAIM_NONE;
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

/* Digits of `bits` bits each, white space ignored, up to padding; SIZE_MAX when there
 * is anything else.  `ret` holds at least s.len bytes. */
static size_t decode_digits(struct span s, unsigned bits, uint8_t *ret)
{
    uint32_t pending = 0;
    unsigned have = 0;
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c == '\n' || c == '\r')
            continue;
        if (c == '=' && bits == 6)
            break;
        unsigned digit = bits == 6 ? sextet(c) : nibble(c);
        if (digit > 63)
            return SIZE_MAX;
        pending = pending << bits | digit;
        have += bits;
        if (have >= 8) {
            have -= 8;
            ret[len++] = (uint8_t)(pending >> have);
        }
    }
    return len;
}

static void decode_and_inspect(struct pickle_judge *j, const char *kind, size_t offset,
                               struct span text, unsigned bits)
{
    uint8_t head[HEAD];
    size_t n = decode_digits(span_slice(text, 0, HEAD), bits, head);
    if (n == SIZE_MAX || n == 0)
        return;
    /* the head decides whether the rest is worth a copy: a pickle that needs no
     * PROTO to be one is only seen whole */
    bool worth = head[0] == 0x80 || head[0] == 0x78 || head[0] == 0x1f ||
                 head[0] == 'c' || head[0] == '(' || head[0] == 'B' || head[0] == 'P' ||
                 head[0] == 0xfd || head[0] == 0x28 || head[0] == 0x93 ||
                 head[0] == ']' || head[0] == '}' || head[0] == 0x8c || head[0] == 'X';
    if (!worth || !inspection_spend(j->in, BUDGET_EXPANDED_BYTES, text.len))
        return;
    uint8_t *bytes = malloc(text.len);
    n = bytes ? decode_digits(text, bits, bytes) : SIZE_MAX;
    if (!bytes)
        inspection_incomplete(j->in, "out of memory");
    else if (n != SIZE_MAX && promising(j, span_of(bytes, n)))
        inspect(j, kind, offset, span_of(bytes, n));
    free(bytes);
}

void judge_latin1(struct pickle_judge *j, size_t offset, struct span text)
{
    if (text.len < PICKLE_LITERAL_MIN)
        return;
    uint8_t *bytes = malloc(text.len);
    size_t n = 0;
    for (size_t i = 0; bytes && i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if ((c == 0xc2 || c == 0xc3) && i + 1 < text.len)
            c = (uint8_t)((c & 3) << 6 | (text.ptr[++i] & 0x3f));
        bytes[n++] = c;
    }
    if (!bytes)
        inspection_incomplete(j->in, "out of memory");
    else if (promising(j, span_of(bytes, n)))
        inspect(j, "bytes", offset, span_of(bytes, n));
    free(bytes);
}

void judge_literal(struct pickle_judge *j, const struct pickle_machine *m,
                   pickle_value literal, struct span bytes)
{
    struct buffer scratch;
    size_t offset = value_offset(literal);
    bool text = value_tag(literal) == PICKLE_STR;
    buffer_init(&scratch, 1 << 20);
    if (text)
        bytes = pickle_text(m, literal, &scratch);
    if (promising(j, bytes)) {
        inspect(j, text ? "text" : "bytes", offset, bytes);
    } else if (bytes.len >= ENCODED_MIN) {
        decode_and_inspect(j, "base64", offset, bytes, 6);
        decode_and_inspect(j, "hex", offset, bytes, 4);
        if (text && span_starts(bytes, "\xc2\x80"))
            judge_latin1(j, offset, bytes);
        size_t inner = bytes.len <= INSIDE_MAX && !text
                           ? pickle_probe_inside(bytes, j->in->pickle_rules)
                           : SIZE_MAX;
        if (inner != SIZE_MAX)
            inspect(j, "bytes", offset, span_slice(bytes, inner, bytes.len));
    }
    buffer_free(&scratch);
}
