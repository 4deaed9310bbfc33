#include "core/descriptor.h"
#include "engine/evidence/private.h"

#include "engine/promises.h"
#include "engine/units.h"
#include "origins/bundle.h"
#include "sources/beneath.h"
#include "trust/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARENA_MAX = 512 << 20, MISSING_SHOWN = 5, SAID_FIRST = 16 };
enum { PROMISES_MAX = 64 }; /* of one file; there are a dozen digests */

/* Directories that DVC keeps do not overlap; files may be in so many all the same. */
enum { LISTINGS_OF_A_FILE = 4, LISTINGS_LEAST = 1000 };

/* ---- finding voices --------------------------------------------------------------- */

static int compare_voices(const void *a, const void *b)
{
    const struct voice *left = a, *right = b;
    if (left->list != right->list)
        return left->list < right->list ? -1 : 1;
    int order = span_compare(span_slice(left->file->path, 0, left->base),
                             span_slice(right->file->path, 0, right->base));
    return order ? order : span_compare(left->file->path, right->file->path);
}

static int compare_path(const void *key, const void *element)
{
    const struct source_file *const *file = element;
    return span_compare(*(const struct span *)key, (*file)->path);
}

/* Does `name` lie beside, in the base of a file?  `files` are the list's, sorted. */
static bool lies_beside(const struct source_file *const *files, size_t count,
                        struct span base, const char *name)
{
    char text[BUNDLE_PATH_MAX];
    int n = snprintf(text, sizeof text, "%.*s%s", (int)base.len, (const char *)base.ptr,
                     name);
    struct span path = span_of(text, n < 0 ? 0 : (size_t)n);
    return n > 0 && (size_t)n < sizeof text &&
           bsearch(&path, files, count, sizeof *files, compare_path);
}

static bool find_voices(struct evidence *e, const struct source_list *list)
{
    const struct source_file **files = calloc(list->count + 1, sizeof *files);
    size_t count = 0;
    if (!files)
        return false;
    for (const struct source_file *f = list->files; f; f = f->next)
        files[count++] = f;
    for (size_t i = 0; i < count; i++) {
        struct voice v = { .list = list, .file = files[i] };
        const char *beside = "";
        if (files[i]->problem.len || files[i]->path.len > BUNDLE_PATH_MAX ||
            !origin_recognise(files[i]->path, &v.kind, &v.base, &beside) ||
            (origin_is_blob(v.kind) && files[i]->size > ORIGIN_BLOB_MAX) ||
            (*beside &&
             !lies_beside(files, count, span_slice(files[i]->path, 0, v.base), beside)))
            continue;
        e->voices[e->voice_count++] = v;
    }
    free(files);
    return true;
}

static bool same_base(const struct voice *a, const struct voice *b)
{
    return a->list == b->list && a->base == b->base &&
           span_compare(span_slice(a->file->path, 0, a->base),
                        span_slice(b->file->path, 0, b->base)) == 0;
}

static void make_bundles(struct evidence *e)
{
    if (e->voice_count)
        qsort(e->voices, e->voice_count, sizeof *e->voices, compare_voices);
    for (size_t i = 0; i < e->voice_count; i++) {
        buffer_init(&e->voices[i].missing, MESSAGE_MAX);
        if (i == 0 || !same_base(&e->voices[i - 1], &e->voices[i]))
            e->bundles[e->bundle_count++] = (struct bundle){ .voices = &e->voices[i] };
        e->bundles[e->bundle_count - 1].voice_count++;
    }
}

struct evidence *evidence_new(const struct scan_options *o,
                              const struct source_list *lists, size_t list_count)
{
    struct evidence *e = calloc(1, sizeof *e);
    size_t total = 0;
    if (!e)
        return NULL;
    *e = (struct evidence){ .options = o, .lists = lists, .list_count = list_count };
    for (size_t i = 0; i < list_count; i++)
        total += lists[i].count;
    e->arena = arena_new(ARENA_MAX);
    e->voices = calloc(total + 1, sizeof *e->voices);
    e->ranges = calloc(list_count + 1, sizeof *e->ranges);
    bool ok = e->arena && e->voices && e->ranges;
    for (size_t i = 0; ok && i < list_count; i++)
        ok = find_voices(e, &lists[i]);
    if (ok)
        e->bundles = calloc(e->voice_count + 1, sizeof *e->bundles);
    if (!ok || !e->bundles) {
        evidence_free(e);
        return NULL;
    }
    make_bundles(e);
    return e;
}

