#include "engine/jobs.h"

#include "engine/fetched.h"
#include "engine/job_hashing.h"
#include "engine/promises.h"
#include "engine/signatures/signatures.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { FILE_ARENA_MAX = 256 << 20, XATTR_MAX = 64 << 10 };

/* What all threads share. */
struct labour {
    const struct scan_options *options;
    struct job *jobs;
    struct signatures *signatures;
    pthread_mutex_t lock; /* of the progress */
    struct scan_progress progress;
};

/* The hashing of one file, while a worker inspects it. */
struct beside {
    struct job_hashing hashing;
    struct labour *labour;
};

static void report_bytes(struct labour *labour, uint64_t bytes, uint64_t files)
{
    const struct scan_options *o = labour->options;
    pthread_mutex_lock(&labour->lock);
    labour->progress.bytes_done += bytes;
    labour->progress.files_done += files;
    if (o->progress)
        o->progress(o->progress_self, &labour->progress);
    pthread_mutex_unlock(&labour->lock);
}

static bool hash_some(void *self)
{
    struct beside *b = self;
    size_t n = job_hashing_step(&b->hashing);
    if (n > 0)
        report_bytes(b->labour, n, 0);
    return !b->hashing.done;
}

unsigned job_digests(const struct job *job)
{
    unsigned wanted = DIGEST_BIT(DIGEST_SHA256) | job->also; /* all others cost time */
    for (const struct promise *p = job->promises; p; p = p->next)
        if (p->digits.len)
            wanted |= DIGEST_BIT(p->algorithm) |
                      (p->line_ends ? DIGEST_BIT(promise_of_text(p)) : 0U);
    return wanted;
}

/* Where a browser or downloader says it got the file from.
 * Source: freedesktop.org, "Common Extended Attributes". */
static void keep_url(struct job *job, int fd, const struct crew_hand *h)
{
    ssize_t n = fgetxattr(fd, "user.xdg.origin.url", h->buffer, XATTR_MAX);
    if (n > 0)
        job->url = arena_copy(job->file->arena, span_of(h->buffer, (size_t)n));
}

/* Hash and inspect what `fd` holds.  False only when the worker is lost. */
static bool work_on(struct labour *labour, struct crew_hand *hand, struct job *job,
                    int fd, const struct stat *before, struct error *error)
{
    struct artifact *a = job->file->artifact;
    struct beside b = { .labour = labour };
    struct job_hashing *h = &b.hashing;
    if (!job_hashing_begin(job, fd, before, hand->buffer, h)) {
        artifact_lower(a, STATUS_FAILED, "out of memory");
        return true;
    }
    if (h->done)
        report_bytes(labour, (uint64_t)before->st_size, 0);
    if (!worker_inspect(hand->worker, fd, a, h->done ? NULL : hash_some, &b, error)) {
        job_hashing_drop(h);
        return false;
    }
    while (!h->done) /* the child was faster */
        (void)hash_some(&b);
    if (!job_hashing_end(h))
        artifact_lower(a, STATUS_FAILED, "cannot be read: %s", strerror(errno));
    if (job->changed) {
        finding_add(&a->findings, a->arena, &rules[RULE_INTEGRITY_CHANGED], 0,
                    span_of_text("size, times or inode differ from those at the start"),
                    (struct span){ 0 });
        artifact_lower(a, STATUS_INCOMPLETE, "it changed while it was scanned");
    }
    return true;
}

static struct file *new_file(const struct source_file *source)
{
    struct arena *arena = arena_new(FILE_ARENA_MAX);
    struct file *f = arena ? arena_alloc(arena, sizeof *f) : NULL;
    if (f) {
        f->arena = arena;
        f->artifact = artifact_new(arena, source->path, source->size);
    }
    if (!f || !f->artifact) {
        arena_free(arena);
        return NULL;
    }
    return f;
}

/* One file from open to digest.  A worker that is lost is replaced once; the file that
 * took two of them down is reported as such. */
static bool do_job(void *self, size_t item, struct crew_hand *h, struct error *error)
{
    struct labour *labour = self;
    struct job *job = &labour->jobs[item];
    struct stat st;
    struct error problem;
    job->file = new_file(job->source);
    if (!job->file)
        return error_set(error, ERROR_MEMORY, "out of memory");
    struct artifact *a = job->file->artifact;
    if (job->source->problem.len) {
        artifact_lower(a, STATUS_FAILED, "%s", (const char *)job->source->problem.ptr);
        report_bytes(labour, 0, 1);
        return true;
    }
    int fd = source_file_open(job->list, job->source, &problem);
    bool ok = true;
    if (job->list->remote)
        fetched_check(job);
    if (fd < 0) {
        artifact_lower(a, STATUS_FAILED, "%s", problem.message);
    } else if (fstat(fd, &st) != 0) {
        artifact_lower(a, STATUS_FAILED, "%s", strerror(errno));
    } else {
        a->size = (uint64_t)st.st_size;
        keep_url(job, fd, h);
        if (!work_on(labour, h, job, fd, &st, &problem)) {
            artifact_lower(a, STATUS_INCOMPLETE, "the worker was lost: %s",
                           problem.message);
            ok = crew_hand_replace(h, error);
        }
        ok = ok && signatures_meet(labour->signatures, job, fd, h, error);
    }
    if (fd >= 0)
        close(fd);
    if (job->list->remote)
        fetched_let_go(job, labour->options->keep);
    report_bytes(labour, 0, 1);
    return ok;
}

bool jobs_run(struct crew *crew, const struct scan_options *o, struct job *jobs,
              size_t count, struct signatures *signatures, struct error *error)
{
    struct labour labour = { .options = o, .jobs = jobs, .signatures = signatures };
    labour.progress.files_total = count;
    for (size_t i = 0; i < count; i++)
        labour.progress.bytes_total += jobs[i].source->size;
    pthread_mutex_init(&labour.lock, NULL);
    bool ok = crew_run(crew, count, do_job, &labour, error);
    pthread_mutex_destroy(&labour.lock);
    return ok;
}
