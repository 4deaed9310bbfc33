/* credential.h: a secret, and the one origin that it may be sent to.
 *
 * It is a finished header line, so no other code ever holds the token.  Never printed,
 * never copied into an error, wiped when it is freed. */
#ifndef CREDENTIAL_H
#define CREDENTIAL_H

#include "net/url.h"

struct credential;

/* The two lines a credential can be; `to` is the operator's endpoint, never a host that
 * a reference or an answer names.  NULL with an error that does not show the secret: it
 * holds control bytes, or the origin is http and not this machine's and not `plain_ok`.
 */
struct credential *credential_header(const struct web_origin *to, const char *name,
                                     const char *prefix, /* "Bearer ", or "" */
                                     struct span secret, bool plain_ok,
                                     struct error *error);
struct credential *credential_basic(const struct web_origin *to, struct span user,
                                    struct span password, bool plain_ok,
                                    struct error *error);
struct credential *credential_copy(const struct credential *c); /* NULL: no memory */
void credential_free(struct credential *c);                     /* NULL is fine */

/* The header line when it may go to `origin`, else NULL. */
const char *credential_line(const struct credential *c, const struct web_origin *origin);

/* Overwrite, in a way that the compiler keeps. */
void secret_wipe(void *bytes, size_t size);

#endif
