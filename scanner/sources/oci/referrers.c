#include "sources/oci/referrers.h"

#include "integrity/sigstore/bundle.h"
#include "integrity/sigstore/cosign.h"

#include <string.h>

struct search {
    struct oci *o;
    struct referrers_spent *spent;
    struct image *image;
    struct image_referrer **end;
    struct error *error; /* of memory */
};

static bool out_of_memory(struct search *s)
{
    return error_set(s->error, ERROR_MEMORY, "out of memory");
}

/* ---- what could not be had ------------------------------------------------------- */

/* The first reason stays. */
static void doubt(struct search *s, struct span why)
{
    if (!s->image->problem)
        s->image->problem = why.len ? (const char *)why.ptr : "memory is short";
}

/* A registry that does not answer now is not asked for each of a hundred more. */
static void take_refusal(struct search *s, enum rest_refusal refusal,
                         const struct error *why)
{
    bool down = refusal == REST_UNREACHABLE || refusal == REST_SERVER_ERROR ||
                refusal == REST_RATE_LIMITED;
    struct span text = arena_printf(s->o->arena, "%s", why->message);
    doubt(s, text);
    if (down && text.len)
        s->spent->stopped = (const char *)text.ptr;
}

static bool may_ask(struct search *s)
{
    struct referrers_spent *spent = s->spent;
    if (!spent->stopped && spent->requests >= REFERRERS_REQUESTS_MAX)
        spent->stopped = "what refers to the images takes too many requests";
    if (!spent->stopped && spent->bytes >= REFERRERS_BYTES_MAX)
        spent->stopped = "what refers to the images is too much";
    if (spent->stopped)
        doubt(s, span_of_text(spent->stopped));
    else
        spent->requests++;
    return !spent->stopped;
}

/* ---- names ------------------------------------------------------------------------- */

/* Behind the repository comes '@' and a digest, or ':' and a tag. */
static const char *name_of(struct oci *o, const char *reference)
{
    const char *host = strstr(o->place->endpoint, "://");
    return (const char *)arena_printf(o->arena, "oci://%s/%s%s%s",
                                      host ? host + 3 : o->place->endpoint, o->repository,
                                      strchr(reference, ':') ? "@" : ":", reference)
        .ptr;
}

/* "sha256-HEX.sig" of "sha256:HEX". */
static const char *tag_of(struct search *s, const char *end)
{
    const char *digest = s->image->digest, *colon = strchr(digest, ':');
    return (const char *)arena_printf(s->o->arena, "%.*s-%s%s", (int)(colon - digest),
                                      digest, colon + 1, end)
        .ptr;
}

/* ---- one referrer ------------------------------------------------------------------ */

static struct image_referrer *add(struct search *s, const char *name, const char *type)
{
    struct image_referrer *r = arena_alloc(s->o->arena, sizeof *r);
    if (!r || !name) {
        (void)out_of_memory(s);
        return NULL;
    }
    *r = (struct image_referrer){ .name = name, .type = type };
    *s->end = r;
    s->end = &r->next;
    return r;
}

static bool load_blob(struct search *s, const json_t *layer, struct span *ret_bytes)
{
    const char *digest = json_string_value(json_object_get(layer, "digest"));
    enum rest_refusal refusal;
    struct error why;
    if (!may_ask(s))
        return false;
    uint64_t left = REFERRERS_BYTES_MAX - s->spent->bytes;
    if (!oci_blob_get(s->o, digest, left < REFERRER_BLOB_MAX ? left : REFERRER_BLOB_MAX,
                      ret_bytes, &refusal, &why)) {
        take_refusal(s, refusal, &why);
        return false;
    }
    s->spent->bytes += ret_bytes->len;
    return true;
}

