/* tokens.h: hostile JSON, one token at a time.
 *
 * For JSON that lies inside a model.  It reads what Python's json.loads(bytes) reads:
 * UTF-8, UTF-16 and UTF-32 in both byte orders, with or without a byte order mark;
 * duplicate keys, NaN, lone surrogates.  What a stricter reader would refuse is told
 * by a flag and not refused; what no reader accepts ends the stream with TOKEN_ERROR.
 * No tree, no recursion: memory is that of the keys of the objects still open, of the
 * nesting, and of one decoded string.  json.h reads the operator's own files. */
#ifndef TOKENS_H
#define TOKENS_H

#include "core/budget.h"
#include "core/span.h"

enum {
    TOKENS_DEPTH_MAX = 1024,  /* Python gives up near 1000 */
    TOKENS_KEYS_MAX = 2 << 20 /* keys of all objects open at once */
};

enum token_type {
    TOKEN_END, /* the value is complete and nothing but whitespace follows */
    TOKEN_ERROR,
    TOKEN_OBJECT,
    TOKEN_OBJECT_END,
    TOKEN_ARRAY,
    TOKEN_ARRAY_END,
    TOKEN_KEY, /* its value comes next */
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NULL
};

enum token_flag {
    TOKEN_DUPLICATE = 1 << 0, /* key: this object has it already */
    TOKEN_ESCAPED = 1 << 1,   /* key, string: written with a backslash somewhere */
    TOKEN_CUT = 1 << 2,       /* key, string, number: text holds only its beginning */
    TOKEN_SURROGATE = 1 << 3, /* holds half a surrogate pair (as three bytes in text) */
    TOKEN_CONTROL = 1 << 4,   /* holds a raw byte below 0x20, which JSON forbids */
    TOKEN_BAD_TEXT = 1 << 5,  /* holds bytes that are not text in this encoding */
    TOKEN_NEGATIVE = 1 << 6,
    TOKEN_FRACTION = 1 << 7,
    TOKEN_EXPONENT = 1 << 8,
    TOKEN_LEADING_ZERO = 1 << 9,
    TOKEN_IMPRECISE = 1 << 10,  /* an integer past 2^53: a double cannot hold it */
    TOKEN_OVERFLOW = 1 << 11,   /* an integer past 2^64 - 1 */
    TOKEN_NOT_FINITE = 1 << 12, /* NaN, Infinity, -Infinity: not JSON, but Python's */
    TOKEN_LIMIT = 1 << 13       /* error: a limit of ours, not a fault of the text */
};

struct token {
    enum token_type type;
    unsigned flags;
    unsigned depth;       /* of the container it lies in; the outermost value has 0 */
    uint64_t offset, end; /* in the artifact: its first byte and the one behind it */
    struct span text;     /* key, string: decoded to UTF-8; number: as written; error: the
                             reason, in our words.  Valid until the next call */
    uint64_t length;      /* of the whole text, also when it was cut */
    uint64_t number;      /* of a plain non-negative integer, else 0 */
};

enum json_encoding { JSON_UTF8, JSON_UTF16LE, JSON_UTF16BE, JSON_UTF32LE, JSON_UTF32BE };

struct tokens;

/* Read `bytes`, which lie at `origin` in the artifact and outlive the tokens.  A text
 * that cannot be shown in place is cut at text_max bytes.  Each value is taken from
 * BUDGET_JSON_NODES of `budget`, which may be NULL.  NULL when out of memory. */
struct tokens *tokens_open(struct span bytes, uint64_t origin, size_t text_max,
                           struct budget *budget);
void tokens_close(struct tokens *t); /* NULL is fine */

/* After TOKEN_END or TOKEN_ERROR it answers the same again and again. */
enum token_type tokens_next(struct tokens *t, struct token *ret_token);

/* Pass over the rest of the object or array that was just begun, and over nothing after
 * another token.  Adds the flags that it meets to *flags; false when an error ends it. */
bool tokens_skip(struct tokens *t, const struct token *begun, unsigned *flags);

enum json_encoding tokens_encoding(const struct tokens *t);
bool tokens_marked(const struct tokens *t); /* a byte order mark comes first */
const char *json_encoding_name(enum json_encoding e);

#endif
