#include "integrity/sigstore/bundle.h"

#include "core/base64.h"
#include "integrity/strict_json.h"

struct parsing {
    struct arena *arena;
    struct bundle *bundle;
    struct signature_failure *failure;
};

static const struct {
    const char *media_type;
    enum bundle_version version;
} versions[] = {
    {BUNDLE_MEDIA_PREFIX "+json;version=0.1",  BUNDLE_0_1},
    { BUNDLE_MEDIA_PREFIX "+json;version=0.2", BUNDLE_0_2},
    { BUNDLE_MEDIA_PREFIX "+json;version=0.3", BUNDLE_0_3},
    { BUNDLE_MEDIA_PREFIX ".v0.3+json",        BUNDLE_0_3},
};

static bool parse_version(struct parsing *p, const json_t *root)
{
    struct span media = { NULL, 0 };
    bool known = false;
    bool text = strict_json_text(root, "mediaType", &media);
    for (size_t i = 0; text && i < sizeof versions / sizeof versions[0]; i++)
        if (span_is(media, versions[i].media_type)) {
            p->bundle->version = versions[i].version;
            known = true;
        }
    return signature_require(
        p->failure, SC_BUNDLE_MEDIA_TYPE, known,
        "The media type is not that of a Sigstore bundle 0.1, 0.2 or 0.3.");
}

static bool field_error(struct parsing *p, const char *what)
{
    return signature_require(p->failure, SC_BUNDLE_FIELD, false,
                             "%s is missing or has another type or encoding.", what);
}

static bool bytes_of(struct parsing *p, const json_t *object, const char *key,
                     struct span *ret_bytes)
{
    struct span text;
    return strict_json_text(object, key, &text) && text.len > 0 &&
           base64_decode(p->arena, text, ret_bytes);
}

static bool parse_certificates(struct parsing *p, const json_t *material)
{
    struct bundle *b = p->bundle;
    json_t *one = NULL, *chain = NULL, *list = NULL;
    if (!strict_json_object(material, "certificate", &one) ||
        !strict_json_object(material, "x509CertificateChain", &chain) ||
        !strict_json_array(chain, "certificates", &list))
        return field_error(p, "The certificate");
    size_t count = one ? 1 : json_array_size(list);
    if (!signature_require(p->failure, SC_BUNDLE_LIMITS, count <= BUNDLE_CERTIFICATES_MAX,
                           "The chain has more than %d certificates.",
                           BUNDLE_CERTIFICATES_MAX))
        return false;
    if (count == 0)
        return field_error(p, "The certificate chain");
    for (size_t i = 0; i < count && i < BUNDLE_CERTIFICATES_MAX; i++) {
        if (!bytes_of(p, one ? one : json_array_get(list, i), "rawBytes",
                      &b->certificates[i]))
            return field_error(p, "A certificate");
        b->certificate_count = i + 1;
    }
    return true;
}

/* Also publicKey.rawBytes of early bundles is passed over: a key beside the signature
 * says nothing. */
static bool parse_material(struct parsing *p, const json_t *material)
{
    struct bundle *b = p->bundle;
    struct span hint = { NULL, 0 };
    json_t *key = strict_json_field(material, "publicKey");
    bool chain = strict_json_field(material, "x509CertificateChain") != NULL;
    bool certificate = strict_json_field(material, "certificate") != NULL;
    if (!signature_require(p->failure, SC_BUNDLE_MATERIAL,
                           (key != NULL) + chain + certificate == 1,
                           "The bundle does not have exactly one of public key, "
                           "certificate and certificate chain."))
        return false;
    if (key) {
        b->material = MATERIAL_KEY;
        if (!json_is_object(key) || !strict_json_text(key, "hint", &hint))
            return field_error(p, "The public key's hint");
        b->key_hint = arena_copy(p->arena, hint);
        return true;
    }
    b->material = chain ? MATERIAL_CHAIN : MATERIAL_CERTIFICATE;
    return parse_certificates(p, material);
}

static bool same_entry(const struct rekor_entry *a, const struct rekor_entry *b)
{
    return a->log_index == b->log_index && span_equal(a->log_id, b->log_id);
}

static bool parse_entries(struct parsing *p, const json_t *material)
{
    struct bundle *b = p->bundle;
    json_t *list = NULL;
    if (!strict_json_array(material, "tlogEntries", &list))
        return field_error(p, "tlogEntries");
    size_t count = json_array_size(list);
    if (!signature_require(p->failure, SC_BUNDLE_LIMITS, count <= BUNDLE_ENTRIES_MAX,
                           "The bundle has more than %d log entries.",
                           BUNDLE_ENTRIES_MAX))
        return false;
    b->entries = arena_array(p->arena, count, sizeof *b->entries);
    if (!signature_require(p->failure, SC_RESOURCES, b->entries != NULL,
                           "Memory ran out.") ||
        !b->entries)
        return false;
    bool once = true;
    for (size_t i = 0; i < count; i++) {
        if (!rekor_entry_read(p->arena, json_array_get(list, i), &b->entries[i],
                              p->failure))
            return false;
        b->entry_count = i + 1;
        for (size_t k = 0; k < i; k++)
            once &= !same_entry(&b->entries[i], &b->entries[k]);
    }
    return signature_require(p->failure, SC_BUNDLE_DUPLICATES, once,
                             "The bundle has a log entry twice.");
}