void evidence_free(struct evidence *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->voice_count; i++)
        buffer_free(&e->voices[i].missing);
    for (size_t i = 0; e->bundles && i < e->bundle_count; i++) {
        arena_free(e->bundles[i].arena);
        free(e->bundles[i].said);
    }
    arena_free(e->arena);
    free(e->voices);
    free(e->bundles);
    free(e->ranges);
    free(e->shares);
    free(e);
}

/* ---- having them read ------------------------------------------------------------- */

/* `size` bytes of `from`, zeroes where it has become shorter meanwhile. */
static bool copy_bytes(int from, int to, uint32_t size, uint8_t *buffer)
{
    for (uint32_t done = 0; done < size;) {
        size_t piece = size - done < CREW_BUFFER ? size - done : CREW_BUFFER;
        ssize_t n = pread(from, buffer, piece, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            memset(buffer, 0, piece);
            n = (ssize_t)piece;
        }
        if (!descriptor_write(to, span_of(buffer, (size_t)n)))
            return false;
        done += (uint32_t)n;
    }
    return true;
}

/* One file onto the bundle.  One that cannot be opened is the jobs' to report. */
static bool add_voice(int to, struct voice *v, uint32_t number, uint64_t *left,
                      uint8_t *buffer)
{
    uint8_t head[BUNDLE_HEAD];
    struct span path = span_slice(v->file->path, v->base, v->file->path.len);
    struct error ignored;
    struct stat st;
    int fd = source_file_open(v->list, v->file, &ignored);
    bool ok = true;
    if (fd < 0)
        return true;
    uint64_t cost = BUNDLE_HEAD + path.len;
    if (fstat(fd, &st) != 0 || st.st_size > UINT32_MAX ||
        cost + (uint64_t)st.st_size > *left) {
        v->unheard = true;
    } else {
        *left -= cost + (uint64_t)st.st_size;
        bundle_head(head, v->kind, number, path, (uint32_t)st.st_size);
        ok = descriptor_write(to, span_of(head, sizeof head)) &&
             descriptor_write(to, path) &&
             copy_bytes(fd, to, (uint32_t)st.st_size, buffer);
    }
    (void)close(fd);
    return ok;
}

static void hear(void *self, const struct statement *s)
{
    struct bundle *b = self;
    if (b->said_count == b->said_capacity) {
        size_t capacity = b->said_capacity ? 2 * b->said_capacity : SAID_FIRST;
        struct statement *said = reallocarray(b->said, capacity, sizeof *said);
        b->lost |= said == NULL;
        if (!said)
            return;
        b->said = said;
        b->said_capacity = capacity;
    }
    struct statement *kept = &b->said[b->said_count++];
    struct span *const texts[] = { &kept->path, &kept->digest,   &kept->reference,
                                   &kept->name, &kept->revision, &kept->registry,
                                   &kept->note };
    *kept = *s;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_copy(b->arena, *texts[i]);
}

static bool read_bundle(void *self, size_t item, struct crew_hand *h, struct error *error)
{
    struct evidence *e = self;
    struct bundle *b = &e->bundles[item];
    uint64_t left = e->options->worker.budget.left[BUDGET_ORIGIN_BYTES];
    struct error problem;
    int fd = memfd_create("assay-origins", MFD_CLOEXEC);
    b->arena = arena_new(ARENA_MAX);
    bool ready = fd >= 0 && b->arena, alive = true;
    for (size_t i = 0; ready && i < b->voice_count; i++)
        ready = add_voice(fd, &b->voices[i], (uint32_t)i, &left, h->buffer);
    if (ready && !worker_origins(h->worker, fd, (uint32_t)b->voice_count, hear, b,
                                 b->reason, &problem))
        alive = crew_hand_replace(h, error);
    if (!ready || ((b->lost || arena_exhausted(b->arena)) && !b->reason[0]))
        (void)snprintf(b->reason, sizeof b->reason, "memory is short");
    if (fd >= 0)
        (void)close(fd);
    return alive;
}

