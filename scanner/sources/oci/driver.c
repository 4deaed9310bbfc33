/* The oci driver: a registry of models that speaks OCI's protocol, as its entry says
 * (registry/driver.h, "oci"): the manifest, the config and small texts are the answers.
 */
#include "sources/oci/referrers.h"
#include "sources/remote_driver.h"

#include <string.h>

enum { ROOTS_MAX = 16 };

struct roots {
    struct rest_root list[ROOTS_MAX];
    size_t count;
};

static bool add_root(struct roots *r, const char *name, struct span body, bool json,
                     struct error *error)
{
    if (r->count == ROOTS_MAX)
        return error_set(error, ERROR_CONFIG, "the entry names too many texts of layers");
    r->list[r->count++] = (struct rest_root){ .name = name, .body = body, .json = json };
    return true;
}

static bool add_config(struct oci *o, const json_t *manifest, struct roots *roots,
                       enum rest_refusal *ret_refusal, struct error *error)
{
    const json_t *config = json_object_get(manifest, "config");
    const char *digest = json_string_value(json_object_get(config, "digest"));
    struct span body;
    return oci_blob_get(o, digest, OCI_CONFIG_MAX, &body, ret_refusal, error) &&
           add_root(roots, "config", body, true, error);
}

static const json_t *layer_of_type(const json_t *manifest, const char *type)
{
    const json_t *layers = json_object_get(manifest, "layers");
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        const char *its = json_string_value(json_object_get(layer, "mediaType"));
        if (its && strcmp(its, type) == 0)
            return layer;
    }
    return NULL;
}

/* The first layer of each type; one that is too long stays a file and no more. */
static bool add_texts(struct oci *o, const struct registry_oci *entry,
                      const json_t *manifest, struct roots *roots,
                      enum rest_refusal *ret_refusal, struct error *error)
{
    for (size_t i = 0; i < entry->text_layer_count; i++) {
        const json_t *layer = layer_of_type(manifest, entry->text_layers[i].value);
        json_int_t size = json_integer_value(json_object_get(layer, "size"));
        struct span body, name;
        if (!layer || size < 0 || (uint64_t)size > entry->text_max)
            continue;
        if (!oci_blob_get(o, json_string_value(json_object_get(layer, "digest")),
                          entry->text_max, &body, ret_refusal, error))
            return false;
        name = arena_printf(o->arena, "layer.%s", entry->text_layers[i].name);
        if (!name.len)
            return error_set(error, ERROR_MEMORY, "out of memory");
        if (!add_root(roots, (const char *)name.ptr, body, false, error))
            return false;
    }
    return true;
}

static bool ask(struct driver_call *c, struct rest_result *ret_result,
                enum rest_refusal *ret_refusal, struct error *error)
{
    struct registry_oci entry;
    struct oci_manifest m = { .digest = "" };
    struct roots roots = { .count = 0 };
    struct referrers_spent spent = { 0 };
    struct image *images = NULL;
    const struct place place = { .http = c->http,
                                 .endpoint = c->session.endpoint,
                                 .auth = c->auth,
                                 .own = c->session.own,
                                 .offline = c->options->offline };
    *ret_refusal = REST_NOT_ASKED;
    if (!registry_oci(c->reference, c->arena, &entry, error))
        return false;
    struct oci o = { .place = &place,
                     .anchored = true,
                     .arena = c->arena,
                     .repository = entry.repository,
                     .accept = entry.accept };
    if (!oci_manifest_get(&o, entry.reference, &m, ret_refusal, error))
        return false;
    bool ok = add_root(&roots, "manifest", m.body, true, error);
    if (ok && !json_is_array(json_object_get(m.json, "layers"))) {
        *ret_refusal = REST_MALFORMED;
        ok = error_set(error, ERROR_NETWORK, "the manifest has no layers");
    }
    ok = ok &&
         (!entry.fetch_config || add_config(&o, m.json, &roots, ret_refusal, error)) &&
         add_texts(&o, &entry, m.json, &roots, ret_refusal, error);
    ok = ok && (!entry.referrers || referrers_add(&o, &m, &spent, &images, error)) &&
         rest_describe(&c->session, roots.list, roots.count, c->arena, ret_result, error);
    oci_manifest_free(&m);
    if (ok)
        ret_result->images = images;
    return ok;
}

const struct driver driver_oci = { .name = "oci", .ask = ask };
