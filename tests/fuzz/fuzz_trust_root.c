/* Trusted roots: read, or refused with a reason. */
#include "integrity/sigstore/trust_root.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct crypto *crypto;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = { .code = ERROR_NONE };
    if (!crypto && !(crypto = crypto_new(&error)))
        abort();
    struct trust_root *root =
        trust_root_read(crypto, span_of(data, size), "root", &error);
    if (!root && (error.code == ERROR_NONE || !error.message[0]))
        abort();
    trust_root_free(root);
    return 0;
}
