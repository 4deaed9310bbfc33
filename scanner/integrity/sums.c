#include "integrity/sums.h"

enum { LINE_LIMIT = MANIFEST_NAME_MAX + 256 };

/* Source: GNU coreutils, src/digest.c, split_3(); openssl-dgst(1).  Of words with as many
 * digits, the first is what a line without a word means. */
static const struct {
    const char *word;
    enum digest_algorithm algorithm;
} algorithms[] = {
    {"SHA256",      DIGEST_SHA256 },
    { "SHA384",     DIGEST_SHA384 },
    { "SHA512",     DIGEST_SHA512 },
    { "SHA1",       DIGEST_SHA1   },
    { "MD5",        DIGEST_MD5    },
    { "SHA2-256",   DIGEST_SHA256 },
    { "SHA2-384",   DIGEST_SHA384 },
    { "SHA2-512",   DIGEST_SHA512 },
    { "BLAKE2b",    DIGEST_BLAKE2B},
    { "BLAKE2b512", DIGEST_BLAKE2B},
    { "BLAKE3",     DIGEST_BLAKE3 },
};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

/* One line, taken apart but not judged. */
struct line {
    enum digest_algorithm algorithm;
    struct span digits, name;
    bool escaped;
};

static bool is_hex(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!strchr("0123456789abcdefABCDEF", s.ptr[i]) || s.ptr[i] == 0)
            return false;
    return s.len > 0;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct span skip_blanks(struct span text)
{
    size_t at = 0;
    while (at < text.len && is_blank(text.ptr[at]))
        at++;
    return span_slice(text, at, text.len);
}

/* What so many digits mean when nothing else says it. */
static bool algorithm_of(struct span digits, enum digest_algorithm *ret)
{
    for (size_t i = 0; i < ALGORITHMS; i++)
        if (digits.len == digest_digits(algorithms[i].algorithm)) {
            *ret = algorithms[i].algorithm;
            return is_hex(digits);
        }
    return false;
}

/* "HEX  name", "HEX *name", and "HEX name" as BSD's md5 -r writes it */
static bool split_gnu(struct span text, struct line *l)
{
    size_t end = 0;
    while (end < text.len && !is_blank(text.ptr[end]))
        end++;
    l->digits = span_slice(text, 0, end);
    l->name = span_slice(text, end + 1, text.len);
    if (l->name.len > 1 && (l->name.ptr[0] == ' ' || l->name.ptr[0] == '*'))
        l->name = span_slice(l->name, 1, l->name.len);
    return l->name.len > 0 && algorithm_of(l->digits, &l->algorithm);
}

/* "SHA256 (name) = HEX", and "SHA2-256(name)= HEX" as OpenSSL writes it */
static bool split_bsd(struct span text, struct line *l)
{
    size_t open = span_find(text, "(", 0);
    size_t close = span_find_last(text, ")", text.len);
    if (open == SIZE_MAX || close == SIZE_MAX || close <= open + 1)
        return false;
    struct span word = span_slice(text, 0, open);
    struct span rest = skip_blanks(span_slice(text, close + 1, text.len));
    if (!span_starts(rest, "="))
        return false;
    if (span_ends(word, " "))
        word.len--;
    l->name = span_slice(text, open + 1, close);
    l->digits = skip_blanks(span_slice(rest, 1, rest.len));
    for (size_t i = 0; i < ALGORITHMS; i++)
        if (span_is(word, algorithms[i].word)) {
            l->algorithm = algorithms[i].algorithm;
            return l->digits.len == digest_digits(l->algorithm) && is_hex(l->digits);
        }
    return false;
}

static bool split(struct span text, struct line *l)
{
    text = skip_blanks(text);
    l->escaped = span_starts(text, "\\");
    if (l->escaped)
        text = span_slice(text, 1, text.len);
    return split_gnu(text, l) || split_bsd(text, l);
}

/* What coreutils escapes: "\\", "\n", "\r". */
static bool unescape(struct arena *arena, struct span *name)
{
    uint8_t *out = arena_alloc(arena, name->len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < name->len; i++) {
        uint8_t c = name->ptr[i];
        if (c == '\\') {
            uint8_t next = ++i < name->len ? name->ptr[i] : 0;
            if (next != '\\' && next != 'n' && next != 'r')
                return false;
            c = next == 'n' ? '\n' : next == 'r' ? '\r' : '\\';
        }
        out[n++] = c;
    }
    *name = span_of(out, out ? n : 0);
    return out != NULL;
}

static struct span lower(struct arena *arena, struct span digits)
{
    uint8_t *out = arena_alloc(arena, digits.len + 1);
    for (size_t i = 0; out && i < digits.len; i++)
        out[i] = (uint8_t)(digits.ptr[i] | (digits.ptr[i] >= 'A' ? 0x20 : 0));
    return span_of(out, out ? digits.len : 0);
}

