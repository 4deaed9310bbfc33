/* signature_check.h: every check that a signature must pass, each by its name.
 *
 * Verifying is a chain of requirements; the first that does not hold ends it, and its row
 * in checks.def says what state that gives.  All of them go through signature_require(),
 * so that a test can put another one in its place at link time, leave out one check at a
 * time and see that some fixture notices. */
#ifndef SIGNATURE_CHECK_H
#define SIGNATURE_CHECK_H

#include "core/provenance.h"

#include <stdarg.h>

enum signature_check {
    SC_NONE, /* nothing failed */
#define CHECK(symbol, name, state, what) SC_##symbol,
#include "integrity/checks.def"
#undef CHECK
    SC_COUNT
};

struct signature_failure {
    enum signature_check check;
    char reason[320]; /* one sentence, no newline; may quote hostile bytes */
};

/* "inclusion-root"; "" for SC_NONE. */
const char *signature_check_name(enum signature_check c);
enum signature_state signature_check_state(enum signature_check c);
bool signature_check_parse(const char *name, enum signature_check *ret_check);

/* `holds`; when it does not, *failure says so.  The format gives the sentence. */
bool signature_require(struct signature_failure *failure, enum signature_check check,
                       bool holds, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* What signature_require() does when the check does not hold. */
void signature_fail(struct signature_failure *failure, enum signature_check check,
                    const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#endif
