/* directories.h: where registries.d is read from, in order; later ones override.
 *
 * The installed table, /etc/assay, the user's configuration, --registries.  Never the
 * working directory, never the scan target. */
#ifndef DIRECTORIES_H
#define DIRECTORIES_H

#include "cli/command.h"

struct registry_directories {
    const char *list[5]; /* NULL-terminated */
    char user[4096];
};

/* `option` is the value of --registries, or NULL; unlike the others it must exist.
 * Returns `storage->list` for registries_load(), or NULL with the error; points into
 * `installation`, `option` and `storage`. */
const char *const *registry_directories(const struct installation *installation,
                                        const char *option,
                                        struct registry_directories *storage,
                                        struct error *error);

#endif
