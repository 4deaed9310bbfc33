#include "net/follow.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK = 256 << 10 };

struct follow {
    int fd;
    struct digester *digester;
    uint64_t hashed; /* of the follower alone */
    int failed;      /* errno of a read */
    bool threaded;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t grown;
    uint64_t size; /* under the lock, with: */
    bool ended;
    uint8_t buffer[CHUNK];
};

static void hash_up_to(struct follow *f, uint64_t size)
{
    while (f->hashed < size && !f->failed) {
        uint64_t left = size - f->hashed;
        ssize_t n = pread(f->fd, f->buffer, left < CHUNK ? (size_t)left : CHUNK,
                          (off_t)f->hashed);
        if (n > 0) {
            digester_add(f->digester, span_of(f->buffer, (size_t)n));
            f->hashed += (uint64_t)n;
        } else if (n == 0 || errno != EINTR) {
            f->failed = n == 0 ? ENODATA : errno;
        }
    }
}

static void *run(void *self)
{
    struct follow *f = self;
    for (;;) {
        (void)pthread_mutex_lock(&f->lock);
        while (f->size == f->hashed && !f->ended)
            (void)pthread_cond_wait(&f->grown, &f->lock);
        uint64_t size = f->size;
        bool last = f->ended;
        (void)pthread_mutex_unlock(&f->lock);
        hash_up_to(f, size);
        if (last || f->failed)
            return NULL;
    }
}

struct follow *follow_new(int fd, unsigned algorithms, uint64_t size, bool thread)
{
    struct follow *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->fd = fd;
    f->digester = digester_new(algorithms, size);
    if (!f->digester) {
        free(f);
        return NULL;
    }
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->grown, NULL);
    f->threaded = thread && pthread_create(&f->thread, NULL, run, f) == 0;
    return f;
}

static void announce(struct follow *f, uint64_t size, bool ended)
{
    (void)pthread_mutex_lock(&f->lock);
    f->size = size;
    f->ended = ended;
    (void)pthread_cond_signal(&f->grown);
    (void)pthread_mutex_unlock(&f->lock);
}

void follow_advance(struct follow *f, uint64_t bytes)
{
    if (f->threaded)
        announce(f, bytes, false);
    else
        hash_up_to(f, bytes);
}

static void join(struct follow *f, uint64_t size)
{
    if (!f->threaded)
        return;
    announce(f, size, true);
    (void)pthread_join(f->thread, NULL);
    f->threaded = false;
}

const struct digester *follow_finish(struct follow *f, uint64_t bytes,
                                     struct error *error)
{
    join(f, bytes);
    hash_up_to(f, bytes);
    if (f->failed) {
        errno = f->failed;
        (void)error_errno(error, ERROR_IO, "cannot read a download again");
        return NULL;
    }
    digester_finish(f->digester);
    return f->digester;
}

void follow_free(struct follow *f)
{
    if (!f)
        return;
    join(f, 0); /* 0 is behind where it is: it stops after this chunk at the latest */
    (void)pthread_cond_destroy(&f->grown);
    (void)pthread_mutex_destroy(&f->lock);
    digester_free(f->digester);
    free(f);
}
