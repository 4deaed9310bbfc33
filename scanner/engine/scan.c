#include "engine/scan.h"

#include "engine/hub_store.h"
#include "engine/jobs.h"
#include "engine/units.h"
#include "trust/origin.h"

#include <time.h>

/* The lists of all targets and the jobs made from them, side by side. */
struct work {
    struct source_list *lists;
    size_t list_count;
    struct job *jobs;
    size_t job_count;
};

static bool open_targets(const struct scan_options *o, struct work *w, struct error *error)
{
    size_t n = 0;
    while (o->targets[n])
        n++;
    w->lists = calloc(n + 1, sizeof *w->lists);
    if (!w->lists)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (; w->list_count < n; w->list_count++)
        if (!source_open(o->targets[w->list_count], &o->source, &w->lists[w->list_count],
                         error))
            return false;
    return true;
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

static bool group_models(const struct scan_options *o, struct work *w, struct result *r)
{
    struct job *job = w->jobs, *end = w->jobs + w->job_count;
    while (job < end) {
        struct job *first = job;
        while (job < end && job->list == first->list)
            job++;
        if (!units_group(r, first->list, first, (size_t)(job - first), o->one_model))
            return false;
    }
    return true;
}

static void attach_origins(const struct scan_options *o, struct work *w, struct result *r)
{
    for (size_t i = 0; i < w->job_count; i++) {
        struct job *job = &w->jobs[i];
        hub_store_expect(job);
        hub_store_declare(job, o->registries);
    }
    for (struct model *m = r->models; m; m = m->next) {
        if (o->origin)
            origin_state(m, o->origin, o->environment, span_of_text(o->origin_text));
        origin_settle(m, o->registries, o->environment, o->accept_declared);
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct result *scan(const struct scan_options *o, struct error *error)
{
    struct work w = { 0 };
    double start = now();
    char sandbox[64] = "";
    struct result *r = result_new();
    bool ok = r || error_set(error, ERROR_MEMORY, "out of memory");
    ok = ok && open_targets(o, &w, error);
    ok = ok && make_jobs(&w, error);
    ok = ok && jobs_run(o, w.jobs, w.job_count, sandbox, error);
    ok = ok && (group_models(o, &w, r) || error_set(error, ERROR_MEMORY, "out of memory"));
    if (ok) {
        attach_origins(o, &w, r);
        policy_judge(&o->policy, r);
        result_count(r);
        r->run.jobs = o->jobs;
        r->run.seconds = now() - start;
        r->run.sandbox = (const char *)arena_copy(r->arena, span_of_text(sandbox)).ptr;
    }
    for (size_t i = 0; i < w.list_count; i++)
        source_close(&w.lists[i]);
    free(w.lists);
    free(w.jobs);
    if (ok)
        return r;
    result_free(r);
    return NULL;
}
