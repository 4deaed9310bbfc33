/* slsa.h: who built something, as in-toto provenance says, and what somebody who verified
 * it came to.
 *
 * SLSA provenance v0.2 and v1, verification summaries v0.2 and v1.  Only of a payload
 * whose signature was verified. */
#ifndef SLSA_H
#define SLSA_H

#include "integrity/manifest.h"

/* *ret_builder: the builder's identity, in the arena; empty when the statement is no
 * provenance.  False when it is no statement, or a provenance without a builder. */
bool slsa_builder(struct arena *arena, struct span payload, struct span *ret_builder,
                  struct refusal *why);

/* A verification summary (SLSA VSA v0.2, v1): *ret_summary is true when the statement is
 * one.  False when it says anything else than PASSED, or is no statement. */
bool slsa_passed(struct arena *arena, struct span payload, bool *ret_summary,
                 struct refusal *why);

/* The sha256 of each subject of a verified statement, raw; empty where it has none. */
struct span *slsa_subjects(struct arena *arena, struct span payload, size_t *ret_count);

#endif
