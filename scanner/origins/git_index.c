#include "origins/git_index.h"

enum {
    STAT_BYTES = 24, /* ctime, mtime, dev, inode: what the file was like */
    OWNER_BYTES = 12 /* uid, gid, size */
};
enum { TYPE_MASK = 0170000, TYPE_FILE = 0100000 };

/* Of the flags. */
enum {
    ASSUME_VALID = 0x8000,
    EXTENDED = 0x4000,
    STAGE = 0x3000, /* of a merge that is not done */
    NAME_LENGTH = 0x0fff
};
/* Of the extended flags, version 3 and later. */
enum { SKIP_WORKTREE = 0x4000, INTENT_TO_ADD = 0x2000 };

struct walk {
    struct reader r;
    size_t oid_size;
    uint32_t version, count;
    size_t path_len;
    uint8_t path[GIT_PATH_MAX]; /* version 4 cuts its end off and adds to it */
    const char *why;
};

static bool malformed(struct walk *w, const char *why)
{
    if (!w->why)
        w->why = why;
    return false;
}

static uint16_t read_u16be(struct reader *r)
{
    uint8_t high = reader_u8(r);
    return (uint16_t)(high << 8 | reader_u8(r));
}

/* How pack files write offsets: base 128, most significant first, each byte that another
 * follows adds one.  More than a path can have is as good as any number. */
static size_t read_offset(struct reader *r)
{
    uint8_t byte = reader_u8(r);
    size_t value = byte & 0x7f;
    while ((byte & 0x80) && reader_ok(r) && value <= GIT_PATH_MAX) {
        byte = reader_u8(r);
        value = (value + 1) << 7 | (byte & 0x7f);
    }
    return value;
}

/* Bytes up to a NUL, which is taken too, onto the path. */
static bool append_name(struct walk *w)
{
    struct span rest = reader_peek(&w->r, GIT_PATH_MAX + 1);
    const uint8_t *end = rest.len ? memchr(rest.ptr, 0, rest.len) : NULL;
    size_t length = end ? (size_t)(end - rest.ptr) : SIZE_MAX;
    if (length > sizeof w->path - w->path_len)
        return malformed(w, "a name is too long, or has no end");
    struct span name = reader_bytes(&w->r, length);
    if (name.len)
        memcpy(w->path + w->path_len, name.ptr, name.len);
    w->path_len += length;
    reader_skip(&w->r, 1);
    return true;
}

/* The name, and in versions 2 and 3 zeroes up to a multiple of eight. */
static bool read_name(struct walk *w, size_t start, size_t length)
{
    if (w->version == 4) {
        size_t cut = read_offset(&w->r);
        if (cut > w->path_len)
            return malformed(w, "a name is cut by more than it has");
        w->path_len -= cut;
    } else {
        w->path_len = 0;
    }
    if (!append_name(w))
        return false;
    if (w->path_len == 0 || (length < NAME_LENGTH && length != w->path_len))
        return malformed(w, "a name is not as long as it says");
    if (w->version < 4)
        reader_skip(&w->r, (8 - (w->r.pos - start) % 8) % 8);
    return true;
}

/* One entry; *ret_ordinary when it is a file that lies there as git has it. */
static bool read_entry(struct walk *w, struct span *ret_oid, bool *ret_ordinary)
{
    size_t start = w->r.pos;
    reader_skip(&w->r, STAT_BYTES);
    uint32_t mode = reader_u32be(&w->r);
    reader_skip(&w->r, OWNER_BYTES);
    *ret_oid = reader_bytes(&w->r, w->oid_size);
    uint16_t flags = read_u16be(&w->r), more = 0;
    if (flags & EXTENDED) {
        if (w->version < 3)
            return malformed(w, "version 2 has no extended flags");
        more = read_u16be(&w->r);
    }
    if (!read_name(w, start, flags & NAME_LENGTH))
        return false;
    if (!reader_ok(&w->r))
        return malformed(w, "it ends within an entry");
    *ret_ordinary = (mode & TYPE_MASK) == TYPE_FILE &&
                    !(flags & (ASSUME_VALID | STAGE)) &&
                    !(more & (SKIP_WORKTREE | INTENT_TO_ADD));
    return true;
}

static bool start(struct walk *w, struct span bytes, size_t oid_size)
{
    *w = (struct walk){ .r = reader_of(bytes, 0), .oid_size = oid_size };
    size_t least = STAT_BYTES + 4 + OWNER_BYTES + oid_size + 2 + 2;
    bool magic = span_is(reader_bytes(&w->r, 4), "DIRC");
    w->version = reader_u32be(&w->r);
    w->count = reader_u32be(&w->r);
    if (!reader_ok(&w->r) || !magic || w->version < 2 || w->version > 4)
        return malformed(w, "it is no index of version 2, 3 or 4");
    if (reader_count(&w->r, w->count, least) != w->count)
        return malformed(w, "it has fewer bytes than entries");
    return true;
}

/* Behind the entries: extensions, and a digest of everything at the end. */
static bool read_extensions(struct walk *w, bool *ret_split)
{
    *ret_split = false;
    while (reader_left(&w->r) > w->oid_size) {
        struct span name = reader_bytes(&w->r, 4);
        *ret_split |= span_is(name, "link");
        reader_skip(&w->r, reader_u32be(&w->r));
    }
    if (!reader_ok(&w->r) || reader_left(&w->r) != w->oid_size)
        return malformed(w, "what follows the entries is not whole");
    return true;
}

enum git_index_outcome git_index_read(struct span bytes, size_t oid_size,
                                      git_index_sink *say, void *self,
                                      const char **ret_why)
{
    struct walk w;
    struct git_index_entry e;
    bool ordinary, split = false;
    bool ok = start(&w, bytes, oid_size);
    for (uint32_t i = 0; ok && i < w.count; i++)
        ok = read_entry(&w, &e.oid, &ordinary);
    if (!ok || !read_extensions(&w, &split)) {
        *ret_why = w.why;
        return GIT_INDEX_MALFORMED;
    }
    if (split)
        return GIT_INDEX_SPLIT;
    (void)start(&w, bytes, oid_size);
    for (uint32_t i = 0; i < w.count && read_entry(&w, &e.oid, &ordinary); i++) {
        e.path = span_of(w.path, w.path_len);
        if (ordinary)
            say(self, &e);
    }
    return GIT_INDEX_READ;
}
