/* Files are loaded ahead of whoever opens them, so that the net and the processors work
 * at the same time; not too far ahead, so that the disk holds a few files and not a model
 * of a terabyte. */
#include "sources/remote_private.h"

#include <string.h>
#include <unistd.h>

enum { AHEAD_FILES = 128 };
#define AHEAD_BYTES (UINT64_C(8) << 30)

/* ---- what is loaded next ----------------------------------------------------------- */

static bool may_load_ahead(const struct remote *r)
{
    return r->unclaimed < AHEAD_FILES && r->unclaimed_bytes < AHEAD_BYTES;
}

/* The lock is held.  NULL: none now; *ret_none: and none later. */
static struct remote_file *pick(struct remote *r, bool *ret_none)
{
    while (r->next < r->count && r->files[r->next].state != FILE_WAITING)
        r->next++;
    *ret_none = r->next == r->count;
    for (size_t i = r->next; i < r->count && r->urgent > 0; i++)
        if (r->files[i].state == FILE_WAITING && r->files[i].urgent) {
            r->urgent--;
            return &r->files[i];
        }
    return !*ret_none && may_load_ahead(r) ? &r->files[r->next] : NULL;
}

static uint64_t expected_size(const struct remote_file *f)
{
    return f->file->size_known ? f->file->size : 0;
}

static void set_digests(struct download *d, const struct rest_file *file)
{
    for (const struct rest_hash *h = file->hashes; h; h = h->next) {
        enum digest_algorithm a;
        if (d->expected_count < DOWNLOAD_DIGESTS_MAX && remote_digest(h, &a))
            d->expected[d->expected_count++] = (struct download_digest){ a, h->value };
    }
}

/* What a file's request is made of.  The lock is held. */
static bool make_job(struct remote *r, struct remote_file *f, struct download *ret,
                     struct error *error)
{
    struct download job = {
        .url = f->file->url,
        .identity = f->identity,
        .headers = f->headers,
        .auth = f->auth,
        .private_ok = f->private_ok,
        .plain_ok = f->plain_ok,
        .size = f->file->size_known ? f->file->size : DOWNLOAD_SIZE_UNKNOWN,
        .limit = r->options->file_max,
        .also = f->also,
        .also_named = files_header_algorithms,
        .owner = f,
    };
    set_digests(&job, f->file);
    if (f->driver && f->driver->sign && !r->options->offline &&
        !f->driver->sign(f->call, f->file, &job, error))
        return false;
    *ret = job;
    return true;
}

void pool_fail(struct remote_file *f, const char *why)
{
    *f->result = (struct download_result){ .fd = -1, .state = DOWNLOAD_FAILED };
    (void)error_set(&f->result->error, ERROR_NETWORK, "%s", why);
}

static void settle(struct remote *r, struct remote_file *f,
                   const struct download_result *result)
{
    *f->result = *result;
    f->state = FILE_LOADED;
    pthread_cond_broadcast(&r->loaded);
}

static bool pool_next(void *self, struct download *ret)
{
    struct remote *r = self;
    bool found = false, none = false;
    pthread_mutex_lock(&r->lock);
    while (!found && !none && !atomic_load(&r->stop)) {
        struct error why;
        struct remote_file *f = pick(r, &none);
        if (!f && !none) {
            pthread_cond_wait(&r->room, &r->lock);
        } else if (f) {
            f->state = FILE_LOADING;
            r->unclaimed++;
            r->unclaimed_bytes += expected_size(f);
            found = make_job(r, f, ret, &why);
            if (!found)
                settle(r, f,
                       &(struct download_result){
                           .state = DOWNLOAD_FAILED, .fd = -1, .error = why });
        }
    }
    pthread_mutex_unlock(&r->lock);
    return found;
}

static bool pool_done(void *self, const struct download *job,
                      struct download_result *result)
{
    struct remote *r = self;
    struct remote_file *f = job->owner;
    pthread_mutex_lock(&r->lock);
    settle(r, f, result);
    pthread_mutex_unlock(&r->lock);
    return !atomic_load(&r->stop);
}

/* ---- the loader -------------------------------------------------------------------- */

/* What nobody will load any more must not be waited for. */
static void give_up(struct remote *r, const struct error *why)
{
    struct error error = *why;
    pthread_mutex_lock(&r->lock);
    if (error.code == ERROR_NONE)
        (void)error_set(&error, ERROR_NETWORK, "the download was stopped");
    for (size_t i = 0; i < r->count; i++)
        if (r->files[i].state == FILE_WAITING || r->files[i].state == FILE_LOADING)
            settle(r, &r->files[i],
                   &(struct download_result){
                       .state = DOWNLOAD_FAILED, .fd = -1, .error = error });
    pthread_mutex_unlock(&r->lock);
}

