/* signed_model.h: the files of a model against the statement that was signed of them.
 *
 * The statement comes first: a file that it names is compared whatever else is asked to
 * be ignored.  Names on disk are compared byte by byte, without any normalising. */
#ifndef SIGNED_MODEL_H
#define SIGNED_MODEL_H

#include "integrity/statement/oms.h"
#include "sources/source.h"

enum signed_status {
    SIGNED_SAME,       /* it has the signed digest */
    SIGNED_DIFFERENT,  /* it has another one, or another length */
    SIGNED_MISSING,    /* it is not there */
    SIGNED_EXTRA,      /* it is there and was not signed */
    SIGNED_IGNORED,    /* it was not signed, and the statement or the operator says so */
    SIGNED_LINK,       /* a link, which the statement does not allow */
    SIGNED_UNREADABLE, /* it could not be opened or read, or is no regular file */
    SIGNED_CHANGED,    /* it, or the directory, changed meanwhile */
    SIGNED_STATUSES
};
const char *signed_status_name(enum signed_status s); /* "different", … */

struct signed_file {
    struct span path;
    enum signed_status status;
    struct span note; /* what is wrong with it; may be empty */
    struct signed_file *next;
};

struct signed_files {
    struct signed_file *first,
        *last; /* in bytewise order of the paths, missing ones last */
    uint64_t counts[SIGNED_STATUSES];
};

struct signed_options {
    const struct span *ignore; /* canonical paths; the signature's own among them */
    size_t ignore_count;
    bool ignore_git;      /* .git, .gitignore, .gitattributes, .github at the top */
    bool ignore_unsigned; /* extra files do not count */
    bool allow_symlinks;  /* whatever the statement says */
    unsigned threads;
};

/* Hash what the statement names and look for what it does not.  Results live in the
 * arena. False when it could not be done at all. */
bool signed_files_compare(const struct source_list *list, const struct oms_manifest *m,
                          const struct signed_options *o, struct arena *arena,
                          struct signed_files *ret_files, struct error *error);

/* The first thing that speaks against the model; NULL: nothing does.  *ret_check names
 * the check: "file-digest". */
const struct signed_file *signed_files_worst(const struct signed_files *f,
                                             bool ignore_unsigned,
                                             const char **ret_check);

/* For signing: the statement of what is there.  Names that are not canonical, links
 * unless allowed, special and unreadable files, and a model without files are errors. */
struct signing_request {
    const struct signed_options *options;
    enum oms_method method;
    uint64_t shard_size;
    enum digest_algorithm algorithm;
};
bool signed_files_record(const struct source_list *list, const struct signing_request *r,
                         struct arena *arena, struct oms_manifest *ret_manifest,
                         struct error *error);

#endif
