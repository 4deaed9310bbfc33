/* The keys that say how a registry is asked and what follows from its answers.  What
 * passes here needs no check when it is used: names are known, pointers well-formed,
 * expressions bounded. */
#include "registry/schema.h"
#include "registry/template.h"
#include "registry/uri.h"

#include <string.h>

enum { POINTER_MAX = 256, DEPTH_MAX = 64 };

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool one_of(const json_t *value, const char *const *names)
{
    const char *text = json_string_value(value);
    for (size_t i = 0; text && names[i]; i++)
        if (strcmp(text, names[i]) == 0)
            return true;
    return false;
}

/* ---- names that may be spoken of ------------------------------------------------- */

/* A request before the one at hand, a select, or a root that the driver brings. */
static bool root_known(const struct check *c, struct span name)
{
    static const char *const oci[] = { "manifest", "config", NULL };
    static const char *const git[] = { "commit", "out", "artifact", NULL };
    const json_t *requests = json_object_get(c->root, "requests");
    const char *driver = text_at(c->root, "driver"), *key;
    json_t *value;
    for (size_t i = 0; i < json_array_size(requests) && i < c->requests_known; i++) {
        const char *id = text_at(json_array_get(requests, i), "id");
        if (id && span_is(name, id))
            return true;
    }
    json_object_foreach(json_object_get(c->root, "select"), key, value)
    {
        if (span_is(name, key))
            return true;
    }
    const char *const *given = driver && strcmp(driver, "oci") == 0       ? oci
                               : driver && strcmp(driver, "git-dvc") == 0 ? git
                                                                          : oci + 2;
    for (size_t i = 0; given[i]; i++)
        if (span_is(name, given[i]))
            return true;
    json_t *layers = json_object_get(json_object_get(c->root, "oci"), "text_layers");
    json_object_foreach(layers, key, value)
    {
        if (span_starts(name, "layer.") && span_is(span_slice(name, 6, name.len), key))
            return true;
    }
    return c->in_files && span_is(name, "item");
}

bool variable_set(const struct check *c, const char *name)
{
    const json_t *requests = json_object_get(c->root, "requests");
    for (size_t i = 0; i < json_array_size(requests) && i < c->requests_known; i++)
        if (json_object_get(json_object_get(json_array_get(requests, i), "set"), name))
            return true;
    return strcmp(name, "endpoint") == 0 || (c->in_files && strcmp(name, "path") == 0);
}

static void check_variable(struct check *c, const char *name, const struct place *at)
{
    if (!variable_known(c, name) && !variable_set(c, name))
        check_problem(c, at,
                      "no pattern captures the variable \"%s\", and no request "
                      "before this sets it",
                      name);
}

void check_json_pointer(struct check *c, json_t *value, const struct place *at)
{
    const char *pointer = json_string_value(value);
    if (!pointer || strlen(pointer) > POINTER_MAX || !pointer_valid(pointer))
        check_problem(c, at, "must be a JSON pointer: \"\" or \"/...\"");
}

/* "root#/pointer", "root@Header", "root!sha256" or "root!text". */
static void check_origin(struct check *c, const char *text, const struct place *at)
{
    struct origin_of from;
    if (!expression_split(span_of_text(text), &from)) {
        check_problem(c, at, "must be \"ID#/pointer\", \"ID@Header\" or \"ID!sha256\"");
        return;
    }
    if (!root_known(c, from.root))
        check_problem(c, at, "no request before this is called \"%.*s\"",
                      (int)from.root.len, from.root.ptr);
    if (from.kind == '#' &&
        (strlen(from.rest) > POINTER_MAX || !pointer_valid(from.rest)))
        check_problem(c, at, "holds a bad JSON pointer behind \"#\"");
    if (from.kind == '@' &&
        (!*from.rest || from.rest[strspn(from.rest, UPPER LOWER DIGIT "-")]))
        check_problem(c, at, "holds a bad header name behind \"@\"");
    if (from.kind == '!' && strcmp(from.rest, "sha256") != 0 &&
        strcmp(from.rest, "text") != 0)
        check_problem(c, at, "only \"sha256\" and \"text\" may follow \"!\"");
}

struct template_check {
    struct check *c;
    const struct place *at;
};

