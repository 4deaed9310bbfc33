#include "core/finding.h"

#include <string.h>

const struct rule rules[RULE_COUNT] = {
#define RULE(symbol, id, severity, cwe, title)                                           \
    [RULE_##symbol] = { id, SEVERITY_##severity, cwe, title },
#include "core/rules.def"
#undef RULE
};

static const char *const severities[SEVERITY_COUNT] = {
    [SEVERITY_INFO] = "info",         [SEVERITY_LOW] = "low",
    [SEVERITY_MEDIUM] = "medium",     [SEVERITY_HIGH] = "high",
    [SEVERITY_CRITICAL] = "critical",
};

const struct rule *rule_find(const char *id)
{
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (strcmp(rules[i].id, id) == 0)
            return &rules[i];
    return NULL;
}

const char *severity_name(enum severity s)
{
    return severities[s];
}

bool severity_parse(const char *name, enum severity *ret_severity)
{
    for (int s = 0; s < SEVERITY_COUNT; s++)
        if (strcmp(severities[s], name) == 0) {
            *ret_severity = (enum severity)s;
            return true;
        }
    return false;
}

struct finding *finding_add(struct finding_list *list, struct arena *arena,
                            const struct rule *rule, uint64_t offset, struct span message,
                            struct span evidence)
{
    bool worse = list->count == 0 || rule->severity > list->worst;
    if (worse)
        list->worst = rule->severity;
    struct finding *f = NULL;
    if (list->count++ < FINDINGS_MAX || worse)
        f = arena_alloc(arena, sizeof *f);
    if (!f) {
        list->dropped++;
        return NULL;
    }
    f->rule = rule;
    f->offset = offset;
    f->message = arena_copy(arena, span_slice(message, 0, MESSAGE_MAX));
    f->evidence = arena_copy(arena, span_slice(evidence, 0, EVIDENCE_MAX));
    if (list->last)
        list->last->next = f;
    else
        list->first = f;
    list->last = f;
    return f;
}
