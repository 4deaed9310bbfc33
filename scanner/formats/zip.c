/* ZIP: read the central directory and the local headers, compare them, account for
 * every byte of the file, and inspect every member of either view once. */
#include "formats/member_name.h"
#include "formats/tar_walk.h"
#include "formats/zip_member.h"

enum { DIRECTORIES_MAX = 8, LINKS_MAX = 64, TABLES_MAX = 64 << 20 };

struct zip {
    struct inspection *in;
    struct zip_members members;
    struct arena *scratch; /* the tables below; ends with the inspection */
    struct zip_directory directories[DIRECTORIES_MAX];
    uint64_t directory_ends[DIRECTORIES_MAX]; /* behind the last entry that was read */
    size_t directory_count;
    struct zip_entry *entries; /* of all directories */
    const struct zip_entry **by_place, **by_name;
    size_t count, primary_count; /* the primary directory's come first */
    uint64_t covered;            /* every byte before this is accounted for */
    bool stopped;                /* a budget is spent */
};

static unsigned long long ull(uint64_t n)
{
    return n;
}

static bool within(const struct zip_directory *d, const struct tar_range *ranges,
                   size_t count)
{
    uint64_t start = d->start > d->said ? d->start - d->said : 0;
    for (size_t i = 0; i < count; i++)
        if (ranges[i].start <= start && d->end <= ranges[i].end)
            return true;
    return false;
}

/* Data in front does not keep zipfile, and all that rest on it, from loading.  But an
 * archive stored as a member of a tar is the tar's, though zipfile would open it. */
static bool ends_as_zip(struct span file)
{
    struct tar_range members[TAR_RANGES_MAX];
    size_t count = SIZE_MAX; /* not asked yet */
    uint64_t at = file.len;
    while (zip_previous_end(file, at, &at)) {
        struct zip_directory list[ZIP_INTERPRETATIONS_MAX];
        size_t n = zip_read_end(file, at, list);
        for (size_t i = 0; i < n; i++) {
            if (list[i].size == 0)
                continue;
            if (count == SIZE_MAX)
                count = tar_last_members(file, TAR_TAIL_MAX, members);
            if (!within(&list[i], members, count))
                return true;
        }
    }
    return false;
}

static enum claim claim(const struct inspection *in)
{
    if (span_starts(in->bytes, "PK\x03\x04") || span_starts(in->bytes, "PK\x05\x06"))
        return CLAIM_MAGIC;
    return ends_as_zip(in->bytes) ? CLAIM_MAGIC : CLAIM_NONE;
}

static int compare_places(const void *a, const void *b)
{
    const struct zip_entry *x = *(const struct zip_entry *const *)a;
    const struct zip_entry *y = *(const struct zip_entry *const *)b;
    if (x->local != y->local)
        return x->local < y->local ? -1 : 1;
    return x->header < y->header ? -1 : x->header > y->header;
}

static int compare_names(const void *a, const void *b)
{
    const struct zip_entry *x = *(const struct zip_entry *const *)a;
    const struct zip_entry *y = *(const struct zip_entry *const *)b;
    if (x->directory != y->directory)
        return x->directory < y->directory ? -1 : 1;
    int order = span_compare(x->name, y->name);
    if (order != 0)
        return order;
    return x->header < y->header ? -1 : x->header > y->header;
}

static int compare_folded(const void *a, const void *b)
{
    const struct zip_entry *x = *(const struct zip_entry *const *)a;
    const struct zip_entry *y = *(const struct zip_entry *const *)b;
    if (x->directory != y->directory)
        return x->directory < y->directory ? -1 : 1;
    int order = member_name_compare(x->name, y->name);
    return order != 0 ? order : compare_names(a, b);
}

/* ---- the tables ---- */