/* Many signatures may be over the same bytes. */
static bool add_payload(struct search *s, struct image_referrer *r, const json_t *layer)
{
    const char *digest = json_string_value(json_object_get(layer, "digest"));
    struct span bytes, text = span_of_text(digest);
    for (const struct image_payload *p = r->payloads; p; p = p->next)
        if (span_is(text, p->digest))
            return true;
    if (!load_blob(s, layer, &bytes))
        return true;
    struct image_payload *p = arena_alloc(s->o->arena, sizeof *p);
    const char *copy = arena_text(s->o->arena, text);
    if (!p || !copy)
        return out_of_memory(s);
    *p = (struct image_payload){ copy, bytes, r->payloads };
    r->payloads = p;
    return true;
}

/* Each bundle has a name of its own: the first that of its manifest. */
static bool add_bundle(struct search *s, const char *name, size_t number,
                       const json_t *layer)
{
    struct span bytes, own = arena_printf(s->o->arena, "%s#%zu", name, number + 1);
    if (!load_blob(s, layer, &bytes))
        return true;
    if (!bytes.len) {
        doubt(s, arena_printf(s->o->arena, "%s holds nothing", name));
        return true;
    }
    struct image_referrer *r = add(s, number ? (const char *)own.ptr : name, NULL);
    if (r)
        r->bytes = bytes;
    return r != NULL;
}

static bool is_bundle(const char *type)
{
    return span_starts(span_of_text(type), BUNDLE_MEDIA_PREFIX);
}

/* What cosign's manifests add to with annotations. */
static bool is_annotated(const char *type)
{
    return strcmp(type, COSIGN_PAYLOAD_TYPE) == 0 ||
           strcmp(type, COSIGN_ENVELOPE_TYPE) == 0;
}

/* What its layers are, their media types say, and what they hold, their bytes. */
static bool take_layers(struct search *s, const char *name, const struct oci_manifest *m)
{
    const json_t *layers = json_object_get(m->json, "layers");
    struct image_referrer *signatures = NULL;
    size_t bundles = 0, count = json_array_size(layers);
    if (count > REFERRER_LAYERS_MAX || s->spent->layers + count > REFERRERS_LAYERS_MAX) {
        doubt(s, arena_printf(s->o->arena, "%s has too many layers", name));
        return true;
    }
    s->spent->layers += count;
    for (size_t i = 0; i < count; i++) {
        const json_t *layer = json_array_get(layers, i);
        const char *type = json_string_value(json_object_get(layer, "mediaType"));
        if (!type)
            continue;
        if (is_annotated(type)) {
            if (!signatures && !(signatures = add(s, name, NULL)))
                return false;
            signatures->bytes = m->body;
            if (!add_payload(s, signatures, layer))
                return false;
        } else if (is_bundle(type) && !add_bundle(s, name, bundles++, layer)) {
            return false;
        }
    }
    return true;
}

/* A tag that is not there is no signature; a digest that is not there is missing. */
static bool take_manifest(struct search *s, const char *reference)
{
    struct oci_manifest m = { .digest = "" };
    enum rest_refusal refusal;
    struct error why;
    const char *name = name_of(s->o, reference);
    if (!name)
        return out_of_memory(s);
    if (!may_ask(s))
        return true;
    if (!oci_manifest_get(s->o, reference, &m, &refusal, &why)) {
        if (refusal != REST_NOT_FOUND || strchr(reference, ':'))
            take_refusal(s, refusal, &why);
        return true;
    }
    s->spent->bytes += m.body.len;
    bool ok = take_layers(s, name, &m);
    oci_manifest_free(&m);
    return ok;
}

/* ---- all of them ------------------------------------------------------------------- */

/* May one of this type hold signatures?  Whoever keeps the list in a tag may know no
 * types, or write that of the config instead. */
static bool may_sign(const char *type)
{
    static const char *const vague[] = { "", "application/vnd.oci.empty.v1+json",
                                         "application/vnd.oci.image.config.v1+json" };
    for (size_t i = 0; i < sizeof vague / sizeof *vague; i++)
        if (strcmp(type, vague[i]) == 0)
            return true;
    return is_bundle(type) || is_annotated(type) ||
           span_starts(span_of_text(type), "application/vnd.dev.cosign.artifact.");
}

