/* Checks and trust rules over the fields of an answer.  Unknown is never pass. */
#include "core/base64.h"
#include "core/digest.h"
#include "registry/template.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTED_MAX = 120 };

static const char *text_at(const json_t *array, size_t i)
{
    return json_string_value(json_array_get(array, i));
}

/* ---- fields -------------------------------------------------------------------- */

static struct value text_value(const char *text)
{
    struct value v = { .state = VALUE_UNKNOWN };
    json_t *json = text ? json_string(text) : NULL;
    return json ? value_of_json(json) : v;
}

static bool has_strong_hash(const struct rest_file *f)
{
    for (const struct rest_hash *h = f->hashes; h; h = h->next)
        if (!h->weak)
            return true;
    return false;
}

/* "all", "some" or "none" of the files have a strong hash. */
static struct value strong_hash(const struct rest_result *r)
{
    size_t strong = 0;
    if (!r->listed || !r->files)
        return (struct value){ .state = VALUE_UNKNOWN };
    for (const struct rest_file *f = r->files; f; f = f->next) {
        if (f->storage)
            return (struct value){ .state = VALUE_UNKNOWN };
        strong += has_strong_hash(f);
    }
    return text_value(strong == r->file_count ? "all" : strong ? "some" : "none");
}

static struct value formats(const struct rest_result *r)
{
    json_t *list = json_array();
    if (!r->listed) {
        json_decref(list);
        return (struct value){ .state = VALUE_UNKNOWN };
    }
    for (const struct rest_file *f = r->files; f; f = f->next)
        if (f->format)
            json_array_append_new(list, json_string(f->format));
    return value_of_json(list);
}

/* Does any file's name promise a pickle? */
static struct value pickles(const struct rest_result *r)
{
    static const char *const endings[] = { ".pt",  ".pth",    ".bin",   ".ckpt",
                                           ".pkl", ".pickle", ".joblib" };
    bool any = false;
    for (const struct rest_file *f = r->files; f; f = f->next)
        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
            any = any || span_ends_nocase(span_of_text(f->path), endings[i]);
    if (!r->listed && !any)
        return (struct value){ .state = VALUE_UNKNOWN };
    return value_of_json(json_boolean(any));
}

static struct value total(const struct rest_result *r)
{
    if (!r->listed)
        return (struct value){ .state = VALUE_UNKNOWN };
    return value_of_json(json_integer((json_int_t)r->file_count));
}

/* The md5 that a file must have for W&B to have made its digest of it, in base64; empty:
 * it is not known. */
static struct span md5_base64(struct arena *arena, const struct rest_file *f)
{
    struct span bytes;
    const struct rest_hash *h = f->hashes;
    while (h && strcmp(h->algorithm, "md5") != 0)
        h = h->next;
    return h && hex_decode(arena, span_of_text(h->value), &bytes)
               ? base64_encode(arena, bytes)
               : span_of(NULL, 0);
}

/* Is "digest" the md5 of what W&B writes of all files: a line for each, path and md5, or
 * what it noted of one that lies elsewhere?
 * Source: wandb, sdk/artifacts/artifact_manifests/artifact_manifest_v1.py. */
static struct value wandb_digest(struct scope *s)
{
    static const char head[] = "wandb-artifact-manifest-v1\n";
    const struct value unknown = { .state = VALUE_UNKNOWN };
    const struct mapped *told = scope_field(s, "digest");
    const char *wanted = told && told->value.state == VALUE_KNOWN
                             ? json_string_value(told->value.json)
                             : NULL;
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_MD5), 0);
    char hex[DIGEST_HEX_MAX + 1];
    bool known = d && wanted && s->result->listed && s->result->files;
    if (known)
        digester_add(d, span_of_text(head));
    for (const struct rest_file *f = s->result->files; known && f; f = f->next) {
        struct span digest = f->storage ? span_of_text(f->etag) : md5_base64(s->arena, f);
        known = f->storage ? f->etag != NULL : digest.len > 0;
        if (!known)
            break;
        digester_add(d, span_of_text(f->path));
        digester_add(d, span_of_text(":"));
        digester_add(d, digest);
        digester_add(d, span_of_text("\n"));
    }
    if (d)
        digester_finish(d);
    known = known && digester_hex(d, DIGEST_MD5, hex);
    bool same = known && strcmp(hex, wanted) == 0;
    digester_free(d);
    return known ? value_of_json(json_boolean(same)) : unknown;
}

