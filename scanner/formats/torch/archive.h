/* archive.h: the records of a PyTorch archive, as torch.load finds them: miniz, the
 * central directory alone, names without regard to case, all below one directory.
 * Layout: caffe2/serialize/inline_container.h. */
#ifndef TORCH_ARCHIVE_H
#define TORCH_ARCHIVE_H

#include "formats/zip_directory.h"

enum torch_record {
    TORCH_DATA,      /* data.pkl: what torch.load unpickles */
    TORCH_CONSTANTS, /* constants.pkl: makes torch.load call torch.jit.load */
    TORCH_BYTECODE,  /* bytecode.pkl: TorchScript for mobile devices */
    TORCH_VERSION,
    TORCH_BYTEORDER,
    TORCH_EXTERN, /* .data/extern_modules: torch.package */
    TORCH_RECORD_COUNT
};

struct torch_archive {
    struct span file;
    struct zip_directory directory;
    struct span top;  /* the directory of the first entry: "archive" */
    uint64_t entries; /* all of them */
    uint64_t strays;  /* those that lie outside of top */
    struct span stray;
    uint64_t found[TORCH_RECORD_COUNT];
    struct zip_entry last[TORCH_RECORD_COUNT];      /* of those found */
    struct zip_entry disguised[TORCH_RECORD_COUNT]; /* in another case; or no name */
};

/* False when this is no archive of PyTorch's. */
bool torch_archive_read(struct span file, struct torch_archive *ret_archive);
bool torch_archive_is_script(const struct torch_archive *t);

const char *torch_record_name(enum torch_record n); /* "data.pkl" */

/* The name below the top directory; false for a member elsewhere. */
bool torch_archive_record(const struct torch_archive *t, struct span name,
                          struct span *ret_record);

/* Is this record Python source that TorchScript compiles? */
bool torch_archive_is_source(struct span record);

#endif
