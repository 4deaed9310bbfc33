/* signature.h: what is known of one signature, of any kind: good or not, by whom, and why
 * not.  Part of a result (core/result.h).  Spans may be hostile and are raw. */
#ifndef SIGNATURE_H
#define SIGNATURE_H

#include "core/arena.h"

enum signature_state {
    SIGNATURE_VERIFIED,
    SIGNATURE_INVALID,
    SIGNATURE_UNTRUSTED,   /* cryptographically fine, by nobody the operator accepts */
    SIGNATURE_UNSUPPORTED, /* a kind or algorithm that Assay does not know */
    SIGNATURE_UNSIGNED
};
const char *signature_state_name(enum signature_state s);

struct signature {
    const char *kind; /* "oms", "sigstore", "cosign", "slsa", "minisign", "gpg", … */
    enum signature_state state;
    struct span path; /* of the bundle in the target, or its address at a registry */
    struct span identity, issuer; /* who; of a bare key its fingerprint and nothing */
    struct span root;             /* sha256 of the certificate it chains to, in hex */
    struct span time;             /* RFC 3339, UTC; empty: unknown */
    struct span covers, builder;  /* "all 12 files"; of signed provenance, or empty */
    struct span check, reason;    /* which check failed, and one sentence */
    struct signature *next;
};

/* State, check and reason, copied into the arena. */
void signature_set(struct arena *arena, struct signature *s, enum signature_state state,
                   const char *check, const char *reason);

/* Under another path, all of it in the arena; NULL: out of memory. */
struct signature *signature_copy(struct arena *arena, const struct signature *from,
                                 struct span path);

#endif
