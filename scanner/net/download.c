#include "net/download.h"

#include "net/follow.h"
#include "net/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    THREADS = 8,
    IN_MEMORY = 1 << 20, /* what is smaller is kept until it is whole: no part on disk */
    FOLLOW_FROM = 8 << 20, /* smaller files are hashed by the thread that loads them */
    PROGRESS = 1 << 20,    /* so many new bytes, and attempts count anew */
    BUSY_MS = 200
};

/* One file on its way. */
struct work {
    const struct downloader *d;
    const struct download *job;
    struct download_result *result;
    struct partial partial;
    struct follow *follow;
    bool in_memory; /* no part is open, and all so far is in: */
    struct buffer memory;
    char validator[CACHE_VALIDATOR_MAX + 1];
    bool busy;        /* the part is another's: wait for it */
    uint64_t offset;  /* this request asked for what comes after it; 0: for all */
    bool unsatisfied; /* the answer is no continuation: ask for all */
    bool too_much;    /* more than was promised or is allowed */
    bool broken;      /* the disk; result->error has it */
};

static const char *identity_of(const struct download *job)
{
    return job->identity ? job->identity : job->url;
}

static void tell(const struct downloader *d, uint64_t bytes, unsigned files)
{
    if (d->progress)
        d->progress(d->progress_self, &(struct download_counts){ files, bytes });
}

static bool stopped(const struct downloader *d)
{
    return d->http->stop && atomic_load(d->http->stop);
}

void download_result_free(struct download_result *r)
{
    if (r->fd >= 0)
        (void)close(r->fd);
    r->fd = -1;
    http_response_free(&r->http);
}

/* --- what was promised --- */

static const char *promised_sha256(const struct download *job)
{
    for (size_t i = 0; i < job->expected_count; i++)
        if (job->expected[i].algorithm == DIGEST_SHA256 &&
            strlen(job->expected[i].hex) == CACHE_HEX)
            return job->expected[i].hex;
    return NULL;
}

static unsigned algorithms_of(const struct download *job)
{
    unsigned bits = DIGEST_BIT(DIGEST_SHA256);
    for (size_t i = 0; i < job->expected_count; i++)
        bits |= DIGEST_BIT(job->expected[i].algorithm);
    return bits;
}

static void differ(struct download_result *r, size_t which, const char *actual)
{
    r->state = DOWNLOAD_MISMATCH;
    r->mismatch = which;
    (void)snprintf(r->actual, sizeof r->actual, "%s", actual);
    (void)error_set(&r->error, ERROR_NETWORK,
                    "the file is not the one that was promised");
}

/* Do size and digests hold?  Fills sha256, and what differs. */
static bool verify(const struct download *job, uint64_t size,
                   const struct digester *digest, struct download_result *r)
{
    char hex[DIGEST_HEX_MAX + 1];
    r->size = size;
    if (!digester_hex(digest, DIGEST_SHA256, hex)) {
        r->state = DOWNLOAD_FAILED;
        return error_set(&r->error, ERROR_MEMORY, "cannot compute a digest");
    }
    memcpy(r->sha256, hex, sizeof r->sha256);
    if (job->size != DOWNLOAD_SIZE_UNKNOWN && size != job->size) {
        differ(r, SIZE_MAX, "");
        return false;
    }
    for (size_t i = 0; i < job->expected_count; i++) {
        size_t digits = strlen(job->expected[i].hex);
        if (!digester_hex(digest, job->expected[i].algorithm, hex))
            hex[0] = '\0';
        if (digits < 8 || strncmp(job->expected[i].hex, hex, digits) != 0) {
            differ(r, i, hex);
            return false;
        }
    }
    return true;
}

/* Hash a whole file; `digester` of the follower, which the caller frees. */
static bool verify_file(const struct download *job, int fd, uint64_t size,
                        struct download_result *r)
{
    struct follow *f = follow_new(fd, algorithms_of(job), size, false);
    const struct digester *digest = NULL;
    if (f)
        digest = follow_finish(f, size, &r->error);
    else
        (void)error_set(&r->error, ERROR_MEMORY, "out of memory");
    if (!digest)
        r->state = DOWNLOAD_FAILED;
    bool ok = digest && verify(job, size, digest, r);
    follow_free(f);
    return ok;
}

