#include "integrity/sigstore/cosign.h"

#include "core/base64.h"
#include "integrity/strict_json.h"

#define PAYLOAD_TYPE   "cosign container image signature"
#define PEM_BEGIN      "-----BEGIN CERTIFICATE-----"
#define PEM_BEGIN_CODE "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t" /* the same in base64 */
#define PEM_END        "-----END CERTIFICATE-----"

enum { VALUES_MAX = 1 << 14, PEM_MAX = 64 << 10 };

static bool has(struct span head, const char *text)
{
    return span_starts(head, "{") && span_find(head, text, 0) != SIZE_MAX;
}

bool cosign_blob_claims(struct span head)
{
    return has(head, "\"base64Signature\"");
}

bool cosign_image_claims(struct span head)
{
    return has(head, "\"" COSIGN_PAYLOAD_TYPE "\"");
}

bool cosign_attestations_claims(struct span bytes)
{
    return has(bytes, "\"" COSIGN_ENVELOPE_TYPE "\"") && has(bytes, "\"layers\"") &&
           has(bytes, "\"dev.cosignproject.cosign/signature\"");
}

bool cosign_payload_claims(struct span head)
{
    return has(head, "\"critical\"") && has(head, "\"docker-manifest-digest\"");
}

bool cosign_certificate_claims(struct span head)
{
    return span_starts(head, PEM_BEGIN) || span_starts(head, PEM_BEGIN_CODE);
}

bool cosign_entry_claims(struct span head)
{
    return has(head, "\"SignedEntryTimestamp\"") && !cosign_blob_claims(head);
}

static bool bad_field(struct signature_failure *failure, const char *what)
{
    return signature_require(failure, SC_BUNDLE_FIELD, false,
                             "%s is missing or has another type or encoding.", what);
}

static json_t *read_json(struct span bytes, struct signature_failure *failure)
{
    struct strict_json_reason reason = { "" };
    json_t *root = strict_json_read(bytes, COSIGN_BYTES_MAX, VALUES_MAX, &reason);
    bool object = json_is_object(root);
    (void)signature_require(failure, SC_BUNDLE_JSON, object,
                            "The signature is not a strict JSON object: %s.",
                            root ? "it is another value" : reason.text);
    if (object)
        return root;
    json_decref(root);
    return NULL;
}

/* ---- the parts of a signature ----------------------------------------------------- */

/* A public key in its place is nobody's proof. */
bool cosign_certificate(struct arena *arena, struct span text, struct bundle *b,
                        struct signature_failure *failure)
{
    struct span pem = text, der;
    b->material = MATERIAL_KEY;
    if (text.len == 0)
        return true;
    if (text.len > PEM_MAX)
        return bad_field(failure, "The certificate");
    if (!span_starts(text, "-----") && !base64_decode(arena, text, &pem))
        return bad_field(failure, "The certificate");
    if (pem_decode(arena, pem, "PUBLIC KEY", &der))
        return true;
    if (!pem_decode(arena, pem, "CERTIFICATE", &der))
        return bad_field(failure, "The certificate");
    b->material = MATERIAL_CHAIN;
    b->certificates[0] = der;
    b->certificate_count = 1;
    return true;
}

/* {"SignedEntryTimestamp", "Payload": {"body", "integratedTime", "logIndex", "logID"}} */
static bool read_entry(struct arena *arena, const json_t *object, struct rekor_entry *e)
{
    struct span set, body, id;
    bool dated, placed;
    json_t *payload = NULL;
    if (!strict_json_text(object, "SignedEntryTimestamp", &set) ||
        !strict_json_object(object, "Payload", &payload) || !payload ||
        !strict_json_text(payload, "body", &body) ||
        !strict_json_text(payload, "logID", &id) ||
        !strict_json_int64(payload, "integratedTime", &dated, &e->integrated_time) ||
        !strict_json_int64(payload, "logIndex", &placed, &e->log_index) || !dated ||
        !placed || e->log_index < 0 || e->integrated_time < 0)
        return false;
    return set.len > 0 && base64_decode(arena, set, &e->set) && body.len > 0 &&
           base64_decode(arena, body, &e->raw_body) && hex_decode(arena, id, &e->log_id);
}

