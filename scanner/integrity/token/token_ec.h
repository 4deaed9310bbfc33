/* token_ec.h: elliptic-curve keys and signatures as PKCS #11 writes them.
 *
 * Tokens answer with attributes of any bytes.  Source: PKCS #11 v2.40, mechanisms, 2.3:
 * CKA_EC_PARAMS, CKA_EC_POINT, CKM_ECDSA; RFC 5480 (the curves). */
#ifndef TOKEN_EC_H
#define TOKEN_EC_H

#include "integrity/crypto/pubkey.h"

enum { TOKEN_EC_POINT_MAX = 256, TOKEN_EC_PARAMS_MAX = 512 };

/* Which of P-256, P-384 and P-521 the parameters name; PUBKEY_UNKNOWN for any other curve
 * and for one that is spelled out. */
enum pubkey_type token_ec_curve(struct span params);

/* The key of that curve.  The point is a DER OCTET STRING or, as some tokens have it,
 * bare; compressed or not.  NULL when it is no point of the curve.  The caller
 * EVP_PKEY_free()s. */
EVP_PKEY *token_ec_key(const struct crypto *c, enum pubkey_type curve, struct span point);

/* How long a token's signature by a key of that curve is: r and s, side by side. */
size_t token_ec_signature_size(enum pubkey_type curve);

/* r and s, each half of `raw`, as the DER that verifiers read; false when that is not its
 * size, or memory is out. */
bool token_ec_signature(struct arena *arena, enum pubkey_type curve, struct span raw,
                        struct span *ret_der);

#endif
