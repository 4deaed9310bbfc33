/* zip_directory.h: what a ZIP file says about itself, in both of its voices.
 *
 * A ZIP lists its members in the central directory at the end, and each once more in
 * a local header in front of the data.  Loaders believe one or the other, and find
 * the central directory in different ways; so nothing is decided here: the functions
 * below read every interpretation, and zip.c compares them.
 * Layout: APPNOTE.TXT 6.3.10.  Nothing allocates; spans lie in the file. */
#ifndef ZIP_DIRECTORY_H
#define ZIP_DIRECTORY_H

#include "core/reader.h"

enum zip_method { ZIP_STORED = 0, ZIP_DEFLATED = 8 };

enum zip_flag {
    ZIP_ENCRYPTED = 1 << 0,
    ZIP_DESCRIPTOR = 1 << 3, /* sizes and CRC follow the data */
    ZIP_PATCHED = 1 << 5,
    ZIP_STRONG_ENCRYPTION = 1 << 6,
    ZIP_UTF8 = 1 << 11,
    ZIP_MASKED_HEADER = 1 << 13,
    /* what stops a loader that honours it from reading the data */
    ZIP_UNREADABLE = ZIP_ENCRYPTED | ZIP_PATCHED | ZIP_STRONG_ENCRYPTION
};

enum { ZIP_END_SIZE = 22 };

/* One header, central or local; sizes are those of the ZIP64 field where it counts. */
struct zip_entry {
    struct span name, extra;
    uint64_t header;               /* where this header lies in the file */
    uint64_t local;                /* where its local header lies; may be past the end */
    uint64_t data;                 /* first byte of its data; 0 in a central header */
    uint64_t compressed, expanded; /* bytes */
    uint32_t crc, attributes;      /* attributes: external, 0 in a local header */
    uint16_t flags, method;
    uint8_t host;      /* system that wrote the attributes; 3: Unix */
    uint8_t directory; /* which central directory lists it; free for the caller */
    bool deferred;     /* local: sizes and CRC are unknown, they follow the data */
};

/* One way to understand one end-of-central-directory record. */
struct zip_directory {
    uint64_t record;         /* where the record (or the ZIP64 locator before it) lies */
    uint64_t end;            /* of the record with its comment, as far as the file goes */
    uint64_t tail, tail_end; /* the ZIP64 record; without one both == record */
    uint64_t start;          /* where the directory lies by this interpretation */
    uint64_t said;           /* where the record says it starts */
    uint64_t size, count;    /* bytes, entries: as the record says */
    struct span comment;
    bool zip64;
    bool detached; /* the locator does not point at the record that ends at it */
};

/* The end record before `before` within the last 64 KiB, where loaders look, last
 * first: start with the file's length. */
bool zip_previous_end(struct span file, uint64_t before, uint64_t *ret_record);

/* Every interpretation of the end record at `record` that leads to a central header
 * (or to an empty directory), in the order of how many loaders share it. */
enum { ZIP_INTERPRETATIONS_MAX = 6 };
size_t zip_read_end(struct span file, uint64_t record,
                    struct zip_directory ret_list[ZIP_INTERPRETATIONS_MAX]);

/* Walk a directory: open it, then one entry a call.  It ends, as loaders' walks do not
 * all, at the first thing that is no central header, whatever count and size say. */
struct reader zip_directory_open(struct span file, const struct zip_directory *d);
bool zip_directory_next(struct reader *r, const struct zip_directory *d,
                        struct zip_entry *ret_entry);

/* The local header at `offset`; false when there is none. */
bool zip_local_read(struct span file, uint64_t offset, struct zip_entry *ret_entry);

/* How many bytes at `offset` are a data descriptor that says what `e` says; 0: none. */
uint64_t zip_descriptor_size(struct span file, uint64_t offset,
                             const struct zip_entry *e);

/* The body of the extra field with this id; false when there is none. */
bool zip_extra_find(struct span extra, uint16_t id, struct reader *ret_body);

#endif
