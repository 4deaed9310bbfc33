/* listing.h: names that a server lists become the files of a remote.
 *
 * Names are hostile: what no file may be called is refused and told, what is there twice
 * with other contents too; too many are an error, not a shorter list. */
#ifndef LISTING_H
#define LISTING_H

#include "core/digest.h"
#include "registry/rest.h"

enum { LISTING_MAX = 200000 };

/* Zero it but for the arena, in which everything lives but the table of files. */
struct listing {
    struct arena *arena;
    struct rest_file **files; /* grown by doubling; listing_free() gives it back */
    size_t count, capacity, refused;
    struct finding_list findings;
};

/* A copy of `file`, and of its path; other texts are the arena's.  A path that is not
 * clean is refused and told.  False with an error: too many, or no memory. */
bool listing_add(struct listing *l, const struct rest_file *file, struct error *error);

/* Put a digest in front of a file's; `text` is hex of either case, or base64.  What is no
 * such digest is passed over: then it is not known. */
enum listing_encoding { LISTING_HEX, LISTING_BASE64 };
void listing_hash(struct arena *arena, struct rest_file *file,
                  enum digest_algorithm algorithm, enum listing_encoding encoding,
                  struct span text);

/* Into `result`, behind what is there, by path; the whole list is known now unless
 * something was refused. */
bool listing_finish(struct listing *l, struct rest_result *result, struct error *error);
void listing_free(struct listing *l); /* idempotent */

#endif
