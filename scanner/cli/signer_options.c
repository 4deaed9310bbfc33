#include "cli/signer_options.h"

#include <unistd.h>

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
