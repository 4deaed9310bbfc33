#include "core/provenance.h"

#include <string.h>

static const char *const trusts[TRUST_COUNT] = {
    [TRUST_UNKNOWN] = "unknown", [TRUST_LOW] = "low",           [TRUST_MEDIUM] = "medium",
    [TRUST_HIGH] = "high",       [TRUST_INTERNAL] = "internal",
};

const char *trust_name(enum trust t)
{
    return trusts[t];
}

bool trust_parse(const char *name, enum trust *ret_trust)
{
    for (int t = 0; t < TRUST_COUNT; t++)
        if (strcmp(trusts[t], name) == 0) {
            *ret_trust = (enum trust)t;
            return true;
        }
    return false;
}

const char *basis_name(enum basis b)
{
    static const char *const names[] = {
        [BASIS_NONE] = "none",       [BASIS_DECLARED] = "declared",
        [BASIS_STATED] = "stated",   [BASIS_SIGNED] = "signed",
        [BASIS_FETCHED] = "fetched",
    };
    return names[b];
}

const char *expectation_name(enum expectation_state s)
{
    static const char *const names[] = {
        [EXPECT_VERIFIED] = "verified",
        [EXPECT_MISMATCH] = "mismatch",
        [EXPECT_CONSISTENT] = "consistent",
        [EXPECT_INCONSISTENT] = "inconsistent",
    };
    return names[s];
}

const char *expectation_by_name(enum expectation_by by)
{
    static const char *const names[] = {
        [BY_TARGET] = "target",
        [BY_LOCKFILE] = "lockfile",
        [BY_REGISTRY] = "registry",
        [BY_SIGNATURE] = "signature",
    };
    return names[by];
}

const struct metadata *metadata_find(const struct metadata *first, const char *key)
{
    while (first && strcmp(first->key, key) != 0)
        first = first->next;
    return first;
}

const char *check_result_name(enum check_result r)
{
    static const char *const names[] = {
        [CHECK_PASS] = "pass",
        [CHECK_FAIL] = "fail",
        [CHECK_UNKNOWN] = "unknown",
    };
    return names[r];
}
