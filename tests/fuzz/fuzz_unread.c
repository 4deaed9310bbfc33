/* Recognising what is not read yet. */
#include "formats/inspector.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct inspector *tried[] = { inspectors[FORMAT_UNREAD],
                                        inspectors[FORMAT_LFS_POINTER] };
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        struct arena *arena = arena_new(1 << 20);
        struct budget budget = budget_default();
        assert(arena);
        struct artifact *artifact = artifact_new(arena, span_of_text("model.gguf"), size);
        assert(artifact);
        struct inspection in = { .arena = arena,
                                 .budget = &budget,
                                 .artifact = artifact,
                                 .bytes = span_of(data, size),
                                 .spool_fd = -1 };
        enum claim claim = tried[i]->claim(&in);
        artifact->formats = claim ? FORMAT_BIT(tried[i]->format) : 0;
        if (claim != CLAIM_NONE) {
            tried[i]->inspect(&in);
            assert(artifact->status == STATUS_INCOMPLETE);
        }
        arena_free(arena);
    }
    return 0;
}
