#include "net/intake.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A GiB written to ext4 by Linux 6.18 takes 0.32 s of the processor in pieces of 16 KiB,
 * 0.21 s in such blocks, and 1.0 s in pieces of 1 MiB. */
enum { BLOCK = 256 << 10, BLOCKS = 8 };

struct block {
    size_t len;
    uint8_t *bytes;
};

struct intake {
    struct partial *part;
    struct digester *digester;
    uint64_t before; /* bytes of the part that are hashed first, from the disk */
    bool threaded;
    pthread_t thread;
    struct block blocks[BLOCKS]; /* a ring; the one at `filled` is being gathered */
    pthread_mutex_t lock;
    pthread_cond_t full, room; /* a block can be hashed; one can be gathered */
    bool ended;                /* under the lock, with: */
    size_t filled, hashed;     /* blocks since the start; filled - hashed <= BLOCKS - 1 */
    int failed;                /* errno of reading what was there before */
    uint8_t memory[];
};

bool intake_hash(int fd, uint64_t from, uint64_t to, struct digester *d)
{
    uint8_t *buffer = malloc(BLOCK);
    bool ok = buffer != NULL;
    while (ok && from < to) {
        size_t most = to - from < BLOCK ? (size_t)(to - from) : BLOCK;
        ssize_t n = pread(fd, buffer, most, (off_t)from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENODATA;
        ok = n > 0;
        digester_add(d, span_of(buffer, ok ? (size_t)n : 0));
        from += ok ? (uint64_t)n : 0;
    }
    int why = errno;
    free(buffer);
    errno = why;
    return ok;
}

/* ---- the side that hashes -------------------------------------------------------- */

static void hash_before(struct intake *in)
{
    if (in->before > 0 && !intake_hash(in->part->fd, 0, in->before, in->digester))
        in->failed = errno;
    in->before = 0;
}

static struct block *block_at(struct intake *in, size_t n)
{
    return &in->blocks[n % BLOCKS];
}

static void hash_block(struct intake *in, const struct block *b)
{
    digester_add(in->digester, span_of(b->bytes, b->len));
}

static void *run(void *self)
{
    struct intake *in = self;
    hash_before(in);
    (void)pthread_mutex_lock(&in->lock);
    for (;;) {
        while (in->hashed == in->filled && !in->ended)
            (void)pthread_cond_wait(&in->full, &in->lock);
        if (in->hashed == in->filled)
            break;
        const struct block *b = block_at(in, in->hashed);
        (void)pthread_mutex_unlock(&in->lock);
        hash_block(in, b);
        (void)pthread_mutex_lock(&in->lock);
        in->hashed++;
        (void)pthread_cond_signal(&in->room);
    }
    (void)pthread_mutex_unlock(&in->lock);
    return NULL;
}

/* ---- the side that receives ------------------------------------------------------ */

struct intake *intake_new(struct partial *part, unsigned algorithms, uint64_t size,
                          bool thread)
{
    struct intake *in = malloc(sizeof *in + (size_t)BLOCKS * BLOCK);
    struct digester *d = digester_new(algorithms, size);
    if (!in || !d) {
        free(in);
        digester_free(d);
        return NULL;
    }
    *in = (struct intake){ .part = part, .digester = d, .before = part->size };
    for (size_t i = 0; i < BLOCKS; i++)
        in->blocks[i].bytes = in->memory + i * BLOCK;
    (void)pthread_mutex_init(&in->lock, NULL);
    (void)pthread_cond_init(&in->full, NULL);
    (void)pthread_cond_init(&in->room, NULL);
    in->threaded = thread && pthread_create(&in->thread, NULL, run, in) == 0;
    return in;
}

/* The block that was gathered goes to be hashed, and the next one is free. */
static void hand_over(struct intake *in)
{
    if (!in->threaded) {
        hash_before(in);
        hash_block(in, block_at(in, in->filled));
        in->filled++;
        in->hashed++;
    } else {
        (void)pthread_mutex_lock(&in->lock);
        in->filled++;
        (void)pthread_cond_signal(&in->full);
        while (in->filled - in->hashed == BLOCKS)
            (void)pthread_cond_wait(&in->room, &in->lock);
        (void)pthread_mutex_unlock(&in->lock);
    }
    block_at(in, in->filled)->len = 0;
}

bool intake_flush(struct intake *in, struct error *error)
{
    const struct block *b = block_at(in, in->filled);
    if (b->len == 0)
        return true;
    if (!partial_write(in->part, span_of(b->bytes, b->len), error))
        return false;
    hand_over(in);
    return true;
}

bool intake_add(struct intake *in, struct span bytes, struct error *error)
{
    while (bytes.len > 0) {
        struct block *b = block_at(in, in->filled);
        size_t n = bytes.len < BLOCK - b->len ? bytes.len : BLOCK - b->len;
        memcpy(b->bytes + b->len, bytes.ptr, n);
        b->len += n;
        bytes = span_slice(bytes, n, bytes.len);
        if (b->len == BLOCK && !intake_flush(in, error))
            return false;
    }
    return true;
}

uint64_t intake_size(const struct intake *in)
{
    return in->part->size + in->blocks[in->filled % BLOCKS].len;
}

static void join(struct intake *in)
{
    if (!in->threaded)
        return;
    (void)pthread_mutex_lock(&in->lock);
    in->ended = true;
    (void)pthread_cond_signal(&in->full);
    (void)pthread_mutex_unlock(&in->lock);
    (void)pthread_join(in->thread, NULL);
    in->threaded = false;
}

struct digester *intake_finish(struct intake *in, struct error *error)
{
    struct digester *d = in->digester;
    if (!intake_flush(in, error))
        return NULL;
    join(in);
    hash_before(in); /* when nothing came, and no thread */
    if (in->failed) {
        errno = in->failed;
        (void)error_errno(error, ERROR_IO, "cannot read a download again");
        return NULL;
    }
    digester_finish(d);
    in->digester = NULL;
    return d;
}

void intake_free(struct intake *in)
{
    if (!in)
        return;
    join(in);
    (void)pthread_cond_destroy(&in->full);
    (void)pthread_cond_destroy(&in->room);
    (void)pthread_mutex_destroy(&in->lock);
    digester_free(in->digester);
    free(in);
}
