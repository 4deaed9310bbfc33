#include "cli/signer_options.h"

#include "integrity/gpg.h"

#include <unistd.h>

static bool set_once(const char **place, const char *value, const char *option,
                     struct error *error)
{
    if (*place)
        return error_set(error, ERROR_USAGE, "--%s: given twice", option);
    *place = value;
    return true;
}

static bool add_name(struct path_list *list, bool *patterns, bool pattern,
                     const char *value, const char *option, struct error *error)
{
    if (!path_list_add(list, value, option, error))
        return false;
    patterns[list->count - 1] = pattern;
    return true;
}

bool signer_arguments_take(struct signer_arguments *a, enum signer_option option,
                           const char *value, struct error *error)
{
    switch (option) {
    case SIGNER_KEY:
        return path_list_add(&a->keys, value, "public-key", error);
    case SIGNER_CHAIN:
        return path_list_add(&a->chains, value, "certificate-chain", error);
    case SIGNER_IDENTITY:
    case SIGNER_IDENTITY_PATTERN:
        return add_name(&a->identities, a->identity_patterns,
                        option == SIGNER_IDENTITY_PATTERN, value, "identity", error);
    case SIGNER_PROVIDER:
    case SIGNER_PROVIDER_PATTERN:
        return add_name(&a->providers, a->provider_patterns,
                        option == SIGNER_PROVIDER_PATTERN, value, "identity-provider",
                        error);
    case SIGNER_KEYRING:
        return set_once(&a->keyring, value, "keyring", error);
    case SIGNER_ROOT:
        return set_once(&a->trusted_root, value, "trusted-root", error);
    case SIGNER_BUILDER:
        return set_once(&a->builder, value, "builder-id", error);
    default:
        a->staging = true;
        return true;
    }
}

void signer_arguments_root(const struct signer_arguments *a, const struct installation *i,
                           char *ret_path, size_t size)
{
    if (a->trusted_root)
        (void)snprintf(ret_path, size, "%s", a->trusted_root);
    else
        (void)snprintf(ret_path, size, "%s/rules/sigstore/trusted_root%s.json",
                       i->data_dir, a->staging ? ".staging" : "");
}

static bool load_root(const struct signer_arguments *a, const struct installation *i,
                      struct signers *s, struct error *error)
{
    char path[sizeof i->data_dir + 64];
    signer_arguments_root(a, i, path, sizeof path);
    return (!a->trusted_root && access(path, R_OK) != 0) ||
           signers_set_root(s, a->trusted_root ? a->trusted_root : path, error);
}

static bool load(const struct signer_arguments *a, const struct installation *i,
                 struct signers *s, struct error *error)
{
    if (a->identities.count != a->providers.count)
        return error_set(error, ERROR_USAGE,
                         "each --identity needs its --identity-provider, and each "
                         "provider its identity");
    bool ok = signers_init(s, error);
    for (size_t n = 0; ok && n < a->keys.count; n++)
        ok = signers_add_key(s, a->keys.items[n], error);
    for (size_t n = 0; ok && n < a->chains.count; n++)
        ok = signers_add_anchors(s, a->chains.items[n], error);
    for (size_t n = 0; ok && n < a->identities.count; n++) {
        const struct verify_identity who = {
            .subject = a->identities.items[n],
            .issuer = a->providers.items[n],
            .subject_is_pattern = a->identity_patterns[n],
            .issuer_is_pattern = a->provider_patterns[n],
        };
        ok = signers_add_identity(s, &who, error);
    }
    ok = ok && (!a->keyring || gpg_keyring_check(a->keyring, error));
    s->keyring = a->keyring;
    s->builder = a->builder;
    return ok && load_root(a, i, s, error);
}

bool signer_arguments_load(const struct signer_arguments *a, const struct installation *i,
                           struct signers *ret_signers, struct error *error)
{
    struct signers s = { 0 };
    bool ok = load(a, i, &s, error);
    if (ok)
        *ret_signers = s;
    else
        signers_free(&s);
    return ok;
}
