#include "net/download.h"

#include "net/intake.h"
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
    THREAD_FROM = 8 << 20, /* smaller files are hashed by the thread that loads them */
    PROGRESS = 1 << 20,    /* so many new bytes, and attempts count anew */
    BUSY_MS = 200
};

/* One file on its way. */
struct work {
    const struct downloader *d;
    const struct download *job;
    struct download_result *result;
    struct partial partial;
    struct intake *intake; /* NULL: none yet, or in memory */
    unsigned algorithms;   /* to compute */
    bool in_memory;        /* no part is open, and all so far is in: */
    struct buffer memory;
    char validator[CACHE_VALIDATOR_MAX + 1];
    bool busy;        /* the part is another's: wait for it */
    uint64_t offset;  /* this request asked for what comes after it; 0: for all */
    bool unsatisfied; /* the answer is no continuation: ask for all */
    bool too_much;    /* more than was promised */
    bool large;       /* more than is allowed */
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

static void reset(struct download_result *r)
{
    download_result_free(r);
    *r = (struct download_result){ .state = DOWNLOAD_FAILED, .fd = -1 };
}

static bool stopped(const struct downloader *d)
{
    return d->http->stop && atomic_load(d->http->stop);
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
    unsigned bits = DIGEST_BIT(DIGEST_SHA256) | job->also;
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

static bool too_large(const struct work *w, uint64_t size)
{
    return w->job->limit > 0 && size != DOWNLOAD_SIZE_UNKNOWN && size > w->job->limit;
}

static void refuse_large(struct work *w)
{
    struct download_result *r = w->result;
    r->state = DOWNLOAD_LARGE;
    (void)error_set(&r->error, ERROR_NETWORK,
                    "it is larger than %llu bytes, which is the most that may be loaded",
                    (unsigned long long)w->job->limit);
}

/* Do size and digests hold?  Fills sha256, and what differs. */
static bool verify(const struct download *job, uint64_t size, struct download_result *r)
{
    char hex[DIGEST_HEX_MAX + 1];
    r->size = size;
    if (!digester_hex(r->digests, DIGEST_SHA256, hex)) {
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
        if (!digester_hex(r->digests, job->expected[i].algorithm, hex))
            hex[0] = '\0';
        if (digits < 8 || strncmp(job->expected[i].hex, hex, digits) != 0) {
            differ(r, i, hex);
            return false;
        }
    }
    return true;
}

static bool out_of_memory(struct download_result *r)
{
    r->state = DOWNLOAD_FAILED;
    return error_set(&r->error, ERROR_MEMORY, "out of memory");
}

/* Hash a whole file, from its start. */
static bool hash_file(struct work *w, int fd, uint64_t size)
{
    struct download_result *r = w->result;
    struct digester *d = digester_new(w->algorithms, size);
    if (!d)
        return out_of_memory(r);
    if (!intake_hash(fd, 0, size, d)) {
        digester_free(d);
        return error_errno(&r->error, ERROR_IO, "cannot read a download again");
    }
    digester_finish(d);
    digester_free(r->digests);
    r->digests = d;
    return true;
}

/* --- from the cache --- */

/* Take an object if it is what the job wants, which its name alone does not prove; a
 * rotten one is removed. */
static bool take_object(struct work *w, const char *sha256)
{
    struct download_result *r = w->result;
    int fd = cache_find(w->d->cache, sha256);
    if (fd < 0)
        return false;
    bool ok = fstat(fd, &r->hashed) == 0;
    uint64_t size = ok ? (uint64_t)r->hashed.st_size : 0;
    if (ok && too_large(w, size)) {
        (void)close(fd);
        refuse_large(w);
        return true;
    }
    ok = ok && (w->job->size == DOWNLOAD_SIZE_UNKNOWN || size == w->job->size) &&
         hash_file(w, fd, size) && verify(w->job, size, r) &&
         strcmp(r->sha256, sha256) == 0;
    if (!ok) {
        (void)close(fd);
        cache_remove(w->d->cache, sha256);
        reset(r); /* of a rotten object nothing is left */
        return false;
    }
    r->state = DOWNLOAD_DONE;
    r->fd = fd;
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
    intake_free(w->intake); /* of what is about to go */
    w->intake = NULL;
    w->broken = !partial_restart(&w->partial, validator, &w->result->error);
    return !w->broken;
}

static bool start_intake(struct work *w, uint64_t size)
{
    if (w->intake)
        return true;
    bool large = size == DOWNLOAD_SIZE_UNKNOWN || size >= THREAD_FROM;
    w->intake = intake_new(&w->partial, w->algorithms, size, large);
    if (w->intake)
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
        w->large = too_large(w, size);
    } else if (r->status == 200) {
        size = length_of(r);
        w->large = too_large(w, size);
        if (!w->large && !begin_whole(w, size, field_validator(&r->fields)))
            return false;
    } else {
        w->unsatisfied = true;
        return false;
    }
    if (w->large)
        return false;
    if (w->job->also_named)
        w->algorithms |= w->job->also_named(w->job->owner, &r->fields);
    if (w->job->size != DOWNLOAD_SIZE_UNKNOWN)
        size = w->job->size; /* where they differ, git's digest is of the promised one */
    return w->in_memory || start_intake(w, size);
}

static uint64_t size_so_far(const struct work *w)
{
    return w->in_memory ? w->memory.len
           : w->intake  ? intake_size(w->intake)
                        : w->partial.size;
}

static bool on_bytes(void *self, struct span bytes)
{
    struct work *w = self;
    const struct download *job = w->job;
    uint64_t there = size_so_far(w);
    w->large = job->limit > 0 && (there > job->limit || bytes.len > job->limit - there);
    w->too_much = there > job->size || bytes.len > job->size - there;
    if (w->large || w->too_much)
        return false;
    if (w->in_memory) {
        buffer_add(&w->memory, bytes);
        w->result->fetched += bytes.len;
        tell(w->d, bytes.len, 0);
        w->broken = w->memory.truncated;
        return !w->broken || error_set(&w->result->error, ERROR_MEMORY, "out of memory");
    }
    if (!intake_add(w->intake, bytes, &w->result->error)) {
        w->broken = true;
        return false;
    }
    w->result->fetched += bytes.len;
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
    w->unsatisfied = w->too_much = w->large = w->busy = false;
    bool ok = w->job->auth ? auth_fetch(w->job->auth, h, &q, &w->result->http, &error)
                           : http_fetch(h, &q, &w->result->http, &error);
    if (!ok && !w->broken)
        w->result->error = error;
    if (w->intake && !w->broken) /* also of a file that was cut: it goes on from there */
        w->broken = !intake_flush(w->intake, &w->result->error);
    return ok && !w->broken;
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

static void drop_file(struct download_result *r)
{
    (void)close(r->fd);
    r->fd = -1;
}

/* How the file is that download_digests() speaks of. */
static bool note_state(struct download_result *r)
{
    if (fstat(r->fd, &r->hashed) == 0)
        return true;
    (void)error_errno(&r->error, ERROR_IO, "cannot read a download again");
    drop_file(r);
    return false;
}

/* All bytes are in memory: compare, then hand them over, or into the cache. */
static void finish_in_memory(struct work *w)
{
    struct download_result *r = w->result;
    struct span bytes = buffer_span(&w->memory);
    r->digests = digester_new(w->algorithms, bytes.len);
    if (!r->digests) {
        (void)out_of_memory(r);
        return;
    }
    digester_add(r->digests, bytes);
    digester_finish(r->digests);
    if (!verify(w->job, bytes.len, r))
        return;
    if (w->d->nameless) {
        r->memory = w->memory;
        buffer_init(&w->memory, IN_MEMORY);
    } else if (!cache_store(w->d->cache, identity_of(w->job), r->sha256, bytes,
                            w->validator, &r->fd, &r->error) ||
               !note_state(r)) {
        return;
    }
    r->state = DOWNLOAD_DONE;
    tell(w->d, 0, 1);
}

/* Out of the part comes a file of its own.  Nobody wrote to it while it was hashed, or
 * after: its name, links and mode may change by what we do to it, its time may not. */
static bool keep_part(struct work *w, const struct stat *whole)
{
    struct download_result *r = w->result;
    bool ok = w->d->nameless ? partial_take(&w->partial, &r->fd, &r->error)
                             : partial_commit(&w->partial, r->sha256, &r->fd, &r->error);
    if (!ok || !note_state(r))
        return false;
    if (r->hashed.st_size == whole->st_size &&
        r->hashed.st_mtim.tv_sec == whole->st_mtim.tv_sec &&
        r->hashed.st_mtim.tv_nsec == whole->st_mtim.tv_nsec)
        return true;
    drop_file(r);
    return error_set(&r->error, ERROR_IO, "another process changed it on the disk");
}

/* All bytes are on the disk: compare, then keep or throw away. */
static void finish_part(struct work *w)
{
    struct download_result *r = w->result;
    const struct download *job = w->job;
    uint64_t size = w->partial.size;
    struct stat whole;
    bool anew = job->size == DOWNLOAD_SIZE_UNKNOWN && /* git's digests begin with it */
                (algorithms_of(job) &
                 (DIGEST_BIT(DIGEST_GIT_SHA1) | DIGEST_BIT(DIGEST_GIT_SHA256)));
    if (fstat(w->partial.fd, &whole) != 0) {
        (void)error_errno(&r->error, ERROR_IO, "cannot read a download again");
        return; /* FAILED, and kept */
    }
    if (anew)
        (void)hash_file(w, w->partial.fd, size);
    else if (start_intake(w, size))
        r->digests = intake_finish(w->intake, &r->error);
    if (!r->digests)
        return;
    if (!verify(job, size, r)) {
        partial_close(&w->partial, r->state != DOWNLOAD_MISMATCH);
    } else if (keep_part(w, &whole)) {
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
        if (w->too_much || w->large) {
            r->size = size_so_far(w);
            if (w->large)
                refuse_large(w);
            else
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
    if (whole && w->in_memory)
        finish_in_memory(w);
    else if (whole)
        finish_part(w);
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

void download_file(const struct downloader *d, struct http *h, const struct download *job,
                   struct download_result *ret_result)
{
    struct work w = {
        .d = d, .job = job, .result = ret_result, .algorithms = algorithms_of(job)
    };
    *ret_result = (struct download_result){ .state = DOWNLOAD_FAILED, .fd = -1 };
    if (too_large(&w, job->size)) {
        refuse_large(&w);
        return;
    }
    if (take_cached(&w))
        return;
    if (d->offline) {
        ret_result->state = DOWNLOAD_OFFLINE;
        (void)error_set(&ret_result->error, ERROR_NETWORK,
                        "is not in the cache, and the network is not to be used");
        return;
    }
    w.in_memory = job->size == DOWNLOAD_SIZE_UNKNOWN
                      ? !partial_exists(d->cache, identity_of(job))
                      : job->size <= IN_MEMORY;
    for (bool again = true; again;) {
        if (!w.in_memory && !open_part(&w))
            return;
        uint64_t before = w.in_memory ? 0 : w.partial.size;
        load(&w, h);
        intake_free(w.intake);
        w.intake = NULL;
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
