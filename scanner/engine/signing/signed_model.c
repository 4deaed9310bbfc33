#include "engine/signing/signed_model.h"

#include "engine/hashing.h"

#include <inttypes.h>

const char *signed_status_name(enum signed_status s)
{
    static const char *const names[SIGNED_STATUSES] = {
        [SIGNED_SAME] = "signed",           [SIGNED_DIFFERENT] = "different",
        [SIGNED_MISSING] = "missing",       [SIGNED_EXTRA] = "unsigned",
        [SIGNED_IGNORED] = "ignored",       [SIGNED_LINK] = "link",
        [SIGNED_UNREADABLE] = "unreadable", [SIGNED_CHANGED] = "changed",
    };
    return names[s];
}

/* One comparison, from names to digests. */
struct comparison {
    const struct source_list *list;
    const struct oms_manifest *manifest;
    const struct signed_options *options;
    struct arena *arena;
    struct signed_files *files;
    bool links_allowed;
    bool *met; /* by index in the manifest: a file has that name */
    struct hash_item *items;
    const struct manifest_entry **entries; /* of each item */
    size_t item_count;
};

static struct signed_file *add(struct comparison *c, struct span path,
                               enum signed_status status, const char *note)
{
    struct signed_file *f = arena_alloc(c->arena, sizeof *f);
    if (!f)
        return NULL;
    f->path = arena_copy(c->arena, path);
    f->status = status;
    f->note = arena_copy(c->arena, span_of_text(note));
    if (c->files->last)
        c->files->last->next = f;
    else
        c->files->first = f;
    c->files->last = f;
    return f;
}

static bool is_ignored(const struct signed_options *o, const struct span *more,
                       size_t more_count, struct span path)
{
    struct span git[OMS_GIT_PATHS];
    for (size_t i = 0; i < OMS_GIT_PATHS; i++)
        git[i] = span_of_text(oms_git_paths[i]);
    return (o->ignore_git && name_ignored(path, git, OMS_GIT_PATHS)) ||
           name_ignored(path, o->ignore, o->ignore_count) ||
           name_ignored(path, more, more_count);
}

static bool ignored(const struct comparison *c, struct span path)
{
    return is_ignored(c->options, c->manifest->ignore, c->manifest->ignore_count, path);
}

/* What the statement says of a file.  The one of a single-file model may be ".". */
static const struct manifest_entry *entries_of(const struct comparison *c,
                                               struct span path, size_t *ret_count)
{
    const struct manifest *m = &c->manifest->files;
    const struct manifest_entry *e = manifest_find(m, path, ret_count);
    return e || c->list->directory ? e : manifest_find(m, span_of_text("."), ret_count);
}

static void wants_hash(struct comparison *c, const struct source_file *f,
                       const struct manifest_entry *e, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        c->met[&e[i] - c->manifest->files.entries] = true;
        c->entries[c->item_count] = &e[i];
        c->items[c->item_count++] = (struct hash_item){
            .file = f,
            .start = e[i].start,
            .end = e[i].end,
            .algorithms = DIGEST_BIT(e[i].algorithm),
        };
    }
}

/* Names first: what is there, against what should be. */
static void look_at(struct comparison *c, const struct source_file *f)
{
    size_t count = 0;
    const struct manifest_entry *e = entries_of(c, f->path, &count);
    bool link = f->link.len > 0;
    if (!e && ignored(c, f->path))
        (void)add(c, f->path, SIGNED_IGNORED, "");
    else if (f->problem.len)
        (void)add(c, f->path, SIGNED_UNREADABLE, (const char *)f->problem.ptr);
    else if (link && !c->links_allowed && c->list->directory)
        (void)add(c, f->path, SIGNED_LINK,
                  "a symbolic link; --allow-symlinks verifies what it leads to");
    else if (!e && c->manifest->method == OMS_SHARDS && f->size == 0)
        (void)add(c, f->path, SIGNED_IGNORED, "empty: shards leave it out");
    else if (!e)
        (void)add(c, f->path, SIGNED_EXTRA, "");
    if (!e)
        return;
    if (!f->problem.len && !(link && !c->links_allowed && c->list->directory))
        wants_hash(c, f, e, count);
    else
        for (size_t i = 0; i < count; i++)
            c->met[&e[i] - c->manifest->files.entries] = true;
}

