/* job_hashing.h: the digests of a job's file, in one pass at most.
 *
 * What was computed while the file was loaded is taken from there, as long as the file is
 * the very one that was hashed (fetched_digests()); only the rest is computed here. */
#ifndef JOB_HASHING_H
#define JOB_HASHING_H

#include "engine/jobs.h"

/* One pass on its way.  The descriptor and the buffer are the caller's. */
struct job_hashing {
    struct job *job;
    int fd;
    uint8_t *buffer;              /* CREW_BUFFER bytes */
    const struct digester *known; /* or NULL */
    struct digester *digester;
    uint64_t offset;
    bool done;
    int error; /* errno of a failed read */
};

/* False when memory is short; then there is nothing to end. */
bool job_hashing_begin(struct job *job, int fd, const struct stat *now, uint8_t *buffer,
                       struct job_hashing *ret_hashing);

/* The next piece: how many bytes it had; 0: an interrupted read, or the end (done). */
size_t job_hashing_step(struct job_hashing *h);

/* Hash what is left, then look at the file again: its digests, and `changed`, are the
 * job's.  False with errno when it could not be read; then it has no digests. */
bool job_hashing_end(struct job_hashing *h);

/* Let it go without an end. */
void job_hashing_drop(struct job_hashing *h);

#endif
