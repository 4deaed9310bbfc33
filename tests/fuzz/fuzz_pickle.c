/* Any bytes through identification, every inspector of this family, and the judge: no
 * crash, no leak, bounded work.  And the machine's handles must agree with its table. */
#include <assert.h>

#include "formats/inspector.h"
#include "formats/pickle/rules.h"

enum { ARENA_MAX = 64 << 20 };

static const char lists[] =
    "{\"schema\":1,\"library\":\"fuzz\","
    "\"safe\":{\"builtins\":[\"object\",\"list\",\"set\"],\"collections\":["
    "\"OrderedDict\"],"
    "\"torch\":[\"FloatStorage\"],\"torch._utils\":[\"_rebuild_tensor_v2\"]},"
    "\"instances\":{\"joblib.numpy_pickle\":[\"NumpyArrayWrapper\"]},"
    "\"dangerous\":{\"exec-process\":{\"os\":[\"*\"],\"pip.*\":[\"*\"]}},"
    "\"check\":{\"builtins\":{\"getattr\":\"getattr\",\"iter\":\"one-argument\"},"
    "\"functools\":{\"partial\":\"partial\"},"
    "\"copyreg\":{\"_reconstructor\":\"reconstructor\",\"__newobj__\":\"newobj\"},"
    "\"numpy\":{\"dtype\":\"numpy-dtype\",\"scalar\":\"numpy-scalar\",\"u\":\"ufunc\","
    "\"c\":\"safe-arguments\",\"d\":\"distribution\",\"f\":\"no-formula\"},"
    "\"_codecs\":{\"encode\":\"codecs-encode\"},"
    "\"torch\":{\"b\":\"load-from-bytes\",\"r\":\"rebuild-from-type\",\"t\":\"type-of\"}}"
    "}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pickle_rules *rules_in_use;
    struct error error;
    if (!rules_in_use)
        rules_in_use = pickle_rules_read(span_of_text(lists), "lists", &error);
    assert(rules_in_use);
    struct arena *arena = arena_new(ARENA_MAX);
    struct budget budget = budget_default();
    budget.left[BUDGET_EXPANDED_BYTES] = 4 << 20;
    budget.left[BUDGET_PICKLE_OPCODES] = 1 << 20;
    budget.left[BUDGET_PROBE_BYTES] = 1 << 16;
    budget.left[BUDGET_MEMBERS] = 64;
    struct artifact *root = artifact_new(arena, span_of_text("input"), size);
    struct inspection in = { .arena = arena,
                             .budget = &budget,
                             .artifact = root,
                             .bytes = span_of(data, size),
                             .pickle_rules = rules_in_use,
                             .spool_fd = -1,
                             .detail = size % 2 == 1 };
    if (root)
        inspect_artifact(&in);
    arena_free(arena);
    return 0;
}
