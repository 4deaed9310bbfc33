#include "engine/hub_store.h"

#include "trust/store.h"

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
