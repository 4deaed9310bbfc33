/* Ask what the entry asks, then say what follows from the answers. */
#include "registry/rest.h"

#include "registry/template.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ROWS_MAX = 64, ROW_BYTES_MAX = 64 << 10 };

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* ---- selects: a root that is an element of another's list ------------------------ */

/* Every [pointer, template] holds; one whose variable is unset does not count. */
static bool element_fits(struct scope *s, json_t *element, const json_t *where)
{
    bool fits = true;
    for (size_t i = 0; i < json_array_size(where); i++) {
        const json_t *pair = json_array_get(where, i);
        json_t *found = NULL;
        struct buffer wanted, text;
        buffer_init(&wanted, URL_MAX);
        buffer_init(&text, URL_MAX);
        if (template_expand(s, json_string_value(json_array_get(pair, 1)), AS_TEXT,
                            &wanted))
            fits = fits &&
                   pointer_get(element, json_string_value(json_array_get(pair, 0)),
                               &found) == VALUE_KNOWN &&
                   json_scalar_text(found, &text) &&
                   span_equal(buffer_span(&text), buffer_span(&wanted));
        buffer_free(&wanted);
        buffer_free(&text);
    }
    return fits;
}

/* "1.10.0" is more than "1.9.2". */
static bool is_more(json_t *a, json_t *b, const char *pointer)
{
    json_t *left = NULL, *right = NULL;
    struct buffer one, other;
    buffer_init(&one, URL_MAX);
    buffer_init(&other, URL_MAX);
    bool more = pointer_get(a, pointer, &left) == VALUE_KNOWN &&
                json_scalar_text(left, &one) && one.text &&
                (pointer_get(b, pointer, &right) != VALUE_KNOWN ||
                 !json_scalar_text(right, &other) || !other.text ||
                 strverscmp(one.text, other.text) > 0);
    buffer_free(&one);
    buffer_free(&other);
    return more;
}

static struct root *select_root(struct scope *s, const char *name, const json_t *how)
{
    const char *max = text_of(how, "max");
    struct value list = value_of(s, json_object_get(how, "ptr"));
    struct root *root = NULL;
    json_t *best = NULL;
    for (size_t i = 0; i < json_array_size(list.json); i++) {
        json_t *element = json_array_get(list.json, i);
        if (element_fits(s, element, json_object_get(how, "where")) &&
            (!best || (max && is_more(element, best, max))))
            best = element;
    }
    if (list.state != VALUE_UNKNOWN && (root = scope_add_root(s, name))) {
        root->body = json_incref(best);
        if (!best)
            root_refuse(s, root, REST_REVISION_NOT_FOUND,
                        "the registry lists none like that");
    }
    value_free(&list);
    return root;
}

/* ---- the scope ------------------------------------------------------------------- */

bool scope_init(struct scope *s, const struct rest_session *session, struct arena *arena,
                struct rest_result *result)
{
    const struct reference *ref = session->reference;
    memset(s, 0, sizeof *s);
    s->session = session;
    s->entry = entry_of(ref->registry)->root;
    s->arena = arena;
    s->result = result;
    result->trust = session->trust;
    for (size_t i = 0; i < ref->variable_count; i++)
        if (!scope_set(s, ref->variables[i].key, span_of_text(ref->variables[i].value)))
            return false;
    return scope_set(s, "endpoint", span_of_text(session->endpoint));
}

void scope_free(struct scope *s)
{
    for (size_t i = 0; i < s->root_count; i++)
        json_decref(s->roots[i].body);
    for (size_t i = 0; i < s->field_count; i++)
        value_free(&s->fields[i].value);
    s->root_count = s->field_count = 0;
}

const char *scope_variable(const struct scope *s, const char *key)
{
    for (size_t i = 0; i < s->variable_count; i++)
        if (strcmp(s->variables[i].key, key) == 0)
            return s->variables[i].value;
    return NULL;
}

bool scope_set(struct scope *s, const char *key, struct span value)
{
    size_t i = 0;
    for (size_t k = 0; k < value.len; k++)
        if (value.ptr[k] < 0x20 || value.ptr[k] == 0x7f)
            return false;
    while (i < s->variable_count && strcmp(s->variables[i].key, key) != 0)
        i++;
    if (i == VARIABLES_MAX)
        return false;
    s->variables[i].key = key;
    s->variables[i].value = arena_text(s->arena, value);
    if (!s->variables[i].value)
        return false;
    s->variable_count += i == s->variable_count;
    return true;
}

struct root *scope_add_root(struct scope *s, const char *name)
{
    if (s->root_count == ROOTS_MAX)
        return NULL;
    struct root *root = &s->roots[s->root_count++];
    *root = (struct root){ .name = name };
    return root;
}

