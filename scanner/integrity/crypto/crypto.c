#include "integrity/crypto/crypto.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

struct crypto {
    OSSL_LIB_CTX *library;
    EVP_MD *sha256;
};

struct crypto *crypto_new(struct error *error)
{
    struct crypto *c = calloc(1, sizeof *c);
    if (c && (c->library = OSSL_LIB_CTX_new()) != NULL)
        c->sha256 = EVP_MD_fetch(c->library, "SHA256", NULL);
    if (!c || !c->sha256) {
        crypto_free(c);
        error_set(error, ERROR_MEMORY, "OpenSSL has no memory for a library context");
        return NULL;
    }
    return c;
}

void crypto_free(struct crypto *c)
{
    if (!c)
        return;
    EVP_MD_free(c->sha256);
    OSSL_LIB_CTX_free(c->library);
    free(c);
}

OSSL_LIB_CTX *crypto_library(const struct crypto *c)
{
    return c->library;
}

bool crypto_sha256(const struct crypto *c, struct span a, struct span b, struct span d,
                   uint8_t ret_digest[SHA256_LEN])
{
    const struct span pieces[] = { a, b, d };
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex2(ctx, c->sha256, NULL) == 1;
    for (size_t i = 0; ok && i < 3; i++)
        ok = pieces[i].len == 0 ||
             EVP_DigestUpdate(ctx, pieces[i].ptr, pieces[i].len) == 1;
    ok = ok && EVP_DigestFinal_ex(ctx, ret_digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

bool crypto_digest(const struct crypto *c, const char *name, struct span bytes,
                   uint8_t ret_digest[64], size_t *ret_len)
{
    unsigned len = 0;
    EVP_MD *md = EVP_MD_fetch(c->library, name, NULL);
    bool ok = md && EVP_MD_get_size(md) <= 64 &&
              EVP_Digest(bytes.ptr, bytes.len, ret_digest, &len, md, NULL) == 1;
    EVP_MD_free(md);
    if (ok)
        *ret_len = len;
    return ok;
}

struct span crypto_written(struct arena *arena, BIO *memory)
{
    char *text = NULL;
    long len = BIO_get_mem_data(memory, &text);
    return len > 0 ? arena_copy(arena, span_of(text, (size_t)len)) : span_of(NULL, 0);
}
