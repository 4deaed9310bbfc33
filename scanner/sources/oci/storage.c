/* oci://HOST/REPOSITORY[:TAG|@DIGEST]: any artifact of an OCI registry.  Every manifest
 * of an index counts, because whoever loads it may get any of them. */
#include "sources/storage/storage.h"
#include "sources/oci/docker_login.h"
#include "sources/oci/referrers.h"

#include <string.h>

/* The two bytes "{}", which stand for "no config". */
static const char empty_digest[] =
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/* ---- the reference --------------------------------------------------------------- */

struct target {
    const char *host, *repository, *reference;
    struct docker_login login;
};

static bool repository_valid(const char *text)
{
    return *text &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._/-")] == '\0' &&
           path_clean(text);
}

static bool tag_valid(const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t n = strlen(text);
    return n > 0 && n <= 128 && strspn(text, allowed) == n && *text != '.' &&
           *text != '-';
}

static bool read_target(struct storage *s, struct target *ret, struct error *error)
{
    struct span host;
    const char *path;
    if (!storage_split(s, &host, &path, error))
        return false;
    struct span rest = span_of_text(path);
    size_t at = span_find(rest, "@", 0);
    size_t end = at != SIZE_MAX ? at : rest.len;
    size_t colon = span_find_last(span_slice(rest, 0, end), ":", end);
    bool digest = at != SIZE_MAX, tag = colon != SIZE_MAX;
    struct target t = {
        .host = arena_text(s->arena, host),
        .repository = arena_text(s->arena, span_slice(rest, 0, tag ? colon : end)),
        .reference = arena_text(s->arena, digest ? span_slice(rest, at + 1, rest.len)
                                          : tag  ? span_slice(rest, colon + 1, end)
                                                 : span_of_text("latest")),
    };
    if (!t.host || !t.repository || !t.reference)
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (!repository_valid(t.repository) ||
        !(digest ? oci_digest_valid(t.reference) : tag_valid(t.reference)))
        return error_set(
            error, ERROR_USAGE,
            "%.200s: oci://HOST/REPOSITORY[:TAG|@DIGEST] is expected, where the "
            "digest is sha256:… or sha512:… with all its digits",
            s->uri);
    *ret = t;
    return true;
}

/* Docker Hub's registry has another name than its references, and a token service.
 * Elsewhere the token comes from the same host.  A host in the file of docker's logins is
 * one that the operator logged in to. */