/* A whole file, or the last range of one, tells how long the file must be. */
static enum signed_status judge(const struct hash_item *item,
                                const struct manifest_entry *e, bool last)
{
    if (item->problem[0])
        return strstr(item->problem, "changed")   ? SIGNED_CHANGED
               : strstr(item->problem, "shorter") ? SIGNED_DIFFERENT
                                                  : SIGNED_UNREADABLE;
    bool longer = last && e->end != WHOLE_FILE && item->size != e->end;
    return longer || !span_is(e->digest, item->hex) ? SIGNED_DIFFERENT : SIGNED_SAME;
}

static void judge_files(struct comparison *c)
{
    for (size_t i = 0; i < c->item_count;) {
        const struct source_file *f = c->items[i].file;
        enum signed_status status = SIGNED_SAME;
        const char *note = "";
        for (; i < c->item_count && c->items[i].file == f; i++) {
            bool last = i + 1 == c->item_count || c->items[i + 1].file != f;
            enum signed_status s = judge(&c->items[i], c->entries[i], last);
            if (s != SIGNED_SAME && status == SIGNED_SAME) {
                status = s;
                note = c->items[i].problem[0] ? c->items[i].problem
                                              : "its digest is not the signed one";
            }
        }
        (void)add(c, f->path, status, note);
    }
}

static void report_missing(struct comparison *c)
{
    const struct manifest *m = &c->manifest->files;
    for (size_t i = 0; i < m->count; i++)
        if (!c->met[i] && (i == 0 || c->met[i - 1] ||
                           span_compare(m->entries[i - 1].path, m->entries[i].path) != 0))
            (void)add(c, m->entries[i].path, SIGNED_MISSING, "it is not there");
}

/* What came or went while files were hashed. */
static bool look_again(struct comparison *c, struct error *error)
{
    struct source_list again;
    if (!source_open((const char *)c->list->target.ptr, NULL, &again, error))
        return false;
    const struct source_file *a = c->list->files, *b = again.files;
    while (a && b && span_compare(a->path, b->path) == 0) {
        a = a->next;
        b = b->next;
    }
    if (a || b)
        (void)add(c, a ? a->path : b->path, SIGNED_CHANGED,
                  "it came or went while files were hashed");
    source_close(&again);
    return true;
}

static int compare_files(const void *a, const void *b)
{
    const struct signed_file *const *left = a, *const *right = b;
    return span_compare((*left)->path, (*right)->path);
}

static bool sort_and_count(struct comparison *c)
{
    size_t count = 0, n = 0;
    for (struct signed_file *f = c->files->first; f; f = f->next, count++)
        c->files->counts[f->status]++;
    struct signed_file **order = calloc(count + 1, sizeof(struct signed_file *));
    if (!order)
        return false;
    for (struct signed_file *f = c->files->first; f; f = f->next)
        order[n++] = f;
    qsort(order, n, sizeof *order, compare_files);
    for (size_t i = 0; i < n; i++)
        order[i]->next = order[i + 1];
    c->files->first = order[0];
    c->files->last = n ? order[n - 1] : NULL;
    free(order);
    return !arena_exhausted(c->arena);
}

bool signed_files_compare(const struct source_list *list, const struct oms_manifest *m,
                          const struct signed_options *o, struct arena *arena,
                          struct signed_files *ret_files, struct error *error)
{
    struct signed_files files = { 0 };
    struct comparison c = { .list = list, .manifest = m, .options = o, .arena = arena };
    c.files = &files;
    c.links_allowed = m->allow_symlinks || o->allow_symlinks;
    c.met = calloc(m->files.count + 1, sizeof *c.met);
    c.items = calloc(m->files.count + 1, sizeof *c.items);
    c.entries = calloc(m->files.count + 1, sizeof(struct manifest_entry *));
    bool ok = c.met && c.items && c.entries;
    for (const struct source_file *f = list->files; ok && f; f = f->next)
        look_at(&c, f);
    for (const struct source_file *f = list->directory_links; ok && f; f = f->next)
        if (!c.links_allowed && !ignored(&c, f->path))
            (void)add(&c, f->path, SIGNED_LINK,
                      "a symbolic link to a directory; --allow-symlinks leaves it out");
    if (!ok)
        (void)error_set(error, ERROR_MEMORY, "out of memory");
    ok = ok && hash_items(list, c.items, c.item_count, o->threads, error);
    if (ok) {
        judge_files(&c);
        report_missing(&c);
        ok = look_again(&c, error) &&
             (sort_and_count(&c) || error_set(error, ERROR_MEMORY, "out of memory"));
    }
    if (c.items)
        hash_items_free(c.items, c.item_count);
    free(c.met);
    free(c.items);
    free(c.entries);
    if (ok)
        *ret_files = files;
    return ok;
}

