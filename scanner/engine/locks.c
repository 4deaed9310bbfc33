#include "engine/locks.h"

#include "engine/fetched.h"
#include "engine/hub_store.h"
#include "engine/job_hashing.h"
#include "engine/promises.h"
#include "engine/signatures/signatures.h"
#include "engine/units.h"
#include "integrity/lockfile.h"
#include "sources/remote.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_ARENA_MAX = 1 << 20, MISSING_LISTED = 1000 };

/* ---- enforcing -------------------------------------------------------------------- */

static int compare_to_job(const void *key, const void *element)
{
    const struct job *job = element;
    return span_compare(*(const struct span *)key, job->source->path);
}

static int compare_to_file(const void *key, const void *element)
{
    const struct locked_file *file = element;
    return span_compare(*(const struct span *)key, file->path);
}

bool locks_promise(const struct lockfile *lock, const struct source_list *list,
                   bool alone, struct job *jobs, size_t count, struct arena *arena)
{
    const struct locked_target *t = lockfile_find(lock, list->target, alone);
    struct span source = arena_printf(arena, "the lockfile %s", lockfile_path(lock));
    for (size_t i = 0; t && i < t->count; i++) {
        struct job *job =
            bsearch(&t->files[i].path, jobs, count, sizeof *jobs, compare_to_job);
        struct promise *p = job ? arena_alloc(arena, sizeof *p) : NULL;
        if (job && !p)
            return false;
        if (!job)
            continue; /* locks_check() says so */
        *p = (struct promise){ .source = source,
                               .by = BY_LOCKFILE,
                               .algorithm = DIGEST_SHA256,
                               .digits = t->files[i].sha256,
                               .has_size = true,
                               .size = t->files[i].size };
        promise_add(job, p);
    }
    return true;
}

/* Is it the lockfile itself, kept in the target? */
static bool is_itself(const char *path, const struct job *job)
{
    struct stat lock, file;
    struct error ignored;
    int fd = path && !job->list->remote
                 ? source_file_open(job->list, job->source, &ignored)
                 : -1;
    bool same = fd >= 0 && fstat(fd, &file) == 0 && stat(path, &lock) == 0 &&
                lock.st_dev == file.st_dev && lock.st_ino == file.st_ino;
    if (fd >= 0)
        (void)close(fd);
    return same;
}

static void add_model_finding(struct model *m, enum rule_id rule, struct span message,
                              struct span evidence)
{
    finding_add(&m->findings, m->arena, &rules[rule], 0, message, evidence);
}

static void check_missing(const struct lockfile *lock, const struct locked_target *t,
                          const struct job *jobs, size_t count, struct model *m)
{
    struct span message = arena_printf(
        m->arena, "%s names it, but it is not there, or --exclude leaves it out",
        lockfile_path(lock));
    uint64_t missing = 0;
    for (size_t i = 0; i < t->count; i++)
        if (!bsearch(&t->files[i].path, jobs, count, sizeof *jobs, compare_to_job) &&
            missing++ < MISSING_LISTED)
            add_model_finding(m, RULE_INTEGRITY_LOCK_MISSING, message, t->files[i].path);
}

/* A tag that names something else now is why files differ, and worth a word also where
 * none does. */
static void check_revision(const struct lockfile *lock, const struct locked_target *t,
                           const struct source_list *list, struct model *m)
{
    struct span now =
        list->remote ? remote_answers(list->remote)->revision : (struct span){ 0 };
    if (!t->revision.len || !now.len || span_equal(t->revision, now))
        return;
    add_model_finding(
        m, RULE_TRUST_MOVED,
        arena_printf(m->arena, "%s was %.*s when %s was written, it is %.*s now", t->text,
                     (int)t->revision.len, (const char *)t->revision.ptr,
                     lockfile_path(lock), (int)now.len, (const char *)now.ptr),
        now);
}

static void check_extra(const struct lockfile *lock, const struct locked_target *t,
                        const struct job *job)
{
    struct artifact *a = job->file->artifact;
    if (bsearch(&job->source->path, t->files, t->count, sizeof *t->files,
                compare_to_file) ||
        is_itself(lockfile_path(lock), job))
        return;
    struct span message =
        arena_printf(a->arena, "%s does not name it", lockfile_path(lock));
    finding_add(&a->findings, a->arena, &rules[RULE_INTEGRITY_LOCK_EXTRA], 0, message,
                (struct span){ 0 });
}

bool locks_check(const struct lockfile *lock, const struct source_list *list, bool alone,
                 struct job *jobs, size_t count, struct result *r)
{
    const struct locked_target *t = lockfile_find(lock, list->target, alone);
    struct model *first =
        count ? jobs[0].model : result_add_model(r, list->target, list->target);
    if (!first)
        return false;
    if (!t) {
        for (size_t i = 0; i < count; i++)
            if (i == 0 || jobs[i].model != jobs[i - 1].model)
                add_model_finding(jobs[i].model, RULE_INTEGRITY_LOCK_EXTRA,
                                  arena_printf(jobs[i].model->arena,
                                               "%s has no entry for this target",
                                               lockfile_path(lock)),
                                  list->target);
        return true;
    }
    check_revision(lock, t, list, first);
    check_missing(lock, t, jobs, count, first);
    for (size_t i = 0; i < count; i++)
        check_extra(lock, t, &jobs[i]);
    return true;
}

