/* tar: walk the members as Python's tarfile does, compare headers with their
 * extensions, and inspect every member and whatever lies outside of them. */
#include "formats/torch/tar.h"
#include "formats/inspector.h"
#include "formats/member_name.h"
#include "formats/tar_walk.h"

#include <inttypes.h>

enum { LINKS_MAX = 64, TABLES_MAX = 64 << 20, NAME_SHOWN = 100 };

/* A header's size field of eleven octal digits reaches this far. */
static const uint64_t size_field_max = UINT64_C(077777777777);

/* No file is that large; loaders overflow on sizes that are. */
static const uint64_t size_sane_max = UINT64_C(1) << 62;

struct met {
    struct tar_entry entry;
    struct met *next;
};

struct tar {
    struct inspection *in;
    struct arena *scratch;    /* everything below; ends with the inspection */
    struct met *first, *last; /* in the file's order */
    size_t count;
    const struct tar_entry **by_name;
    bool beyond; /* past the end marker, or a damaged header */
};

#define SHOW(name)                                                                       \
    (int)((name).len < NAME_SHOWN ? (name).len : NAME_SHOWN),                            \
        (const char *)((name).ptr ? (name).ptr : (const uint8_t *)"")

static enum claim claim(const struct inspection *in)
{
    return tar_recognise(in->bytes) ? CLAIM_MAGIC : CLAIM_NONE;
}

/* Names as extraction sees them: no "./" in front, no "/" behind. */
static struct span plain_name(struct span name)
{
    while (span_starts(name, "./"))
        name = span_slice(name, 2, name.len);
    while (span_ends(name, "/"))
        name = span_slice(name, 0, name.len - 1);
    return name;
}

static int compare_names(const void *a, const void *b)
{
    const struct tar_entry *x = *(const struct tar_entry *const *)a;
    const struct tar_entry *y = *(const struct tar_entry *const *)b;
    int order = span_compare(plain_name(x->name), plain_name(y->name));
    if (order != 0)
        return order;
    return x->header < y->header ? -1 : x->header > y->header;
}

static bool is_link(const struct tar_entry *e)
{
    return e->type == TAR_SYMBOLIC_LINK || e->type == TAR_HARD_LINK;
}

/* ---- what a header says ---- */

static void check_name(struct tar *t, const struct tar_entry *e)
{
    struct inspection *in = t->in;
    const char *why = member_name_unsafe(e->name);
    if (why)
        inspection_finding(in, RULE_TAR_UNSAFE_NAME, e->header, e->name, "'%.*s' %s",
                           SHOW(e->name), why);
    /* a symbolic link counts from where it lies, a hard link from the root */
    bool escapes = e->type == TAR_SYMBOLIC_LINK ? member_link_escapes(e->name, e->link)
                                                : member_name_unsafe(e->link) != NULL;
    if (is_link(e) && escapes)
        inspection_finding(in, RULE_TAR_LINK_ESCAPE, e->header, e->link,
                           "'%.*s' is a link to '%.*s'", SHOW(e->name), SHOW(e->link));
    if (e->type == TAR_CHARACTER_DEVICE || e->type == TAR_BLOCK_DEVICE ||
        e->type == TAR_FIFO)
        inspection_finding(in, RULE_TAR_DEVICE, e->header, e->name,
                           "'%.*s' extracts as a device or pipe", SHOW(e->name));
    if (e->mode & 06000 && e->has_data)
        inspection_finding(in, RULE_TAR_SETUID, e->header, e->name,
                           "'%.*s' has mode %04" PRIo32, SHOW(e->name), e->mode);
}

static bool is_ascii(struct span s)
{
    struct reader r = reader_of(s, 0);
    while (reader_left(&r) > 0)
        if (reader_u8(&r) >= 0x80)
            return false;
    return true;
}

/* Writers add a second name only where the header cannot hold the first: when it is
 * long or not ASCII.  Sizes likewise. */
