#include "integrity/signers.h"

#include "core/base64.h"

#include <openssl/evp.h>
#include <regex.h>

enum { ARENA_MAX = 64 << 20 };

bool signers_init(struct signers *s, struct error *error)
{
    *s = (struct signers){ .arena = arena_new(ARENA_MAX) };
    if (!s->arena)
        return error_set(error, ERROR_MEMORY, "out of memory");
    s->crypto = crypto_new(error);
    return s->crypto != NULL;
}

void signers_free_keys(struct signers *s, size_t from)
{
    while (s->key_count > from)
        EVP_PKEY_free(s->keys[--s->key_count]);
}

void signers_free(struct signers *s)
{
    signers_free_keys(s, 0);
    x509_list_free(&s->anchors);
    trust_root_free(s->root);
    crypto_free(s->crypto);
    arena_free(s->arena);
    *s = (struct signers){ 0 };
}

bool signers_read_file(struct arena *arena, const char *path, size_t max,
                       struct span *ret_bytes, struct error *error)
{
    FILE *in = fopen(path, "re");
    struct buffer text;
    uint8_t piece[4096];
    size_t n;
    if (!in)
        return error_errno(error, ERROR_CONFIG, "%s", path);
    buffer_init(&text, max);
    while ((n = fread(piece, 1, sizeof piece, in)) > 0 && !text.truncated)
        buffer_add(&text, span_of(piece, n));
    bool ok = !ferror(in) || error_errno(error, ERROR_CONFIG, "%s", path);
    (void)fclose(in);
    if (ok && text.truncated)
        ok = error_set(error, ERROR_CONFIG, "%s: larger than %zu bytes", path, max);
    struct span copy = ok ? arena_copy(arena, buffer_span(&text)) : (struct span){ 0 };
    if (ok && copy.len != text.len)
        ok = error_set(error, ERROR_MEMORY, "out of memory");
    buffer_free(&text);
    if (ok)
        *ret_bytes = copy;
    return ok;
}

bool signers_add_key(struct signers *s, const char *path, struct error *error)
{
    struct span text;
    if (s->key_count == SIGNERS_KEYS_MAX || s->minisign_count == SIGNERS_KEYS_MAX)
        return error_set(error, ERROR_USAGE, "more than %d keys", SIGNERS_KEYS_MAX);
    if (!signers_read_file(s->arena, path, SIGNER_FILE_MAX, &text, error))
        return false;
    if (minisign_key_parse(s->arena, text, &s->minisign[s->minisign_count])) {
        s->minisign_count++;
        return true;
    }
    EVP_PKEY *key = pubkey_read(s->crypto, text);
    if (!key)
        return error_set(error, ERROR_CONFIG,
                         "%s: neither a public key in PEM or DER, nor one of minisign",
                         path);
    if (pubkey_type(key) == PUBKEY_UNKNOWN) {
        EVP_PKEY_free(key);
        return error_set(error, ERROR_CONFIG,
                         "%s: a key of a kind that is not accepted for signatures", path);
    }
    s->keys[s->key_count++] = key;
    return true;
}

/* ---- keys as a lockfile has them -------------------------------------------------- */

static struct span minisign_identity(struct arena *arena, const struct minisign_key *k)
{
    char id[MINISIGN_ID_TEXT + 1];
    minisign_id_text(k->id, id);
    return arena_printf(arena, "minisign:%s", id);
}

struct span signers_key_text(const struct signers *s, struct arena *arena,
                             struct span identity)
{
    for (size_t i = 0; i < s->key_count; i++)
        if (span_equal(pubkey_fingerprint(s->crypto, arena, s->keys[i]), identity))
            return base64_encode(arena, pubkey_der(arena, s->keys[i]));
    for (size_t i = 0; i < s->minisign_count; i++) {
        const struct minisign_key *k = &s->minisign[i];
        uint8_t raw[2 + MINISIGN_KEY_ID + MINISIGN_KEY] = "Ed";
        memcpy(raw + 2, k->id, MINISIGN_KEY_ID);
        memcpy(raw + 2 + MINISIGN_KEY_ID, k->key, MINISIGN_KEY);
        if (span_equal(minisign_identity(arena, k), identity))
            return base64_encode(arena, span_of(raw, sizeof raw));
    }
    return (struct span){ 0 };
}

