#include "integrity/crypto/signing_key.h"

#include "integrity/crypto/pubkey.h"

#include <openssl/evp.h>
#include <stdlib.h>

static bool sign(struct signing_key *self, const struct crypto *c, struct arena *arena,
                 struct span bytes, struct span *ret_signature, struct error *error)
{
    struct span signature = pubkey_sign(c, arena, self->verifies, bytes);
    if (signature.len == 0)
        return error_set(error, ERROR_CONFIG, "the private key cannot sign");
    *ret_signature = signature;
    return true;
}

static void release(struct signing_key *self)
{
    free(self);
}

struct signing_key *signing_key_in_memory(EVP_PKEY *key, struct error *error)
{
    struct signing_key *k = malloc(sizeof *k);
    if (!k) {
        EVP_PKEY_free(key);
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    *k = (struct signing_key){ .verifies = key, .sign = sign, .free = release };
    return k;
}

void signing_key_free(struct signing_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->verifies);
    k->free(k);
}