/* Its kind is only said by its body, so there is nothing to compare that with. */
static bool take_entry(struct arena *arena, const json_t *object, struct bundle *b,
                       struct signature_failure *failure)
{
    struct rekor_entry *e = arena_alloc(arena, sizeof *e);
    if (!object)
        return true;
    if (!e)
        return signature_require(failure, SC_RESOURCES, false, "Memory ran out.");
    *e = (struct rekor_entry){ .log_index = 0 };
    if (!read_entry(arena, object, e))
        return bad_field(failure, "The log entry");
    rekor_body_read(arena, e->raw_body, &e->body);
    e->kind = e->body.name;
    e->version = e->body.version;
    b->entries = e;
    b->entry_count = 1;
    return true;
}

bool cosign_certificate_parse(struct arena *arena, struct span bytes, struct bundle *b,
                              struct signature_failure *failure)
{
    struct bundle out = { .version = BUNDLE_0_1, .content = CONTENT_MESSAGE };
    struct span pem = bytes;
    while (pem.len && strchr(" \t\r\n", pem.ptr[pem.len - 1]) && pem.ptr[pem.len - 1])
        pem.len--;
    if (!span_starts(pem, "-----") &&
        (pem.len > PEM_MAX || !base64_decode(arena, pem, &pem)))
        return bad_field(failure, "The certificate");
    size_t end = span_find(pem, PEM_END, 0);
    if (end != SIZE_MAX)
        pem.len = end + strlen(PEM_END);
    if (!cosign_certificate(arena, pem, &out, failure))
        return false;
    if (out.material != MATERIAL_CHAIN)
        return bad_field(failure, "The certificate");
    *b = out;
    return true;
}

bool cosign_entry_parse(struct arena *arena, struct span bytes, struct bundle *b,
                        struct signature_failure *failure)
{
    struct bundle out = { .version = BUNDLE_0_1, .content = CONTENT_MESSAGE };
    json_t *root = read_json(bytes, failure);
    bool ok = root && take_entry(arena, root, &out, failure);
    json_decref(root);
    if (ok)
        *b = out;
    return ok;
}

static bool take_signature(struct arena *arena, struct span text, struct bundle *b,
                           struct signature_failure *failure)
{
    b->version = BUNDLE_0_1;
    b->content = CONTENT_MESSAGE;
    return (text.len > 0 && base64_decode(arena, text, &b->signature)) ||
           bad_field(failure, "The signature");
}

/* ---- a blob ----------------------------------------------------------------------- */

bool cosign_blob_parse(struct arena *arena, struct span bytes, struct bundle *ret_bundle,
                       struct signature_failure *failure)
{
    struct bundle b = { .version = BUNDLE_0_1 };
    struct span signature = { NULL, 0 }, certificate = { NULL, 0 };
    json_t *entry = NULL, *root = read_json(bytes, failure);
    bool ok = root != NULL;
    if (ok && (!strict_json_text(root, "base64Signature", &signature) ||
               !strict_json_text(root, "cert", &certificate) ||
               !strict_json_object(root, "rekorBundle", &entry)))
        ok = bad_field(failure, "A field");
    ok = ok && take_signature(arena, signature, &b, failure) &&
         cosign_certificate(arena, certificate, &b, failure) &&
         take_entry(arena, entry, &b, failure);
    json_decref(root);
    if (ok)
        *ret_bundle = b;
    return ok;
}

/* ---- an image --------------------------------------------------------------------- */

/* "sha256:HEX" as raw bytes. */
static bool digest_at(struct arena *arena, const json_t *object, const char *key,
                      struct span *ret_bytes)
{
    struct span text;
    return strict_json_text(object, key, &text) && span_starts(text, "sha256:") &&
           text.len == strlen("sha256:") + 2 * (size_t)SHA256_LEN &&
           hex_decode(arena, span_slice(text, strlen("sha256:"), text.len), ret_bytes);
}

