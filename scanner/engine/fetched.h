/* fetched.h: what a registry said of a model and its files, put where reports and policy
 * look.  For jobs whose list has a remote (sources/remote.h). */
#ifndef FETCHED_H
#define FETCHED_H

#include "engine/jobs.h"
#include "trust/look_alike.h"
#include "trust/origin.h"

#include <sys/stat.h>

/* Before the jobs run: the digests and sizes that the registry promises. */
bool fetched_promise(const struct source_list *list, struct job *jobs, size_t count,
                     struct arena *arena);

/* Before the first file is loaded, and again when more is known: what to hash on the way.
 */
void fetched_want(const struct job *jobs, size_t count);

/* Before a job's file is hashed: what came of loading it, and what its headers promise.
 */
void fetched_check(struct job *job);

/* The digests of its open file in the state `now`, which were computed while it was
 * loaded; NULL: it was not hashed, or is no longer what it was. */
const struct digester *fetched_digests(const struct job *job, const struct stat *now);

/* When the job is done: into the directory `keep` with it (-1: none); it is let go. */
void fetched_let_go(struct job *job, int keep);

/* Once models are grouped: metadata, provenance checks and the registry's findings; where
 * its word and ours differ; an error of the result for what nobody could scan. */
bool fetched_attach(const struct source_list *list, struct job *jobs, size_t count,
                    const struct publishers *publishers, struct result *r);

/* Where the model comes from: we asked ourselves.  Lives as long as the list. */
struct claim fetched_claim(const struct source_list *list, struct arena *arena);

#endif