struct root *scope_root(struct scope *s, const char *name, size_t len)
{
    json_t *selects = json_object_get(s->entry, "select"), *how;
    const char *key;
    for (size_t i = 0; i < s->root_count; i++)
        if (strlen(s->roots[i].name) == len && memcmp(s->roots[i].name, name, len) == 0)
            return &s->roots[i];
    json_object_foreach(selects, key, how)
    {
        if (strlen(key) == len && memcmp(key, name, len) == 0)
            return select_root(s, key, how);
    }
    return NULL;
}

bool scope_holds(struct scope *s, const char *name)
{
    struct origin_of ignored;
    if (expression_split(span_of_text(name), &ignored)) {
        json_t *expression = json_string(name);
        struct value v = value_of(s, expression);
        bool known = v.state == VALUE_KNOWN;
        json_decref(expression);
        value_free(&v);
        return known;
    }
    const char *value = scope_variable(s, name);
    if (value)
        return *value != '\0';
    const struct root *root = scope_root(s, name, strlen(name));
    return root && root->refusal == REST_ANSWERED;
}

const struct mapped *scope_field(const struct scope *s, const char *key)
{
    for (size_t i = 0; i < s->field_count; i++)
        if (strcmp(s->fields[i].key, key) == 0)
            return &s->fields[i];
    return NULL;
}

/* ---- requests -------------------------------------------------------------------- */

static bool all_hold(struct scope *s, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++)
        if (!scope_holds(s, json_string_value(json_array_get(names, i))))
            return false;
    return true;
}

static bool any_holds(struct scope *s, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++)
        if (scope_holds(s, json_string_value(json_array_get(names, i))))
            return true;
    return false;
}

static void set_variables(struct scope *s, const json_t *request)
{
    const char *key;
    json_t *expression;
    json_object_foreach(json_object_get(request, "set"), key, expression)
    {
        struct buffer text;
        struct value v = value_of(s, expression);
        buffer_init(&text, URL_MAX);
        if (value_text(&v, &text) && !text.truncated)
            (void)scope_set(s, key, buffer_span(&text));
        buffer_free(&text);
        value_free(&v);
    }
}

static bool fail(const struct scope *s, enum rest_refusal refusal, const char *id,
                 const char *reason, enum rest_refusal *ret_refusal, struct error *error)
{
    bool missing = refusal == REST_NOT_FOUND || refusal == REST_NOT_FOUND_OR_PRIVATE ||
                   refusal == REST_REVISION_NOT_FOUND;
    *ret_refusal = refusal;
    return error_set(error, missing ? ERROR_NOT_FOUND : ERROR_IO, "%s: %s: %s: %s",
                     s->session->reference->registry->id, s->session->reference->name, id,
                     reason && *reason ? reason : rest_refusal_name(refusal));
}

/* A select that must find its element, once the list it chooses from is there. */
static bool selects_found(struct scope *s, enum rest_refusal *ret_refusal,
                          struct error *error)
{
    const char *key;
    json_t *how;
    json_object_foreach(json_object_get(s->entry, "select"), key, how)
    {
        if (!json_is_true(json_object_get(how, "required")))
            continue;
        const struct root *root = scope_root(s, key, strlen(key));
        if (root && root->refusal != REST_ANSWERED)
            return fail(s, root->refusal, key, root->reason, ret_refusal, error);
    }
    return true;
}

static bool run_request(struct scope *s, const json_t *request,
                        enum rest_refusal *ret_refusal, struct error *error)
{
    const char *id = text_of(request, "id");
    struct root *root = scope_root(s, id, strlen(id));
    bool asked = root && root->refusal != REST_NOT_ASKED;
    if (asked || !all_hold(s, json_object_get(request, "if")) ||
        any_holds(s, json_object_get(request, "unless"))) {
        if (!root && (root = scope_add_root(s, id)))
            root_refuse(s, root, REST_NOT_ASKED, "there is no need to ask");
        return true;
    }
    if (!root && !(root = scope_add_root(s, id)))
        return fail(s, REST_MALFORMED, id, "too many requests in the entry", ret_refusal,
                    error);
    root->refusal = REST_ANSWERED;
    root->wanted = !json_is_true(json_object_get(request, "optional"));
    request_run(s, request, root);
    if (root->refusal == REST_ANSWERED) {
        set_variables(s, request);
        return true;
    }
    if (!json_is_true(json_object_get(request, "required")))
        return true;
    return selects_found(s, ret_refusal, error) &&
           fail(s, root->refusal, id, root->reason, ret_refusal, error);
}

/* ---- what follows ---------------------------------------------------------------- */

static bool add_row(struct scope *s, const char *key, const json_t *json,
                    struct metadata ***end)
{
    struct buffer text;
    struct metadata *row = NULL;
    buffer_init(&text, ROW_BYTES_MAX);
    if (json_scalar_text(json, &text) && (row = arena_alloc(s->arena, sizeof *row))) {
        row->key = key;
        row->value = arena_copy(s->arena, buffer_span(&text));
        **end = row;
        *end = &row->next;
    }
    buffer_free(&text);
    return row != NULL;
}

