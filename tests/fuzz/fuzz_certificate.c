/* One certificate of a bundle: its form, its names, its promises of a log. */
#include "fuzz_root.h"
#include "integrity/crypto/x509.h"
#include "integrity/sigstore/fulcio.h"
#include "integrity/sigstore/sct.h"

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct crypto *crypto;
static struct trust_root *root;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fulcio_claims claims = { 0 };
    struct signature_failure failure = { .check = SC_NONE };
    int64_t from, to;
    fuzz_root_load(&crypto, &root);
    struct arena *arena = arena_new(4 << 20);
    X509 *cert = arena ? x509_read(crypto, span_of(data, size)) : NULL;
    if (cert) {
        if (fulcio_read(arena, cert, &claims, &failure) &&
            (claims.subject.len == 0 ||
             memchr(claims.subject.ptr, 0, claims.subject.len)))
            abort();
        (void)fulcio_form(cert, &failure);
        (void)x509_may_sign(cert, &failure);
        (void)x509_validity(cert, &from, &to);
        (void)x509_subject(arena, cert);
        if (sct_verify(crypto, cert, root->cas[0].chain[0], root, &failure) &&
            failure.check == SC_NONE && size < 16)
            abort();
        X509_free(cert);
    }
    arena_free(arena);
    return 0;
}