static bool signed_by(const struct result *r, struct span target,
                      const struct locked_signer *g)
{
    for (const struct model *m = r->models; m; m = m->next)
        for (const struct signature *s = m->signatures; s; s = s->next)
            if (span_equal(m->target, target) && s->state == SIGNATURE_VERIFIED &&
                span_is(s->identity, g->identity) &&
                (g->issuer ? span_is(s->issuer, g->issuer) : s->issuer.len == 0))
                return true;
    return false;
}

/* "nothing", or what is there instead, in one line. */
static struct span signed_instead(const struct result *r, const struct model *first)
{
    for (const struct model *m = r->models; m; m = m->next)
        for (const struct signature *s = m->signatures; s; s = s->next)
            if (span_equal(m->target, first->target))
                return arena_printf(first->arena, "%s, %s%s%.*s", s->kind,
                                    signature_state_name(s->state),
                                    s->identity.len ? ", by " : "",
                                    s->identity.len < 200 ? (int)s->identity.len : 200,
                                    (const char *)s->identity.ptr);
    return span_of_text("there is no signature");
}

void locks_check_signers(const struct lockfile *lock, const struct source_list *list,
                         bool alone, struct result *r)
{
    const struct locked_target *t = lockfile_find(lock, list->target, alone);
    struct model *first = r->models;
    while (first && !span_equal(first->target, list->target))
        first = first->next;
    for (size_t i = 0; t && first && i < t->signer_count; i++) {
        const char *identity = t->signers[i].identity;
        if (signed_by(r, list->target, &t->signers[i]))
            continue;
        struct span now = signed_instead(r, first);
        add_model_finding(first, RULE_INTEGRITY_LOCK_SIGNER,
                          arena_printf(first->arena,
                                       "%s recorded that %s signed it; now: %.*s",
                                       lockfile_path(lock), identity, (int)now.len,
                                       (const char *)now.ptr),
                          span_of_text(identity));
    }
}

/* ---- recording -------------------------------------------------------------------- */

static bool add_record(struct model *m, struct job *job)
{
    struct arena *arena = arena_new(FILE_ARENA_MAX);
    struct file *f = arena ? arena_alloc(arena, sizeof *f) : NULL;
    if (f) {
        f->arena = arena;
        f->artifact = artifact_new(arena, job->source->path, job->source->size);
    }
    if (!f || !f->artifact) {
        arena_free(arena);
        return false;
    }
    model_add_file(m, f);
    job->file = f;
    job->model = m;
    return true;
}

/* What the recording of one target works with. */
struct recording {
    const struct lock_options *options;
    struct scan_options scan; /* as signatures are read in one */
    const struct source_list *list;
    struct job *jobs;
    size_t count;
    struct crew *crew;             /* NULL: nobody asks who signed */
    struct signatures *signatures; /* NULL: the same */
};

static bool hash_file(struct job *job, int fd, uint8_t *buffer, struct error *error)
{
    const char *path = (const char *)job->source->path.ptr;
    struct job_hashing h;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_errno(error, ERROR_IO, "%s", path);
    if (!job_hashing_begin(job, fd, &st, buffer, &h))
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (!job_hashing_end(&h))
        return error_errno(error, ERROR_IO, "%s", path);
    if (job->changed)
        return error_set(error, ERROR_IO, "%s: it changed while it was hashed", path);
    job->file->artifact->size = (uint64_t)st.st_size;
    return job->file->sha256.len || error_set(error, ERROR_MEMORY, "out of memory");
}

/* One file, and whether it is a signature that its name did not tell.  Without a crew the
 * hand has a buffer and no worker. */
static bool record_file(void *self, size_t item, struct crew_hand *h, struct error *error)
{
    struct recording *r = self;
    struct job *job = &r->jobs[item];
    struct error why;
    int fd = source_file_open(r->list, job->source, &why);
    if (fd < 0)
        return error_set(error, ERROR_IO, "%s: %.300s",
                         (const char *)job->source->path.ptr, why.message);
    bool ok = hash_file(job, fd, h->buffer, error) &&
              (!r->signatures || signatures_meet(r->signatures, job, fd, h, error));
    (void)close(fd);
    source_file_release(r->list, job->source);
    return ok;
}

