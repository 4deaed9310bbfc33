#include "engine/signing/statement_signer.h"

#include "core/base64.h"
#include "integrity/signers.h"
#include "integrity/statement/dsse.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum { ARENA_MAX = 64 << 20 };

struct statement_signer {
    struct report_signer report; /* first: writers see only this */
    struct signers signers;
    EVP_PKEY *key;
};

static void put(FILE *out, struct span text)
{
    (void)fwrite(text.ptr, 1, text.len, out);
}

/* Source: secure-systems-lab/dsse, envelope.md.  The key's hint is unauthenticated, and
 * helps a verifier with many keys to find the one. */
static bool sign(const struct report_signer *self, struct span statement, FILE *out)
{
    const struct statement_signer *s = (const struct statement_signer *)self;
    const struct crypto *c = s->signers.crypto;
    struct arena *arena = arena_new(ARENA_MAX);
    bool ok = arena != NULL;
    if (ok) {
        struct span signature =
            dsse_sign(c, arena, s->key, span_of_text(DSSE_IN_TOTO), statement);
        struct span payload = base64_encode(arena, statement);
        struct span text = base64_encode(arena, signature);
        struct span hint = pubkey_hint(c, arena, s->key);
        ok = signature.len && payload.len && text.len && hint.len;
        if (ok) {
            (void)fputs("{\"payloadType\":\"" DSSE_IN_TOTO "\",\"payload\":\"", out);
            put(out, payload);
            (void)fputs("\",\"signatures\":[{\"keyid\":\"", out);
            put(out, hint);
            (void)fputs("\",\"sig\":\"", out);
            put(out, text);
            (void)fputs("\"}]}", out);
        }
    }
    arena_free(arena);
    return ok;
}

static bool read_key(struct statement_signer *s, const char *path, const char *passphrase,
                     struct error *error)
{
    struct span pem;
    struct error why;
    if (!signers_read_file(s->signers.arena, path, SIGNER_FILE_MAX, &pem, error))
        return false;
    s->key = pubkey_read_private(s->signers.crypto, pem, passphrase, &why);
    return s->key || error_set(error, ERROR_CONFIG, "%.200s: %.250s", path, why.message);
}

static bool try_key(struct statement_signer *s, const char *path, struct error *error)
{
    struct span signature =
        pubkey_sign(s->signers.crypto, s->signers.arena, s->key, span_of_text("assay"));
    return signature.len > 0 ||
           error_set(error, ERROR_CONFIG, "%.200s: the key cannot sign", path);
}

struct statement_signer *statement_signer_new(const char *key, const char *passphrase,
                                              struct error *error)
{
    struct statement_signer *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    s->report.sign = sign;
    if (signers_init(&s->signers, error) && read_key(s, key, passphrase, error) &&
        try_key(s, key, error))
        return s;
    statement_signer_free(s);
    return NULL;
}

void statement_signer_free(struct statement_signer *s)
{
    if (!s)
        return;
    EVP_PKEY_free(s->key);
    signers_free(&s->signers);
    free(s);
}

const struct report_signer *statement_signer_report(const struct statement_signer *s)
{
    return &s->report;
}
