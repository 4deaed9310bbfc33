/* policy.h: from findings, evidence and a policy to a verdict with reasons.
 *
 * A policy is strict JSON (docs/policy.md); gates are built-in ones (gates.def), and a
 * policy may extend one.  Options of the command line outrank both.  Trust never lowers a
 * content finding.  Exit codes and their precedence: docs/exit-codes.md. */
#ifndef POLICY_H
#define POLICY_H

#include "core/result.h"
#include "registry/registry.h"

struct policy;

enum policy_key {
#define KEY(symbol, section, name, kind, field, scope, help) POLICY_##symbol,
#include "policy/keys.def"
#undef KEY
    POLICY_KEYS
};

struct policy_reading {
    const struct registries *registries; /* to check ids with; NULL: not checked */
    int64_t today;                       /* days since 1970, UTC (policy/date.h) */
};

/* A gate by its name.  NULL: there is none, with a hint in *error. */
struct policy *policy_gate(const char *name, const struct policy_reading *how,
                           struct error *error);
const char *policy_gate_name(size_t i); /* NULL past the last */
const char *policy_gate_text(size_t i); /* the gate as a policy file */

/* The policy file at `path`, with all that it extends.  NULL with the first problem in
 * *error; `report`, which may be NULL, gets all of them, a line each. */
struct policy *policy_read(const char *path, const struct policy_reading *how,
                           struct buffer *report, struct error *error);
struct policy *policy_parse(struct span text, const char *path,
                            const struct policy_reading *how, struct buffer *report,
                            struct error *error); /* the same for bytes in memory */
void policy_free(struct policy *p);               /* NULL is fine */

const char *policy_name(const struct policy *p);
const char *policy_summary(const struct policy *p);
bool policy_accepts_declared(const struct policy *p);

/* Does any part of it list keyless signers; and that one? */
bool policy_lists_signers(const struct policy *p);
bool policy_accepts_signer(const struct policy *p, struct span subject,
                           struct span issuer);

/* An option outranks what the policy and its overrides say.  `value` is as it was typed:
 * a word, or words between commas.  POLICY_FORMATS_DENY is added to, all else replaced.
 */
bool policy_set(struct policy *p, enum policy_key key, const char *option,
                const char *value, struct error *error);

/* Gate only what is not in this baseline (policy/baseline.h), which `p` takes over. */
struct baseline;
void policy_use_baseline(struct policy *p, struct baseline *b);

/* Judge each model (verdict, reasons) and the whole (gate, clauses, warnings, verdict,
 * exit code), marking suppressed findings.  Once, when the result is otherwise complete.
 */
void policy_judge(const struct policy *p, struct result *r);

/* The values that count for a model, and where each was written: one line each. */
void policy_explain(const struct policy *p, const struct model *m, struct buffer *out);

/* A policy that extends `p` and that the result, judged by `p`, would pass: the ratchet.
 * Onto `out`, as a policy file; what it excuses expires after RATCHET_DAYS.  False with
 * ERROR_CONFIG when it would be too long. */
enum { RATCHET_DAYS = 90 };
bool policy_ratchet(const struct policy *p, const struct result *r, struct buffer *out,
                    struct error *error);

/* Is `path`, links resolved, in one of the targets?  What a target holds must not judge
 * it.  False with ERROR_CONFIG if so. */
bool policy_is_outside(const char *path, const char *what, const char *const *targets,
                       struct error *error);

enum exit_code {
    EXIT_PASS = 0,
    EXIT_VIOLATED = 1,
    EXIT_INCOMPLETE = 2,
    EXIT_EMPTY = 3,
    EXIT_USAGE = 4 /* usage, policy or configuration error; nothing was scanned */
};

#endif
