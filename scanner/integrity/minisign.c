#include "integrity/minisign.h"

#include "core/base64.h"

#include <openssl/evp.h>

enum { LINE_MAX_BYTES = 16 << 10, ALGORITHM = 2 };

#define UNTRUSTED_COMMENT "untrusted comment:"
#define TRUSTED_COMMENT   "trusted comment: "

bool minisign_claims(struct span head)
{
    return span_starts(head, UNTRUSTED_COMMENT);
}

static bool malformed(struct refusal *why, const char *reason)
{
    return refuse(why, SIGNATURE_INVALID, "minisign-form", "%s", reason);
}

bool minisign_parse(struct arena *arena, struct span bytes, struct minisign *ret,
                    struct refusal *why)
{
    struct reader r = reader_of(bytes, 0);
    struct span raw, global;
    struct minisign m = { 0 };
    if (bytes.len > MINISIGN_BYTES_MAX)
        return malformed(why, "the signature file is too large");
    struct span head = manifest_line(&r, LINE_MAX_BYTES),
                first = manifest_line(&r, LINE_MAX_BYTES),
                comment = manifest_line(&r, LINE_MAX_BYTES),
                second = manifest_line(&r, LINE_MAX_BYTES);
    if (!reader_ok(&r) || !minisign_claims(head) ||
        !span_starts(comment, TRUSTED_COMMENT))
        return malformed(why, "the signature file has not the four lines of minisign");
    if (!base64_decode(arena, first, &raw) ||
        raw.len != ALGORITHM + MINISIGN_KEY_ID + MINISIGN_SIGNATURE ||
        !base64_decode(arena, second, &global) || global.len != MINISIGN_SIGNATURE)
        return malformed(why, "a signature of the file has not the length it must have");
    m.legacy = span_starts(raw, "Ed");
    if (!m.legacy && !span_starts(raw, "ED"))
        return refuse(why, SIGNATURE_UNSUPPORTED, "minisign-algorithm",
                      "the algorithm of the signature is not known");
    m.key_id = span_slice(raw, ALGORITHM, ALGORITHM + MINISIGN_KEY_ID);
    m.signature = span_slice(raw, ALGORITHM + MINISIGN_KEY_ID, raw.len);
    m.comment =
        arena_copy(arena, span_slice(comment, strlen(TRUSTED_COMMENT), comment.len));
    m.global = global;
    *ret = m;
    return true;
}

bool minisign_key_parse(struct arena *arena, struct span text, struct minisign_key *ret)
{
    struct reader r = reader_of(text, 0);
    struct span line = manifest_line(&r, LINE_MAX_BYTES), raw;
    if (minisign_claims(line))
        line = manifest_line(&r, LINE_MAX_BYTES);
    if (!reader_ok(&r) || !base64_decode(arena, line, &raw) ||
        raw.len != ALGORITHM + MINISIGN_KEY_ID + MINISIGN_KEY || !span_starts(raw, "Ed"))
        return false;
    memcpy(ret->id, raw.ptr + ALGORITHM, MINISIGN_KEY_ID);
    memcpy(ret->key, raw.ptr + ALGORITHM + MINISIGN_KEY_ID, MINISIGN_KEY);
    return true;
}

static bool ed25519_verify(const struct crypto *c, const uint8_t key[MINISIGN_KEY],
                           struct span message, struct span signature)
{
    EVP_PKEY *k = EVP_PKEY_new_raw_public_key_ex(crypto_library(c), "ED25519", NULL, key,
                                                 MINISIGN_KEY);
    EVP_MD_CTX *x = EVP_MD_CTX_new();
    bool ok =
        k && x &&
        EVP_DigestVerifyInit_ex(x, NULL, NULL, crypto_library(c), NULL, k, NULL) == 1 &&
        EVP_DigestVerify(x, signature.ptr, signature.len, message.ptr, message.len) == 1;
    EVP_MD_CTX_free(x);
    EVP_PKEY_free(k);
    return ok;
}

/* The second signature: nobody can put another comment to a good signature. */
static bool comment_verify(const struct crypto *c, const struct minisign *m,
                           const struct minisign_key *key)
{
    struct buffer message;
    buffer_init(&message, MINISIGN_BYTES_MAX);
    buffer_add(&message, m->signature);
    buffer_add(&message, m->comment);
    bool ok = !message.truncated &&
              ed25519_verify(c, key->key, buffer_span(&message), m->global);
    buffer_free(&message);
    return ok;
}

bool minisign_verify(const struct crypto *c, const struct minisign *m,
                     const struct minisign_key *key, struct span blake2b,
                     struct refusal *why)
{
    char theirs[MINISIGN_ID_TEXT + 1];
    if (m->legacy)
        return refuse(why, SIGNATURE_UNSUPPORTED, "minisign-algorithm",
                      "a signature of the legacy kind, which is not prehashed");
    if (span_compare(m->key_id, span_of(key->id, sizeof key->id)) != 0) {
        minisign_id_text(m->key_id.ptr, theirs);
        return refuse(why, SIGNATURE_UNTRUSTED, "minisign-key",
                      "it was made with the key %s, which is not the one that was given",
                      theirs);
    }
    if (!ed25519_verify(c, key->key, blake2b, m->signature))
        return refuse(why, SIGNATURE_INVALID, "signature",
                      "the signature is not the key's, over these bytes");
    if (!comment_verify(c, m, key))
        return refuse(why, SIGNATURE_INVALID, "minisign-comment",
                      "the trusted comment is not the one that was signed");
    return true;
}

void minisign_id_text(const uint8_t id[MINISIGN_KEY_ID], char ret[MINISIGN_ID_TEXT + 1])
{
    for (size_t i = 0; i < MINISIGN_KEY_ID; i++) /* a number, little endian */
        (void)snprintf(ret + 2 * i, 3, "%02X", id[MINISIGN_KEY_ID - 1 - i]);
}
