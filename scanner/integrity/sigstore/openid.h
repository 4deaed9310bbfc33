/* openid.h: what an OpenID provider answers to who signs in: its description, and the
 * tokens.  Hostile; strict JSON under caps.  Sources: OpenID Connect Discovery 1.0,
 * section 4; OpenID Connect Core 1.0, section 3.1.3.3; RFC 6749, section 5. */
#ifndef OPENID_H
#define OPENID_H

#include "core/arena.h"

#define OPENID_PROVIDER_PATH "/.well-known/openid-configuration"

enum { OPENID_ANSWER_MAX = 256 << 10 };

struct openid_provider {
    const char *issuer;                                  /* as tokens must name it */
    const char *authorization_endpoint, *token_endpoint; /* not checked any further */
};

/* Texts live in the arena.  False with a sentence's end, also when the description is of
 * another issuer than `issuer` (a '/' at the end aside: it is no part of the address that
 * was asked). */
bool openid_provider_read(struct arena *arena, struct span json, const char *issuer,
                          struct openid_provider *ret_provider, const char **ret_why);

/* The identity token, not looked into; the caller wipes and free()s it. */
bool openid_token_read(struct span json, char **ret_token, const char **ret_why);

#endif
