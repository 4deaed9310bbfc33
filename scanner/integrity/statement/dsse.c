#include "integrity/statement/dsse.h"

#include "core/base64.h"
#include "integrity/strict_json.h"

enum { ENVELOPE_BYTES_MAX = 64 << 20, ENVELOPE_VALUES_MAX = 1 << 12 };

static bool read_signature(struct arena *arena, const json_t *object,
                           struct dsse_signature *ret_signature,
                           struct signature_failure *failure)
{
    struct dsse_signature out = {
        .key_id = {NULL, 0}
    };
    struct span text = { NULL, 0 }, key_id = text;
    bool form = json_is_object(object) && strict_json_text(object, "sig", &text) &&
                strict_json_text(object, "keyid", &key_id) && text.len > 0 &&
                base64_decode(arena, text, &out.signature);
    if (!signature_require(failure, SC_BUNDLE_FIELD, form,
                           "The envelope holds a signature that is not base64."))
        return false;
    out.key_id = arena_copy(arena, key_id);
    *ret_signature = out;
    return true;
}

bool dsse_read(struct arena *arena, const json_t *object, struct dsse *ret_envelope,
               struct signature_failure *failure)
{
    struct dsse out = { .count = 0 };
    struct span type = { NULL, 0 }, payload = type;
    json_t *signatures = NULL;
    bool form = json_is_object(object) &&
                strict_json_text(object, "payloadType", &type) &&
                strict_json_text(object, "payload", &payload) && type.len > 0 &&
                strict_json_array(object, "signatures", &signatures) &&
                base64_decode(arena, payload, &out.payload);
    if (!signature_require(
            failure, SC_BUNDLE_FIELD, form,
            "The envelope lacks payloadType, payload in base64, or signatures."))
        return false;
    size_t count = json_array_size(signatures);
    if (!signature_require(failure, SC_BUNDLE_LIMITS, count <= DSSE_SIGNATURES_MAX,
                           "The envelope has more than %d signatures.",
                           DSSE_SIGNATURES_MAX))
        return false;
    for (; out.count < count && out.count < DSSE_SIGNATURES_MAX; out.count++)
        if (!read_signature(arena, json_array_get(signatures, out.count),
                            &out.signatures[out.count], failure))
            return false;
    out.payload_type = arena_copy(arena, type);
    *ret_envelope = out;
    return true;
}

bool dsse_parse(struct arena *arena, struct span bytes, struct dsse *ret_envelope,
                struct signature_failure *failure)
{
    struct strict_json_reason reason = { "" };
    json_t *root =
        strict_json_read(bytes, ENVELOPE_BYTES_MAX, ENVELOPE_VALUES_MAX, &reason);
    bool ok = signature_require(failure, SC_BUNDLE_JSON, root != NULL,
                                "The envelope is not strict JSON: %s.", reason.text) &&
              dsse_read(arena, root, ret_envelope, failure);
    json_decref(root);
    return ok;
}

/* What the buffer holds, as a copy in the arena; nothing when it did not fit. */
static struct span taken(struct buffer *out, struct arena *arena)
{
    struct span copy =
        out->truncated ? span_of(NULL, 0) : arena_copy(arena, buffer_span(out));
    buffer_free(out);
    return copy;
}

struct span dsse_pae(struct arena *arena, struct span type, struct span payload)
{
    struct buffer out;
    buffer_init(&out, type.len + payload.len + 64);
    buffer_printf(&out, "DSSEv1 %zu ", type.len);
    buffer_add(&out, type);
    buffer_printf(&out, " %zu ", payload.len);
    buffer_add(&out, payload);
    return taken(&out, arena);
}

/* Python's repr() of bytes: quoted with ' unless only " avoids a backslash. */
static void add_repr(struct buffer *out, struct span bytes)
{
    bool single = span_find(bytes, "'", 0) != SIZE_MAX;
    bool twofold = span_find(bytes, "\"", 0) != SIZE_MAX;
    char quote = single && !twofold ? '"' : '\'';
    buffer_printf(out, "b%c", quote);
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.ptr[i];
        if (c == '\\' || c == (uint8_t)quote)
            buffer_printf(out, "\\%c", c);
        else if (c == '\n')
            buffer_add_text(out, "\\n");
        else if (c == '\r')
            buffer_add_text(out, "\\r");
        else if (c == '\t')
            buffer_add_text(out, "\\t");
        else if (c < 0x20 || c >= 0x7f)
            buffer_printf(out, "\\x%02x", c);
        else
            buffer_add(out, span_of(&c, 1));
    }
    buffer_printf(out, "%c", quote);
}

struct span dsse_pae_v02(struct arena *arena, struct span type, struct span payload)
{
    struct buffer out;
    buffer_init(&out, type.len + 4 * payload.len + 64);
    buffer_printf(&out, "DSSEV1 %zu ", type.len);
    buffer_add(&out, type);
    buffer_printf(&out, " %zu ", payload.len);
    add_repr(&out, payload);
    return taken(&out, arena);
}

struct span dsse_sign(const struct crypto *c, struct arena *arena, EVP_PKEY *key,
                      struct span type, struct span payload)
{
    struct span pae = dsse_pae(arena, type, payload);
    return pae.len ? pubkey_sign(c, arena, key, pae) : pae;
}
