/* The bodies of log entries: hashedrekord, dsse, intoto, each kind and version in its own
 * shape.  Source: sigstore/rekor, pkg/types; sigstore/rekor-tiles, api/proto. */
#include "core/base64.h"
#include "integrity/sigstore/rekor.h"
#include "integrity/strict_json.h"

enum { BODY_VALUES_MAX = 1 << 12 };

/* A field of a field of a field; NULL when one is missing. */
static const json_t *descend(const json_t *object, const char *const *path)
{
    for (; object && *path; path++)
        object = strict_json_field(object, *path);
    return object;
}

static bool text_at(const json_t *object, const char *const *path, struct span *ret_text)
{
    const json_t *value = descend(object, path);
    if (!json_is_string(value))
        return false;
    *ret_text = strict_json_string(value);
    return true;
}

static bool base64_at(struct arena *arena, const json_t *object, const char *const *path,
                      struct span *ret_bytes)
{
    struct span text;
    return text_at(object, path, &text) && base64_decode(arena, text, ret_bytes);
}

#define PATH(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const char *digest_named(struct span name)
{
    static const struct {
        const char *v1, *v2, *digest;
    } names[] = {
        {"sha256",  "SHA2_256", "SHA256"},
        { "sha384", "SHA2_384", "SHA384"},
        { "sha512", "SHA2_512", "SHA512"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (span_is(name, names[i].v1) || span_is(name, names[i].v2))
            return names[i].digest;
    return NULL;
}

/* Version 1: {algorithm, value}, value in hex. */
static bool hash_at(struct arena *arena, const json_t *object, const char *const *path,
                    struct rekor_body *body)
{
    struct span algorithm, value;
    const json_t *hash = descend(object, path);
    if (!text_at(hash, PATH("algorithm"), &algorithm) ||
        !text_at(hash, PATH("value"), &value) || !hex_decode(arena, value, &body->digest))
        return false;
    body->digest_name = digest_named(algorithm);
    return true;
}

/* base64 of PEM: a certificate or a key. */
static bool pem_at(struct arena *arena, const json_t *object, const char *const *path,
                   struct rekor_body *body)
{
    struct span pem;
    if (!base64_at(arena, object, path, &pem))
        return false;
    body->verifier_is_key = false;
    if (pem_decode(arena, pem, "CERTIFICATE", &body->verifier))
        return true;
    body->verifier_is_key = true;
    return pem_decode(arena, pem, "PUBLIC KEY", &body->verifier);
}

/* The element of a list that has exactly one. */
static const json_t *only(const json_t *object, const char *const *path)
{
    const json_t *list = descend(object, path);
    return json_array_size(list) == 1 ? json_array_get(list, 0) : NULL;
}

static bool read_hashedrekord(struct arena *arena, const json_t *spec,
                              struct rekor_body *body)
{
    return hash_at(arena, spec, PATH("data", "hash"), body) &&
           base64_at(arena, spec, PATH("signature", "content"), &body->signature) &&
           pem_at(arena, spec, PATH("signature", "publicKey", "content"), body);
}

static bool read_dsse(struct arena *arena, const json_t *spec, struct rekor_body *body)
{
    const json_t *one = only(spec, PATH("signatures"));
    return hash_at(arena, spec, PATH("payloadHash"), body) && one &&
           base64_at(arena, one, PATH("signature"), &body->signature) &&
           pem_at(arena, one, PATH("verifier"), body);
}

/* The signature is encoded twice. */
static bool read_intoto(struct arena *arena, const json_t *spec, struct rekor_body *body)
{
    struct span inner;
    const json_t *content = descend(spec, PATH("content"));
    const json_t *one = only(content, PATH("envelope", "signatures"));
    return hash_at(arena, content, PATH("payloadHash"), body) && one &&
           base64_at(arena, one, PATH("sig"), &inner) &&
           base64_decode(arena, inner, &body->signature) &&
           pem_at(arena, one, PATH("publicKey"), body);
}

static bool read_hashedrekord_v2(struct arena *arena, const json_t *spec,
                                 struct rekor_body *body)
{
    struct span algorithm, details = { NULL, 0 };
    const json_t *entry = descend(spec, PATH("hashedRekordV002"));
    const json_t *verifier = descend(entry, PATH("signature", "verifier"));
    bool certificate = descend(verifier, PATH("x509Certificate")) != NULL;
    body->v2 = true;
    body->verifier_is_key = !certificate;
    if (!text_at(entry, PATH("data", "algorithm"), &algorithm) ||
        !base64_at(arena, entry, PATH("data", "digest"), &body->digest) ||
        !base64_at(arena, entry, PATH("signature", "content"), &body->signature) ||
        !text_at(verifier, PATH("keyDetails"), &details) ||
        (certificate && descend(verifier, PATH("publicKey"))) ||
        !base64_at(arena, verifier,
                   certificate ? PATH("x509Certificate", "rawBytes")
                               : PATH("publicKey", "rawBytes"),
                   &body->verifier))
        return false;
    body->digest_name = digest_named(algorithm);
    body->key_details = arena_copy(arena, details);
    return true;
}

static const struct {
    const char *kind, *version;
    enum rekor_kind means;
    bool (*read)(struct arena *arena, const json_t *spec, struct rekor_body *body);
} kinds[] = {
    {"hashedrekord",  "0.0.1", REKOR_HASHEDREKORD, read_hashedrekord   },
    { "hashedrekord", "0.0.2", REKOR_HASHEDREKORD, read_hashedrekord_v2},
    { "dsse",         "0.0.1", REKOR_DSSE,         read_dsse           },
    { "intoto",       "0.0.2", REKOR_INTOTO,       read_intoto         },
};

static void read_root(struct arena *arena, const json_t *root, struct rekor_body *body)
{
    struct span kind, version;
    const json_t *spec = descend(root, PATH("spec"));
    if (!text_at(root, PATH("kind"), &kind) ||
        !text_at(root, PATH("apiVersion"), &version) || !json_is_object(spec)) {
        body->problem = "it lacks kind, apiVersion or spec";
        return;
    }
    body->name = arena_copy(arena, kind);
    body->version = arena_copy(arena, version);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (span_is(kind, kinds[i].kind) && span_is(version, kinds[i].version)) {
            body->kind = kinds[i].means;
            if (!kinds[i].read(arena, spec, body))
                body->problem = "a field is missing or not in its encoding";
        }
}

void rekor_body_read(struct arena *arena, struct span raw, struct rekor_body *ret_body)
{
    struct strict_json_reason reason = { "" };
    struct rekor_body body = { .kind = REKOR_UNKNOWN };
    json_t *root = strict_json_read(raw, REKOR_BODY_MAX, BODY_VALUES_MAX, &reason);
    if (root)
        read_root(arena, root, &body);
    else
        body.problem = "it is not strict JSON";
    json_decref(root);
    *ret_body = body;
}
