/* scan.h: the whole job: targets in, a judged result out (DESIGN section 1).
 *
 * The only layer that sees all the others.  Files are hashed by threads of this
 * process and inspected by confined workers, both on the same descriptor. */
#ifndef SCAN_H
#define SCAN_H

#include "core/result.h"
#include "integrity/lockfile.h"
#include "policy/policy.h"
#include "registry/registry.h"
#include "sources/source.h"
#include "worker/worker.h"

struct signers; /* integrity/signers.h */

struct scan_progress {
    uint64_t files_done, files_total, bytes_done, bytes_total;
};

struct scan_options {
    const char *const *targets; /* NULL-terminated paths */
    struct source_options source;
    struct worker_options worker;
    int keep; /* directory that the files of references are put into; -1: none */
    const struct registries *registries;
    environment_lookup *environment;
    const struct reference *origin;  /* --origin, resolved; or NULL */
    const char *origin_text;         /* as it was written */
    const struct lockfile *lockfile; /* --lockfile, or NULL */
    bool accept_declared, one_model;
    const struct signers *signers; /* whom the operator accepts; NULL: nobody */
    const char *trusted_root;      /* of keyless signatures, when signers is NULL */
    bool
        ignore_unsigned; /* files outside of what was signed are no fault by themselves */
    unsigned jobs;       /* threads and workers; at least 1 */
    const struct policy *policy;
    /* Called from one thread at a time, a few times a second at least. */
    void (*progress)(void *self, const struct scan_progress *p);
    void *progress_self;
};

/* NULL with *error when nothing was scanned at all (a target that does not exist, no
 * worker, no memory); everything less is inside the result.  The caller frees it. */
struct result *scan(const struct scan_options *o, struct error *error);

#endif
