/* tsa.h: time-stamps (RFC 3161): a signed time at which a signature existed. */
#ifndef TSA_H
#define TSA_H

#include "integrity/signature_check.h"
#include "integrity/sigstore/trust_root.h"

enum { TSA_TOKEN_MAX = 64 << 10 };

/* A DER TimeStampResp over `bytes` (a raw signature) by an authority of the root, that
 * was valid then.  The time counts only when this returns true. */
bool tsa_verify(const struct trust_root *root, struct span token, struct span bytes,
                int64_t *ret_time, struct signature_failure *failure);

/* A DER TimeStampReq for a time-stamp over `bytes` with SHA-256, the authority's
 * certificate within.  Without a nonce: the bytes are a signature that was made just now,
 * so no older answer is over them.  Empty when out of memory. */
struct span tsa_request(const struct crypto *c, struct arena *arena, struct span bytes);

#endif
