/* verifying.h: one signature, one target: the whole of assay verify.
 *
 * The signature file is taken apart and verified by a worker (verifier.h), and what a
 * verified statement says is compared with the files. */
#ifndef VERIFYING_H
#define VERIFYING_H

#include "engine/signing/signing.h"
#include "engine/verifying/verifier.h"
#include "integrity/signers.h"
#include "worker/worker.h"

struct verify_request {
    const char *target;    /* a path, "sha256:HEX", or, with `source`, oci://… */
    const char *signature; /* NULL: look for one in or beside the target */
    const struct source_options *source; /* how a registry is asked; NULL: none is */
    const char *certificate; /* of a bare signature; NULL: look for one beside it */
    const char *entry;       /* of the log, for a bare signature; or NULL */
    enum verify_method method;
    const struct signers *signers;
    struct worker_options worker;
    struct verifier *verifier; /* verify_target() makes it of `worker` and `now` */
    struct model_options files;
    int64_t now;
};

struct verify_report {
    struct arena *arena;
    struct signature signature;
    const char *material; /* "key", "certificate", "sigstore"; "" when not known */
    bool legacy;          /* of model_signing 0.2 */
    bool has_files;       /* the signature is of a model: */
    struct signed_files files;
};

/* False when it could not be tried: the target or the signature cannot be read, no
 * worker. All else is a state.  The caller frees the report. */
bool verify_target(const struct verify_request *r, struct verify_report *ret_report,
                   struct error *error);
void verify_report_free(struct verify_report *r);

#endif