/* --- from the cache --- */

/* Take an object if it is what the job wants; a rotten one is removed. */
static bool take_object(struct work *w, const char *sha256)
{
    struct download_result *r = w->result;
    struct stat st;
    int fd = cache_find(w->d->cache, sha256);
    if (fd < 0)
        return false;
    bool ok = fstat(fd, &st) == 0 && (w->job->size == DOWNLOAD_SIZE_UNKNOWN ||
                                      (uint64_t)st.st_size == w->job->size);
    if (ok && !w->d->reader_verifies)
        ok = verify_file(w->job, fd, (uint64_t)st.st_size, r) &&
             strcmp(r->sha256, sha256) == 0;
    if (!ok) {
        (void)close(fd);
        cache_remove(w->d->cache, sha256);
        r->state = DOWNLOAD_FAILED; /* of a rotten object nothing is left */
        return false;
    }
    r->state = DOWNLOAD_DONE;
    r->fd = fd;
    r->size = (uint64_t)st.st_size;
    memcpy(r->sha256, sha256, CACHE_HEX + 1);
    tell(w->d, r->size, 1);
    return true;
}

/* What a digest names is the same for ever; what only an identity names is so when the
 * caller knows a digest of it, or nobody can be asked. */
static bool take_cached(struct work *w)
{
    const char *sha256 = promised_sha256(w->job);
    struct cache_entry known;
    if (sha256)
        return take_object(w, sha256);
    return (w->job->expected_count > 0 || w->d->offline) &&
           cache_recall(w->d->cache, identity_of(w->job), &known) &&
           take_object(w, known.sha256);
}

/* --- over the network --- */

static bool restart(struct work *w, const char *validator)
{
    follow_free(w->follow); /* it reads what is about to go */
    w->follow = NULL;
    w->broken = !partial_restart(&w->partial, validator, &w->result->error);
    return !w->broken;
}

static bool start_follow(struct work *w, uint64_t size)
{
    if (w->follow)
        return true;
    bool large = size == DOWNLOAD_SIZE_UNKNOWN || size >= FOLLOW_FROM;
    w->follow = follow_new(w->partial.fd, algorithms_of(w->job), size, large);
    if (w->follow)
        return true;
    w->broken = true;
    return error_set(&w->result->error, ERROR_MEMORY, "out of memory");
}

/* Content-Length, of a whole answer. */
static uint64_t length_of(const struct http_response *r)
{
    const char *text = fields_get(&r->fields, "Content-Length", 0);
    char *end;
    if (!text || *text < '0' || *text > '9')
        return DOWNLOAD_SIZE_UNKNOWN;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    return *end || errno ? DOWNLOAD_SIZE_UNKNOWN : n;
}

/* Is the answer the rest of what is there? */
static bool continues(const struct work *w, const struct http_response *r,
                      uint64_t *ret_size)
{
    const char *range = fields_get(&r->fields, "Content-Range", 0);
    uint64_t first, last, total;
    if (!range || !field_content_range(range, &first, &last, &total) ||
        first != w->offset || first != w->partial.size)
        return false;
    *ret_size = total;
    return total == UINT64_MAX || last == total - 1;
}

/* The file is too large for memory, or nobody says how large it is. */
static bool leave_memory(struct work *w)
{
    enum partial_outcome o =
        partial_open(w->d->cache, identity_of(w->job), &w->partial, &w->result->error);
    w->in_memory = o != PARTIAL_OPEN;
    w->busy = o == PARTIAL_BUSY;
    w->broken = o == PARTIAL_ERROR;
    return o == PARTIAL_OPEN;
}

/* A whole file begins. */
static bool begin_whole(struct work *w, uint64_t size, const char *validator)
{
    if (!w->in_memory)
        return restart(w, validator);
    if (size > IN_MEMORY)
        return leave_memory(w) && restart(w, validator);
    bool fits = validator && strlen(validator) < sizeof w->validator;
    (void)snprintf(w->validator, sizeof w->validator, "%s", fits ? validator : "");
    buffer_free(&w->memory);
    buffer_init(&w->memory, IN_MEMORY);
    return true;
}