/* Read one directory into entries (NULL: only count); where the reading ended. */
static size_t read_directory(const struct zip *z, const struct zip_directory *d,
                             uint8_t number, size_t max, struct zip_entry *entries,
                             uint64_t *ret_end)
{
    struct reader r = zip_directory_open(z->in->bytes, d);
    size_t n = 0;
    struct zip_entry e;
    while (n < max && zip_directory_next(&r, d, &e)) {
        e.directory = number;
        if (entries)
            entries[n] = e;
        n++;
    }
    *ret_end = reader_where(&r);
    return n;
}

/* Does this offset lie in the data of a member of the primary directory?  Then an end
 * record there is that of an archive inside the archive. */
static bool lies_in_member(const struct zip *z, uint64_t offset)
{
    size_t low = 0, high = z->primary_count;
    while (low < high) { /* the last entry that starts at or before offset */
        size_t middle = low + (high - low) / 2;
        if (z->by_place[middle]->local <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    struct zip_entry local;
    uint64_t end;
    return low > 0 && zip_local_read(z->in->bytes, z->by_place[low - 1]->local, &local) &&
           size_add(local.data, z->by_place[low - 1]->compressed, &end) && offset < end;
}

static void check_directory(struct zip *z, const struct zip_directory *d, size_t entries,
                            uint64_t end)
{
    uint64_t mask = d->zip64 ? UINT64_MAX : UINT16_MAX; /* some writers let it wrap */
    if ((entries & mask) != d->count || end - d->start != d->size)
        inspection_finding(z->in, RULE_ZIP_DIRECTORY_MISMATCH, d->record,
                           (struct span){ 0 },
                           "the end record says %llu entries in %llu bytes, the "
                           "directory holds %zu in %llu",
                           ull(d->count), ull(d->size), entries, ull(end - d->start));
    if (d->detached && d->start == d->said)
        inspection_finding(z->in, RULE_ZIP_DIRECTORY_MISMATCH, d->record,
                           (struct span){ 0 },
                           "the ZIP64 locator does not point at the record before it");
}

/* Append the directory's entries to the tables. */
static void add_directory(struct zip *z, const struct zip_directory *d)
{
    struct inspection *in = z->in;
    for (size_t i = 0; i < z->directory_count; i++)
        if (z->directories[i].start == d->start && z->directories[i].said == d->said)
            return;
    if (z->directory_count > 0)
        inspection_finding(in, RULE_ZIP_SEVERAL_DIRECTORIES, d->record,
                           (struct span){ 0 }, "central directories at %llu and at %llu",
                           ull(z->directories[0].start), ull(d->start));
    if (z->directory_count == DIRECTORIES_MAX) {
        inspection_incomplete(in, "more than %d central directories", DIRECTORIES_MAX);
        z->stopped = true;
        return;
    }
    uint64_t end;
    uint8_t number = (uint8_t)z->directory_count;
    uint64_t left = in->budget->left[BUDGET_MEMBERS];
    size_t room = left > z->count ? (size_t)(left - z->count) : 0;
    size_t n = read_directory(z, d, number, SIZE_MAX, NULL, &end);
    check_directory(z, d, n, end);
    if (n > room) {
        (void)inspection_spend(in, BUDGET_MEMBERS, UINT64_MAX); /* says so */
        n = room;
    }
    struct zip_entry *all = arena_array(z->scratch, z->count + n, sizeof *all);
    const struct zip_entry **places =
        arena_array(z->scratch, z->count + n, sizeof *places);
    if (!all || !places) {
        inspection_incomplete(in, "no memory for %zu entries", z->count + n);
        z->stopped = true;
        return;
    }
    for (size_t i = 0; i < z->count; i++)
        all[i] = z->entries[i];
    uint64_t unused;
    z->entries = all;
    z->by_place = places;
    z->count += read_directory(z, d, number, n, all + z->count, &unused);
    for (size_t i = 0; i < z->count; i++)
        places[i] = &all[i];
    qsort(places, z->count, sizeof *places, compare_places);
    if (z->directory_count == 0)
        z->primary_count = z->count;
    z->directory_ends[z->directory_count] = end;
    z->directories[z->directory_count++] = *d;
}

/* The directory that loaders take is the one of the last end record; others count
 * unless they are those of an archive stored inside this one. */
static void find_directories(struct zip *z)
{
    uint64_t at = z->in->bytes.len;
    while (!z->stopped && zip_previous_end(z->in->bytes, at, &at)) {
        if (z->directory_count == 1 && lies_in_member(z, at))
            continue;
        struct zip_directory list[ZIP_INTERPRETATIONS_MAX];
        size_t n = zip_read_end(z->in->bytes, at, list);
        for (size_t i = 0; i < n && !z->stopped; i++)
            add_directory(z, &list[i]);
    }
}

/* ---- names ---- */

static bool is_directory(const struct zip_entry *e)
{
    return span_ends(e->name, "/") && e->expanded == 0;
}

static void report_duplicate(struct zip *z, const struct zip_entry *a,
                             const struct zip_entry *b)
{
    if (a->directory != b->directory || is_directory(a) || is_directory(b))
        return;
    if (span_equal(a->name, b->name))
        inspection_finding(z->in, RULE_ZIP_DUPLICATE_NAME, b->header, b->name,
                           "'%.*s' is listed at %llu and again at %llu",
                           ZIP_SHOW(b->name), ull(a->header), ull(b->header));
    else if (member_name_compare(a->name, b->name) == 0)
        inspection_finding(z->in, RULE_ZIP_AMBIGUOUS_NAME, b->header, b->name,
                           "'%.*s' and '%.*s' are one name to some loaders",
                           ZIP_SHOW(a->name), ZIP_SHOW(b->name));
}

/* Is there a member below this one, so that extracting writes through the link? */
static bool has_members_below(const struct zip *z, const struct zip_entry *link)
{
    size_t low = 0, high = z->count;
    while (low < high) { /* the first name that sorts behind the link's */
        size_t middle = low + (high - low) / 2;
        if (compare_names(&z->by_name[middle], &link) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < z->count && z->by_name[low]->directory == link->directory; low++) {
        if (member_name_below(z->by_name[low]->name, link->name))
            return true;
        struct span start = span_slice(z->by_name[low]->name, 0, link->name.len);
        if (!span_equal(start, link->name))
            return false;
    }
    return false;
}

static void check_names(struct zip *z)
{
    z->by_name = arena_array(z->scratch, z->count, sizeof *z->by_name);
    if (!z->by_name) {
        inspection_incomplete(z->in, "no memory for %zu names", z->count);
        return;
    }
    for (size_t i = 0; i < z->count; i++)
        z->by_name[i] = &z->entries[i];
    qsort(z->by_name, z->count, sizeof *z->by_name, compare_folded);
    for (size_t i = 1; i < z->count; i++)
        report_duplicate(z, z->by_name[i - 1], z->by_name[i]);
    qsort(z->by_name, z->count, sizeof *z->by_name, compare_names);
    size_t links = 0;
    for (size_t i = 0; i < z->count; i++) {
        const struct zip_entry *e = &z->entries[i];
        zip_member_check(&z->members, e);
        if (zip_member_is_link(e) && links++ < LINKS_MAX && has_members_below(z, e))
            inspection_finding(z->in, RULE_ZIP_SYMLINK, e->header, e->name,
                               "other members are extracted through the link '%.*s'",
                               ZIP_SHOW(e->name));
    }
    if (links > LINKS_MAX)
        inspection_incomplete(z->in, "more than %d symbolic links", LINKS_MAX);
}

/* ---- the bytes between the members ---- */

/* An OLE2 compound document, in whole sectors (.xls, .doc, .ppt)?  Office keeps themes
 * and newer files in it as archives; no model loader reads what lies around them. */
static bool is_compound_document(struct span file)
{
    struct reader r = reader_of(file, 0);
    bool magic = span_is(reader_bytes(&r, 8), "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    reader_skip(&r, 16 + 2); /* class identifier, minor version */
    uint16_t version = reader_u16le(&r), order = reader_u16le(&r);
    uint16_t shift = reader_u16le(&r), mini_shift = reader_u16le(&r);
    reader_skip(&r, 6 + 4); /* reserved, directory sectors */
    uint32_t table_sectors = reader_u32le(&r);
    return magic && reader_ok(&r) && order == 0xfffe && mini_shift == 6 &&
           shift == (version == 3 ? 9 : 12) && (version == 3 || version == 4) &&
           file.len % (1u << shift) == 0 && table_sectors > 0 &&
           table_sectors < file.len >> shift;
}

static void report_outside(struct zip *z, uint64_t from, uint64_t to)
{
    struct inspection *in = z->in;
    struct span bytes = span_slice(in->bytes, (size_t)from, (size_t)to);
    if (bytes.len == 0 || span_is_zero(bytes)) /* padding carries nothing */
        return;
    if (z->directory_count == 0) { /* cut off: nothing says what belongs where */
        (void)inspect_member(in, span_of_text("(outside data)"), from, bytes);
        return;
    }
    const char *where = from == 0             ? "in front of the archive"
                        : to == in->bytes.len ? "behind the archive"
                                              : "between its members";
    if (!is_compound_document(in->bytes))
        inspection_finding(in, RULE_ZIP_OUTSIDE_DATA, from, span_slice(bytes, 0, 32),
                           "%zu bytes %s belong to no member", bytes.len, where);
    if (from > 0) /* what lies in front has been identified as the file itself */
        (void)inspect_member(in, span_of_text("(outside data)"), from, bytes);
}

/* Where the data of a stored member ends that only a descriptor can tell: at a
 * descriptor with the right size, or at the next header. */
static uint64_t find_stored_end(struct span file, const struct zip_entry *e, uint64_t to)
{
    struct span window = span_slice(file, 0, (size_t)to);
    size_t at = span_find(window, "PK", (size_t)e->data);
    for (; at != SIZE_MAX; at = span_find(window, "PK", at + 1)) {
        struct span here = span_slice(window, at, SIZE_MAX);
        struct reader r = reader_of(here, 0);
        reader_skip(&r, 8); /* signature, CRC */
        if (span_starts(here, "PK\x03\x04") || span_starts(here, "PK\x01\x02") ||
            (span_starts(here, "PK\x07\x08") && reader_u32le(&r) == at - e->data))
            return at;
    }
    return to;
}

/* The same entry with the data that there is room for. */
static struct zip_entry cut_entry(struct zip *z, const struct zip_entry *e, uint64_t to)
{
    struct zip_entry cut = *e;
    if (!e->deferred)
        inspection_incomplete(z->in, "the data of '%.*s' is cut off", ZIP_SHOW(e->name));
    cut.compressed = to > e->data ? to - e->data : 0;
    cut.deferred = true;
    return cut;
}

/* A local header that no directory lists: inspect its member; where it ends. */
static uint64_t inspect_unlisted(struct zip *z, struct zip_entry *e, uint64_t to)
{
    if (z->directory_count > 0)
        inspection_finding(z->in, RULE_ZIP_UNLISTED_ENTRY, e->header, e->name,
                           "'%.*s' has a local header and is not in the directory",
                           ZIP_SHOW(e->name));
    zip_member_check(&z->members, e);
    if (e->deferred && e->method == ZIP_STORED)
        e->compressed = find_stored_end(z->in->bytes, e, to) - e->data;
    else if (e->deferred || e->compressed > to - e->data)
        *e = cut_entry(z, e, to);
    uint64_t used = e->compressed;
    if (!is_directory(e) || e->compressed > 0)
        z->stopped |= !zip_member_inspect(&z->members, e, &used);
    uint64_t end = e->data + used;
    if (e->deferred) { /* now that they are known, the descriptor must say the same */
        struct reader r = reader_of(z->in->bytes, 0);
        reader_seek(&r, end);
        if (span_starts(reader_peek(&r, 4), "PK\x07\x08"))
            end += 16;
    }
    return end < to ? end : to;
}

/* Bytes that no directory accounts for: padding, unlisted members, or neither. */
static void inspect_gap(struct zip *z, uint64_t from, uint64_t to)
{
    struct span window = span_slice(z->in->bytes, 0, (size_t)to);
    uint64_t outside = from;
    size_t hit = span_find(window, "PK\x03\x04", (size_t)from);
    while (hit != SIZE_MAX && !z->stopped) {
        struct zip_entry e;
        uint64_t next = hit + 1;
        if (zip_local_read(window, hit, &e) && e.name.len > 0) {
            report_outside(z, outside, hit);
            next = outside = inspect_unlisted(z, &e, to);
        }
        hit = span_find(window, "PK\x03\x04", (size_t)next);
    }
    if (!z->stopped)
        report_outside(z, outside, to);
}

static void cover(struct zip *z, uint64_t from, uint64_t to)
{
    if (from > z->covered)
        inspect_gap(z, z->covered, from);
    if (to > z->covered)
        z->covered = to;
}

/* ---- the members ---- */

/* One line for all the fields in which the two headers differ; empty: none. */
static void compare_headers(struct zip *z, const struct zip_entry *c,
                            const struct zip_entry *l)
{
    bool name = !span_equal(c->name, l->name);
    bool method = c->method != l->method;
    bool size =
        !l->deferred && (c->compressed != l->compressed || c->expanded != l->expanded);
    bool crc = c->crc != l->crc && !(l->crc == 0 && (l->flags & ZIP_DESCRIPTOR));
    if (name || method || size || crc)
        inspection_finding(z->in, RULE_ZIP_HEADER_MISMATCH, l->header, l->name,
                           "the local header of '%.*s' differs in:%s%s%s%s",
                           ZIP_SHOW(c->name), name ? " name" : "",
                           method ? " method" : "", size ? " size" : "",
                           crc ? " CRC" : "");
    if ((c->flags ^ l->flags) & (ZIP_UNREADABLE | ZIP_MASKED_HEADER))
        inspection_finding(z->in, RULE_ZIP_FLAG_MISMATCH, l->header, l->name,
                           "'%.*s' has flags %04x in the directory and %04x in front "
                           "of its data",
                           ZIP_SHOW(c->name), c->flags, l->flags);
    if (name && member_name_unsafe(l->name))
        inspection_finding(z->in, RULE_ZIP_UNSAFE_NAME, l->header, l->name, "'%.*s' %s",
                           ZIP_SHOW(l->name), member_name_unsafe(l->name));
}

/* What a loader that believes the local header sees, where that is something else. */
static void inspect_local_view(struct zip *z, const struct zip_entry *c,
                               const struct zip_entry *l)
{
    if (l->deferred || (l->method == c->method && l->compressed == c->compressed))
        return;
    uint64_t used = 0;
    z->stopped |= !zip_member_inspect(&z->members, l, &used);
    uint64_t local_end = l->data + used, listed_end = l->data + c->compressed;
    struct reader r = reader_of(z->in->bytes, 0);
    reader_seek(&r, local_end);
    if (local_end < listed_end && span_starts(reader_peek(&r, 4), "PK\x03\x04"))
        inspect_gap(z, local_end,
                    listed_end < z->in->bytes.len ? listed_end : z->in->bytes.len);
}

/* Members that share bytes are charged for them, so that sharing buys no work. */
static bool check_overlap(struct zip *z, const struct zip_entry *e, uint64_t end,
                          bool charge)
{
    const struct zip_directory *d = &z->directories[0];
    bool shares = e->local < z->covered;
    if (shares || (end > d->start && e->local < z->directory_ends[0]))
        inspection_finding(z->in, RULE_ZIP_OVERLAP, e->header, e->name,
                           "'%.*s' shares bytes with another member or the directory",
                           ZIP_SHOW(e->name));
    return !shares || !charge ||
           inspection_spend(z->in, BUDGET_EXPANDED_BYTES, e->compressed);
}

static void inspect_listed(struct zip *z, const struct zip_entry *e,
                           const struct zip_entry *before)
{
    struct zip_entry local, member = *e;
    if (!zip_local_read(z->in->bytes, e->local, &local)) {
        inspection_finding(z->in, RULE_ZIP_HEADER_MISMATCH, e->header, e->name,
                           "'%.*s' has no local header where the directory says",
                           ZIP_SHOW(e->name));
        inspection_incomplete(z->in, "'%.*s' is not there", ZIP_SHOW(e->name));
        return;
    }
    member.data = local.data;
    cover(z, e->local, e->local);
    bool again = before && before->local == e->local && before->method == e->method &&
                 before->compressed == e->compressed;
    if (again && before->directory != e->directory) /* two directories, one member */
        return;
    compare_headers(z, e, &local);
    uint64_t used, end;
    if (!size_add(local.data, e->compressed, &end) || end > z->in->bytes.len) {
        inspection_finding(z->in, RULE_ZIP_HEADER_MISMATCH, e->header, e->name,
                           "the directory gives '%.*s' %llu bytes, more than there are",
                           ZIP_SHOW(e->name), ull(e->compressed));
        member = cut_entry(z, &member, z->directories[0].start);
        end = local.data + member.compressed;
    }
    bool inspect_it = !again && (!is_directory(e) || e->compressed > 0);
    if (!check_overlap(z, e, end, inspect_it) ||
        (inspect_it && !zip_member_inspect(&z->members, &member, &used))) {
        z->stopped = true;
        return;
    }
    inspect_local_view(z, e, &local);
    if ((local.flags | e->flags) & ZIP_DESCRIPTOR)
        end += zip_descriptor_size(z->in->bytes, end, e);
    if (end > z->covered)
        z->covered = end;
}

/* Entries by place, and the gaps between them; then the directories and their gaps. */
static void inspect_all(struct zip *z)
{
    for (size_t i = 0; i < z->count && !z->stopped; i++) {
        const struct zip_entry *before = i > 0 ? z->by_place[i - 1] : NULL;
        inspect_listed(z, z->by_place[i], before);
    }
    bool done[DIRECTORIES_MAX] = { false };
    for (size_t n = 0; n < z->directory_count && !z->stopped; n++) {
        size_t next = 0; /* the directory that starts first */
        while (done[next])
            next++;
        for (size_t i = next + 1; i < z->directory_count; i++)
            if (!done[i] && z->directories[i].start < z->directories[next].start)
                next = i;
        done[next] = true;
        const struct zip_directory *d = &z->directories[next];
        cover(z, d->start, z->directory_ends[next]);
        cover(z, d->tail, d->tail_end);
        cover(z, d->record, d->end);
    }
    if (!z->stopped)
        cover(z, z->in->bytes.len, z->in->bytes.len);
}

static void report_facts(struct zip *z)
{
    struct inspection *in = z->in;
    struct fact *zip = fact_object(in->arena, artifact_facts(in->artifact), "zip");
    fact_uint(in->arena, zip, "entries", z->primary_count);
    if (z->directory_count > 0 && z->directories[0].comment.len > 0)
        fact_text(in->arena, zip, "comment", z->directories[0].comment);
}

static void inspect(struct inspection *in)
{
    struct zip z = { .in = in, .members = { .in = in } };
    if (in->budget->left[BUDGET_DEPTH] == 0) {
        (void)inspection_spend(in, BUDGET_DEPTH, 1);
        return;
    }
    z.scratch = arena_new(TABLES_MAX);
    if (!z.scratch) {
        inspection_incomplete(in, "no memory");
        return;
    }
    find_directories(&z);
    if (z.directory_count == 0)
        inspection_incomplete(in, "no central directory: cut off, or not a whole ZIP");
    check_names(&z);
    inspect_all(&z);
    report_facts(&z);
    zip_members_end(&z.members);
    arena_free(z.scratch);
}

static const char *const extensions[] = { ".zip", ".npz", NULL };

const struct inspector zip_inspector = {
    .format = FORMAT_ZIP,
    .extensions = extensions,
    .claim = claim,
    .inspect = inspect,
};
