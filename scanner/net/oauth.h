/* oauth.h: a person signs in with a browser: what is asked, and what the browser brings.
 *
 * The authorization code flow with PKCE for a program on the person's own machine, and
 * nonce for the identity token.  Nobody is asked here.  Sources: RFC 6749 section 4.1,
 * RFC 7636, RFC 8252, RFC 9207; OpenID Connect Core 1.0, section 3.1. */
#ifndef OAUTH_H
#define OAUTH_H

#include "core/error.h"
#include "core/span.h"

#define OAUTH_CALLBACK_PATH "/auth/callback"
/* The provider shows the code to the person, who copies it. */
#define OAUTH_OUT_OF_BAND "urn:ietf:wg:oauth:2.0:oob"

enum { OAUTH_WORD = 43, OAUTH_CODE_MAX = 4000, OAUTH_ERROR_MAX = 40 };

/* One sign-in's, each 256 random bits in base64url; secret_wipe() them. */
struct oauth_secrets {
    char state[OAUTH_WORD + 1], nonce[OAUTH_WORD + 1], verifier[OAUTH_WORD + 1];
};
bool oauth_secrets_make(struct oauth_secrets *ret_secrets, struct error *error);

/* base64url(SHA-256(verifier)), method "S256" (RFC 7636, 4.2). */
bool oauth_challenge(const char *verifier, char ret_challenge[OAUTH_WORD + 1]);

struct oauth_client {
    const char *id;
    const char *redirect; /* OAUTH_OUT_OF_BAND, or where OAUTH_CALLBACK_PATH is heard */
};

/* Where the person's browser goes.  `endpoint` may have a query, which stays.  False when
 * it holds what a script between us and a browser could misread. */
bool oauth_authorization_url(const char *endpoint, const struct oauth_client *client,
                             const struct oauth_secrets *secrets, struct buffer *out,
                             struct error *error);

/* The body that exchanges the code for tokens; wipe it.  A client without a secret says
 * here who it is (`named`), another in its credential (RFC 6749, 3.2.1). */
void oauth_token_form(const struct oauth_client *client, bool named, const char *verifier,
                      const char *code, struct buffer *out);

/* A code as people copy it: 1 to OAUTH_CODE_MAX visible ASCII characters. */
bool oauth_code_valid(struct span code);

enum oauth_answer_kind {
    OAUTH_FOREIGN, /* not what the provider sent back for this sign-in: go on listening */
    OAUTH_CODE,    /* `code` */
    OAUTH_REFUSED, /* `error`: "access_denied", …; empty when it is no such word */
    OAUTH_BROKEN   /* ours by its state, but in disorder: `why` */
};

struct oauth_answer {
    enum oauth_answer_kind kind;
    char code[OAUTH_CODE_MAX + 1]; /* secret: wipe it */
    char error[OAUTH_ERROR_MAX + 1];
    const char *why;
};

/* Reads the head of an HTTP/1 request, hostile: GET of the callback's path with exactly
 * one `state`, compared in constant time, makes it ours.  A parameter that is there
 * twice, no code, an error beside a code, or another issuer ("iss") make it broken. */
void oauth_answer_read(struct span head, const char *state, const char *issuer,
                       struct oauth_answer *ret_answer);

#endif
