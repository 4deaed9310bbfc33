/* RFC 3161 responses against the shipped trusted root. */
#include "fuzz_root.h"
#include "integrity/sigstore/tsa.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct crypto *crypto;
static struct trust_root *root;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t t;
    struct signature_failure failure = { .check = SC_NONE };
    fuzz_root_load(&crypto, &root);
    if (tsa_verify(root, span_of(data, size), span_of("x", 1), &t, &failure) ||
        failure.check == SC_NONE)
        abort();
    return 0;
}