static struct value endpoint(struct scope *s)
{
    return text_value(s->session->endpoint);
}

static const char *const computed[] = {
    "files.strong_hash",  "files.formats", "files.pickle", "files.total",
    "files.wandb_digest", "endpoint",      "pinned",       NULL
};

bool field_computed(const char *name)
{
    for (size_t i = 0; computed[i]; i++)
        if (strcmp(computed[i], name) == 0)
            return true;
    return false;
}

static struct value field_value(struct scope *s, const char *name)
{
    const struct mapped *field = scope_field(s, name);
    if (strcmp(name, "files.strong_hash") == 0)
        return strong_hash(s->result);
    if (strcmp(name, "files.formats") == 0)
        return formats(s->result);
    if (strcmp(name, "files.pickle") == 0)
        return pickles(s->result);
    if (strcmp(name, "files.total") == 0)
        return total(s->result);
    if (strcmp(name, "files.wandb_digest") == 0)
        return wandb_digest(s);
    if (strcmp(name, "endpoint") == 0)
        return endpoint(s);
    if (strcmp(name, "pinned") == 0)
        return value_of_json(json_boolean(s->session->reference->pinned));
    if (field) {
        json_incref(field->value.json);
        return field->value;
    }
    return text_value(scope_variable(s, name));
}

/* ---- operators ----------------------------------------------------------------- */

static enum check_result pass_if(bool condition)
{
    return condition ? CHECK_PASS : CHECK_FAIL;
}

static bool scalar(const json_t *json)
{
    return json_is_string(json) || json_is_number(json) || json_is_boolean(json);
}

static bool equal_text(const json_t *a, const json_t *b)
{
    struct buffer one, other;
    buffer_init(&one, URL_MAX);
    buffer_init(&other, URL_MAX);
    bool equal = json_scalar_text(a, &one) && json_scalar_text(b, &other) &&
                 span_equal(buffer_span(&one), buffer_span(&other));
    buffer_free(&one);
    buffer_free(&other);
    return equal;
}

static bool listed(const json_t *value, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (equal_text(value, json_array_get(list, i)))
            return true;
    return false;
}

static enum check_result op_is(const json_t *v, const json_t *with, int64_t now)
{
    (void)now;
    if (json_typeof(v) != json_typeof(with) &&
        !(json_is_boolean(v) && json_is_boolean(with)))
        return CHECK_UNKNOWN;
    return pass_if(json_equal(v, with));
}

static enum check_result op_eq(const json_t *v, const json_t *with, int64_t now)
{
    (void)now;
    return scalar(v) ? pass_if(equal_text(v, with)) : CHECK_UNKNOWN;
}

static enum check_result op_ne(const json_t *v, const json_t *with, int64_t now)
{
    (void)now;
    return scalar(v) ? pass_if(!equal_text(v, with)) : CHECK_UNKNOWN;
}

/* Of a list: is one of its elements among them? */
static bool any_listed(const json_t *v, const json_t *with)
{
    bool any = scalar(v) && listed(v, with);
    for (size_t i = 0; i < json_array_size(v); i++)
        any = any || listed(json_array_get(v, i), with);
    return any;
}

static enum check_result op_in(const json_t *v, const json_t *with, int64_t now)
{
    (void)now;
    return scalar(v) || json_is_array(v) ? pass_if(any_listed(v, with)) : CHECK_UNKNOWN;
}

static enum check_result op_not_in(const json_t *v, const json_t *with, int64_t now)
{
    (void)now;
    return scalar(v) || json_is_array(v) ? pass_if(!any_listed(v, with)) : CHECK_UNKNOWN;
}

static enum check_result op_subset(const json_t *v, const json_t *with, int64_t now)
{
    bool all = !json_is_array(v) ? listed(v, with) : true;
    (void)now;
    if (!scalar(v) && !json_is_array(v))
        return CHECK_UNKNOWN;
    for (size_t i = 0; i < json_array_size(v); i++)
        all = all && listed(json_array_get(v, i), with);
    return pass_if(all);
}

