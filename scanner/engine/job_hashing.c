#include "engine/job_hashing.h"

#include "core/file_state.h"
#include "engine/fetched.h"

#include <errno.h>
#include <unistd.h>

/* What nobody has computed yet. */
static unsigned unknown_digests(const struct job *job, const struct digester *known)
{
    unsigned wanted = job_digests(job);
    char hex[DIGEST_HEX_MAX + 1];
    for (int a = 0; known && a < DIGEST_COUNT; a++)
        if (digester_hex(known, (enum digest_algorithm)a, hex))
            wanted &= ~DIGEST_BIT(a);
    return wanted;
}

bool job_hashing_begin(struct job *job, int fd, const struct stat *now, uint8_t *buffer,
                       struct job_hashing *ret_hashing)
{
    const struct digester *known = job->list->remote ? fetched_digests(job, now) : NULL;
    unsigned unknown = unknown_digests(job, known);
    struct digester *d = digester_new(unknown, (uint64_t)now->st_size);
    if (!d)
        return false;
    job->hashed = *now;
    *ret_hashing = (struct job_hashing){ .job = job,
                                         .fd = fd,
                                         .buffer = buffer,
                                         .known = known,
                                         .digester = d,
                                         .done = !unknown && !job->shards };
    return true;
}

size_t job_hashing_step(struct job_hashing *h)
{
    ssize_t n = pread(h->fd, h->buffer, CREW_BUFFER, (off_t)h->offset);
    if (n < 0 && errno == EINTR)
        return 0;
    if (n < 0)
        h->error = errno;
    h->done = n <= 0;
    size_t got = n > 0 ? (size_t)n : 0;
    digester_add(h->digester, span_of(h->buffer, got));
    shards_add(h->job->shards, span_of(h->buffer, got));
    h->offset += got;
    return got;
}

static void keep_digests(struct job_hashing *h)
{
    struct job *job = h->job;
    char hex[DIGEST_HEX_MAX + 1];
    digester_finish(h->digester);
    for (int a = 0; a < DIGEST_COUNT; a++)
        if (digester_hex(h->digester, (enum digest_algorithm)a, hex) ||
            (h->known && digester_hex(h->known, (enum digest_algorithm)a, hex)))
            job->digests[a] = arena_copy(job->file->arena, span_of_text(hex));
    job->file->sha256 = job->digests[DIGEST_SHA256];
}

bool job_hashing_end(struct job_hashing *h)
{
    struct stat after;
    while (!h->done)
        (void)job_hashing_step(h);
    if (!h->error)
        keep_digests(h);
    h->job->changed =
        fstat(h->fd, &after) != 0 || !file_state_equal(&h->job->hashed, &after);
    job_hashing_drop(h);
    errno = h->error;
    return h->error == 0;
}

void job_hashing_drop(struct job_hashing *h)
{
    shards_end(h->job->shards);
    digester_free(h->digester);
    h->digester = NULL;
}
