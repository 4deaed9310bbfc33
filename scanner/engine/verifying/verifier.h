/* verifier.h: the cryptography of one bundle, where a bundle may do no harm.
 *
 * What a stranger wrote in DER - certificates, time-stamps, signatures - is read by a
 * confined child first (worker/verify_order.h), and what it finds fault with ends there.
 * A child may add suspicion, never trust: what it calls verified is verified once more
 * here, so that nobody who takes a child over can make a signature good. */
#ifndef VERIFIER_H
#define VERIFIER_H

#include "integrity/signature_file.h"
#include "integrity/signers.h"
#include "sources/source.h"
#include "worker/worker.h"

struct verifier;

/* One worker, started when it is first needed.  The options outlive it.  NULL: out of
 * memory.  Belongs to one thread. */
struct verifier *verifier_new(const struct worker_options *o, int64_t now);
void verifier_free(struct verifier *v); /* NULL is fine */

/* The worker, for other jobs; NULL with an error. */
struct worker *verifier_worker(struct verifier *v, struct error *error);

/* Take apart bytes that were loaded.  *ret_reason is empty when there is an answer, else
 * it says why not, for whatever reason. */
void verifier_take(struct verifier *v, struct span bytes, struct arena *arena,
                   struct signature_file *ret_file, char ret_reason[REASON_MAX]);

/* Who verifies, and for whom: what the signatures of one target have in common. */
struct verify_context {
    struct verifier *verifier;
    const struct signers *signers; /* whom the operator accepts */
    enum verify_method method;
    struct arena *arena; /* of what comes out */
};

/* Total: also a worker that cannot be had is a state and a reason. */
void verifier_bundle(const struct verify_context *c, const struct bundle *b,
                     const struct verify_target *target, struct verification *ret_result);

/* The same of one file, which is read as well if the signature may be over its bytes and
 * not over a digest of them (Ed25519), it is not too large, and it still has that sha256.
 * `list` NULL: there is only the digest. */
void verifier_file(const struct verify_context *c, const struct bundle *b,
                   const struct verify_target *target, const struct source_list *list,
                   const struct source_file *file, struct verification *ret_result);

/* Fill state, identity, issuer, root, time, check and reason. */
void signature_from(struct arena *arena, const struct verification *v,
                    struct signature *signature);

/* A statement that was verified: who built what it is about, and, when the operator named
 * a builder, is it that one?  A verification summary must say PASSED.  Sets kind and
 * builder, lowers the state. */
void verify_provenance(const struct verify_context *c, const struct verification *v,
                       struct signature *signature);

#endif