static void check_conflicts(struct tar *t, const struct tar_entry *e)
{
    struct inspection *in = t->in;
    struct span name = plain_name(e->name), said = plain_name(e->header_name);
    if (e->renamed && !span_equal(name, said) && name.len < 100 && is_ascii(name))
        inspection_finding(in, RULE_TAR_HEADER_CONFLICT, e->header, e->header_name,
                           "'%.*s' is '%.*s' for loaders that ignore its extension",
                           SHOW(e->name), SHOW(e->header_name));
    if (e->size != e->header_size && e->size <= size_field_max)
        inspection_finding(in, RULE_TAR_HEADER_CONFLICT, e->header, e->name,
                           "'%.*s' has %" PRIu64 " bytes in its extension and %" PRIu64
                           " in its header",
                           SHOW(e->name), e->size, e->header_size);
    if (!e->has_data && e->header_size > 0)
        inspection_finding(in, RULE_TAR_HEADER_CONFLICT, e->header, e->name,
                           "'%.*s' is no file and still has %" PRIu64 " bytes",
                           SHOW(e->name), e->header_size);
    if (e->size > size_sane_max)
        inspection_finding(in, RULE_TAR_BAD_SIZE, e->header, e->name,
                           "'%.*s' has %" PRIu64 " bytes", SHOW(e->name), e->size);
    if (e->malformed)
        inspection_finding(in, RULE_TAR_HEADER_CONFLICT, e->header, e->name,
                           "the PAX header of '%.*s' is malformed", SHOW(e->name));
    if (e->global)
        inspection_finding(in, RULE_TAR_HEADER_CONFLICT, e->header, e->name,
                           "a global PAX header names or sizes '%.*s'", SHOW(e->name));
}

/* ---- names against each other ---- */

static bool comes_through(const struct tar_entry *link, const struct tar_entry *e)
{
    return e->header > link->header && !is_link(e) &&
           (member_name_below(e->name, link->name) ||
            (e->has_data && span_equal(plain_name(e->name), plain_name(link->name))));
}

