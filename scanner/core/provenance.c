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

const char *signature_state_name(enum signature_state s)
{
    static const char *const names[] = {
        [SIGNATURE_VERIFIED] = "verified",   [SIGNATURE_INVALID] = "invalid",
        [SIGNATURE_UNTRUSTED] = "untrusted", [SIGNATURE_UNSUPPORTED] = "unsupported",
        [SIGNATURE_UNSIGNED] = "unsigned",
    };
    return names[s];
}

struct signature *signature_copy(struct arena *arena, const struct signature *from,
                                 struct span path)
{
    struct signature *s = arena_alloc(arena, sizeof *s);
    if (!s)
        return NULL;
    *s = *from;
    s->path = path;
    s->next = NULL;
    struct span *const texts[] = { &s->path,    &s->identity, &s->issuer,
                                   &s->root,    &s->time,     &s->covers,
                                   &s->builder, &s->check,    &s->reason };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_copy(arena, *texts[i]);
    return s;
}