static void check_part(void *self, struct span name, struct span filter)
{
    struct template_check *t = self;
    struct origin_of ignored;
    char text[POINTER_MAX];
    if (name.len >= sizeof text) {
        check_problem(t->c, t->at, "holds a name that is too long");
        return;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    if (!filter_known(filter))
        check_problem(t->c, t->at,
                      "\"|%.*s\" is no filter: path, upper, lower, sqlq, b64",
                      (int)filter.len, filter.ptr);
    if (expression_split(span_of_text(text), &ignored))
        check_origin(t->c, text, t->at);
    else if (strpbrk(text, "#@!"))
        check_problem(t->c, t->at, "\"{%s}\" is neither a variable nor of an answer",
                      text);
    else
        check_variable(t->c, text, t->at);
}

void check_answer_template(struct check *c, json_t *value, const struct place *at)
{
    struct template_check t = { .c = c, .at = at };
    const char *template = json_string_value(value);
    check_text(c, value, at);
    const char *fault = template ? template_walk(template, check_part, &t) : NULL;
    if (fault)
        check_problem(c, at, "%s", fault);
}

void check_answer_templates(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_answer_template);
    if (json_array_size(value) == 0)
        check_problem(c, at, "must hold at least one template");
}

/* At the endpoint, or on a host that the entry itself names. */
void check_address(struct check *c, json_t *value, const struct place *at)
{
    const char *text = json_string_value(value);
    check_answer_template(c, value, at);
    if (!text)
        return;
    size_t host = strcspn(text + (strncmp(text, "https://", 8) == 0 ? 8 : 0), "/?#{");
    bool literal = strncmp(text, "https://", 8) == 0 && host > 0 && text[8 + host] == '/';
    if (strncmp(text, "{endpoint}", 10) != 0 && !literal)
        check_problem(c, at, "must begin with {endpoint}, or https:// and a host");
    if (strncmp(text, "{endpoint}", 10) == 0 && text[10] && text[10] != '/' &&
        text[10] != '?')
        check_problem(c, at, "\"/\" must follow {endpoint}");
}

static void check_templates_by_name(struct check *c, json_t *value,
                                    const struct place *at)
{
    check_map(c, value, at, check_text, check_answer_template);
}

/* ---- values ---------------------------------------------------------------------- */

void check_constant(struct check *c, json_t *value, const struct place *at)
{
    if (!json_is_string(value) && !json_is_boolean(value) && !json_is_number(value))
        check_problem(c, at, "must be a text, a number, true or false");
}

void check_constants(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_constant);
}

void check_regex(struct check *c, json_t *value, const struct place *at)
{
    struct error why;
    regex_t compiled;
    check_text(c, value, at);
    if (!json_is_string(value))
        return;
    if (expression_compile(json_string_value(value), &compiled, &why))
        regfree(&compiled);
    else
        check_problem(c, at, "%s", why.message);
}

static void check_count(struct check *c, json_t *value, const struct place *at)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > PAGES_MAX)
        check_problem(c, at, "must be a number up to %d", PAGES_MAX);
}

static void check_as(struct check *c, json_t *value, const struct place *at)
{
    const char *name = json_string_value(value);
    if (!name || !conversion_known(name))
        check_problem(c, at, "is no conversion that docs/registries.md lists");
}

/* What a conversion cannot do without. */
static void check_arguments(struct check *c, const json_t *value, const struct place *at)
{
    static const char *const needs[][2] = {
        {"prefixed", "prefix"},
        { "strip",   "prefix"},
        { "kv",      "key"   },
        { "each",    "key"   },
        { "in",      "in"    },
        { "worst",   "order" },
        { "match",   "re"    },
    };
    const char *as = text_at(value, "as");
    for (size_t i = 0; as && i < sizeof needs / sizeof *needs; i++)
        if (strcmp(as, needs[i][0]) == 0 && !json_object_get(value, needs[i][1]))
            check_problem(c, at, "\"%s\" needs \"%s\"", as, needs[i][1]);
    const char *key = text_at(value, "key");
    bool pointer = as && strcmp(as, "kv") != 0;
    if (key && pointer && !pointer_valid(key))
        check_problem(c, at, "\"key\" must be a JSON pointer");
}

static void check_computed_value(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"ptr",     false, check_answer_value   },
        { "tpl",    false, check_answer_template},
        { "const",  false, check_constant       },
        { "file",   false, check_text           },
        { "as",     false, check_as             },
        { "key",    false, check_text           },
        { "prefix", false, check_text           },
        { "in",     false, check_texts          },
        { "order",  false, check_texts          },
        { "empty",  false, check_text           },
        { "re",     false, check_regex          },
        { "group",  false, check_count          },
        { NULL,     false, NULL                 }
    };
    check_object(c, value, at, fields);
    int sources = (json_object_get(value, "ptr") != NULL) +
                  (json_object_get(value, "tpl") != NULL) +
                  (json_object_get(value, "const") != NULL) +
                  (json_object_get(value, "file") != NULL);
    if (sources != 1)
        check_problem(c, at, "needs one of \"ptr\", \"tpl\", \"const\", \"file\"");
    check_arguments(c, value, at);
}

