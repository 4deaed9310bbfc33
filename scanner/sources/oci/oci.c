#include "sources/oci/oci.h"

#include "core/digest.h"

#include <string.h>

/* ---- digests ----------------------------------------------------------------------- */

static bool digest_split(const char *digest, enum digest_algorithm *ret_algorithm,
                         const char **ret_hex)
{
    static const struct {
        const char *prefix;
        enum digest_algorithm algorithm;
    } known[] = {
        {"sha256:",  DIGEST_SHA256},
        { "sha512:", DIGEST_SHA512}
    };
    for (size_t i = 0; digest && i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].prefix);
        if (strncmp(digest, known[i].prefix, n) != 0)
            continue;
        *ret_algorithm = known[i].algorithm;
        *ret_hex = digest + n;
        return strlen(digest + n) == digest_digits(known[i].algorithm) &&
               strspn(digest + n, "0123456789abcdef") == strlen(digest + n);
    }
    return false;
}

bool oci_digest_valid(const char *digest)
{
    enum digest_algorithm algorithm;
    const char *hex;
    return digest_split(digest, &algorithm, &hex);
}

static bool hash(struct span bytes, enum digest_algorithm algorithm,
                 char ret_hex[DIGEST_HEX_MAX + 1])
{
    struct digester *d = digester_new(DIGEST_BIT(algorithm), bytes.len);
    if (!d)
        return false;
    digester_add(d, bytes);
    digester_finish(d);
    bool ok = digester_hex(d, algorithm, ret_hex);
    digester_free(d);
    return ok;
}

bool oci_digest_is(const char *digest, struct span bytes)
{
    enum digest_algorithm algorithm;
    const char *hex;
    char actual[DIGEST_HEX_MAX + 1];
    return digest_split(digest, &algorithm, &hex) && hash(bytes, algorithm, actual) &&
           strcmp(actual, hex) == 0;
}

const char *oci_digest_of(struct oci *o, struct span bytes)
{
    char hex[DIGEST_HEX_MAX + 1];
    return hash(bytes, DIGEST_SHA256, hex)
               ? (const char *)arena_printf(o->arena, "sha256:%s", hex).ptr
               : NULL;
}

const char *const oci_media_types[] = {
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    NULL,
};

/* ---- requests -------------------------------------------------------------------- */

static bool out_of_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "out of memory");
}

static const char *url_of(struct oci *o, const char *kind, const char *what)
{
    struct buffer url;
    const char *copy = NULL;
    buffer_init(&url, URL_MAX);
    buffer_printf(&url, "%s/v2/", o->place->endpoint);
    place_add_path(&url, o->repository);
    buffer_printf(&url, "/%s/", kind);
    /* a colon may stand there, and is what registries see from their own clients */
    for (const char *c = what; *c; c++)
        if (*c == ':')
            buffer_add(&url, span_of(c, 1));
        else
            place_add(&url, (const char[]){ *c, '\0' });
    if (!url.truncated)
        copy = arena_text(o->arena, buffer_span(&url));
    buffer_free(&url);
    return copy;
}

const char *oci_blob_url(struct oci *o, const char *digest)
{
    return oci_digest_valid(digest) ? url_of(o, "blobs", digest) : NULL;
}

static const char *const *accept_lines(const struct oci *o)
{
    size_t n = 0;
    while (o->accept[n])
        n++;
    const char **lines = arena_array(o->arena, n + 1, sizeof *lines);
    for (size_t i = 0; lines && i < n; i++)
        lines[i] = (const char *)arena_printf(o->arena, "Accept: %s", o->accept[i]).ptr;
    return lines;
}

