/* What a token answers: the point of its public key, and a signature. */
#include "integrity/token/token_ec.h"

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct crypto *crypto;

/* The first byte picks the curve. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum pubkey_type curves[] = { PUBKEY_P256, PUBKEY_P384, PUBKEY_P521,
                                               PUBKEY_UNKNOWN };
    struct error error;
    struct span der;
    if (!crypto)
        crypto = crypto_new(&error);
    if (!crypto || size == 0)
        return 0;
    const enum pubkey_type curve = curves[data[0] % 4];
    const struct span answer = span_of(data + 1, size - 1);
    struct arena *arena = arena_new(1 << 20);
    EVP_PKEY *key = token_ec_key(crypto, curve, answer);
    if (key && pubkey_type(key) != curve)
        abort();
    if (arena && token_ec_signature(arena, curve, answer, &der)) {
        if (answer.len != token_ec_signature_size(curve) || der.len > answer.len + 16)
            abort();
    }
    (void)token_ec_curve(answer);
    EVP_PKEY_free(key);
    arena_free(arena);
    return 0;
}