/* Nested as deep as JSON files may be. */
void check_answer_value(struct check *c, json_t *value, const struct place *at)
{
    const char *text = json_string_value(value);
    if (text && (*text == '/' || !*text)) {
        if (!c->in_files)
            check_problem(c, at, "a pointer alone is only for \"files\"");
        check_json_pointer(c, value, at);
    } else if (text) {
        check_origin(c, text, at);
    } else if (json_is_array(value)) {
        check_list(c, value, at, check_answer_value);
    } else {
        check_computed_value(c, value, at);
    }
}

static void check_field_name(struct check *c, json_t *value, const struct place *at)
{
    check_characters(c, value, at, LOWER DIGIT "._", "a field: a-z, 0-9, \".\", _");
}

void check_fields(struct check *c, json_t *value, const struct place *at)
{
    check_map(c, value, at, check_field_name, check_answer_value);
    if (json_object_size(value) > FIELDS_MAX)
        check_problem(c, at, "holds more than %d fields", FIELDS_MAX);
}

/* ---- requests -------------------------------------------------------------------- */

static void check_root_name(struct check *c, json_t *value, const struct place *at)
{
    static const char *const taken[] = { "item", "path", "endpoint", "host", NULL };
    check_characters(c, value, at, LOWER DIGIT "_-", "a name: a-z, 0-9, _, -");
    if (one_of(value, taken))
        check_problem(c, at, "is taken");
}

static void check_method(struct check *c, json_t *value, const struct place *at)
{
    static const char *const methods[] = { "GET", "HEAD", "POST", NULL };
    if (!one_of(value, methods))
        check_problem(c, at, "must be GET, HEAD or POST");
}

static void check_body(struct check *c, json_t *value, const struct place *at)
{
    const char *key;
    json_t *member;
    if (text_at(value, "raw") && json_object_size(value) == 1)
        return;
    if (json_is_string(value) && json_string_length(value) > 0)
        check_answer_template(c, value, at);
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct place here = place_element(at, i);
        check_body(c, json_array_get(value, i), &here);
    }
    json_object_foreach(value, key, member)
    {
        struct place here = place_member(at, key);
        check_body(c, member, &here);
    }
}

static void check_condition_name(struct check *c, json_t *value, const struct place *at)
{
    const char *name = json_string_value(value);
    check_text(c, value, at);
    if (!name)
        return;
    if (strpbrk(name, "#@!"))
        check_origin(c, name, at);
    else if (!root_known(c, span_of_text(name)))
        check_variable(c, name, at);
}

void check_condition_names(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_condition_name);
}

static void check_set_name(struct check *c, json_t *value, const struct place *at)
{
    check_characters(c, value, at, LOWER DIGIT "_", "a variable: a-z, 0-9, _");
}

static void check_set(struct check *c, json_t *value, const struct place *at)
{
    c->requests_known++; /* it may speak of its own request */
    check_map(c, value, at, check_set_name, check_answer_value);
    c->requests_known--;
}

static void check_paginate(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"kind",   true,  check_text        },
        { "items", true,  check_json_pointer},
        { "next",  false, check_json_pointer},
        { "more",  false, check_json_pointer},
        { "param", false, check_text        },
        { "in",    false, check_text        },
        { "first", false, check_count       },
        { "total", false, check_json_pointer},
        { "max",   false, check_count       },
        { NULL,    false, NULL              }
    };
    static const char *const kinds[] = { "link", "token", "url", "page", NULL };
    static const char *const places[] = { "query", "body", NULL };
    const json_t *kind = json_object_get(value, "kind"),
                 *in = json_object_get(value, "in");
    check_object(c, value, at, fields);
    if (!one_of(kind, kinds)) {
        check_problem(c, at, "\"kind\" must be link, token, url or page");
        return;
    }
    bool link = one_of(kind, kinds) && strcmp(json_string_value(kind), "link") == 0;
    bool page = strcmp(json_string_value(kind), "page") == 0;
    bool token = strcmp(json_string_value(kind), "token") == 0;
    if (!link && !page && !json_object_get(value, "next"))
        check_problem(c, at, "needs \"next\", a pointer to the %s of the next page",
                      token ? "token" : "URL");
    if ((token || page) && !json_object_get(value, "param"))
        check_problem(c, at, "needs \"param\"");
    if (in && !one_of(in, places))
        check_problem(c, at, "\"in\" must be query or body");
    if (in && strcmp(text_at(value, "in") ? text_at(value, "in") : "", "body") == 0 &&
        text_at(value, "param") && text_at(value, "param")[0] != '/')
        check_problem(c, at, "\"param\" must be a JSON pointer into the body");
}

