/* crypto.h: one OpenSSL library context of our own, so that no openssl.cnf of the machine
 * changes what verifies.
 *
 * Made once, used for any number of signatures, by one thread at a time.  (RFC 3161 is
 * the exception: OpenSSL 3.0 checks time-stamps in its default context.) */
#ifndef CRYPTO_H
#define CRYPTO_H

#include "core/arena.h"
#include "core/error.h"

#include <openssl/types.h>

enum { SHA256_LEN = 32 };

struct crypto;

struct crypto *crypto_new(struct error *error); /* NULL: ERROR_MEMORY */
void crypto_free(struct crypto *c);             /* NULL is fine */

OSSL_LIB_CTX *crypto_library(const struct crypto *c);

/* A digest of up to three pieces; empty pieces do not count.  False: out of memory. */
bool crypto_sha256(const struct crypto *c, struct span a, struct span b, struct span d,
                   uint8_t ret_digest[SHA256_LEN]);

/* "SHA256", "SHA384", "SHA512"; false for another name. */
bool crypto_digest(const struct crypto *c, const char *name, struct span bytes,
                   uint8_t ret_digest[64], size_t *ret_len);

/* What was written to a BIO in memory, which stays the caller's; empty: nothing, or out
 * of memory. */
struct span crypto_written(struct arena *arena, BIO *memory);

#endif
