/* The keys about what follows from answers: files, errors, checks, and the stanzas of
 * the drivers that are not json-rest. */
#include "registry/entry.h"
#include "registry/schema.h"
#include "registry/scope.h"

#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void check_header(struct check *c, json_t *value, const struct place *at)
{
    check_characters(c, value, at, UPPER LOWER DIGIT "-", "the name of an HTTP header");
}

static void check_number(struct check *c, json_t *value, const struct place *at)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        check_problem(c, at, "must be a whole number");
}

/* ---- files ----------------------------------------------------------------------- */

static void check_algorithm(struct check *c, json_t *value, const struct place *at)
{
    const char *name = json_string_value(value);
    if (!name || !hash_algorithm_known(name))
        check_problem(c, at,
                      "must be sha512, sha256, blake3, sha256-prefix, sha1, git-sha1, "
                      "md5, crc64nvme, crc32c or crc32");
}

static void check_encoding(struct check *c, json_t *value, const struct place *at)
{
    const char *name = json_string_value(value);
    if (!name || (strcmp(name, "hex") != 0 && strcmp(name, "base64") != 0))
        check_problem(c, at, "must be hex or base64");
}

static void check_element(struct check *c, json_t *value, const struct place *at)
{
    struct place object = place_element(at, 0), name = place_element(at, 1),
                 pointer = place_element(at, 2);
    if (json_array_size(value) != 3) {
        check_problem(c, at, "must be [object of answers, name, pointer]");
        return;
    }
    check_answer_value(c, json_array_get(value, 0), &object);
    check_answer_value(c, json_array_get(value, 1), &name);
    check_json_pointer(c, json_array_get(value, 2), &pointer);
}

static void check_hash(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"alg",        true,  check_algorithm   },
        { "ptr",       true,  check_answer_value},
        { "enc",       true,  check_encoding    },
        { "strip",     false, check_text        },
        { "unless",    false, check_json_pointer},
        { "unless_in", false, check_element     },
        { NULL,        false, NULL              }
    };
    check_object(c, value, at, fields);
}

static void check_hashes(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_hash);
}

static void check_where(struct check *c, json_t *value, const struct place *at)
{
    struct place pointer = place_element(at, 0), wanted = place_element(at, 1);
    size_t n = json_array_size(value);
    if (n != 1 && n != 2) {
        check_problem(c, at, "must be [pointer, value], or [pointer]: it is there");
        return;
    }
    check_json_pointer(c, json_array_get(value, 0), &pointer);
    if (n == 2)
        check_constant(c, json_array_get(value, 1), &wanted);
}

static void check_file(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"if",               false, check_condition_names},
        { "unless",          false, check_condition_names},
        { "from",            false, check_answer_value   },
        { "manifest_object", false, check_answer_value   },
        { "storage",         false, check_answer_value   },
        { "schemes",         false, check_texts          },
        { "ref",             false, check_answer_value   },
        { "etag",            false, check_answer_value   },
        { "version",         false, check_answer_value   },
        { "where",           false, check_where          },
        { "incomplete",      false, check_answer_value   },
        { "count",           false, check_answer_value   },
        { "others",          false, check_text           },
        { "path",            false, check_answer_value   },
        { "size",            false, check_answer_value   },
        { "role",            false, check_answer_value   },
        { "format",          false, check_answer_value   },
        { "scan",            false, check_answer_value   },
        { "hashes",          false, check_hashes         },
        { "url",             false, check_address        },
        { "url_ptr",         false, check_answer_value   },
        { NULL,              false, NULL                 }
    };
    check_object(c, value, at, fields);
    bool storage = json_object_get(value, "storage");
    bool by_name = json_object_get(value, "manifest_object");
    bool url = json_object_get(value, "url"), ptr = json_object_get(value, "url_ptr");
    if (storage + by_name + (json_object_get(value, "from") != NULL) > 1)
        check_problem(c, at, "only one of \"from\", \"manifest_object\", \"storage\"");
    bool ref = json_object_get(value, "ref");
    if ((storage || ref) && !json_object_get(value, "schemes"))
        check_problem(c, at, "\"storage\" and \"ref\" need \"schemes\", those allowed");
    if (!storage && !by_name && !json_object_get(value, "path"))
        check_problem(c, at, "needs \"path\"");
    if (!storage && url + ptr + ref != 1)
        check_problem(c, at, "needs \"url\", \"url_ptr\" or \"ref\"");
    if (json_object_get(value, "incomplete") &&
        !json_is_string(json_object_get(value, "incomplete")))
        check_problem(c, at, "\"incomplete\" must be \"ID#/pointer\"");
}

