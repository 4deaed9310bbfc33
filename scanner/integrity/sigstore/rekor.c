#include "integrity/sigstore/rekor.h"

#include "core/base64.h"
#include "integrity/crypto/pubkey.h"
#include "integrity/sigstore/merkle.h"
#include "integrity/sigstore/note.h"
#include "integrity/strict_json.h"

enum { SET_MAX = 4 << 20, NOTE_ARENA_MAX = 1 << 20 };

/* ---- reading ---- */

/* base64 in a field: absent gives an empty span, anything else is false. */
static bool bytes_of(struct arena *arena, const json_t *object, const char *key,
                     struct span *ret_bytes)
{
    struct span text;
    if (!strict_json_text(object, key, &text))
        return false;
    if (text.len == 0) {
        *ret_bytes = text;
        return true;
    }
    return base64_decode(arena, text, ret_bytes);
}

static bool copy_text(struct arena *arena, const json_t *object, const char *key,
                      struct span *ret_text)
{
    struct span text;
    if (!strict_json_text(object, key, &text))
        return false;
    *ret_text = arena_copy(arena, text);
    return true;
}

static bool read_proof(struct arena *arena, const json_t *object,
                       struct rekor_proof *ret_proof)
{
    bool has_index, has_size;
    json_t *hashes = NULL, *checkpoint = NULL;
    struct rekor_proof *p = ret_proof;
    if (!strict_json_int64(object, "logIndex", &has_index, &p->index) ||
        !strict_json_int64(object, "treeSize", &has_size, &p->tree_size) ||
        !bytes_of(arena, object, "rootHash", &p->root_hash) ||
        !strict_json_array(object, "hashes", &hashes) ||
        !strict_json_object(object, "checkpoint", &checkpoint) ||
        !copy_text(arena, checkpoint, "envelope", &p->checkpoint) || p->index < 0 ||
        p->tree_size < 0 || json_array_size(hashes) > REKOR_HASHES_MAX)
        return false;
    for (; p->hash_count < json_array_size(hashes); p->hash_count++) {
        const json_t *hash = json_array_get(hashes, p->hash_count);
        if (!json_is_string(hash) ||
            !base64_decode(arena, strict_json_string(hash), &p->hashes[p->hash_count]))
            return false;
    }
    return true;
}

static bool read_entry(struct arena *arena, const json_t *object,
                       struct rekor_entry *ret_entry)
{
    bool present;
    struct rekor_entry *e = ret_entry;
    json_t *id = NULL, *kind = NULL, *promise = NULL, *proof = NULL;
    if (!json_is_object(object) || !strict_json_object(object, "logId", &id) ||
        !strict_json_object(object, "kindVersion", &kind) ||
        !strict_json_object(object, "inclusionPromise", &promise) ||
        !strict_json_object(object, "inclusionProof", &proof))
        return false;
    e->has_proof = proof != NULL;
    return strict_json_int64(object, "logIndex", &present, &e->log_index) &&
           e->log_index >= 0 &&
           strict_json_int64(object, "integratedTime", &present, &e->integrated_time) &&
           e->integrated_time >= 0 && bytes_of(arena, id, "keyId", &e->log_id) &&
           e->log_id.len > 0 && copy_text(arena, kind, "kind", &e->kind) &&
           copy_text(arena, kind, "version", &e->version) &&
           bytes_of(arena, promise, "signedEntryTimestamp", &e->set) &&
           bytes_of(arena, object, "canonicalizedBody", &e->raw_body) &&
           (!proof || read_proof(arena, proof, &e->proof));
}

bool rekor_entry_read(struct arena *arena, const json_t *object,
                      struct rekor_entry *ret_entry, struct signature_failure *failure)
{
    struct rekor_entry out = { .log_index = 0 };
    if (!signature_require(failure, SC_BUNDLE_FIELD, read_entry(arena, object, &out),
                           "A log entry has a field of another type or encoding."))
        return false;
    rekor_body_read(arena, out.raw_body, &out.body);
    *ret_entry = out;
    return true;
}

/* ---- what the entry is about ---- */