static void check_link(struct tar *t, const struct tar_entry *link)
{
    size_t low = 0, high = t->count;
    while (low < high) { /* the link itself, in the order of names */
        size_t middle = low + (high - low) / 2;
        if (compare_names(&t->by_name[middle], &link) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    struct span top = plain_name(link->name);
    for (; low < t->count; low++) {
        const struct tar_entry *e = t->by_name[low];
        struct span start = span_slice(plain_name(e->name), 0, top.len);
        if (!span_equal(start, top))
            return;
        if (comes_through(link, e)) {
            inspection_finding(t->in, RULE_TAR_LINK_THEN_WRITE, e->header, e->name,
                               "'%.*s' is written through the link '%.*s'", SHOW(e->name),
                               SHOW(link->name));
            return;
        }
    }
}

static void check_names(struct tar *t)
{
    t->by_name = arena_array(t->scratch, t->count, sizeof *t->by_name);
    if (!t->by_name) {
        inspection_incomplete(t->in, "no memory for %zu names", t->count);
        return;
    }
    size_t n = 0, links = 0;
    for (const struct met *m = t->first; m; m = m->next)
        t->by_name[n++] = &m->entry;
    qsort(t->by_name, n, sizeof *t->by_name, compare_names);
    for (size_t i = 1; i < n; i++) {
        const struct tar_entry *a = t->by_name[i - 1], *b = t->by_name[i];
        if (a->type != TAR_DIRECTORY &&
            span_equal(plain_name(a->name), plain_name(b->name)))
            inspection_finding(t->in, RULE_TAR_DUPLICATE_NAME, b->header, b->name,
                               "'%.*s' lies at %" PRIu64 " and again at %" PRIu64,
                               SHOW(b->name), a->header, b->header);
    }
    for (const struct met *m = t->first; m; m = m->next)
        if (m->entry.type == TAR_SYMBOLIC_LINK && links++ < LINKS_MAX)
            check_link(t, &m->entry);
    if (links > LINKS_MAX)
        inspection_incomplete(t->in, "more than %d symbolic links", LINKS_MAX);
}

/* ---- members and what lies between them ---- */

static bool inspect_range(struct tar *t, struct span name, uint64_t from, uint64_t size)
{
    struct inspection *in = t->in;
    uint64_t end;
    if (!size_add(from, size, &end) || end > in->bytes.len) {
        inspection_incomplete(in, "the data of '%.*s' is cut off", SHOW(name));
        end = in->bytes.len;
    }
    struct span bytes = span_slice(in->bytes, (size_t)from, (size_t)end);
    if (bytes.len > 0)
        (void)inspect_member(in, name, from, bytes);
    return in->budget->left[BUDGET_MEMBERS] > 0;
}

/* The member as tarfile sees it, and as a loader does that ignores extensions. */
static bool inspect_entry(struct tar *t, const struct tar_entry *e)
{
    check_name(t, e);
    check_conflicts(t, e);
    if (e->sparse)
        inspection_incomplete(t->in, "'%.*s' is sparse", SHOW(e->name));
    bool go_on = true;
    if (e->has_data && !t->beyond && torch_tar_reads(e->name) &&
        (t->in->artifact->formats & FORMAT_BIT(FORMAT_TORCH_TAR)))
        return true; /* pickles with raw data between: torch/tar.c knows where */
    if (e->has_data)
        go_on = inspect_range(t, e->name, e->data, e->size);
    else if (e->header_size > 0)
        go_on = inspect_range(t, e->name, e->data, e->header_size);
    if (!go_on || !e->has_data || e->size == e->header_size)
        return go_on;
    uint64_t skipped = e->header_size / TAR_BLOCK * TAR_BLOCK;
    if (e->header_size > e->size)
        return inspect_range(t, e->name, e->data, e->header_size);
    if (e->header_size == 0 || e->size <= skipped + TAR_BLOCK)
        return true;
    skipped += e->header_size > skipped ? TAR_BLOCK : 0;
    return inspect_range(t, e->name, e->data + skipped, e->size - skipped);
}

/* The next header after a place where the walk ended; the file's end if none. */
static uint64_t find_header(struct span file, uint64_t from)
{
    struct reader r = reader_of(file, 0);
    reader_seek(&r, from);
    while (reader_left(&r) >= TAR_BLOCK) {
        uint64_t here = reader_where(&r);
        if (tar_recognise(reader_bytes(&r, TAR_BLOCK)))
            return here;
    }
    return file.len;
}

/* Past the end marker, or a damaged header: report what lies there, and go on where
 * another header starts (tarfile can be told to, and concatenated archives are). */
static bool pass_gap(struct tar *t, struct tar_walk *w, enum tar_step step)
{
    struct inspection *in = t->in;
    uint64_t from = w->next;
    t->beyond = true;
    if (step == TAR_DAMAGED)
        inspection_incomplete(in, "%s at %" PRIu64, w->problem, from);
    if (step == TAR_CUT)
        inspection_incomplete(in, "the archive is cut off at %" PRIu64, from);
    if (step == TAR_DAMAGED && w->bad_size)
        inspection_finding(in, RULE_TAR_BAD_SIZE, from, (struct span){ 0 }, "%s",
                           w->problem);
    if (from >= in->bytes.len)
        return false;
    uint64_t to = find_header(in->bytes, from + TAR_BLOCK);
    struct span gap = span_slice(in->bytes, (size_t)from, (size_t)to);
    if (step == TAR_END && (!span_is_zero(gap) || to < in->bytes.len))
        inspection_finding(in, RULE_TAR_OUTSIDE_DATA, from, (struct span){ 0 },
                           "data follow the end of the archive");
    if (step == TAR_DAMAGED)
        from += TAR_BLOCK;
    while (from < to &&
           span_is_zero(span_slice(in->bytes, (size_t)from, (size_t)(from + TAR_BLOCK))))
        from += TAR_BLOCK;
    if (from < to && !inspect_range(t, span_of_text("(outside data)"), from, to - from))
        return false;
    w->next = to;
    return to < in->bytes.len;
}

static bool remember(struct tar *t, const struct tar_entry *e)
{
    struct met *m = arena_alloc(t->scratch, sizeof *m);
    if (!m) {
        inspection_incomplete(t->in, "no memory for more than %zu members", t->count);
        return false;
    }
    m->entry = *e;
    if (t->last)
        t->last->next = m;
    else
        t->first = m;
    t->last = m;
    t->count++;
    return true;
}

static void inspect_members(struct tar *t)
{
    struct tar_walk w = tar_walk_start(t->in->bytes, t->scratch);
    bool go_on = true;
    while (go_on) {
        struct tar_entry e;
        enum tar_step step = tar_walk_next(&w, &e);
        if (step == TAR_ENTRY)
            go_on = remember(t, &e) && inspect_entry(t, &e);
        else
            go_on = pass_gap(t, &w, step);
    }
}

static void inspect(struct inspection *in)
{
    struct tar t = { .in = in };
    if (in->budget->left[BUDGET_DEPTH] == 0) {
        (void)inspection_spend(in, BUDGET_DEPTH, 1);
        return;
    }
    t.scratch = arena_new(TABLES_MAX);
    if (!t.scratch) {
        inspection_incomplete(in, "no memory");
        return;
    }
    inspect_members(&t);
    check_names(&t);
    struct fact *tar = fact_object(in->arena, artifact_facts(in->artifact), "tar");
    fact_uint(in->arena, tar, "entries", t.count);
    arena_free(t.scratch);
}

static const char *const extensions[] = { ".tar", NULL };

const struct inspector tar_inspector = {
    .format = FORMAT_TAR,
    .extensions = extensions,
    .claim = claim,
    .inspect = inspect,
};
