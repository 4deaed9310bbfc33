#include "integrity/strict_json.h"

/* What jansson would build, measured before it builds anything. */
static bool within_bounds(struct span bytes, size_t values_max,
                          struct strict_json_reason *reason)
{
    bool string = false;
    size_t depth = 0, values = 1;
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.ptr[i];
        if (string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                string = false;
            continue;
        }
        if (c == '"') {
            string = true;
        } else if (c == '{' || c == '[') {
            depth++;
            values++;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        } else if (c == ',') {
            values++;
        }
        if (depth > STRICT_JSON_DEPTH_MAX || values > values_max) {
            (void)snprintf(reason->text, sizeof reason->text, "%s",
                           depth > STRICT_JSON_DEPTH_MAX ? "it is nested too deeply"
                                                         : "it holds too many values");
            return false;
        }
    }
    return true;
}

json_t *strict_json_read(struct span bytes, size_t bytes_max, size_t values_max,
                         struct strict_json_reason *ret_reason)
{
    json_error_t at;
    char *reason = ret_reason->text;
    size_t size = sizeof ret_reason->text;
    if (bytes.len > bytes_max) {
        (void)snprintf(reason, size, "it is larger than %zu bytes", bytes_max);
        return NULL;
    }
    /* jansson overlooks one behind a number */
    if (bytes.len == 0 || memchr(bytes.ptr, 0, bytes.len)) {
        (void)snprintf(reason, size, bytes.len ? "it holds a NUL byte" : "it is empty");
        return NULL;
    }
    if (!within_bounds(bytes, values_max, ret_reason))
        return NULL;
    json_t *root =
        json_loadb((const char *)bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, &at);
    if (!root)
        (void)snprintf(reason, size, "line %d, column %d: %s", at.line, at.column,
                       at.text);
    return root;
}

json_t *strict_json_field(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

struct span strict_json_string(const json_t *string)
{
    return span_of(json_string_value(string), json_string_length(string));
}

bool strict_json_text(const json_t *object, const char *key, struct span *ret_text)
{
    const json_t *value = strict_json_field(object, key);
    if (value && !json_is_string(value))
        return false;
    *ret_text = value ? strict_json_string(value) : span_of(NULL, 0);
    return true;
}

/* A plain decimal: an optional '-', no leading zeros, nothing around it. */
static bool decimal(struct span text, int64_t *ret_number)
{
    size_t i = text.len && text.ptr[0] == '-' ? 1 : 0;
    uint64_t value = 0, most = i ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    if (i == text.len || (text.ptr[i] == '0' && text.len > 1))
        return false;
    for (; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        unsigned digit = (unsigned)(text.ptr[i] - '0');
        if (value > (most - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    bool negative = text.ptr[0] == '-';
    *ret_number = negative ? -(int64_t)(value - 1) - 1 : (int64_t)value;
    return true;
}

bool strict_json_int64(const json_t *object, const char *key, bool *ret_present,
                       int64_t *ret_number)
{
    const json_t *value = strict_json_field(object, key);
    *ret_present = value != NULL;
    *ret_number = 0;
    if (!value)
        return true;
    if (json_is_integer(value)) {
        *ret_number = (int64_t)json_integer_value(value);
        return true;
    }
    return json_is_string(value) && decimal(strict_json_string(value), ret_number);
}

bool strict_json_object(const json_t *object, const char *key, json_t **ret_object)
{
    json_t *value = strict_json_field(object, key);
    *ret_object = value;
    return !value || json_is_object(value);
}

bool strict_json_array(const json_t *object, const char *key, json_t **ret_array)
{
    json_t *value = strict_json_field(object, key);
    *ret_array = value;
    return !value || json_is_array(value);
}

void strict_json_write(struct buffer *out, struct span text)
{
    buffer_add_text(out, "\"");
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '"' || c == '\\')
            buffer_printf(out, "\\%c", c);
        else if (c < 0x20)
            buffer_printf(out, "\\u%04x", c);
        else
            buffer_add(out, span_slice(text, i, i + 1));
    }
    buffer_add_text(out, "\"");
}
