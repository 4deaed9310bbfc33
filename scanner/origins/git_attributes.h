/* git_attributes.h: for which files of a clone git keeps other bytes than it checks out.
 *
 * A filter (git LFS is one), `ident` and `working-tree-encoding` change a file on its way
 * into the repository.  Patterns are taken wider than git takes them and a later line
 * takes nothing back: in doubt a file may be changed, and nothing is said of it.
 * Line ends are no matter of this (digest.h knows both).  Source: gitattributes(5). */
#ifndef GIT_ATTRIBUTES_H
#define GIT_ATTRIBUTES_H

#include "core/arena.h"

enum { GIT_PATTERNS_MAX = 256, GIT_PATTERN_MAX = 256 };

struct git_attributes {
    struct span patterns[GIT_PATTERNS_MAX];
    size_t count;
    bool all;      /* any file may be changed */
    uint64_t work; /* comparisons of bytes done so far, by git_attributes_change() */
};

/* One file of attributes that lies at the top of the clone, or is the clone's own. */
void git_attributes_add(struct git_attributes *a, struct arena *arena, struct span text);

/* May git keep other bytes for it?  `path` from the clone's top. */
bool git_attributes_change(struct git_attributes *a, struct span path);

#endif