void check_files(struct check *c, json_t *value, const struct place *at)
{
    c->in_files = true;
    check_list(c, value, at, check_file);
    c->in_files = false;
}

static void check_hash_header(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"alg",     true,  check_algorithm},
        { "header", true,  check_header   },
        { "enc",    false, check_encoding },
        { "if_len", false, check_number   },
        { "key",    false, check_text     },
        { NULL,     false, NULL           }
    };
    check_object(c, value, at, fields);
}

static void check_hash_headers(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_hash_header);
}

static void check_headers(struct check *c, json_t *value, const struct place *at)
{
    check_map(c, value, at, check_header, check_text);
}

void check_download(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"redirect_hosts",   false, check_hosts       },
        { "headers",         false, check_headers     },
        { "hash_headers",    false, check_hash_headers},
        { "size_header",     false, check_header      },
        { "revision_header", false, check_header      },
        { "resume",          false, check_boolean     },
        { NULL,              false, NULL              }
    };
    check_object(c, value, at, fields);
}

/* ---- errors ---------------------------------------------------------------------- */

static void check_status(struct check *c, json_t *value, const struct place *at)
{
    if (!json_is_integer(value) || json_integer_value(value) < 200 ||
        json_integer_value(value) > 599)
        check_problem(c, at, "must be a status of HTTP, 200 to 599");
}

static void check_header_pair(struct check *c, json_t *value, const struct place *at)
{
    struct place name = place_element(at, 0), wanted = place_element(at, 1);
    if (json_array_size(value) != 2) {
        check_problem(c, at, "must be [header, value]");
        return;
    }
    check_header(c, json_array_get(value, 0), &name);
    check_text(c, json_array_get(value, 1), &wanted);
}

static void check_body_pair(struct check *c, json_t *value, const struct place *at)
{
    struct place pointer = place_element(at, 0), wanted = place_element(at, 1);
    if (json_array_size(value) != 2) {
        check_problem(c, at, "must be [pointer, value]");
        return;
    }
    check_json_pointer(c, json_array_get(value, 0), &pointer);
    if (!json_is_null(json_array_get(value, 1)))
        check_constant(c, json_array_get(value, 1), &wanted);
}

static void check_refusal(struct check *c, json_t *value, const struct place *at)
{
    const char *name = json_string_value(value);
    bool known = false;
    for (int i = REST_NOT_FOUND; name && i < REST_MALFORMED; i++)
        known = known || strcmp(rest_refusal_name((enum rest_refusal)i), name) == 0;
    if (!known)
        check_problem(c, at,
                      "must be not_found, not_found_or_private, revision_not_found, "
                      "auth_required, forbidden, gated, disabled, rate_limited or "
                      "server_error");
}

static void check_error(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"status",   true,  check_status     },
        { "request", false, check_text       },
        { "header",  false, check_header_pair},
        { "body",    false, check_body_pair  },
        { "as",      true,  check_refusal    },
        { NULL,      false, NULL             }
    };
    check_object(c, value, at, fields);
    if (json_integer_value(json_object_get(value, "status")) < 300 &&
        !json_object_get(value, "header") && !json_object_get(value, "body"))
        check_problem(c, at, "a success is an error only by its header or body");
}

void check_errors(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_error);
}

static void check_error_text(struct check *c, json_t *value, const struct place *at)
{
    const char *text = json_string_value(value);
    bool header = text && *text == '@' && text[1];
    bool pointer = text && *text == '#' && text[1] == '/' && strlen(text) < 256;
    json_t *rest = json_string(text ? text + (*text != '\0') : "");
    if (header)
        check_header(c, rest, at);
    else if (pointer)
        check_json_pointer(c, rest, at);
    else
        check_problem(c, at, "must be \"@Header\" or \"#/pointer\"");
    json_decref(rest);
}

void check_error_texts(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_error_text);
}

static void check_rate_style(struct check *c, json_t *value, const struct place *at)
{
    const char *name = json_string_value(value);
    if (!name || (strcmp(name, "r-t") != 0 && strcmp(name, "seconds") != 0 &&
                  strcmp(name, "epoch") != 0))
        check_problem(c, at, "must be r-t, seconds or epoch");
}

void check_rate(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"header",     true,  check_header    },
        { "style",     true,  check_rate_style},
        { "remaining", false, check_header    },
        { NULL,        false, NULL            }
    };
    check_object(c, value, at, fields);
}

