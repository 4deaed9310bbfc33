/* origin.h: where a model comes from, and how far that counts (DESIGN section 5).
 *
 * What lies in a target is written by whoever made the target: it is shown as
 * *declared* and never raises the effective level, unless the operator accepts that. */
#ifndef ORIGIN_H
#define ORIGIN_H

#include "core/result.h"
#include "registry/registry.h"

/* A file's place in a Hugging Face cache, read from names alone:
 * …/models--ORG--NAME/snapshots/REVISION/PATH -> ../../blobs/DIGEST.
 * Source: huggingface_hub, "Understand caching". */
struct hub_place {
    struct span organisation, model, revision; /* slices of the path */
    size_t unit_end;                           /* where …/snapshots/REVISION ends in it */
};
bool hub_place_find(struct span path, struct hub_place *ret_place);

/* The digest that a link into blobs/ promises: 64 hex digits are a sha256, 40 a git
 * blob id.  False when the link is none of these. */
bool hub_blob_find(struct span link, struct span *ret_hex, bool *ret_git);

/* What the target says about itself becomes a claim of the model's. */
void origin_declare(struct model *m, const struct registry *r, struct span name,
                    struct span revision, struct span evidence);

/* What the operator states outranks it; the two disagreeing is a finding. */
void origin_state(struct model *m, const struct reference *ref, environment_lookup *env,
                  struct span text);

/* Settle m->trust from m->origin and report trust/… findings. */
void origin_settle(struct model *m, const struct registries *registries,
                   environment_lookup *env, bool accept_declared);

#endif
