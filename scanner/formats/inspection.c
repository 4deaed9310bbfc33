/* What an inspector, or the byte rules, say of an artifact (inspector.h). */
#include <stdio.h>

#include "formats/inspector.h"

void inspection_finding(struct inspection *in, enum rule_id rule, uint64_t offset,
                        struct span evidence, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct span text = n >= 0 ? span_of_text(message) : (struct span){ 0 };
    inspection_report(in, &rules[rule], offset, evidence, text);
}

void inspection_report(struct inspection *in, const struct rule *rule, uint64_t offset,
                       struct span evidence, struct span message)
{
    const struct finding *f =
        finding_add(&in->artifact->findings, in->arena, rule, offset, message, evidence);
    if (f && in->observer)
        in->observer->finding(in->observer->self, in->artifact, f);
}

void inspection_incomplete(struct inspection *in, const char *format, ...)
{
    char reason[REASON_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    artifact_lower(in->artifact, STATUS_INCOMPLETE, "%s", reason);
}

bool inspection_spend(struct inspection *in, enum budget_kind kind, uint64_t n)
{
    if (budget_take(in->budget, kind, n))
        return true;
    inspection_incomplete(in, "the budget of %s is spent (--max-%s)",
                          budget_kinds[kind].what, budget_kinds[kind].option);
    return false;
}
