/* provenance.h: where a model comes from and how far that is trusted, which bytes
 * somebody expects of a file, and (core/signature.h) who signed them.  Part of a result
 * (core/result.h). Spans may be hostile and are raw, and live in the arena of their model
 * or file. */
#ifndef PROVENANCE_H
#define PROVENANCE_H

#include "core/finding.h"
#include "core/signature.h"

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
    struct span name, revision, evidence; /* "org/model", "4f1c…", "--origin hf:…" */
    bool pinned; /* the revision names one version for good: no tag, no alias */
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

/* Who says so.  What lies in the target is never more than consistent. */
enum expectation_by { BY_TARGET, BY_LOCKFILE, BY_REGISTRY, BY_SIGNATURE };
const char *expectation_by_name(enum expectation_by by);

struct expectation {
    enum expectation_by by;
    struct span source;    /* "huggingface cache blob name" */
    const char *algorithm; /* "sha256" */
    struct span value;     /* lower-case hex */
    enum expectation_state state;
    bool weak; /* md5, sha1, crc32, prefixes */
    struct expectation *next;
};

/* What a registry says of a model or a file: "author", "license", "scan.status".  Keys
 * are those of "map" in registries.d; a list has one row for each element. */
struct metadata {
    const char *key;
    struct span value;
    struct metadata *next;
};
const struct metadata *metadata_find(const struct metadata *first, const char *key);

/* A provenance check of registries.d.  Unknown is never a pass. */
enum check_result { CHECK_PASS, CHECK_FAIL, CHECK_UNKNOWN };
const char *check_result_name(enum check_result r);

struct provenance_check {
    const char *id; /* "downloads" */
    enum check_result result;
    enum severity severity; /* of a fail */
    struct span evidence;   /* "downloads 12, at least 1000 wanted" */
    struct provenance_check *next;
};

#endif
