/* origin.h: where a model comes from, and how far that counts (DESIGN section 5).
 *
 * What lies in a target is written by whoever made the target: it is shown as
 * *declared* and never raises the effective level, unless the operator accepts that. */
#ifndef ORIGIN_H
#define ORIGIN_H

#include "core/result.h"
#include "registry/registry.h"

/* One voice about where a model comes from; everything in it outlives the call only. */
struct claim {
    enum basis basis;
    const struct registry *registry;   /* NULL: none knows it */
    const struct reference *reference; /* resolved; NULL: only names are known */
    const enum trust *level; /* what the registry's answers leave of its level; NULL: the
                                reference tells */
    struct span name, revision;
    struct span evidence; /* what says so: "--origin hf:…", a path in the target */
};

/* All that is said about `m`, what weighs most first: what the operator states, then what
 * lies nearest to the model.  Claims of one basis that agree complete each other; one
 * that contradicts the first is a finding. */
void origin_attribute(struct model *m, const struct claim *claims, size_t count,
                      environment_lookup *env);

/* Settle m->trust from m->origin and report trust/low. */
void origin_settle(struct model *m, bool accept_declared);

#endif
