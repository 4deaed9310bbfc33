/* DVC: *.dvc and dvc.lock name outputs by md5; the md5 of a directory is that of a list
 * of its files, which may lie in the cache as HASH.dir.  Before 3.0 (no `hash: md5`) the
 * line ends of text do not count.  Source: dvc, schema.py, dvc-data, hashfile. */
#include "origins/reading.h"

/* A directory among the outputs.  It is compared file by file when the list of its files
 * is met, else as a whole. */
struct directory {
    struct origin_source source;
    struct statement listing; /* its digest is without ".dir" */
    struct directory *next;
};

struct list {
    struct origin_source source;
    struct span hash;
    enum digest_algorithm algorithm;
};

struct state {
    struct directory *directories;
    struct list *lists;
    size_t list_count, list_capacity;
    bool ignores; /* some .dvcignore leaves files out */
};

/* Where an output came from, if the file says so: another repository, or a URL. */
static struct statement claim_of(struct origin_reading *r, const struct node *file)
{
    struct statement claim = { .kind = STATEMENT_CLAIM, .registry = span_of_text("dvc") };
    const struct node *deps = node_find(file, "deps");
    const struct node *dep = node_is(deps, NODE_LIST) ? deps->first : NULL;
    const struct node *repository = node_find(dep, "repo");
    struct span path = node_text_at(dep, "path");
    if (repository) {
        struct span url = origin_public_url(r, node_text_at(repository, "url"));
        claim.revision = node_text_at(repository, "rev_lock");
        if (claim.revision.len == 0)
            claim.revision = node_text_at(repository, "rev");
        claim.name = arena_printf(r->arena, "%.*s//%.*s", (int)url.len, url.ptr,
                                  (int)path.len, path.ptr);
        claim.reference = arena_printf(r->arena, "dvc:%.*s%s%.*s", (int)claim.name.len,
                                       claim.name.ptr, claim.revision.len ? "@" : "",
                                       (int)claim.revision.len, claim.revision.ptr);
    } else if (span_find(path, "://", 0) != SIZE_MAX) {
        claim.registry = (struct span){ 0 };
        claim.reference = origin_public_url(r, path);
    }
    return claim;
}

static void note_directory(struct origin_reading *r, const struct node *out,
                           struct span hash, struct span path,
                           enum digest_algorithm algorithm)
{
    struct state *state = r->state;
    struct directory *d = arena_alloc(r->arena, sizeof *d);
    if (!origin_is_hex(hash, digest_digits(DIGEST_MD5))) {
        origin_malformed(r, "the md5 of a directory is none");
        return;
    }
    if (!d)
        return;
    *d = (struct directory){
        .source = r->source,
        .listing = {.kind = STATEMENT_LISTING,
                    .path = path,
                    .algorithm = algorithm,
                    .digest = hash},
        .next = state->directories,
    };
    struct statement *listing = &d->listing;
    listing->has_size = node_uint(node_find(out, "nfiles"), &listing->size);
    state->directories = d;
}

static void read_output(struct origin_reading *r, const struct node *out,
                        struct span directory, struct statement claim)
{
    struct span path = node_text_at(out, "path"), hash = node_text_at(out, "md5");
    bool modern = span_is(node_text_at(out, "hash"), "md5");
    uint64_t size;
    if (span_find(path, "://", 0) != SIZE_MAX)
        return; /* it lies in a remote, not here */
    if (!origin_path(r, directory, path, &path))
        return;
    claim.path = path;
    origin_say(r, claim);
    enum digest_algorithm algorithm = modern ? DIGEST_MD5 : DIGEST_MD5_DOS2UNIX;
    if (span_ends(hash, ".dir")) {
        note_directory(r, out, span_slice(hash, 0, hash.len - 4), path, algorithm);
        return;
    }
    bool sized = node_uint(node_find(out, "size"), &size);
    origin_expect(r, path, algorithm, hash, sized ? &size : NULL);
}

static void read_outputs(struct origin_reading *r, const struct node *outs,
                         struct span directory, struct statement claim)
{
    for (const struct node *o = node_is(outs, NODE_LIST) ? outs->first : NULL; o;
         o = o->next)
        read_output(r, o, directory, claim);
}

