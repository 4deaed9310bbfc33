#include "registry/check.h"

#include "core/suggest.h"
#include "registry/entry.h"

#include <stdlib.h>
#include <string.h>

static char *slurp(const char *path, size_t *ret_len)
{
    char *text = malloc(JSON_FILE_MAX);
    FILE *f = text ? fopen(path, "re") : NULL;
    *ret_len = f ? fread(text, 1, JSON_FILE_MAX, f) : 0;
    if (f)
        (void)fclose(f);
    return text;
}

__attribute__((format(printf, 5, 0))) static void tell(struct buffer *report,
                                                       const char *path, struct span text,
                                                       const struct place *at,
                                                       const char *format, va_list args)
{
    if (text.len) {
        size_t column, line = place_position(text, at, &column);
        buffer_printf(report, "%s:%zu:%zu: ", path, line, column);
    } else {
        size_t len;
        char *again = slurp(path, &len);
        buffer_printf(report, "%s:%zu: ", path, place_line(span_of(again, len), at));
        free(again);
    }
    if (at) {
        place_name(at, report);
        buffer_add_text(report, ": ");
    }
    buffer_vprintf(report, format, args);
    buffer_add_text(report, "\n");
}

void entry_problem(struct buffer *report, const char *path, const struct place *at,
                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(report, path, (struct span){ 0 }, at, format, args);
    va_end(args);
}

void check_problem(struct check *c, const struct place *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(c->report, c->path, c->text, at, format, args);
    va_end(args);
    c->problems++;
}

static void unknown_key(struct check *c, const struct place *at,
                        const struct field *fields)
{
    struct suggestion near = suggestion_for(at->key);
    for (; fields->key; fields++)
        suggestion_offer(&near, fields->key);
    if (near.best)
        check_problem(c, at, "unknown key; did you mean \"%s\"?", near.best);
    else
        check_problem(c, at, "unknown key");
}

void check_object(struct check *c, json_t *object, const struct place *at,
                  const struct field *fields)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object)) {
        check_problem(c, at, "must be an object");
        return;
    }
    json_object_foreach(object, key, value)
    {
        const struct field *f = fields;
        struct place here = place_member(at, key);
        while (f->key && strcmp(f->key, key) != 0)
            f++;
        if (f->key)
            f->check(c, value, &here);
        else
            unknown_key(c, &here, fields);
    }
    for (const struct field *f = fields; f->key; f++)
        if (f->required && !json_object_get(object, f->key))
            check_problem(c, at, "\"%s\" is missing", f->key);
}

void check_list(struct check *c, json_t *list, const struct place *at, field_check *check)
{
    if (!json_is_array(list) || json_array_size(list) > LIST_MAX) {
        check_problem(c, at, "must be a list of at most %d", LIST_MAX);
        return;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct place here = place_element(at, i);
        check(c, json_array_get(list, i), &here);
    }
}

void check_map(struct check *c, json_t *map, const struct place *at,
               field_check *check_key, field_check *check)
{
    const char *key;
    json_t *value;
    if (!json_is_object(map)) {
        check_problem(c, at, "must be an object");
        return;
    }
    json_object_foreach(map, key, value)
    {
        struct place here = place_member(at, key);
        json_t *name = json_string(key);
        check_key(c, name, &here);
        json_decref(name);
        check(c, value, &here);
    }
}

void check_text(struct check *c, json_t *value, const struct place *at)
{
    const char *text = json_string_value(value);
    if (!text || !*text || strlen(text) > TEXT_MAX)
        check_problem(c, at, "must be a text of 1 to %d bytes", TEXT_MAX);
    for (size_t i = 0; text && text[i]; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            check_problem(c, at, "holds a control character");
            return;
        }
}

void check_boolean(struct check *c, json_t *value, const struct place *at)
{
    if (!json_is_boolean(value))
        check_problem(c, at, "must be true or false");
}

void check_characters(struct check *c, json_t *value, const struct place *at,
                      const char *allowed, const char *what)
{
    const char *text = json_string_value(value);
    if (!text || !*text || strlen(text) > TEXT_MAX || text[strspn(text, allowed)])
        check_problem(c, at, "must be %s", what);
}
