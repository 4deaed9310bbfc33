/* Policy files and gates: from text to scopes and suppressions. */
#include "core/digest.h"
#include "core/suggest.h"
#include "policy/date.h"
#include "policy/glob.h"
#include "policy/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    POLICY_FILE_MAX = 4 << 20,
    REPORT_MAX = 64 << 10,
    EXTENDS_MAX = 8,
    OVERRIDES_MAX = 200,
    SUPPRESSIONS_MAX = 5000,
    POLICY_ARENA_MAX = 64 << 20
};

static const struct {
    const char *name, *text;
} gates[] = {
#define GATE(name, text) { name, text },
#include "policy/gates.def"
#undef GATE
};
enum { GATES = sizeof gates / sizeof gates[0] };

/* One file while it is read.  The check is first: its callbacks get back from it. */
struct reading {
    struct check check;
    struct policy *policy;
    const struct policy_reading *how;
    struct digester *digest;
    bool built_in;
    size_t extended; /* files before this one */
};

static struct reading *reading_of(struct check *c)
{
    return (struct reading *)c;
}

/* Lives as long as the policy, which keeps the JSON; NULL when it is not there. */
static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static size_t line_of(const struct reading *r, const struct place *at)
{
    return r->built_in ? 0 : place_line(r->check.text, at);
}

/* ---- settings --------------------------------------------------------------------- */

static void unknown_key(struct reading *r, const char *section, const struct place *at,
                        bool top)
{
    static const char *const others[] = { "schema",  "name",      "summary",
                                          "extends", "overrides", "suppressions" };
    struct suggestion near = suggestion_for(at->key);
    for (int i = 0; i < POLICY_KEYS; i++) {
        if (strcmp(policy_keys[i].section, section) == 0)
            suggestion_offer(&near, policy_keys[i].name);
        else if (!*section)
            suggestion_offer(&near, policy_keys[i].section);
    }
    for (size_t i = 0; top && !*section && i < sizeof others / sizeof *others; i++)
        suggestion_offer(&near, others[i]);
    if (near.best)
        check_problem(&r->check, at, "unknown key; did you mean \"%s\"?", near.best);
    else
        check_problem(&r->check, at, "unknown key; assay-policy(5) lists all");
}

/* What was said first counts: a file is read before what it extends. */
static void read_setting(struct reading *r, struct scope *s, const char *section,
                         json_t *value, const struct place *at, bool top)
{
    enum policy_key key = key_find(section, at->key);
    if (key == POLICY_KEYS) {
        unknown_key(r, section, at, top);
        return;
    }
    if (policy_keys[key].top && !top) {
        check_problem(&r->check, at, "is of the whole policy: not in an override");
        return;
    }
    key_check(key, &r->check, r->how->registries, value, at);
    if (!s->settings[key].value)
        s->settings[key] = (struct setting){ value, r->check.path, line_of(r, at) };
}

static void read_section(struct reading *r, struct scope *s, json_t *section,
                         const struct place *at, bool top)
{
    const char *key;
    json_t *value;
    if (!json_is_object(section)) {
        check_problem(&r->check, at, "must be an object");
        return;
    }
    json_object_foreach(section, key, value)
    {
        struct place here = place_member(at, key);
        read_setting(r, s, at->key, value, &here, top);
    }
}

static void read_settings(struct reading *r, struct scope *s, const char *key,
                          json_t *value, const struct place *at, bool top)
{
    if (key_is_section(key))
        read_section(r, s, value, at, top);
    else
        read_setting(r, s, "", value, at, top);
}

/* ---- overrides and suppressions --------------------------------------------------- */

static void check_expires(struct check *c, json_t *value, const struct place *at)
{
    int64_t day;
    if (!json_is_string(value) ||
        !date_parse(span_of_text(json_string_value(value)), &day))
        check_problem(c, at, "must be a day of the calendar, as in \"2027-06-30\"");
}