static void *load(void *self)
{
    struct remote *r = self;
    const struct remote_options *o = r->options;
    const struct downloader d = { .http = &r->http_options,
                                  .cache = r->cache,
                                  .offline = o->offline,
                                  .nameless = !o->cache_stays,
                                  .threads = o->threads,
                                  .progress = o->progress,
                                  .progress_self = o->progress_self };
    const struct download_run run = { pool_next, pool_done, r };
    struct error error = { 0 };
    (void)download_all(&d, &run, &error);
    give_up(r, &error);
    return NULL;
}

/* At the first file that is asked for; the lock is held. */
static void start(struct remote *r)
{
    if (r->started)
        return;
    r->started = true;
    r->loading = pthread_create(&r->loader, NULL, load, r) == 0;
}

void pool_stop(struct remote *r)
{
    pthread_mutex_lock(&r->lock);
    atomic_store(&r->stop, true);
    pthread_cond_broadcast(&r->room);
    pthread_mutex_unlock(&r->lock);
    if (r->loading)
        pthread_join(r->loader, NULL);
    r->loading = false;
    for (size_t i = 0; i < r->count; i++)
        if (r->files[i].state == FILE_LOADED)
            remote_release(r, i);
}

/* ---- the other side ---------------------------------------------------------------- */

/* The bound holds for whatever a reference leads to. */
static void refuse_large(const struct remote *r, struct remote_file *f)
{
    uint64_t most = r->options->file_max;
    struct stat st;
    if (most == 0 || f->result->fd < 0 ||
        (fstat(f->result->fd, &st) == 0 && (uint64_t)st.st_size <= most))
        return;
    download_result_free(f->result);
    f->result->state = DOWNLOAD_LARGE;
    (void)error_set(&f->result->error, ERROR_NETWORK,
                    "it is larger than %llu bytes, which is the most that may be loaded",
                    (unsigned long long)most);
}

/* A file that only its driver can produce. */
static void open_elsewhere(struct remote *r, struct remote_file *f)
{
    pthread_mutex_lock(&r->opening);
    if (f->result->fd < 0 && f->driver && f->driver->open && !f->file->storage) {
        f->result->fd = f->driver->open(f->call, f->file, &f->result->error);
        f->result->state = f->result->fd >= 0 ? DOWNLOAD_DONE : DOWNLOAD_FAILED;
        refuse_large(r, f);
    }
    pthread_mutex_unlock(&r->opening);
}

void remote_want(struct remote *r, size_t i, unsigned algorithms)
{
    pthread_mutex_lock(&r->lock);
    r->files[i].also |= algorithms;
    pthread_mutex_unlock(&r->lock);
}

const struct download_result *remote_load(struct remote *r, size_t i)
{
    struct remote_file *f = &r->files[i];
    if (f->state == FILE_ELSEWHERE) { /* for good */
        open_elsewhere(r, f);
        return f->result;
    }
    pthread_mutex_lock(&r->lock);
    if (!f->urgent && f->state == FILE_WAITING) {
        r->urgent++;
        pthread_cond_broadcast(&r->room);
    }
    f->urgent = true;
    start(r);
    while (r->loading && (f->state == FILE_WAITING || f->state == FILE_LOADING))
        pthread_cond_wait(&r->loaded, &r->lock);
    if (f->state == FILE_WAITING) { /* there is no thread that could load it */
        pool_fail(f, "it was not loaded");
        f->state = FILE_RELEASED;
    }
    pthread_mutex_unlock(&r->lock);
    return f->result;
}

void remote_release(struct remote *r, size_t i)
{
    struct remote_file *f = &r->files[i];
    pthread_mutex_lock(&r->lock);
    enum remote_file_state was = f->state;
    if (was == FILE_WAITING)
        pool_fail(f, "it was released");
    if (was == FILE_WAITING || was == FILE_LOADED)
        f->state = FILE_RELEASED;
    if (was == FILE_LOADED) {
        r->unclaimed--;
        r->unclaimed_bytes -= expected_size(f);
    }
    if (was == FILE_WAITING && f->urgent)
        r->urgent--;
    if (r->unclaimed <= AHEAD_FILES / 2) /* in batches: a thread for each file that goes
                                            would spend its time on waking up */
        pthread_cond_broadcast(&r->room);
    pthread_mutex_unlock(&r->lock);
    if (was != FILE_LOADED && was != FILE_ELSEWHERE)
        return;
    download_result_free(f->result);
    pool_fail(f, "it was released");
}
