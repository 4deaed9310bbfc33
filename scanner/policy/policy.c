/* A policy as it is used: options on top, what counts for a model. */
#include "policy/baseline.h"
#include "policy/glob.h"
#include "policy/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void policy_free(struct policy *p)
{
    if (!p)
        return;
    baseline_free(p->baseline);
    json_decref(p->kept);
    arena_free(p->arena);
}

const char *policy_name(const struct policy *p)
{
    return p->name;
}

const char *policy_summary(const struct policy *p)
{
    return p->summary;
}

bool policy_accepts_declared(const struct policy *p)
{
    return p->scopes[0].demands.accept_declared;
}

bool policy_lists_signers(const struct policy *p)
{
    for (size_t i = 0; i < p->scope_count; i++)
        if (p->scopes[i].demands.identity_count)
            return true;
    return false;
}

bool policy_accepts_signer(const struct policy *p, struct span subject,
                           struct span issuer)
{
    for (size_t i = 0; i < p->scope_count; i++) {
        const struct demands *d = &p->scopes[i].demands;
        for (size_t k = 0; k < d->identity_count; k++)
            if (glob_matches(d->signature_identities[k].subject, subject, false) &&
                glob_matches(d->signature_identities[k].issuer, issuer, false))
                return true;
    }
    return false;
}

void policy_use_baseline(struct policy *p, struct baseline *b)
{
    baseline_free(p->baseline);
    p->baseline = b;
}

/* ---- options ---------------------------------------------------------------------- */

/* "high,medium" as a list of texts; NULL: no memory. */
static json_t *words_json(const char *words, const json_t *before)
{
    json_t *list = before ? json_copy((json_t *)(uintptr_t)before) : json_array();
    while (words && list) {
        size_t len = strcspn(words, ",");
        json_array_append_new(list, json_stringn(words, len));
        words = words[len] == ',' ? words + len + 1 : NULL;
    }
    return list;
}

static json_t *option_json(const struct policy *p, enum policy_key key, const char *value)
{
    const json_t *before =
        key == POLICY_FORMATS_DENY ? p->scopes[0].settings[key].value : NULL;
    switch (policy_keys[key].kind) {
    case KIND_BOOLEAN:
        return json_boolean(strcmp(value, "true") == 0);
    case KIND_SEVERITY:
    case KIND_INCOMPLETE:
        return json_string(value);
    default:
        return words_json(value, before);
    }
}

/* "--fail-on: "hgh" is not known; ..." out of the check's own line. */
static bool option_problem(const struct buffer *report, const char *option,
                           struct error *error)
{
    const char *text = report->text ? report->text : "";
    const char *colon = strstr(text, ": ");
    const char *sentence = colon ? colon + 2 : text;
    if (sentence[0] == '[' && strstr(sentence, "]: "))
        sentence = strstr(sentence, "]: ") + 3;
    return error_set(error, ERROR_USAGE, "%s: %.*s", option, (int)strcspn(sentence, "\n"),
                     sentence);
}

bool policy_set(struct policy *p, enum policy_key key, const char *option,
                const char *value, struct error *error)
{
    struct buffer report;
    json_t *json = option_json(p, key, value);
    buffer_init(&report, 4096);
    struct check c = { .path = option, .text = span_of_text("{}"), .report = &report };
    if (!json)
        return error_set(error, ERROR_USAGE, "%s: not text", option);
    json_array_append_new(p->kept, json);
    key_check(key, &c, p->registries, json, NULL);
    bool ok = c.problems == 0 || option_problem(&report, option, error);
    buffer_free(&report);
    for (size_t i = 0; ok && i < p->scope_count; i++) {
        struct scope *s = &p->scopes[i];
        json_t *mine = json;
        if (key == POLICY_FORMATS_DENY && i > 0) { /* beside what each denies */
            mine = words_json(value, s->settings[key].value);
            json_array_append_new(p->kept, mine);
        }
        s->settings[key] = (struct setting){ mine, option, 0 };
        ok = mine && scope_compile(s, p->registries, p->arena);
        if (!ok)
            error_set(error, ERROR_MEMORY, "out of memory");
    }
    return ok;
}

/* ---- where it lies ---------------------------------------------------------------- */

static bool lies_in(const char *path, const char *target)
{
    size_t n = strlen(target);
    while (n > 1 && target[n - 1] == '/')
        n--;
    return strncmp(path, target, n) == 0 &&
           (path[n] == '/' || path[n] == '\0' || (n == 1 && target[0] == '/'));
}

bool policy_is_outside(const char *path, const char *what, const char *const *targets,
                       struct error *error)
{
    char *real = realpath(path, NULL);
    bool outside = true;
    for (size_t i = 0; real && outside && targets[i]; i++) {
        char *target = realpath(targets[i], NULL);
        outside = !target || !lies_in(real, target);
        free(target);
        if (!outside)
            error_set(
                error, ERROR_CONFIG,
                "%s: the %s lies in the target %s, and what a target holds must not "
                "judge it; keep it elsewhere",
                path, what, targets[i]);
    }
    free(real);
    return outside;
}
