/* hub_store.h: a Hugging Face cache as a target: what it holds twice, what its names
 * promise, where it says its models come from.  Names only: nothing is parsed. */
#ifndef HUB_STORE_H
#define HUB_STORE_H

#include "engine/jobs.h"

/* Blobs of the list that a snapshot's link leads to.  They are scanned under the
 * link's name; the blob itself would be the same bytes again. */
struct hub_links;
struct hub_links *hub_links_new(const struct source_list *list); /* NULL: no memory */
bool hub_links_cover(const struct hub_links *l, const struct source_file *blob);
void hub_links_free(struct hub_links *l);

/* The digest that a link's text promises against the bytes': consistent, or a finding. */
void hub_store_expect(struct job *job);

/* The origin that the names along the file's real path declare. */
void hub_store_declare(const struct job *job, const struct registries *registries);

#endif
