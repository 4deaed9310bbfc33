/* Validation of an entry.  One table a JSON object; docs/registries.md teaches every
 * key, and a test holds the two together. */
#include "registry/entry.h"
#include "registry/place.h"
#include "registry/uri.h"

#include <stdlib.h>
#include <string.h>

struct check {
    const char *path;
    struct buffer *report;
    const json_t *root;
    size_t problems;
};

/* A check is told the value and where it is; what is wrong goes through problem(). */
typedef void field_check(struct check *c, const json_t *value, const struct place *at);

struct field {
    const char *key;
    bool required;
    field_check *check;
};

enum { TEXT_MAX = 500, LIST_MAX = 64, NAMES_MAX = 64 };

/* ---- telling ------------------------------------------------------------------- */

static char *slurp(const char *path, size_t *ret_len)
{
    char *text = malloc(JSON_FILE_MAX);
    FILE *f = text ? fopen(path, "re") : NULL;
    *ret_len = f ? fread(text, 1, JSON_FILE_MAX, f) : 0;
    if (f)
        (void)fclose(f);
    return text;
}

__attribute__((format(printf, 4, 0))) static void
tell(struct buffer *report, const char *path, const struct place *at, const char *format,
     va_list args)
{
    size_t len;
    char *text = slurp(path, &len);
    buffer_printf(report, "%s:%zu: ", path, place_line(span_of(text, len), at));
    free(text);
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
    tell(report, path, at, format, args);
    va_end(args);
}

__attribute__((format(printf, 3, 4))) static void
problem(struct check *c, const struct place *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(c->report, c->path, at, format, args);
    va_end(args);
    c->problems++;
}

static struct place member(const struct place *in, const char *key)
{
    return (struct place){ .in = in, .key = key };
}

static struct place element(const struct place *in, size_t index)
{
    return (struct place){ .in = in, .index = index };
}

/* ---- shapes -------------------------------------------------------------------- */

/* Every key known, every required one there, every value as its own check wants it. */
static void check_object(struct check *c, const json_t *object, const struct place *at,
                         const struct field *fields)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object)) {
        problem(c, at, "must be an object");
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        const struct field *f = fields;
        struct place here = member(at, key);
        while (f->key && strcmp(f->key, key) != 0)
            f++;
        if (f->key)
            f->check(c, value, &here);
        else
            problem(c, &here, "unknown key");
    }
    for (const struct field *f = fields; f->key; f++)
        if (f->required && !json_object_get(object, f->key))
            problem(c, at, "\"%s\" is missing", f->key);
}

static void check_list(struct check *c, const json_t *list, const struct place *at,
                       field_check *check)
{
    if (!json_is_array(list) || json_array_size(list) > LIST_MAX) {
        problem(c, at, "must be a list of at most %d", LIST_MAX);
        return;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct place here = element(at, i);
        check(c, json_array_get(list, i), &here);
    }
}

/* An object with keys of the author's choosing. */
static void check_map(struct check *c, const json_t *map, const struct place *at,
                      field_check *check_key, field_check *check)
{
    const char *key;
    json_t *value;
    if (!json_is_object(map)) {
        problem(c, at, "must be an object");
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)map, key, value)
    {
        struct place here = member(at, key);
        json_t *name = json_string(key);
        check_key(c, name, &here);
        json_decref(name);
        check(c, value, &here);
    }
}

static void check_text(struct check *c, const json_t *value, const struct place *at)
{
    const char *text = json_string_value(value);
    if (!text || !*text || strlen(text) > TEXT_MAX)
        problem(c, at, "must be a text of 1 to %d bytes", TEXT_MAX);
    for (size_t i = 0; text && text[i]; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            problem(c, at, "holds a control character");
            return;
        }
}

static void check_boolean(struct check *c, const json_t *value, const struct place *at)
{
    if (!json_is_boolean(value))
        problem(c, at, "must be true or false");
}