static int64_t expires(const json_t *object)
{
    int64_t day = INT64_MAX;
    (void)date_parse(span_of_text(json_string_value(json_object_get(object, "expires"))),
                     &day);
    return day;
}

static void check_path(struct check *c, json_t *value, const struct place *at)
{
    size_t before = c->problems;
    const char *text = json_string_value(value), *wrong;
    check_text(c, value, at);
    if (c->problems != before)
        return;
    if ((wrong = glob_problem(text)) != NULL)
        check_problem(c, at, "the pattern %s", wrong);
    else if (text[0] == '/' || strncmp(text, "./", 2) == 0)
        check_problem(c, at,
                      "paths are relative to the target: without a leading / or .");
}

static void check_sha256(struct check *c, json_t *value, const struct place *at)
{
    const char *text = json_string_value(value);
    if (!text || strlen(text) != 64 || text[strspn(text, "0123456789abcdef")])
        check_problem(c, at, "must be a sha256: 64 digits 0-9 and a-f");
}

/* As key_check() sees the same kind of value elsewhere. */
static void check_source(struct check *c, json_t *value, const struct place *at)
{
    key_check_element(POLICY_SOURCES_ALLOW, c, reading_of(c)->how->registries, value, at);
}

static void check_format(struct check *c, json_t *value, const struct place *at)
{
    key_check_element(POLICY_FORMATS_ALLOW, c, NULL, value, at);
}

static void check_some(struct check *c, json_t *value, const struct place *at,
                       field_check *check)
{
    check_list(c, value, at, check);
    if (json_is_array(value) && json_array_size(value) == 0)
        check_problem(c, at, "must hold at least one");
}

static void check_sources(struct check *c, json_t *value, const struct place *at)
{
    check_some(c, value, at, check_source);
}

static void check_paths(struct check *c, json_t *value, const struct place *at)
{
    check_some(c, value, at, check_path);
}

static void check_formats(struct check *c, json_t *value, const struct place *at)
{
    check_some(c, value, at, check_format);
}

static void check_digests(struct check *c, json_t *value, const struct place *at)
{
    check_some(c, value, at, check_sha256);
}

static void check_match(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"source",  false, check_sources},
        { "path",   false, check_paths  },
        { "format", false, check_formats},
        { "sha256", false, check_digests},
        { NULL,     false, NULL         }
    };
    check_object(c, value, at, fields);
    if (json_is_object(value) && json_object_size(value) == 0)
        check_problem(c, at, "must say what the override is for");
}

static void check_demand(struct check *c, json_t *value, const struct place *at)
{
    struct reading *r = reading_of(c);
    const char *key;
    json_t *each;
    if (!json_is_object(value)) {
        check_problem(c, at, "must be an object");
        return;
    }
    struct scope *s = &r->policy->scopes[r->policy->scope_count];
    json_object_foreach(value, key, each)
    {
        struct place here = place_member(at, key);
        read_settings(r, s, key, each, &here, false);
    }
}

static texts match_texts(struct reading *r, const json_t *match, const char *key)
{
    const json_t *list = json_object_get(match, key);
    const char **all =
        list ? arena_array(r->policy->arena, json_array_size(list) + 1, sizeof *all)
             : NULL;
    for (size_t i = 0; all && i < json_array_size(list); i++) {
        all[i] = json_string_value(json_array_get(list, i));
        if (strcmp(key, "source") == 0 && all[i])
            all[i] = source_canonical(all[i], r->how->registries, r->policy->arena);
        if (!all[i])
            all[i] = ""; /* a problem was told */
    }
    return all;
}

static void read_override(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"match",    true,  check_match  },
        { "demand",  true,  check_demand },
        { "reason",  true,  check_text   },
        { "expires", false, check_expires},
        { NULL,      false, NULL         }
    };
    struct reading *r = reading_of(c);
    check_object(c, value, at, fields);
    const json_t *match = json_object_get(value, "match");
    struct scope *s = &r->policy->scopes[r->policy->scope_count++];
    s->match = (struct match){ .sources = match_texts(r, match, "source"),
                               .paths = match_texts(r, match, "path"),
                               .formats = match_texts(r, match, "format"),
                               .sha256 = match_texts(r, match, "sha256") };
    s->reason = text_of(value, "reason");
    s->expires = expires(value);
    s->file = c->path;
    s->line = line_of(r, at);
}

