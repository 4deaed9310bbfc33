/* Bundles, with what they hold, through the whole of verification: nothing that comes out
 * of a fuzzer is signed by anybody we accept. */
#include "fuzz_root.h"
#include "integrity/verify.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct crypto *crypto;
static struct trust_root *root;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bundle bundle;
    struct verification v;
    struct signature_failure failure = { .check = SC_NONE };
    fuzz_root_load(&crypto, &root);
    struct arena *arena = arena_new(64 << 20);
    if (!arena)
        return 0;
    if (bundle_parse(arena, span_of(data, size), &bundle, &failure)) {
        const struct verify_policy policy = { .root = root, .now = 1767225600 };
        const struct verify_target target = { .bytes = span_of("x", 1) };
        verify_bundle(crypto, arena, &bundle, &target, &policy, &v);
        if (v.state == SIGNATURE_VERIFIED || v.failure.check == SC_NONE)
            abort();
    } else if (failure.check == SC_NONE || !failure.reason[0]) {
        abort();
    }
    arena_free(arena);
    return 0;
}