static bool read_line(struct arena *arena, struct line *l, struct manifest_entry *ret,
                      struct refusal *why)
{
    if (l->escaped && !unescape(arena, &l->name))
        return refuse(why, SIGNATURE_INVALID, "sums-form", "a name is escaped wrongly");
    while (span_starts(l->name, "./"))
        l->name = span_slice(l->name, 2, l->name.len);
    if (span_is(l->name, "-")) /* `sha256sum < FILE` */
        l->name = span_of_text(".");
    const char *problem = span_is(l->name, ".") ? NULL : path_problem(l->name);
    if (problem)
        return refuse(why, SIGNATURE_INVALID, "resource-name", "the name %.*s %s",
                      (int)(l->name.len < 200 ? l->name.len : 200),
                      l->name.ptr ? (const char *)l->name.ptr : "", problem);
    *ret = (struct manifest_entry){ .path = arena_copy(arena, l->name),
                                    .end = WHOLE_FILE,
                                    .algorithm = l->algorithm,
                                    .digest = lower(arena, l->digits) };
    return true;
}

/* Lines that say something; the others are empty or begin with '#'. */
static bool next_text(struct reader *r, struct span *ret)
{
    while (reader_left(r) > 0) {
        struct span text = manifest_line(r, LINE_LIMIT);
        if (text.len && text.ptr[0] != '#') {
            *ret = text;
            return true;
        }
    }
    return false;
}

/* A digest and nothing else: of the file that the list's own name says. */
static bool lone_digest(struct span bytes, struct line *l)
{
    struct reader r = reader_of(bytes, 0);
    struct span text = manifest_line(&r, LINE_LIMIT);
    bool more = next_text(&r, &(struct span){ 0 });
    while (text.len && is_blank(text.ptr[text.len - 1]))
        text.len--;
    *l = (struct line){ .digits = text, .name = span_of_text(".") };
    return !more && algorithm_of(text, &l->algorithm);
}

static struct span without_mark(struct span bytes)
{
    return span_starts(bytes, "\xef\xbb\xbf") ? span_slice(bytes, 3, bytes.len) : bytes;
}

bool sums_claims(struct span head)
{
    struct reader r = reader_of(without_mark(head), 0);
    struct span text;
    struct line l;
    return (next_text(&r, &text) && split(text, &l)) ||
           lone_digest(without_mark(head), &l);
}

static bool read_lone(struct arena *arena, const struct line *l, struct manifest *ret,
                      struct refusal *why)
{
    struct manifest_entry *e = arena_alloc(arena, sizeof *e);
    if (!e)
        return refuse(why, SIGNATURE_INVALID, "memory", "the list needs too much memory");
    *e = (struct manifest_entry){ .path = l->name,
                                  .end = WHOLE_FILE,
                                  .algorithm = l->algorithm,
                                  .digest = lower(arena, l->digits) };
    *ret = (struct manifest){ e, 1 };
    return true;
}

bool sums_parse(struct arena *arena, struct span bytes, struct manifest *ret,
                struct refusal *why)
{
    struct manifest m = { 0 };
    struct span text;
    struct line lone;
    size_t lines = 0;
    if (bytes.len > SUMS_BYTES_MAX)
        return refuse(why, SIGNATURE_INVALID, "limit", "the list is too large");
    bytes = without_mark(bytes);
    if (lone_digest(bytes, &lone))
        return read_lone(arena, &lone, ret, why);
    struct reader r = reader_of(bytes, 0);
    while (next_text(&r, &text))
        lines++;
    if (!reader_ok(&r) || lines == 0 || lines > MANIFEST_ENTRIES_MAX)
        return refuse(why, SIGNATURE_INVALID, "sums-form",
                      "the list is empty, or has too many lines or too long ones");
    m.entries = arena_array(arena, lines, sizeof *m.entries);
    r = reader_of(bytes, 0);
    while (m.entries && next_text(&r, &text)) {
        struct line l;
        if (!split(text, &l))
            return refuse(why, SIGNATURE_INVALID, "sums-form",
                          "line %zu that says something is no digest and name",
                          m.count + 1);
        if (!read_line(arena, &l, &m.entries[m.count++], why))
            return false;
    }
    if (!m.entries || arena_exhausted(arena))
        return refuse(why, SIGNATURE_INVALID, "memory", "the list needs too much memory");
    if (!manifest_sort(&m, why))
        return false;
    *ret = m;
    return true;
}

/* Where lines without a word mean another digest than the first of that length. */
static const struct {
    const char *ending;
    enum digest_algorithm algorithm;
} told[] = {
    {"B2SUMS",      DIGEST_BLAKE2B},
    { "B2SUMS.txt", DIGEST_BLAKE2B},
    { ".b2sum",     DIGEST_BLAKE2B},
    { ".blake2b",   DIGEST_BLAKE2B},
    { "B3SUMS",     DIGEST_BLAKE3 },
    { "B3SUMS.txt", DIGEST_BLAKE3 },
    { ".b3sum",     DIGEST_BLAKE3 },
    { ".blake3",    DIGEST_BLAKE3 },
};

void sums_told(struct manifest *m, struct span path)
{
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        for (size_t k = 0; span_ends_nocase(path, told[i].ending) && k < m->count; k++)
            if (m->entries[k].digest.len == digest_digits(told[i].algorithm))
                m->entries[k].algorithm = told[i].algorithm;
}
