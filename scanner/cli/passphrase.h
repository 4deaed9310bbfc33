/* passphrase.h: the passphrase of the operator's private key, or the PIN of its token. */
#ifndef PASSPHRASE_H
#define PASSPHRASE_H

#include "core/error.h"

#include <stddef.h>

enum { PASSPHRASE_MAX = 1024 };

/* The first of: `given` itself, the first line of `file`, the environment's
 * ASSAY_KEY_PASSWORD, and, when the key is encrypted, a prompt at the terminal.  NULL in
 * *ret when there is none.  `given` and `file` may be NULL; *ret may point into `buffer`.
 */
bool passphrase_find(const char *key, const char *given, const char *file,
                     char buffer[PASSPHRASE_MAX], const char **ret, struct error *error);

/* The first of: the first line of `file` (may be NULL), the environment's
 * ASSAY_PKCS11_PIN, and a prompt at the terminal that names the token and says when it
 * is the `last` try.  ERROR_USAGE when there is none, or it is no PIN. */
bool passphrase_pin(const char *token, bool last, const char *file, char *pin,
                    size_t size, struct error *error);

#endif
