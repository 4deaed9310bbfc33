/* Templates of requests and names, and the addresses they come to. */
#include "core/base64.h"
#include "registry/template.h"
#include "registry/uri.h"

#include <stdlib.h>
#include <string.h>

static const char *const filters[] = { "path", "upper", "lower", "sqlq", "b64", NULL };

bool filter_known(struct span filter)
{
    for (size_t i = 0; filters[i]; i++)
        if (span_is(filter, filters[i]))
            return true;
    return filter.len == 0;
}

const char *template_walk(const char *template, template_part *part, void *self)
{
    for (const char *c = template; (c = strpbrk(c, "{}"));) {
        size_t n = *c == '{' ? strcspn(c + 1, "{}") : 0;
        if (*c == '}' || c[1 + n] != '}' || n == 0)
            return "has an unbalanced or empty brace";
        struct span inside = span_of(c + 1, n);
        size_t bar = span_find_last(inside, "|", inside.len);
        if (bar == SIZE_MAX)
            bar = inside.len;
        part(self, span_slice(inside, 0, bar), span_slice(inside, bar + 1, inside.len));
        c += n + 2;
    }
    return NULL;
}

bool expression_split(struct span text, struct origin_of *ret)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.ptr[i];
        if (c == '#' || c == '@' || c == '!') {
            if (i == 0)
                return false;
            *ret = (struct origin_of){ .root = span_slice(text, 0, i),
                                       .kind = c,
                                       .rest = (const char *)text.ptr + i + 1 };
            return true;
        }
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
              c == '-'))
            return false;
    }
    return false;
}

static bool unreserved(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~", c));
}

static void encode(struct span text, const char *keep, struct buffer *out)
{
    for (size_t i = 0; i < text.len; i++)
        if (unreserved(text.ptr[i]) || (text.ptr[i] && strchr(keep, text.ptr[i])))
            buffer_add(out, span_slice(text, i, i + 1));
        else
            buffer_printf(out, "%%%02X", text.ptr[i]);
}

/* What may not go into an address: control characters, and segments that would lead
 * elsewhere. */
static bool fit_for_url(struct span text, bool path)
{
    size_t start = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f))
            return false;
        if (i < text.len && !(path && text.ptr[i] == '/'))
            continue;
        struct span segment = span_slice(text, start, i);
        if (span_is(segment, ".") || span_is(segment, "..") || (path && segment.len == 0))
            return false;
        start = i + 1;
    }
    return true;
}

static void add_filtered(struct span text, struct span filter, struct buffer *out)
{
    bool upper = span_is(filter, "upper"), lower = span_is(filter, "lower");
    if (span_is(filter, "b64")) {
        base64_add(out, text);
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.ptr[i];
        if (upper && c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (lower && c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c == '\'' && span_is(filter, "sqlq"))
            buffer_add_text(out, "'");
        buffer_add(out, span_of(&c, 1));
    }
}

struct expansion {
    struct scope *s;
    enum encoding as;
    struct buffer *out;
    bool ok;
};

static bool part_value(struct scope *s, struct span name, struct buffer *out)
{
    struct origin_of from;
    char text[256];
    if (name.len >= sizeof text)
        return false;
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    if (expression_split(name, &from)) {
        json_t *expression = json_string(text);
        struct value v = value_of(s, expression);
        bool known = value_text(&v, out);
        json_decref(expression);
        value_free(&v);
        return known && !out->truncated;
    }
    const char *value =
        strcmp(text, "path") == 0 && s->path ? s->path : scope_variable(s, text);
    if (value)
        buffer_add_text(out, value);
    return value && *value && !out->truncated;
}

static void expand_part(struct expansion *e, struct span name, struct span filter)
{
    struct buffer value, changed;
    buffer_init(&value, VALUE_TEXT_MAX);
    buffer_init(&changed, (size_t)VALUE_TEXT_MAX * 2);
    bool path = span_is(filter, "path");
    bool found = part_value(e->s, name, &value);
    bool raw = span_is(name, "endpoint");
    if (found && !path)
        add_filtered(buffer_span(&value), filter, &changed);
    struct span text = buffer_span(path ? &value : &changed);
    bool fit = found && (raw || e->as == AS_TEXT || fit_for_url(text, path));
    if (!fit)
        (void)snprintf(e->s->missing, sizeof e->s->missing, "%.*s",
                       (int)(name.len < 60 ? name.len : 60), name.ptr);
    else if (raw || e->as == AS_TEXT)
        buffer_add(e->out, text);
    else
        encode(text, path ? "/:@+,;=" : "", e->out);
    e->ok = e->ok && fit;
    buffer_free(&value);
    buffer_free(&changed);
}

bool template_expand(struct scope *s, const char *template, enum encoding as,
                     struct buffer *out)
{
    struct expansion e = { .s = s, .as = as, .out = out, .ok = true };
    for (const char *c = template; *c && e.ok;) {
        size_t n = strcspn(c, "{");
        buffer_add(out, span_of(c, n));
        c += n;
        if (!*c)
            break;
        n = strcspn(c, "}");
        struct span inside = span_of(c + 1, n - 1);
        size_t bar = span_find_last(inside, "|", inside.len);
        if (bar == SIZE_MAX)
            bar = inside.len;
        expand_part(&e, span_slice(inside, 0, bar),
                    span_slice(inside, bar + 1, inside.len));
        c += n + 1;
    }
    return e.ok && !out->truncated;
}

bool same_origin(const char *a, const char *b)
{
    char one[URI_AUTHORITY_MAX + 1], other[URI_AUTHORITY_MAX + 1];
    bool secure = strncmp(a, "https://", 8) == 0;
    return secure == (strncmp(b, "https://", 8) == 0) && uri_authority_of(a, one) &&
           uri_authority_of(b, other) && strcmp(one, other) == 0;
}
