#include "formats/zip_directory.h"

enum {
    LOCAL_SIGNATURE = 0x04034b50,
    CENTRAL_SIGNATURE = 0x02014b50,
    END_SIGNATURE = 0x06054b50,
    END64_SIGNATURE = 0x06064b50,
    LOCATOR64_SIGNATURE = 0x07064b50,
    DESCRIPTOR_SIGNATURE = 0x08074b50
};

enum { END64_SIZE = 56, LOCATOR64_SIZE = 20, COMMENT_MAX = 0xffff, EXTRA_ZIP64 = 1 };

static struct reader reader_at(struct span file, uint64_t offset)
{
    struct reader r = reader_of(file, 0);
    reader_seek(&r, offset);
    return r;
}

bool zip_previous_end(struct span file, uint64_t before, uint64_t *ret_record)
{
    const size_t farthest = COMMENT_MAX + ZIP_END_SIZE + 1;
    size_t first = file.len > farthest ? file.len - farthest : 0;
    size_t last = before < file.len ? (size_t)before : file.len;
    struct span tail = span_slice(file, first, file.len); /* the rest stays untouched */
    size_t hit =
        last < first ? SIZE_MAX : span_find_last(tail, "PK\x05\x06", last - first);
    if (hit == SIZE_MAX)
        return false;
    *ret_record = first + hit;
    return true;
}

/* Where, how long, how many: what an end record says, in its 32- or 64-bit form. */
struct extent {
    uint64_t size, offset, count;
};

/* An interpretation counts only if it leads somewhere. */
static bool leads_to_entries(struct span file, const struct zip_directory *d)
{
    if (d->start > d->tail)
        return false;
    if (d->count == 0 && d->size == 0)
        return true;
    struct reader r = reader_at(file, d->start);
    return reader_u32le(&r) == CENTRAL_SIGNATURE && reader_ok(&r);
}

static size_t add_interpretation(struct span file, struct zip_directory d,
                                 struct zip_directory *list, size_t n)
{
    if (!leads_to_entries(file, &d))
        return n;
    for (size_t i = 0; i < n; i++)
        if (list[i].start == d.start && list[i].said == d.said)
            return n;
    list[n] = d;
    return n + 1;
}

/* Some loaders (miniz) go where the record says; others (zipfile) expect the directory
 * right before the records and shift every offset by the difference, so that an
 * archive may follow other data. */
static size_t add_extent(struct span file, struct zip_directory d, struct extent x,
                         struct zip_directory *list, size_t n)
{
    d.said = x.offset;
    d.size = x.size;
    d.count = x.count;
    d.start = x.offset;
    n = add_interpretation(file, d, list, n);
    if (x.size > 0 && x.size <= d.tail) {
        d.start = d.tail - x.size;
        n = add_interpretation(file, d, list, n);
    }
    return n;
}

static bool read_end64(struct span file, uint64_t offset, struct extent *ret_extent,
                       uint64_t *ret_end)
{
    struct reader r = reader_at(file, offset);
    bool found = reader_u32le(&r) == END64_SIGNATURE;
    uint64_t size = reader_u64le(&r);
    uint64_t end;
    if (!size_add(reader_where(&r), size, &end))
        end = UINT64_MAX;
    reader_skip(&r, 2 + 2 + 4 + 4 + 8); /* versions, disks, count on this disk */
    struct extent x = { 0 };
    x.count = reader_u64le(&r);
    x.size = reader_u64le(&r);
    x.offset = reader_u64le(&r);
    if (!found || !reader_ok(&r))
        return false;
    *ret_extent = x;
    *ret_end = end;
    return true;
}

/* The ZIP64 record is where the locator points, or right before the locator. */
static size_t add_zip64(struct span file, struct zip_directory d,
                        struct zip_directory *list, size_t n)
{
    if (d.record < LOCATOR64_SIZE)
        return n;
    uint64_t locator = d.record - LOCATOR64_SIZE;
    struct reader r = reader_at(file, locator);
    bool found = reader_u32le(&r) == LOCATOR64_SIGNATURE;
    reader_skip(&r, 4);
    uint64_t said = reader_u64le(&r);
    if (!found || !reader_ok(&r))
        return n;
    uint64_t before = locator >= END64_SIZE ? locator - END64_SIZE : locator;
    const uint64_t places[] = { said, before };
    for (size_t i = 0; i < 2; i++) {
        struct extent x;
        uint64_t end;
        if (!read_end64(file, places[i], &x, &end) || places[i] > locator)
            continue;
        struct zip_directory d64 = d;
        d64.zip64 = true;
        d64.detached = places[i] != said || end != locator;
        d64.tail = places[i];
        d64.tail_end = end < locator ? end : locator;
        d64.record = locator;
        n = add_extent(file, d64, x, list, n);
    }
    return n;
}

/* Does one of the directory's entries start there? */
static bool starts_entry(struct span file, const struct zip_directory *d, uint64_t start)
{
    struct reader r = zip_directory_open(file, d);
    struct zip_entry e;
    while (reader_where(&r) < start && zip_directory_next(&r, d, &e))
        ;
    return reader_where(&r) == start;
}

/* The size in the short record leads, counted back from it, into the directory when ZIP64
 * records lie between.  Where both records say the same, and an entry happens to start
 * there, that is no directory of its own. */
static bool is_shift_of_zip64(struct span file, const struct zip_directory *d,
                              const struct zip_directory *d64)
{
    return d64->zip64 && !d64->detached && d64->start == d64->said &&
           d->said == d64->said && d->size == d64->size && d->count == d64->count &&
           d64->start + d64->size == d64->tail && d->start > d64->start &&
           starts_entry(file, d64, d->start);
}

