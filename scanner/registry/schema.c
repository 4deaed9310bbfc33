/* The keys of an entry, one table a JSON object; docs/registries.md teaches them and a
 * test holds the two together. */
#include "registry/schema.h"

#include "registry/entry.h"
#include "registry/uri.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 64 };

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static void check_variable_name(struct check *c, json_t *value, const struct place *at)
{
    check_characters(c, value, at, LOWER DIGIT "_", "a variable: a-z, 0-9, _");
}

static void check_environment_name(struct check *c, json_t *value, const struct place *at)
{
    check_characters(c, value, at, UPPER DIGIT "_",
                     "the name of an environment variable");
}

void check_environment_names(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_environment_name);
}

static void check_url(struct check *c, json_t *value, const struct place *at)
{
    struct uri uri;
    struct error why;
    const char *text = json_string_value(value);
    if (!text) {
        check_problem(c, at, "must be a URL");
        return;
    }
    if (!uri_parse(text, &uri, &why))
        check_problem(c, at, "%s", why.message);
    else if (!uri.url ||
             (strcmp(uri.scheme, "https") != 0 && !uri_loopback(uri.authority)))
        check_problem(c, at, "must be an https URL (http only for this machine)");
}

/* ---- variables and templates --------------------------------------------------- */

static bool list_has(const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *element = json_string_value(json_array_get(list, i));
        if (element && strcmp(element, text) == 0)
            return true;
    }
    return false;
}

/* Does a parameter bring it: as a whole, or a part of it? */
static bool query_has(json_t *query, const char *name)
{
    const char *parameter;
    json_t *how;
    json_object_foreach(query, parameter, how)
    {
        const char *variable = json_string_value(how);
        if (variable ? strcmp(variable, name) == 0
                     : list_has(json_object_get(how, "groups"), name))
            return true;
    }
    return false;
}

/* Does some pattern capture it, "vars" give it a default, or every URL bring it? */
bool variable_known(const struct check *c, const char *name)
{
    if (json_object_get(json_object_get(c->root, "vars"), name) ||
        strcmp(name, "host") == 0)
        return true;
    const json_t *matches = json_object_get(c->root, "match");
    for (size_t i = 0; i < json_array_size(matches); i++) {
        const json_t *match = json_array_get(matches, i);
        if (list_has(json_object_get(match, "groups"), name) ||
            query_has(json_object_get(match, "query"), name))
            return true;
    }
    return false;
}

void check_known_variable(struct check *c, json_t *value, const struct place *at)
{
    const char *name = json_string_value(value);
    if (!name || (!variable_known(c, name) && !variable_set(c, name)))
        check_problem(c, at, "no pattern captures the variable \"%s\"", name ? name : "");
}

/* Every "{" closed, every variable known; `extra` is one more that is allowed. */
static void check_variables_in(struct check *c, const char *template, const char *extra,
                               const struct place *at)
{
    for (const char *brace = template; (brace = strpbrk(brace, "{}"));) {
        char name[NAMES_MAX];
        size_t n = *brace == '{' ? strcspn(brace + 1, "{}") : 0;
        if (*brace == '}' || brace[1 + n] != '}' || n == 0 || n >= sizeof name) {
            check_problem(c, at, "has an unbalanced or empty brace");
            return;
        }
        memcpy(name, brace + 1, n);
        name[n] = '\0';
        if (!(extra && strcmp(name, extra) == 0) && !variable_known(c, name))
            check_problem(c, at, "no pattern captures the variable \"%s\"", name);
        brace += n + 2;
    }
}

static void check_template(struct check *c, json_t *value, const struct place *at)
{
    check_text(c, value, at);
    if (json_is_string(value))
        check_variables_in(c, json_string_value(value), NULL, at);
}

static void check_templates(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_template);
    if (json_array_size(value) == 0)
        check_problem(c, at, "must hold at least one template");
}

static void check_url_template(struct check *c, json_t *value, const struct place *at)
{
    check_url(c, value, at);
    if (json_is_string(value))
        check_variables_in(c, json_string_value(value), "model_name", at);
}

/* ---- the keys ------------------------------------------------------------------ */

static void check_schema(struct check *c, json_t *value, const struct place *at)
{
    if (!json_is_integer(value) || json_integer_value(value) != 1)
        check_problem(c, at, "must be 1, the only version of this format");
}

