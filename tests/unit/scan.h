/* scan.h: inspect bytes in memory, as the worker would, and look at the tree. */
#ifndef SCAN_H
#define SCAN_H

#include "formats/inspector.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct scan {
    struct arena *arena;
    struct budget budget;
    struct artifact *artifact;
};

static inline void scan_bytes(struct scan *s, const char *name, struct span bytes)
{
    s->arena = arena_new(64 << 20);
    assert(s->arena);
    s->budget = budget_default();
    s->artifact = artifact_new(s->arena, span_of_text(name), bytes.len);
    assert(s->artifact);
    struct inspection in = { .arena = s->arena,
                             .budget = &s->budget,
                             .artifact = s->artifact,
                             .bytes = bytes,
                             .spool_fd = -1 };
    inspect_artifact(&in);
}

static inline void scan_end(struct scan *s)
{
    arena_free(s->arena);
}

/* How often a rule was reported, in the artifact and all that lies in it. */
static inline unsigned scan_count(const struct scan *s, enum rule_id rule)
{
    unsigned count = 0;
    for (const struct artifact *a = s->artifact; a; a = artifact_walk(s->artifact, a))
        for (const struct finding *f = a->findings.first; f; f = f->next)
            count += f->rule == &rules[rule];
    return count;
}

static inline uint64_t scan_findings(const struct scan *s)
{
    uint64_t count = 0;
    for (const struct artifact *a = s->artifact; a; a = artifact_walk(s->artifact, a))
        count += a->findings.count;
    return count;
}

#endif
