/* signatures.h: the signatures and lists of digests that lie in the targets of a scan.
 *
 * Found by their first bytes or their name, taken apart by workers, verified here with
 * nobody's keys but the operator's.  What an accepted signature says of files must be;
 * what any other says is a claim of the target (promises.h: BY_SIGNATURE, BY_TARGET). */
#ifndef SIGNATURES_H
#define SIGNATURES_H

#include "engine/jobs.h"

struct signatures;

/* Find them and have them read.  NULL when out of memory or no worker can be had. */
struct signatures *signatures_read(const struct scan_options *o,
                                   const struct source_list *lists, size_t list_count,
                                   struct crew *crew, struct error *error);
void signatures_free(struct signatures *s); /* NULL is fine */

/* Verify what can be before files are hashed, and give the jobs their promises. */
bool signatures_promise(struct signatures *s, struct job *jobs, size_t count,
                        struct error *error);

/* Beside a job of a fetched model: is the file, which is open, a signature that its name
 * did not tell?  False when a worker was lost and no other can be had.  By any thread. */
bool signatures_meet(struct signatures *s, const struct job *job, int fd,
                     struct crew_hand *h, struct error *error);

/* After the jobs: the promises of those that were met. */
bool signatures_promise_met(struct signatures *s, struct job *jobs, size_t count,
                            struct error *error);

/* Once models are grouped and promises checked: the rest, and what it means for models
 * and files.  False when out of memory. */
bool signatures_attach(struct signatures *s);

#endif
