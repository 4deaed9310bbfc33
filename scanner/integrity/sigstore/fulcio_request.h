/* fulcio_request.h: asking a certificate authority for a certificate, and its answer.
 *
 * Text only: who sends it is engine/signing/keyless_signing.c.  Source: sigstore/fulcio,
 * fulcio.proto, POST /api/v2/signingCert. */
#ifndef FULCIO_REQUEST_H
#define FULCIO_REQUEST_H

#include "integrity/crypto/crypto.h"

#define FULCIO_PATH "/api/v2/signingCert"

enum { FULCIO_ANSWER_MAX = 1 << 20, FULCIO_VALUES_MAX = 1 << 10 };

/* {"certificateSigningRequest"}, for the key and by it, which proves that we have it. Its
 * subject is empty: the authority takes the name from the identity token, which is not in
 * here.  Empty when out of memory. */
struct span fulcio_request(const struct crypto *c, struct arena *arena, EVP_PKEY *key);

/* The DER of the certificate in an answer; that it is a good one is verify_issued()'s
 * matter.  False with *ret_why, what is wrong with the answer. */
bool fulcio_answer_read(struct arena *arena, struct span json, struct span *ret_leaf,
                        const char **ret_why);

#endif