/* One job for each file that is recorded: not for the record itself. */
static bool make_jobs(const struct lock_options *o, const struct source_list *list,
                      struct model *m, struct job **ret_jobs, size_t *ret_count,
                      struct error *error)
{
    struct hub_links *links = hub_links_new(list);
    struct job *jobs = calloc(list->count + 1, sizeof *jobs);
    size_t n = 0;
    bool ok = (links && jobs) || error_set(error, ERROR_MEMORY, "out of memory");
    for (const struct source_file *f = list->files; ok && f; f = f->next) {
        struct job job = { .list = list, .source = f };
        if (hub_links_cover(links, f) || (!f->problem.len && is_itself(o->output, &job)))
            continue;
        if (f->problem.len)
            ok = error_set(error, ERROR_IO, "%s: %s", (const char *)f->path.ptr,
                           (const char *)f->problem.ptr);
        else if (!add_record(m, &job))
            ok = error_set(error, ERROR_MEMORY, "out of memory");
        jobs[n++] = job;
    }
    hub_links_free(links);
    *ret_jobs = jobs;
    *ret_count = n;
    return ok;
}

/* Before the first file: what its signatures need to know of the files. */
static bool read_signatures(struct recording *r, struct error *error)
{
    const struct lock_options *o = r->options;
    r->scan = (struct scan_options){ .signers = o->signers, .worker = o->worker };
    r->crew = crew_new(&o->worker, 1);
    if (!r->crew)
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (crew_start(r->crew, error))
        r->signatures = signatures_read(&r->scan, r->list, 1, r->crew, error);
    return r->signatures && signatures_promise(r->signatures, r->jobs, r->count, error);
}

/* After the last: who signed what is there. */
static bool verify_signatures(struct recording *r, struct error *error)
{
    if (!signatures_promise_met(r->signatures, r->jobs, r->count, error))
        return false;
    for (size_t i = 0; i < r->count; i++)
        promises_check(&r->jobs[i]);
    return signatures_attach(r->signatures) ||
           error_set(error, ERROR_MEMORY, "out of memory");
}

static bool hash_files(struct recording *r, struct error *error)
{
    if (r->crew)
        return crew_run(r->crew, r->count, record_file, r, error);
    struct crew_hand hand = { .buffer = malloc(CREW_BUFFER) };
    bool ok = hand.buffer || error_set(error, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; ok && i < r->count; i++)
        ok = record_file(r, i, &hand, error);
    free(hand.buffer);
    return ok;
}

static bool record_files(struct recording *r, struct error *error)
{
    bool signers = r->options->signers != NULL;
    bool ok = !signers || read_signatures(r, error);
    fetched_want(r->jobs, r->count);
    ok = ok && hash_files(r, error) && (!signers || verify_signatures(r, error));
    signatures_free(r->signatures);
    crew_free(r->crew);
    return ok;
}

/* A reference is its own origin, and what it named when it was recorded. */
static void record_origin(const struct lock_options *o, const struct source_list *list,
                          struct model *m)
{
    const struct reference *ref =
        list->remote ? remote_reference(list->remote) : o->origin;
    if (!ref || !ref->registry)
        return;
    struct span revision = span_of_text(ref->revision);
    if (list->remote && remote_answers(list->remote)->revision.len)
        revision = remote_answers(list->remote)->revision;
    m->origin.basis = list->remote ? BASIS_FETCHED : BASIS_STATED;
    m->origin.registry = ref->registry->id;
    m->origin.name = arena_copy(m->arena, span_of_text(ref->name));
    m->origin.revision = arena_copy(m->arena, revision);
    m->origin.evidence =
        arena_copy(m->arena, list->remote ? list->target : span_of_text(o->origin_text));
}

static bool all_listed(const struct source_list *list, struct error *error)
{
    const struct rest_result *answers =
        list->remote ? remote_answers(list->remote) : NULL;
    return !answers || answers->listed ||
           error_set(error, ERROR_NETWORK, "%.200s: not all files are told: %.200s",
                     (const char *)list->target.ptr,
                     answers->why_unlisted ? answers->why_unlisted : "");
}

static bool record_target(const struct lock_options *o, const char *target,
                          struct result *result, struct error *error)
{
    struct source_list list;
    struct recording r = { .options = o, .list = &list };
    if (!source_open(target, &o->source, &list, error))
        return false;
    struct model *m = result_add_model(result, list.target, list.target);
    bool ok = m || error_set(error, ERROR_MEMORY, "out of memory");
    if (m)
        record_origin(o, &list, m);
    ok = ok && (list.count > 0 ||
                error_set(error, ERROR_IO, "%s: there is no file to record", target));
    ok = ok && all_listed(&list, error) &&
         make_jobs(o, &list, m, &r.jobs, &r.count, error) && record_files(&r, error);
    free(r.jobs);
    source_close(&list);
    return ok;
}

struct result *locks_record(const struct lock_options *o, struct error *error)
{
    struct result *r = result_new();
    bool ok = r || error_set(error, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; ok && o->targets[i]; i++)
        ok = record_target(o, o->targets[i], r, error);
    if (ok)
        return r;
    result_free(r);
    return NULL;
}
