/* refusal.h: the check that a statement or manifest did not pass, in one sentence.
 *
 * For what is no bundle: those have the table of checks.def (signature_check.h). */
#ifndef REFUSAL_H
#define REFUSAL_H

#include "core/provenance.h"

/* Why a signature or manifest is not accepted. */
struct refusal {
    enum signature_state state; /* INVALID or UNSUPPORTED */
    const char *check;          /* the check that failed: "resource-name" */
    char reason[384];           /* one sentence; may quote hostile bytes */
};

/* Always false, so that a check can end in `return refuse(…)`. */
bool refuse(struct refusal *ret, enum signature_state state, const char *check,
            const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