static void check_rule(struct check *c, json_t *value, const struct place *at)
{
    const char *id = json_string_value(value);
    struct suggestion near = suggestion_for(id ? id : "");
    check_text(c, value, at);
    if (!id || !*id || rule_find(id) || strncmp(id, "yara/", 5) == 0 ||
        strncmp(id, "user/", 5) == 0)
        return;
    for (int i = 0; i < RULE_COUNT; i++)
        suggestion_offer(&near, rules[i].id);
    if (near.best)
        check_problem(c, at, "no rule is called \"%.80s\"; did you mean \"%s\"?", id,
                      near.best);
    else
        check_problem(c, at, "no rule is called \"%.80s\"; `assay rules` lists them", id);
}

static void read_suppression(struct check *c, json_t *value, const struct place *at)
{
    static const struct field fields[] = {
        {"rule",     true,  check_rule   },
        { "path",    true,  check_path   },
        { "source",  false, check_source },
        { "sha256",  false, check_sha256 },
        { "reason",  true,  check_text   },
        { "expires", true,  check_expires},
        { NULL,      false, NULL         }
    };
    struct reading *r = reading_of(c);
    struct policy *p = r->policy;
    size_t before = c->problems;
    check_object(c, value, at, fields);
    if (c->problems != before)
        return;
    const char *source = text_of(value, "source");
    struct suppression s = { .rule = text_of(value, "rule"),
                             .path = text_of(value, "path"),
                             .sha256 = text_of(value, "sha256"),
                             .reason = text_of(value, "reason"),
                             .expires = expires(value),
                             .file = c->path,
                             .line = line_of(r, at) };
    if (source)
        s.source = source_canonical(source, r->how->registries, p->arena);
    const struct rule *rule = rule_find(s.rule);
    if (rule && rule->severity == SEVERITY_CRITICAL && !s.sha256)
        check_problem(c, at,
                      "%s is critical: \"sha256\" must say for which bytes, so that "
                      "others are not excused",
                      s.rule);
    p->suppressions[p->suppression_count++] = s;
}

/* ---- a file ----------------------------------------------------------------------- */

static void check_schema(struct check *c, json_t *value, const struct place *at)
{
    const char *text = json_string_value(value);
    if (!text || strcmp(text, "assay-policy/1") != 0)
        check_problem(c, at, "must be \"assay-policy/1\", the only version");
}

/* A list longer than check_list() takes. */
static void read_list(struct check *c, json_t *list, const struct place *at, size_t max,
                      field_check *read)
{
    if (!json_is_array(list) || json_array_size(list) > max) {
        check_problem(c, at, "must be a list of at most %zu", max);
        return;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct place here = place_element(at, i);
        read(c, json_array_get(list, i), &here);
    }
}

static void read_key(struct reading *r, const char *key, json_t *value,
                     const struct place *at)
{
    struct check *c = &r->check;
    if (strcmp(key, "schema") == 0)
        check_schema(c, value, at);
    else if (strcmp(key, "name") == 0 || strcmp(key, "summary") == 0 ||
             strcmp(key, "extends") == 0 || strcmp(key, "$schema") == 0)
        check_text(c, value, at);
    else if (strcmp(key, "overrides") == 0)
        read_list(c, value, at, OVERRIDES_MAX, read_override);
    else if (strcmp(key, "suppressions") == 0)
        read_list(c, value, at, SUPPRESSIONS_MAX, read_suppression);
    else
        read_settings(r, &r->policy->scopes[0], key, value, at, true);
}