static bool on_begin(void *self, const struct http_response *r)
{
    struct work *w = self;
    uint64_t size = DOWNLOAD_SIZE_UNKNOWN;
    if (r->status == 206 && w->offset > 0) {
        if (!continues(w, r, &size)) {
            w->unsatisfied = true;
            return false;
        }
    } else if (r->status == 200) {
        size = length_of(r);
        if (!begin_whole(w, size, field_validator(&r->fields)))
            return false;
    } else {
        w->unsatisfied = true;
        return false;
    }
    if (w->job->size != DOWNLOAD_SIZE_UNKNOWN)
        size = w->job->size; /* where they differ, git's digest is of the promised one */
    return w->in_memory || start_follow(w, size);
}

static uint64_t size_so_far(const struct work *w)
{
    return w->in_memory ? w->memory.len : w->partial.size;
}

static bool on_bytes(void *self, struct span bytes)
{
    struct work *w = self;
    const struct download *job = w->job;
    uint64_t most = job->limit ? job->limit : UINT64_MAX;
    if (job->size < most)
        most = job->size;
    if (bytes.len > most - size_so_far(w)) {
        w->too_much = true;
        return false;
    }
    if (w->in_memory) {
        buffer_add(&w->memory, bytes);
        w->result->fetched += bytes.len;
        tell(w->d, bytes.len, 0);
        w->broken = w->memory.truncated;
        return !w->broken || error_set(&w->result->error, ERROR_MEMORY, "out of memory");
    }
    if (!partial_write(&w->partial, bytes, &w->result->error)) {
        w->broken = true;
        return false;
    }
    w->result->fetched += bytes.len;
    follow_advance(w->follow, w->partial.size);
    tell(w->d, bytes.len, 0);
    return true;
}

/* Caller's headers, then Range and If-Range when there is something to continue. */
enum { HEADERS_MAX = 32, RANGE_MAX = 48, IF_RANGE_MAX = CACHE_VALIDATOR_MAX + 16 };
struct headers {
    const char *list[HEADERS_MAX + 3];
    char range[RANGE_MAX], if_range[IF_RANGE_MAX];
};

static void set_headers(struct headers *h, struct work *w)
{
    size_t n = 0;
    for (const char *const *line = w->job->headers; line && *line && n < HEADERS_MAX;
         line++)
        h->list[n++] = *line;
    w->offset = !w->in_memory && w->partial.validator[0] ? w->partial.size : 0;
    if (w->offset > 0) {
        (void)snprintf(h->range, sizeof h->range, "Range: bytes=%llu-",
                       (unsigned long long)w->offset);
        (void)snprintf(h->if_range, sizeof h->if_range, "If-Range: %s",
                       w->partial.validator);
        h->list[n++] = h->range;
        h->list[n++] = h->if_range;
    }
    h->list[n] = NULL;
}

static bool ask(struct work *w, struct http *h)
{
    const struct http_sink sink = { on_begin, on_bytes, w };
    struct headers headers;
    set_headers(&headers, w);
    const struct http_request q = { .method = HTTP_GET,
                                    .url = w->job->url,
                                    .headers = headers.list,
                                    .private_ok = w->job->private_ok,
                                    .plain_ok = w->job->plain_ok,
                                    .body_max = UINT64_MAX,
                                    .sink = &sink };
    struct error error;
    http_response_free(&w->result->http);
    w->unsatisfied = w->too_much = w->busy = false;
    bool ok = w->job->auth ? auth_fetch(w->job->auth, h, &q, &w->result->http, &error)
                           : http_fetch(h, &q, &w->result->http, &error);
    if (!ok && !w->broken)
        w->result->error = error;
    return ok;
}