/* ---- questions ------------------------------------------------------------------- */

static void check_operand(struct check *c, char kind, json_t *value,
                          const struct place *at)
{
    if (kind == 'l')
        check_constants(c, value, at);
    else if (kind == 'e')
        check_regex(c, value, at);
    else if (kind == 'n' && !json_is_number(value))
        check_problem(c, at, "must be a number");
    else if (kind == 's')
        check_constant(c, value, at);
}

/* [field, operator, argument], of a check or a trust rule. */
void check_question(struct check *c, json_t *value, const struct place *at)
{
    struct place field_at = place_element(at, 0), with_at = place_element(at, 2);
    const char *field = json_string_value(json_array_get(value, 0));
    const char *op = json_string_value(json_array_get(value, 1));
    char kind = op ? operator_operand(op) : '\0';
    size_t size = json_array_size(value);
    if (!field || !kind || size != (kind == '-' ? 2U : 3U)) {
        check_problem(c, at,
                      "must be [variable or field, operator, value] (present and absent "
                      "take no value)");
        return;
    }
    if (!field_computed(field) &&
        !json_object_get(json_object_get(c->root, "map"), field))
        check_known_variable(c, json_array_get(value, 0), &field_at);
    if (kind != '-')
        check_operand(c, kind, json_array_get(value, 2), &with_at);
}

static void check_check_id(struct check *c, json_t *value, const struct place *at)
{
    check_characters(c, value, at, LOWER DIGIT "-", "a-z, 0-9 and -");
}

static void check_severity(struct check *c, json_t *value, const struct place *at)
{
    enum severity ignored;
    const char *name = json_string_value(value);
    if (!name || !severity_parse(name, &ignored))
        check_problem(c, at, "must be info, low, medium, high or critical");
}

static void check_check(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"id",       true,  check_check_id       },
        { "if",      false, check_condition_names},
        { "ask",     true,  check_question       },
        { "unknown", false, check_constants      },
        { "else",    true,  check_severity       },
        { NULL,      false, NULL                 }
    };
    check_object(c, value, at, fields);
}

void check_checks(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_check);
    for (size_t i = 0; i < json_array_size(value); i++)
        for (size_t k = 0; k < i; k++) {
            const char *id = text_at(json_array_get(value, i), "id");
            const char *other = text_at(json_array_get(value, k), "id");
            struct place here = place_element(at, i);
            if (id && other && strcmp(id, other) == 0)
                check_problem(c, &here, "there is another check \"%s\"", id);
        }
}

static void check_identity_answer(struct check *c, json_t *value, const struct place *at)
{
    struct place told = place_element(at, 0), asked = place_element(at, 1);
    struct place pattern = place_element(at, 2);
    size_t n = json_array_size(value);
    if (n != 2 && n != 3) {
        check_problem(c, at, "must be [value, template] or [value, template, pattern]");
        return;
    }
    check_answer_value(c, json_array_get(value, 0), &told);
    check_answer_template(c, json_array_get(value, 1), &asked);
    if (n == 3)
        check_regex(c, json_array_get(value, 2), &pattern);
}

void check_identity_answers(struct check *c, json_t *value, const struct place *at)
{
    check_list(c, value, at, check_identity_answer);
}

/* ---- other drivers --------------------------------------------------------------- */

static void check_layer_name(struct check *c, json_t *value, const struct place *at)
{
    check_characters(c, value, at, LOWER DIGIT "_-", "a name: a-z, 0-9, _, -");
}

static void check_layers(struct check *c, json_t *value, const struct place *at)
{
    check_map(c, value, at, check_layer_name, check_text);
}

void check_oci(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"repository",    true,  check_answer_template },
        { "reference",    true,  check_answer_templates},
        { "accept",       true,  check_texts           },
        { "fetch_config", false, check_boolean         },
        { "referrers",    false, check_boolean         },
        { "text_layers",  false, check_layers          },
        { "text_max",     false, check_number          },
        { NULL,           false, NULL                  }
    };
    check_object(c, value, at, fields);
}

void check_git(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"clone",  true,  check_answer_template},
        { "ref",   false, check_answer_template},
        { "path",  true,  check_answer_template},
        { "depth", false, check_number         },
        { NULL,    false, NULL                 }
    };
    const char *url = text_at(value, "clone");
    struct place clone = place_member(at, "clone");
    check_object(c, value, at, fields);
    if (url && strncmp(url, "https://", 8) != 0)
        check_problem(c, &clone, "must begin with https://");
}
