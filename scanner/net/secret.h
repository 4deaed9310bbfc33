/* secret.h: where the secrets of an "auth" entry are found.  Read once, wiped after use.
 */
#ifndef SECRET_H
#define SECRET_H

#include "net/auth.h"

/* One word, or a user name and a password. */
struct secrets {
    char *user, *word; /* user NULL: there is only a word */
    char source[128];  /* "HF_TOKEN", "~/.netrc" */
};

/* True with word NULL when the method's sources hold none.  False with an error when a
 * file is there and cannot be read. */
bool secrets_find(const struct auth_method *m, const struct auth_place *place,
                  const struct web_origin *endpoint, struct secrets *ret_secrets,
                  struct error *error);
void secrets_wipe(struct secrets *s); /* idempotent */

/* The text of a small file ("~/.x", "$NAME/x"); NULL in *ret_text when it is not there.
 * secret_file_free() wipes it. */
bool secret_file(const struct auth_place *place, const char *shown, char **ret_text,
                 struct error *error);
void secret_file_free(char *text); /* NULL is fine */

/* RFC 6901; NULL when nothing is there. */
const json_t *secret_pointer(const json_t *root, const char *pointer);

/* `text` with each $NAME (capitals, digits, "_") replaced by its variable,
 * percent-encoded. False when one is not set. */
bool secret_expand(const char *text, const struct auth_place *place, struct buffer *out);
void secret_encode(struct buffer *out, const char *text); /* all but unreserved */

#endif
