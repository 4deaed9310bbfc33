/* manifest.h: which bytes somebody says that the files of a model have.
 *
 * The common form of an OMS statement, a SHA256SUMS file and their kin.  Texts are not
 * owned; entries live in the arena of whoever parsed them.  Paths are canonical: parsers
 * refuse others (name_problem) and never mend them. */
#ifndef MANIFEST_H
#define MANIFEST_H

#include "core/arena.h"
#include "core/digest.h"
#include "core/reader.h"
#include "integrity/refusal.h"

enum { MANIFEST_ENTRIES_MAX = 1000000, MANIFEST_NAME_MAX = 4096 };

struct manifest_entry {
    struct span path;
    uint64_t start, end; /* of the range that it covers; end WHOLE_FILE: all of it */
    enum digest_algorithm algorithm;
    struct span digest; /* lower-case hex, whole */
};
#define WHOLE_FILE UINT64_MAX

struct manifest {
    struct manifest_entry *entries;
    size_t count;
};

/* NULL when the name is canonical: relative, '/' between components, none of them "",
 * "." or "..", no backslash, no control characters, valid UTF-8.  Else what is wrong. */
const char *name_problem(struct span name);

/* The same of a list of files that are on some disk: components of any bytes but '/' and
 * NUL. */
const char *path_problem(struct span path);

/* Is `path` one of the names or below one?  Byte-exact, from the model's top. */
bool name_ignored(struct span path, const struct span *names, size_t count);

/* A whole digest in lower-case hex. */
bool digest_canonical(struct span digits, enum digest_algorithm a);

/* By path, start, algorithm.  False with *ret_why when a path comes twice (with digests
 * of different algorithms it may), or the ranges of one overlap or leave a gap. */
bool manifest_sort(struct manifest *m, struct refusal *ret_why);

/* The entries of one path, which are neighbours once sorted; NULL: it is not named. */
const struct manifest_entry *manifest_find(const struct manifest *m, struct span path,
                                           size_t *ret_count);

/* The next line of a text without its end, LF or CR LF; the last one may have none. Fails
 * the reader when it is longer than `max`. */
struct span manifest_line(struct reader *r, size_t max);

#endif