static bool take_listed(struct search *s, const json_t *descriptor)
{
    const char *type = json_string_value(json_object_get(descriptor, "artifactType"));
    const char *digest = json_string_value(json_object_get(descriptor, "digest"));
    if (!oci_digest_valid(digest)) {
        doubt(s, span_of_text("something refers to it that has no digest"));
        return true;
    }
    const char *copy = arena_text(s->o->arena, span_of_text(type ? type : ""));
    return (copy && add(s, name_of(s->o, digest), copy) &&
            (!may_sign(copy) || take_manifest(s, digest))) ||
           out_of_memory(s);
}

/* A list on its way, page by page. */
struct list {
    size_t count;                           /* of what was taken */
    const char *pages[REFERRERS_PAGES_MAX]; /* URLs but of the first, which has none */
    size_t page_count;
    const char *next; /* NULL: that was the last */
};

/* Is there another page, within the bounds, and one that has not been there? */
static bool turn_page(struct search *s, struct list *list)
{
    if (!list->next)
        return false;
    for (size_t i = 1; i < list->page_count; i++)
        if (strcmp(list->pages[i], list->next) == 0) {
            doubt(s, span_of_text("the list of what refers to it goes in a circle"));
            return false;
        }
    if (list->page_count == REFERRERS_PAGES_MAX || list->count == REFERRERS_MAX) {
        doubt(s, arena_printf(s->o->arena,
                              "more things refer to it than the first %zu of a list",
                              list->count));
        return false;
    }
    return true;
}

static bool take_page(struct search *s, const json_t *entries, struct list *list)
{
    size_t count = json_array_size(entries), left = REFERRERS_MAX - list->count;
    if (count > left)
        doubt(s, arena_printf(s->o->arena,
                              "more things refer to it than the first %d of a list",
                              REFERRERS_MAX));
    for (size_t i = 0; i < count && i < left; i++, list->count++)
        if (!take_listed(s, json_array_get(entries, i)))
            return false;
    return true;
}

static bool take_list(struct search *s)
{
    struct list list = { 0 };
    bool ok = true;
    do {
        struct oci_manifest index = { .digest = "" };
        enum rest_refusal refusal;
        struct error why;
        const char *url = list.next;
        if (!may_ask(s))
            return true;
        if (!(url ? oci_referrers_page(s->o, url, &index, &list.next, &refusal, &why)
                  : oci_referrers(s->o, s->image->digest, &index, &list.next, &refusal,
                                  &why))) {
            if (why.code != ERROR_NONE)
                take_refusal(s, refusal, &why);
            return true;
        }
        list.pages[list.page_count++] = url;
        s->spent->bytes += index.body.len;
        ok = take_page(s, json_object_get(index.json, "manifests"), &list);
        oci_manifest_free(&index);
    } while (ok && turn_page(s, &list));
    return ok;
}

static bool search(struct search *s)
{
    const char *sig = tag_of(s, ".sig"), *att = tag_of(s, ".att");
    if (!sig || !att)
        return out_of_memory(s);
    return take_list(s) && take_manifest(s, sig) && take_manifest(s, att);
}

bool referrers_add(struct oci *asked, const struct oci_manifest *m,
                   struct referrers_spent *spent, struct image **images,
                   struct error *error)
{
    struct oci o = *asked; /* which media types images have, an entry says */
    struct image *image = arena_alloc(o.arena, sizeof *image);
    struct search s = { .o = &o, .spent = spent, .image = image, .error = error };
    if (!image)
        return out_of_memory(&s);
    *image = (struct image){ .name = name_of(&o, m->digest),
                             .digest = oci_digest_of(&o, m->body),
                             .manifest = m->body };
    if (!image->name || !image->digest)
        return out_of_memory(&s);
    while (*images)
        images = &(*images)->next;
    *images = image;
    s.end = &image->referrers;
    o.accept = oci_media_types;
    bool ok = search(&s);
    if (strcmp(m->digest, image->digest) != 0)
        doubt(&s, span_of_text("signatures are looked for by the sha256 digest, and it "
                               "was named by another; name it by that, or by its tag"));
    asked->values = o.values;
    return ok;
}