static bool number_of(const json_t *json, double *ret_number)
{
    const char *text = json_string_value(json);
    char *end = NULL;
    if (json_is_number(json)) {
        *ret_number = json_number_value(json);
        return true;
    }
    if (!text || !*text || strspn(text, "0123456789.-") != strlen(text))
        return false;
    *ret_number = strtod(text, &end);
    return !*end;
}

static enum check_result op_gte(const json_t *v, const json_t *with, int64_t now)
{
    double number;
    (void)now;
    return number_of(v, &number) ? pass_if(number >= json_number_value(with))
                                 : CHECK_UNKNOWN;
}

static enum check_result op_lte(const json_t *v, const json_t *with, int64_t now)
{
    double number;
    (void)now;
    return number_of(v, &number) ? pass_if(number <= json_number_value(with))
                                 : CHECK_UNKNOWN;
}

static bool age_in_days(const json_t *v, int64_t now, double *ret_days)
{
    int64_t then;
    if (!json_is_string(v) || !time_parse(json_string_value(v), &then))
        return false;
    *ret_days = (double)(now - then) / 86400.0;
    return true;
}

static enum check_result op_newer(const json_t *v, const json_t *with, int64_t now)
{
    double days;
    return age_in_days(v, now, &days) ? pass_if(days < json_number_value(with))
                                      : CHECK_UNKNOWN;
}

static enum check_result op_older(const json_t *v, const json_t *with, int64_t now)
{
    double days;
    return age_in_days(v, now, &days) ? pass_if(days >= json_number_value(with))
                                      : CHECK_UNKNOWN;
}

static enum check_result op_matches(const json_t *v, const json_t *with, int64_t now)
{
    const char *text = json_string_value(v);
    (void)now;
    if (!text || strlen(text) > URL_MAX)
        return CHECK_UNKNOWN;
    return pass_if(expression_matches(json_string_value(with), text));
}

static const struct {
    const char *name, *words;
    char with; /* the kind of argument: scalar, list, number, expression, none */
    enum check_result (*holds)(const json_t *v, const json_t *with, int64_t now);
} operators[] = {
    {"present",          "a value",             '-', NULL      },
    { "absent",          "nothing",             '-', NULL      },
    { "is",              "",                    's', op_is     },
    { "eq",              "",                    's', op_eq     },
    { "ne",              "not ",                's', op_ne     },
    { "in",              "one of ",             'l', op_in     },
    { "not_in",          "none of ",            'l', op_not_in },
    { "subset",          "only ",               'l', op_subset },
    { "gte",             "at least ",           'n', op_gte    },
    { "lte",             "at most ",            'n', op_lte    },
    { "newer_than_days", "newer in days than ", 'n', op_newer  },
    { "older_than_days", "older in days than ", 'n', op_older  },
    { "matches",         "a match of ",         'e', op_matches},
};
enum { OPERATORS = sizeof operators / sizeof *operators };

static size_t operator_of(const char *name)
{
    size_t i = 0;
    while (i < OPERATORS && strcmp(operators[i].name, name) != 0)
        i++;
    return i;
}

char operator_operand(const char *name)
{
    size_t i = operator_of(name);
    return i < OPERATORS ? operators[i].with : '\0';
}

/* ---- evidence ------------------------------------------------------------------ */

static void quote(const json_t *json, struct buffer *out)
{
    struct buffer text;
    buffer_init(&text, QUOTED_MAX);
    if (json_is_array(json))
        for (size_t i = 0; i < json_array_size(json) && !text.truncated; i++) {
            buffer_add_text(&text, i ? ", " : "");
            (void)json_scalar_text(json_array_get(json, i), &text);
        }
    else if (!json_scalar_text(json, &text))
        buffer_add_text(&text, "an object");
    buffer_add(out, buffer_span(&text));
    buffer_add_text(out, text.truncated ? "..." : "");
    buffer_free(&text);
}

