/* passphrase.h: the passphrase of the operator's private key. */
#ifndef PASSPHRASE_H
#define PASSPHRASE_H

#include "core/error.h"

enum { PASSPHRASE_MAX = 1024 };

/* The first of: `given` itself, the first line of `file`, the environment's
 * ASSAY_KEY_PASSWORD, and, when the key is encrypted, a prompt at the terminal.  NULL in
 * *ret when there is none.  `given` and `file` may be NULL; *ret may point into `buffer`.
 */
bool passphrase_find(const char *key, const char *given, const char *file,
                     char buffer[PASSPHRASE_MAX], const char **ret, struct error *error);

#endif