const struct signed_file *signed_files_worst(const struct signed_files *f,
                                             bool ignore_unsigned, const char **ret_check)
{
    static const struct {
        enum signed_status status;
        const char *check;
    } order[] = {
        {SIGNED_DIFFERENT,   "file-digest"  },
        { SIGNED_MISSING,    "file-missing" },
        { SIGNED_LINK,       "file-link"    },
        { SIGNED_EXTRA,      "file-unsigned"},
        { SIGNED_CHANGED,    "file-changed" },
        { SIGNED_UNREADABLE, "file-readable"},
    };
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (!f->counts[order[i].status] ||
            (order[i].status == SIGNED_EXTRA && ignore_unsigned))
            continue;
        const struct signed_file *file = f->first;
        while (file->status != order[i].status)
            file = file->next;
        *ret_check = order[i].check;
        return file;
    }
    return NULL;
}

/* ---- for signing ------------------------------------------------------------------ */

static bool may_sign(const struct source_list *list, const struct source_file *f,
                     const struct signed_options *o, struct error *error)
{
    const char *path = (const char *)f->path.ptr;
    const char *name = name_problem(f->path);
    if (name)
        return error_set(error, ERROR_IO, "%s: its name %s, and cannot be signed", path,
                         name);
    if (f->problem.len)
        return error_set(error, ERROR_IO, "%s: %s", path, (const char *)f->problem.ptr);
    if (f->link.len && list->directory && !o->allow_symlinks)
        return error_set(error, ERROR_IO,
                         "%s is a symbolic link; --allow-symlinks signs what it leads to",
                         path);
    return true;
}

/* Items of a file, as many as the method makes of it. */
static size_t split(const struct signing_request *r, const struct source_file *f,
                    struct hash_item *items)
{
    size_t n = 0;
    uint64_t at = 0;
    const unsigned algorithms = DIGEST_BIT(r->algorithm);
    if (r->method == OMS_FILES) {
        if (items)
            items[0] = (struct hash_item){ .file = f,
                                           .end = UINT64_MAX,
                                           .algorithms = algorithms };
        return 1;
    }
    for (; at < f->size; n++) {
        uint64_t left = f->size - at, take = left < r->shard_size ? left : r->shard_size;
        if (items)
            items[n] = (struct hash_item){
                .file = f, .start = at, .end = at + take, .algorithms = algorithms
            };
        at += take;
    }
    return n;
}

/* By components, as model_signing orders them: "a/b" before "a-b".  The order counts only
 * for the root digest, which then is the one that model_signing prints; the specification
 * would have the names compared as texts, and verifiers take any order. */
static int compare_components(const void *a, const void *b)
{
    const struct manifest_entry *left = a, *right = b;
    size_t n = left->path.len < right->path.len ? left->path.len : right->path.len, i = 0;
    while (i < n && left->path.ptr[i] == right->path.ptr[i])
        i++;
    if (i == left->path.len && i == right->path.len)
        return left->start < right->start ? -1 : left->start > right->start;
    if (i == n)
        return left->path.len < right->path.len ? -1 : 1;
    int one = left->path.ptr[i] == '/' ? 0 : left->path.ptr[i];
    int two = right->path.ptr[i] == '/' ? 0 : right->path.ptr[i];
    return one - two;
}

/* A model that is one file has the name ".": the specification says its base name, but
 * every release of model_signing looks for this and for nothing else. */
