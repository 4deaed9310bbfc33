/* sign_in.h: an identity token from the OpenID provider that a person signs in to.
 *
 * The provider is asked where its sign-in page is, the person goes there, and the code
 * that comes back, to a listener on this machine or by hand, is exchanged for a token.
 * What the provider answers is hostile: it must be of the issuer that was configured,
 * https (plain http only on this machine, from a provider that is on it too), and the
 * token for our client and this very sign-in.  The token's signature is left to the
 * certificate authority; it came over TLS from the token endpoint itself (OpenID Connect
 * Core 1.0, 3.1.3.7). */
#ifndef SIGN_IN_H
#define SIGN_IN_H

#include "engine/signing/service.h"

enum { SIGN_IN_MINUTES = 5 /* that the browser is waited for */ };

/* How the person is reached, and as whom we ask. */
struct sign_in {
    const char *client_id;
    const char *client_secret; /* NULL or empty: a public client, which has none */
    bool out_of_band;          /* the person copies the code, no listener */
    /* Shows the address, made of harmless characters only, or opens it. */
    void (*show)(void *self, const char *url);
    /* Out of band: the code, as typed; ERROR_USAGE, _IO. */
    bool (*read_code)(void *self, char *ret_code, size_t size, struct error *error);
    void *self;
};

/* The caller wipes and free()s the token.  ERROR_NETWORK for all that the provider does
 * wrong; no message quotes an answer, a code, a secret or a token. */
bool sign_in(const struct sign_in *how, const struct service_client *client,
             const char *issuer, char **ret_token, struct error *error);

#endif
