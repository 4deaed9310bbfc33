#include "engine/units.h"

#include "trust/store.h"

/* Files whose presence says: this directory is one model. */
static const char *const markers[] = {
    "config.json",
    "model_index.json",
    "MLmodel",
    "saved_model.pb",
    "adapter_config.json",
    "model.safetensors.index.json",
    "params.json",
    "pytorch_model.bin.index.json",
    "tokenizer_config.json",
};

enum unit_kind { UNIT_NONE, UNIT_FILE, UNIT_DIRECTORY, UNIT_STORE };

/* The unit of one file: a prefix of its path ("" is the whole target). */
struct unit {
    enum unit_kind kind;
    struct span path;
};

static size_t directory_length(struct span path)
{
    size_t n = path.len;
    while (n > 0 && path.ptr[n - 1] != '/')
        n--;
    return n; /* with the '/'; 0 at the top */
}

static bool is_marker(struct span name)
{
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++)
        if (span_is(name, markers[i]))
            return true;
    return span_ends(name, ".index.json");
}

void units_real_path(const struct source_list *list, const struct source_file *file,
                     struct buffer *out)
{
    buffer_clear(out);
    buffer_add(out, list->real);
    if (list->directory) {
        buffer_add_text(out, "/");
        buffer_add(out, file->path);
    }
}

/* The store entry that the file lies in: its manifest says so, or names along its real
 * path do. */
static bool store_unit(const struct job *job, struct unit *ret_unit)
{
    const struct source_list *list = job->list;
    struct store_entry entry;
    struct buffer real;
    if (job->unit.len) {
        *ret_unit = (struct unit){ UNIT_STORE, job->unit };
        return true;
    }
    buffer_init(&real, SIZE_MAX / 2);
    units_real_path(list, job->source, &real);
    bool found = store_entry_find(buffer_span(&real), &entry) && entry.unit_end > 0;
    buffer_free(&real);
    if (!found)
        return false;
    size_t above = list->real.len + 1; /* "REAL/" is what all paths share */
    size_t end = entry.unit_end > above ? entry.unit_end - above : 0;
    *ret_unit = (struct unit){ UNIT_STORE, span_slice(job->source->path, 0, end) };
    return true;
}

static bool below(struct span path, struct span directory)
{
    return directory.len == 0 ||
           (path.len > directory.len && path.ptr[directory.len] == '/' &&
            span_equal(span_slice(path, 0, directory.len), directory));
}

/* Directories that hold a marker, outermost ones only; paths sort parents first. */
static size_t find_marked(const struct job *jobs, size_t count, struct span *marked)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        struct span path = jobs[i].source->path;
        size_t end = directory_length(path);
        struct span directory = span_slice(path, 0, end ? end - 1 : 0);
        if (!is_marker(span_slice(path, end, path.len)))
            continue;
        bool inner = false;
        for (size_t k = n; k > 0 && !inner; k--)
            inner = below(path, marked[k - 1]);
        if (inner)
            continue;
        /* A marker further up may come later in bytewise order ("a/x" < "config.json").
         */
        size_t kept = 0;
        for (size_t k = 0; k < n; k++)
            if (!below(marked[k], directory))
                marked[kept++] = marked[k];
        n = kept;
        marked[n++] = directory;
    }
    return n;
}

/* The history of a clone is no model of its own: compressed objects, by the hundred. */
static bool in_history(struct span path)
{
    return span_starts(path, ".git/") || span_find(path, "/.git/", 0) != SIZE_MAX;
}

static struct unit unit_of(const struct job *job, const struct span *marked,
                           size_t marked_count)
{
    struct unit unit;
    struct span path = job->source->path;
    if (store_unit(job, &unit))
        return unit;
    for (size_t i = 0; i < marked_count; i++)
        if (below(path, marked[i]))
            return (struct unit){ UNIT_DIRECTORY, marked[i] };
    if (artifact_worst(job->file->artifact) == STATUS_SKIPPED || in_history(path))
        return (struct unit){ UNIT_NONE, path };
    return (struct unit){ UNIT_FILE, path };
}

static size_t common_prefix(struct span a, struct span b)
{
    size_t n = 0, slash = 0;
    while (n < a.len && n < b.len && a.ptr[n] == b.ptr[n])
        if (a.ptr[n++] == '/')
            slash = n;
    return slash;
}

/* A directory and the first unit that is a file right in it. */
struct resident {
    struct span directory;
    size_t unit;
};

static int compare_residents(const void *a, const void *b)
{
    const struct resident *left = a, *right = b;
    return span_compare(left->directory, right->directory);
}

