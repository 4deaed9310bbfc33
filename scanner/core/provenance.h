/* provenance.h: where a model comes from and how far that is trusted, and which bytes
 * somebody expects of a file.  Part of a result (core/result.h). */
#ifndef PROVENANCE_H
#define PROVENANCE_H

#include <stdbool.h>

#include "core/span.h"

enum trust {
    TRUST_UNKNOWN,
    TRUST_LOW,
    TRUST_MEDIUM,
    TRUST_HIGH,
    TRUST_INTERNAL,
    TRUST_COUNT
};
const char *trust_name(enum trust t);
bool trust_parse(const char *name, enum trust *ret_trust);

/* How we know where a model comes from (DESIGN section 5), weakest first. */
enum basis { BASIS_NONE, BASIS_DECLARED, BASIS_STATED, BASIS_SIGNED, BASIS_FETCHED };
const char *basis_name(enum basis b);

struct origin {
    const char *registry; /* id of a registries.d entry, or NULL: unmatched */
    const char *title;    /* its name */
    const char *advice;   /* what to verify, in the registry's words */
    enum trust trust;     /* what it counts for if it is believed */
    enum basis basis;
    struct span name, revision; /* "org/model", "4f1c…"; empty when unknown */
    struct span evidence; /* what says so: "--origin hf:…", a path in the target */
    bool agrees; /* a further claim: another name for the first, no contradiction */
    struct origin *next; /* further claims */
};

enum expectation_state {
    EXPECT_VERIFIED,
    EXPECT_MISMATCH,
    EXPECT_CONSISTENT,
    EXPECT_INCONSISTENT
};
const char *expectation_name(enum expectation_state s);

struct expectation {
    struct span source;    /* "huggingface cache blob name" */
    const char *algorithm; /* "sha256" */
    struct span value;     /* lower-case hex */
    enum expectation_state state;
    bool weak; /* md5, sha1, crc32, prefixes */
    struct expectation *next;
};

#endif
