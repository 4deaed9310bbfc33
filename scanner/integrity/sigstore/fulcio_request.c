#include "integrity/sigstore/fulcio_request.h"

#include "core/base64.h"
#include "integrity/strict_json.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* A certificate signing request in PEM (PKCS #10); empty when it cannot be made. */
static struct span signing_request(const struct crypto *c, struct arena *arena,
                                   EVP_PKEY *key)
{
    struct span out = { NULL, 0 };
    BIO *pem = BIO_new(BIO_s_mem());
    X509_REQ *request = X509_REQ_new_ex(crypto_library(c), NULL);
    if (pem && request && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
        X509_REQ_set_pubkey(request, key) == 1 &&
        X509_REQ_sign(request, key, EVP_sha256()) > 0 &&
        PEM_write_bio_X509_REQ(pem, request) == 1)
        out = crypto_written(arena, pem);
    X509_REQ_free(request);
    BIO_free(pem);
    ERR_clear_error();
    return out;
}

struct span fulcio_request(const struct crypto *c, struct arena *arena, EVP_PKEY *key)
{
    struct span pem = signing_request(c, arena, key);
    if (pem.len == 0)
        return pem;
    struct span code = base64_encode(arena, pem);
    return arena_printf(arena, "{\"certificateSigningRequest\":\"%.*s\"}", (int)code.len,
                        (const char *)code.ptr);
}

static const char *read_chain(struct arena *arena, const json_t *root,
                              struct span *ret_leaf)
{
    json_t *issued = NULL, *chain = NULL, *list = NULL;
    if (strict_json_field(root, "signedCertificateDetachedSct"))
        return "the promise of the certificate log stands apart from the certificate, "
               "which no verifier of bundles reads";
    if (!strict_json_object(root, "signedCertificateEmbeddedSct", &issued) || !issued ||
        !strict_json_object(issued, "chain", &chain) || !chain ||
        !strict_json_array(chain, "certificates", &list) || json_array_size(list) == 0)
        return "it has no certificate";
    const json_t *leaf = json_array_get(list, 0);
    return json_is_string(leaf) &&
                   pem_decode(arena, strict_json_string(leaf), "CERTIFICATE", ret_leaf)
               ? NULL
               : "its certificate is not in PEM";
}

bool fulcio_answer_read(struct arena *arena, struct span json, struct span *ret_leaf,
                        const char **ret_why)
{
    struct strict_json_reason reason = { "" };
    json_t *root = strict_json_read(json, FULCIO_ANSWER_MAX, FULCIO_VALUES_MAX, &reason);
    *ret_why = json_is_object(root) ? read_chain(arena, root, ret_leaf)
                                    : "it is not a strict JSON object";
    json_decref(root);
    return *ret_why == NULL;
}
