/* hub_store.h: a Hugging Face cache as a target: what it holds twice.  Names only. */
#ifndef HUB_STORE_H
#define HUB_STORE_H

#include "engine/jobs.h"

/* Blobs of the list that a snapshot's link leads to.  They are scanned under the
 * link's name; the blob itself would be the same bytes again. */
struct hub_links;
struct hub_links *hub_links_new(const struct source_list *list); /* NULL: no memory */
bool hub_links_cover(const struct hub_links *l, const struct source_file *blob);
void hub_links_free(struct hub_links *l);

#endif
