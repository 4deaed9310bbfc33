/* The safetensors inspector, and whatever it hands its unclaimed bytes to. */
#include "formats/inspector.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(64 << 20);
    struct budget budget = budget_default();
    budget.left[BUDGET_MEMBERS] = 50;
    assert(arena);
    struct artifact *artifact =
        artifact_new(arena, span_of_text("model.safetensors"), size);
    assert(artifact);
    struct inspection in = { .arena = arena,
                             .budget = &budget,
                             .artifact = artifact,
                             .bytes = span_of(data, size),
                             .spool_fd = -1,
                             .detail = size % 2 == 1 };
    const struct inspector *inspector = inspectors[FORMAT_SAFETENSORS];
    if (inspector->claim(&in) != CLAIM_NONE)
        inspector->inspect(&in);
    /* not complete: then it says why */
    assert(artifact->status == STATUS_COMPLETE || artifact->reason.len > 0);
    arena_free(arena);
    return 0;
}