static bool parse_timestamps(struct parsing *p, const json_t *material)
{
    struct bundle *b = p->bundle;
    json_t *data = NULL, *list = NULL;
    if (!strict_json_object(material, "timestampVerificationData", &data) ||
        !strict_json_array(data, "rfc3161Timestamps", &list))
        return field_error(p, "timestampVerificationData");
    size_t count = json_array_size(list);
    if (!signature_require(p->failure, SC_BUNDLE_LIMITS, count <= BUNDLE_TIMESTAMPS_MAX,
                           "The bundle has more than %d time-stamps.",
                           BUNDLE_TIMESTAMPS_MAX))
        return false;
    bool once = true;
    for (size_t i = 0; i < count && i < BUNDLE_TIMESTAMPS_MAX; i++) {
        if (!bytes_of(p, json_array_get(list, i), "signedTimestamp", &b->timestamps[i]))
            return field_error(p, "A time-stamp");
        b->timestamp_count = i + 1;
        for (size_t k = 0; k < i; k++)
            once &= !span_equal(b->timestamps[i], b->timestamps[k]);
    }
    return signature_require(p->failure, SC_BUNDLE_DUPLICATES, once,
                             "The bundle has a time-stamp twice.");
}

static bool take_signature(const struct dsse *envelope, struct bundle *bundle,
                           struct signature_failure *failure)
{
    if (!signature_require(failure, SC_ENVELOPE_SIGNATURES, envelope->count == 1,
                           "The envelope has %zu signatures, not one.", envelope->count))
        return false;
    bundle->content = CONTENT_ENVELOPE;
    bundle->envelope = *envelope;
    bundle->signature = envelope->signatures[0].signature;
    return true;
}

static bool parse_message(struct parsing *p, const json_t *message)
{
    struct bundle *b = p->bundle;
    struct span algorithm = { NULL, 0 };
    json_t *digest = NULL;
    b->content = CONTENT_MESSAGE;
    if (!bytes_of(p, message, "signature", &b->signature))
        return field_error(p, "The signature");
    if (!strict_json_object(message, "messageDigest", &digest) ||
        !strict_json_text(digest, "algorithm", &algorithm) ||
        (digest && !bytes_of(p, digest, "digest", &b->digest)))
        return field_error(p, "The message digest");
    b->digest_algorithm = arena_copy(p->arena, algorithm);
    return true;
}

static bool parse_content(struct parsing *p, const json_t *root)
{
    struct dsse envelope = { .count = 0 };
    json_t *message = strict_json_field(root, "messageSignature");
    json_t *dsse = strict_json_field(root, "dsseEnvelope");
    if (!signature_require(p->failure, SC_BUNDLE_CONTENT, !message != !dsse,
                           "The bundle does not have exactly one of messageSignature and "
                           "dsseEnvelope."))
        return false;
    if (message)
        return json_is_object(message) ? parse_message(p, message)
                                       : field_error(p, "messageSignature");
    return dsse_read(p->arena, dsse, &envelope, p->failure) &&
           take_signature(&envelope, p->bundle, p->failure);
}

static bool parse_root(struct parsing *p, const json_t *root)
{
    json_t *material = NULL;
    if (!parse_version(p, root))
        return false;
    if (!strict_json_object(root, "verificationMaterial", &material) || !material)
        return field_error(p, "verificationMaterial");
    return parse_material(p, material) && parse_entries(p, material) &&
           parse_timestamps(p, material) && parse_content(p, root) &&
           signature_require(p->failure, SC_RESOURCES, !arena_exhausted(p->arena),
                             "Memory ran out.");
}

bool bundle_parse(struct arena *arena, struct span bytes, struct bundle *ret_bundle,
                  struct signature_failure *failure)
{
    struct strict_json_reason reason = { "" };
    struct bundle out = { .version = BUNDLE_BARE };
    struct parsing p = { .arena = arena, .bundle = &out, .failure = failure };
    if (!signature_require(failure, SC_BUNDLE_LIMITS, bytes.len <= BUNDLE_BYTES_MAX,
                           "The bundle is larger than %d bytes.", BUNDLE_BYTES_MAX))
        return false;
    json_t *root = strict_json_read(bytes, BUNDLE_BYTES_MAX, BUNDLE_VALUES_MAX, &reason);
    bool ok = signature_require(failure, SC_BUNDLE_JSON, json_is_object(root),
                                "The bundle is not a strict JSON object: %s.",
                                root ? "it is another value" : reason.text) &&
              parse_root(&p, root);
    json_decref(root);
    if (ok)
        *ret_bundle = out;
    return ok;
}

bool bundle_of_envelope(const struct dsse *envelope, struct bundle *ret_bundle,
                        struct signature_failure *failure)
{
    struct bundle out = { .version = BUNDLE_BARE, .material = MATERIAL_KEY };
    if (!take_signature(envelope, &out, failure))
        return false;
    *ret_bundle = out;
    return true;
}

bool bundle_claims(struct span head)
{
    size_t at = 0;
    while (at < head.len && at < 64 && memchr(" \t\r\n", head.ptr[at], 4))
        at++;
    return at < head.len && head.ptr[at] == '{' &&
           span_find(head, "\"" BUNDLE_MEDIA_PREFIX, at) != SIZE_MAX;
}
