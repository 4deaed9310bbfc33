#include "core/tokens.h"

#include "core/keyset.h"

#include <stdlib.h>
#include <string.h>

/* What may come next. */
enum state {
    WANT_VALUE,
    WANT_VALUE_OR_END, /* behind '[' */
    WANT_KEY_OR_END,   /* behind '{' */
    WANT_COMMA_OR_END, /* behind a value, at any depth */
    STOPPED
};

struct frame {
    bool object;
    size_t mark; /* of its keys in the keyset */
};

struct tokens {
    struct span in;
    size_t pos, width; /* width of the character that look() showed last */
    uint64_t origin;
    enum json_encoding encoding;
    bool marked;
    enum state state;
    struct budget *budget;
    struct buffer text;
    struct keyset keys;
    struct token last; /* answered again once STOPPED */
    unsigned depth;
    struct frame frames[TOKENS_DEPTH_MAX];
};

/* What look() shows besides code points. */
enum { AT_END = -1, NOT_TEXT = -2 };

const char *json_encoding_name(enum json_encoding e)
{
    static const char *const names[] = {
        [JSON_UTF8] = "UTF-8",       [JSON_UTF16LE] = "UTF-16LE",
        [JSON_UTF16BE] = "UTF-16BE", [JSON_UTF32LE] = "UTF-32LE",
        [JSON_UTF32BE] = "UTF-32BE",
    };
    return names[e];
}

enum json_encoding tokens_encoding(const struct tokens *t)
{
    return t->encoding;
}

bool tokens_marked(const struct tokens *t)
{
    return t->marked;
}

/* As json.detect_encoding() of Python; returns the length of the byte order mark. */
static size_t detect_encoding(struct span in, enum json_encoding *ret_encoding)
{
    static const struct {
        enum json_encoding encoding;
        uint8_t len, bytes[4];
    } marks[] = {
  /* UTF-32LE starts like UTF-16LE, so it comes first */
        {JSON_UTF32BE,  4, { 0, 0, 0xfe, 0xff }},
        { JSON_UTF32LE, 4, { 0xff, 0xfe, 0, 0 }},
        { JSON_UTF16BE, 2, { 0xfe, 0xff }      },
        { JSON_UTF16LE, 2, { 0xff, 0xfe }      },
        { JSON_UTF8,    3, { 0xef, 0xbb, 0xbf }}
    };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (span_equal(span_slice(in, 0, marks[i].len),
                       span_of(marks[i].bytes, marks[i].len))) {
            *ret_encoding = marks[i].encoding;
            return marks[i].len;
        }
    *ret_encoding = JSON_UTF8;
    if (in.len >= 4 && in.ptr[0] == 0)
        *ret_encoding = in.ptr[1] ? JSON_UTF16BE : JSON_UTF32BE;
    else if (in.len >= 4 && in.ptr[1] == 0)
        *ret_encoding = in.ptr[2] || in.ptr[3] ? JSON_UTF16LE : JSON_UTF32LE;
    else if (in.len == 2 && in.ptr[0] == 0)
        *ret_encoding = JSON_UTF16BE;
    else if (in.len == 2 && in.ptr[1] == 0)
        *ret_encoding = JSON_UTF16LE;
    return 0;
}

struct tokens *tokens_open(struct span bytes, uint64_t origin, size_t text_max,
                           struct budget *budget)
{
    struct tokens *t = malloc(sizeof *t);
    if (!t)
        return NULL;
    /* not the frames: they are written before they are read */
    memset(t, 0, offsetof(struct tokens, frames));
    t->in = bytes;
    t->origin = origin;
    t->budget = budget;
    t->pos = detect_encoding(bytes, &t->encoding);
    t->marked = t->pos > 0;
    buffer_init(&t->text, text_max);
    keyset_init(&t->keys, TOKENS_KEYS_MAX);
    return t;
}

void tokens_close(struct tokens *t)
{
    if (!t)
        return;
    buffer_free(&t->text);
    keyset_free(&t->keys);
    free(t);
}

/* ---- characters ---- */

