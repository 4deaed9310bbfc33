#include "engine/locks.h"

#include "engine/hub_store.h"
#include "engine/promises.h"
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

/* ---- recording -------------------------------------------------------------------- */

static bool hash_all(int fd, struct digester *d, uint64_t *ret_size, uint8_t *buffer)
{
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
        size += (uint64_t)n;
    }
    digester_finish(d);
    *ret_size = size;
    return true;
}

static bool add_record(struct model *m, const struct source_file *source, uint64_t size,
                       const char *sha256)
{
    struct arena *arena = arena_new(FILE_ARENA_MAX);
    struct file *f = arena ? arena_alloc(arena, sizeof *f) : NULL;
    if (f) {
        f->arena = arena;
        f->artifact = artifact_new(arena, source->path, size);
        f->sha256 = arena_copy(arena, span_of_text(sha256));
    }
    if (!f || !f->artifact || !f->sha256.len) {
        arena_free(arena);
        return false;
    }
    model_add_file(m, f);
    return true;
}

static bool record_file(const struct lock_options *o, struct model *m,
                        const struct source_list *list, const struct source_file *source,
                        uint8_t *buffer, struct error *error)
{
    const struct job job = { .list = list, .source = source };
    char hex[DIGEST_HEX_MAX + 1];
    struct error why;
    uint64_t size;
    if (source->problem.len)
        return error_set(error, ERROR_IO, "%s: %s", (const char *)source->path.ptr,
                         (const char *)source->problem.ptr);
    if (is_itself(o->output, &job))
        return true;
    int fd = source_file_open(list, source, &why);
    if (fd < 0)
        return error_set(error, ERROR_IO, "%s: %.300s", (const char *)source->path.ptr,
                         why.message);
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), 0);
    bool ok = d != NULL;
    if (ok && !hash_all(fd, d, &size, buffer))
        ok = error_errno(error, ERROR_IO, "%s", (const char *)source->path.ptr);
    else if (!ok || !digester_hex(d, DIGEST_SHA256, hex) ||
             !add_record(m, source, size, hex))
        ok = error_set(error, ERROR_MEMORY, "out of memory");
    digester_free(d);
    (void)close(fd);
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
        list->remote ? list->target : arena_copy(m->arena, span_of_text(o->origin_text));
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
    if (!source_open(target, &o->source, &list, error))
        return false;
    struct hub_links *links = hub_links_new(&list);
    struct model *m = links ? result_add_model(r, list.target, list.target) : NULL;
    bool ok = m || error_set(error, ERROR_MEMORY, "out of memory");
    if (m)
        record_origin(o, &list, m);
    ok = ok && all_listed(&list, error);
    for (const struct source_file *f = list.files; ok && f; f = f->next)
        if (!hub_links_cover(links, f)) {
            ok = record_file(o, m, &list, f, buffer, error);
            source_file_release(&list, f);
        }
    hub_links_free(links);
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