/* Is it text of those characters only?  `what` ends "must be …". */
static void check_characters(struct check *c, const json_t *value, const struct place *at,
                             const char *allowed, const char *what)
{
    const char *text = json_string_value(value);
    if (!text || !*text || strlen(text) > TEXT_MAX || text[strspn(text, allowed)])
        problem(c, at, "must be %s", what);
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static void check_variable_name(struct check *c, const json_t *value,
                                const struct place *at)
{
    check_characters(c, value, at, LOWER DIGIT "_", "a variable: a-z, 0-9, _");
}

static void check_environment_name(struct check *c, const json_t *value,
                                   const struct place *at)
{
    check_characters(c, value, at, UPPER DIGIT "_",
                     "the name of an environment variable");
}

static void check_environment_names(struct check *c, const json_t *value,
                                    const struct place *at)
{
    check_list(c, value, at, check_environment_name);
}

static void check_url(struct check *c, const json_t *value, const struct place *at)
{
    struct uri uri;
    struct error why;
    const char *text = json_string_value(value);
    if (!text) {
        problem(c, at, "must be a URL");
        return;
    }
    if (!uri_parse(text, &uri, &why))
        problem(c, at, "%s", why.message);
    else if (!uri.url ||
             (strcmp(uri.scheme, "https") != 0 && !uri_loopback(uri.authority)))
        problem(c, at, "must be an https URL (http only for this machine)");
}

/* ---- variables and templates --------------------------------------------------- */

static bool object_has_value(const json_t *object, const char *text)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), text) == 0)
            return true;
    }
    return false;
}

/* Does some pattern capture it, "vars" give it a default, or every URL bring it? */
static bool variable_known(const struct check *c, const char *name)
{
    if (json_object_get(json_object_get(c->root, "vars"), name) ||
        strcmp(name, "host") == 0)
        return true;
    const json_t *matches = json_object_get(c->root, "match");
    for (size_t i = 0; i < json_array_size(matches); i++) {
        const json_t *match = json_array_get(matches, i);
        const json_t *groups = json_object_get(match, "groups");
        for (size_t k = 0; k < json_array_size(groups); k++) {
            const char *group = json_string_value(json_array_get(groups, k));
            if (group && strcmp(group, name) == 0)
                return true;
        }
        if (object_has_value(json_object_get(match, "query"), name))
            return true;
    }
    return false;
}

static void check_known_variable(struct check *c, const json_t *value,
                                 const struct place *at)
{
    const char *name = json_string_value(value);
    if (!name || !variable_known(c, name))
        problem(c, at, "no pattern captures the variable \"%s\"", name ? name : "");
}

/* Every "{" closed, every variable known; `extra` is one more that is allowed. */
static void check_variables_in(struct check *c, const char *template, const char *extra,
                               const struct place *at)
{
    for (const char *brace = template; (brace = strpbrk(brace, "{}"));) {
        char name[NAMES_MAX];
        size_t n = *brace == '{' ? strcspn(brace + 1, "{}") : 0;
        if (*brace == '}' || brace[1 + n] != '}' || n == 0 || n >= sizeof name) {
            problem(c, at, "has an unbalanced or empty brace");
            return;
        }
        memcpy(name, brace + 1, n);
        name[n] = '\0';
        if (!(extra && strcmp(name, extra) == 0) && !variable_known(c, name))
            problem(c, at, "no pattern captures the variable \"%s\"", name);
        brace += n + 2;
    }
}

static void check_template(struct check *c, const json_t *value, const struct place *at)
{
    check_text(c, value, at);
    if (json_is_string(value))
        check_variables_in(c, json_string_value(value), NULL, at);
}

static void check_templates(struct check *c, const json_t *value, const struct place *at)
{
    check_list(c, value, at, check_template);
    if (json_array_size(value) == 0)
        problem(c, at, "must hold at least one template");
}

static void check_url_template(struct check *c, const json_t *value,
                               const struct place *at)
{
    check_url(c, value, at);
    if (json_is_string(value))
        check_variables_in(c, json_string_value(value), "model_name", at);
}

/* ---- the keys ------------------------------------------------------------------ */

