/* locks.h: holding targets to a lockfile, and recording one. */
#ifndef LOCKS_H
#define LOCKS_H

#include "engine/jobs.h"

/* For a scan with --lockfile: promises before the jobs run, findings when models are
 * grouped.  `alone`: the scan has this target only. */
bool locks_promise(const struct lockfile *lock, const struct source_list *list,
                   bool alone, struct job *jobs, size_t count, struct arena *arena);
bool locks_check(const struct lockfile *lock, const struct source_list *list, bool alone,
                 struct job *jobs, size_t count, struct result *r);

/* Once signatures are verified: everyone whom the lockfile recorded must have signed. */
void locks_check_signers(const struct lockfile *lock, const struct source_list *list,
                         bool alone, struct result *r);

struct lock_options {
    const char *const *targets; /* NULL-terminated paths */
    struct source_options source;
    const struct reference *origin; /* or NULL */
    const char *origin_text;
    const char *output;            /* not part of what is recorded; NULL: none */
    const struct signers *signers; /* whose signatures are recorded too; NULL: none */
    struct worker_options worker;  /* to read those with */
};

/* Hash everything: one model for each target, with its files and stated origin.  NULL
 * with *error when any of it cannot be read: half a record is none. */
struct result *locks_record(const struct lock_options *o, struct error *error);

#endif