static void check_id(struct check *c, json_t *value, const struct place *at)
{
    const char *id = json_string_value(value);
    const char *slash = strrchr(c->path, '/');
    struct span stem = span_of_text(slash ? slash + 1 : c->path);
    check_characters(c, value, at, LOWER DIGIT "-", "a-z, 0-9 and -");
    if (span_ends(stem, ".json"))
        stem = span_slice(stem, 0, stem.len - strlen(".json"));
    if (id && !span_is(stem, id))
        check_problem(c, at, "must be \"%.*s\", as the file is called", (int)stem.len,
                      stem.ptr);
}

static bool is_one_of(json_t *value, const char *const *names)
{
    const char *text = json_string_value(value);
    for (size_t i = 0; text && names[i]; i++)
        if (strcmp(text, names[i]) == 0)
            return true;
    return false;
}

static void check_driver(struct check *c, json_t *value, const struct place *at)
{
    static const char *const drivers[] = { "json-rest", "oci", "git-dvc", NULL };
    if (!is_one_of(value, drivers))
        check_problem(c, at, "must be json-rest, oci or git-dvc");
}

static bool read_level(json_t *value, enum trust *ret_level)
{
    const char *text = json_string_value(value);
    return text && trust_parse(text, ret_level) && *ret_level != TRUST_UNKNOWN;
}

static void check_level(struct check *c, json_t *value, const struct place *at)
{
    enum trust level;
    if (!read_level(value, &level))
        check_problem(c, at, "must be low, medium, high or internal");
}

static void check_urls(struct check *c, json_t *value, const struct place *at)
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

static void check_conditions(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_question);
    if (json_array_size(value) == 0)
        check_problem(c, at, "must hold at least one condition");
}

static void check_rule(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"if",     true,  check_conditions},
        { "level", true,  check_level     },
        { "why",   true,  check_text      },
        { NULL,    false, NULL            }
    };
    struct place here = place_member(at, "level");
    enum trust level, from;
    check_object(c, value, at, fields);
    if (read_level(json_object_get(value, "level"), &level) &&
        read_level(json_object_get(json_object_get(c->root, "trust"), "default"),
                   &from) &&
        (level >= from || (from == TRUST_INTERNAL && level != TRUST_LOW)))
        check_problem(c, &here, "a rule may only lower the level: not %s to %s",
                      trust_name(from), trust_name(level));
}

static void check_rules(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_rule);
}

static void check_trust(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"default", true,  check_level},
        { "rules",  false, check_rules},
        { NULL,     false, NULL       }
    };
    check_object(c, value, at, fields);
}

static void check_host(struct check *c, json_t *value, const struct place *at)
{
    const char *host = json_string_value(value);
    char plain[URI_AUTHORITY_MAX + 1];
    const char *name = host && strncmp(host, "*.", 2) == 0 ? host + 2 : host;
    bool valid = name && uri_authority_of(name, plain) && strcmp(plain, name) == 0;
    if (!valid)
        check_problem(c, at, "must be a host in lower case, or \"*.\" and a domain");
}

/* "*", any host, gives a stranger's server the level of this entry: unless that level
 * is internal, which needs the operator's own endpoint anyway. */
static void check_match_host(struct check *c, json_t *value, const struct place *at)
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
        check_problem(c, at, "only an internal registry may claim any host");
}

void check_hosts(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_host);
}

static void check_match_hosts(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_match_host);
}

static void check_scope(struct check *c, json_t *value, const struct place *at)
{
    check_map(c, value, at, check_known_variable, check_environment_names);
}

/* Where a service that many share is reached: its host may hold variables, each a part
 * of one label and none in the domain. */
static void check_service(struct check *c, json_t *value, const struct place *at)
{
    const char *text = json_string_value(value);
    check_template(c, value, at);
    if (!text)
        return;
    const char *last = strrchr(text, '}');
    const char *domain = last ? strchr(last, '.') : text;
    if (strncmp(text, "https://", 8) != 0 || strchr(text + 8, '/') || !domain ||
        (last && !strchr(domain + 1, '.')))
        check_problem(c, at,
                      "must be https:// and a host whose domain holds no variable");
}