size_t zip_read_end(struct span file, uint64_t record,
                    struct zip_directory ret_list[ZIP_INTERPRETATIONS_MAX])
{
    struct reader r = reader_at(file, record);
    if (reader_u32le(&r) != END_SIGNATURE)
        return 0;
    reader_skip(&r, 2 + 2 + 2); /* this disk, the directory's, entries on this disk */
    struct extent x = { 0 };
    x.count = reader_u16le(&r);
    x.size = reader_u32le(&r);
    x.offset = reader_u32le(&r);
    uint16_t comment = reader_u16le(&r);
    if (!reader_ok(&r))
        return 0;
    struct zip_directory d = { .record = record, .tail = record, .tail_end = record };
    d.comment = reader_peek(&r, comment);
    reader_skip(&r, d.comment.len);
    d.end = reader_where(&r);
    size_t n = add_zip64(file, d, ret_list, 0), all = add_extent(file, d, x, ret_list, n);
    if (n > 0 && all > n && is_shift_of_zip64(file, &ret_list[all - 1], &ret_list[0]))
        all--;
    return all;
}

struct reader zip_directory_open(struct span file, const struct zip_directory *d)
{
    struct reader r = reader_at(file, d->start);
    return reader_sub(&r, d->tail - d->start);
}

bool zip_extra_find(struct span extra, uint16_t id, struct reader *ret_body)
{
    struct reader r = reader_of(extra, 0);
    while (reader_left(&r) >= 4) {
        uint16_t found = reader_u16le(&r);
        struct reader body = reader_sub(&r, reader_u16le(&r));
        if (found == id && reader_ok(&body)) {
            *ret_body = body;
            return true;
        }
    }
    return false;
}

/* A saturated 32-bit field has its value in the ZIP64 extra field, in this order. */
static void apply_zip64(struct zip_entry *e, uint64_t *offset)
{
    struct reader r;
    if (!zip_extra_find(e->extra, EXTRA_ZIP64, &r))
        return;
    uint64_t *const fields[] = { &e->expanded, &e->compressed, offset };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i] && *fields[i] == UINT32_MAX && reader_left(&r) >= 8)
            *fields[i] = reader_u64le(&r);
}

/* Offsets count from where the archive starts, which is not always the file's start:
 * offset + start - said. */
static uint64_t place(const struct zip_directory *d, uint64_t offset)
{
    uint64_t sum;
    if (!size_add(offset, d->start, &sum) || sum < d->said)
        return UINT64_MAX;
    return sum - d->said;
}

bool zip_directory_next(struct reader *r, const struct zip_directory *d,
                        struct zip_entry *ret_entry)
{
    struct zip_entry e = { .header = reader_where(r) };
    struct reader look = *r;
    if (reader_u32le(&look) != CENTRAL_SIGNATURE)
        return false;
    reader_skip(&look, 1);
    e.host = reader_u8(&look);
    reader_skip(&look, 2);
    e.flags = reader_u16le(&look);
    e.method = reader_u16le(&look);
    reader_skip(&look, 2 + 2); /* time, date */
    e.crc = reader_u32le(&look);
    e.compressed = reader_u32le(&look);
    e.expanded = reader_u32le(&look);
    uint16_t name = reader_u16le(&look);
    uint16_t extra = reader_u16le(&look);
    uint16_t comment = reader_u16le(&look);
    reader_skip(&look, 2 + 2); /* disk, internal attributes */
    e.attributes = reader_u32le(&look);
    uint64_t offset = reader_u32le(&look);
    e.name = reader_bytes(&look, name);
    e.extra = reader_bytes(&look, extra);
    reader_skip(&look, comment);
    if (!reader_ok(&look))
        return false;
    apply_zip64(&e, &offset);
    e.local = place(d, offset);
    *r = look;
    *ret_entry = e;
    return true;
}

bool zip_local_read(struct span file, uint64_t offset, struct zip_entry *ret_entry)
{
    struct reader r = reader_at(file, offset);
    struct zip_entry e = { .header = offset, .local = offset };
    if (reader_u32le(&r) != LOCAL_SIGNATURE)
        return false;
    reader_skip(&r, 2); /* version needed */
    e.flags = reader_u16le(&r);
    e.method = reader_u16le(&r);
    reader_skip(&r, 2 + 2); /* time, date */
    e.crc = reader_u32le(&r);
    e.compressed = reader_u32le(&r);
    e.expanded = reader_u32le(&r);
    uint16_t name = reader_u16le(&r);
    uint16_t extra = reader_u16le(&r);
    e.name = reader_bytes(&r, name);
    e.extra = reader_bytes(&r, extra);
    e.data = reader_where(&r);
    if (!reader_ok(&r))
        return false;
    apply_zip64(&e, NULL);
    e.deferred = (e.flags & ZIP_DESCRIPTOR) && e.compressed == 0 && e.expanded == 0;
    *ret_entry = e;
    return true;
}

uint64_t zip_descriptor_size(struct span file, uint64_t offset, const struct zip_entry *e)
{
    /* with or without its signature, with 32- or 64-bit sizes */
    for (unsigned form = 0; form < 4; form++) {
        struct reader r = reader_at(file, offset);
        if (form < 2 && reader_u32le(&r) != DESCRIPTOR_SIGNATURE)
            continue;
        bool wide = form % 2 == 0;
        bool same = reader_u32le(&r) == e->crc;
        same &= (wide ? reader_u64le(&r) : reader_u32le(&r)) == e->compressed;
        same &= (wide ? reader_u64le(&r) : reader_u32le(&r)) == e->expanded;
        if (same && reader_ok(&r))
            return reader_where(&r) - offset;
    }
    return 0;
}
