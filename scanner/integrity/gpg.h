/* gpg.h: detached signatures of OpenPGP, by way of gpgv and a keyring of the operator's.
 *
 * The one program that Assay runs besides its own worker; OpenPGP is too large to be read
 * again here.  It is looked for under fixed paths, gets an empty environment, no home
 * directory and a deadline, and is never anything inside a target.  What it says on its
 * status descriptor counts, not its exit code; of one that crashes nothing counts. */
#ifndef GPG_H
#define GPG_H

#include "core/error.h"
#include "core/provenance.h"
#include "integrity/manifest.h"

/* Fills state, identity (the fingerprint), check and reason of *signature, for the bytes
 * behind two open files: whoever swaps their names is not heard.  Keyring NULL:
 * untrusted, nothing is run.  False when gpgv cannot be run. */
bool gpg_verify(const char *keyring, int signature_fd, int file_fd, struct arena *arena,
                struct signature *ret_signature, struct error *error);

/* Is it a keyring that gpgv reads?  ERROR_CONFIG, with what to do about it. */
bool gpg_keyring_check(const char *path, struct error *error);

/* The gpgv that is run, or NULL: there is none. */
const char *gpg_program(void);

/* The status lines of gpgv: for tests. */
void gpg_judge(struct span status, struct arena *arena, struct signature *ret_signature);

#endif
