#include "engine/hub_store.h"

#include "engine/units.h"
#include "trust/origin.h"

/* One link into a store's blobs/: the digest it names and the store it lies in. */
struct hub_link {
    struct span hex, store; /* store: the path before "snapshots/", "" at the top */
};

struct hub_links {
    size_t count;
    struct hub_link links[];
};

static int compare_links(const void *a, const void *b)
{
    const struct hub_link *left = a, *right = b;
    int order = span_compare(left->hex, right->hex);
    return order ? order : span_compare(left->store, right->store);
}

/* "models--a--b/snapshots/…" and "snapshots/…" both have a store in front. */
static bool store_of(struct span path, const char *folder, struct span *ret_store)
{
    char inner[32];
    (void)snprintf(inner, sizeof inner, "/%s", folder);
    size_t at = span_find(path, inner, 0);
    if (at == SIZE_MAX && !span_starts(path, folder))
        return false;
    *ret_store = span_slice(path, 0, at == SIZE_MAX ? 0 : at + 1);
    return true;
}

struct hub_links *hub_links_new(const struct source_list *list)
{
    struct hub_links *l = calloc(1, sizeof *l + list->count * sizeof *l->links);
    bool git;
    for (const struct source_file *f = list->files; l && f; f = f->next) {
        struct hub_link *link = &l->links[l->count];
        if (!f->problem.len && hub_blob_find(f->link, &link->hex, &git) &&
            store_of(f->path, "snapshots/", &link->store))
            l->count++;
    }
    if (l)
        qsort(l->links, l->count, sizeof *l->links, compare_links);
    return l;
}

bool hub_links_cover(const struct hub_links *l, const struct source_file *blob)
{
    struct hub_link wanted;
    bool git;
    return !blob->link.len && hub_blob_find(blob->path, &wanted.hex, &git) &&
           store_of(blob->path, "blobs/", &wanted.store) &&
           bsearch(&wanted, l->links, l->count, sizeof *l->links, compare_links);
}

void hub_links_free(struct hub_links *l)
{
    free(l);
}

void hub_store_expect(struct job *job)
{
    struct file *f = job->file;
    struct span promised;
    bool git;
    if (!f->sha256.len || !hub_blob_find(job->source->link, &promised, &git))
        return;
    enum digest_algorithm algorithm = git ? DIGEST_GIT_SHA1 : DIGEST_SHA256;
    struct span actual = job->digests[algorithm];
    struct expectation *e = arena_alloc(f->arena, sizeof *e);
    if (!e || !actual.len)
        return;
    bool equal = span_equal(promised, actual);
    *e = (struct expectation){
        .source = span_of_text("hugging face cache blob name"),
        .algorithm = digest_name(algorithm),
        .value = arena_copy(f->arena, promised),
        .state = equal ? EXPECT_CONSISTENT : EXPECT_INCONSISTENT,
        .weak = digest_weak(algorithm),
    };
    f->expected = e;
    if (equal)
        return;
    struct span message =
        arena_printf(f->arena, "the blob's name promises %s %.*s, the bytes have %.*s",
                     digest_name(algorithm), (int)promised.len,
                     (const char *)promised.ptr, (int)actual.len, (const char *)actual.ptr);
    finding_add(&f->artifact->findings, f->arena, &rules[RULE_INTEGRITY_INCONSISTENT], 0,
                message, actual);
}

void hub_store_declare(const struct job *job, const struct registries *registries)
{
    const struct registry *hub = registries_find(registries, "huggingface");
    struct hub_place place;
    struct buffer real, name;
    buffer_init(&real, SIZE_MAX / 2);
    buffer_init(&name, SIZE_MAX / 2);
    units_real_path(job->list, job->source, &real);
    if (hub_place_find(buffer_span(&real), &place)) {
        buffer_add(&name, place.organisation);
        buffer_add_text(&name, place.organisation.len ? "/" : "");
        buffer_add(&name, place.model);
        origin_declare(job->model, hub, buffer_span(&name), place.revision,
                       span_of_text("the layout of a Hugging Face cache"));
    }
    buffer_free(&real);
    buffer_free(&name);
}