static bool record_items(const struct hash_item *items, size_t count, bool alone,
                         const struct signing_request *r, struct arena *arena,
                         struct oms_manifest *m, struct error *error)
{
    m->files.entries = arena_array(arena, count, sizeof *m->files.entries);
    if (!m->files.entries)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const struct hash_item *item = &items[i];
        if (!item->hex)
            return error_set(error, ERROR_IO, "%.200s: %s",
                             (const char *)item->file->path.ptr, item->problem);
        if (r->method == OMS_SHARDS && item->size != item->file->size)
            return error_set(error, ERROR_IO, "%.200s: it changed while it was hashed",
                             (const char *)item->file->path.ptr);
        m->files.entries[m->files.count++] = (struct manifest_entry){
            .path = alone ? span_of_text(".") : arena_copy(arena, item->file->path),
            .start = item->start,
            .end = item->end,
            .algorithm = r->algorithm,
            .digest = arena_copy(arena, span_of_text(item->hex)),
        };
    }
    qsort(m->files.entries, m->files.count, sizeof *m->files.entries, compare_components);
    return (oms_root(&m->files, m->root) && !arena_exhausted(arena)) ||
           error_set(error, ERROR_MEMORY, "out of memory");
}

static bool check_tree(const struct source_list *list, const struct signed_options *o,
                       const struct signing_request *r, size_t *ret_items,
                       struct error *error)
{
    size_t count = 0;
    for (const struct source_file *f = list->directory_links; f; f = f->next)
        if (!o->allow_symlinks && !is_ignored(o, NULL, 0, f->path))
            return error_set(error, ERROR_IO,
                             "%s is a symbolic link to a directory; --allow-symlinks "
                             "leaves it out",
                             (const char *)f->path.ptr);
    for (const struct source_file *f = list->files; f; f = f->next) {
        if (is_ignored(o, NULL, 0, f->path))
            continue;
        if (!may_sign(list, f, o, error))
            return false;
        count += split(r, f, NULL);
        if (count > MANIFEST_ENTRIES_MAX)
            return error_set(error, ERROR_IO, "%s: too many files or shards to sign",
                             (const char *)list->target.ptr);
    }
    *ret_items = count;
    return count > 0 || error_set(error, ERROR_IO, "%s: there is no file to sign",
                                  (const char *)list->target.ptr);
}

/* The last component of its real path. */
static struct span subject_name(const struct source_list *list)
{
    size_t slash = span_find_last(list->real, "/", list->real.len);
    struct span name =
        span_slice(list->real, slash == SIZE_MAX ? 0 : slash + 1, list->real.len);
    return name_problem(name) ? span_of_text("model") : name;
}

bool signed_files_record(const struct source_list *list, const struct signing_request *r,
                         struct arena *arena, struct oms_manifest *ret_manifest,
                         struct error *error)
{
    const struct signed_options *o = r->options;
    struct oms_manifest m = { .method = r->method,
                              .algorithm = r->algorithm,
                              .shard_size = r->method == OMS_SHARDS ? r->shard_size : 0,
                              .allow_symlinks = o->allow_symlinks };
    size_t count = 0, at = 0;
    if (!check_tree(list, o, r, &count, error))
        return false;
    struct hash_item *items = calloc(count + 1, sizeof *items);
    if (!items)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (const struct source_file *f = list->files; f; f = f->next)
        if (!is_ignored(o, NULL, 0, f->path))
            at += split(r, f, &items[at]);
    bool ok = hash_items(list, items, count, o->threads, error) &&
              record_items(items, count, !list->directory, r, arena, &m, error);
    hash_items_free(items, count);
    free(items);
    m.subject = arena_copy(arena, subject_name(list));
    m.ignore = arena_array(arena, o->ignore_count + OMS_GIT_PATHS + 1, sizeof *m.ignore);
    for (size_t i = 0; m.ignore && o->ignore_git && i < OMS_GIT_PATHS; i++)
        m.ignore[m.ignore_count++] = span_of_text(oms_git_paths[i]);
    for (size_t i = 0; m.ignore && i < o->ignore_count; i++)
        m.ignore[m.ignore_count++] = o->ignore[i];
    if (ok && (!m.ignore || arena_exhausted(arena)))
        ok = error_set(error, ERROR_MEMORY, "out of memory");
    if (ok)
        *ret_manifest = m;
    return ok;
}
