/* Value expressions: from answers to normalised values. */
#include "registry/template.h"

#include "core/digest.h"

#include <string.h>

void value_free(struct value *v)
{
    json_decref(v->json);
    *v = (struct value){ .state = VALUE_UNKNOWN };
}

static struct value unknown(void)
{
    return (struct value){ .state = VALUE_UNKNOWN };
}

struct value value_of_json(json_t *stolen)
{
    bool empty = !stolen || json_is_null(stolen) ||
                 (json_is_string(stolen) && json_string_length(stolen) == 0) ||
                 (json_is_array(stolen) && json_array_size(stolen) == 0) ||
                 (json_is_object(stolen) && json_object_size(stolen) == 0);
    if (!empty)
        return (struct value){ .state = VALUE_KNOWN, .json = stolen };
    bool list = json_is_array(stolen);
    json_decref(stolen);
    return (struct value){ .state = VALUE_ABSENT, .empty_list = list };
}

bool json_scalar_text(const json_t *json, struct buffer *out)
{
    if (json_is_string(json))
        buffer_add(out, span_of(json_string_value(json), json_string_length(json)));
    else if (json_is_integer(json))
        buffer_printf(out, "%lld", (long long)json_integer_value(json));
    else if (json_is_real(json))
        buffer_printf(out, "%.15g", json_real_value(json));
    else if (json_is_boolean(json))
        buffer_add_text(out, json_is_true(json) ? "true" : "false");
    else
        return false;
    return true;
}

bool value_text(const struct value *v, struct buffer *out)
{
    return v->state == VALUE_KNOWN && json_scalar_text(v->json, out);
}

static struct value value_of_text(struct span text)
{
    json_t *json = json_stringn((const char *)text.ptr, text.len);
    return json ? value_of_json(json) : unknown(); /* not UTF-8 */
}

static struct value borrowed(enum value_state state, json_t *json)
{
    return state == VALUE_KNOWN ? value_of_json(json_incref(json))
                                : (struct value){ .state = state };
}

/* ---- where a value comes from -------------------------------------------------- */

static struct value digest_of(struct span bytes)
{
    char hex[DIGEST_HEX_MAX + 1];
    struct value v = unknown();
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), bytes.len);
    if (!d)
        return v;
    digester_add(d, bytes);
    digester_finish(d);
    if (digester_hex(d, DIGEST_SHA256, hex))
        v = value_of_json(json_string(hex));
    digester_free(d);
    return v;
}

/* "root#/pointer", "root@Header", "root!sha256", "root!text"; "/pointer" of the item. */
static struct value value_from(struct scope *s, const char *text)
{
    struct origin_of from;
    json_t *found = NULL;
    if (*text == '/' || !*text) {
        if (!s->item)
            return unknown();
        enum value_state state = pointer_get(s->item, text, &found);
        return borrowed(state, found);
    }
    if (!expression_split(span_of_text(text), &from))
        return unknown();
    if (span_is(from.root, "item") && s->item && from.kind == '#') {
        enum value_state state = pointer_get(s->item, from.rest, &found);
        return borrowed(state, found);
    }
    struct root *root = scope_root(s, (const char *)from.root.ptr, from.root.len);
    if (!root || root->refusal != REST_ANSWERED)
        return unknown();
    if (from.kind == '@') {
        const char *value = header_find(root->headers, root->header_count, from.rest);
        return value ? value_of_text(span_of_text(value))
                     : (struct value){ .state = VALUE_ABSENT };
    }
    if (from.kind == '!')
        return strcmp(from.rest, "sha256") == 0 ? digest_of(root->bytes)
                                                : value_of_text(root->bytes);
    if (!root->body)
        return unknown();
    enum value_state state = pointer_get(root->body, from.rest, &found);
    return borrowed(state, found);
}

/* The first that is known; absent only when all of them are. */
static struct value first_of(struct scope *s, const json_t *list)
{
    struct value result = { .state = VALUE_ABSENT };
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct value v = value_of(s, json_array_get(list, i));
        if (v.state == VALUE_KNOWN)
            return v;
        if (v.state == VALUE_UNKNOWN)
            result.state = VALUE_UNKNOWN;
    }
    return result;
}

/* Every element that is known, as a list. */
static struct value all_of(struct scope *s, const json_t *list)
{
    json_t *values = json_array();
    enum value_state state = VALUE_ABSENT;
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct value v = value_of(s, json_array_get(list, i));
        if (v.state == VALUE_KNOWN)
            json_array_append(values, v.json);
        else if (v.state == VALUE_UNKNOWN)
            state = VALUE_UNKNOWN;
        value_free(&v);
    }
    if (json_array_size(values) > 0)
        return value_of_json(values);
    json_decref(values);
    return (struct value){ .state = state };
}

static struct value file_listed(const struct scope *s, const char *path)
{
    if (!s->result->listed)
        return unknown();
    for (const struct rest_file *f = s->result->files; f; f = f->next)
        if (strcmp(f->path, path) == 0)
            return value_of_json(json_true());
    return (struct value){ .state = VALUE_ABSENT };
}

static struct value of_template(struct scope *s, const char *template)
{
    struct buffer text;
    buffer_init(&text, VALUE_TEXT_MAX);
    struct value v = template_expand(s, template, AS_TEXT, &text)
                         ? value_of_text(buffer_span(&text))
                         : unknown();
    buffer_free(&text);
    return v;
}

/* Nested no deeper than the entry is written, and that is checked at load. */
struct value value_of(struct scope *s, const json_t *expression)
{
    if (json_is_string(expression))
        return value_from(s, json_string_value(expression));
    if (json_is_array(expression))
        return first_of(s, expression);
    json_t *ptr = json_object_get(expression, "ptr"), *constant;
    const char *file = json_string_value(json_object_get(expression, "file"));
    const char *template = json_string_value(json_object_get(expression, "tpl"));
    const char *as = json_string_value(json_object_get(expression, "as"));
    if (file)
        return file_listed(s, file);
    struct value v = unknown();
    if ((constant = json_object_get(expression, "const")))
        v = value_of_json(json_incref(constant));
    else if (template)
        v = of_template(s, template);
    else if (json_is_array(ptr) && as && strcmp(as, "worst") == 0)
        v = all_of(s, ptr);
    else
        v = value_of(s, ptr);
    return value_convert(expression, v);
}