static void check_endpoint(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"default",    false, check_url              },
        { "service",   false, check_service          },
        { "env",       false, check_environment_names},
        { "hosts",     false, check_hosts            },
        { "shared",    false, check_hosts            },
        { "scope",     false, check_scope            },
        { "variables", false, check_scope            },
        { NULL,        false, NULL                   }
    };
    check_object(c, value, at, fields);
}

static void check_auth_type(struct check *c, json_t *value, const struct place *at)
{
    static const char *const types[] = { "none",     "bearer", "basic",         "header",
                                         "sigv4",    "google", "oci-challenge", "azure",
                                         "exchange", NULL };
    if (!is_one_of(value, types))
        check_problem(c, at,
                      "must be none, bearer, basic, header, sigv4, google, azure, "
                      "oci-challenge or exchange");
}

static void check_header_name(struct check *c, json_t *value, const struct place *at)
{
    check_characters(c, value, at, UPPER LOWER DIGIT "-", "the name of an HTTP header");
}

void check_texts(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_text);
}

static void check_json_pointers(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_json_pointer);
}

/* A JSON file with a pointer to each secret. */
static void check_json_file(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"path", true,  check_text         },
        { "ptr", true,  check_json_pointers},
        { NULL,  false, NULL               }
    };
    check_object(c, value, at, fields);
}

static void check_credential(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"type",         true,  check_auth_type        },
        { "env",         false, check_environment_names},
        { "file",        false, check_texts            },
        { "json_file",   false, check_json_file        },
        { "netrc",       false, check_boolean          },
        { "header",      false, check_header_name      },
        { "user",        false, check_text             },
        { "token_url",   false, check_text             },
        { "token_ptr",   false, check_json_pointer     },
        { "token_form",  false, check_texts            },
        { "allow_hosts", false, check_hosts            },
        { "scope",       false, check_text             },
        { NULL,          false, NULL                   }
    };
    check_object(c, value, at, fields);
}

static void check_auth(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_credential);
}

static void check_vars(struct check *c, json_t *value, const struct place *at)
{
    check_map(c, value, at, check_variable_name, check_text);
}

static void check_scheme(struct check *c, json_t *value, const struct place *at)
{
    const char *scheme = json_string_value(value);
    check_characters(c, value, at, LOWER DIGIT "+.-", "a scheme in lower case");
    if (scheme && (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0))
        check_problem(c, at, "web addresses are matched by \"path\" and \"hosts\"");
    if (scheme && strlen(scheme) > URI_SCHEME_MAX)
        check_problem(c, at, "longer than %d bytes", URI_SCHEME_MAX);
}

/* Shown in error messages, where anything but printable ASCII is escaped. */
static void check_form(struct check *c, json_t *value, const struct place *at)
{
    const char *form = json_string_value(value);
    check_text(c, value, at);
    for (size_t i = 0; form && form[i]; i++)
        if ((unsigned char)form[i] >= 0x7f) {
            check_problem(c, at, "must be plain ASCII");
            return;
        }
}

static void check_group(struct check *c, json_t *value, const struct place *at)
{
    if (json_is_string(value) && json_string_length(value) == 0)
        return;
    check_variable_name(c, value, at);
}

static void check_groups(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_group);
}

/* The variable that it holds, or what it must look like, with a variable for each part.
 */
static void check_parameter(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"matches", true,  check_text  },
        { "groups", true,  check_groups},
        { NULL,     false, NULL        }
    };
    if (json_is_object(value))
        check_object(c, value, at, fields);
    else
        check_variable_name(c, value, at);
}

static void check_query(struct check *c, json_t *value, const struct place *at)
{
    check_map(c, value, at, check_text, check_parameter);
}

static void check_match(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"form",      true,  check_form       },
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
        check_problem(c, at,
                      "needs \"scheme\" and \"rest\", or \"path\", or \"fragment\"");
    if (rest && (json_object_get(value, "hosts") || json_object_get(value, "query")))
        check_problem(c, at, "\"hosts\" and \"query\" are for web addresses");
}

static void check_matches(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_match);
    if (json_array_size(value) == 0)
        check_problem(c, at, "must hold at least one pattern");
}

static void check_reject(struct check *c, json_t *value, const struct place *at)
{
    check_map(c, value, at, check_known_variable, check_texts);
}

