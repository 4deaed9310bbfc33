/* Image manifests: the Ollama store (manifests/HOST/NAMESPACE/MODEL/TAG beside
 * blobs/sha256-HEX) and OCI layouts (index.json → blobs/sha256/HEX).
 * Sources: Ollama, server/manifest.go; OCI image-spec, image-layout.md, descriptor.md. */
#include "origins/reading.h"

/* A manifest in an OCI layout, or what an index says of one. */
struct listed {
    struct span path; /* of the blob */
    struct span name; /* org.opencontainers.image.ref.name */
    struct origin_source source;
    const struct node *manifest;
    struct listed *next;
};

struct state {
    struct listed *named;     /* by an index */
    struct listed *manifests; /* blobs that read as one */
};

/* "sha256:HEX" → the algorithm and the digits. */
static bool split_digest(struct span digest, enum digest_algorithm *ret_algorithm,
                         struct span *ret_digits)
{
    size_t colon = span_find(digest, ":", 0);
    struct span digits = span_slice(digest, colon + 1, digest.len);
    enum digest_algorithm algorithm =
        span_starts(digest, "sha512:") ? DIGEST_SHA512 : DIGEST_SHA256;
    if (colon == SIZE_MAX || !origin_is_hex(digits, digest_digits(algorithm)) ||
        !(span_starts(digest, "sha256:") || span_starts(digest, "sha512:")))
        return false;
    *ret_algorithm = algorithm;
    *ret_digits = digits;
    return true;
}

/* Where the blob of a descriptor lies; says what it must be.  False when it is none. */
static bool expect_blob(struct origin_reading *r, const struct node *descriptor,
                        char separator, struct span *ret_path)
{
    enum digest_algorithm algorithm;
    struct span digest = node_text_at(descriptor, "digest"), digits, path;
    uint64_t size;
    if (!split_digest(digest, &algorithm, &digits)) {
        bool climbs = span_find(digest, "..", 0) != SIZE_MAX ||
                      span_find(digest, "/", 0) != SIZE_MAX;
        if (!climbs)
            origin_malformed(r, "a descriptor has no digest that is known here");
        else
            origin_say(r, (struct statement){ .kind = STATEMENT_PROBLEM,
                                              .problem = PROBLEM_PATH,
                                              .note = digest });
        return false;
    }
    path = arena_printf(r->arena, "blobs/%s%c%.*s", digest_name(algorithm), separator,
                        (int)digits.len, digits.ptr);
    bool sized = node_uint(node_find(descriptor, "size"), &size);
    origin_expect(r, path, algorithm, digits, sized ? &size : NULL);
    *ret_path = path;
    return true;
}

static void expect_layers(struct origin_reading *r, const struct node *manifest,
                          char separator)
{
    struct span ignored;
    const struct node *config = node_find(manifest, "config");
    const struct node *layers = node_find(manifest, "layers");
    if (node_is(config, NODE_MAP))
        (void)expect_blob(r, config, separator, &ignored);
    for (const struct node *l = layers ? layers->first : NULL; l; l = l->next)
        (void)expect_blob(r, l, separator, &ignored);
}

static bool looks_like_object(struct span bytes)
{
    return span_starts(origin_trim(span_slice(bytes, 0, 256)), "{");
}

/* ---- Ollama ------------------------------------------------------------------- */

/* The reference that the manifest's own path spells. */
static struct span ollama_reference(struct origin_reading *r)
{
    struct span part[5], rest = r->source.path;
    for (size_t i = 5; i-- > 0;) {
        part[i] = origin_base_name(rest);
        rest = origin_directory(rest);
    }
    struct span host = part[1], space = origin_escape(r, part[2]),
                model = origin_escape(r, part[3]), tag = origin_escape(r, part[4]);
    if (span_is(host, "registry.ollama.ai") || span_is(host, "ollama.com"))
        return arena_printf(r->arena, "ollama:%.*s/%.*s:%.*s", (int)space.len, space.ptr,
                            (int)model.len, model.ptr, (int)tag.len, tag.ptr);
    host = origin_escape(r, host);
    if (span_is(host, "hf.co") ||
        span_is(host, "huggingface.co")) /* the tag is a file's */
        return arena_printf(r->arena, "hf:%.*s/%.*s", (int)space.len, space.ptr,
                            (int)model.len, model.ptr);
    return arena_printf(r->arena, "https://%.*s/%.*s/%.*s:%.*s", (int)host.len, host.ptr,
                        (int)space.len, space.ptr, (int)model.len, model.ptr,
                        (int)tag.len, tag.ptr);
}

