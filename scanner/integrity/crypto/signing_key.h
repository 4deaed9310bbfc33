/* signing_key.h: something that makes signatures which a public key verifies.
 *
 * The private key itself may be in memory, or stay on a token (integrity/token): whoever
 * signs does not see which. */
#ifndef SIGNING_KEY_H
#define SIGNING_KEY_H

#include "integrity/crypto/crypto.h"

struct signing_key {
    EVP_PKEY *verifies; /* the public half is in it; owned */
    /* As pubkey_verify() takes it, over the bytes, with the digest of the key's type. */
    bool (*sign)(struct signing_key *self, const struct crypto *c, struct arena *arena,
                 struct span bytes, struct span *ret_signature, struct error *error);
    void (*free)(struct signing_key *self); /* what is behind it, and itself */
};

/* Takes the private key over, also when it fails: NULL and ERROR_MEMORY. */
struct signing_key *signing_key_in_memory(EVP_PKEY *key, struct error *error);

void signing_key_free(struct signing_key *k); /* NULL is fine */

#endif
