#include "core/result.h"

#include <stdlib.h>
#include <string.h>

enum { MODEL_ARENA_MAX = 64 << 20, RESULT_ARENA_MAX = 256 << 20 };

const char *verdict_name(enum verdict v)
{
    static const char *const names[] = {
        [VERDICT_PASS] = "pass",
        [VERDICT_FAIL] = "fail",
        [VERDICT_INCOMPLETE] = "incomplete",
        [VERDICT_EMPTY] = "empty",
    };
    return names[v];
}

struct result *result_new(void)
{
    struct arena *arena = arena_new(RESULT_ARENA_MAX);
    struct result *r = arena ? arena_alloc(arena, sizeof *r) : NULL;
    if (!r) {
        arena_free(arena);
        return NULL;
    }
    r->arena = arena;
    r->fail_on = SEVERITY_COUNT;
    return r;
}

void result_free(struct result *r)
{
    if (!r)
        return;
    for (struct model *m = r->models; m;) {
        for (struct file *f = m->files; f;) {
            struct file *after = f->next; /* f lives in the arena it owns */
            arena_free(f->arena);
            f = after;
        }
        struct model *after = m->next;
        arena_free(m->arena);
        m = after;
    }
    arena_free(r->arena);
}

struct model *result_add_empty_model(struct result *r, size_t room)
{
    struct arena *arena = arena_new(room);
    struct model *m = arena ? arena_alloc(arena, sizeof *m) : NULL;
    if (!m) {
        arena_free(arena);
        return NULL;
    }
    m->arena = arena;
    if (r->last_model)
        r->last_model->next = m;
    else
        r->models = m;
    r->last_model = m;
    return m;
}

struct model *result_add_model(struct result *r, struct span target, struct span identity)
{
    struct model *m = result_add_empty_model(r, MODEL_ARENA_MAX);
    if (!m)
        return NULL;
    m->target = arena_copy(m->arena, target);
    m->identity = arena_copy(m->arena, identity);
    return m;
}

void result_add_error(struct result *r, struct span target, const struct error *e,
                      bool retryable)
{
    struct scan_error *s = arena_alloc(r->arena, sizeof *s);
    if (!s)
        return;
    s->target = arena_copy(r->arena, target);
    s->code = e->code;
    s->message = arena_copy(r->arena, span_of_text(e->message));
    s->retryable = retryable;
    if (r->last_error)
        r->last_error->next = s;
    else
        r->errors = s;
    r->last_error = s;
}

void model_add_file(struct model *m, struct file *f)
{
    f->next = NULL;
    if (m->last_file)
        m->last_file->next = f;
    else
        m->files = f;
    m->last_file = f;
}

bool model_share_file(struct model *m, const struct file *f)
{
    struct file *copy = arena_alloc(m->arena, sizeof *copy);
    struct file **at = &m->files;
    if (!copy)
        return false;
    *copy = *f;
    copy->arena = NULL;
    copy->shared = true;
    while (*at && span_compare((*at)->artifact->name, f->artifact->name) < 0)
        at = &(*at)->next;
    copy->next = *at;
    *at = copy;
    if (!copy->next)
        m->last_file = copy;
    return true;
}

static void add_text(struct arena *arena, struct span text, struct reason **first,
                     struct reason **last)
{
    struct reason *r = arena_alloc(arena, sizeof *r);
    if (!r)
        return;
    r->text = arena_copy(arena, text);
    if (*last)
        (*last)->next = r;
    else
        *first = r;
    *last = r;
}

void model_add_reason_text(struct model *m, struct span text)
{
    add_text(m->arena, text, &m->reasons, &m->last_reason);
}

__attribute__((format(printf, 2, 0))) static void
add_formatted(struct arena *arena, const char *format, va_list args,
              struct reason **first, struct reason **last)
{
    struct buffer text;
    buffer_init(&text, MESSAGE_MAX);
    buffer_vprintf(&text, format, args);
    add_text(arena, buffer_span(&text), first, last);
    buffer_free(&text);
}

void model_add_reason(struct model *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_formatted(m->arena, format, args, &m->reasons, &m->last_reason);
    va_end(args);
}

void result_add_clause(struct result *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_formatted(r->arena, format, args, &r->clauses, &r->last_clause);
    va_end(args);
}

void result_add_warning(struct result *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_formatted(r->arena, format, args, &r->warnings, &r->last_warning);
    va_end(args);
}

static void count_findings(struct summary *s, const struct finding_list *list)
{
    for (const struct finding *f = list->first; f; f = f->next)
        s->findings[f->rule->severity]++;
}

void result_count(struct result *r)
{
    struct summary s = { 0 };
    for (const struct model *m = r->models; m; m = m->next) {
        s.models++;
        count_findings(&s, &m->findings);
        for (const struct file *f = m->files; f; f = f->next) {
            if (f->shared)
                continue;
            s.files[artifact_worst(f->artifact)]++;
            s.bytes += f->artifact->size;
            for (const struct artifact *a = f->artifact; a;
                 a = artifact_walk(f->artifact, a))
                count_findings(&s, &a->findings);
        }
    }
    r->summary = s;
}
