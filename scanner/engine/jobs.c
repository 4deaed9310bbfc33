#include "engine/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_ARENA_MAX = 256 << 20,
    HASH_CHUNK = 1 << 20, /* bytes hashed between two looks at the worker's records */
};

/* What all threads share: a counter hands out jobs, a mutex guards the rest. */
struct crew {
    const struct scan_options *options;
    struct job *jobs;
    size_t count;
    atomic_size_t next;
    pthread_mutex_t lock;
    struct scan_progress progress;
    struct error error; /* the first one that stopped a thread */
    bool failed;
    char sandbox[64];
};

/* The hashing of one open file, in pieces. */
struct hashing {
    int fd;
    uint64_t offset;
    struct digester *digester;
    uint8_t *buffer;
    bool done;
    int error; /* errno of a failed read */
    struct crew *crew;
};

static void report_bytes(struct crew *crew, uint64_t bytes, uint64_t files)
{
    const struct scan_options *o = crew->options;
    pthread_mutex_lock(&crew->lock);
    crew->progress.bytes_done += bytes;
    crew->progress.files_done += files;
    if (o->progress)
        o->progress(o->progress_self, &crew->progress);
    pthread_mutex_unlock(&crew->lock);
}

static bool hash_some(void *self)
{
    struct hashing *h = self;
    ssize_t n = pread(h->fd, h->buffer, HASH_CHUNK, (off_t)h->offset);
    if (n < 0 && errno == EINTR)
        return true;
    if (n < 0)
        h->error = errno;
    if (n <= 0) {
        h->done = true;
        return false;
    }
    digester_add(h->digester, span_of(h->buffer, (size_t)n));
    h->offset += (uint64_t)n;
    report_bytes(h->crew, (uint64_t)n, 0);
    return true;
}

static bool unchanged(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_ino == b->st_ino &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void keep_digests(struct job *job, struct hashing *h)
{
    char hex[DIGEST_HEX_MAX + 1];
    digester_finish(h->digester);
    for (int a = 0; a < DIGEST_COUNT; a++)
        if (digester_hex(h->digester, (enum digest_algorithm)a, hex))
            job->digests[a] = arena_copy(job->file->arena, span_of_text(hex));
    job->file->sha256 = job->digests[DIGEST_SHA256];
}

/* Hash and inspect what `fd` holds.  False only when the worker is lost. */
static bool work_on(struct crew *crew, struct worker *w, struct job *job, int fd,
                    const struct stat *before, uint8_t *buffer, struct error *error)
{
    struct artifact *a = job->file->artifact;
    struct hashing h = { .fd = fd, .buffer = buffer, .crew = crew };
    struct stat after;
    /* A git blob id is asked for only where a link promises one: sha1 costs time. */
    unsigned wanted = DIGEST_BIT(DIGEST_SHA256) |
                      (job->source->link.len ? DIGEST_BIT(DIGEST_GIT_SHA1) : 0);
    h.digester = digester_new(wanted, (uint64_t)before->st_size);
    if (!h.digester) {
        artifact_lower(a, STATUS_FAILED, "out of memory");
        return true;
    }
    bool alive = worker_inspect(w, fd, a, hash_some, &h, error);
    while (alive && !h.done) /* the child was faster */
        (void)hash_some(&h);
    if (alive && h.error)
        artifact_lower(a, STATUS_FAILED, "cannot be read: %s", strerror(h.error));
    else if (alive)
        keep_digests(job, &h);
    if (alive && (fstat(fd, &after) != 0 || !unchanged(before, &after))) {
        finding_add(&a->findings, a->arena, &rules[RULE_INTEGRITY_CHANGED], 0,
                    span_of_text("size, times or inode differ from those at the start"),
                    (struct span){ 0 });
        artifact_lower(a, STATUS_INCOMPLETE, "it changed while it was scanned");
    }
    digester_free(h.digester);
    return alive;
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
static bool do_job(struct crew *crew, struct worker **w, struct job *job,
                   uint8_t *buffer, struct error *error)
{
    struct stat st;
    struct error problem;
    job->file = new_file(job->source);
    if (!job->file)
        return error_set(error, ERROR_MEMORY, "out of memory");
    struct artifact *a = job->file->artifact;
    if (job->source->problem.len) {
        artifact_lower(a, STATUS_FAILED, "%s", (const char *)job->source->problem.ptr);
        return true;
    }
    int fd = source_file_open(job->list, job->source, &problem);
    if (fd < 0) {
        artifact_lower(a, STATUS_FAILED, "%s", problem.message);
        return true;
    }
    if (fstat(fd, &st) != 0) {
        artifact_lower(a, STATUS_FAILED, "%s", strerror(errno));
        close(fd);
        return true;
    }
    a->size = (uint64_t)st.st_size;
    bool ok = work_on(crew, *w, job, fd, &st, buffer, &problem);
    if (!ok) {
        artifact_lower(a, STATUS_INCOMPLETE, "the worker was lost: %s", problem.message);
        worker_stop(*w);
        *w = worker_start(&crew->options->worker, error);
        ok = *w != NULL;
    }
    close(fd);
    return ok;
}

static void *thread_main(void *self)
{
    struct crew *crew = self;
    struct error error = { 0 };
    uint8_t *buffer = malloc(HASH_CHUNK);
    struct worker *w = buffer ? worker_start(&crew->options->worker, &error) : NULL;
    bool ok = w != NULL;
    if (!buffer)
        error_set(&error, ERROR_MEMORY, "out of memory");
    if (ok) {
        pthread_mutex_lock(&crew->lock);
        (void)snprintf(crew->sandbox, sizeof crew->sandbox, "%s", worker_sandbox(w));
        pthread_mutex_unlock(&crew->lock);
    }
    while (ok) {
        size_t i = atomic_fetch_add(&crew->next, 1);
        if (i >= crew->count)
            break;
        ok = do_job(crew, &w, &crew->jobs[i], buffer, &error);
        report_bytes(crew, 0, 1);
    }
    worker_stop(w);
    free(buffer);
    if (!ok) {
        pthread_mutex_lock(&crew->lock);
        if (!crew->failed)
            crew->error = error;
        crew->failed = true;
        pthread_mutex_unlock(&crew->lock);
        atomic_store(&crew->next, crew->count); /* the others stop too */
    }
    return NULL;
}

bool jobs_run(const struct scan_options *o, struct job *jobs, size_t count,
              char ret_sandbox[64], struct error *error)
{
    enum { THREADS_MAX = 256 };
    struct crew crew = { .options = o, .jobs = jobs, .count = count };
    pthread_t threads[THREADS_MAX];
    unsigned wanted = o->jobs < count ? o->jobs : (unsigned)count, started = 0;
    if (wanted > THREADS_MAX)
        wanted = THREADS_MAX;
    crew.progress.files_total = count;
    for (size_t i = 0; i < count; i++)
        crew.progress.bytes_total += jobs[i].source->size;
    pthread_mutex_init(&crew.lock, NULL);
    while (started + 1 < wanted &&
           pthread_create(&threads[started], NULL, thread_main, &crew) == 0)
        started++;
    if (count)
        thread_main(&crew); /* this thread works too */
    while (started)
        pthread_join(threads[--started], NULL);
    pthread_mutex_destroy(&crew.lock);
    memcpy(ret_sandbox, crew.sandbox, sizeof crew.sandbox);
    if (crew.failed)
        *error = crew.error;
    return !crew.failed;
}