static void read_root(struct reading *r, json_t *root)
{
    const char *key;
    json_t *value;
    if (!json_is_object(root)) {
        check_problem(&r->check, NULL, "must be an object");
        return;
    }
    json_object_foreach(root, key, value)
    {
        struct place here = place_member(NULL, key);
        read_key(r, key, value, &here);
    }
    if (!json_object_get(root, "schema"))
        check_problem(&r->check, NULL, "\"schema\" is missing: \"assay-policy/1\"");
    if (!json_object_get(root, "name"))
        check_problem(&r->check, NULL, "\"name\" is missing");
}

/* The whole file, at most POLICY_FILE_MAX, in malloc'd memory. */
static bool slurp(const char *path, char **ret_text, size_t *ret_len, struct error *error)
{
    struct stat st;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *text = NULL;
    bool ok = false;
    if (fd < 0 || fstat(fd, &st) != 0) {
        error_errno(error, ERROR_CONFIG, "%s", path);
    } else if (!S_ISREG(st.st_mode)) {
        error_set(error, ERROR_CONFIG, "%s: not a regular file", path);
    } else if (st.st_size > POLICY_FILE_MAX) {
        error_set(error, ERROR_CONFIG,
                  "%s:1:1: larger than %d bytes, too large for a policy", path,
                  POLICY_FILE_MAX);
    } else if (!(text = malloc(POLICY_FILE_MAX + 1))) {
        error_set(error, ERROR_MEMORY, "%s: out of memory", path);
    } else {
        ssize_t n = 1;
        while (len <= POLICY_FILE_MAX && n != 0) {
            n = read(fd, text + len, POLICY_FILE_MAX + 1 - len);
            if (n < 0 && errno != EINTR)
                break;
            len += n > 0 ? (size_t)n : 0;
        }
        ok = n == 0 || error_errno(error, ERROR_CONFIG, "%s", path);
    }
    if (fd >= 0)
        close(fd);
    if (ok) {
        *ret_text = text;
        *ret_len = len;
    } else {
        free(text);
    }
    return ok;
}

static const char *gate_text(const char *name)
{
    for (size_t i = 0; i < GATES; i++)
        if (strcmp(gates[i].name, name) == 0)
            return gates[i].text;
    return NULL;
}

static bool read_text(struct reading *r, const char *path, struct span text,
                      struct error *error);

/* A gate's name, or a path from the directory of the file that says so. */
static bool read_extended(const struct reading *by, const char *name, struct error *error)
{
    struct reading r = { .check = { .report = by->check.report },
                         .policy = by->policy,
                         .how = by->how,
                         .digest = by->digest,
                         .built_in = by->built_in,
                         .extended = by->extended + 1 };
    if (r.extended > EXTENDS_MAX)
        return error_set(error, ERROR_CONFIG,
                         "%s: extends more than %d others: a circle?", by->check.path,
                         EXTENDS_MAX);
    if (gate_text(name)) {
        r.built_in = true;
        return read_text(&r, name, span_of_text(gate_text(name)), error);
    }
    struct check told = by->check;
    const struct place at = place_member(NULL, "extends");
    struct suggestion near = suggestion_for(name);
    for (size_t i = 0; i < GATES; i++)
        suggestion_offer(&near, gates[i].name);
    if (near.best && !strchr(name, '/') && !strchr(name, '.')) {
        check_problem(&told, &at, "no gate is called \"%s\"; did you mean \"%s\"?", name,
                      near.best);
        return true;
    }
    const char *slash = strrchr(by->check.path, '/');
    int directory = name[0] == '/' || !slash ? 0 : (int)(slash - by->check.path) + 1;
    const char *path = (const char *)arena_printf(by->policy->arena, "%.*s%s", directory,
                                                  by->check.path, name)
                           .ptr;
    char *text = NULL;
    size_t len = 0;
    if (!path)
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (!slurp(path, &text, &len, error)) {
        check_problem(&told, &at, "%s", error->message);
        return true;
    }
    bool ok = read_text(&r, path, span_of(text, len), error);
    free(text);
    return ok;
}