/* Wait before another attempt; false when the run is to stop. */
static bool pause_before(struct work *w, unsigned attempt)
{
    const struct fields none = { 0 };
    const struct clock *clock = w->d->http->clock ? w->d->http->clock : &clock_system;
    uint64_t ms = 0;
    (void)retry_wait(&none, attempt, 0, clock, &ms);
    for (; ms > 0 && !stopped(w->d); ms -= ms < BUSY_MS ? ms : BUSY_MS)
        clock->sleep(clock->self, ms < BUSY_MS ? (unsigned)ms : BUSY_MS);
    return !stopped(w->d);
}

/* The same for what is in memory. */
static void finish_in_memory(struct work *w)
{
    struct download_result *r = w->result;
    struct span bytes = buffer_span(&w->memory);
    struct digester *d = digester_new(algorithms_of(w->job), bytes.len);
    if (!d) {
        (void)error_set(&r->error, ERROR_MEMORY, "out of memory");
        return;
    }
    digester_add(d, bytes);
    digester_finish(d);
    if (verify(w->job, bytes.len, d, r) &&
        cache_store(w->d->cache, identity_of(w->job), r->sha256, bytes, w->validator,
                    &r->fd, &r->error)) {
        r->state = DOWNLOAD_DONE;
        tell(w->d, 0, 1);
    }
    digester_free(d);
}

/* All bytes are there: compare, then keep or throw away. */
static void finish(struct work *w)
{
    struct download_result *r = w->result;
    uint64_t size = w->partial.size;
    if (w->in_memory) {
        finish_in_memory(w);
        return;
    }
    bool ok = start_follow(w, size);
    const struct digester *digest = ok ? follow_finish(w->follow, size, &r->error) : NULL;
    if (!digest)
        return; /* FAILED, and kept */
    if (w->job->size == DOWNLOAD_SIZE_UNKNOWN &&
        (algorithms_of(w->job) & DIGEST_BIT(DIGEST_GIT_SHA1)))
        ok = verify_file(w->job, w->partial.fd, size, r); /* its size was not known */
    else
        ok = verify(w->job, size, digest, r);
    if (!ok) {
        partial_close(&w->partial, r->state != DOWNLOAD_MISMATCH);
    } else if (partial_commit(&w->partial, r->sha256, &r->fd, &r->error)) {
        r->state = DOWNLOAD_DONE;
        tell(w->d, 0, 1);
    }
}

static void refused(struct download_result *r)
{
    size_t hops = r->http.hop_count;
    r->state = DOWNLOAD_STATUS;
    (void)error_set(&r->error, ERROR_NETWORK, "%s: answered with status %u",
                    hops ? r->http.hops[hops - 1].origin : "the server", r->http.status);
}

/* Requests until all is there or nothing helps. */
static void load(struct work *w, struct http *h)
{
    struct download_result *r = w->result;
    unsigned most = w->d->http->attempts ? w->d->http->attempts : HTTP_ATTEMPTS;
    bool whole = !w->in_memory && w->partial.size > 0 && w->partial.size == w->job->size;
    uint64_t mark = 0;
    if (!w->in_memory && w->partial.size > 0)
        tell(w->d, w->partial.size, 0);
    for (unsigned n = 1; !whole; n++) {
        whole = ask(w, h) && (r->http.status == 200 || r->http.status == 206);
        if (whole || w->broken || w->busy)
            break;
        if (w->too_much) {
            r->size = size_so_far(w);
            differ(r, SIZE_MAX, "");
            if (!w->in_memory)
                partial_close(&w->partial, false);
            return;
        }
        if (w->unsatisfied || (r->http.status == 416 && w->offset > 0)) {
            if (w->offset > 0 && restart(w, NULL))
                continue;
            if (!w->broken)
                refused(r); /* a 2xx that brings no file */
            return;
        }
        if (r->http.failure == HTTP_OK) {
            refused(r);
            return;
        }
        if (r->fetched - mark >= PROGRESS) {
            mark = r->fetched;
            n = 1;
        }
        if (r->http.failure != HTTP_CUT || n >= most || !pause_before(w, n))
            return;
    }
    if (whole)
        finish(w);
}

/* The part under its lock.  False: the file came into the cache meanwhile, or nothing can
 * be written; the result says which. */
