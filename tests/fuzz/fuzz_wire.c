/* The main process's decoder, fed with what an exploited worker might send.  The first
 * byte says in which pieces the rest arrives. */
#include <assert.h>

#include "worker/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct artifact *root)
{
    for (const struct artifact *a = root; a; a = artifact_walk(root, a)) {
        assert(a->name.len <= NAME_MAX_BYTES);
        assert(a->formats < FORMAT_BIT(FORMAT_COUNT));
        assert(a->status < STATUS_COUNT);
        for (const struct finding *f = a->findings.first; f; f = f->next)
            assert((f->rule >= rules && f->rule < rules + RULE_COUNT) ||
                   strcmp(f->rule->id, "yara/loaded") == 0);
        if (a->executes && a->parent)
            assert(a->parent->executes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct arena *arena = arena_new(4 << 20);
    struct artifact *root = artifact_new(arena, span_of_text("fuzz"), size);
    struct budget budget = budget_default();
    struct wire_decoder d;
    struct rule loaded = { "yara/loaded", SEVERITY_HIGH, 0, "A rule of the worker's" };
    const struct rule_table table = { .list = &loaded, .count = 1 };
    budget.left[BUDGET_MEMBERS] = 1000;
    if (!wire_decoder_init(&d, root, &budget))
        abort();
    d.loaded = &table;
    struct span all = span_of(data + 1, size - 1);
    size_t piece = (size_t)data[0] * 16 + 1, from = 0, taken = 0;
    for (size_t to = piece; d.outcome == WIRE_MORE && to < all.len + piece; to += piece) {
        (void)wire_decode(&d, span_slice(all, from, to), &taken);
        from += taken;
    }
    check(root);
    if (d.outcome != WIRE_ENDED) {
        wire_decoder_abandon(&d, "fuzzed");
        assert(root->status == STATUS_INCOMPLETE || root->status == STATUS_FAILED);
    }
    wire_decoder_free(&d);
    arena_free(arena);
    return 0;
}