static void check_schema(struct check *c, const json_t *value, const struct place *at)
{
    if (!json_is_integer(value) || json_integer_value(value) != 1)
        problem(c, at, "must be 1, the only version of this format");
}

static void check_id(struct check *c, const json_t *value, const struct place *at)
{
    const char *id = json_string_value(value);
    const char *slash = strrchr(c->path, '/');
    struct span stem = span_of_text(slash ? slash + 1 : c->path);
    check_characters(c, value, at, LOWER DIGIT "-", "a-z, 0-9 and -");
    if (span_ends(stem, ".json"))
        stem = span_slice(stem, 0, stem.len - strlen(".json"));
    if (id && !span_is(stem, id))
        problem(c, at, "must be \"%.*s\", as the file is called", (int)stem.len,
                stem.ptr);
}

static bool is_one_of(const json_t *value, const char *const *names)
{
    const char *text = json_string_value(value);
    for (size_t i = 0; text && names[i]; i++)
        if (strcmp(text, names[i]) == 0)
            return true;
    return false;
}

static void check_driver(struct check *c, const json_t *value, const struct place *at)
{
    static const char *const drivers[] = { "json-rest", "oci", "git-dvc", NULL };
    if (!is_one_of(value, drivers))
        problem(c, at, "must be json-rest, oci or git-dvc");
}

static bool read_level(const json_t *value, enum trust *ret_level)
{
    const char *text = json_string_value(value);
    return text && trust_parse(text, ret_level) && *ret_level != TRUST_UNKNOWN;
}

static void check_level(struct check *c, const json_t *value, const struct place *at)
{
    enum trust level;
    if (!read_level(value, &level))
        problem(c, at, "must be low, medium, high or internal");
}

static void check_urls(struct check *c, const json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"base",           false, check_url         },
        { "api",           false, check_url         },
        { "model",         false, check_url_template},
        { "documentation", false, check_url         },
        { NULL,            false, NULL              }
    };
    check_object(c, value, at, fields);
}

static void check_condition(struct check *c, const json_t *value, const struct place *at)
{
    static const char *const operators[] = {
        "eq", "ne", "in", "not_in", "matches", NULL
    };
    struct place variable = element(at, 0), with_at = element(at, 2);
    const json_t *with = json_array_get(value, 2);
    const char *op = json_string_value(json_array_get(value, 1));
    if (json_array_size(value) != 3 || !is_one_of(json_array_get(value, 1), operators)) {
        problem(c, at, "must be [variable, eq|ne|in|not_in|matches, value]");
        return;
    }
    check_known_variable(c, json_array_get(value, 0), &variable);
    if (strstr(op, "in")) {
        check_list(c, with, &with_at, check_text);
        return;
    }
    check_text(c, with, &with_at);
    regex_t compiled;
    struct error why;
    if (strcmp(op, "matches") != 0 || !json_is_string(with))
        return;
    if (expression_compile(json_string_value(with), &compiled, &why))
        regfree(&compiled);
    else
        problem(c, &with_at, "%s", why.message);
}

static void check_conditions(struct check *c, const json_t *value, const struct place *at)
{
    check_list(c, value, at, check_condition);
    if (json_array_size(value) == 0)
        problem(c, at, "must hold at least one condition");
}

static void check_rule(struct check *c, const json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"if",     true,  check_conditions},
        { "level", true,  check_level     },
        { "why",   true,  check_text      },
        { NULL,    false, NULL            }
    };
    struct place here = member(at, "level");
    enum trust level, from;
    check_object(c, value, at, fields);
    if (read_level(json_object_get(value, "level"), &level) &&
        read_level(json_object_get(json_object_get(c->root, "trust"), "default"),
                   &from) &&
        (level >= from || (from == TRUST_INTERNAL && level != TRUST_LOW)))
        problem(c, &here, "a rule may only lower the level: not %s to %s",
                trust_name(from), trust_name(level));
}

static void check_rules(struct check *c, const json_t *value, const struct place *at)
{
    check_list(c, value, at, check_rule);
}

static void check_trust(struct check *c, const json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"default", true,  check_level},
        { "rules",  false, check_rules},
        { NULL,     false, NULL       }
    };
    check_object(c, value, at, fields);
}