static struct place *open_place(struct storage *s, struct target *t, struct error *error)
{
    static const char *const none[] = { NULL };
    static const char *const hub_realm[] = { "auth.docker.io", NULL };
    bool hub = strcmp(t->host, "docker.io") == 0;
    const char *host = hub ? "registry-1.docker.io" : t->host;
    struct url url;
    struct span secure = arena_printf(s->arena, "https://%s", host);
    if (!secure.len || !docker_login_find(s->secrets, t->host, s->arena, &t->login)) {
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    if (!url_parse((const char *)secure.ptr, &url, error))
        return NULL;
    /* this machine has no certificate for itself; docker and skopeo take that, too */
    bool plain = s->typed && web_origin_loopback(&url.origin);
    url_free(&url);
    struct span endpoint =
        arena_printf(s->arena, "%s://%s", plain ? "http" : "https", host);
    const struct auth_method method = {
        .kind = AUTH_OCI,
        .env = none,
        .files = none,
        .exchange_form = none,
        .json_file = t->login.file,
        .json_pointer = {t->login.pointer, NULL},
        .hosts = hub ? hub_realm : none,
    };
    return arena_exhausted(s->arena) ? NULL
                                     : storage_place(s, (const char *)endpoint.ptr,
                                                     s->typed, &method, 1, error);
}

/* ---- files ----------------------------------------------------------------------- */

static bool add_blob(struct storage *s, struct oci *o, const json_t *blob,
                     const char *role, struct error *error)
{
    const char *digest = json_string_value(json_object_get(blob, "digest"));
    json_int_t size = json_integer_value(json_object_get(blob, "size"));
    const char *name = oci_layer_name(blob);
    struct rest_file f = { .path = name ? name : oci_layer_fallback(s->arena, blob) };
    if (digest && strcmp(digest, empty_digest) == 0)
        return true;
    f.url = oci_blob_url(o, digest);
    if (!f.url || !f.path)
        return error_set(error, ERROR_NETWORK,
                         "the manifest has a layer without a digest that can be checked");
    f.size_known = size >= 0 && json_is_integer(json_object_get(blob, "size"));
    f.size = f.size_known ? (uint64_t)size : 0;
    f.role = role;
    f.credentials = true;
    listing_hash(s->arena, &f, digest[3] == '5' ? DIGEST_SHA512 : DIGEST_SHA256,
                 LISTING_HEX, span_of_text(strchr(digest, ':') + 1));
    return listing_add(&s->listing, &f, error);
}

static const char *role_of(struct storage *s, const json_t *layer)
{
    const char *type = json_string_value(json_object_get(layer, "mediaType"));
    return type ? arena_text(s->arena, span_of_text(type)) : NULL;
}

static void tell_annotations(struct storage *s, const json_t *annotations)
{
    static const struct {
        const char *annotation, *key;
    } known[] = {
        {"org.opencontainers.image.licenses",     "license"       },
        { "org.opencontainers.image.authors",     "author"        },
        { "org.opencontainers.image.created",     "created"       },
        { "org.opencontainers.image.source",      "source"        },
        { "org.opencontainers.image.revision",    "lineage.commit"},
        { "org.opencontainers.image.version",     "version"       },
        { "org.opencontainers.image.title",       "name"          },
        { "org.opencontainers.image.description", "card"          },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *text =
            json_string_value(json_object_get(annotations, known[i].annotation));
        if (text && *text)
            (void)storage_tell(s, known[i].key, span_of_text(text));
    }
}

static bool add_manifest(struct storage *s, struct oci *o, const struct oci_manifest *m,
                         struct error *error)
{
    const json_t *layers = json_object_get(m->json, "layers");
    const json_t *config = json_object_get(m->json, "config");
    const char *type = json_string_value(json_object_get(m->json, "artifactType"));
    if (!type)
        type = json_string_value(json_object_get(config, "mediaType"));
    if (!json_is_array(layers) || !json_is_object(config))
        return error_set(error, ERROR_NETWORK, "the manifest has no layers");
    if (type)
        (void)storage_tell(s, "type", span_of_text(type));
    tell_annotations(s, json_object_get(m->json, "annotations"));
    bool ok = add_blob(s, o, config, "config", error);
    for (size_t i = 0; ok && i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        ok = add_blob(s, o, layer, role_of(s, layer), error);
    }
    return ok;
}

static bool add_index(struct storage *s, struct oci *o, const json_t *manifests,
                      struct referrers_spent *spent, enum rest_refusal *ret_refusal,
                      struct error *error)
{
    bool ok = true;
    if (json_array_size(manifests) > OCI_VARIANTS_MAX)
        return error_set(error, ERROR_NETWORK, "the index has more than %d manifests",
                         OCI_VARIANTS_MAX);
    for (size_t i = 0; ok && i < json_array_size(manifests); i++) {
        const char *digest =
            json_string_value(json_object_get(json_array_get(manifests, i), "digest"));
        struct oci_manifest m = { .digest = "" };
        if (!oci_digest_valid(digest))
            return error_set(error, ERROR_NETWORK,
                             "the index has an entry without a digest");
        ok = oci_manifest_get(o, digest, &m, ret_refusal, error);
        if (ok && json_object_get(m.json, "manifests"))
            ok = error_set(error, ERROR_NETWORK, "an index lies in an index");
        ok = ok && add_manifest(s, o, &m, error) &&
             referrers_add(o, &m, spent, &s->images, error);
        oci_manifest_free(&m);
    }
    return ok;
}

/* Of what the reference names; signatures among them are verified elsewhere. */
static void tell_referrers(struct storage *s)
{
    for (const struct image_referrer *r = s->images->referrers; r; r = r->next)
        if (r->type)
            (void)storage_tell(
                s, "referrer",
                arena_printf(s->arena, "%.200s %s", r->type, strrchr(r->name, '@') + 1));
}

/* A refusal that a login might have averted says which one was not used. */
static bool refused(const struct target *t, enum rest_refusal refusal,
                    struct error *error)
{
    struct error why = *error;
    bool login = refusal == REST_AUTH_REQUIRED || refusal == REST_FORBIDDEN ||
                 refusal == REST_NOT_FOUND || strstr(why.message, "token service");
    if (t->login.helper && login)
        (void)error_set(
            error, why.code,
            "%.250s; the password for %.80s is left to docker-credential-%.40s, "
            "a program, which is not run: name a file that has it in "
            "REGISTRY_AUTH_FILE (skopeo login --authfile)",
            why.message, t->host, t->login.helper);
    return false;
}

bool storage_list_oci(struct storage *s, enum rest_refusal *ret_refusal,
                      struct error *error)
{
    struct target t = { 0 };
    struct oci_manifest m = { .digest = "" };
    struct referrers_spent spent = { 0 };
    *ret_refusal = REST_NOT_ASKED;
    if (!read_target(s, &t, error))
        return false;
    struct oci o = { .arena = s->arena,
                     .repository = t.repository,
                     .accept = oci_media_types };
    o.place = open_place(s, &t, error);
    if (!o.place)
        return false;
    if (!oci_manifest_get(&o, t.reference, &m, ret_refusal, error))
        return refused(&t, *ret_refusal, error);
    const json_t *manifests = json_object_get(m.json, "manifests");
    *ret_refusal = REST_MALFORMED;
    bool ok = referrers_add(&o, &m, &spent, &s->images, error) &&
              (manifests ? add_index(s, &o, manifests, &spent, ret_refusal, error)
                         : add_manifest(s, &o, &m, error));
    if (ok) {
        s->revision = arena_copy(s->arena, span_of_text(m.digest));
        tell_referrers(s);
    }
    oci_manifest_free(&m);
    return ok;
}
