/* From the text of a reference to a registry and the parts of a name. */
#include "registry/entry.h"
#include "registry/uri.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { GROUPS_MAX = 32 };

enum outcome { MATCHED, NO_MATCH, FAILED };

static bool listed(const char *host, const char *pattern)
{
    size_t n = strlen(host), suffix = strlen(pattern);
    if (pattern[0] != '*' || suffix < 2)
        return strcmp(host, pattern) == 0;
    return n > suffix - 1 && strcmp(host + n - (suffix - 1), pattern + 1) == 0;
}

bool host_listed(const char *host, const char *const *patterns)
{
    for (size_t i = 0; patterns[i]; i++)
        if (listed(host, patterns[i]))
            return true;
    return false;
}

bool host_matches(const char *host, const char *const *patterns)
{
    for (size_t i = 0; patterns[i]; i++)
        if (strcmp(patterns[i], "*") == 0)
            return true;
    return host_listed(host, patterns);
}

const char *reference_variable(const struct reference *ref, const char *key)
{
    for (size_t i = 0; i < ref->variable_count; i++)
        if (strcmp(ref->variables[i].key, key) == 0)
            return ref->variables[i].value;
    return NULL;
}

void reference_free(struct reference *ref)
{
    free(ref->name);
    free(ref->revision);
    for (size_t i = 0; i < ref->variable_count; i++)
        free(ref->variables[i].value);
    *ref = (struct reference){ 0 };
}

static bool add_variable(struct reference *ref, const char *key, struct span value)
{
    if (ref->variable_count == REFERENCE_VARIABLES_MAX)
        return false;
    char *copy = malloc(value.len + 1);
    if (!copy)
        return false;
    if (value.len)
        memcpy(copy, value.ptr, value.len);
    copy[value.len] = '\0';
    ref->variables[ref->variable_count].key = key;
    ref->variables[ref->variable_count++].value = copy;
    return true;
}

/* A captured part, decoded.  An escape must not make two paths of one: no leading "/",
 * no empty segment.  Nor may one reference say two things of one variable. */
static bool capture(struct reference *ref, const char *key, struct span raw,
                    struct error *error)
{
    struct buffer value;
    buffer_init(&value, URI_MAX);
    const char *fault = uri_decode(raw, &value), *before = reference_variable(ref, key);
    struct span text = buffer_span(&value);
    if (!fault && (span_starts(text, "/") || span_find(text, "//", 0) != SIZE_MAX))
        fault = "holds an empty segment";
    if (!fault && before && !span_is(text, before))
        fault = "is another one elsewhere in the reference";
    bool ok = !fault && (before || add_variable(ref, key, text));
    if (fault)
        error_set(error, ERROR_USAGE, "the %s \"%.*s\" %s", key,
                  (int)(raw.len < 80 ? raw.len : 80), raw.ptr, fault);
    else if (!ok)
        error_set(error, ERROR_MEMORY, "out of memory");
    buffer_free(&value);
    return ok;
}

/* Is the pattern about this kind of reference at all?  Decided without its expression,
 * which is compiled only then. */
static bool fits(const struct pattern *p, const struct uri *uri, bool any_host)
{
    if (!uri->url)
        return p->scheme && strcmp(p->scheme, uri->scheme) == 0;
    if (p->scheme)
        return false;
    return any_host ? host_matches(uri->authority, p->hosts)
                    : host_listed(uri->authority, p->hosts);
}

/* What could make compiling or matching explode, or NULL. */
static const char *find_excess(const char *expression)
{
    size_t n = strlen(expression);
    if (n == 0 || n > EXPRESSION_MAX)
        return "pattern is empty or longer than 512 bytes";
    if (expression[0] != '^' || expression[n - 1] != '$')
        return "pattern must begin with ^ and end with $";
    for (size_t i = 1; i < n; i++) {
        if (expression[i - 1] == '\\' && strchr("123456789", expression[i]))
            return "back-reference in a pattern";
        if (expression[i - 1] == ')' && expression[i] == '{')
            return "pattern repeats a group by number";
        if ((expression[i - 1] == '{' || expression[i - 1] == ',') &&
            strtoul(expression + i, NULL, 10) > REPEAT_MAX)
            return "pattern repeats more than 255 times";
    }
    return NULL;
}

bool expression_compile(const char *expression, regex_t *ret_compiled,
                        struct error *ret_why)
{
    const char *excess = find_excess(expression);
    if (excess)
        return error_set(ret_why, ERROR_CONFIG, "%s", excess);
    int failed = regcomp(ret_compiled, expression, REG_EXTENDED);
    if (failed) {
        char reason[128];
        (void)regerror(failed, NULL, reason, sizeof reason);
        return error_set(ret_why, ERROR_CONFIG, "bad pattern: %s", reason);
    }
    return true;
}

