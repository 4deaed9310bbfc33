/* evidence.h: what the targets say about themselves, from the first look at names to the
 * claims and digests that models and files carry in the end.
 *
 * Names are read here; the files that they point at are read by workers, one bundle for
 * each directory that they speak about (origins/origins.h).  Nothing of it is believed:
 * claims are *declared*, digests are *consistent* or not. */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include "engine/jobs.h"
#include "trust/origin.h"

struct evidence;

/* Find the files that say something, among the names of the lists (which outlive it). */
struct evidence *evidence_new(const struct scan_options *o,
                              const struct source_list *lists,
                              size_t list_count); /* NULL: no memory */
void evidence_free(struct evidence *e);           /* NULL is fine */

/* Have them read.  False when no worker can be had. */
bool evidence_read(struct evidence *e, struct crew *crew, struct error *error);

/* Give the jobs, before they run, the digests to compute and the units they belong to.
 * Jobs are in the order of the lists, those of a list in the order of its files. */
bool evidence_promise(struct evidence *e, struct job *jobs, size_t count);

/* Once models are grouped: findings about what is missing or unbelievable, files that
 * several models share, and where each model comes from; `stated` claims (lockfile,
 * --origin) of a model's target weigh more. */
enum { STATED_CLAIMS_MAX = 3 };
struct stated_claims {
    void *self;
    /* For the models of this list; how many. */
    size_t (*of)(void *self, const struct source_list *list,
                 struct claim ret_claims[STATED_CLAIMS_MAX]);
};
bool evidence_attach(struct evidence *e, const struct stated_claims *stated);

#endif
