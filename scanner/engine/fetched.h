/* fetched.h: what a registry said of a model and its files, put where reports and policy
 * look.  For jobs whose list has a remote (sources/remote.h). */
#ifndef FETCHED_H
#define FETCHED_H

#include "engine/jobs.h"
#include "trust/origin.h"

/* Before the jobs run: the digests and sizes that the registry promises. */
bool fetched_promise(const struct source_list *list, struct job *jobs, size_t count,
                     struct arena *arena);

/* Once a job's file was opened, or was not: what came of loading it. */
void fetched_check(struct job *job);

/* Once models are grouped: metadata, provenance checks and the registry's findings; an
 * error of the result for what it does not let anybody scan. */
bool fetched_attach(const struct source_list *list, struct job *jobs, size_t count,
                    struct result *r);

/* Where the model comes from: we asked ourselves.  Lives as long as the list. */
struct claim fetched_claim(const struct source_list *list);

#endif
