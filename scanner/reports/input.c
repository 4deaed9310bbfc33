#include "reports/input.h"

#include "reports/escape.h"

#include <stdio.h>
#include <string.h>

enum { OURS_MAX = 8192 };

bool input_error(struct input *in, const char *format, ...)
{
    char what[320];
    va_list args;
    if (in->failed)
        return false;
    in->failed = true;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (in->line)
        return error_set(in->error, ERROR_USAGE, "%.120s: line %llu: %s", in->name,
                         (unsigned long long)in->line, what);
    return error_set(in->error, ERROR_USAGE, "%.120s: byte %llu: %s", in->name,
                     (unsigned long long)in->token.offset, what);
}

static bool out_of_memory(struct input *in)
{
    if (!in->failed)
        (void)error_set(in->error, ERROR_MEMORY, "%.120s: out of memory", in->name);
    in->failed = true;
    return false;
}

bool input_open(struct input *in, struct span bytes, uint64_t origin)
{
    in->tokens = tokens_open(bytes, origin, INPUT_TEXT_MAX, NULL);
    buffer_init(&in->undone, INPUT_TEXT_MAX);
    return in->tokens || out_of_memory(in);
}

void input_close(struct input *in)
{
    tokens_close(in->tokens);
    in->tokens = NULL;
    buffer_free(&in->undone);
}

/* Ours is plain JSON in UTF-8: what a lenient reader would take, this one does not. */
bool input_next(struct input *in)
{
    static const struct {
        unsigned flag;
        const char *why;
    } faults[] = {
        {TOKEN_DUPLICATE,     "a key stands twice"          },
        { TOKEN_CUT,          "a text is longer than 4 MiB" },
        { TOKEN_SURROGATE,    "half a surrogate pair"       },
        { TOKEN_CONTROL,      "a raw control character"     },
        { TOKEN_BAD_TEXT,     "a text that is not UTF-8"    },
        { TOKEN_NEGATIVE,     "a negative number"           },
        { TOKEN_EXPONENT,     "a number with an exponent"   },
        { TOKEN_LEADING_ZERO, "a number with a leading zero"},
        { TOKEN_OVERFLOW,     "a number past 2^64 - 1"      },
        { TOKEN_NOT_FINITE,   "a number that is not finite" },
    };
    if (in->failed)
        return false;
    if (tokens_next(in->tokens, &in->token) == TOKEN_ERROR)
        return input_error(in, "the report is cut off or damaged: %.*s",
                           (int)in->token.text.len,
                           in->token.text.len ? (const char *)in->token.text.ptr : "");
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (in->token.flags & faults[i].flag)
            return input_error(in, "%s", faults[i].why);
    return true;
}

bool input_end(struct input *in)
{
    if (!input_next(in))
        return false;
    return in->token.type == TOKEN_END || input_error(in, "more than one value");
}

void *input_new(struct input *in, size_t size)
{
    void *p = in->failed ? NULL : arena_alloc(in->arena, size);
    if (!p)
        (void)out_of_memory(in);
    return p;
}

/* -- values -------------------------------------------------------------------- */

static bool undo(struct input *in)
{
    if (in->token.type != TOKEN_STRING)
        return input_error(in, "a text is wanted");
    buffer_clear(&in->undone);
    escape_undo(&in->undone, in->token.text);
    return !in->undone.truncated || out_of_memory(in);
}

bool input_span(struct input *in, struct span *ret)
{
    if (!undo(in))
        return false;
    struct span copy = arena_copy(in->arena, buffer_span(&in->undone));
    if (copy.len != in->undone.len)
        return out_of_memory(in);
    *ret = copy;
    return true;
}

/* Reports print texts of ours without escaping them. */
static bool prints_as_it_is(struct span text)
{
    struct buffer shown;
    buffer_init(&shown, OURS_MAX);
    escape_terminal(&shown, text);
    bool same = !shown.truncated && span_equal(buffer_span(&shown), text);
    buffer_free(&shown);
    return same;
}

bool input_text(struct input *in, const char **ret, bool may_be_null)
{
    if (may_be_null && in->token.type == TOKEN_NULL) {
        *ret = NULL;
        return true;
    }
    if (!undo(in))
        return false;
    if (!prints_as_it_is(buffer_span(&in->undone)))
        return input_error(in, "a text that Assay would not have written");
    const char *copy = arena_text(in->arena, buffer_span(&in->undone));
    if (!copy)
        return out_of_memory(in);
    *ret = copy;
    return true;
}

bool input_uint(struct input *in, uint64_t *ret)
{
    if (in->token.type != TOKEN_NUMBER || in->token.flags & TOKEN_FRACTION)
        return input_error(in, "a whole number is wanted");
    *ret = in->token.number;
    return true;
}

bool input_bool(struct input *in, bool *ret)
{
    if (in->token.type != TOKEN_TRUE && in->token.type != TOKEN_FALSE)
        return input_error(in, "true or false is wanted");
    *ret = in->token.type == TOKEN_TRUE;
    return true;
}

bool input_name(struct input *in, const char *(*name)(int), int count, int *ret)
{
    for (int i = 0; in->token.type == TOKEN_STRING && i < count; i++)
        if (span_is(in->token.text, name(i))) {
            *ret = i;
            return true;
        }
    return input_error(in, "not one of \"%s\", ..., \"%s\"", name(0), name(count - 1));
}

/* -- containers ---------------------------------------------------------------- */

static bool read_field(struct input *in, const struct field *f, void *to)
{
    void *member = (char *)to + f->offset;
    switch (f->kind) {
    case FIELD_SPAN:
        return input_span(in, member);
    case FIELD_TEXT:
    case FIELD_TEXT0:
        return input_text(in, member, f->kind == FIELD_TEXT0);
    case FIELD_UINT:
        return input_uint(in, member);
    case FIELD_BOOL:
        return input_bool(in, member);
    case FIELD_OBJECT:
    case FIELD_OPTIONAL:
        return f->read(in, member);
    }
    return false;
}

/* Pass over the value of a key that nobody here knows. */
static bool skip(struct input *in)
{
    unsigned flags = 0;
    if (in->token.type != TOKEN_OBJECT && in->token.type != TOKEN_ARRAY)
        return true;
    return tokens_skip(in->tokens, &in->token, &flags) ||
           input_error(in, "the report is cut off or damaged");
}

bool input_object(struct input *in, const struct field *fields, size_t count, void *to)
{
    uint32_t seen = 0;
    if (in->token.type != TOKEN_OBJECT)
        return input_error(in, "an object is wanted");
    while (input_next(in) && in->token.type == TOKEN_KEY) {
        size_t i = 0;
        while (i < count && !span_is(in->token.text, fields[i].key))
            i++;
        if (!input_next(in))
            return false;
        if (i < count)
            seen |= UINT32_C(1) << i;
        if (i < count ? !read_field(in, &fields[i], to) : !skip(in))
            return false;
    }
    for (size_t i = 0; i < count && !in->failed; i++)
        if (!(seen >> i & 1) && fields[i].kind != FIELD_OPTIONAL)
            return input_error(in, "\"%s\" is missing", fields[i].key);
    return !in->failed;
}

bool input_list(struct input *in, read_value *each, void *to)
{
    if (in->token.type != TOKEN_ARRAY)
        return input_error(in, "a list is wanted");
    while (input_next(in) && in->token.type != TOKEN_ARRAY_END)
        if (!each(in, to))
            return false;
    return !in->failed;
}
