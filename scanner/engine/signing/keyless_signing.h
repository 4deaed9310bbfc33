/* keyless_signing.h: a model signature by an identity: assay sign sigstore.
 *
 * A key that lives for this one signature, a certificate for it from the authority that
 * the identity token persuades, time-stamps, and entries of transparency logs.  Every
 * answer is verified against the trusted root, and the finished bundle as a whole by the
 * code that verifies everybody's, before any of it is handed out.
 *
 * The identity token goes to the certificate authority alone, in a header; no redirect is
 * followed, no answer is quoted. */
#ifndef KEYLESS_SIGNING_H
#define KEYLESS_SIGNING_H

#include "engine/signing/sign_in.h"
#include "integrity/sigstore/fulcio.h"

/* Whence the identity token comes: it is given; or a person signs in at the provider that
 * the configuration names; or it is asked of GitHub Actions, whose address and token of
 * the job are then given. */
struct identity_source {
    const char *audience; /* whom it has to be for, however it comes */
    const char *token;
    const struct sign_in *person;
    const char *request_url, *request_token;
};

struct keyless_request {
    struct identity_source identity;
    const char *signing_config; /* which services; may hold the root as well */
    const char *trusted_root;   /* whom their answers are checked against */
    bool private_ok;            /* the operator named them: they may be in our network */
    struct http_options http;
};

struct keyless_signer;

/* Reads both files, and the token if it is given: what cannot work fails before anything
 * is hashed.  `r` and its texts outlive the result.  NULL with ERROR_CONFIG, _USAGE, … */
struct keyless_signer *keyless_signer_new(const struct keyless_request *r,
                                          struct error *error);
void keyless_signer_free(struct keyless_signer *s); /* wipes; NULL is fine */

/* The bundle over an in-toto statement is appended to `out`; ERROR_NETWORK when a service
 * cannot be reached, refuses, or answers with what does not verify. */
bool keyless_sign(struct keyless_signer *s, struct span payload, struct buffer *out,
                  struct error *error);

/* Who has signed, once keyless_sign() has succeeded. */
const struct fulcio_claims *keyless_claims(const struct keyless_signer *s);

#endif