bool expression_matches(const char *expression, const char *text)
{
    regex_t compiled;
    struct error ignored;
    if (!expression_compile(expression, &compiled, &ignored))
        return false;
    bool matches = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches;
}

static enum outcome run_expression(const struct entry *e, const struct pattern *p,
                                   const char *expression, struct span subject,
                                   regmatch_t groups[GROUPS_MAX], struct error *error)
{
    char text[URI_MAX + 1];
    regex_t compiled;
    struct error why;
    if (!expression_compile(expression, &compiled, &why)) {
        error_set(error, ERROR_CONFIG, "%s: match[%zu]: %s", e->registry.path,
                  (size_t)(p - e->patterns), why.message);
        return FAILED;
    }
    if (subject.len)
        memcpy(text, subject.ptr, subject.len);
    text[subject.len] = '\0';
    int missed = regexec(&compiled, text, GROUPS_MAX, groups, 0);
    regfree(&compiled);
    bool whole =
        !missed && groups[0].rm_so == 0 && (size_t)groups[0].rm_eo == subject.len;
    return whole ? MATCHED : NO_MATCH;
}

static bool rejected(const struct entry *e, const struct reference *ref)
{
    json_t *reject = json_object_get(e->root, "reject"), *values;
    const char *key;
    json_object_foreach(reject, key, values)
    {
        const char *value = reference_variable(ref, key);
        for (size_t i = 0; value && i < json_array_size(values); i++)
            if (strcmp(value, json_string_value(json_array_get(values, i))) == 0)
                return true;
    }
    return false;
}

static bool capture_groups(const char *const *names, struct span subject,
                           const regmatch_t *groups, struct reference *ref,
                           struct error *error)
{
    for (size_t i = 0; names[i] && i + 1 < GROUPS_MAX; i++) {
        const regmatch_t *g = &groups[i + 1];
        if (!names[i][0] || g->rm_so < 0 || g->rm_so == g->rm_eo)
            continue;
        struct span raw = span_slice(subject, (size_t)g->rm_so, (size_t)g->rm_eo);
        if (!capture(ref, names[i], raw, error))
            return false;
    }
    return true;
}

/* How often the parameter is given, however its name is escaped, and what it holds. */
static size_t find_parameter(struct span query, const char *name, struct span *ret_value)
{
    size_t count = 0;
    for (size_t start = 0; start < query.len;) {
        size_t end = span_find(query, "&", start);
        struct span pair = span_slice(query, start, end);
        size_t equals = span_find(pair, "=", 0);
        struct buffer decoded;
        start = end == SIZE_MAX ? query.len : end + 1;
        buffer_init(&decoded, URI_MAX);
        if (equals != SIZE_MAX && !uri_decode(span_slice(pair, 0, equals), &decoded) &&
            span_is(buffer_span(&decoded), name)) {
            *ret_value = span_slice(pair, equals + 1, pair.len);
            count++;
        }
        buffer_free(&decoded);
    }
    return count;
}

/* Of a whole value identifiers only: a query is where people paste anything. */
static bool is_identifier(struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-",
                    value.ptr[i]))
            return false;
    return value.len > 0;
}

static enum outcome capture_parameter(const struct entry *e, const struct pattern *p,
                                      const struct parameter *parameter,
                                      struct span query, struct reference *ref,
                                      struct error *error)
{
    struct span value = { 0 };
    regmatch_t groups[GROUPS_MAX];
    size_t count = find_parameter(query, parameter->name, &value);
    if (count == 0)
        return parameter->variable ? MATCHED : NO_MATCH;
    if (count > 1 || (parameter->variable && !is_identifier(value))) {
        error_set(error, ERROR_USAGE, "\"?%s=\" must be given once%s", parameter->name,
                  parameter->variable ? " and hold an identifier" : "");
        return FAILED;
    }
    if (parameter->variable)
        return capture(ref, parameter->variable, value, error) ? MATCHED : FAILED;
    enum outcome outcome =
        run_expression(e, p, parameter->expression, value, groups, error);
    if (outcome == MATCHED &&
        !capture_groups(parameter->groups, value, groups, ref, error))
        outcome = FAILED;
    return outcome;
}