static int32_t look_utf8(struct tokens *t)
{
    static const struct {
        uint8_t mask, lead;
        int32_t least;
    } forms[] = {
        {0xe0,  0xc0, 0x80   },
        { 0xf0, 0xe0, 0x800  },
        { 0xf8, 0xf0, 0x10000}
    };
    const uint8_t *p = t->in.ptr + t->pos;
    size_t left = t->in.len - t->pos;
    t->width = 1;
    for (size_t form = 0; form < 3; form++) {
        size_t len = form + 2;
        if ((p[0] & forms[form].mask) != forms[form].lead)
            continue;
        if (len > left)
            return NOT_TEXT;
        int32_t c = p[0] & ~forms[form].mask & 0xff;
        for (size_t i = 1; i < len; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return NOT_TEXT;
            c = c << 6 | (p[i] & 0x3f);
        }
        if (c < forms[form].least || c > 0x10ffff)
            return NOT_TEXT;
        t->width = len;
        return c;
    }
    return NOT_TEXT;
}

static int32_t unit16(const struct tokens *t, size_t at)
{
    const uint8_t *p = t->in.ptr + at;
    return t->encoding == JSON_UTF16LE ? p[0] | p[1] << 8 : p[0] << 8 | p[1];
}

static bool high_surrogate(int32_t c)
{
    return c >= 0xd800 && c <= 0xdbff;
}

static bool low_surrogate(int32_t c)
{
    return c >= 0xdc00 && c <= 0xdfff;
}

