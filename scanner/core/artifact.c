#include "core/artifact.h"

#include <stdio.h>

struct artifact *artifact_new(struct arena *arena, struct span name, uint64_t size)
{
    struct artifact *a = arena_alloc(arena, sizeof *a);
    if (!a)
        return NULL;
    a->arena = arena;
    a->name = arena_copy(arena, span_slice(name, 0, NAME_MAX_BYTES));
    a->size = size;
    return a;
}

struct artifact *artifact_child(struct artifact *parent, struct span name,
                                uint64_t offset, uint64_t size)
{
    struct artifact *a = artifact_new(parent->arena, name, size);
    parent->members_total++;
    if (!a)
        return NULL;
    a->parent = parent;
    a->offset = offset;
    a->previous = parent->last;
    if (parent->last)
        parent->last->next = a;
    else
        parent->first = a;
    parent->last = a;
    return a;
}

void artifact_drop_last(struct artifact *parent)
{
    struct artifact *before = parent->last->previous;
    if (before)
        before->next = NULL;
    else
        parent->first = NULL;
    parent->last = before;
}

/* Statuses in the order in which one replaces another. */
static int rank(enum artifact_status s)
{
    static const int ranks[STATUS_COUNT] = {
        [STATUS_COMPLETE] = 0,
        [STATUS_SKIPPED] = 1,
        [STATUS_INCOMPLETE] = 2,
        [STATUS_FAILED] = 3,
    };
    return ranks[s];
}

void artifact_lower(struct artifact *a, enum artifact_status status, const char *format,
                    ...)
{
    if (rank(status) <= rank(a->status))
        return;
    char reason[REASON_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    a->status = status;
    a->reason = arena_copy(a->arena, span_of_text(reason));
}

bool artifact_worth_reporting(const struct artifact *a)
{
    return a->findings.count > 0 || a->facts || a->first ||
           a->status == STATUS_INCOMPLETE || a->status == STATUS_FAILED;
}

struct fact *artifact_facts(struct artifact *a)
{
    if (!a->facts)
        a->facts = fact_root(a->arena);
    return a->facts;
}

const char *status_name(enum artifact_status s)
{
    static const char *const names[STATUS_COUNT] = {
        [STATUS_COMPLETE] = "complete",
        [STATUS_INCOMPLETE] = "incomplete",
        [STATUS_SKIPPED] = "skipped",
        [STATUS_FAILED] = "failed",
    };
    return names[s];
}

void artifact_path(const struct artifact *a, struct buffer *out)
{
    size_t levels = 0;
    for (const struct artifact *up = a->parent; up; up = up->parent)
        levels++;
    for (; levels > 0; levels--) {
        const struct artifact *above = a;
        for (size_t i = 0; i < levels; i++)
            above = above->parent;
        buffer_add(out, above->name);
        buffer_add_text(out, "!");
    }
    buffer_add(out, a->name);
}

const struct artifact *artifact_walk(const struct artifact *root,
                                     const struct artifact *current)
{
    if (current->first)
        return current->first;
    while (current != root && !current->next)
        current = current->parent;
    return current == root ? NULL : current->next;
}

const struct artifact *artifact_worst_part(const struct artifact *root)
{
    const struct artifact *worst = root;
    for (const struct artifact *a = root; a; a = artifact_walk(root, a))
        if (a->status != STATUS_SKIPPED && rank(a->status) > rank(worst->status))
            worst = a;
    return worst;
}

enum artifact_status artifact_worst(const struct artifact *root)
{
    return artifact_worst_part(root)->status;
}
