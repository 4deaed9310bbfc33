/* bundle.h: the files of one base, one behind the other, as they go to the child.
 *
 *   {kind u8, number u32, path length u16, size u32} path bytes      little endian
 *
 * The main process copies them without a look at what they hold. */
#ifndef BUNDLE_H
#define BUNDLE_H

#include "origins/origins.h"

enum { BUNDLE_HEAD = 11, BUNDLE_PATH_MAX = 4096 };

/* The head of one entry; `path` is at most BUNDLE_PATH_MAX bytes, `size` below 4 GiB. */
void bundle_head(uint8_t ret_head[BUNDLE_HEAD], enum origin_kind kind, uint32_t number,
                 struct span path, uint32_t size);

/* The next entry; false at the end, and where the bundle is not one. */
bool bundle_next(struct reader *r, struct origin_source *ret_source);

#endif
