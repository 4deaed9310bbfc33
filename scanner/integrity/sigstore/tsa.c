#include "integrity/sigstore/tsa.h"

#include "integrity/rfc3339.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/ts.h>
#include <openssl/x509.h>

enum { SECURITY_LEVEL = 2 };

static TS_RESP *read_response(struct span der)
{
    const uint8_t *at = der.ptr;
    TS_RESP *response = der.len && der.len <= TSA_TOKEN_MAX
                            ? d2i_TS_RESP(NULL, &at, (long)der.len)
                            : NULL;
    if (response && at != der.ptr + der.len) {
        TS_RESP_free(response);
        response = NULL;
    }
    ERR_clear_error();
    return response;
}

/* Fractions of a second are dropped. */
static bool time_of(TS_TST_INFO *info, int64_t *ret_time)
{
    struct tm utc;
    const ASN1_GENERALIZEDTIME *time = info ? TS_TST_INFO_get_time(info) : NULL;
    if (!time || ASN1_TIME_to_tm(time, &utc) != 1)
        return false;
    *ret_time = rfc3339_seconds(&utc);
    return true;
}

/* OpenSSL takes any digest for the imprint, also broken ones. */
static bool strong_imprint(TS_TST_INFO *info)
{
    const ASN1_OBJECT *digest = NULL;
    if (!info)
        return false;
    X509_ALGOR_get0(&digest, NULL, NULL,
                    TS_MSG_IMPRINT_get_algo(TS_TST_INFO_get_msg_imprint(info)));
    int nid = OBJ_obj2nid(digest);
    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

/* Whether the token names this certificate as its signer's. */
static bool signed_by(TS_RESP *response, const X509 *cert)
{
    PKCS7 *token = TS_RESP_get_token(response);
    STACK_OF(PKCS7_SIGNER_INFO) *signers = token ? PKCS7_get_signer_info(token) : NULL;
    if (!cert || sk_PKCS7_SIGNER_INFO_num(signers) != 1)
        return false;
    const PKCS7_ISSUER_AND_SERIAL *who =
        sk_PKCS7_SIGNER_INFO_value(signers, 0)->issuer_and_serial;
    return who && X509_NAME_cmp(who->issuer, X509_get_issuer_name(cert)) == 0 &&
           ASN1_INTEGER_cmp(who->serial, X509_get0_serialNumber(cert)) == 0;
}

/* Who signed: an authority that is trusted at that time before one that is not. */
static const struct trust_authority *find_authority(const struct trust_root *root,
                                                    TS_RESP *response, int64_t t)
{
    const struct trust_authority *found = NULL;
    for (size_t i = 0; i < root->tsa_count; i++) {
        const struct trust_authority *a = &root->tsas[i];
        if (!signed_by(response, a->count ? a->chain[0] : NULL))
            continue;
        if (!found || trust_window_contains(&a->window, t))
            found = a;
    }
    return found;
}

/* The anchor alone, valid at that time; the caller X509_STORE_free()s. */
static X509_STORE *store_of(X509 *anchor, int64_t t)
{
    X509_STORE *store = X509_STORE_new();
    X509_VERIFY_PARAM *param = X509_VERIFY_PARAM_new();
    bool ok = store && param && X509_STORE_add_cert(store, anchor) == 1;
    if (ok) {
        X509_VERIFY_PARAM_set_time(param, (time_t)t);
        X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
        ok = X509_STORE_set1_param(store, param) == 1;
    }
    X509_VERIFY_PARAM_free(param);
    if (!ok) {
        X509_STORE_free(store);
        store = NULL;
    }
    return store;
}

/* A certificate of its own that only the anchor vouches for has none between. */
static STACK_OF(X509) * between(const struct trust_authority *a)
{
    STACK_OF(X509) *list = sk_X509_new_null();
    size_t count = a->count > 1 ? a->count - 1 : a->count;
    for (size_t i = 0; list && i < count; i++) {
        if (X509_up_ref(a->chain[i]) != 1)
            continue;
        if (sk_X509_push(list, a->chain[i]) <= 0)
            X509_free(a->chain[i]);
    }
    return list;
}

static bool response_holds(TS_RESP *response, const struct trust_authority *a, int64_t t,
                           struct span bytes)
{
    bool good = false;
    TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
    X509_STORE *store = a && a->count ? store_of(a->chain[a->count - 1], t) : NULL;
    BIO *data =
        store && bytes.len <= INT_MAX ? BIO_new_mem_buf(bytes.ptr, (int)bytes.len) : NULL;
    if (ctx && store && data) {
        (void)TS_VERIFY_CTX_set_flags(ctx,
                                      TS_VFY_VERSION | TS_VFY_SIGNATURE | TS_VFY_DATA);
        (void)TS_VERIFY_CTX_set_data(ctx, data); /* the context owns all three now */
        (void)TS_VERIFY_CTX_set_store(ctx, store);
        (void)TS_VERIFY_CTX_set_certs(ctx, between(a));
        data = NULL;
        store = NULL;
        good = TS_RESP_verify_response(ctx, response) == 1;
    }
    TS_VERIFY_CTX_free(ctx);
    X509_STORE_free(store);
    BIO_free(data);
    ERR_clear_error();
    return good;
}

static bool verify_response(const struct trust_root *root, TS_RESP *response,
                            struct span bytes, int64_t *ret_time,
                            struct signature_failure *failure)
{
    int64_t t = 0;
    TS_TST_INFO *info = TS_RESP_get_tst_info(response);
    bool granted = time_of(info, &t);
    if (!signature_require(failure, SC_TIMESTAMP_STATUS, granted,
                           "The time-stamp authority refused a time-stamp.") ||
        !signature_require(failure, SC_TIMESTAMP_HASH, strong_imprint(info),
                           "The time-stamp is over a digest other than SHA-2."))
        return false;
    const struct trust_authority *a = find_authority(root, response, t);
    if (!signature_require(failure, SC_TIMESTAMP_AUTHORITY, a != NULL,
                           "The trusted root does not know the time-stamp authority; it "
                           "may be too old.") ||
        !signature_require(failure, SC_TIMESTAMP_WINDOW,
                           a && trust_window_contains(&a->window, t),
                           "The trusted root does not trust the time-stamp authority at "
                           "the time it states.") ||
        !signature_require(failure, SC_TIMESTAMP_SIGNATURE,
                           response_holds(response, a, t, bytes),
                           "The time-stamp is not over this signature, or not signed by "
                           "an authority that may."))
        return false;
    *ret_time = t;
    return true;
}

bool tsa_verify(const struct trust_root *root, struct span token, struct span bytes,
                int64_t *ret_time, struct signature_failure *failure)
{
    TS_RESP *response = read_response(token);
    bool ok = signature_require(failure, SC_TIMESTAMP_FORM, response != NULL,
                                "A time-stamp is not exactly one RFC 3161 response.") &&
              response && verify_response(root, response, bytes, ret_time, failure);
    TS_RESP_free(response);
    return ok;
}

static bool fill_request(TS_REQ *request, X509_ALGOR *algorithm, TS_MSG_IMPRINT *imprint,
                         uint8_t digest[SHA256_LEN])
{
    return X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
           TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
           TS_MSG_IMPRINT_set_msg(imprint, digest, SHA256_LEN) == 1 &&
           TS_REQ_set_version(request, 1) == 1 &&
           TS_REQ_set_msg_imprint(request, imprint) == 1 &&
           TS_REQ_set_cert_req(request, 1) == 1;
}

struct span tsa_request(const struct crypto *c, struct arena *arena, struct span bytes)
{
    uint8_t digest[SHA256_LEN];
    unsigned char *der = NULL;
    struct span out = { NULL, 0 }, none = out;
    TS_REQ *request = TS_REQ_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    if (request && algorithm && imprint && crypto_sha256(c, bytes, none, none, digest) &&
        fill_request(request, algorithm, imprint, digest)) {
        int len = i2d_TS_REQ(request, &der);
        if (len > 0)
            out = arena_copy(arena, span_of(der, (size_t)len));
    }
    OPENSSL_free(der);
    TS_MSG_IMPRINT_free(imprint);
    X509_ALGOR_free(algorithm);
    TS_REQ_free(request);
    ERR_clear_error();
    return out;
}