/* The refused roots that an expression speaks of.  As deep as the entry is. */
static void tell_refusals(struct scope *s, const json_t *expression, struct buffer *out)
{
    struct origin_of from;
    const char *text = json_string_value(expression), *key;
    json_t *member;
    if (text && expression_split(span_of_text(text), &from)) {
        const struct root *root =
            scope_root(s, (const char *)from.root.ptr, from.root.len);
        if (root && root->refusal != REST_ANSWERED)
            buffer_printf(out, " (%s: %s)", root->name, rest_refusal_name(root->refusal));
        return;
    }
    for (size_t i = 0; i < json_array_size(expression); i++)
        tell_refusals(s, json_array_get(expression, i), out);
    json_object_foreach((json_t *)(uintptr_t)expression, key, member)
    {
        if (strcmp(key, "ptr") == 0)
            tell_refusals(s, member, out);
    }
}

static void tell(struct scope *s, const char *field, const struct value *v,
                 enum check_result result, size_t op, const json_t *with,
                 struct buffer *out)
{
    buffer_add_text(out, field);
    if (v->state == VALUE_KNOWN) {
        buffer_add_text(out, " is ");
        quote(v->json, out);
    } else if (v->state == VALUE_ABSENT) {
        buffer_add_text(out, " is not given");
    } else {
        buffer_add_text(out, " is not known");
        tell_refusals(s, json_object_get(json_object_get(s->entry, "map"), field), out);
    }
    if (result == CHECK_PASS && operators[op].with == '-')
        return;
    buffer_printf(out, "; wanted %s", operators[op].words);
    if (with)
        quote(with, out);
}

/* ["field", "operator", argument].  `unsure`: values that mean "not known yet". */
static enum check_result ask(struct scope *s, const json_t *question,
                             const json_t *unsure, struct buffer *evidence)
{
    const char *field = text_at(question, 0);
    size_t op = operator_of(text_at(question, 1));
    const json_t *with = json_array_get(question, 2);
    struct value v = field_value(s, field);
    enum check_result result = CHECK_UNKNOWN;
    bool present = operators[op].with == '-' && op == 0;
    if (operators[op].with == '-')
        result = v.state == VALUE_UNKNOWN ? CHECK_UNKNOWN
                                          : pass_if((v.state == VALUE_KNOWN) == present);
    else if (v.state == VALUE_KNOWN && !listed(v.json, unsure))
        result = operators[op].holds(v.json, with, s->session->now);
    if (evidence)
        tell(s, field, &v, result, op, with, evidence);
    value_free(&v);
    return result;
}

/* ---- checks and rules ---------------------------------------------------------- */

void checks_run(struct scope *s)
{
    const json_t *list = json_object_get(s->entry, "checks");
    struct provenance_check **end = &s->result->checks;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *how = json_array_get(list, i);
        const json_t *names = json_object_get(how, "if");
        struct provenance_check *c = NULL;
        struct buffer evidence;
        bool wanted = true;
        for (size_t k = 0; k < json_array_size(names); k++)
            wanted = wanted && scope_holds(s, text_at(names, k));
        if (!wanted || !(c = arena_alloc(s->arena, sizeof *c)))
            continue;
        buffer_init(&evidence, EVIDENCE_MAX);
        c->id = json_string_value(json_object_get(how, "id"));
        c->result = ask(s, json_object_get(how, "ask"), json_object_get(how, "unknown"),
                        &evidence);
        (void)severity_parse(json_string_value(json_object_get(how, "else")),
                             &c->severity);
        c->evidence = arena_copy(s->arena, buffer_span(&evidence));
        buffer_free(&evidence);
        *end = c;
        end = &c->next;
    }
}

/* Of all rules that hold the lowest level counts; nothing raises it. */
void trust_lower(struct scope *s)
{
    const json_t *list = json_object_get(json_object_get(s->entry, "trust"), "rules");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *rule = json_array_get(list, i);
        const json_t *conditions = json_object_get(rule, "if");
        enum trust level;
        bool holds = json_array_size(conditions) > 0;
        for (size_t k = 0; k < json_array_size(conditions); k++)
            holds =
                holds && ask(s, json_array_get(conditions, k), NULL, NULL) == CHECK_PASS;
        if (holds &&
            trust_parse(json_string_value(json_object_get(rule, "level")), &level) &&
            level < s->result->trust) {
            s->result->trust = level;
            s->result->why = json_string_value(json_object_get(rule, "why"));
        }
    }
}
