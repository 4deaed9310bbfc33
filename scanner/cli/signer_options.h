/* signer_options.h: whom the operator accepts, as options of verify, lock and scan name
 * it: by the words of model_signing and of cosign. */
#ifndef SIGNER_OPTIONS_H
#define SIGNER_OPTIONS_H

#include "cli/command.h"
#include "cli/model_options.h"
#include "integrity/signers.h"

/* Values of the shared rows of getopt's tables. */
enum signer_option {
    SIGNER_KEY = 1536,
    SIGNER_CHAIN,
    SIGNER_IDENTITY,
    SIGNER_IDENTITY_PATTERN,
    SIGNER_PROVIDER,
    SIGNER_PROVIDER_PATTERN,
    SIGNER_KEYRING,
    SIGNER_ROOT,
    SIGNER_STAGING,
    SIGNER_BUILDER,
    SIGNER_END
};
#define SIGNER_OPTIONS                                                                   \
    { "public-key", required_argument, NULL, SIGNER_KEY },                               \
        { "key", required_argument, NULL, SIGNER_KEY },                                  \
        { "certificate-chain", required_argument, NULL, SIGNER_CHAIN },                  \
        { "identity", required_argument, NULL, SIGNER_IDENTITY },                        \
        { "certificate-identity", required_argument, NULL, SIGNER_IDENTITY },            \
        { "certificate-identity-regexp", required_argument, NULL,                        \
          SIGNER_IDENTITY_PATTERN },                                                     \
        { "identity-provider", required_argument, NULL, SIGNER_PROVIDER },               \
        { "certificate-oidc-issuer", required_argument, NULL, SIGNER_PROVIDER },         \
        { "certificate-oidc-issuer-regexp", required_argument, NULL,                     \
          SIGNER_PROVIDER_PATTERN },                                                     \
        { "keyring", required_argument, NULL, SIGNER_KEYRING },                          \
        { "trusted-root", required_argument, NULL, SIGNER_ROOT },                        \
        { "trust-config", required_argument, NULL, SIGNER_ROOT },                        \
        { "use-staging", no_argument, NULL, SIGNER_STAGING },                            \
    {                                                                                    \
        "builder-id", required_argument, NULL, SIGNER_BUILDER                            \
    }

struct signer_arguments {
    struct path_list keys, chains, identities, providers;
    bool identity_patterns[PATHS_MAX], provider_patterns[PATHS_MAX];
    const char *trusted_root, *keyring, *builder;
    bool staging;
};

/* False with an ERROR_USAGE: too many, or given twice.  `option` is one of them. */
bool signer_arguments_take(struct signer_arguments *a, enum signer_option option,
                           const char *value, struct error *error);

/* Read all of it.  Without --trusted-root the installed root of the public instance is
 * used, or with `staging` that of its staging instance. */
bool signer_arguments_load(const struct signer_arguments *a, const struct installation *i,
                           struct signers *ret_signers, struct error *error);

/* The path of the trusted root that is used. */
void signer_arguments_root(const struct signer_arguments *a, const struct installation *i,
                           char *ret_path, size_t size);

#endif
