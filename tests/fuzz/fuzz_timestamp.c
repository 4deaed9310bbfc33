/* RFC 3161 responses against the shipped trusted root. */
#include "integrity/sigstore/tsa.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct crypto *crypto;
static struct trust_root *root;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t t;
    struct error error;
    struct signature_failure failure = { .check = SC_NONE };
    if (!crypto) {
        crypto = crypto_new(&error);
        root = crypto
                   ? trust_root_load(crypto, "rules/sigstore/trusted_root.json", &error)
                   : NULL;
        if (!root)
            abort();
    }
    if (tsa_verify(root, span_of(data, size), span_of("x", 1), &t, &failure) ||
        failure.check == SC_NONE)
        abort();
    return 0;
}