/* The digest that the entry must hold, by the algorithm it names; empty: none is known.
 */
static struct span wanted_digest(const struct crypto *c, const struct rekor_body *body,
                                 const struct rekor_subject *s, uint8_t store[64])
{
    size_t len = 0;
    const char *name = body->digest_name ? body->digest_name : "";
    if (s->envelope) {
        if (*name && crypto_digest(c, name, body->v2 ? s->pae : s->payload, store, &len))
            return span_of(store, len);
        return span_of(NULL, 0);
    }
    if (strcmp(name, "SHA256") == 0)
        return s->sha256;
    if (strcmp(name, "SHA384") == 0)
        return s->sha384;
    return strcmp(name, "SHA512") == 0 ? s->sha512 : span_of(NULL, 0);
}

static bool fits_content(const struct rekor_body *body, bool envelope)
{
    if (body->v2)
        return true;
    return envelope ? body->kind == REKOR_DSSE || body->kind == REKOR_INTOTO
                    : body->kind == REKOR_HASHEDREKORD;
}

static int short_len(struct span s)
{
    return s.len < 32 ? (int)s.len : 32;
}

bool rekor_matches(const struct crypto *c, const struct rekor_entry *entry,
                   const struct rekor_subject *subject, struct signature_failure *failure)
{
    uint8_t store[64];
    const struct rekor_body *body = &entry->body;
    struct span digest = wanted_digest(c, body, subject, store);
    return signature_require(failure, SC_ENTRY_BODY, !body->problem,
                             "The body of the log entry cannot be read: %s.",
                             body->problem ? body->problem : "") &&
           signature_require(failure, SC_ENTRY_KIND,
                             span_equal(entry->kind, body->name) &&
                                 span_equal(entry->version, body->version),
                             "The log entry is of another kind or version than the "
                             "bundle says.") &&
           signature_require(failure, SC_ENTRY_SUPPORTED, body->kind != REKOR_UNKNOWN,
                             "Log entries of kind %.*s %.*s are not supported.",
                             short_len(body->name), (const char *)body->name.ptr,
                             short_len(body->version), (const char *)body->version.ptr) &&
           signature_require(failure, SC_ENTRY_CONTENT,
                             fits_content(body, subject->envelope),
                             "The log entry is of a kind that does not fit the bundle's "
                             "content.") &&
           signature_require(failure, SC_ENTRY_DIGEST,
                             digest.len > 0 && span_equal(digest, body->digest),
                             "The log entry is about other bytes.") &&
           signature_require(failure, SC_ENTRY_SIGNATURE,
                             span_equal(subject->signature, body->signature),
                             "The log entry holds another signature.") &&
           signature_require(failure, SC_ENTRY_VERIFIER,
                             body->verifier_is_key == subject->verifier_is_key &&
                                 span_equal(subject->verifier, body->verifier),
                             "The log entry holds another certificate or key.") &&
           signature_require(failure, SC_ENTRY_KEY_DETAILS,
                             !body->v2 ||
                                 span_is(body->key_details, subject->key_details),
                             "The log entry names another algorithm for the key.");
}

/* ---- proofs ---- */

bool rekor_set_verify(const struct crypto *c, struct arena *arena,
                      const struct rekor_entry *entry, const struct trust_log *log,
                      struct signature_failure *failure)
{
    struct buffer text; /* RFC 8785 of an object with these four members */
    buffer_init(&text, SET_MAX);
    buffer_add_text(&text, "{\"body\":\"");
    buffer_add(&text, base64_encode(arena, entry->raw_body));
    buffer_printf(&text, "\",\"integratedTime\":%lld,\"logID\":\"",
                  (long long)entry->integrated_time);
    buffer_add(&text, hex_encode(arena, entry->log_id));
    buffer_printf(&text, "\",\"logIndex\":%lld}", (long long)entry->log_index);
    bool good = !text.truncated && log->key &&
                pubkey_verify(c, log->key, NULL, buffer_span(&text), entry->set);
    buffer_free(&text);
    return signature_require(failure, SC_SET, good,
                             "The log's signed entry timestamp is not over this entry.");
}

