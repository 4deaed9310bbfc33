/* promises.h: what somebody said of a file's bytes against what they are. */
#ifndef PROMISES_H
#define PROMISES_H

#include "engine/jobs.h"

void promise_add(struct job *job, struct promise *p); /* outlives the job */

/* The digest of the file as git would store it, for a promise about `line_ends`. */
enum digest_algorithm promise_of_text(const struct promise *p);

/* Each promise of the job becomes an expectation of its file; a broken one a finding. */
void promises_check(struct job *job);

#endif