static size_t find_residents(const struct unit *units, size_t count,
                             struct resident *residents)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        struct span path = units[i].path;
        if (units[i].kind == UNIT_FILE)
            residents[n++] =
                (struct resident){ span_slice(path, 0, directory_length(path)), i };
    }
    qsort(residents, n, sizeof *residents, compare_residents);
    return n;
}

/* A unit in the same directory, else in one above; NULL: none. */
static const struct resident *beside(struct span path, const struct resident *residents,
                                     size_t count)
{
    struct resident wanted = { .directory = span_slice(path, 0, directory_length(path)) };
    for (;;) {
        const struct resident *found =
            bsearch(&wanted, residents, count, sizeof *residents, compare_residents);
        if (found || wanted.directory.len == 0)
            return found;
        struct span inner = span_slice(wanted.directory, 0, wanted.directory.len - 1);
        wanted.directory = span_slice(inner, 0, directory_length(inner));
    }
}

/* Else the unit that shares the longest run of directories.  Units are sorted, so it is
 * a neighbour of where the path stands. */
static size_t neighbour(const struct unit *units, size_t count, size_t at)
{
    size_t best = SIZE_MAX, best_length = 0;
    for (size_t i = at; i-- > 0;) {
        if (units[i].kind == UNIT_NONE)
            continue;
        best = i;
        best_length = common_prefix(units[at].path, units[i].path);
        break;
    }
    for (size_t i = at + 1; i < count; i++) {
        if (units[i].kind == UNIT_NONE)
            continue;
        if (best == SIZE_MAX ||
            common_prefix(units[at].path, units[i].path) > best_length)
            best = i;
        break;
    }
    return best;
}

static struct model *model_for(struct result *r, const struct source_list *list,
                               struct unit unit)
{
    struct buffer identity;
    buffer_init(&identity, SIZE_MAX / 2);
    buffer_add(&identity, list->target);
    if (list->directory && unit.path.len) {
        if (!span_ends(list->target, "/"))
            buffer_add_text(&identity, "/");
        buffer_add(&identity, unit.path);
    }
    struct model *m = result_add_model(r, list->target, buffer_span(&identity));
    buffer_free(&identity);
    return m;
}

struct placed {
    struct unit unit;
    struct job *job;
    size_t order;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *left = a, *right = b;
    int order = span_compare(left->unit.path, right->unit.path);
    if (order == 0)
        order = (left->order > right->order) - (left->order < right->order);
    return order;
}

static bool add_models(struct result *r, const struct source_list *list,
                       struct placed *placed, size_t count)
{
    struct model *m = NULL;
    qsort(placed, count, sizeof *placed, compare_placed);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !span_equal(placed[i].unit.path, placed[i - 1].unit.path))
            m = model_for(r, list, placed[i].unit);
        if (!m)
            return false;
        placed[i].job->model = m;
        placed[i].job->unit = placed[i].unit.path;
        model_add_file(m, placed[i].job->file);
    }
    return true;
}

/* What is no model by itself joins the nearest unit. */
static void place(const struct unit *units, struct job *jobs, size_t count,
                  struct resident *residents, struct placed *placed)
{
    size_t resident_count = find_residents(units, count, residents);
    for (size_t i = 0; i < count; i++) {
        struct unit home = units[i];
        if (home.kind == UNIT_NONE) {
            const struct resident *r = beside(home.path, residents, resident_count);
            size_t near = r ? r->unit : neighbour(units, count, i);
            home = near == SIZE_MAX ? (struct unit){ UNIT_NONE, { 0 } } : units[near];
        }
        placed[i] = (struct placed){ home, &jobs[i], i };
    }
}

bool units_group(struct result *r, const struct source_list *list, struct job *jobs,
                 size_t count, bool one_model)
{
    struct unit *units = calloc(count + 1, sizeof *units);
    struct placed *placed = calloc(count + 1, sizeof *placed);
    struct span *marked = calloc(count + 1, sizeof *marked);
    struct resident *residents = calloc(count + 1, sizeof *residents);
    bool ok = units && placed && marked && residents;
    size_t marked_count = ok && !one_model ? find_marked(jobs, count, marked) : 0;
    for (size_t i = 0; ok && i < count; i++)
        units[i] = one_model ? (struct unit){ UNIT_DIRECTORY, { 0 } }
                             : unit_of(&jobs[i], marked, marked_count);
    if (ok) {
        place(units, jobs, count, residents, placed);
        ok = add_models(r, list, placed, count);
    }
    free(units);
    free(placed);
    free(marked);
    free(residents);
    return ok;
}
