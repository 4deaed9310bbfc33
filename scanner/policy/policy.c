#include "policy/policy.h"

#include "core/formats.h"
#include "core/suggest.h"

#include <string.h>

#define TRUST_BIT(level) (1U << TRUST_##level)

static const struct policy gates[] = {
#define GATE(name, fail_on, fails, incomplete_fails, trust, deny, summary)               \
    { name, summary, SEVERITY_##fail_on, fails, incomplete_fails, trust, { deny } },
#include "policy/gates.def"
#undef GATE
};
enum { GATES = sizeof gates / sizeof gates[0] };

const char *policy_gate_name(size_t i)
{
    return i < GATES ? gates[i].name : NULL;
}

bool policy_gate(const char *name, struct policy *ret_policy)
{
    for (size_t i = 0; i < GATES; i++)
        if (strcmp(gates[i].name, name) == 0) {
            *ret_policy = gates[i];
            return true;
        }
    return false;
}

/* Take the next word off a comma-separated list into `word`; false at its end. */
static bool next_word(const char **list, char *word, size_t size)
{
    if (!*list)
        return false;
    size_t len = strcspn(*list, ",");
    const char *after = (*list)[len] == ',' ? *list + len + 1 : NULL;
    (void)snprintf(word, size, "%.*s", (int)(len < size ? len : size - 1), *list);
    *list = after;
    return true;
}

static bool unknown_word(struct error *error, const char *option,
                         const struct suggestion *s)
{
    if (s->best)
        return error_set(error, ERROR_USAGE,
                         "%s: \"%s\" is not known; did you mean \"%s\"?", option, s->word,
                         s->best);
    return error_set(error, ERROR_USAGE, "%s: \"%s\" is not known", option, s->word);
}

bool policy_allow_trust(struct policy *p, const char *levels, struct error *error)
{
    unsigned allowed = 0;
    char word[64];
    while (next_word(&levels, word, sizeof word)) {
        enum trust t;
        if (!trust_parse(word, &t)) {
            struct suggestion s = suggestion_for(word);
            for (int i = 0; i < TRUST_COUNT; i++)
                suggestion_offer(&s, trust_name((enum trust)i));
            return unknown_word(error, "--allow-trust", &s);
        }
        allowed |= 1U << t;
    }
    p->trust_allowed = allowed;
    return true;
}

/* The table's own spelling of a format or family, or NULL. */
static const char *format_or_family(const char *word)
{
    for (int id = 0; id < FORMAT_COUNT; id++) {
        if (strcmp(formats[id].name, word) == 0)
            return formats[id].name;
        if (strcmp(formats[id].family, word) == 0)
            return formats[id].family;
    }
    return NULL;
}

static bool deny_format(struct policy *p, const char *name)
{
    for (size_t i = 0; i < POLICY_FORMATS_MAX; i++) {
        if (!p->deny_formats[i])
            p->deny_formats[i] = name;
        if (strcmp(p->deny_formats[i], name) == 0)
            return true;
    }
    return false;
}

bool policy_deny_formats(struct policy *p, const char *names, struct error *error)
{
    struct policy changed = *p;
    char word[64];
    while (next_word(&names, word, sizeof word)) {
        const char *name = format_or_family(word);
        if (!name) {
            struct suggestion s = suggestion_for(word);
            for (int id = 0; id < FORMAT_COUNT; id++) {
                suggestion_offer(&s, formats[id].name);
                suggestion_offer(&s, formats[id].family);
            }
            return unknown_word(error, "--deny-format", &s);
        }
        if (!deny_format(&changed, name))
            return error_set(error, ERROR_USAGE, "--deny-format: more than %d formats",
                             POLICY_FORMATS_MAX);
    }
    *p = changed;
    return true;
}