static enum outcome capture_all(const struct entry *e, const struct pattern *p,
                                const struct uri *uri, struct span subject,
                                const regmatch_t *groups, struct reference *ref,
                                struct error *error)
{
    if (!capture_groups(p->groups, subject, groups, ref, error))
        return FAILED;
    for (size_t i = 0; i < p->parameter_count; i++) {
        enum outcome outcome =
            capture_parameter(e, p, &p->parameters[i], uri->query, ref, error);
        if (outcome != MATCHED)
            return outcome;
    }
    return rejected(e, ref) ? NO_MATCH : MATCHED;
}

static enum outcome match_pattern(const struct entry *e, const struct pattern *p,
                                  const struct uri *uri, struct reference *ref,
                                  struct error *error)
{
    regmatch_t groups[GROUPS_MAX];
    struct span subject = p->part == PART_REST   ? uri->rest
                          : p->part == PART_PATH ? uri->path
                                                 : uri->fragment;
    enum outcome outcome = run_expression(e, p, p->expression, subject, groups, error);
    if (outcome == MATCHED)
        outcome = capture_all(e, p, uri, subject, groups, ref, error);
    if (outcome == MATCHED && uri->url &&
        !add_variable(ref, "host", span_of_text(uri->authority))) {
        error_set(error, ERROR_MEMORY, "out of memory");
        outcome = FAILED;
    }
    if (outcome != MATCHED)
        reference_free(ref);
    return outcome;
}

/* "{org}/{model}" with the reference's variables; false when one of them is unset. */
static bool expand(const char *template, const struct reference *ref, struct buffer *out)
{
    for (const char *c = template; *c;) {
        size_t n = strcspn(c, "{");
        buffer_add(out, span_of(c, n));
        c += n;
        if (!*c)
            break;
        n = strcspn(c, "}");
        for (size_t i = 0; i <= ref->variable_count; i++) {
            if (i == ref->variable_count)
                return false;
            const char *key = ref->variables[i].key;
            if (strlen(key) == n - 1 && strncmp(key, c + 1, n - 1) == 0) {
                buffer_add_text(out, ref->variables[i].value);
                break;
            }
        }
        c += n + 1;
    }
    return true;
}

/* The first of some templates whose variables are all there, or NULL. */
static char *expand_first(const json_t *templates, const struct reference *ref)
{
    for (size_t i = 0; i < json_array_size(templates); i++) {
        struct buffer text;
        buffer_init(&text, (size_t)URI_MAX * 4);
        if (expand(json_string_value(json_array_get(templates, i)), ref, &text) &&
            text.len > 0)
            return text.text;
        buffer_free(&text);
    }
    return NULL;
}

static bool is_pinned(const struct entry *e, const struct reference *ref)
{
    json_t *pinned = json_object_get(e->root, "pinned"), *expression;
    const char *key;
    json_object_foreach(pinned, key, expression)
    {
        const char *value = reference_variable(ref, key);
        if (value && expression_matches(json_string_value(expression), value))
            return true;
    }
    return false;
}

/* Name, revision and defaults, once the parts are known.  Defaults count for the name
 * ("library/llama3") and not for the revision: what nobody wrote is not pinned. */
static bool complete(const struct entry *e, struct reference *ref, struct error *error)
{
    ref->registry = &e->registry;
    const json_t *identity = json_object_get(e->root, "identity");
    ref->pinned = is_pinned(e, ref);
    ref->revision = expand_first(json_object_get(identity, "revision"), ref);
    json_t *vars = json_object_get(e->root, "vars"), *value;
    const char *key;
    json_object_foreach(vars, key, value)
    {
        if (!reference_variable(ref, key) &&
            !add_variable(ref, key, span_of_text(json_string_value(value))))
            return error_set(error, ERROR_MEMORY, "out of memory");
    }
    ref->name = expand_first(json_object_get(identity, "name"), ref);
    return ref->name ||
           error_set(error, ERROR_CONFIG, "%s: identity.name: no template fits",
                     e->registry.path);
}

static enum outcome match_entry(const struct entry *e, const struct uri *uri,
                                bool any_host, struct reference *ref,
                                const struct pattern **ret_pattern, struct error *error)
{
    for (size_t i = 0; i < e->pattern_count; i++) {
        const struct pattern *p = &e->patterns[i];
        if (!fits(p, uri, any_host))
            continue;
        enum outcome outcome = match_pattern(e, p, uri, ref, error);
        if (outcome == MATCHED)
            *ret_pattern = p;
        if (outcome != NO_MATCH)
            return outcome;
    }
    return NO_MATCH;
}

