#include "trust/disagree.h"

/* Hugging Face's levels, Civitai's results, NGC's malware states. */
static const struct {
    const char *word;
    enum safety safety;
} words[] = {
    {"safe",              SAFETY_SAFE  },
    { "innocuous",        SAFETY_SAFE  },
    { "Success",          SAFETY_SAFE  },
    { "NO_THREATS_FOUND", SAFETY_SAFE  },
    { "caution",          SAFETY_UNSAFE},
    { "suspicious",       SAFETY_UNSAFE},
    { "unsafe",           SAFETY_UNSAFE},
    { "Danger",           SAFETY_UNSAFE},
    { "THREATS_FOUND",    SAFETY_UNSAFE},
};

enum safety safety_of(struct span word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (span_is(word, words[i].word))
            return words[i].safety;
    return SAFETY_UNKNOWN;
}

void disagreement_report(const char *registry, struct span word,
                         const struct finding_list *found, struct finding_list *findings,
                         struct arena *arena)
{
    const struct finding *worst = NULL;
    if (safety_of(word) != SAFETY_SAFE)
        return;
    for (const struct finding *f = found->first; f; f = f->next)
        if (f->rule->severity >= SEVERITY_HIGH && f->suppressed.len == 0 &&
            (!worst || f->rule->severity > worst->rule->severity))
            worst = f;
    if (!worst)
        return;
    struct span message =
        arena_printf(arena, "%s says \"%.*s\", this scan found %s", registry,
                     (int)word.len, word.ptr, worst->rule->id);
    (void)finding_add(findings, arena, &rules[RULE_TRUST_DISAGREES], 0, message, word);
}
