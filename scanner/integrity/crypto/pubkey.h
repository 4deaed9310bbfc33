/* pubkey.h: public keys, the algorithms that may sign, and signatures over bytes.
 *
 * An allow-list: ECDSA over P-256, P-384 and P-521 (named curves, each with its own
 * SHA-2; SHA-256 on the larger two only where a caller names it), Ed25519, RSA of 2048 to
 * 8192 bits with SHA-256, by PKCS#1 v1.5 or PSS.  OpenSSL reads more than that;
 * pubkey_type() is asked after every load. */
#ifndef PUBKEY_H
#define PUBKEY_H

#include "integrity/crypto/crypto.h"

enum pubkey_type {
    PUBKEY_UNKNOWN, /* not on the list: RSA of another size, another curve, DSA, … */
    PUBKEY_P256,
    PUBKEY_P384,
    PUBKEY_P521,
    PUBKEY_ED25519,
    PUBKEY_RSA,
    PUBKEY_RSA_PSS /* a key that says of itself that it signs with PSS alone */
};
enum pubkey_type pubkey_type(const EVP_PKEY *key);
const char *pubkey_type_name(enum pubkey_type t); /* "ECDSA P-256" */

/* The digest the type signs with: "SHA256"; NULL for Ed25519, which hashes itself. */
const char *pubkey_digest(enum pubkey_type t);

/* PEM or DER SubjectPublicKeyInfo, all of it; also PKCS#1 RSA when DER, as old logs have
 * it.  NULL when it is none.  The caller EVP_PKEY_free()s. */
EVP_PKEY *pubkey_read(const struct crypto *c, struct span text);

/* The operator's own private key, PEM; `passphrase` may be NULL.  ERROR_CONFIG when it
 * cannot be read or is not on the list. */
EVP_PKEY *pubkey_read_private(const struct crypto *c, struct span pem,
                              const char *passphrase, struct error *error);

/* DER SubjectPublicKeyInfo; empty when out of memory. */
struct span pubkey_der(struct arena *arena, const EVP_PKEY *key);

/* "sha256:" and the digest of that DER, in hex. */
struct span pubkey_fingerprint(const struct crypto *c, struct arena *arena,
                               const EVP_PKEY *key);

/* Whether a bundle's hint names the key: lower-case hex SHA-256 of its PEM text (model
 * signing) or base64 SHA-256 of its DER (cosign).  A hint of neither form names any. */
bool pubkey_hint_names(const struct crypto *c, struct arena *arena, const EVP_PKEY *key,
                       struct span hint);
struct span pubkey_hint(const struct crypto *c, struct arena *arena, const EVP_PKEY *key);

/* Over the bytes; `digest` NULL means pubkey_digest() of its type.  RSA: PKCS#1 v1.5. */
bool pubkey_verify(const struct crypto *c, EVP_PKEY *key, const char *digest,
                   struct span bytes, struct span signature);

/* Over a digest, when the bytes are not at hand; never true for Ed25519. */
bool pubkey_verify_digest(const struct crypto *c, EVP_PKEY *key, const char *digest,
                          struct span value, struct span signature);

/* The same with RSA-PSS, the mask by the same digest, salt of any length (RFC 8017, 8.1);
 * never true for other keys. */
bool pubkey_verify_pss(const struct crypto *c, EVP_PKEY *key, const char *digest,
                       struct span value, struct span signature);

/* Empty when the key cannot sign or memory is out. */
struct span pubkey_sign(const struct crypto *c, struct arena *arena, EVP_PKEY *key,
                        struct span bytes);

#endif
