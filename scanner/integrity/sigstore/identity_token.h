/* identity_token.h: an OpenID Connect identity token (a JWT), as its holder reads it.
 *
 * Nothing is verified: whoever holds it hands it to the certificate authority, which
 * does. It is read only to say early that it is of no use.  Source: RFC 7519; OpenID
 * Connect Core 1.0, section 2. */
#ifndef IDENTITY_TOKEN_H
#define IDENTITY_TOKEN_H

#include "core/arena.h"
#include "core/error.h"

#define IDENTITY_AUDIENCE "sigstore"

enum { IDENTITY_TOKEN_MAX = 64 << 10 };

/* What it has to say. */
struct identity_expected {
    const char *audience;       /* IDENTITY_AUDIENCE, or the client it was asked for as */
    const char *issuer, *nonce; /* NULL: any, and none */
};

/* False with an ERROR_USAGE that does not show it: no JWT, for another audience, not
 * valid yet, expired, or of another issuer or sign-in than expected. */
bool identity_token_check(struct arena *arena, struct span token,
                          const struct identity_expected *expected, int64_t now,
                          struct error *error);

#endif