static void read_file(struct origin_reading *r)
{
    const struct node *file = origin_yaml(r);
    struct span directory = origin_directory(r->source.path);
    if (!file)
        return;
    if (!node_is(node_find(file, "outs"), NODE_LIST)) {
        origin_malformed(r, "a .dvc file has outs");
        return;
    }
    struct span work = node_text_at(file, "wdir");
    if (work.len && !span_is(work, ".") && !origin_path(r, directory, work, &directory))
        return;
    read_outputs(r, node_find(file, "outs"), directory, claim_of(r, file));
}

static void read_lock(struct origin_reading *r)
{
    const struct node *file = origin_yaml(r);
    const struct node *stages = node_find(file, "stages");
    const struct statement claim = { .kind = STATEMENT_CLAIM,
                                     .registry = span_of_text("dvc") };
    for (const struct node *s = node_is(stages, NODE_MAP) ? stages->first : NULL; s;
         s = s->next)
        read_outputs(r, node_find(s, "outs"), origin_directory(r->source.path), claim);
}

/* …/aa/bbbb.dir → aabbbb; read only when an output asks for it. */
static void note_list(struct origin_reading *r)
{
    struct state *state = r->state;
    struct span rest = origin_base_name(r->source.path);
    struct span first = origin_base_name(origin_directory(r->source.path));
    struct span hash = arena_printf(r->arena, "%.*s%.*s", (int)first.len, first.ptr,
                                    (int)rest.len - 4, rest.ptr);
    if (!origin_is_hex(hash, 32))
        return;
    if (state->list_count == state->list_capacity) {
        size_t capacity = state->list_capacity ? 2 * state->list_capacity : 16;
        struct list *lists = arena_array(r->arena, capacity, sizeof *lists);
        if (!lists)
            return;
        if (state->list_count)
            memcpy(lists, state->lists, state->list_count * sizeof *lists);
        state->lists = lists;
        state->list_capacity = capacity;
    }
    enum digest_algorithm algorithm =
        r->source.kind == ORIGIN_DVC_DIRECTORY ? DIGEST_MD5 : DIGEST_MD5_DOS2UNIX;
    state->lists[state->list_count++] = (struct list){ r->source, hash, algorithm };
}

/* `dvc init` writes one that holds comments alone. */
static void read_ignore(struct origin_reading *r)
{
    struct state *state = r->state;
    struct reader lines = reader_of(r->source.bytes, 0);
    while (reader_left(&lines) > 0) {
        struct span line = origin_trim(origin_line(&lines));
        state->ignores |= line.len > 0 && !span_starts(line, "#");
    }
}

static void read_one(struct origin_reading *r)
{
    if (r->source.kind == ORIGIN_DVC_FILE)
        read_file(r);
    else if (r->source.kind == ORIGIN_DVC_LOCK)
        read_lock(r);
    else if (r->source.kind == ORIGIN_DVC_IGNORE)
        read_ignore(r);
    else
        note_list(r);
}

static int compare_lists(const void *a, const void *b)
{
    const struct list *left = a, *right = b;
    return span_compare(left->hash, right->hash);
}

/* [{"md5": …, "relpath": …}, …] */
static void read_list(struct origin_reading *r, const struct list *list,
                      const struct directory *directory)
{
    r->source = list->source;
    const struct node *entries = origin_json(r);
    for (const struct node *e = node_is(entries, NODE_LIST) ? entries->first : NULL; e;
         e = e->next) {
        struct span path;
        if (origin_path(r, directory->listing.path, node_text_at(e, "relpath"), &path))
            origin_expect(r, path, list->algorithm, node_text_at(e, "md5"), NULL);
    }
}

static void finish(struct origin_reading *r)
{
    struct state *state = r->state;
    if (state->list_count)
        qsort(state->lists, state->list_count, sizeof *state->lists, compare_lists);
    for (const struct directory *d = state->directories; d && !r->spent; d = d->next) {
        const struct list wanted = { .hash = d->listing.digest };
        const struct list *found = state->list_count
                                       ? bsearch(&wanted, state->lists, state->list_count,
                                                 sizeof *state->lists, compare_lists)
                                       : NULL;
        r->source = d->source;
        if (found)
            read_list(r, found, d);
        else if (!state->ignores)
            origin_say(r, d->listing);
    }
}

const struct origin_parser dvc_origin = {
    .state_size = sizeof(struct state),
    .read = read_one,
    .finish = finish,
};
