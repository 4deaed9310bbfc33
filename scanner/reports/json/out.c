#include "reports/json/out.h"

#include "reports/escape.h"

#include <inttypes.h>

struct json_out json_out_to(FILE *file)
{
    return (struct json_out){ .file = file };
}

struct json_out json_out_compact_to(FILE *file)
{
    return (struct json_out){ .file = file, .compact = true };
}

static void indent(const struct json_out *j)
{
    static const char blanks[] = "                ";
    const size_t most = sizeof blanks - 1;
    if (j->compact)
        return;
    fputc('\n', j->file);
    for (size_t left = 2 * (size_t)j->depth; left > 0;) {
        size_t n = left < most ? left : most;
        (void)fwrite(blanks, 1, n, j->file);
        left -= n;
    }
}

/* Comma, line and key in front of a value. */
static void begin(struct json_out *j, const char *key)
{
    if (j->filled)
        fputc(',', j->file);
    if (j->depth > 0)
        indent(j);
    j->filled = true;
    if (key) {
        fputc('"', j->file);
        escape_json(j->file, span_of_text(key), 0);
        fputs(j->compact ? "\":" : "\": ", j->file);
    }
}

static void open_container(struct json_out *j, const char *key, char bracket)
{
    begin(j, key);
    fputc(bracket, j->file);
    j->depth++;
    j->filled = false;
}

static void close_container(struct json_out *j, char bracket)
{
    j->depth--;
    if (j->filled)
        indent(j);
    fputc(bracket, j->file);
    j->filled = true; /* the container around it now has a member */
}

void json_out_object(struct json_out *j, const char *key)
{
    open_container(j, key, '{');
}

void json_out_list(struct json_out *j, const char *key)
{
    open_container(j, key, '[');
}

void json_out_end_object(struct json_out *j)
{
    close_container(j, '}');
}

void json_out_end_list(struct json_out *j)
{
    close_container(j, ']');
}

void json_out_string_begin(struct json_out *j, const char *key)
{
    begin(j, key);
    fputc('"', j->file);
}

void json_out_string_end(struct json_out *j)
{
    fputc('"', j->file);
}

void json_out_bytes(struct json_out *j, const char *key, struct span bytes)
{
    json_out_string_begin(j, key);
    escape_json(j->file, bytes, 0);
    json_out_string_end(j);
}

void json_out_shown(struct json_out *j, const char *key, struct span bytes)
{
    json_out_string_begin(j, key);
    escape_for(j->file, ESCAPE_STRING, bytes);
    json_out_string_end(j);
}

void json_out_text(struct json_out *j, const char *key, const char *text)
{
    if (text) {
        json_out_bytes(j, key, span_of_text(text));
    } else {
        begin(j, key);
        fputs("null", j->file);
    }
}

void json_out_uint(struct json_out *j, const char *key, uint64_t n)
{
    begin(j, key);
    fprintf(j->file, "%" PRIu64, n);
}

void json_out_bool(struct json_out *j, const char *key, bool truth)
{
    begin(j, key);
    fputs(truth ? "true" : "false", j->file);
}

void json_out_seconds(struct json_out *j, const char *key, double seconds)
{
    /* by hand: printf would use the locale's decimal point */
    uint64_t ms = seconds > 0 && seconds < 1e12 ? (uint64_t)(seconds * 1000 + 0.5) : 0;
    begin(j, key);
    fprintf(j->file, "%" PRIu64 ".%03" PRIu64, ms / 1000, ms % 1000);
}

void json_out_finish(struct json_out *j)
{
    fputc('\n', j->file);
}
