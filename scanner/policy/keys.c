/* The table of keys: what their values look like. */
#include "policy/keys.h"

#include "core/formats.h"
#include "core/suggest.h"
#include "policy/glob.h"

#include <string.h>

enum { AGE_DAYS_MAX = 36500, VALUES_MAX = 1000 };

const struct key policy_keys[POLICY_KEYS] = {
#define TOP true
#define ANY false
#define KEY(symbol, section, name, kind, field, scope, help)                             \
    [POLICY_##symbol] = { section, name, KIND_##kind, scope, help },
#include "policy/keys.def"
#undef KEY
};

enum policy_key key_find(const char *section, const char *name)
{
    int i = 0;
    while (i < POLICY_KEYS && (strcmp(policy_keys[i].section, section) != 0 ||
                               strcmp(policy_keys[i].name, name) != 0))
        i++;
    return (enum policy_key)i;
}

bool key_is_section(const char *name)
{
    for (int i = 0; i < POLICY_KEYS; i++)
        if (*name && strcmp(policy_keys[i].section, name) == 0)
            return true;
    return false;
}

/* ---- words of a fixed set --------------------------------------------------------- */

static const char *const severities[] = { "info",     "low",   "medium", "high",
                                          "critical", "never", NULL };
static const char *const incompletes[] = { "incomplete", "fail", "accept", NULL };
static const char *const levels[] = {
    "unknown", "low", "medium", "high", "internal", NULL
};
static const char *const voices[] = {
    "manifest", "lockfile", "registry", "signature", NULL /* enum expectation_by */
};
static const char *const files[] = { "models", "all", NULL };
static const char *const coverages[] = { "all", "models", "any", NULL };
static const char *const unknowns[] = { "deny", "allow", NULL };

/* The words of a kind, in the order of its enum; NULL: any text. */
static const char *const *words_of(enum key_kind kind)
{
    static const char *const *const table[] = {
        [KIND_SEVERITY] = severities, [KIND_INCOMPLETE] = incompletes,
        [KIND_LEVELS] = levels,       [KIND_VOICES] = voices,
        [KIND_FILES] = files,         [KIND_COVERAGE] = coverages,
        [KIND_UNKNOWN] = unknowns,    [KIND_CHECKS] = NULL,
    };
    return table[kind];
}

static int word_index(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

static void not_one_of(struct check *c, const struct place *at, const char *const *words,
                       const char *word)
{
    struct suggestion near = suggestion_for(word);
    struct buffer all;
    buffer_init(&all, 400);
    for (size_t i = 0; words[i]; i++) {
        buffer_printf(&all, "%s%s", i == 0 ? "" : ", ", words[i]);
        suggestion_offer(&near, words[i]);
    }
    if (near.best)
        check_problem(c, at, "\"%.60s\" is not known; did you mean \"%s\"?", word,
                      near.best);
    else
        check_problem(c, at, "\"%.60s\" is none of %s", word, all.text ? all.text : "");
    buffer_free(&all);
}

/* ---- texts that name something ---------------------------------------------------- */

static bool format_known(const char *word)
{
    for (int id = 0; id < FORMAT_COUNT; id++)
        if (strcmp(formats[id].name, word) == 0 || strcmp(formats[id].family, word) == 0)
            return true;
    return strcmp(word, "unknown") == 0;
}

static void check_format(struct check *c, const char *word, const struct place *at)
{
    struct suggestion near = suggestion_for(word);
    if (format_known(word))
        return;
    for (int id = 0; id < FORMAT_COUNT; id++) {
        suggestion_offer(&near, formats[id].name);
        suggestion_offer(&near, formats[id].family);
    }
    suggestion_offer(&near, "unknown");
    if (near.best)
        check_problem(c, at, "\"%.60s\" is not known; did you mean \"%s\"?", word,
                      near.best);
    else
        check_problem(c, at,
                      "\"%.60s\" is not known; `assay formats` lists formats and "
                      "families",
                      word);
}

static void check_registry(struct check *c, const struct registries *table,
                           const char *id, const struct place *at)
{
    struct suggestion near = suggestion_for(id);
    if (!table || registries_find(table, id))
        return;
    for (size_t i = 0; i < registries_count(table); i++)
        suggestion_offer(&near, registries_at(table, i)->id);
    if (near.best)
        check_problem(c, at, "no registry is called \"%.60s\"; did you mean \"%s\"?", id,
                      near.best);
    else
        check_problem(
            c, at, "no registry is called \"%.60s\"; `assay registries` lists them", id);
}

static void check_glob(struct check *c, const char *pattern, const struct place *at)
{
    const char *wrong = glob_problem(pattern);
    if (wrong)
        check_problem(c, at, "the pattern %s", wrong);
}

static bool form_has_scheme(const struct registry *r, const char *scheme, size_t len)
{
    for (size_t i = 0; r->forms[i]; i++)
        if (strncmp(r->forms[i], scheme, len) == 0 && r->forms[i][len] == ':')
            return true;
    return false;
}

const char *source_canonical(const char *source, const struct registries *registries,
                             struct arena *arena)
{
    const char *colon = strchr(source, ':');
    size_t len = colon ? (size_t)(colon - source) : 0;
    if (!registries)
        return source;
    if (len == 0)
        return NULL;
    const char *rest = strncmp(colon, "://", 3) == 0 ? colon + 3 : colon + 1;
    if (len == 1 && *source == '*')
        return source;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < registries_count(registries); i++) {
            const struct registry *r = registries_at(registries, i);
            bool is = pass == 0 ? strlen(r->id) == len && strncmp(r->id, source, len) == 0
                                : form_has_scheme(r, source, len);
            if (is)
                return (const char *)arena_printf(arena, "%s:%s", r->id, rest).ptr;
        }
    return NULL;
}

static void check_source(struct check *c, const struct registries *table,
                         const char *text, const struct place *at)
{
    struct arena *scratch = arena_new(1 << 16);
    check_glob(c, text, at);
    if (scratch && table && !source_canonical(text, table, scratch))
        check_problem(c, at,
                      "\"%.60s\" must begin with a registry's id or scheme and a colon, "
                      "as in hf:org/*",
                      text);
    arena_free(scratch);
}

static void check_fingerprint(struct check *c, const char *text, const struct place *at)
{
    if (strlen(text) < 16 || strchr(text, ' '))
        check_problem(c, at, "must be a fingerprint: at least 16 characters, no spaces");
}

/* One word of a list, which check_text() has passed. */
static void check_word(enum key_kind kind, struct check *c,
                       const struct registries *registries, const char *word,
                       const struct place *at)
{
    static const char id[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
    if (words_of(kind)) {
        if (word_index(words_of(kind), word) < 0)
            not_one_of(c, at, words_of(kind), word);
        return;
    }
    if (kind == KIND_FORMATS)
        check_format(c, word, at);
    else if (kind == KIND_REGISTRIES)
        check_registry(c, registries, word, at);
    else if (kind == KIND_SOURCES)
        check_source(c, registries, word, at);
    else if (kind == KIND_GLOBS || kind == KIND_LICENSES)
        check_glob(c, word, at);
    else if (kind == KIND_FINGERPRINTS)
        check_fingerprint(c, word, at);
    else if (kind == KIND_CHECKS && word[strspn(word, id)])
        check_problem(c, at, "must be the id of a check: a-z, 0-9, '.', '_' and '-'");
}

/* ---- whole values ----------------------------------------------------------------- */

static void check_pattern_value(struct check *c, json_t *value, const struct place *at)
{
    size_t before = c->problems;
    check_text(c, value, at);
    if (c->problems == before)
        check_glob(c, json_string_value(value), at);
}

static void check_identity(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"issuer",   true,  check_pattern_value},
        { "subject", true,  check_pattern_value},
        { NULL,      false, NULL               }
    };
    check_object(c, value, at, fields);
}

