#include "engine/fetched.h"

#include "engine/promises.h"
#include "sources/remote.h"

#include <inttypes.h>

/* ---- promises ----------------------------------------------------------------------- */

static bool promise_hash(struct job *job, const struct rest_hash *h, struct span source,
                         struct arena *arena)
{
    for (int a = 0; a < DIGEST_COUNT; a++) {
        if (strcmp(digest_name((enum digest_algorithm)a), h->algorithm) != 0)
            continue;
        struct promise *p = arena_alloc(arena, sizeof *p);
        if (!p)
            return false;
        *p = (struct promise){ .source = source,
                               .by = BY_REGISTRY,
                               .algorithm = (enum digest_algorithm)a,
                               .digits = span_of_text(h->value) };
        promise_add(job, p);
    }
    return true;
}

static bool promise_size(struct job *job, const struct rest_file *file,
                         struct span source, struct arena *arena)
{
    struct promise *p = arena_alloc(arena, sizeof *p);
    if (!p)
        return false;
    *p = (struct promise){
        .source = source, .by = BY_REGISTRY, .has_size = true, .size = file->size
    };
    promise_add(job, p);
    return true;
}

bool fetched_promise(const struct source_list *list, struct job *jobs, size_t count,
                     struct arena *arena)
{
    const struct reference *ref = remote_reference(list->remote);
    struct span source = span_of_text(ref->registry->name);
    for (size_t i = 0; i < count; i++) {
        const struct rest_file *file =
            remote_file(list->remote, jobs[i].source->number);
        for (const struct rest_hash *h = file->hashes; h; h = h->next)
            if (!promise_hash(&jobs[i], h, source, arena))
                return false;
        if (file->size_known && !promise_size(&jobs[i], file, source, arena))
            return false;
    }
    return true;
}

/* ---- loading ------------------------------------------------------------------------ */

static void add_finding(struct job *job, enum rule_id rule, struct span message,
                        struct span evidence)
{
    struct artifact *a = job->file->artifact;
    finding_add(&a->findings, a->arena, &rules[rule], 0, message, evidence);
}

/* The bytes that came are not kept, so that nothing can take them for the model. */
static void report_mismatch(struct job *job, const struct rest_file *file,
                            const struct download_result *d)
{
    struct arena *arena = job->file->arena;
    size_t n = d->mismatch, i = 0;
    const struct rest_hash *h = file->hashes;
    for (; h && i < n; h = h->next)
        i++;
    if (n == SIZE_MAX || !h)
        add_finding(job, RULE_INTEGRITY_MISMATCH,
                    arena_printf(arena,
                                 "the registry names %" PRIu64
                                 " bytes, but its server sent %" PRIu64,
                                 file->size, d->size),
                    (struct span){ 0 });
    else
        add_finding(job, RULE_INTEGRITY_MISMATCH,
                    arena_printf(arena,
                                 "the registry names %s %s, but what its server sent has "
                                 "%s",
                                 h->algorithm, h->value, d->actual),
                    span_of_text(d->actual));
}

void fetched_check(struct job *job)
{
    struct remote *remote = job->list->remote;
    size_t i = job->source->number;
    const struct rest_file *file = remote_file(remote, i);
    const struct download_result *d = remote_load(remote, i);
    const char *foreign = remote_foreign_host(remote, i);
    if (d->state == DOWNLOAD_MISMATCH)
        report_mismatch(job, file, d);
    if (foreign)
        add_finding(job, RULE_TRUST_FOREIGN_HOST,
                    span_of_text("the download was redirected to a host that the registry's "
                                 "entry does not name"),
                    span_of_text(foreign));
    if (file->scan) {
        struct metadata *m = arena_alloc(job->file->arena, sizeof *m);
        if (!m)
            return;
        *m = (struct metadata){ "scan.status",
                                arena_copy(job->file->arena, span_of_text(file->scan)),
                                NULL };
        job->file->metadata = m;
    }
}

/* ---- the model ---------------------------------------------------------------------- */

static bool copy_metadata(struct model *m, const struct metadata *from)
{
    struct metadata **tail = &m->metadata;
    for (; from; from = from->next) {
        struct metadata *copy = arena_alloc(m->arena, sizeof *copy);
        if (!copy)
            return false;
        *copy = (struct metadata){ arena_text(m->arena, span_of_text(from->key)),
                                   arena_copy(m->arena, from->value), NULL };
        *tail = copy;
        tail = &copy->next;
    }
    return true;
}

static bool copy_checks(struct model *m, const struct provenance_check *from)
{
    struct provenance_check **tail = &m->checks;
    for (; from; from = from->next) {
        struct provenance_check *copy = arena_alloc(m->arena, sizeof *copy);
        if (!copy)
            return false;
        *copy = *from;
        copy->next = NULL;
        copy->id = arena_text(m->arena, span_of_text(from->id));
        copy->evidence = arena_copy(m->arena, from->evidence);
        *tail = copy;
        tail = &copy->next;
    }
    return true;
}

static void report_unlisted(const struct source_list *list, struct result *r)
{
    const struct rest_result *answers = remote_answers(list->remote);
    struct error error = { 0 };
    if (answers->listed && list->count > 0)
        return;
    if (!answers->listed)
        (void)error_set(&error, ERROR_NETWORK,
                        "%s does not tell all of its files: what is missing was not "
                        "scanned",
                        remote_reference(list->remote)->registry->name);
    else
        (void)error_set(&error, ERROR_NETWORK, "%s offers no file to scan",
                        remote_reference(list->remote)->registry->name);
    result_add_error(r, list->target, &error, false);
}

bool fetched_attach(const struct source_list *list, struct job *jobs, size_t count,
                    struct result *r)
{
    const struct rest_result *answers = remote_answers(list->remote);
    struct model *m = count ? jobs[0].model : NULL;
    report_unlisted(list, r);
    if (!m)
        return true;
    for (const struct finding *f = answers->findings.first; f; f = f->next)
        finding_add(&m->findings, m->arena, f->rule, f->offset, f->message, f->evidence);
    return copy_metadata(m, answers->metadata) && copy_checks(m, answers->checks);
}

struct claim fetched_claim(const struct source_list *list)
{
    const struct reference *ref = remote_reference(list->remote);
    const struct rest_result *answers = remote_answers(list->remote);
    return (struct claim){ .basis = BASIS_FETCHED,
                           .registry = ref->registry,
                           .reference = ref,
                           .level = &answers->trust,
                           .name = span_of_text(ref->name),
                           .revision = answers->revision.len
                                           ? answers->revision
                                           : span_of_text(ref->revision),
                           .evidence = list->target };
}
