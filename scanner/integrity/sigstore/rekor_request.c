#include "integrity/sigstore/rekor_request.h"

#include "core/base64.h"
#include "integrity/sigstore/bundle_write.h"
#include "integrity/strict_json.h"

enum { PEM_LINE = 64 };

/* ---- asking ----------------------------------------------------------------------- */

/* PEM, as the log wants to read it. */
static struct span pem_of(struct arena *arena, struct span der)
{
    struct buffer out;
    struct span text = base64_encode(arena, der);
    buffer_init(&out, 2 * text.len + 128);
    buffer_add_text(&out, "-----BEGIN CERTIFICATE-----\n");
    for (size_t at = 0; at < text.len; at += PEM_LINE) {
        buffer_add(&out, span_slice(text, at, at + PEM_LINE));
        buffer_add_text(&out, "\n");
    }
    buffer_add_text(&out, "-----END CERTIFICATE-----\n");
    struct span copy = arena_copy(arena, buffer_span(&out));
    buffer_free(&out);
    return copy;
}

static void request_v1(struct arena *arena, const struct dsse *envelope,
                       struct span certificate, struct buffer *out)
{
    struct buffer text;
    buffer_init(&text, out->max);
    bundle_write_envelope(arena, envelope, &text);
    buffer_add_text(out, "{\"apiVersion\":\"0.0.1\",\"kind\":\"dsse\",\"spec\":{"
                         "\"proposedContent\":{\"envelope\":");
    strict_json_write(out, buffer_span(&text));
    buffer_add_text(out, ",\"verifiers\":[\"");
    buffer_add(out, base64_encode(arena, pem_of(arena, certificate)));
    buffer_add_text(out, "\"]}}}");
    out->truncated |= text.truncated;
    buffer_free(&text);
}

static void request_v2(const struct crypto *c, struct arena *arena,
                       const struct dsse *envelope, struct span certificate,
                       struct buffer *out)
{
    uint8_t digest[SHA256_LEN];
    struct span none = { NULL, 0 };
    struct span pae = dsse_pae(arena, envelope->payload_type, envelope->payload);
    out->truncated |= pae.len == 0 || !crypto_sha256(c, pae, none, none, digest);
    if (out->truncated)
        return;
    buffer_add_text(out, "{\"hashedRekordRequestV002\":{\"digest\":\"");
    buffer_add(out, base64_encode(arena, span_of(digest, sizeof digest)));
    buffer_add_text(out, "\",\"signature\":{\"content\":\"");
    buffer_add(out, base64_encode(arena, envelope->signatures[0].signature));
    buffer_add_text(out, "\",\"verifier\":{\"x509Certificate\":{\"rawBytes\":\"");
    buffer_add(out, base64_encode(arena, certificate));
    buffer_add_text(out, "\"},\"keyDetails\":\"PKIX_ECDSA_P256_SHA_256\"}}}}");
}

void rekor_request(const struct crypto *c, struct arena *arena, unsigned version,
                   const struct dsse *envelope, struct span certificate,
                   struct buffer *out)
{
    if (version == 1)
        request_v1(arena, envelope, certificate, out);
    else
        request_v2(c, arena, envelope, certificate, out);
}

/* ---- the answer ------------------------------------------------------------------- */

static bool base64_at(struct arena *arena, const json_t *object, const char *key,
                      struct span *ret_bytes)
{
    struct span text;
    return strict_json_text(object, key, &text) && text.len > 0 &&
           base64_decode(arena, text, ret_bytes);
}

static bool hex_at(struct arena *arena, const json_t *object, const char *key,
                   struct span *ret_bytes)
{
    struct span text;
    return strict_json_text(object, key, &text) && text.len > 0 &&
           hex_decode(arena, text, ret_bytes);
}

static bool number_at(const json_t *object, const char *key, int64_t *ret_number)
{
    bool present;
    return strict_json_int64(object, key, &present, ret_number) && present &&
           *ret_number >= 0;
}

static bool read_proof(struct arena *arena, const json_t *object, struct rekor_proof *p)
{
    json_t *hashes = NULL;
    struct span note;
    if (!number_at(object, "logIndex", &p->index) ||
        !number_at(object, "treeSize", &p->tree_size) ||
        !hex_at(arena, object, "rootHash", &p->root_hash) ||
        !strict_json_text(object, "checkpoint", &note) ||
        !strict_json_array(object, "hashes", &hashes) ||
        json_array_size(hashes) > REKOR_HASHES_MAX)
        return false;
    p->checkpoint = arena_copy(arena, note);
    for (; p->hash_count < json_array_size(hashes); p->hash_count++) {
        const json_t *hash = json_array_get(hashes, p->hash_count);
        if (!json_is_string(hash) ||
            !hex_decode(arena, strict_json_string(hash), &p->hashes[p->hash_count]))
            return false;
    }
    return true;
}

/* {UUID: {"body", "integratedTime", "logID", "logIndex", "verification"}}.  Its kind is
 * only said by its body. */
static bool read_v1(struct arena *arena, json_t *root, struct rekor_entry *e)
{
    json_t *proof = NULL, *verification = NULL;
    const json_t *row = json_object_iter_value(json_object_iter(root));
    if (json_object_size(root) != 1 || !json_is_object(row) ||
        !base64_at(arena, row, "body", &e->raw_body) ||
        !hex_at(arena, row, "logID", &e->log_id) ||
        !number_at(row, "logIndex", &e->log_index) ||
        !number_at(row, "integratedTime", &e->integrated_time) ||
        !strict_json_object(row, "verification", &verification) ||
        !base64_at(arena, verification, "signedEntryTimestamp", &e->set) ||
        !strict_json_object(verification, "inclusionProof", &proof) || !proof ||
        !read_proof(arena, proof, &e->proof))
        return false;
    e->has_proof = true;
    rekor_body_read(arena, e->raw_body, &e->body);
    e->kind = e->body.name;
    e->version = e->body.version;
    return true;
}

bool rekor_answer_read(struct arena *arena, unsigned version, struct span json,
                       struct rekor_entry *ret_entry)
{
    struct strict_json_reason ignored;
    struct signature_failure failure = { .check = SC_NONE };
    struct rekor_entry e = { .log_index = 0 };
    json_t *root =
        strict_json_read(json, REKOR_ANSWER_MAX, REKOR_ANSWER_VALUES_MAX, &ignored);
    bool ok = json_is_object(root) &&
              (version == 1 ? read_v1(arena, root, &e)
                            : rekor_entry_read(arena, root, &e, &failure));
    json_decref(root);
    if (ok)
        *ret_entry = e;
    return ok;
}