bool oci_blob_get(struct oci *o, const char *digest, uint64_t max, struct span *ret_bytes,
                  enum rest_refusal *ret_refusal, struct error *error)
{
    struct http_request q = { .url = oci_blob_url(o, digest), .body_max = max };
    struct http_response r;
    *ret_refusal = REST_MALFORMED;
    if (!q.url)
        return error_set(error, ERROR_NETWORK, "%.80s is no digest of a blob",
                         digest ? digest : "(nothing)");
    bool ok = place_ask(o->place, &q, &r, ret_refusal, error);
    if (ok && !oci_digest_is(digest, buffer_span(&r.body))) {
        *ret_refusal = REST_MALFORMED;
        ok =
            error_set(error, ERROR_NETWORK, "the blob %.100s has another digest", digest);
    }
    struct span copy = ok ? arena_copy(o->arena, buffer_span(&r.body)) : span_of(NULL, 0);
    if (ok && copy.len != r.body.len)
        ok = out_of_memory(error);
    http_response_free(&r);
    if (ok)
        *ret_bytes = copy;
    return ok;
}

/* ---- manifests ------------------------------------------------------------------- */

static bool read_manifest(struct oci *o, const struct http_response *r,
                          const char *reference, struct oci_manifest *m,
                          struct error *error)
{
    const char *told = fields_get(&r->fields, "Docker-Content-Digest", 0);
    bool named = strchr(reference, ':');
    struct error why = { 0 };
    m->body = arena_copy(o->arena, buffer_span(&r->body));
    const char *digest = named ? reference : oci_digest_of(o, m->body);
    if (m->body.len != r->body.len || !digest)
        return out_of_memory(error);
    if (named && !oci_digest_is(reference, m->body))
        return error_set(error, ERROR_NETWORK, "the manifest %.100s has another digest",
                         reference);
    (void)snprintf(m->digest, sizeof m->digest, "%s", digest);
    if (told && !oci_digest_is(told, m->body))
        return error_set(error, ERROR_NETWORK,
                         "the manifest does not have the digest that its registry says");
    m->json = answer_parse(m->body, &o->values, &why);
    if (!json_is_object(m->json))
        return error_set(error, ERROR_NETWORK, "the manifest is no JSON object%s%.200s",
                         why.code ? ": " : "", why.code ? why.message : "");
    /* the first version has no digests of its own that anybody could check */
    if (json_integer_value(json_object_get(m->json, "schemaVersion")) != 2)
        return error_set(error, ERROR_NETWORK, "the manifest is not of schema version 2");
    return true;
}

/* What else an answer says that holds a manifest, or should. */
struct answer_head {
    unsigned status;  /* 0: there is no answer */
    bool index;       /* it says that it is a list of referrers … */
    const char *next; /* … and where its next page is; NULL: it has none */
};

/* The target of a Link, against the address of the answer; as it is where it is no URL,
 * so that nobody takes it for the end. */
static bool read_next(struct oci *o, const struct http_response *r, const char **ret_next)
{
    struct url base = { 0 }, next = { 0 };
    struct buffer target;
    struct error ignored;
    bool ok = true;
    buffer_init(&target, URL_MAX);
    if (field_link_next(&r->fields, &target)) {
        bool resolved = r->url && url_parse(r->url, &base, &ignored) &&
                        url_resolve(&base, target.text, &next, &ignored);
        *ret_next =
            arena_text(o->arena, span_of_text(resolved ? next.text : target.text));
        ok = *ret_next != NULL;
    }
    url_free(&next);
    url_free(&base);
    buffer_free(&target);
    return ok;
}

static bool read_head(struct oci *o, const struct http_response *r,
                      struct answer_head *head)
{
    static const char index[] = "application/vnd.oci.image.index.v1+json";
    const char *type = fields_get(&r->fields, "Content-Type", 0);
    head->status = r->status;
    head->index = type && strncmp(type, index, strlen(index)) == 0;
    return read_next(o, r, &head->next);
}

static bool manifest_at(struct oci *o, const char *url, const char *reference,
                        struct oci_manifest *ret, struct answer_head *ret_head,
                        enum rest_refusal *ret_refusal, struct error *error)
{
    struct oci_manifest m = { .digest = "" };
    struct http_request q = { .url = url,
                              .headers = accept_lines(o),
                              .anchored = o->anchored,
                              .body_max = OCI_MANIFEST_MAX };
    struct http_response r;
    *ret_refusal = REST_MALFORMED;
    *ret_head = (struct answer_head){ 0 };
    if (!q.url || !q.headers)
        return out_of_memory(error);
    bool ok = place_ask(o->place, &q, &r, ret_refusal, error);
    if (!read_head(o, &r, ret_head))
        ok = out_of_memory(error);
    if (ok && !read_manifest(o, &r, reference, &m, error)) {
        *ret_refusal = REST_MALFORMED;
        ok = false;
    }
    http_response_free(&r);
    if (ok)
        *ret = m;
    else
        oci_manifest_free(&m);
    return ok;
}

