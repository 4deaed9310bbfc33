#include "engine/scan.h"

#include "engine/evidence/evidence.h"
#include "engine/fetched.h"
#include "engine/hub_store.h"
#include "engine/jobs.h"
#include "engine/locks.h"
#include "engine/promises.h"
#include "engine/signatures/signatures.h"
#include "engine/units.h"
#include "sources/remote.h"
#include "trust/origin.h"

#include <time.h>

enum { WORK_ARENA_MAX = 512 << 20 };

/* The lists of all targets and the jobs made from them, side by side. */
struct work {
    struct source_list *lists;
    size_t list_count;
    struct job *jobs;
    size_t job_count;
    struct arena *arena; /* of what the lockfile promises */
    struct crew *crew;
    struct evidence *evidence; /* what the targets say about themselves */
    struct signatures *signatures;
    struct publishers *publishers; /* well-known names; when anything is fetched */
};

/* A registry that does not answer, or not as it should, costs its target and not the
 * scan; a target that does not exist is a mistake of whoever named it. */
static bool costs_target(enum error_code code)
{
    return code == ERROR_NETWORK || code == ERROR_MEMORY;
}

static bool open_targets(const struct scan_options *o, struct work *w, struct result *r,
                         struct error *error)
{
    size_t n = 0;
    while (o->targets[n])
        n++;
    w->lists = calloc(n + 1, sizeof *w->lists);
    if (!w->lists)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) {
        if (source_open(o->targets[i], &o->source, &w->lists[w->list_count], error))
            w->list_count++;
        else if (costs_target(error->code))
            result_add_error(r, span_of_text(o->targets[i]), error, error->retryable);
        else
            return false;
    }
    return true;
}

static bool load_publishers(const struct scan_options *o, struct work *w,
                            struct error *error)
{
    char path[4096];
    bool wanted = false;
    for (size_t i = 0; i < w->list_count; i++)
        wanted = wanted || w->lists[i].remote;
    if (!wanted)
        return true;
    (void)snprintf(path, sizeof path, "%s/rules/trust/publishers.json",
                   o->worker.data_dir);
    w->publishers = publishers_load(path, error);
    return w->publishers != NULL;
}

static bool make_jobs(struct work *w, struct error *error)
{
    size_t total = 0;
    for (size_t i = 0; i < w->list_count; i++)
        total += w->lists[i].count;
    w->jobs = calloc(total + 1, sizeof *w->jobs);
    bool ok = w->jobs != NULL;
    for (size_t i = 0; ok && i < w->list_count; i++) {
        const struct source_list *list = &w->lists[i];
        struct hub_links *links = hub_links_new(list);
        ok = links != NULL;
        for (const struct source_file *f = list->files; ok && f; f = f->next)
            if (!hub_links_cover(links, f))
                w->jobs[w->job_count++] = (struct job){ .list = list, .source = f };
        hub_links_free(links);
    }
    return ok || error_set(error, ERROR_MEMORY, "out of memory");
}

/* The jobs of one list, which are neighbours. */
static struct job *jobs_of(const struct work *w, const struct source_list *list,
                           size_t *at, size_t *ret_count)
{
    struct job *first = &w->jobs[*at];
    size_t start = *at;
    while (*at < w->job_count && w->jobs[*at].list == list)
        (*at)++;
    *ret_count = *at - start;
    return first;
}

/* What the bytes should be must be known before they are hashed. */
static bool gather_evidence(const struct scan_options *o, struct work *w,
                            struct error *error)
{
    w->evidence = evidence_new(o, w->lists, w->list_count);
    if (!w->evidence)
        return error_set(error, ERROR_MEMORY, "out of memory");
    bool ok = true;
    for (size_t i = 0, at = 0, count; ok && o->lockfile && i < w->list_count; i++) {
        struct job *jobs = jobs_of(w, &w->lists[i], &at, &count);
        ok = locks_promise(o->lockfile, &w->lists[i], w->list_count == 1, jobs, count,
                           w->arena);
    }
    for (size_t i = 0, at = 0, count; ok && i < w->list_count; i++) {
        struct job *jobs = jobs_of(w, &w->lists[i], &at, &count);
        if (w->lists[i].remote)
            ok = fetched_promise(&w->lists[i], jobs, count, w->arena);
    }
    fetched_want(w->jobs, w->job_count);
    if (ok && !evidence_read(w->evidence, w->crew, error))
        return false;
    ok = ok && evidence_promise(w->evidence, w->jobs, w->job_count);
    if (!ok)
        return error_set(error, ERROR_MEMORY, "out of memory");
    w->signatures = signatures_read(o, w->lists, w->list_count, w->crew, error);
    if (!w->signatures ||
        !signatures_promise(w->signatures, w->jobs, w->job_count, error))
        return false;
    fetched_want(w->jobs, w->job_count);
    return true;
}

static bool group_models(const struct scan_options *o, struct work *w, struct result *r)
{
    bool ok = true;
    for (size_t i = 0, at = 0, count; ok && i < w->list_count; i++) {
        struct job *jobs = jobs_of(w, &w->lists[i], &at, &count);
        struct source_list *list = &w->lists[i];
        ok =
            count == 0 || units_group(r, list, jobs, count, o->one_model || list->remote);
        if (ok && list->remote)
            ok = fetched_attach(list, jobs, count, w->publishers, r);
        if (ok && o->lockfile)
            ok = locks_check(o->lockfile, &w->lists[i], w->list_count == 1, jobs, count,
                             r);
    }
    return ok;
}

