/* token_key.h: an elliptic-curve key that never leaves its token, for signing.
 *
 * Everything that can be wrong with the token, the PIN and the key is found when it is
 * opened, before a model is hashed.  A PIN is tried once: tokens lock.  The token's
 * answers are checked for their size and form; that its signature is one is for
 * pubkey_verify() to say.  Source: PKCS #11 v2.40. */
#ifndef TOKEN_KEY_H
#define TOKEN_KEY_H

#include "integrity/crypto/signing_key.h"
#include "integrity/token/token_uri.h"

#include <openssl/types.h>

struct token_request {
    const char *uri;    /* of the private key; its type= does not matter */
    const char *module; /* path of a PKCS #11 module; NULL: as the URI says */
    /* Asked at most once, when the token wants a PIN and the URI has none.  `last`: one
     * more wrong PIN locks it. */
    bool (*ask_pin)(const void *self, const char *token, bool last,
                    char pin[TOKEN_PIN_MAX], struct error *error);
    const void *ask_self;
};

/* `certificate` (or NULL) says what the public key is when the token does not.  The
 * caller signing_key_free()s, which logs out.  NULL: ERROR_CONFIG for what the operator
 * can mend, ERROR_NOT_FOUND for no such token or key, ERROR_IO when the token fails. */
struct signing_key *token_key_open(const struct crypto *c, const struct token_request *r,
                                   X509 *certificate, struct error *error);

#endif
