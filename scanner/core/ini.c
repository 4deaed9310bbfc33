#include "core/ini.h"

#include <string.h>

struct ini ini_of(struct span text)
{
    return (struct ini){ .rest = text };
}

static struct span trimmed(struct span s)
{
    return span_trim(s, " \t\r\f\v");
}

static struct span next_line(struct ini *i)
{
    const uint8_t *end = memchr(i->rest.ptr, '\n', i->rest.len);
    size_t n = end ? (size_t)(end - i->rest.ptr) : i->rest.len;
    struct span line = span_slice(i->rest, 0, n);
    i->rest = span_slice(i->rest, end ? n + 1 : n, i->rest.len);
    return line;
}

bool ini_next(struct ini *i)
{
    while (i->rest.len) {
        struct span raw = next_line(i), line = trimmed(raw);
        size_t at;
        if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
            continue;
        if (line.ptr[0] == '[') {
            at = span_find_last(line, "]", line.len);
            i->section = trimmed(span_slice(line, 1, at == SIZE_MAX ? line.len : at));
            continue;
        }
        /* dvc and git indent keys below their section, and none of them wraps a value */
        at = span_find(line, "=", 0);
        if (at == SIZE_MAX)
            continue;
        i->key = trimmed(span_slice(line, 0, at));
        i->value = trimmed(span_slice(line, at + 1, line.len));
        return true;
    }
    return false;
}
