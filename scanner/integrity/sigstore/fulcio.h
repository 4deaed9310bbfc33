/* fulcio.h: what a certificate of a keyless signer says, and what form it must have.
 * Source: sigstore/fulcio, docs/certificate-specification.md and docs/oid-info.md. */
#ifndef FULCIO_H
#define FULCIO_H

#include "integrity/crypto/x509.h"
#include "integrity/signature_check.h"

/* Spans may hold any bytes; all live in the arena, absent ones are empty. */
struct fulcio_claims {
    struct span subject;       /* the one name: e-mail, URI or other name */
    struct span issuer;        /* who vouched for it: an OpenID Connect issuer */
    struct span build_signer;  /* .9: URI of the workflow that ran */
    struct span source;        /* .12: repository */
    struct span source_digest; /* .13: commit */
    struct span source_ref;    /* .14 */
    struct span build_config;  /* .18 */
    struct span run;           /* .21: URI of the run */
};

bool fulcio_read(struct arena *arena, X509 *leaf, struct fulcio_claims *ret_claims,
                 struct signature_failure *failure);

/* Usage, extended usage, no authority. */
bool fulcio_form(X509 *leaf, struct signature_failure *failure);

#endif
