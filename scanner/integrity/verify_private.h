/* verify_private.h: what the methods of verify.c share. */
#ifndef VERIFY_PRIVATE_H
#define VERIFY_PRIVATE_H

#include "integrity/verify.h"

struct verifying {
    const struct crypto *crypto;
    struct arena *arena;
    const struct bundle *bundle;
    const struct verify_target *target;
    const struct verify_policy *policy;
    struct verification *result;
    struct signature_failure *failure; /* of the result */
    bool pss;                          /* the signature that held is RSA-PSS */
};

/* The signature over the content, by any of the keys; *ret_key: which. */
bool verify_signature(struct verifying *v, EVP_PKEY *const *keys, size_t count,
                      EVP_PKEY **ret_key);

/* Once the signature holds: what it says is about the target. */
bool verify_content(struct verifying *v);

/* Every time-stamp of the bundle; the times go to ret_times. */
bool verify_timestamps(struct verifying *v, int64_t *ret_times, size_t *ret_count);

bool verify_keyless(struct verifying *v);

#endif