static bool add_minisign(struct signers *s, const char *base64, const char *identity)
{
    struct minisign_key *k = &s->minisign[s->minisign_count];
    if (!minisign_key_parse(s->arena, span_of_text(base64), k) ||
        !span_is(minisign_identity(s->arena, k), identity))
        return false;
    s->minisign_count++;
    return true;
}

bool signers_add_key_text(struct signers *s, const char *base64, const char *identity,
                          const char *where, struct error *error)
{
    struct span der;
    if (s->key_count == SIGNERS_KEYS_MAX || s->minisign_count == SIGNERS_KEYS_MAX)
        return error_set(error, ERROR_CONFIG, "%s: more than %d keys", where,
                         SIGNERS_KEYS_MAX);
    if (add_minisign(s, base64, identity))
        return true;
    EVP_PKEY *key = base64_decode(s->arena, span_of_text(base64), &der)
                        ? pubkey_read(s->crypto, der)
                        : NULL;
    bool ok = key && pubkey_type(key) != PUBKEY_UNKNOWN &&
              span_is(pubkey_fingerprint(s->crypto, s->arena, key), identity);
    if (ok)
        s->keys[s->key_count++] = key;
    else
        EVP_PKEY_free(key);
    return ok || error_set(error, ERROR_CONFIG, "%s: the key of %s is not that key",
                           where, identity);
}

bool signers_add_anchors(struct signers *s, const char *path, struct error *error)
{
    struct span text;
    struct x509_list list = { .count = 0 };
    if (!signers_read_file(s->arena, path, SIGNER_FILE_MAX, &text, error) ||
        !x509_list_read(s->crypto, text, path, &list, error))
        return false;
    if (list.count > X509_LIST_MAX - s->anchors.count) {
        x509_list_free(&list);
        return error_set(error, ERROR_USAGE, "more than %d certificates", X509_LIST_MAX);
    }
    for (size_t i = 0; i < list.count; i++) /* they change hands */
        s->anchors.items[s->anchors.count++] = list.items[i];
    return true;
}

static bool is_pattern(const char *text, struct error *error)
{
    regex_t compiled;
    char why[128];
    int code = regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB);
    if (code == 0) {
        regfree(&compiled);
        return true;
    }
    (void)regerror(code, &compiled, why, sizeof why);
    return error_set(error, ERROR_USAGE, "%s: not a regular expression: %s", text, why);
}

bool signers_add_identity(struct signers *s, const struct verify_identity *identity,
                          struct error *error)
{
    if (s->identity_count == SIGNERS_IDENTITIES_MAX)
        return error_set(error, ERROR_USAGE, "more than %d identities",
                         SIGNERS_IDENTITIES_MAX);
    if ((identity->subject_is_pattern && !is_pattern(identity->subject, error)) ||
        (identity->issuer_is_pattern && !is_pattern(identity->issuer, error)))
        return false;
    s->identities[s->identity_count++] = *identity;
    return true;
}

bool signers_set_root(struct signers *s, const char *path, struct error *error)
{
    struct span text;
    struct trust_root *root = NULL;
    if (signers_read_file(s->arena, path, TRUST_ROOT_BYTES_MAX, &text, error))
        root = trust_root_read(s->crypto, text, path, error);
    if (!root)
        return false;
    trust_root_free(s->root);
    s->root = root;
    s->root_text = text;
    return true;
}

bool signers_any(const struct signers *s)
{
    return s->key_count || s->minisign_count || s->anchors.count || s->identity_count ||
           s->keyring;
}

bool signers_minisign(const struct signers *s, const struct minisign *m,
                      struct span blake2b, struct refusal *why)
{
    struct refusal one;
    (void)refuse(why, SIGNATURE_UNTRUSTED, "key-given", "no key of minisign was given");
    for (size_t i = 0; i < s->minisign_count; i++) {
        if (minisign_verify(s->crypto, m, &s->minisign[i], blake2b, &one))
            return true;
        if (why->state == SIGNATURE_UNTRUSTED)
            *why = one;
    }
    return false;
}

struct verify_policy signers_policy(const struct signers *s, enum verify_method method,
                                    int64_t now)
{
    return (struct verify_policy){ .method = method,
                                   .keys = s->keys,
                                   .key_count = s->key_count,
                                   .anchors = s->anchors.items,
                                   .anchor_count = s->anchors.count,
                                   .identities = s->identities,
                                   .identity_count = s->identity_count,
                                   .accepts = s->accepts,
                                   .accepts_self = s->accepts_self,
                                   .root = s->root,
                                   .now = now };
}
