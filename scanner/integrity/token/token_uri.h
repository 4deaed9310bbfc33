/* token_uri.h: which key on which token an RFC 7512 URI means, as the operator wrote it.
 *
 * Read by p11-kit; refused is what it reads and nobody should mean: a PIN that a command
 * prints, two PINs, attributes that no token can match.  A URI may hold a PIN, so no
 * message quotes one. */
#ifndef TOKEN_URI_H
#define TOKEN_URI_H

#include "core/error.h"

#include <p11-kit/uri.h>

enum { TOKEN_PIN_MAX = 256 }; /* with its NUL */

struct token_uri {
    P11KitUri *uri;
    /* In `uri`, or NULL: */
    const char *module_path; /* absolute: a module, or with a name the directory of it */
    const char *module_name; /* as p11-kit or a file in that directory is called */
    const char *pin;
    const char *pin_file; /* absolute: its first line is the PIN */
};

/* ERROR_CONFIG with what is wrong. */
bool token_uri_read(const char *text, struct token_uri *ret_uri, struct error *error);
void token_uri_free(struct token_uri *u); /* wipes the PIN; idempotent */

/* The slot's number, if the URI has one. */
bool token_uri_slot(const struct token_uri *u, CK_SLOT_ID *ret_slot);

/* The PIN that the URI or its file holds; false without an error when there is none. */
bool token_uri_pin(const struct token_uri *u, char pin[TOKEN_PIN_MAX],
                   struct error *error);

#endif