/* Ed25519 logs bind their name into the key id; others are known by the id alone. */
static bool line_is_by(const struct note_line *line, const struct trust_log *log)
{
    return log->key && span_equal(line->key_id, log->checkpoint_id) &&
           (pubkey_type(log->key) != PUBKEY_ED25519 || span_equal(line->name, log->name));
}

static bool checkpoint_signed(const struct crypto *c, const struct note *note,
                              const struct trust_root *root, const struct trust_log *own,
                              struct signature_failure *failure)
{
    bool by_own = false;
    for (size_t i = 0; i < note->count; i++)
        for (size_t k = 0; k < root->tlog_count; k++) {
            const struct note_line *line = &note->lines[i];
            if (!line_is_by(line, &root->tlogs[k]))
                continue;
            if (!signature_require(failure, SC_CHECKPOINT_SIGNATURE,
                                   note_line_verify(c, note, line, root->tlogs[k].key),
                                   "A line of the checkpoint is by a known key but does "
                                   "not verify."))
                return false;
            by_own |= &root->tlogs[k] == own;
        }
    return signature_require(failure, SC_CHECKPOINT_SIGNER, by_own,
                             "The log of the entry did not sign the checkpoint.");
}

static bool checkpoint_holds(const struct crypto *c, struct arena *arena,
                             const struct rekor_proof *proof,
                             const struct trust_root *root, const struct trust_log *log,
                             struct signature_failure *failure)
{
    struct note note = { .count = 0 };
    struct checkpoint checkpoint = { .size = 0 };
    bool form = note_parse(arena, proof->checkpoint, &note) &&
                checkpoint_parse(note.text, &checkpoint);
    return signature_require(failure, SC_CHECKPOINT_FORM, form,
                             "The checkpoint is not a signed note of a tree.") &&
           signature_require(failure, SC_CHECKPOINT_SIZE,
                             checkpoint.size == (uint64_t)proof->tree_size,
                             "The checkpoint is of a tree of another size.") &&
           signature_require(
               failure, SC_CHECKPOINT_ROOT,
               span_equal(span_of(checkpoint.root, sizeof checkpoint.root),
                          proof->root_hash),
               "The checkpoint has another root than the proof of inclusion.") &&
           checkpoint_signed(c, &note, root, log, failure);
}

static bool path_fits(const struct rekor_proof *proof, uint64_t index, uint64_t size)
{
    if (index >= size || proof->hash_count != merkle_path_length(index, size))
        return false;
    for (size_t i = 0; i < proof->hash_count; i++)
        if (proof->hashes[i].len != SHA256_LEN)
            return false;
    return true;
}

bool rekor_proof_verify(const struct crypto *c, const struct rekor_entry *entry,
                        const struct trust_root *root, const struct trust_log *log,
                        struct signature_failure *failure)
{
    const struct rekor_proof *proof = &entry->proof;
    uint64_t index = (uint64_t)proof->index, size = (uint64_t)proof->tree_size;
    uint8_t leaf[SHA256_LEN], computed[SHA256_LEN] = { 0 };
    bool led =
        merkle_leaf(c, entry->raw_body, leaf) &&
        merkle_root(c, index, size, leaf, proof->hashes, proof->hash_count, computed);
    if (!signature_require(failure, SC_INCLUSION_INDEX, index < size,
                           "The index of the entry lies outside the tree.") ||
        !signature_require(failure, SC_INCLUSION_PATH, path_fits(proof, index, size),
                           "The proof of inclusion does not have the hashes that its "
                           "place in the tree asks for.") ||
        !signature_require(
            failure, SC_INCLUSION_ROOT,
            led && span_equal(span_of(computed, sizeof computed), proof->root_hash),
            "The proof of inclusion leads to another root than it states."))
        return false;
    struct arena *arena = arena_new(NOTE_ARENA_MAX);
    bool ok =
        signature_require(failure, SC_RESOURCES, arena != NULL, "Memory ran out.") &&
        checkpoint_holds(c, arena, proof, root, log, failure);
    arena_free(arena);
    return ok;
}