/* The log entry is JSON within a text of the JSON. */
static bool take_annotations(struct arena *arena, const json_t *notes, bool envelopes,
                             struct bundle *b, struct signature_failure *failure)
{
    struct span signature, certificate, log;
    if (!strict_json_text(notes, "dev.cosignproject.cosign/signature", &signature) ||
        !strict_json_text(notes, "dev.sigstore.cosign/certificate", &certificate) ||
        !strict_json_text(notes, "dev.sigstore.cosign/bundle", &log))
        return bad_field(failure, "An annotation");
    json_t *entry = log.len ? read_json(log, failure) : NULL;
    bool ok = (entry || !log.len) &&
              (envelopes || take_signature(arena, signature, b, failure)) &&
              cosign_certificate(arena, certificate, b, failure) &&
              take_entry(arena, entry, b, failure);
    json_decref(entry);
    return ok;
}

/* An envelope brings its signature along, so that annotation is empty. */
static bool take_layer(struct arena *arena, const json_t *layer, bool envelopes,
                       struct bundle *b, struct signature_failure *failure)
{
    json_t *notes = NULL;
    if (!digest_at(arena, layer, "digest", &b->digest) ||
        !strict_json_object(layer, "annotations", &notes) || !notes)
        return bad_field(failure, "A layer of the signature");
    b->digest_algorithm = arena_copy(arena, span_of_text("SHA2_256"));
    return take_annotations(arena, notes, envelopes, b, failure);
}

static bool take_layers(struct arena *arena, const json_t *root, bool envelopes,
                        struct bundle *bundles, size_t most, size_t *ret_count,
                        struct signature_failure *failure)
{
    json_t *layers = NULL, *layer;
    struct span type;
    size_t i, n = 0;
    if (!strict_json_array(root, "layers", &layers))
        return bad_field(failure, "layers");
    json_array_foreach(layers, i, layer)
    {
        if (!strict_json_text(layer, "mediaType", &type))
            return bad_field(failure, "A layer of the signature");
        if (!span_is(type, envelopes ? COSIGN_ENVELOPE_TYPE : COSIGN_PAYLOAD_TYPE))
            continue;
        if (!signature_require(failure, SC_BUNDLE_LIMITS, n < most,
                               "The image has more than %zu signatures.", most))
            return false;
        bundles[n] = (struct bundle){
            .version = BUNDLE_0_1,
            .content = envelopes ? CONTENT_ENVELOPE : CONTENT_MESSAGE,
        };
        if (!take_layer(arena, layer, envelopes, &bundles[n], failure))
            return false;
        n++;
    }
    *ret_count = n;
    return n > 0 || bad_field(failure, "The signature");
}

bool cosign_image_parse(struct arena *arena, struct span bytes, bool envelopes,
                        struct bundle *bundles, size_t most, size_t *ret_count,
                        struct signature_failure *failure)
{
    json_t *root = read_json(bytes, failure);
    bool ok =
        root && take_layers(arena, root, envelopes, bundles, most, ret_count, failure);
    json_decref(root);
    return ok;
}

bool cosign_payload_parse(struct arena *arena, struct span bytes, struct span *ret_image,
                          struct signature_failure *failure)
{
    json_t *critical = NULL, *image = NULL, *root = read_json(bytes, failure);
    struct span type = { NULL, 0 }, digest;
    if (!root)
        return false;
    bool ok = strict_json_object(root, "critical", &critical) && critical &&
              strict_json_text(critical, "type", &type) && span_is(type, PAYLOAD_TYPE) &&
              strict_json_object(critical, "image", &image) && image &&
              digest_at(arena, image, "docker-manifest-digest", &digest);
    json_decref(root);
    if (!ok)
        return bad_field(failure, "The signed payload");
    *ret_image = digest;
    return true;
}
