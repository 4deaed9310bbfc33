/* demands.h: what a policy demands, key by key (keys.def); inside policy/ only.
 *
 * A scope is a whole set of values: of the policy itself, or of one override.  Each value
 * knows where it was written.  What the judge reads, struct demands, is made of the
 * values by scope_compile(), in one place, after all files and options have spoken. */
#ifndef DEMANDS_H
#define DEMANDS_H

#include "core/arena.h"
#include "core/json.h"
#include "policy/policy.h"
#include "registry/check.h"

enum on_incomplete { INCOMPLETE_EXITS_2, INCOMPLETE_FAILS, INCOMPLETE_ACCEPTED };
enum which_files { FILES_MODELS, FILES_ALL };
enum coverage { COVERAGE_ALL, COVERAGE_MODELS, COVERAGE_ANY };
enum { NEVER = SEVERITY_COUNT, DAYS_NOT_ASKED = -1 };

struct identity {
    const char *issuer, *subject; /* patterns */
};

typedef const char *const *texts; /* NULL-terminated; NULL: not asked */

struct demands {
    int fail_on;               /* enum severity, or NEVER */
    int on_incomplete;         /* enum on_incomplete */
    bool enforce, allow_empty; /* of scope 0 only, as accept_declared */
    unsigned trust_allow;      /* bit (1 << enum trust) */
    bool trust_asked, accept_declared;
    texts sources_allow, sources_deny; /* "huggingface:acme/..." */
    texts registries_allow, registries_deny, authors_allow, authors_deny;
    texts organizations_allow, organizations_deny, formats_allow, formats_deny;
    bool revision_pinned;
    unsigned hash_match; /* bit (1 << enum expectation_by); 0: not asked */
    int hash_files;      /* enum which_files */
    bool hash_weak, signature_required;
    int signature_coverage; /* enum coverage */
    const struct identity *signature_identities;
    size_t identity_count;
    texts signature_keys, signature_roots, licenses_allow, licenses_deny;
    bool licenses_unknown; /* allowed */
    int64_t age_min, age_max;
    texts checks_require;
};

struct setting {
    json_t *value; /* NULL: nobody says */
    const char *file;
    size_t line; /* 0: of no file, an option or a built-in gate */
};

/* What an override speaks for; NULL: does not matter. */
struct match {
    texts sources, paths, formats, sha256;
};

struct scope {
    struct setting settings[POLICY_KEYS];
    struct demands demands;
    struct match match;
    const char *reason, *file; /* of an override */
    size_t line;
    int64_t expires;  /* INT64_MAX: never */
    bool names_gates; /* of a policy file: its reasons say what is a gate's */
};

struct suppression {
    const char *rule, *path, *source, *sha256, *reason; /* source, sha256 may be NULL */
    int64_t expires;
    const char *file;
    size_t line;
};

struct policy {
    struct arena *arena;
    json_t *kept; /* what texts and values point into */
    const struct registries *registries;
    const char *name, *summary;
    char digest[65];      /* "" for a gate */
    struct scope *scopes; /* the first is the policy's own */
    size_t scope_count;
    struct suppression *suppressions;
    size_t suppression_count;
    struct baseline *baseline; /* or NULL */
    int64_t today;
};

#endif