static bool open_part(struct work *w)
{
    const struct clock *clock = w->d->http->clock ? w->d->http->clock : &clock_system;
    for (;;) {
        enum partial_outcome o = partial_open(w->d->cache, identity_of(w->job),
                                              &w->partial, &w->result->error);
        if (o == PARTIAL_ERROR)
            return false;
        bool there = take_cached(w); /* loaded while we waited, or by another name */
        if (there && o == PARTIAL_OPEN)
            partial_close(&w->partial, false);
        if (there || o == PARTIAL_OPEN)
            return !there;
        if (stopped(w->d))
            return error_set(&w->result->error, ERROR_NETWORK, "stopped");
        clock->sleep(clock->self, BUSY_MS);
    }
}

static void reset(struct download_result *r)
{
    http_response_free(&r->http);
    *r = (struct download_result){ .state = DOWNLOAD_FAILED, .fd = -1 };
}

void download_file(const struct downloader *d, struct http *h, const struct download *job,
                   struct download_result *ret_result)
{
    struct work w = { .d = d, .job = job, .result = ret_result };
    ret_result->http = (struct http_response){ 0 };
    reset(ret_result);
    if (take_cached(&w))
        return;
    if (d->offline) {
        ret_result->state = DOWNLOAD_OFFLINE;
        (void)error_set(&ret_result->error, ERROR_NETWORK,
                        "is not in the cache, and the network is not to be used");
        return;
    }
    bool large = job->size != DOWNLOAD_SIZE_UNKNOWN && job->size > IN_MEMORY;
    w.in_memory = !large && !partial_exists(d->cache, identity_of(job));
    for (bool again = true; again;) {
        if (!w.in_memory && !open_part(&w))
            return;
        uint64_t before = w.in_memory ? 0 : w.partial.size;
        load(&w, h);
        follow_free(w.follow);
        w.follow = NULL;
        buffer_free(&w.memory);
        if (!w.in_memory)
            partial_close(&w.partial, true);
        w.in_memory = false;
        /* bytes of an earlier run, which may have ended badly, get one other chance */
        again = w.busy || (ret_result->state == DOWNLOAD_MISMATCH && before > 0);
        if (again)
            reset(ret_result);
    }
}

/* --- many --- */

struct team {
    const struct downloader *d;
    const struct download_run *run;
    pthread_mutex_t lock; /* next(), and: */
    bool over;
    bool failed;
    struct error error;
};

static void give_up(struct team *t, const struct error *error)
{
    (void)pthread_mutex_lock(&t->lock);
    if (error && !t->failed) {
        t->failed = true;
        t->error = *error;
    }
    t->over = true;
    (void)pthread_mutex_unlock(&t->lock);
}

static bool next_job(struct team *t, struct download *ret_job)
{
    (void)pthread_mutex_lock(&t->lock);
    bool more = !t->over && !stopped(t->d) && t->run->next(t->run->self, ret_job);
    t->over = !more;
    (void)pthread_mutex_unlock(&t->lock);
    return more;
}

static void *run_member(void *self)
{
    struct team *t = self;
    struct error error;
    struct download job;
    struct http *h = http_new(t->d->http, &error);
    if (!h)
        give_up(t, &error);
    while (h && next_job(t, &job)) {
        struct download_result r;
        download_file(t->d, h, &job, &r);
        if (!t->run->done(t->run->self, &job, &r))
            give_up(t, NULL);
    }
    http_free(h);
    return NULL;
}

bool download_all(const struct downloader *d, const struct download_run *run,
                  struct error *error)
{
    struct team t = { .d = d, .run = run };
    pthread_t threads[DOWNLOAD_THREADS_MAX];
    unsigned count = 0, wanted = d->threads ? d->threads : THREADS;
    if (wanted > DOWNLOAD_THREADS_MAX)
        wanted = DOWNLOAD_THREADS_MAX;
    (void)pthread_mutex_init(&t.lock, NULL);
    while (count < wanted && pthread_create(&threads[count], NULL, run_member, &t) == 0)
        count++;
    if (count == 0)
        (void)run_member(&t); /* slower, but it goes on */
    for (unsigned i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_mutex_destroy(&t.lock);
    if (t.failed)
        *error = t.error;
    return !t.failed;
}
