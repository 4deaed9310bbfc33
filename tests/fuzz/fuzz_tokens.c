/* The tokenizer of hostile JSON, with jansson as the second opinion: what a strict
 * parser accepts, it must accept, and find no duplicate key in it.  (jansson passes over
 * a NUL behind a number, so texts with NUL are not compared.) */
#include "core/tokens.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nesting and offsets are consistent whatever the bytes. */
static enum token_type read_all(struct span in, unsigned *ret_flags)
{
    struct tokens *t = tokens_open(in, 0, 256, NULL);
    struct token k;
    unsigned depth = 0;
    uint64_t end = 0;
    *ret_flags = 0;
    assert(t);
    do {
        tokens_next(t, &k);
        depth -= k.type == TOKEN_OBJECT_END || k.type == TOKEN_ARRAY_END;
        assert(k.depth == depth);
        assert(k.type == TOKEN_ERROR || k.offset >= end);
        assert(k.offset <= k.end && k.end <= in.len);
        assert(k.text.len <= k.length);
        depth += k.type == TOKEN_OBJECT || k.type == TOKEN_ARRAY;
        end = k.end;
        *ret_flags |= k.flags;
    } while (k.type != TOKEN_END && k.type != TOKEN_ERROR);
    tokens_close(t);
    return k.type;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned flags;
    enum token_type end = read_all(span_of(data, size), &flags);
    if (size == 0 || memchr(data, 0, size))
        return 0;
    json_error_t error;
    json_t *value =
        json_loadb((const char *)data, size,
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (value) {
        assert(end == TOKEN_END || (flags & TOKEN_LIMIT));
        assert(!(flags & TOKEN_DUPLICATE));
    }
    json_decref(value);
    return 0;
}