/* ---- where models come from -------------------------------------------------------- */

struct stating {
    const struct scan_options *options;
    const struct work *work;
};

static struct claim stated_claim(const struct reference *ref, struct span evidence)
{
    return (struct claim){ .basis = BASIS_STATED,
                           .registry = ref->registry,
                           .reference = ref,
                           .name = span_of_text(ref->name),
                           .revision = span_of_text(ref->revision),
                           .evidence = evidence };
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* What was fetched says all that the reference says, and what its tag names now. */
static bool asked_for(const struct source_list *list, const struct reference *ref)
{
    const struct reference *asked = list->remote ? remote_reference(list->remote) : NULL;
    return asked && asked->registry == ref->registry &&
           same_text(asked->name, ref->name) && same_text(asked->revision, ref->revision);
}

/* What was fetched; --origin, and what the lockfile recorded of this target. */
static size_t stated_of(void *self, const struct source_list *list,
                        struct claim ret[STATED_CLAIMS_MAX])
{
    const struct stating *s = self;
    const struct scan_options *o = s->options;
    size_t n = 0;
    if (list->remote)
        ret[n++] = fetched_claim(list, s->work->arena);
    if (o->origin && !asked_for(list, o->origin))
        ret[n++] = stated_claim(o->origin, span_of_text(o->origin_text));
    const struct locked_target *t =
        o->lockfile ? lockfile_find(o->lockfile, list->target, s->work->list_count == 1)
                    : NULL;
    if (t && t->text && !asked_for(list, &t->reference))
        ret[n++] = stated_claim(&t->reference,
                                arena_printf(s->work->arena, "%s in the lockfile %s",
                                             t->text, lockfile_path(o->lockfile)));
    return n;
}

/* A registry that lists no file has told where the model comes from all the same. */
static void attribute_empty(struct stating *s, struct result *r)
{
    for (struct model *m = r->models; m; m = m->next)
        for (size_t i = 0; !m->files && i < s->work->list_count; i++) {
            const struct source_list *list = &s->work->lists[i];
            struct claim claims[STATED_CLAIMS_MAX];
            if (list->remote && span_equal(list->target, m->target))
                origin_attribute(m, claims, stated_of(s, list, claims),
                                 s->options->environment);
        }
}

static bool attach_origins(const struct scan_options *o, struct work *w, struct result *r)
{
    struct stating stating = { o, w };
    const struct stated_claims stated = { &stating, stated_of };
    for (size_t i = 0; i < w->job_count; i++)
        promises_check(&w->jobs[i]);
    if (!evidence_attach(w->evidence, &stated) || !signatures_attach(w->signatures))
        return false;
    attribute_empty(&stating, r);
    for (size_t i = 0; o->lockfile && i < w->list_count; i++)
        locks_check_signers(o->lockfile, &w->lists[i], w->list_count == 1, r);
    for (struct model *m = r->models; m; m = m->next)
        origin_settle(m, o->accept_declared);
    return true;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void free_work(struct work *w)
{
    publishers_free(w->publishers);
    signatures_free(w->signatures);
    evidence_free(w->evidence);
    crew_free(w->crew);
    for (size_t i = 0; i < w->list_count; i++)
        source_close(&w->lists[i]);
    free(w->lists);
    free(w->jobs);
    arena_free(w->arena);
}

struct result *scan(const struct scan_options *o, struct error *error)
{
    struct work w = { .arena = arena_new(WORK_ARENA_MAX),
                      .crew = crew_new(&o->worker, o->jobs) };
    time_t started = time(NULL);
    double start = now();
    struct result *r = result_new();
    bool ok = r && w.arena && w.crew;
    if (!ok)
        (void)error_set(error, ERROR_MEMORY, "out of memory");
    ok = ok && crew_start(w.crew, error);
    ok = ok && open_targets(o, &w, r, error);
    ok = ok && load_publishers(o, &w, error);
    ok = ok && make_jobs(&w, error);
    ok = ok && gather_evidence(o, &w, error);
    ok = ok && jobs_run(w.crew, o, w.jobs, w.job_count, w.signatures, error);
    ok = ok && signatures_promise_met(w.signatures, w.jobs, w.job_count, error);
    ok = ok && ((group_models(o, &w, r) && attach_origins(o, &w, r)) ||
                error_set(error, ERROR_MEMORY, "out of memory"));
    if (ok) {
        policy_judge(o->policy, r);
        result_count(r);
        r->run.jobs = o->jobs;
        r->run.started = (int64_t)started;
        r->run.seconds = now() - start;
        r->run.sandbox = arena_text(r->arena, span_of_text(crew_sandbox(w.crew)));
        r->rules_digest = arena_text(r->arena, span_of_text(crew_rules_digest(w.crew)));
    }
    free_work(&w);
    if (ok)
        return r;
    result_free(r);
    return NULL;
}
