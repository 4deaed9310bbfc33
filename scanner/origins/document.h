/* document.h: JSON and YAML that lie in a target, as one small tree.
 *
 * Bounded on the way in: nodes come from the budget, nesting from a fixed limit, memory
 * from the arena.  A YAML alias is a node of its own and is never followed, so nothing
 * grows; a key that a map has twice, where readers disagree, is refused. */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include "core/arena.h"
#include "core/budget.h"

enum node_type { NODE_SCALAR, NODE_MAP, NODE_LIST, NODE_ALIAS };

struct node {
    enum node_type type;
    struct span key;  /* in a map */
    struct span text; /* of a scalar, decoded */
    bool quoted;      /* the scalar is a string whatever it looks like */
    struct node *first, *last, *next;
};

enum { DOCUMENT_DEPTH_MAX = 64, DOCUMENT_TEXT_MAX = 4096 };

enum document_outcome { DOCUMENT_READ, DOCUMENT_MALFORMED, DOCUMENT_LIMIT };

/* *ret_why is a static text; both are untouched when the document was read. */
enum document_outcome document_json(struct span bytes, struct arena *arena,
                                    struct budget *budget, struct node **ret_root,
                                    const char **ret_why);
enum document_outcome document_yaml(struct span bytes, struct arena *arena,
                                    struct budget *budget, struct node **ret_root,
                                    const char **ret_why);

/* All of them take NULL and then answer with nothing. */
const struct node *node_find(const struct node *map, const char *key);
struct span node_text(const struct node *scalar); /* empty when it is none */
struct span node_text_at(const struct node *map, const char *key);
bool node_is(const struct node *n, enum node_type type);

/* A plain decimal number that fits; false when the scalar is none. */
bool node_uint(const struct node *scalar, uint64_t *ret_number);

/* For the two readers: a new child of `parent` (NULL: the root).  NULL past a limit. */
struct node *node_add(struct arena *arena, struct budget *budget, struct node *parent,
                      enum node_type type);

#endif
