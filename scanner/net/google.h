/* google.h: from a credentials file of Google's to a question for a token.
 *
 * A service account signs a JWT; a user's file has a refresh token.  The file may name a
 * token service, but none outside googleapis.com.  Source: Google, "Using OAuth 2.0 for
 * server to server applications"; RFC 7523, RFC 6749 section 6. */
#ifndef GOOGLE_H
#define GOOGLE_H

#include "net/auth.h"

struct google_key {
    char *word; /* a token, from a variable: nothing to ask for; or of the file: */
    char *email, *pem, *id;                 /* a service account */
    char *client, *client_secret, *refresh; /* a user */
    char *url;                              /* of the token service */
    char source[64];
};

/* The first variable of the method names the file, the others hold a token and come
 * first; else the file that gcloud writes.  True with no word and no url: there is none.
 * False with an ERROR_CONFIG when the file is no credential. */
bool google_key_find(const struct auth_method *m, const struct auth_place *place,
                     struct google_key *ret_key, struct error *error);
void google_key_wipe(struct google_key *key); /* idempotent */

/* The form to POST to `url`.  Wipe it.  False: the key cannot sign. */
bool google_form(const struct google_key *key, int64_t now, struct buffer *ret_form,
                 struct error *error);

#endif
