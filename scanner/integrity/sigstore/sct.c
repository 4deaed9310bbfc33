#include "integrity/sigstore/sct.h"

#include "integrity/crypto/pubkey.h"
#include "integrity/crypto/x509.h"

#include <openssl/ct.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

enum { TBS_MAX = 1 << 16, SCTS_MAX = 16 };

/* The certificate as the log saw it: without its own promises.  i2d_re_X509_tbs(), as
 * i2d_X509() would give back what was read. */
static struct span precertificate(struct arena *arena, const X509 *leaf)
{
    unsigned char *der = NULL;
    struct span out = { NULL, 0 };
    X509 *copy = X509_dup(leaf);
    int at = copy ? X509_get_ext_by_NID(copy, NID_ct_precert_scts, -1) : -1;
    if (at >= 0) {
        X509_EXTENSION_free(X509_delete_ext(copy, at));
        int len = i2d_re_X509_tbs(copy, &der);
        if (len > 0 && len <= TBS_MAX)
            out = arena_copy(arena, span_of(der, (size_t)len));
    }
    OPENSSL_free(der);
    X509_free(copy);
    ERR_clear_error();
    return out;
}

static void put(struct buffer *out, uint64_t value, unsigned bytes)
{
    while (bytes-- > 0) {
        uint8_t b = (uint8_t)(value >> (8 * bytes));
        buffer_add(out, span_of(&b, 1));
    }
}

/* The digitally-signed struct of RFC 6962 section 3.2, for a precertificate. */
static void signed_form(const SCT *sct, const uint8_t issuer_key_hash[SHA256_LEN],
                        struct span tbs, struct buffer *out)
{
    unsigned char *extensions = NULL;
    size_t len = SCT_get0_extensions(sct, &extensions);
    put(out, 0, 1); /* version 1 */
    put(out, 0, 1); /* certificate_timestamp */
    put(out, SCT_get_timestamp(sct), 8);
    put(out, 1, 2); /* precert_entry */
    buffer_add(out, span_of(issuer_key_hash, SHA256_LEN));
    put(out, tbs.len, 3);
    buffer_add(out, tbs);
    put(out, len, 2);
    buffer_add(out, span_of(extensions, len));
}

static bool good_signature(const struct crypto *c, const SCT *sct, X509 *leaf,
                           X509 *issuer, EVP_PKEY *key)
{
    uint8_t hash[SHA256_LEN];
    unsigned char *signature = NULL;
    size_t len = SCT_get0_signature(sct, &signature);
    struct buffer message;
    struct arena *arena = arena_new(1 << 20);
    if (!arena || !issuer || !key || SCT_get_version(sct) != SCT_VERSION_V1) {
        arena_free(arena);
        return false;
    }
    struct span tbs = precertificate(arena, leaf), none = { NULL, 0 };
    struct span spki = x509_public_key(arena, issuer);
    bool ok = tbs.len > 0 && spki.len > 0 && crypto_sha256(c, spki, none, none, hash);
    if (ok) {
        buffer_init(&message, 2 * TBS_MAX + 128);
        signed_form(sct, hash, tbs, &message);
        ok = !message.truncated && pubkey_verify(c, key, "SHA256", buffer_span(&message),
                                                 span_of(signature, len));
        buffer_free(&message);
    }
    arena_free(arena);
    return ok;
}

/* How far the best of the promises comes; each step needs those before it. */
struct standing {
    bool known, in_window, good;
};

static struct standing judge(const struct crypto *c, const SCT *sct, X509 *leaf,
                             X509 *issuer, const struct trust_root *root)
{
    unsigned char *id = NULL;
    size_t len = SCT_get0_log_id(sct, &id);
    const struct trust_log *log =
        trust_root_log(root->ctlogs, root->ctlog_count, span_of(id, len));
    int64_t seconds = (int64_t)(SCT_get_timestamp(sct) / 1000);
    return (struct standing){
        .known = log != NULL,
        .in_window = log && trust_window_contains(&log->window, seconds),
        .good = log && good_signature(c, sct, leaf, issuer, log->key),
    };
}

static int rank(struct standing s)
{
    return s.known ? 1 + 2 * s.in_window + (s.in_window && s.good) : 0;
}

bool sct_verify(const struct crypto *c, X509 *leaf, X509 *issuer,
                const struct trust_root *root, struct signature_failure *failure)
{
    struct standing best = { .known = false };
    STACK_OF(SCT) *list = X509_get_ext_d2i(leaf, NID_ct_precert_scts, NULL, NULL);
    int count = list ? sk_SCT_num(list) : 0;
    for (int i = 0; i < count && i < SCTS_MAX; i++) {
        struct standing s = judge(c, sk_SCT_value(list, i), leaf, issuer, root);
        if (rank(s) > rank(best))
            best = s;
    }
    SCT_LIST_free(list);
    ERR_clear_error();
    return signature_require(failure, SC_SCT_PRESENT, count > 0,
                             "The certificate holds no promise of a certificate log.") &&
           signature_require(failure, SC_SCT_LOG, best.known,
                             "The trusted root knows no certificate log that this "
                             "certificate is in; it may be too old.") &&
           signature_require(failure, SC_SCT_WINDOW, best.in_window,
                             "The trusted root does not trust the certificate log at the "
                             "time of its promise.") &&
           signature_require(failure, SC_SCT_SIGNATURE, best.good,
                             "The certificate log did not sign for this certificate.");
}
