/* private.h: between signatures.c, which finds and promises, detached.c, which verifies
 * signatures of files, and attach.c, which holds models to theirs and says what it all
 * means. */
#ifndef SIGNATURES_PRIVATE_H
#define SIGNATURES_PRIVATE_H

#include "engine/promises.h"
#include "engine/signatures/signatures.h"
#include "engine/verifying/verifier.h"
#include "integrity/signature_file.h"

#include <pthread.h>
#include <sys/stat.h>

/* One signature file of a target, on its way from a name to a verdict. */
struct sealed {
    const struct source_list *list;
    const struct source_file *source;
    struct arena *arena;
    struct stat seen; /* what it was when it was taken apart; of a fetched one unset */
    struct signature_file file;
    char reason[REASON_MAX]; /* the worker could not read it; else empty */
    const struct signers *signers;
    struct job *jobs; /* of the list */
    size_t job_count;
    struct job *self, *subject;   /* its own job; what a detached one is of; or NULL */
    struct span base;             /* what its names are relative to, with its '/' */
    struct signature signature;   /* of what it is; kind NULL: nothing worth showing */
    struct span path;             /* of the signature, when not its own */
    size_t covered;               /* files of the model */
    const struct manifest *files; /* that it names; or NULL */
    const struct oms_manifest *model; /* verified; or NULL */
    struct oms_manifest verified;
    uint64_t missing;
    struct buffer missing_names;
};

struct signatures {
    const struct scan_options *options;
    struct signers own; /* when the operator named nobody */
    bool own_ready, ready;
    struct signers signers; /* a copy of those, or of the operator's; owns nothing */
    struct locked_signers *locked;
    size_t locked_count;
    const struct source_list *lists;
    size_t list_count;
    struct job *jobs; /* of all lists */
    size_t job_count;
    bool images;         /* a list has some, at a registry: */
    struct arena *arena; /* of what comes of their signatures */
    struct sealed *list;
    size_t count, capacity;
    size_t named;         /* the first ones: known before the first file is hashed */
    pthread_mutex_t lock; /* of count, while jobs run */
    struct verifier *verifier;
};

/* Have a worker take it apart.  False when one was lost and no other can be had. */
bool sealed_read(struct sealed *one, uint64_t size, int fd, struct crew_hand *h,
                 struct error *error);

/* Signers and promises of those from `first` on. */
bool signatures_promise_from(struct signatures *s, size_t first, struct job *jobs,
                             size_t count, struct error *error);

/* For whom it is verified. */
struct verify_context sealed_context(const struct signatures *s,
                                     const struct sealed *one);

void sealed_set(struct sealed *one, enum signature_state state, const char *check,
                struct span reason);

/* The job of a path from the target's top; of what an entry of `files` names; or NULL. */
struct job *sealed_job(const struct sealed *one, struct span path);
struct job *sealed_entry_job(const struct sealed *one, const struct manifest_entry *e);

/* Which digest of its file a message bundle states; false when it states none. */
bool sealed_digest(const struct bundle *b, enum digest_algorithm *ret_algorithm);

/* Whom the lockfile accepts for this target; else the options. */
const struct signers *signatures_signers(const struct signatures *s,
                                         const struct source_list *list);

/* A copy among those of the model, or the one of that path that is there; NULL: out of
 * memory. */
const struct signature *signature_show(struct model *m, const struct signature *from,
                                       struct span path);

/* detached.c: fills one->signature, when it is worth showing and has none. */
void sealed_verify(struct signatures *s, struct sealed *one);
/* The file of the target with that digest (raw); or NULL. */
struct job *sealed_digest_job(const struct sealed *one, enum digest_algorithm a,
                              struct span digest);
bool job_is_hashed(const struct job *job); /* and did not change meanwhile */

/* images.c: images at registries, whose files need not lie in the target. */
bool signatures_have_images(const struct source_list *list);
bool signatures_attach_images(struct signatures *s);

#endif
