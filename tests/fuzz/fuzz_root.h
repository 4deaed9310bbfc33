/* fuzz_root.h: the trusted root that Assay ships, loaded once for all inputs. */
#ifndef FUZZ_ROOT_H
#define FUZZ_ROOT_H

#include "integrity/sigstore/trust_root.h"

#include <stdlib.h>

static inline void fuzz_root_load(struct crypto **crypto, struct trust_root **root)
{
    struct error error;
    if (*root)
        return;
    *crypto = crypto_new(&error);
    *root = *crypto ? trust_root_load(*crypto, "rules/sigstore/trusted_root.json", &error)
                    : NULL;
    if (!*root)
        abort();
}

#endif
