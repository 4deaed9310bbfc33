/* JSON pointers (RFC 6901), and the JSON of answers under bounds. */
#include "registry/rest.h"
#include "registry/value.h"

#include <string.h>

/* One token of a pointer, "~1" and "~0" undone.  False when it does not fit. */
static bool next_token(const char **at, char token[256])
{
    size_t n = 0;
    const char *c = *at + 1; /* behind the "/" */
    for (; *c && *c != '/'; c++) {
        char byte = *c;
        if (*c == '~' && (c[1] == '0' || c[1] == '1'))
            byte = *++c == '0' ? '~' : '/';
        if (n == 255)
            return false;
        token[n++] = byte;
    }
    token[n] = '\0';
    *at = c;
    return true;
}

bool pointer_valid(const char *pointer)
{
    char token[256];
    if (*pointer && *pointer != '/')
        return false;
    for (const char *c = strchr(pointer, '~'); c; c = strchr(c + 1, '~'))
        if (c[1] != '0' && c[1] != '1')
            return false;
    while (*pointer)
        if (!next_token(&pointer, token))
            return false;
    return true;
}

static bool array_index(const char *token, size_t *ret_index)
{
    size_t value = 0, n = strlen(token);
    if (n == 0 || n > 9 || strspn(token, "0123456789") != n)
        return false;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (size_t)(token[i] - '0');
    *ret_index = value;
    return true;
}

enum value_state pointer_get(json_t *json, const char *pointer, json_t **ret_json)
{
    char token[256];
    while (json && *pointer) {
        size_t index;
        if (!next_token(&pointer, token))
            return VALUE_UNKNOWN;
        if (json_is_null(json))
            return VALUE_ABSENT;
        if (json_is_object(json))
            json = json_object_get(json, token);
        else if (json_is_array(json) && array_index(token, &index))
            json = json_array_get(json, index);
        else
            return VALUE_UNKNOWN;
    }
    if (!json || json_is_null(json))
        return VALUE_ABSENT;
    *ret_json = json;
    return VALUE_KNOWN;
}

bool pointer_set(json_t *json, const char *pointer, json_t *stolen)
{
    char token[256];
    while (json_is_object(json) && *pointer && next_token(&pointer, token)) {
        if (!*pointer)
            return json_object_set_new(json, token, stolen) == 0;
        json = json_object_get(json, token);
    }
    json_decref(stolen);
    return false;
}

/* Depth and number of values before anything is allocated for them. */
static const char *measure(struct span text, size_t most, size_t *ret_values)
{
    size_t depth = 0, values = 1;
    bool string = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (string) {
            if (c == '\\')
                i++;
            string = c != '"' || i >= text.len;
            continue;
        }
        string = c == '"';
        if (c == '{' || c == '[') {
            if (++depth > ANSWER_DEPTH_MAX)
                return "is nested too deep";
            values++;
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
        } else if (c == ',') {
            values++;
        }
        if (values > most)
            return "holds too many values";
    }
    *ret_values = values;
    return NULL;
}

json_t *answer_parse(struct span body, size_t *values, struct error *error)
{
    size_t added = 0;
    json_error_t at;
    const char *fault = body.len > REST_ANSWER_MAX
                            ? "is too large"
                            : measure(body, VALUES_MAX - *values, &added);
    if (fault) {
        error_set(error, ERROR_IO, "%s", fault);
        return NULL;
    }
    *values += added;
    json_t *json = json_loadb((const char *)body.ptr, body.len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &at);
    if (!json)
        error_set(error, ERROR_IO, "is not valid JSON: %s (line %d)", at.text, at.line);
    return json;
}