/* Other stores have a manifests/ too, so what is no JSON object is passed over. */
static void read_ollama(struct origin_reading *r)
{
    if (!looks_like_object(r->source.bytes))
        return;
    const struct node *manifest = origin_json(r);
    if (!node_is(node_find(manifest, "layers"), NODE_LIST))
        return;
    origin_say(r, (struct statement){ .kind = STATEMENT_CLAIM,
                                      .path = r->source.path,
                                      .reference = ollama_reference(r),
                                      .unit = true });
    expect_layers(r, manifest, '-');
}

/* ---- OCI ---------------------------------------------------------------------- */

static void read_index(struct origin_reading *r, const struct node *index)
{
    struct state *state = r->state;
    const struct node *list = node_find(index, "manifests");
    for (const struct node *d = list ? list->first : NULL; d; d = d->next) {
        struct listed *named = arena_alloc(r->arena, sizeof *named);
        if (!named || !expect_blob(r, d, '/', &named->path))
            continue;
        named->name = node_text_at(node_find(d, "annotations"),
                                   "org.opencontainers.image.ref.name");
        named->next = state->named;
        state->named = named;
    }
}

/* A blob may hold anything; only what reads as a manifest or an index is one. */
static void read_blob(struct origin_reading *r)
{
    struct state *state = r->state;
    struct node *root = NULL;
    const char *ignored;
    if (!looks_like_object(r->source.bytes) ||
        document_json(r->source.bytes, r->arena, r->budget, &root, &ignored) !=
            DOCUMENT_READ)
        return;
    if (node_is(node_find(root, "manifests"), NODE_LIST)) {
        read_index(r, root);
    } else if (node_is(node_find(root, "layers"), NODE_LIST)) {
        struct listed *m = arena_alloc(r->arena, sizeof *m);
        if (!m)
            return;
        *m = (struct listed){ .path = r->source.path,
                              .source = r->source,
                              .manifest = root,
                              .next = state->manifests };
        state->manifests = m;
    }
}

static void read_one(struct origin_reading *r)
{
    if (r->source.kind == ORIGIN_OLLAMA_MANIFEST) {
        read_ollama(r);
    } else if (r->source.kind == ORIGIN_OCI_INDEX) {
        const struct node *index = origin_json(r);
        if (index)
            read_index(r, index);
    } else {
        read_blob(r);
    }
}

static int compare_named(const void *a, const void *b)
{
    const struct listed *const *left = a, *const *right = b;
    return span_compare((*left)->path, (*right)->path);
}

/* Only a manifest that an index names is an image of the layout. */
static void finish(struct origin_reading *r)
{
    const struct state *state = r->state;
    size_t count = 0, i = 0;
    for (const struct listed *n = state->named; n; n = n->next)
        count++;
    const struct listed **named = arena_array(r->arena, count, sizeof *named);
    if (!named)
        return;
    for (const struct listed *n = state->named; n; n = n->next)
        named[i++] = n;
    qsort(named, count, sizeof *named, compare_named);
    for (const struct listed *m = state->manifests; m; m = m->next) {
        const struct listed *const *found =
            bsearch(&m, named, count, sizeof *named, compare_named);
        if (!found)
            continue;
        struct span name = (*found)->name;
        r->source = m->source;
        origin_say(r, (struct statement){
                          .kind = STATEMENT_CLAIM,
                          .path = m->path,
                          .name = name,
                          .reference = name.len ? arena_printf(r->arena, "oci:%.*s",
                                                               (int)name.len, name.ptr)
                                                : name,
                          .note = span_of_text("an OCI layout"),
                          .unit = true });
        expect_layers(r, m->manifest, '/');
    }
}

const struct origin_parser image_origin = {
    .state_size = sizeof(struct state),
    .read = read_one,
    .finish = finish,
};
