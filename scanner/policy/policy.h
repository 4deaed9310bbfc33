/* policy.h: from findings, evidence and a gate to a verdict with reasons.
 *
 * Gates are data (gates.def); command-line options change a copy of one.  Trust never
 * lowers a content finding.  Exit codes and their precedence: docs/exit-codes.md. */
#ifndef POLICY_H
#define POLICY_H

#include "core/result.h"

enum { POLICY_FORMATS_MAX = 32 };

struct policy {
    const char *name; /* "default", "ci", "audit" */
    const char *summary;
    enum severity fail_on;  /* findings this bad or worse violate */
    bool fails;             /* false: the verdict stands, exit codes 1 and 2 become 0 */
    bool incomplete_fails;  /* an incomplete file violates the gate */
    unsigned trust_allowed; /* bit (1 << enum trust); POLICY_ANY_TRUST: not asked */
    const char *deny_formats[POLICY_FORMATS_MAX + 1]; /* names or families of
                                                         core/formats.def, to NULL */
};

#define POLICY_ANY_TRUST (~0U)

bool policy_gate(const char *name, struct policy *ret_policy); /* false: no such gate */
const char *policy_gate_name(size_t i);                        /* NULL past the last */

/* "high,medium": the whole set that --allow-trust allows, in place of the gate's. */
bool policy_allow_trust(struct policy *p, const char *levels, struct error *error);

/* "pickle,zip": denied beside what the gate denies.  "pickle" also denies everything
 * else that runs code when it is loaded. */
bool policy_deny_formats(struct policy *p, const char *names, struct error *error);

/* Judge each model (verdict, reasons) and the whole (gate, clauses, verdict, exit
 * code).  Called once, when the result is otherwise complete. */
void policy_judge(const struct policy *p, struct result *r);

enum exit_code {
    EXIT_PASS = 0,
    EXIT_VIOLATED = 1,
    EXIT_INCOMPLETE = 2,
    EXIT_EMPTY = 3,
    EXIT_USAGE = 4 /* usage, policy or configuration error; nothing was scanned */
};

#endif