static void map_fields(struct scope *s)
{
    struct metadata **end = &s->result->metadata;
    const char *key;
    json_t *expression;
    json_object_foreach(json_object_get(s->entry, "map"), key, expression)
    {
        if (s->field_count == FIELDS_MAX)
            return;
        struct mapped *f = &s->fields[s->field_count++];
        *f = (struct mapped){ .key = key, .value = value_of(s, expression) };
        if (f->value.state != VALUE_KNOWN)
            continue;
        const json_t *json = f->value.json;
        size_t rows = json_array_size(json) < ROWS_MAX ? json_array_size(json) : ROWS_MAX;
        if (!json_is_array(json))
            (void)add_row(s, key, json, &end);
        for (size_t i = 0; i < rows; i++)
            (void)add_row(s, key, json_array_get(json, i), &end);
    }
}

static struct span field_text(struct scope *s, const char *key)
{
    const struct metadata *row = metadata_find(s->result->metadata, key);
    return row ? row->value : span_of(NULL, 0);
}

/* ASCII case aside, as registries see it. */
static bool same_name(const struct buffer *a, const struct buffer *b)
{
    return a->len == b->len && strncasecmp(a->text, b->text, a->len) == 0;
}

/* [expression, template, pattern of what was asked]: an answer about something else. */
static void confirm_identity(struct scope *s)
{
    const json_t *pairs =
        json_object_get(json_object_get(s->entry, "identity"), "answer");
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        const char *pattern = json_string_value(json_array_get(pair, 2));
        struct value v = value_of(s, json_array_get(pair, 0));
        struct buffer told, asked;
        buffer_init(&told, URL_MAX);
        buffer_init(&asked, URL_MAX);
        if (value_text(&v, &told) && told.text &&
            template_expand(s, json_string_value(json_array_get(pair, 1)), AS_TEXT,
                            &asked) &&
            asked.text && (!pattern || expression_matches(pattern, asked.text)) &&
            !same_name(&told, &asked)) {
            struct span message = arena_printf(
                s->arena, "asked for %.200s, the registry answered for %.200s",
                asked.text, told.text);
            (void)finding_add(&s->result->findings, s->arena, &rules[RULE_TRUST_RENAMED],
                              0, message, buffer_span(&told));
        }
        buffer_free(&told);
        buffer_free(&asked);
        value_free(&v);
    }
}

static bool conclude(struct scope *s, struct error *error)
{
    if (!files_gather(s, error))
        return false;
    map_fields(s);
    s->result->id = field_text(s, "id");
    s->result->revision = field_text(s, "revision");
    confirm_identity(s);
    trust_lower(s);
    checks_run(s);
    return !arena_exhausted(s->arena) ||
           error_set(error, ERROR_MEMORY, "%s: the answers need more memory than allowed",
                     s->session->reference->name);
}

bool rest_resolve(const struct rest_session *session, struct arena *arena,
                  struct rest_result *ret_result, enum rest_refusal *ret_refusal,
                  struct error *error)
{
    struct rest_result result = { .trust = session->trust };
    struct scope *s = malloc(sizeof *s);
    *ret_refusal = REST_UNREACHABLE;
    if (!s)
        return error_set(error, ERROR_MEMORY, "out of memory");
    bool ok = scope_init(s, session, arena, &result) ||
              error_set(error, ERROR_MEMORY, "out of memory");
    const json_t *requests = json_object_get(s->entry, "requests");
    for (size_t i = 0; ok && !result.rematch && i < json_array_size(requests); i++)
        ok = run_request(s, json_array_get(requests, i), ret_refusal, error);
    if (ok && !result.rematch)
        ok = selects_found(s, ret_refusal, error) && conclude(s, error);
    scope_free(s);
    free(s);
    if (ok) {
        *ret_refusal = REST_ANSWERED;
        *ret_result = result;
    }
    return ok;
}

static bool add_answer(struct scope *s, const struct rest_root *from, struct error *error)
{
    struct error why = { .code = ERROR_NONE };
    struct root *root = scope_add_root(s, from->name);
    if (!root)
        return error_set(error, ERROR_IO, "%s: too many parts", from->name);
    root->bytes = from->body;
    if (from->json && !(root->body = answer_parse(from->body, &s->values, &why)))
        root_refuse(s, root, REST_MALFORMED, "%s", why.message);
    return true;
}

bool rest_describe(const struct rest_session *session, const struct rest_root *roots,
                   size_t count, struct arena *arena, struct rest_result *ret_result,
                   struct error *error)
{
    struct rest_result result = { .trust = session->trust };
    struct scope *s = malloc(sizeof *s);
    if (!s)
        return error_set(error, ERROR_MEMORY, "out of memory");
    bool ok = scope_init(s, session, arena, &result) ||
              error_set(error, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; ok && i < count; i++)
        ok = add_answer(s, &roots[i], error);
    ok = ok && conclude(s, error);
    scope_free(s);
    free(s);
    if (ok)
        *ret_result = result;
    return ok;
}
