#include "integrity/sigstore/bundle_write.h"

#include "core/base64.h"
#include "integrity/strict_json.h"

/* `before`, the bytes in base64, a quote. */
static void add_bytes(struct arena *arena, struct buffer *out, const char *before,
                      struct span bytes)
{
    buffer_add_text(out, before);
    buffer_add(out, base64_encode(arena, bytes));
    buffer_add_text(out, "\"");
}

static void add_text(struct buffer *out, const char *before, struct span text)
{
    buffer_add_text(out, before);
    strict_json_write(out, text);
}

static void add_material(struct arena *arena, const struct bundle *b, struct buffer *out)
{
    switch (b->material) {
    case MATERIAL_CHAIN:
        buffer_add_text(out, "\"x509CertificateChain\":{\"certificates\":[");
        for (size_t i = 0; i < b->certificate_count; i++) {
            add_bytes(arena, out, i ? ",{\"rawBytes\":\"" : "{\"rawBytes\":\"",
                      b->certificates[i]);
            buffer_add_text(out, "}");
        }
        buffer_add_text(out, "]}");
        break;
    case MATERIAL_CERTIFICATE:
        add_bytes(arena, out, "\"certificate\":{\"rawBytes\":\"", b->certificates[0]);
        buffer_add_text(out, "}");
        break;
    default:
        add_text(out, "\"publicKey\":{\"hint\":", b->key_hint);
        buffer_add_text(out, "}");
    }
}

static void add_proof(struct arena *arena, const struct rekor_proof *p,
                      struct buffer *out)
{
    buffer_printf(out, ",\"inclusionProof\":{\"logIndex\":\"%lld\"", (long long)p->index);
    add_bytes(arena, out, ",\"rootHash\":\"", p->root_hash);
    buffer_printf(out, ",\"treeSize\":\"%lld\",\"hashes\":[", (long long)p->tree_size);
    for (size_t i = 0; i < p->hash_count; i++)
        add_bytes(arena, out, i ? ",\"" : "\"", p->hashes[i]);
    add_text(out, "],\"checkpoint\":{\"envelope\":", p->checkpoint);
    buffer_add_text(out, "}}");
}

/* Times and numbers are texts, as proto3 writes what has 64 bits. */
static void add_entry(struct arena *arena, const struct rekor_entry *e,
                      struct buffer *out)
{
    buffer_printf(out, "{\"logIndex\":\"%lld\"", (long long)e->log_index);
    add_bytes(arena, out, ",\"logId\":{\"keyId\":\"", e->log_id);
    add_text(out, "},\"kindVersion\":{\"kind\":", e->kind);
    add_text(out, ",\"version\":", e->version);
    buffer_add_text(out, "}");
    if (e->integrated_time)
        buffer_printf(out, ",\"integratedTime\":\"%lld\"", (long long)e->integrated_time);
    if (e->set.len) {
        add_bytes(arena, out, ",\"inclusionPromise\":{\"signedEntryTimestamp\":\"",
                  e->set);
        buffer_add_text(out, "}");
    }
    if (e->has_proof)
        add_proof(arena, &e->proof, out);
    add_bytes(arena, out, ",\"canonicalizedBody\":\"", e->raw_body);
    buffer_add_text(out, "}");
}

static void add_timestamps(struct arena *arena, const struct bundle *b,
                           struct buffer *out)
{
    buffer_add_text(out, ",\"timestampVerificationData\":{");
    for (size_t i = 0; i < b->timestamp_count; i++) {
        add_bytes(arena, out,
                  i ? ",{\"signedTimestamp\":\""
                    : "\"rfc3161Timestamps\":[{\"signedTimestamp\":\"",
                  b->timestamps[i]);
        buffer_add_text(out, "}");
    }
    buffer_add_text(out, b->timestamp_count ? "]}" : "}");
}

void bundle_write_envelope(struct arena *arena, const struct dsse *envelope,
                           struct buffer *out)
{
    add_bytes(arena, out, "{\"payload\":\"", envelope->payload);
    add_text(out, ",\"payloadType\":", envelope->payload_type);
    buffer_add_text(out, ",\"signatures\":[");
    for (size_t i = 0; i < envelope->count; i++) {
        add_bytes(arena, out, i ? ",{\"sig\":\"" : "{\"sig\":\"",
                  envelope->signatures[i].signature);
        add_text(out, ",\"keyid\":", envelope->signatures[i].key_id);
        buffer_add_text(out, "}");
    }
    buffer_add_text(out, "]}");
}

void bundle_write(struct arena *arena, const struct bundle *b, struct buffer *out)
{
    buffer_add_text(out, "{\"mediaType\":\"" BUNDLE_MEDIA_TYPE
                         "\",\"verificationMaterial\":{");
    add_material(arena, b, out);
    buffer_add_text(out, ",\"tlogEntries\":[");
    for (size_t i = 0; i < b->entry_count; i++) {
        buffer_add_text(out, i ? "," : "");
        add_entry(arena, &b->entries[i], out);
    }
    buffer_add_text(out, "]");
    add_timestamps(arena, b, out);
    buffer_add_text(out, "},\"dsseEnvelope\":");
    bundle_write_envelope(arena, &b->envelope, out);
    buffer_add_text(out, "}");
}