static void check_identity(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"name",       true,  check_templates       },
        { "revision",  false, check_templates       },
        { "publisher", false, check_templates       },
        { "answer",    false, check_identity_answers},
        { NULL,        false, NULL                  }
    };
    check_object(c, value, at, fields);
}

static void check_pinned(struct check *c, json_t *value, const struct place *at)
{
    check_map(c, value, at, check_known_variable, check_text);
}

static void check_examples(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_text);
    if (json_array_size(value) == 0)
        check_problem(c, at, "must hold at least one reference");
}

static size_t count_groups(const json_t *groups)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(groups); i++)
        count += json_string_length(json_array_get(groups, i)) > 0;
    return count;
}

static size_t count_parameters(json_t *query)
{
    const char *parameter;
    json_t *how;
    size_t count = 0;
    json_object_foreach(query, parameter, how)
    {
        count += json_is_string(how) ? 1 : count_groups(json_object_get(how, "groups"));
    }
    return count;
}

/* A reference has room for so many variables, the host of a URL among them. */
static void check_variable_count(struct check *c)
{
    size_t defaults = json_object_size(json_object_get(c->root, "vars"));
    const json_t *matches = json_object_get(c->root, "match");
    struct place at = place_member(NULL, "match");
    for (size_t i = 0; i < json_array_size(matches); i++) {
        const json_t *match = json_array_get(matches, i);
        size_t used = defaults + 1 + count_groups(json_object_get(match, "groups")) +
                      count_parameters(json_object_get(match, "query"));
        struct place here = place_element(&at, i);
        if (used > REFERENCE_VARIABLES_MAX)
            check_problem(c, &here, "more than %d variables with \"vars\" and the host",
                          REFERENCE_VARIABLES_MAX);
    }
}

static void check_extends(struct check *c, json_t *value, const struct place *at)
{
    check_characters(c, value, at, LOWER DIGIT "-", "the id of another entry");
}

/* A stanza belongs to its driver. */
static void check_stanzas(struct check *c)
{
    static const char *const stanzas[][2] = {
        {"requests", "json-rest"},
        { "oci",     "oci"      },
        { "git",     "git-dvc"  }
    };
    const char *driver = json_string_value(json_object_get(c->root, "driver"));
    for (size_t i = 0; i < sizeof stanzas / sizeof *stanzas; i++) {
        struct place at = place_member(NULL, stanzas[i][0]);
        if (json_object_get(c->root, stanzas[i][0]) && driver &&
            strcmp(driver, stanzas[i][1]) != 0)
            check_problem(c, &at, "is for the driver %s", stanzas[i][1]);
    }
}

bool entry_check(const char *path, json_t *root, struct buffer *report)
{
    static const struct field fields[] = {
        {"schema",       true,  check_schema     },
        { "id",          true,  check_id         },
        { "name",        true,  check_text       },
        { "driver",      true,  check_driver     },
        { "description", true,  check_text       },
        { "advice",      true,  check_text       },
        { "has_api",     true,  check_boolean    },
        { "location",    false, check_text       },
        { "urls",        true,  check_urls       },
        { "trust",       true,  check_trust      },
        { "endpoint",    true,  check_endpoint   },
        { "auth",        false, check_auth       },
        { "vars",        false, check_vars       },
        { "match",       true,  check_matches    },
        { "reject",      false, check_reject     },
        { "identity",    true,  check_identity   },
        { "pinned",      false, check_pinned     },
        { "examples",    true,  check_examples   },
        { "extends",     false, check_extends    },
        { "requests",    false, check_requests   },
        { "select",      false, check_selects    },
        { "map",         false, check_fields     },
        { "files",       false, check_files      },
        { "download",    false, check_download   },
        { "errors",      false, check_errors     },
        { "error_text",  false, check_error_texts},
        { "rate",        false, check_rate       },
        { "checks",      false, check_checks     },
        { "oci",         false, check_oci        },
        { "git",         false, check_git        },
        { NULL,          false, NULL             }
    };
    struct check c = {
        .path = path, .report = report, .root = root, .requests_known = SIZE_MAX
    };
    check_object(&c, root, NULL, fields);
    if (!json_object_get(json_object_get(root, "urls"), "base") &&
        !json_object_get(root, "location"))
        check_problem(&c, NULL,
                      "\"urls.base\" or \"location\" must say where the registry is");
    check_variable_count(&c);
    check_stanzas(&c);
    return c.problems == 0;
}
