/* slsa.h: who built something, as in-toto provenance says.
 *
 * SLSA provenance v0.2 and v1.  Only of a payload whose signature was verified. */
#ifndef SLSA_H
#define SLSA_H

#include "integrity/manifest.h"

/* *ret_builder: the builder's identity, in the arena; empty when the statement is no
 * provenance.  False when it is no statement, or a provenance without a builder. */
bool slsa_builder(struct arena *arena, struct span payload, struct span *ret_builder,
                  struct refusal *why);

/* The sha256 of each subject of a verified statement, raw; empty where it has none. */
struct span *slsa_subjects(struct arena *arena, struct span payload, size_t *ret_count);

#endif