static bool is_list(enum key_kind kind)
{
    return kind != KIND_SEVERITY && kind != KIND_INCOMPLETE && kind != KIND_BOOLEAN &&
           kind != KIND_FILES && kind != KIND_COVERAGE && kind != KIND_UNKNOWN &&
           kind != KIND_DAYS;
}

static void check_days(struct check *c, json_t *value, const struct place *at)
{
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < 0 || n > AGE_DAYS_MAX)
        check_problem(c, at, "must be a whole number of days, 0 to %d", AGE_DAYS_MAX);
}

void key_check_element(enum policy_key key, struct check *c,
                       const struct registries *registries, json_t *value,
                       const struct place *at)
{
    enum key_kind kind = policy_keys[key].kind;
    size_t before = c->problems;
    if (kind == KIND_IDENTITIES) {
        check_identity(c, value, at);
        return;
    }
    check_text(c, value, at);
    if (c->problems == before)
        check_word(kind, c, registries, json_string_value(value), at);
}

void key_check(enum policy_key key, struct check *c, const struct registries *registries,
               json_t *value, const struct place *at)
{
    enum key_kind kind = policy_keys[key].kind;
    if (kind == KIND_BOOLEAN) {
        check_boolean(c, value, at);
    } else if (kind == KIND_DAYS) {
        check_days(c, value, at);
    } else if (!is_list(kind)) {
        key_check_element(key, c, registries, value, at);
    } else if (json_is_string(value)) {
        check_problem(c, at, "must be a list, as in [\"%.60s\"]",
                      json_string_value(value));
    } else if (!json_is_array(value) || json_array_size(value) > VALUES_MAX) {
        check_problem(c, at, "must be a list of at most %d", VALUES_MAX);
    } else {
        for (size_t i = 0; i < json_array_size(value); i++) {
            struct place here = place_element(at, i);
            key_check_element(key, c, registries, json_array_get(value, i), &here);
        }
    }
}