bool evidence_read(struct evidence *e, struct crew *crew, struct error *error)
{
    return crew_run(crew, e->bundle_count, read_bundle, e, error);
}

/* ---- promises --------------------------------------------------------------------- */

size_t range_lower_bound(const struct range *r, struct span path)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (span_compare(r->jobs[middle].source->path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct job *range_find(const struct range *r, struct span path)
{
    size_t at = range_lower_bound(r, path);
    bool found = at < r->count && span_compare(r->jobs[at].source->path, path) == 0;
    return found ? &r->jobs[at] : NULL;
}

struct range range_below(const struct range *r, struct arena *arena,
                         struct span directory)
{
    if (directory.len == 0)
        return *r;
    /* "a/" is where the paths below "a" begin, "a0" is behind them; "a-b" comes before */
    struct span from =
        arena_printf(arena, "%.*s/", (int)directory.len, (const char *)directory.ptr);
    struct span to = arena_printf(arena, "%.*s%c", (int)directory.len,
                                  (const char *)directory.ptr, '/' + 1);
    size_t first = range_lower_bound(r, from), end = range_lower_bound(r, to);
    if (from.len == 0 || to.len == 0 || first >= end)
        return (struct range){ 0 };
    return (struct range){ .jobs = r->jobs + first, .count = end - first };
}

struct span voice_path(struct arena *arena, const struct voice *v, struct span path)
{
    return arena_printf(arena, "%.*s%.*s", (int)v->base, (const char *)v->file->path.ptr,
                        (int)path.len, (const char *)path.ptr);
}

static bool is_same(const struct promise *a, const struct promise *b)
{
    return a->by == b->by && a->algorithm == b->algorithm &&
           span_equal(a->digits, b->digits) && a->has_size == b->has_size &&
           a->size == b->size && a->line_ends == b->line_ends;
}

/* A layer that a thousand manifests share is said to be the same a thousand times: once
 * is enough, else each of the thousand models would show it a thousand times. */
static bool add_promise(struct evidence *e, struct job *job, const struct promise *p,
                        struct voice *v)
{
    size_t count = 0;
    for (const struct promise *other = job->promises; other; other = other->next) {
        if (is_same(other, p))
            return true;
        count++;
    }
    if (v && count >= PROMISES_MAX) {
        v->crowded = true;
        return true;
    }
    struct promise *kept = arena_alloc(e->arena, sizeof *kept);
    if (!kept)
        return false;
    *kept = *p;
    promise_add(job, kept);
    return true;
}

/* What a file's own name, or the name that its link leads to, promises. */
static bool promise_by_name(struct evidence *e, struct job *job, struct buffer *real)
{
    struct named_digest d;
    struct promise p = { 0 };
    bool git;
    if (hub_blob_find(job->source->link, &p.digits, &git)) {
        p.source = span_of_text("hugging face cache blob name");
        p.algorithm = git ? DIGEST_GIT_SHA1 : DIGEST_SHA256;
        return add_promise(e, job, &p, NULL);
    }
    units_real_path(job->list, job->source, real);
    if (!named_digest_find(buffer_span(real), &d))
        return true;
    p.source = span_of_text(d.source);
    p.algorithm = d.algorithm;
    p.digits = arena_copy(e->arena, span_of_text(d.digits));
    return add_promise(e, job, &p, NULL);
}

/* It may be there under another name of the walk's, or left out by --exclude; but a
 * directory is not the file that was named. */
static bool exists(const struct source_list *list, struct span path)
{
    char text[2 * BUNDLE_PATH_MAX];
    int n =
        snprintf(text, sizeof text, "%.*s%.*s", (int)list->prefix.len,
                 (const char *)list->prefix.ptr, (int)path.len, (const char *)path.ptr);
    if (!list->directory || n < 0 || (size_t)n >= sizeof text)
        return false;
    int fd = open_beneath(list->anchor_fd, text, O_PATH, true);
    if (fd < 0)
        return false;
    struct stat st;
    bool file = fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode);
    (void)close(fd);
    return file;
}

static void note_missing(struct voice *v, struct span path)
{
    if (v->missing_count++ >= MISSING_SHOWN)
        return;
    buffer_add_text(&v->missing, v->missing_count > 1 ? ", " : "");
    buffer_add(&v->missing, path);
}

static bool add_share(struct evidence *e, const struct job *job,
                      const struct job *manifest)
{
    if (e->share_count == e->share_capacity) {
        size_t capacity = e->share_capacity ? 2 * e->share_capacity : SAID_FIRST;
        struct share *shares = reallocarray(e->shares, capacity, sizeof *shares);
        if (!shares)
            return false;
        e->shares = shares;
        e->share_capacity = capacity;
    }
    e->shares[e->share_count++] = (struct share){ job, manifest };
    return true;
}

/* A manifest's file joins its unit; one that has a unit already is in both. */
static bool join_unit(struct evidence *e, struct job *job, const struct job *manifest)
{
    if (job->unit.len == 0) {
        job->unit = manifest->source->path;
        return true;
    }
    return span_compare(job->unit, manifest->source->path) == 0 ||
           add_share(e, job, manifest);
}

static bool promise_said(struct evidence *e, struct bundle *b, const struct statement *s,
                         const bool *makes_unit)
{
    struct voice *v = &b->voices[s->source];
    const struct range *range = &e->ranges[v->list - e->lists];
    struct span path = voice_path(e->arena, v, s->path);
    struct job *job = range_find(range, path);
    if (!job) {
        if (!exists(v->list, path))
            note_missing(v, path);
        return true;
    }
    const struct promise p = { .source = v->file->path,
                               .algorithm = s->algorithm,
                               .digits = s->digest,
                               .has_size = s->has_size,
                               .line_ends = s->line_ends,
                               .size = s->size };
    return add_promise(e, job, &p, v) &&
           (!makes_unit[s->source] || !v->job || join_unit(e, job, v->job));
}

static bool promise_bundle(struct evidence *e, struct bundle *b)
{
    bool *makes_unit = calloc(b->voice_count + 1, sizeof *makes_unit);
    bool ok = makes_unit != NULL;
    for (size_t i = 0; ok && i < b->voice_count; i++)
        b->voices[i].job =
            range_find(&e->ranges[b->voices[i].list - e->lists], b->voices[i].file->path);
    for (size_t i = 0; ok && i < b->said_count; i++) {
        const struct statement *s = &b->said[i];
        struct voice *v = &b->voices[s->source];
        if (s->kind == STATEMENT_CLAIM && s->unit && v->job) {
            makes_unit[s->source] = true;
            ok = join_unit(e, v->job, v->job);
        }
    }
    for (size_t i = 0; ok && i < b->said_count; i++) {
        if (b->said[i].kind == STATEMENT_EXPECT)
            ok = promise_said(e, b, &b->said[i], makes_unit);
        else if (b->said[i].kind == STATEMENT_LISTING &&
                 !listing_promise(e, b, &b->said[i]))
            b->voices[b->said[i].source].overlapped = true;
    }
    free(makes_unit);
    return ok;
}

bool evidence_promise(struct evidence *e, struct job *jobs, size_t count)
{
    struct buffer real;
    bool ok = true;
    buffer_init(&real, SIZE_MAX / 2);
    for (size_t i = 0; ok && i < count; i++) {
        struct range *range = &e->ranges[jobs[i].list - e->lists];
        if (range->count++ == 0)
            range->jobs = &jobs[i];
        ok = promise_by_name(e, &jobs[i], &real);
    }
    buffer_free(&real);
    e->listing_left = LISTINGS_LEAST + LISTINGS_OF_A_FILE * (uint64_t)count;
    for (size_t i = 0; ok && i < e->bundle_count; i++)
        ok = promise_bundle(e, &e->bundles[i]);
    return ok && !arena_exhausted(e->arena);
}
