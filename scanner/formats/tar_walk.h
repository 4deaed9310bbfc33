/* tar_walk.h: from one member of a tar archive to the next, as Python's tarfile walks.
 *
 * V7, ustar, GNU and PAX headers; the extension headers (L, K, x, X, g) are taken in
 * and the member they describe is given.  What the header itself said is kept beside
 * it, because not every loader honours every extension.  Layout: POSIX.1-2017 pax,
 * GNU tar manual "Basic Tar Format". */
#ifndef TAR_WALK_H
#define TAR_WALK_H

#include "core/arena.h"
#include "core/reader.h"

enum { TAR_BLOCK = 512 };

enum tar_type {
    TAR_OLD_FILE = 0,
    TAR_FILE = '0',
    TAR_HARD_LINK = '1',
    TAR_SYMBOLIC_LINK = '2',
    TAR_CHARACTER_DEVICE = '3',
    TAR_BLOCK_DEVICE = '4',
    TAR_DIRECTORY = '5',
    TAR_FIFO = '6',
    TAR_GNU_SPARSE = 'S'
};

struct tar_entry {
    struct span name, link;
    struct span header_name; /* without the extensions */
    uint64_t header, data;   /* offsets in the file */
    uint64_t size;           /* bytes of data in the archive */
    uint64_t header_size;    /* without the extensions */
    uint32_t mode;
    uint8_t type;
    bool has_data;  /* tarfile takes `size` bytes as its content */
    bool renamed;   /* the name is that of an extension header */
    bool sparse;    /* the content is not the data as it lies there */
    bool global;    /* name or size come from a global PAX header */
    bool malformed; /* its PAX header holds what is no record */
};

struct tar_walk {
    struct arena *arena; /* names made of two fields */
    struct span file;
    uint64_t next; /* where the next header lies */
    struct span global_path, global_link;
    uint64_t global_size;
    bool has_global_size;
    const char *problem; /* after TAR_DAMAGED */
    bool bad_size;       /* the problem is a size that no loader can mean well */
};

enum tar_step {
    TAR_ENTRY,
    TAR_END,     /* an empty block, or the end of the file at a header's place */
    TAR_DAMAGED, /* no header where one should be; walk->problem says why */
    TAR_CUT      /* the file ends inside a header or extension */
};

struct tar_walk tar_walk_start(struct span file, struct arena *arena);
enum tar_step tar_walk_next(struct tar_walk *w, struct tar_entry *ret_entry);

/* Does a header with a valid checksum start the file?  V7 tar has no other magic. */
bool tar_recognise(struct span file);

/* The contents of members that reach into the last `tail` bytes of the file, at most
 * 64 KiB and a bit: none when it is no tar. */
enum { TAR_TAIL_MAX = 66000, TAR_RANGES_MAX = TAR_TAIL_MAX / TAR_BLOCK + 2 };
struct tar_range {
    uint64_t start, end;
};
size_t tar_last_members(struct span file, size_t tail,
                        struct tar_range ret_list[TAR_RANGES_MAX]);

#endif