/* ---- from values to demands ------------------------------------------------------- */

static texts compile_texts(enum key_kind kind, const json_t *value,
                           const struct registries *registries, struct arena *arena)
{
    size_t count = json_array_size(value);
    const char **list = arena_array(arena, count + 1, sizeof *list);
    for (size_t i = 0; list && i < count; i++) {
        list[i] = json_string_value(json_array_get(value, i));
        if (kind == KIND_SOURCES)
            list[i] = source_canonical(list[i], registries, arena);
        if (!list[i])
            return NULL;
    }
    return list;
}

static unsigned compile_set(enum key_kind kind, const json_t *value)
{
    unsigned set = 0;
    for (size_t i = 0; i < json_array_size(value); i++)
        set |=
            1U << word_index(words_of(kind), json_string_value(json_array_get(value, i)));
    return set;
}

static bool compile_identities(struct demands *d, const json_t *value,
                               struct arena *arena)
{
    size_t count = json_array_size(value);
    struct identity *list = arena_array(arena, count + 1, sizeof *list);
    for (size_t i = 0; list && i < count; i++) {
        const json_t *pair = json_array_get(value, i);
        list[i].issuer = json_string_value(json_object_get(pair, "issuer"));
        list[i].subject = json_string_value(json_object_get(pair, "subject"));
    }
    d->signature_identities = list;
    d->identity_count = count;
    return list != NULL;
}

/* Where each value goes; the kind says which type of field it is. */
static const size_t fields[POLICY_KEYS] = {
#define KEY(symbol, section, name, kind, field, scope, help)                             \
    [POLICY_##symbol] = offsetof(struct demands, field),
#include "policy/keys.def"
#undef KEY
};

static bool compile_one(enum policy_key key, struct demands *d, const json_t *value,
                        const struct registries *registries, struct arena *arena)
{
    enum key_kind kind = policy_keys[key].kind;
    void *field = (char *)d + fields[key];
    if (kind == KIND_BOOLEAN) {
        *(bool *)field = json_is_true(value);
    } else if (kind == KIND_DAYS) {
        *(int64_t *)field = json_integer_value(value);
    } else if (kind == KIND_UNKNOWN) {
        *(bool *)field = word_index(unknowns, json_string_value(value)) == 1;
    } else if (kind == KIND_LEVELS || kind == KIND_VOICES) {
        *(unsigned *)field = compile_set(kind, value);
    } else if (kind == KIND_IDENTITIES) {
        return compile_identities(d, value, arena);
    } else if (is_list(kind)) {
        texts list = compile_texts(kind, value, registries, arena);
        *(texts *)field = list;
        return list != NULL;
    } else {
        *(int *)field = word_index(words_of(kind), json_string_value(value));
    }
    return true;
}

bool scope_compile(struct scope *s, const struct registries *registries,
                   struct arena *arena)
{
    s->demands = (struct demands){ .fail_on = SEVERITY_HIGH,
                                   .on_incomplete = INCOMPLETE_EXITS_2,
                                   .enforce = true,
                                   .age_min = DAYS_NOT_ASKED,
                                   .age_max = DAYS_NOT_ASKED };
    for (int i = 0; i < POLICY_KEYS; i++)
        if (s->settings[i].value && !compile_one((enum policy_key)i, &s->demands,
                                                 s->settings[i].value, registries, arena))
            return false;
    s->demands.trust_asked = s->settings[POLICY_TRUST_ALLOW].value != NULL;
    return true;
}
