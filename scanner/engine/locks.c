#include "engine/locks.h"

#include "engine/hub_store.h"
#include "engine/promises.h"
#include "engine/signatures.h"
#include "engine/units.h"
#include "integrity/lockfile.h"
#include "sources/remote.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_ARENA_MAX = 1 << 20, CHUNK = 1 << 20, MISSING_LISTED = 1000 };

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
    for (size_t i = 0; t && first && i < t->signer_count; i++)
        if (!signed_by(r, list->target, &t->signers[i]))
            add_model_finding(first, RULE_INTEGRITY_LOCK_SIGNER,
                              arena_printf(first->arena,
                                           "%s recorded that %s signed it; now: %.*s",
                                           lockfile_path(lock), t->signers[i].identity,
                                           (int)signed_instead(r, first).len,
                                           signed_instead(r, first).ptr),
                              span_of_text(t->signers[i].identity));
}

/* ---- recording -------------------------------------------------------------------- */

/* Everything into the digests that the job wants, and its signed ranges. */
static bool hash_all(int fd, struct job *job, struct digester *d, uint64_t *ret_size,
                     uint8_t *buffer)
{
    char hex[DIGEST_HEX_MAX + 1];
    uint64_t size = 0;
    for (;;) {
        ssize_t n = read(fd, buffer, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        digester_add(d, span_of(buffer, (size_t)n));
        shards_add(job->shards, span_of(buffer, (size_t)n));
        size += (uint64_t)n;
    }
    digester_finish(d);
    shards_end(job->shards);
    for (int a = 0; a < DIGEST_COUNT; a++)
        if (digester_hex(d, (enum digest_algorithm)a, hex))
            job->digests[a] = arena_copy(job->file->arena, span_of_text(hex));
    *ret_size = size;
    return true;
}

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

static bool record_file(struct job *job, uint8_t *buffer, struct error *error)
{
    const char *path = (const char *)job->source->path.ptr;
    struct error why;
    struct file *f = job->file;
    int fd = source_file_open(job->list, job->source, &why);
    if (fd < 0)
        return error_set(error, ERROR_IO, "%s: %.300s", path, why.message);
    struct digester *d = digester_new(job_digests(job), job->source->size);
    bool ok = d || error_set(error, ERROR_MEMORY, "out of memory");
    if (ok && !hash_all(fd, job, d, &f->artifact->size, buffer))
        ok = error_errno(error, ERROR_IO, "%s", path);
    f->sha256 = job->digests[DIGEST_SHA256];
    if (ok && !f->sha256.len)
        ok = error_set(error, ERROR_MEMORY, "out of memory");
    digester_free(d);
    (void)close(fd);
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

/* With signers: who of them signed what is there. */
static bool record_signers(const struct lock_options *o, const struct source_list *list,
                           struct job *jobs, size_t count, uint8_t *buffer,
                           struct error *error)
{
    const struct scan_options scan = { .signers = o->signers, .worker = o->worker };
    struct crew *crew = o->signers ? crew_new(&o->worker, 1) : NULL;
    struct signatures *s = NULL;
    bool ok = !o->signers || crew || error_set(error, ERROR_MEMORY, "out of memory");
    if (ok && o->signers)
        ok = crew_start(crew, error) &&
             (s = signatures_read(&scan, list, 1, crew, error)) != NULL &&
             signatures_promise(s, jobs, count, error);
    for (size_t i = 0; ok && i < count; i++) {
        ok = record_file(&jobs[i], buffer, error);
        source_file_release(list, jobs[i].source);
    }
    for (size_t i = 0; ok && i < count; i++)
        promises_check(&jobs[i]);
    if (ok && s && !signatures_attach(s))
        ok = error_set(error, ERROR_MEMORY, "out of memory");
    signatures_free(s);
    crew_free(crew);
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
                          struct result *r, uint8_t *buffer, struct error *error)
{
    struct source_list list;
    struct job *jobs = NULL;
    size_t count = 0;
    if (!source_open(target, &o->source, &list, error))
        return false;
    struct model *m = result_add_model(r, list.target, list.target);
    bool ok = m || error_set(error, ERROR_MEMORY, "out of memory");
    if (m)
        record_origin(o, &list, m);
    ok = ok && all_listed(&list, error) && make_jobs(o, &list, m, &jobs, &count, error) &&
         record_signers(o, &list, jobs, count, buffer, error);
    free(jobs);
    source_close(&list);
    return ok;
}

struct result *locks_record(const struct lock_options *o, struct error *error)
{
    struct result *r = result_new();
    uint8_t *buffer = malloc(CHUNK);
    bool ok = (r && buffer) || error_set(error, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; ok && o->targets[i]; i++)
        ok = record_target(o, o->targets[i], r, buffer, error);
    free(buffer);
    if (ok)
        return r;
    result_free(r);
    return NULL;
}
