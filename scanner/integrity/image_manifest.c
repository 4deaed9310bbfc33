#include "integrity/image_manifest.h"

#include "core/base64.h"
#include "integrity/sigstore/bundle.h"
#include "integrity/strict_json.h"

enum { VALUES_MAX = 1 << 16 };

bool image_manifest_claims(struct span bytes)
{
    return span_starts(bytes, "{") &&
           span_find(bytes, "\"schemaVersion\"", 0) != SIZE_MAX &&
           (span_find(bytes, "\"manifests\"", 0) != SIZE_MAX ||
            span_find(bytes, "\"layers\"", 0) != SIZE_MAX);
}

static bool bad_field(struct signature_failure *failure, const char *what)
{
    return signature_require(failure, SC_BUNDLE_FIELD, false,
                             "The manifest of an image has %s.", what);
}

/* "sha256:HEX" → HEX; false for anything else. */
static bool digest_of(const json_t *descriptor, struct span *ret_hex)
{
    struct span text = { NULL, 0 };
    if (!json_is_object(descriptor) || !strict_json_text(descriptor, "digest", &text) ||
        !span_starts(text, "sha256:"))
        return false;
    *ret_hex = span_slice(text, strlen("sha256:"), text.len);
    return digest_canonical(*ret_hex, DIGEST_SHA256);
}

static bool is_there(const struct manifest *m, struct span hex)
{
    for (size_t i = 0; i < m->count; i++)
        if (span_equal(m->entries[i].digest, hex))
            return true;
    return false;
}

static bool add(struct arena *arena, struct manifest *m, const json_t *descriptor,
                struct signature_failure *failure)
{
    struct span hex;
    if (!digest_of(descriptor, &hex))
        return bad_field(failure, "something without a sha256 digest");
    if (is_there(m, hex))
        return true;
    if (!signature_require(failure, SC_BUNDLE_LIMITS, m->count < IMAGE_DESCRIPTORS_MAX,
                           "The manifest of an image names more than %d things.",
                           IMAGE_DESCRIPTORS_MAX))
        return false;
    m->entries[m->count++] = (struct manifest_entry){
        .path =
            arena_printf(arena, "blobs/sha256/%.*s", (int)hex.len, (const char *)hex.ptr),
        .end = WHOLE_FILE,
        .algorithm = DIGEST_SHA256,
        .digest = arena_copy(arena, hex),
    };
    return true;
}

static bool add_all(struct arena *arena, struct manifest *m, const json_t *root,
                    const char *key, struct signature_failure *failure)
{
    json_t *list = NULL, *one;
    size_t i;
    if (!strict_json_array(root, key, &list))
        return bad_field(failure, "a list that is none");
    json_array_foreach(list, i, one)
    {
        if (!add(arena, m, one, failure))
            return false;
    }
    return true;
}

static bool read_subject(struct arena *arena, const json_t *root,
                         struct span *ret_subject, struct signature_failure *failure)
{
    json_t *subject = NULL;
    struct span type = { NULL, 0 }, hex;
    if (!strict_json_object(root, "subject", &subject) ||
        !strict_json_text(root, "artifactType", &type))
        return bad_field(failure, "a field of another type");
    if (!subject || !span_starts(type, BUNDLE_MEDIA_PREFIX))
        return true;
    return (digest_of(subject, &hex) && hex_decode(arena, hex, ret_subject)) ||
           bad_field(failure, "something without a sha256 digest");
}

static bool read_manifest(struct arena *arena, const json_t *root,
                          struct image_manifest *m, struct signature_failure *failure)
{
    json_t *config = NULL;
    struct span hex = { NULL, 0 };
    m->index = strict_json_field(root, "manifests") != NULL;
    m->below.entries =
        arena_array(arena, IMAGE_DESCRIPTORS_MAX, sizeof *m->below.entries);
    if (!m->below.entries)
        return signature_require(failure, SC_RESOURCES, false, "Memory ran out.");
    if (!strict_json_object(root, "config", &config) ||
        (m->index && (config || strict_json_field(root, "layers"))))
        return bad_field(failure, "the form of both an index and an image");
    if (config && (!add(arena, &m->below, config, failure) || !digest_of(config, &hex)))
        return false;
    m->config = arena_copy(arena, hex);
    return add_all(arena, &m->below, root, m->index ? "manifests" : "layers", failure) &&
           read_subject(arena, root, &m->subject, failure);
}

bool image_manifest_parse(struct arena *arena, struct span bytes,
                          struct image_manifest *ret_image,
                          struct signature_failure *failure)
{
    struct strict_json_reason reason = { "" };
    struct image_manifest m = { .index = false };
    struct refusal ignored;
    json_t *root = strict_json_read(bytes, IMAGE_MANIFEST_MAX, VALUES_MAX, &reason);
    bool ok = signature_require(failure, SC_BUNDLE_JSON, json_is_object(root),
                                "The manifest of an image is not a strict JSON object: "
                                "%s.",
                                root ? "it is another value" : reason.text) &&
              read_manifest(arena, root, &m, failure);
    json_decref(root);
    if (!ok || !manifest_sort(&m.below, &ignored))
        return false;
    *ret_image = m;
    return true;
}
