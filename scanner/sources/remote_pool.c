/* Files are loaded ahead of whoever opens them, so that the net and the processors work
 * at the same time; not too far ahead, so that the disk holds a few files and not a model
 * of a terabyte. */
#include "sources/remote_private.h"

#include <string.h>
#include <unistd.h>

enum { AHEAD_FILES = 64 };
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
    for (size_t i = r->next; i < r->count; i++)
        if (r->files[i].state == FILE_WAITING && r->files[i].urgent)
            return &r->files[i];
    return !*ret_none && may_load_ahead(r) ? &r->files[r->next] : NULL;
}

static uint64_t expected_size(const struct remote_file *f)
{
    return f->file->size_known ? f->file->size : 0;
}

static void set_digests(struct download *d, const struct rest_file *file)
{
    for (const struct rest_hash *h = file->hashes; h; h = h->next)
        for (int a = 0; a < DIGEST_COUNT && d->expected_count < DOWNLOAD_DIGESTS_MAX; a++)
            if (strcmp(digest_name((enum digest_algorithm)a), h->algorithm) == 0)
                d->expected[d->expected_count++] =
                    (struct download_digest){ (enum digest_algorithm)a, h->value };
}

static bool pool_next(void *self, struct download *ret)
{
    struct remote *r = self;
    struct remote_file *f = NULL;
    bool none = false;
    pthread_mutex_lock(&r->lock);
    while (!atomic_load(&r->stop) && !(f = pick(r, &none)) && !none)
        pthread_cond_wait(&r->changed, &r->lock);
    if (atomic_load(&r->stop))
        f = NULL;
    if (f) {
        f->state = FILE_LOADING;
        r->unclaimed++;
        r->unclaimed_bytes += expected_size(f);
    }
    pthread_mutex_unlock(&r->lock);
    if (!f)
        return false;
    *ret = (struct download){
        .url = f->file->url,
        .identity = f->identity,
        .headers = f->headers,
        .auth = f->auth,
        .private_ok = f->private_ok,
        .plain_ok = f->plain_ok,
        .size = f->file->size_known ? f->file->size : DOWNLOAD_SIZE_UNKNOWN,
        .limit = r->options->file_max,
        .owner = f,
    };
    set_digests(ret, f->file);
    return true;
}

static bool pool_done(void *self, const struct download *job,
                      struct download_result *result)
{
    struct remote *r = self;
    struct remote_file *f = job->owner;
    pthread_mutex_lock(&r->lock);
    f->result = *result;
    f->state = FILE_LOADED;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return !atomic_load(&r->stop);
}

/* ---- the loader -------------------------------------------------------------------- */

/* What nobody will load any more must not be waited for. */
static void give_up(struct remote *r, const struct error *why)
{
    static const struct error stopped = { ERROR_NETWORK, "the download was stopped" };
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        struct remote_file *f = &r->files[i];
        if (f->state != FILE_WAITING && f->state != FILE_LOADING)
            continue;
        f->state = FILE_LOADED;
        f->result = (struct download_result){ .state = DOWNLOAD_FAILED,
                                              .fd = -1,
                                              .error = why->code ? *why : stopped };
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void *load(void *self)
{
    struct remote *r = self;
    const struct remote_options *o = r->options;
    const struct downloader d = { .http = &r->http_options,
                                  .cache = r->cache,
                                  .offline = o->offline,
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
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (r->loading)
        pthread_join(r->loader, NULL);
    r->loading = false;
    for (size_t i = 0; i < r->count; i++)
        if (r->files[i].state == FILE_LOADED)
            remote_release(r, i);
}

/* ---- the other side ---------------------------------------------------------------- */

const struct download_result *remote_load(struct remote *r, size_t i)
{
    struct remote_file *f = &r->files[i];
    pthread_mutex_lock(&r->lock);
    f->urgent = true;
    start(r);
    pthread_cond_broadcast(&r->changed);
    while (r->loading && (f->state == FILE_WAITING || f->state == FILE_LOADING))
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
    return &f->result;
}

void remote_release(struct remote *r, size_t i)
{
    struct remote_file *f = &r->files[i];
    pthread_mutex_lock(&r->lock);
    enum remote_file_state was = f->state;
    if (was == FILE_WAITING)
        f->state = FILE_RELEASED;
    pthread_mutex_unlock(&r->lock);
    if (was != FILE_LOADED)
        return;
    /* what was in the cache before this run is somebody's */
    if (!r->options->keep && f->result.state == DOWNLOAD_DONE && f->result.fetched > 0)
        cache_remove(r->cache, f->result.sha256);
    download_result_free(&f->result);
    pthread_mutex_lock(&r->lock);
    f->result = (struct download_result){ .fd = -1 };
    f->state = FILE_RELEASED;
    if (r->unclaimed > 0)
        r->unclaimed--;
    r->unclaimed_bytes -= expected_size(f) < r->unclaimed_bytes ? expected_size(f)
                                                                : r->unclaimed_bytes;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}
