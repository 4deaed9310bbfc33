/* answer_store.h: answers of registries in the cache of downloads, for --offline.
 *
 * Kept only where the cache stays.  As files are, by their content: a status line, the
 * header lines, an empty line, the body. */
#ifndef ANSWER_STORE_H
#define ANSWER_STORE_H

#include "net/cache.h"
#include "registry/transport.h"

/* What was asked and what came; failures are nobody's loss. */
void answer_keep(struct cache *c, const struct rest_request *q,
                 const struct rest_answer *answer);

/* The last answer to the same question, in `arena`; false: there is none. */
bool answer_recall(struct cache *c, const struct rest_request *q, struct arena *arena,
                   struct rest_answer *ret_answer);

#endif
