/* fuzz_archive.h: an archive's inspector, PyTorch's on top of it, and whatever they find
 * inside. */
#ifndef FUZZ_ARCHIVE_H
#define FUZZ_ARCHIVE_H

#include "formats/inspector.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_archive(const char *name, const enum format_id tried[2],
                                const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(64 << 20);
    struct budget budget = budget_default();
    budget.left[BUDGET_MEMBERS] = 200;
    budget.left[BUDGET_EXPANDED_BYTES] = 16 << 20;
    budget.left[BUDGET_DEPTH] = 4;
    assert(arena);
    struct artifact *artifact = artifact_new(arena, span_of_text(name), size);
    assert(artifact);
    struct inspection in = {
        .arena = arena,
        .budget = &budget,
        .artifact = artifact,
        .bytes = span_of(data, size),
        .spool_fd = -1,
        .deep = size % 2 == 0,
        .detail = size % 3 == 0,
    };
    for (size_t i = 0; i < 2; i++)
        if (inspectors[tried[i]]->claim(&in) != CLAIM_NONE)
            artifact->formats |= FORMAT_BIT(tried[i]);
    for (size_t i = 0; i < 2; i++)
        if (artifact->formats & FORMAT_BIT(tried[i]))
            inspectors[tried[i]]->inspect(&in);
    /* not complete: then it says why */
    assert(artifact->status == STATUS_COMPLETE || artifact->reason.len > 0 ||
           arena_exhausted(arena));
    assert(in.spool_used == 0);
    assert(budget.left[BUDGET_DEPTH] == 4);
    arena_free(arena);
}

#endif