/* Room for what this file adds, and for one more. */
static bool reserve(struct policy *p, const json_t *root)
{
    size_t scopes = p->scope_count + json_array_size(json_object_get(root, "overrides"));
    size_t rows =
        p->suppression_count + json_array_size(json_object_get(root, "suppressions"));
    struct scope *s = arena_array(p->arena, scopes + 1, sizeof *s);
    struct suppression *more = arena_array(p->arena, rows + 1, sizeof *more);
    if (!s || !more)
        return false;
    memcpy(s, p->scopes, p->scope_count * sizeof *s);
    if (p->suppression_count)
        memcpy(more, p->suppressions, p->suppression_count * sizeof *more);
    p->scopes = s;
    p->suppressions = more;
    return true;
}

/* Problems go to the report; false with an error when there is no going on. */
static bool read_text(struct reading *r, const char *path, struct span text,
                      struct error *error)
{
    struct policy *p = r->policy;
    r->check.path = arena_text(p->arena, span_of_text(path));
    r->check.text = text;
    digester_add(r->digest, r->built_in ? (struct span){ 0 } : text);
    json_t *root = json_read(text, path, error);
    if (!root)
        return false;
    json_array_append_new(p->kept, root);
    r->check.root = root;
    if (!r->check.path || !reserve(p, root))
        return error_set(error, ERROR_MEMORY, "out of memory");
    read_root(r, root);
    if (r->extended == 0) {
        p->name = text_of(root, "name");
        p->summary = text_of(root, "summary");
    }
    const char *extends = json_string_value(json_object_get(root, "extends"));
    return !extends || !*extends || read_extended(r, extends, error);
}

/* ---- the whole -------------------------------------------------------------------- */

static bool asked(const struct scope *s, enum policy_key key)
{
    return s->settings[key].value != NULL;
}

/* What would do nothing is a mistake. */
static void check_sense(struct reading *r, const struct scope *s)
{
    static const enum policy_key of_signature[] = { POLICY_SIGNATURE_COVERAGE,
                                                    POLICY_SIGNATURE_IDENTITIES,
                                                    POLICY_SIGNATURE_KEYS,
                                                    POLICY_SIGNATURE_ROOTS };
    for (size_t i = 0; i < sizeof of_signature / sizeof *of_signature; i++) {
        const struct setting *set = &s->settings[of_signature[i]];
        if (!set->value || asked(s, POLICY_SIGNATURE_REQUIRED))
            continue;
        buffer_printf(r->check.report,
                      "%s:%zu:1: signature.%s: does nothing unless signature.required "
                      "says true or false\n",
                      set->file, set->line, policy_keys[of_signature[i]].name);
        r->check.problems++;
        return;
    }
}

/* An override says only what differs. */
static bool complete(struct reading *r)
{
    struct policy *p = r->policy;
    for (size_t i = 0; i < p->scope_count; i++) {
        struct scope *s = &p->scopes[i];
        for (int k = 0; k < POLICY_KEYS; k++)
            if (!s->settings[k].value)
                s->settings[k] = p->scopes[0].settings[k];
        check_sense(r, s);
    }
    return true;
}

static bool compile(struct policy *p, const struct registries *registries,
                    struct error *error)
{
    for (size_t i = 0; i < p->scope_count; i++)
        if (!scope_compile(&p->scopes[i], registries, p->arena))
            return error_set(error, ERROR_MEMORY, "out of memory");
    return !arena_exhausted(p->arena) || error_set(error, ERROR_MEMORY, "out of memory");
}

static struct policy *policy_empty(const struct policy_reading *how)
{
    struct arena *arena = arena_new(POLICY_ARENA_MAX);
    struct policy *p = arena ? arena_alloc(arena, sizeof *p) : NULL;
    if (p) {
        p->arena = arena;
        p->registries = how->registries;
        p->today = how->today;
        p->kept = json_array();
        p->scopes = arena_array(arena, 1, sizeof *p->scopes);
        p->scope_count = 1;
    }
    if (p && p->kept && p->scopes)
        return p;
    if (p)
        json_decref(p->kept);
    arena_free(arena);
    return NULL;
}

