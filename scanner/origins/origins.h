/* origins.h: what the files of a target say about where its models come from.
 *
 * The main process knows such files by their names alone (origin_recognise) and hands
 * those of one directory, the *base*, to a confined child, which reads them together
 * (origins_read) and answers with statements.  Whatever a statement says was written by
 * whoever made the target; paths in it are relative to the base and cannot leave it. */
#ifndef ORIGINS_H
#define ORIGINS_H

#include "core/arena.h"
#include "core/budget.h"
#include "core/digest.h"
#include "core/reader.h"

enum origin_kind {
#define ORIGIN(symbol, parser, pattern, beside) ORIGIN_##symbol,
#include "origins/origins.def"
#undef ORIGIN
    ORIGIN_KINDS
};

/* Does the name say so?  Tells how long the base is, with its '/' (0: the top), and which
 * file must lie in it ("": none).  `path` is relative to the target, no NUL in it. */
bool origin_recognise(struct span path, enum origin_kind *ret_kind, size_t *ret_base,
                      const char **ret_beside);

/* Blobs of a store are read as manifests only when they are small. */
enum { ORIGIN_BLOB_MAX = 256 << 10 };
bool origin_is_blob(enum origin_kind kind);

enum statement_kind {
    STATEMENT_CLAIM,   /* `path` (empty: all of the base) comes from there */
    STATEMENT_EXPECT,  /* the bytes of `path` have this digest, this size */
    STATEMENT_LISTING, /* the list of all files below `path` has this md5, as DVC makes
                          it; `algorithm` is that of each file, `size` their number */
    STATEMENT_PROBLEM, /* the source cannot be believed or read */
    STATEMENT_KINDS
};

enum statement_problem {
    PROBLEM_MALFORMED, /* not what its name says, or two things at once */
    PROBLEM_PATH,      /* it names a path outside the base */
    PROBLEM_LIMIT,     /* too large, too deep, too many */
    PROBLEM_KINDS
};

enum {
    STATEMENT_TEXT_MAX = 4096,
    STATEMENT_RECORD_MAX = 7 * (STATEMENT_TEXT_MAX + 2) + 64
};

/* Texts that do not apply are empty. */
struct statement {
    enum statement_kind kind;
    uint32_t source; /* which file says so, by its number in the bundle */
    struct span path;
    /* a claim: a reference that a registry may resolve, else what is known without */
    struct span reference, registry, name, revision;
    struct span note; /* claim: what else the source says; problem: which one */
    bool unit;        /* claim: the files that this source expects are one model */
    /* expect: whichever of them is known; digits in lower case, maybe only the first */
    enum digest_algorithm algorithm;
    struct span digest;
    bool has_size;
    bool line_ends; /* of a git blob: the file may have "\r\n" where the blob has "\n" */
    uint64_t size;
    enum statement_problem problem;
};

/* One file of a bundle. */
struct origin_source {
    enum origin_kind kind;
    uint32_t number;
    struct span path; /* from the base */
    struct span bytes;
};

/* Read one bundle (bundle.h) and say what is in it.  Bounded by `budget`, memory by the
 * arena; never fails: what cannot be read is a statement too. */
typedef void statement_sink(void *self, const struct statement *s);
void origins_read(struct span bundle, struct arena *arena, struct budget *budget,
                  statement_sink *say, void *self);

#endif