static void check_recurse(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"items",      true,  check_json_pointer},
        { "dir",       true,  check_json_pointer},
        { "is",        false, check_constant    },
        { "name",      true,  check_json_pointer},
        { "names",     false, check_text        },
        { "param",     true,  check_text        },
        { "max_depth", true,  check_count       },
        { NULL,        false, NULL              }
    };
    static const char *const names[] = { "base", "full", NULL };
    check_object(c, value, at, fields);
    if (json_object_get(value, "names") &&
        !one_of(json_object_get(value, "names"), names))
        check_problem(c, at, "\"names\" must be base or full");
    if (json_integer_value(json_object_get(value, "max_depth")) > DEPTH_MAX)
        check_problem(c, at, "\"max_depth\" may be %d at most", DEPTH_MAX);
}

static void check_parse(struct check *c, json_t *value, const struct place *at)
{
    static const char *const kinds[] = { "json", "text", NULL };
    if (!one_of(value, kinds))
        check_problem(c, at, "must be json or text");
}

static void check_request(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"id",        true,  check_root_name        },
        { "method",   false, check_method           },
        { "url",      false, check_address          },
        { "url_ptr",  false, check_answer_value     },
        { "hosts",    false, check_hosts            },
        { "optional", false, check_boolean          },
        { "query",    false, check_templates_by_name},
        { "headers",  false, check_templates_by_name},
        { "body",     false, check_body             },
        { "if",       false, check_condition_names  },
        { "unless",   false, check_condition_names  },
        { "required", false, check_boolean          },
        { "set",      false, check_set              },
        { "paginate", false, check_paginate         },
        { "recurse",  false, check_recurse          },
        { "rematch",  false, check_hosts            },
        { "parse",    false, check_parse            },
        { NULL,       false, NULL                   }
    };
    check_object(c, value, at, fields);
    bool url = json_object_get(value, "url"), ptr = json_object_get(value, "url_ptr");
    if (url == ptr)
        check_problem(c, at, "needs \"url\" or \"url_ptr\"");
    if (ptr != (json_object_get(value, "hosts") != NULL))
        check_problem(c, at, "\"url_ptr\" needs \"hosts\", those that it may name");
    c->requests_known++;
}

void check_requests(struct check *c, json_t *value, const struct place *at)
{
    c->requests_known = 0;
    check_list(c, value, at, check_request);
    c->requests_known = SIZE_MAX;
    if (json_array_size(value) > ROOTS_MAX / 2)
        check_problem(c, at, "holds more than %d requests", ROOTS_MAX / 2);
}

static void check_where_pair(struct check *c, json_t *value, const struct place *at)
{
    struct place pointer = place_element(at, 0), wanted = place_element(at, 1);
    if (json_array_size(value) != 2) {
        check_problem(c, at, "must be [pointer, template]");
        return;
    }
    check_json_pointer(c, json_array_get(value, 0), &pointer);
    check_answer_template(c, json_array_get(value, 1), &wanted);
}

static void check_where_pairs(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_where_pair);
}

static void check_select(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"ptr",       true,  check_answer_value},
        { "where",    false, check_where_pairs },
        { "max",      false, check_json_pointer},
        { "required", false, check_boolean     },
        { NULL,       false, NULL              }
    };
    const json_t *ptr = json_object_get(value, "ptr");
    check_object(c, value, at, fields);
    /* a select of a select could be one of itself */
    struct origin_of from;
    if (json_is_string(ptr) &&
        expression_split(span_of_text(json_string_value(ptr)), &from)) {
        const char *key;
        json_t *other;
        json_object_foreach(json_object_get(c->root, "select"), key, other)
        {
            if (span_is(from.root, key))
                check_problem(c, at, "\"ptr\" must be of a request");
        }
    } else {
        check_problem(c, at, "\"ptr\" must be \"ID#/pointer\"");
    }
}

void check_selects(struct check *c, json_t *value, const struct place *at)
{
    check_map(c, value, at, check_root_name, check_select);
    if (json_object_size(value) > ROOTS_MAX / 2)
        check_problem(c, at, "holds more than %d selects", ROOTS_MAX / 2);
}
