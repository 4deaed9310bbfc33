/* finding.h: what inspectors, trust and integrity produce.
 *
 * A finding points at a row of rules.def (or at a rule the operator loaded), so
 * nobody can invent an id or a severity.  Message and evidence may hold bytes of
 * the artifact: they are raw here and every report writer escapes for its sink.
 * Findings live in the arena of the artifact or model that they belong to. */
#ifndef FINDING_H
#define FINDING_H

#include "core/arena.h"

enum severity {
    SEVERITY_INFO,
    SEVERITY_LOW,
    SEVERITY_MEDIUM,
    SEVERITY_HIGH,
    SEVERITY_CRITICAL,
    SEVERITY_COUNT
};

struct rule {
    const char *id; /* "pickle/dangerous-call" */
    enum severity severity;
    unsigned cwe; /* 0: none fits */
    const char *title;
};

enum rule_id {
#define RULE(symbol, id, severity, cwe, title) RULE_##symbol,
#include "core/rules.def"
#undef RULE
    RULE_COUNT
};
extern const struct rule rules[RULE_COUNT];

const struct rule *rule_find(const char *id); /* NULL when there is none */
const char *severity_name(enum severity s);   /* "critical", … */
bool severity_parse(const char *name, enum severity *ret_severity);

enum { EVIDENCE_MAX = 512, MESSAGE_MAX = 1024, FINDINGS_MAX = 2000 };

struct finding {
    const struct rule *rule; /* not owned; outlives the finding */
    uint64_t offset;         /* in the artifact */
    struct span message;     /* one sentence about this case; may be empty */
    struct span evidence;    /* raw bytes or a rendered call; may be empty */
    struct span suppressed;  /* why the gate does not count it (a suppression of the
                                policy, the baseline); empty: it counts */
    struct finding *next;
};

/* In the order they were made.  Past FINDINGS_MAX a list only counts, except for what
 * is worse than all before: a flood of small findings cannot hide a grave one. */
struct finding_list {
    struct finding *first, *last;
    uint64_t count, dropped;
    enum severity worst; /* meaningless while count == 0 */
};

/* Copies message and evidence, cut to their maxima.  NULL when the list is full
 * or memory is short (arena_exhausted() then tells); the finding still counts. */
struct finding *finding_add(struct finding_list *list, struct arena *arena,
                            const struct rule *rule, uint64_t offset, struct span message,
                            struct span evidence);

#endif
