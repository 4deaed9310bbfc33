#include "registry/place.h"

#include <string.h>

enum { PLACE_DEPTH_MAX = 16 };

struct place place_member(const struct place *in, const char *key)
{
    return (struct place){ .in = in, .key = key };
}

struct place place_element(const struct place *in, size_t index)
{
    return (struct place){ .in = in, .index = index };
}

/* The chain from the outermost place inwards; how many, at most PLACE_DEPTH_MAX. */
static size_t unroll(const struct place *at, const struct place *ret[PLACE_DEPTH_MAX])
{
    size_t depth = 0;
    for (const struct place *p = at; p; p = p->in)
        depth++;
    if (depth > PLACE_DEPTH_MAX)
        return 0;
    size_t i = depth;
    for (const struct place *p = at; p; p = p->in)
        ret[--i] = p;
    return depth;
}

void place_name(const struct place *at, struct buffer *out)
{
    const struct place *chain[PLACE_DEPTH_MAX];
    size_t depth = unroll(at, chain);
    for (size_t i = 0; i < depth; i++)
        if (chain[i]->key)
            buffer_printf(out, "%s%s", i > 0 ? "." : "", chain[i]->key);
        else
            buffer_printf(out, "[%zu]", chain[i]->index);
}

static uint8_t byte_at(struct span s, size_t i)
{
    return i < s.len ? s.ptr[i] : 0;
}

/* Behind white space and comments. */
static size_t skip_space(struct span s, size_t i)
{
    for (;;) {
        while (i < s.len && strchr(" \t\r\n", byte_at(s, i)))
            i++;
        if (byte_at(s, i) != '/')
            return i;
        while (i < s.len && s.ptr[i] != '\n')
            i++;
    }
}

static size_t skip_string(struct span s, size_t i)
{
    for (i++; i < s.len && s.ptr[i] != '"'; i++)
        if (s.ptr[i] == '\\')
            i++;
    return i + 1;
}

static size_t skip_value(struct span s, size_t i)
{
    size_t depth = 0;
    do {
        i = skip_space(s, i);
        uint8_t c = byte_at(s, i);
        if (c == '"') {
            i = skip_string(s, i);
            continue;
        }
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        else if (c != ',' && c != ':')
            while (i + 1 < s.len && !strchr(" \t\r\n,:]}/", s.ptr[i + 1]))
                i++;
        i++;
    } while (depth > 0 && i < s.len);
    return i;
}

/* From a container's bracket to one member: its line starts at *ret_start, its value
 * is returned; SIZE_MAX when there is none. */
static size_t enter(struct span s, size_t i, const struct place *to, size_t *ret_start)
{
    if (byte_at(s, i) != (to->key ? '{' : '['))
        return SIZE_MAX;
    i = skip_space(s, i + 1);
    for (size_t n = 0; i < s.len && s.ptr[i] != '}' && s.ptr[i] != ']'; n++) {
        size_t start = i;
        bool found = !to->key && n == to->index;
        if (to->key) {
            i = skip_string(s, i);
            found = span_is(span_slice(s, start + 1, i - 1), to->key);
            i = skip_space(s, skip_space(s, i) + 1); /* the colon */
        }
        if (found) {
            *ret_start = start;
            return i;
        }
        i = skip_space(s, skip_value(s, i));
        if (byte_at(s, i) == ',')
            i = skip_space(s, i + 1);
    }
    return SIZE_MAX;
}

size_t place_position(struct span json, const struct place *at, size_t *ret_column)
{
    const struct place *chain[PLACE_DEPTH_MAX];
    size_t depth = unroll(at, chain), line = 1, column = 1;
    size_t i = skip_space(json, 0), start = i;
    for (size_t n = 0; n < depth && i != SIZE_MAX; n++)
        i = enter(json, i, chain[n], &start);
    for (size_t n = 0; n < start && n < json.len; n++) {
        bool ends = json.ptr[n] == '\n';
        line += ends;
        column = ends ? 1 : column + 1;
    }
    *ret_column = column;
    return line;
}

size_t place_line(struct span json, const struct place *at)
{
    size_t column;
    return place_position(json, at, &column);
}