static int32_t pair(int32_t high, int32_t low)
{
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static int32_t look_wide(struct tokens *t)
{
    const uint8_t *p = t->in.ptr + t->pos;
    size_t left = t->in.len - t->pos;
    bool utf16 = t->encoding == JSON_UTF16LE || t->encoding == JSON_UTF16BE;
    size_t unit = utf16 ? 2 : 4;
    t->width = unit < left ? unit : left;
    if (left < unit)
        return NOT_TEXT;
    if (utf16) {
        int32_t c = unit16(t, t->pos);
        if (high_surrogate(c) && left >= 4 && low_surrogate(unit16(t, t->pos + 2))) {
            t->width = 4;
            c = pair(c, unit16(t, t->pos + 2));
        }
        return c;
    }
    uint32_t c =
        t->encoding == JSON_UTF32LE
            ? p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24
            : p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
    return c > 0x10ffff ? NOT_TEXT : (int32_t)c;
}

/* The character at pos, a lone surrogate included, and its width in t->width. */
static inline int32_t look(struct tokens *t)
{
    t->width = 0;
    if (t->pos >= t->in.len)
        return AT_END;
    if (t->encoding != JSON_UTF8)
        return look_wide(t);
    t->width = 1;
    uint8_t c = t->in.ptr[t->pos];
    return c < 0x80 ? c : look_utf8(t);
}

static inline int32_t look_past_space(struct tokens *t)
{
    int32_t c = look(t);
    while (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
        t->pos += t->width;
        c = look(t);
    }
    return c;
}

static inline void advance(struct tokens *t)
{
    t->pos += t->width;
}

static uint64_t here(const struct tokens *t)
{
    return t->origin + t->pos;
}

/* Ends the stream.  Always false. */
static bool fail(struct tokens *t, struct token *k, unsigned flags, const char *reason)
{
    *k = (struct token){ .type = TOKEN_ERROR,
                         .flags = flags,
                         .depth = t->depth,
                         .offset = here(t),
                         .end = here(t),
                         .text = span_of_text(reason) };
    k->length = k->text.len;
    return false;
}

/* ---- strings ---- */

#define HASH_START UINT64_C(0xcbf29ce484222325)

static uint64_t hash_more(uint64_t hash, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ bytes.ptr[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Decoded text on its way into t->text, in pieces. */
struct writer {
    struct tokens *tokens;
    uint64_t hash, length;
    size_t used;
    uint8_t piece[256];
};

static void writer_flush(struct writer *w)
{
    struct span bytes = span_of(w->piece, w->used);
    w->hash = hash_more(w->hash, bytes);
    w->length += w->used;
    if (!w->tokens->text.truncated)
        buffer_add(&w->tokens->text, bytes);
    w->used = 0;
}

/* All of it is the token's text. */
static void writer_end(struct writer *w, struct token *k)
{
    writer_flush(w);
    if (w->tokens->text.truncated)
        k->flags |= TOKEN_CUT;
    k->text = buffer_span(&w->tokens->text);
    k->length = w->length;
}

static void writer_add(struct writer *w, int32_t c)
{
    if (sizeof w->piece - w->used < 4)
        writer_flush(w);
    uint8_t *p = w->piece + w->used;
    if (c < 0x80) {
        p[0] = (uint8_t)c;
        w->used += 1;
    } else if (c < 0x800) {
        p[0] = (uint8_t)(0xc0 | c >> 6);
        p[1] = (uint8_t)(0x80 | (c & 0x3f));
        w->used += 2;
    } else if (c < 0x10000) {
        p[0] = (uint8_t)(0xe0 | c >> 12);
        p[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        p[2] = (uint8_t)(0x80 | (c & 0x3f));
        w->used += 3;
    } else {
        p[0] = (uint8_t)(0xf0 | c >> 18);
        p[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        p[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        p[3] = (uint8_t)(0x80 | (c & 0x3f));
        w->used += 4;
    }
}

/* Pass over text that reads the same decoded: no escape, nothing odd.  True at the
 * closing quote; false at the first character that needs decode_string(). */
static bool scan_plain(struct tokens *t)
{
    for (;;) {
        const uint8_t *p = t->in.ptr;
        size_t pos = t->pos;
        while (pos < t->in.len && p[pos] >= 0x20 && p[pos] < 0x80 && p[pos] != '"' &&
               p[pos] != '\\')
            pos++;
        t->pos = pos;
        int32_t c = look(t);
        if (c < 0x80 || (c >= 0xd800 && c <= 0xdfff))
            return c == '"';
        advance(t);
    }
}

static int32_t hex_digit(int32_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four digits behind "\u"; -1 when they are not there. */
static int32_t read_hex4(struct tokens *t)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int32_t digit = hex_digit(look(t));
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
        advance(t);
    }
    return value;
}

/* Behind the backslash; -1 when no such escape exists. */
static int32_t read_escape(struct tokens *t)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int32_t c = look(t);
    advance(t);
    if (c != 'u') {
        const char *hit = c > 0 && c < 0x80 ? strchr(from, (char)c) : NULL;
        return hit ? to[hit - from] : -1;
    }
    c = read_hex4(t);
    if (!high_surrogate(c))
        return c;
    size_t behind = t->pos;
    if (look(t) == '\\') {
        advance(t);
        if (look(t) == 'u') {
            advance(t);
            int32_t low = read_hex4(t);
            if (low_surrogate(low))
                return pair(c, low);
        }
    }
    t->pos = behind; /* half a pair; what follows is read for itself */
    return c;
}

static bool decode_string(struct tokens *t, struct token *k, uint64_t *ret_hash)
{
    struct writer w = { .tokens = t, .hash = HASH_START };
    buffer_clear(&t->text);
    for (;;) {
        int32_t c = look(t);
        if (c == '"')
            break;
        if (c == AT_END)
            return fail(t, k, 0, "the text ends inside a string");
        if (c == '\\') {
            k->flags |= TOKEN_ESCAPED;
            advance(t);
            c = read_escape(t);
            if (c < 0)
                return fail(t, k, 0, "a backslash that begins no escape");
        } else {
            if (c == NOT_TEXT) {
                k->flags |= TOKEN_BAD_TEXT;
                c = 0xfffd;
            } else if (c < 0x20) {
                k->flags |= TOKEN_CONTROL;
            }
            advance(t);
        }
        if (c >= 0xd800 && c <= 0xdfff)
            k->flags |= TOKEN_SURROGATE;
        writer_add(&w, c);
    }
    writer_end(&w, k);
    *ret_hash = w.hash;
    return true;
}

/* At the opening quote; leaves t behind the closing one. */
static bool read_string(struct tokens *t, struct token *k, uint64_t *ret_hash)
{
    advance(t);
    size_t start = t->pos;
    if (t->encoding == JSON_UTF8 && scan_plain(t)) {
        k->text = span_slice(t->in, start, t->pos);
        k->length = k->text.len;
        if (ret_hash)
            *ret_hash = hash_more(HASH_START, k->text);
    } else {
        uint64_t hash;
        t->pos = start;
        if (!decode_string(t, k, &hash))
            return false;
        if (ret_hash)
            *ret_hash = hash;
    }
    advance(t);
    return true;
}

/* ---- numbers and words ---- */

/* Read digits; how many.  *value grows until it no longer fits. */
static size_t read_digits(struct tokens *t, struct writer *w, struct token *k,
                          uint64_t *value)
{
    size_t count = 0;
    for (int32_t c = look(t); c >= '0' && c <= '9'; c = look(t), count++) {
        if (__builtin_mul_overflow(*value, 10U, value) ||
            __builtin_add_overflow(*value, (uint64_t)(c - '0'), value))
            k->flags |= TOKEN_OVERFLOW;
        writer_add(w, c);
        advance(t);
    }
    return count;
}

static bool read_word(struct tokens *t, struct writer *w, const char *word)
{
    for (; *word; word++) {
        if (look(t) != *word)
            return false;
        writer_add(w, *word);
        advance(t);
    }
    return true;
}

static bool read_number_text(struct tokens *t, struct token *k, struct writer *w)
{
    uint64_t value = 0, ignored = 0;
    if (look(t) == '-') {
        k->flags |= TOKEN_NEGATIVE;
        writer_add(w, '-');
        advance(t);
    }
    bool zero = look(t) == '0';
    size_t digits = read_digits(t, w, k, &value);
    if (digits == 0) {
        k->flags |= TOKEN_NOT_FINITE;
        return read_word(t, w, "Infinity");
    }
    if (zero && digits > 1)
        k->flags |= TOKEN_LEADING_ZERO;
    bool overflow = k->flags & TOKEN_OVERFLOW;
    if (look(t) == '.') {
        k->flags |= TOKEN_FRACTION;
        writer_add(w, '.');
        advance(t);
        if (read_digits(t, w, k, &ignored) == 0)
            return false;
    }
    int32_t c = look(t);
    if (c == 'e' || c == 'E') {
        k->flags |= TOKEN_EXPONENT;
        writer_add(w, c);
        advance(t);
        c = look(t);
        if (c == '+' || c == '-') {
            writer_add(w, c);
            advance(t);
        }
        if (read_digits(t, w, k, &ignored) == 0)
            return false;
    }
    if (k->flags & (TOKEN_FRACTION | TOKEN_EXPONENT)) {
        k->flags &= ~(unsigned)TOKEN_OVERFLOW;
    } else if (overflow || value > UINT64_C(1) << 53) {
        k->flags |= TOKEN_IMPRECISE;
    }
    if (!(k->flags & (TOKEN_FRACTION | TOKEN_EXPONENT | TOKEN_NEGATIVE | TOKEN_OVERFLOW)))
        k->number = value;
    return true;
}

static bool read_number(struct tokens *t, struct token *k)
{
    struct writer w = { .tokens = t };
    k->type = TOKEN_NUMBER;
    buffer_clear(&t->text);
    if (!read_number_text(t, k, &w))
        return fail(t, k, 0, "a number that is not one");
    writer_end(&w, k);
    return true;
}

static bool read_named(struct tokens *t, struct token *k, int32_t first)
{
    static const struct {
        const char *word;
        enum token_type type;
        unsigned flags;
    } words[] = {
        {"true",      TOKEN_TRUE,   0               },
        { "false",    TOKEN_FALSE,  0               },
        { "null",     TOKEN_NULL,   0               },
        { "NaN",      TOKEN_NUMBER, TOKEN_NOT_FINITE},
        { "Infinity", TOKEN_NUMBER, TOKEN_NOT_FINITE},
    };
    struct writer w = { .tokens = t };
    buffer_clear(&t->text);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (first == words[i].word[0] && read_word(t, &w, words[i].word)) {
            writer_flush(&w);
            k->type = words[i].type;
            k->flags = words[i].flags;
            k->text = buffer_span(&t->text);
            k->length = w.length;
            return true;
        }
    return fail(t, k, 0, first == AT_END ? "the text ends too early" : "no JSON value");
}

/* ---- structure ---- */

static bool open_container(struct tokens *t, struct token *k, bool object)
{
    if (t->depth == TOKENS_DEPTH_MAX)
        return fail(t, k, TOKEN_LIMIT, "nested too deeply");
    advance(t);
    t->frames[t->depth++] =
        (struct frame){ .object = object, .mark = keyset_mark(&t->keys) };
    k->type = object ? TOKEN_OBJECT : TOKEN_ARRAY;
    t->state = object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
    return true;
}

static bool close_container(struct tokens *t, struct token *k)
{
    advance(t);
    const struct frame *f = &t->frames[--t->depth];
    keyset_release(&t->keys, f->mark);
    k->type = f->object ? TOKEN_OBJECT_END : TOKEN_ARRAY_END;
    k->depth = t->depth;
    t->state = WANT_COMMA_OR_END;
    return true;
}

static bool read_value(struct tokens *t, struct token *k, int32_t c)
{
    if (t->budget && !budget_take(t->budget, BUDGET_JSON_NODES, 1))
        return fail(t, k, TOKEN_LIMIT, "the budget of JSON values is spent");
    if (c == '{' || c == '[')
        return open_container(t, k, c == '{');
    t->state = WANT_COMMA_OR_END;
    if (c == '"') {
        k->type = TOKEN_STRING;
        return read_string(t, k, NULL);
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return read_number(t, k);
    return read_named(t, k, c);
}

static bool read_key(struct tokens *t, struct token *k, int32_t c)
{
    uint64_t hash;
    if (c != '"')
        return fail(t, k, 0,
                    c == AT_END ? "the text ends inside an object"
                                : "a key must be here");
    k->type = TOKEN_KEY;
    if (!read_string(t, k, &hash))
        return false;
    k->end = here(t);
    switch (keyset_add(&t->keys, t->frames[t->depth - 1].mark, hash)) {
    case KEY_SEEN:
        k->flags |= TOKEN_DUPLICATE;
        break;
    case KEY_REFUSED:
        return fail(t, k, TOKEN_LIMIT, "more keys than can be compared");
    case KEY_NOMEM:
        return fail(t, k, TOKEN_LIMIT, "out of memory for keys");
    case KEY_NEW:
        break;
    }
    if (look_past_space(t) != ':')
        return fail(t, k, 0, "no colon behind a key");
    advance(t);
    t->state = WANT_VALUE;
    return true;
}

/* Behind a value: the comma and what follows it, the end of the container, or the end. */
static bool read_on(struct tokens *t, struct token *k, int32_t c)
{
    if (t->depth == 0) {
        if (c != AT_END)
            return fail(t, k, 0, "more text behind the value");
        k->type = TOKEN_END;
        return true;
    }
    bool object = t->frames[t->depth - 1].object;
    if (c == (object ? '}' : ']'))
        return close_container(t, k);
    if (c != ',')
        return fail(t, k, 0,
                    c == AT_END ? "the text ends too early" : "no comma between values");
    advance(t);
    c = look_past_space(t);
    k->offset = here(t);
    return object ? read_key(t, k, c) : read_value(t, k, c);
}

static bool read_token(struct tokens *t, struct token *k)
{
    int32_t c = look_past_space(t);
    *k = (struct token){ .depth = t->depth, .offset = here(t) };
    switch (t->state) {
    case WANT_VALUE_OR_END:
        return c == ']' ? close_container(t, k) : read_value(t, k, c);
    case WANT_VALUE:
        return read_value(t, k, c);
    case WANT_KEY_OR_END:
        return c == '}' ? close_container(t, k) : read_key(t, k, c);
    case WANT_COMMA_OR_END:
    default:
        return read_on(t, k, c);
    }
}

enum token_type tokens_next(struct tokens *t, struct token *ret_token)
{
    if (t->state == STOPPED) {
        *ret_token = t->last;
        return t->last.type;
    }
    struct token k;
    bool ok = read_token(t, &k);
    if (ok && k.type != TOKEN_KEY) /* a key ends before its colon */
        k.end = here(t);
    if (!ok || k.type == TOKEN_END) {
        t->state = STOPPED;
        t->last = k;
    }
    *ret_token = k;
    return k.type;
}

bool tokens_skip(struct tokens *t, const struct token *begun, unsigned *flags)
{
    if (begun->type != TOKEN_OBJECT && begun->type != TOKEN_ARRAY)
        return true;
    struct token k;
    do {
        if (tokens_next(t, &k) == TOKEN_ERROR)
            return false;
        *flags |= k.flags;
    } while (k.depth > begun->depth);
    return true;
}