bool oci_manifest_get(struct oci *o, const char *reference,
                      struct oci_manifest *ret_manifest, enum rest_refusal *ret_refusal,
                      struct error *error)
{
    struct answer_head ignored;
    return manifest_at(o, url_of(o, "manifests", reference), reference, ret_manifest,
                       &ignored, ret_refusal, error);
}

void oci_manifest_free(struct oci_manifest *m)
{
    json_decref(m->json);
    m->json = NULL;
}

/* Servers that know nothing of the question answer in many ways, also with a page. */
static bool has_no_referrers(const struct answer_head *h)
{
    return h->status == 400 || h->status == 404 || h->status == 405 || h->status == 406 ||
           (h->status == 200 && !h->index);
}

bool oci_referrers(struct oci *o, const char *digest, struct oci_manifest *ret_index,
                   const char **ret_next, enum rest_refusal *ret_refusal,
                   struct error *error)
{
    char tag[OCI_DIGEST_MAX + 1];
    struct oci_manifest index = { .digest = "" };
    struct answer_head head;
    const char *colon = strchr(digest, ':');
    bool found = manifest_at(o, url_of(o, "referrers", digest), "", &index, &head,
                             ret_refusal, error);
    if (has_no_referrers(&head) && colon) {
        oci_manifest_free(&index);
        (void)snprintf(tag, sizeof tag, "%.*s-%s", (int)(colon - digest), digest,
                       colon + 1);
        found = oci_manifest_get(o, tag, &index, ret_refusal, error);
        head.next = NULL;
    }
    if (found) {
        *ret_index = index;
        *ret_next = head.next;
    } else if (*ret_refusal == REST_NOT_FOUND) {
        error->code = ERROR_NONE;
    }
    return found;
}

bool oci_referrers_page(struct oci *o, const char *url, struct oci_manifest *ret_index,
                        const char **ret_next, enum rest_refusal *ret_refusal,
                        struct error *error)
{
    struct oci_manifest index = { .digest = "" };
    struct answer_head head;
    *ret_refusal = REST_MALFORMED;
    if (!place_holds(o->place, url))
        return error_set(error, ERROR_NETWORK,
                         "the list of what refers to it goes on elsewhere");
    if (!manifest_at(o, url, "", &index, &head, ret_refusal, error))
        return false;
    if (!head.index) {
        oci_manifest_free(&index);
        *ret_refusal = REST_MALFORMED;
        return error_set(error, ERROR_NETWORK,
                         "the next page of what refers to it is no list");
    }
    *ret_index = index;
    *ret_next = head.next;
    return true;
}

/* ---- names ----------------------------------------------------------------------- */

const char *oci_layer_name(const json_t *layer)
{
    static const char *const keys[] = { "org.cncf.model.filepath",
                                        "org.cnai.model.filepath",
                                        "org.opencontainers.image.title" };
    const json_t *annotations = json_object_get(layer, "annotations");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *name = json_string_value(json_object_get(annotations, keys[i]));
        if (name && *name)
            return name;
    }
    return NULL;
}

const char *oci_layer_fallback(struct arena *arena, const json_t *layer)
{
    const char *digest = json_string_value(json_object_get(layer, "digest"));
    const char *type = json_string_value(json_object_get(layer, "mediaType"));
    const char *colon = digest ? strchr(digest, ':') : NULL;
    const char *end = "";
    struct span media = span_of_text(type);
    if (!colon)
        return NULL;
    if (span_ends(media, "tar+gzip") || span_ends(media, "tar.gzip"))
        end = ".tar.gz";
    else if (span_ends(media, "tar+zstd"))
        end = ".tar.zst";
    else if (span_ends(media, ".tar"))
        end = ".tar";
    return (const char *)arena_printf(arena, "%s%s", colon + 1, end).ptr;
}
