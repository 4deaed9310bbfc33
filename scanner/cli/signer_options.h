/* signer_options.h: whom the operator accepts, as options of verify and scan name it. */
#ifndef SIGNER_OPTIONS_H
#define SIGNER_OPTIONS_H

#include "cli/command.h"
#include "cli/model_options.h"
#include "integrity/signers.h"

struct signer_arguments {
    struct path_list keys, chains, identities, providers;
    bool identity_patterns[PATHS_MAX], provider_patterns[PATHS_MAX];
    const char *trusted_root, *keyring, *builder;
    bool staging;
};

/* Read all of it.  Without --trusted-root the installed root of the public instance is
 * used, or with `staging` that of its staging instance. */
bool signer_arguments_load(const struct signer_arguments *a, const struct installation *i,
                           struct signers *ret_signers, struct error *error);

/* The path of the trusted root that is used. */
void signer_arguments_root(const struct signer_arguments *a, const struct installation *i,
                           char *ret_path, size_t size);

#endif