/* Nobody claims it: say how the registries that own the scheme or host are written. */
static bool unclaimed(const struct registries *r, const struct uri *uri,
                      struct error *error)
{
    enum { FORMS_TOLD = 3 };
    struct buffer forms;
    size_t told = 0;
    buffer_init(&forms, sizeof error->message);
    for (size_t i = 0; i < r->count; i++)
        for (size_t k = 0; k < r->entries[i]->pattern_count; k++) {
            const struct pattern *p = &r->entries[i]->patterns[k];
            if (fits(p, uri, false) && told++ < FORMS_TOLD)
                buffer_printf(&forms, "%s%s", told > 1 ? " or " : "", p->form);
        }
    if (told)
        error_set(error, ERROR_USAGE, "no registry claims \"%.80s\"; expected %s",
                  uri->text, forms.text);
    else if (strcmp(uri->scheme, "http") == 0)
        error_set(error, ERROR_USAGE,
                  "no registry claims \"%.80s\": http is for your own server only, else "
                  "write https",
                  uri->text);
    else if (uri->url)
        error_set(error, ERROR_USAGE, "no registry claims the host \"%.80s\"",
                  uri->authority);
    else
        error_set(error, ERROR_USAGE,
                  "no registry has the scheme \"%s:\" (\"assay registries\" lists them)",
                  uri->scheme);
    buffer_free(&forms);
    return false;
}

/* Whoever claims it, among the entries that name its scheme or host or, with `any_host`,
 * among those that take any.  *ret_fitting: some pattern was about such references. */
static enum outcome find_claimant(const struct registries *r, const struct uri *uri,
                                  bool any_host, struct reference *ret_reference,
                                  const struct pattern **ret_pattern, bool *ret_fitting,
                                  struct error *error)
{
    const struct entry *claimant = NULL;
    for (size_t i = 0; i < r->count; i++) {
        struct reference found = { 0 };
        const struct pattern *pattern;
        const struct entry *e = r->entries[i];
        for (size_t k = 0; k < e->pattern_count; k++)
            *ret_fitting = *ret_fitting || fits(&e->patterns[k], uri, any_host);
        enum outcome outcome = match_entry(e, uri, any_host, &found, &pattern, error);
        if (outcome == NO_MATCH)
            continue;
        if (outcome == MATCHED && !claimant) {
            claimant = e;
            *ret_reference = found;
            *ret_pattern = pattern;
            ret_reference->registry = &e->registry;
            continue;
        }
        if (outcome == MATCHED)
            error_set(error, ERROR_CONFIG, "\"%.80s\" is claimed by both %s and %s",
                      uri->text, claimant->registry.path, e->registry.path);
        reference_free(&found);
        if (claimant)
            reference_free(ret_reference);
        return FAILED;
    }
    return claimant ? MATCHED : NO_MATCH;
}

bool resolve_pattern(const struct registries *r, const char *text,
                     struct reference *ret_reference, const struct pattern **ret_pattern,
                     struct error *error)
{
    struct uri uri;
    struct reference found = { 0 };
    const struct pattern *pattern = NULL;
    bool fitting = false;
    if (!uri_parse(text, &uri, error))
        return false;
    /* a host that an entry names is its own, whatever entries for any host would say */
    enum outcome outcome =
        find_claimant(r, &uri, false, &found, &pattern, &fitting, error);
    if (outcome == NO_MATCH && uri.url && !fitting)
        outcome = find_claimant(r, &uri, true, &found, &pattern, &fitting, error);
    if (outcome == FAILED)
        return false;
    if (outcome == NO_MATCH)
        return unclaimed(r, &uri, error);
    if (!complete(entry_of(found.registry), &found, error)) {
        reference_free(&found);
        return false;
    }
    *ret_reference = found;
    *ret_pattern = pattern;
    return true;
}

bool registries_resolve(const struct registries *r, const char *text,
                        struct reference *ret_reference, struct error *error)
{
    const struct pattern *ignored;
    return resolve_pattern(r, text, ret_reference, &ignored, error);
}

bool registries_claim(const struct registries *r, const char *text)
{
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    if (n == 0 || n > URI_SCHEME_MAX)
        return false;
    if ((n == 4 && strncasecmp(text, "http", n) == 0) ||
        (n == 5 && strncasecmp(text, "https", n) == 0))
        return true;
    for (size_t i = 0; i < r->count; i++)
        for (size_t k = 0; k < r->entries[i]->pattern_count; k++) {
            const char *scheme = r->entries[i]->patterns[k].scheme;
            if (scheme && strlen(scheme) == n && strncasecmp(scheme, text, n) == 0)
                return true;
        }
    return false;
}