static bool first_line(const struct buffer *report, struct error *error)
{
    int n = (int)strcspn(report->text ? report->text : "", "\n");
    return error_set(error, ERROR_CONFIG, "%.*s", n, report->text ? report->text : "");
}

static bool read_whole(struct policy *p, const struct policy_reading *how,
                       const char *path, struct span text, bool built_in,
                       struct buffer *report, struct error *error)
{
    struct reading r = { .check = { .report = report },
                         .policy = p,
                         .how = how,
                         .digest = digester_new(DIGEST_BIT(DIGEST_SHA256), 0),
                         .built_in = built_in };
    char hex[DIGEST_HEX_MAX + 1] = "";
    bool ok = r.digest != NULL || error_set(error, ERROR_MEMORY, "out of memory");
    ok = ok && read_text(&r, path, text, error);
    ok = ok && complete(&r);
    if (ok && report->len > 0)
        ok = first_line(report, error);
    else if (!ok && report->len == 0)
        buffer_printf(report, "%s\n", error->message);
    if (ok) {
        digester_finish(r.digest);
        ok = digester_hex(r.digest, DIGEST_SHA256, hex) ||
             error_set(error, ERROR_MEMORY, "out of memory");
        (void)snprintf(p->digest, sizeof p->digest, "%s", built_in ? "" : hex);
        for (size_t i = 0; i < p->scope_count; i++)
            p->scopes[i].names_gates = !built_in;
    }
    digester_free(r.digest);
    return ok && compile(p, how->registries, error);
}

struct policy *policy_parse(struct span text, const char *path,
                            const struct policy_reading *how, struct buffer *report,
                            struct error *error)
{
    struct policy *p = policy_empty(how);
    struct buffer own;
    if (!p) {
        error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    buffer_init(&own, REPORT_MAX);
    bool ok = text.len <= POLICY_FILE_MAX
                  ? read_whole(p, how, path, text, false, &own, error)
                  : error_set(error, ERROR_CONFIG, "%s:1:1: too large", path);
    if (report)
        buffer_add(report, buffer_span(&own));
    buffer_free(&own);
    if (ok)
        return p;
    policy_free(p);
    return NULL;
}

struct policy *policy_read(const char *path, const struct policy_reading *how,
                           struct buffer *report, struct error *error)
{
    char *text = NULL;
    size_t len = 0;
    if (!slurp(path, &text, &len, error)) {
        if (report)
            buffer_printf(report, "%s\n", error->message);
        return NULL;
    }
    struct policy *p = policy_parse(span_of(text, len), path, how, report, error);
    free(text);
    return p;
}

struct policy *policy_gate(const char *name, const struct policy_reading *how,
                           struct error *error)
{
    struct suggestion near = suggestion_for(name);
    const char *text = gate_text(name);
    struct buffer report;
    if (!text) {
        for (size_t i = 0; i < GATES; i++)
            suggestion_offer(&near, gates[i].name);
        if (near.best)
            error_set(error, ERROR_USAGE, "no gate is called %s; did you mean %s?", name,
                      near.best);
        else
            error_set(error, ERROR_USAGE, "no gate is called %s", name);
        return NULL;
    }
    struct policy *p = policy_empty(how);
    buffer_init(&report, REPORT_MAX);
    bool ok = p ? read_whole(p, how, name, span_of_text(text), true, &report, error)
                : error_set(error, ERROR_MEMORY, "out of memory");
    buffer_free(&report);
    if (ok)
        return p;
    policy_free(p);
    return NULL;
}

const char *policy_gate_name(size_t i)
{
    return i < GATES ? gates[i].name : NULL;
}

const char *policy_gate_text(size_t i)
{
    return i < GATES ? gates[i].text : NULL;
}