static void check_host(struct check *c, const json_t *value, const struct place *at)
{
    const char *host = json_string_value(value);
    char plain[URI_AUTHORITY_MAX + 1];
    const char *name = host && strncmp(host, "*.", 2) == 0 ? host + 2 : host;
    bool valid = name && uri_authority_of(name, plain) && strcmp(plain, name) == 0;
    if (!valid)
        problem(c, at, "must be a host in lower case, or \"*.\" and a domain");
}

/* "*", any host, gives a stranger's server the level of this entry: unless that level
 * is internal, which needs the operator's own endpoint anyway. */
static void check_match_host(struct check *c, const json_t *value, const struct place *at)
{
    enum trust level = TRUST_UNKNOWN;
    const char *host = json_string_value(value);
    if (!host || strcmp(host, "*") != 0) {
        check_host(c, value, at);
        return;
    }
    (void)read_level(json_object_get(json_object_get(c->root, "trust"), "default"),
                     &level);
    if (level != TRUST_INTERNAL)
        problem(c, at, "only an internal registry may claim any host");
}

static void check_hosts(struct check *c, const json_t *value, const struct place *at)
{
    check_list(c, value, at, check_host);
}

static void check_match_hosts(struct check *c, const json_t *value,
                              const struct place *at)
{
    check_list(c, value, at, check_match_host);
}

static void check_scope(struct check *c, const json_t *value, const struct place *at)
{
    check_map(c, value, at, check_known_variable, check_environment_names);
}

static void check_endpoint(struct check *c, const json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"default", false, check_url              },
        { "env",    false, check_environment_names},
        { "hosts",  false, check_hosts            },
        { "shared", false, check_hosts            },
        { "scope",  false, check_scope            },
        { NULL,     false, NULL                   }
    };
    check_object(c, value, at, fields);
}

static void check_auth_type(struct check *c, const json_t *value, const struct place *at)
{
    static const char *const types[] = { "none",     "bearer", "basic",         "header",
                                         "sigv4",    "google", "oci-challenge", "azure",
                                         "exchange", NULL };
    if (!is_one_of(value, types))
        problem(c, at,
                "must be none, bearer, basic, header, sigv4, google, azure, "
                "oci-challenge or exchange");
}

static void check_header_name(struct check *c, const json_t *value,
                              const struct place *at)
{
    check_characters(c, value, at, UPPER LOWER DIGIT "-", "the name of an HTTP header");
}

static void check_texts(struct check *c, const json_t *value, const struct place *at)
{
    check_list(c, value, at, check_text);
}

static void check_credential(struct check *c, const json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"type",    true,  check_auth_type        },
        { "env",    false, check_environment_names},
        { "file",   false, check_texts            },
        { "header", false, check_header_name      },
        { NULL,     false, NULL                   }
    };
    check_object(c, value, at, fields);
}

static void check_auth(struct check *c, const json_t *value, const struct place *at)
{
    check_list(c, value, at, check_credential);
}

static void check_vars(struct check *c, const json_t *value, const struct place *at)
{
    check_map(c, value, at, check_variable_name, check_text);
}

static void check_scheme(struct check *c, const json_t *value, const struct place *at)
{
    const char *scheme = json_string_value(value);
    check_characters(c, value, at, LOWER DIGIT "+.-", "a scheme in lower case");
    if (scheme && (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0))
        problem(c, at, "web addresses are matched by \"path\" and \"hosts\"");
    if (scheme && strlen(scheme) > URI_SCHEME_MAX)
        problem(c, at, "longer than %d bytes", URI_SCHEME_MAX);
}

static void check_group(struct check *c, const json_t *value, const struct place *at)
{
    if (json_is_string(value) && json_string_length(value) == 0)
        return;
    check_variable_name(c, value, at);
}

static void check_groups(struct check *c, const json_t *value, const struct place *at)
{
    check_list(c, value, at, check_group);
}

static void check_query(struct check *c, const json_t *value, const struct place *at)
{
    check_map(c, value, at, check_text, check_variable_name);
}

