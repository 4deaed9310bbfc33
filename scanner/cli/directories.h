/* directories.h: where the trust table is read from, in which order; where caches lie.
 *
 * The installation's registries.d, /etc/assay/registries.d, then
 * $XDG_CONFIG_HOME/assay/registries.d (or ~/.config), then each --registries DIR;
 * later ones override earlier ones by id.  Never the target or the working directory. */
#ifndef DIRECTORIES_H
#define DIRECTORIES_H

#include "cli/command.h"
#include "registry/registry.h"

/* `extra` is NULL-terminated and may be NULL.  NULL with *error on failure. */
struct registries *directories_load_registries(const struct installation *i,
                                               const char *const *extra,
                                               struct error *error);

/* Where downloads and results may be kept: $XDG_CACHE_HOME/assay, else ~/.cache/assay.
 * False when neither variable names an absolute path. */
bool directories_cache(char *ret_path, size_t size);

#endif
