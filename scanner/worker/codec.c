#include "worker/codec.h"

void code_uint(struct codec *c, uint64_t *value)
{
    uint8_t bytes[8];
    if (!c->out) {
        *value = reader_u64le(&c->in);
        return;
    }
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(*value >> 8 * i);
    buffer_add(c->out, span_of(bytes, sizeof bytes));
}

void code_int(struct codec *c, int64_t *value)
{
    uint64_t bits = (uint64_t)*value;
    code_uint(c, &bits);
    *value = (int64_t)bits;
}

void code_bool(struct codec *c, bool *value)
{
    uint64_t bits = *value;
    code_uint(c, &bits);
    c->failed |= bits > 1;
    *value = bits == 1;
}

/* A number below `limit`: kinds, states, counts. */
unsigned code_below(struct codec *c, unsigned value, unsigned limit)
{
    uint64_t bits = value;
    code_uint(c, &bits);
    if (bits < limit)
        return (unsigned)bits;
    c->failed = true;
    return 0;
}

void code_span(struct codec *c, struct span *s)
{
    uint64_t length = s->len;
    code_uint(c, &length);
    if (c->out)
        buffer_add(c->out, *s);
    else
        *s = reader_bytes(&c->in, length);
}

void code_text(struct codec *c, const char **text)
{
    bool there = *text != NULL;
    struct span s = span_of_text(*text);
    code_bool(c, &there);
    code_span(c, &s);
    if (!c->out)
        *text = there ? arena_text(c->arena, s) : NULL;
}

bool code_frame(struct codec *c, struct buffer *content, struct buffer *out)
{
    uint64_t length = content->len;
    c->out = out;
    code_uint(c, &length);
    buffer_add(out, buffer_span(content));
    bool ok = !content->truncated && !out->truncated && !c->failed;
    buffer_free(content);
    return ok;
}

size_t code_count(struct codec *c, size_t count, size_t most, size_t least, void **array,
                  size_t size)
{
    uint64_t n = count;
    code_uint(c, &n);
    if (c->out)
        return count;
    n = reader_count(&c->in, n, least);
    if (n > most || c->failed)
        c->failed = true;
    else if (n && array && !(*array = arena_array(c->arena, n, size)))
        c->failed = true;
    return c->failed ? 0 : n;
}