static void check_match(struct check *c, const json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"form",      true,  check_text       },
        { "scheme",   false, check_scheme     },
        { "rest",     false, check_text       },
        { "path",     false, check_text       },
        { "fragment", false, check_text       },
        { "hosts",    false, check_match_hosts},
        { "groups",   true,  check_groups     },
        { "query",    false, check_query      },
        { NULL,       false, NULL             }
    };
    check_object(c, value, at, fields);
    bool scheme = json_object_get(value, "scheme"), rest = json_object_get(value, "rest");
    bool path = json_object_get(value, "path");
    bool fragment = json_object_get(value, "fragment");
    if (rest + path + fragment != 1 || scheme != rest)
        problem(c, at, "needs \"scheme\" and \"rest\", or \"path\", or \"fragment\"");
    if (rest && (json_object_get(value, "hosts") || json_object_get(value, "query")))
        problem(c, at, "\"hosts\" and \"query\" are for web addresses");
}

static void check_matches(struct check *c, const json_t *value, const struct place *at)
{
    check_list(c, value, at, check_match);
    if (json_array_size(value) == 0)
        problem(c, at, "must hold at least one pattern");
}

static void check_reject(struct check *c, const json_t *value, const struct place *at)
{
    check_map(c, value, at, check_known_variable, check_texts);
}

static void check_identity(struct check *c, const json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"name",      true,  check_templates},
        { "revision", false, check_templates},
        { NULL,       false, NULL           }
    };
    check_object(c, value, at, fields);
}

static void check_pinned(struct check *c, const json_t *value, const struct place *at)
{
    check_map(c, value, at, check_known_variable, check_text);
}

static void check_examples(struct check *c, const json_t *value, const struct place *at)
{
    check_list(c, value, at, check_text);
    if (json_array_size(value) == 0)
        problem(c, at, "must hold at least one reference");
}

/* A reference has room for so many variables, the host of a URL among them. */
static void check_variable_count(struct check *c)
{
    size_t defaults = json_object_size(json_object_get(c->root, "vars"));
    const json_t *matches = json_object_get(c->root, "match");
    struct place at = member(NULL, "match");
    for (size_t i = 0; i < json_array_size(matches); i++) {
        const json_t *match = json_array_get(matches, i);
        const json_t *groups = json_object_get(match, "groups");
        size_t used = defaults + 1 + json_object_size(json_object_get(match, "query"));
        for (size_t k = 0; k < json_array_size(groups); k++)
            used += json_string_length(json_array_get(groups, k)) > 0;
        struct place here = element(&at, i);
        if (used > REFERENCE_VARIABLES_MAX)
            problem(c, &here, "more than %d variables with \"vars\" and the host",
                    REFERENCE_VARIABLES_MAX);
    }
}

bool entry_check(const char *path, const json_t *root, struct buffer *report)
{
    static const struct field fields[] = {
        {"schema",       true,  check_schema  },
        { "id",          true,  check_id      },
        { "name",        true,  check_text    },
        { "driver",      true,  check_driver  },
        { "description", true,  check_text    },
        { "advice",      true,  check_text    },
        { "has_api",     true,  check_boolean },
        { "location",    false, check_text    },
        { "urls",        true,  check_urls    },
        { "trust",       true,  check_trust   },
        { "endpoint",    true,  check_endpoint},
        { "auth",        false, check_auth    },
        { "vars",        false, check_vars    },
        { "match",       true,  check_matches },
        { "reject",      false, check_reject  },
        { "identity",    true,  check_identity},
        { "pinned",      false, check_pinned  },
        { "examples",    true,  check_examples},
        { NULL,          false, NULL          }
    };
    struct check c = { .path = path, .report = report, .root = root };
    check_object(&c, root, NULL, fields);
    if (!json_object_get(json_object_get(root, "urls"), "base") &&
        !json_object_get(root, "location"))
        problem(&c, NULL, "\"urls.base\" or \"location\" must say where the registry is");
    check_variable_count(&c);
    return c.problems == 0;
}
