/* pickle_fixture.h: inspect bytes in memory with a small list of globals. */
#ifndef PICKLE_FIXTURE_H
#define PICKLE_FIXTURE_H

#include "unit.h"

#include "formats/inspector.h"
#include "formats/pickle/rules.h"

static const char fixture_lists[] =
    "{ \"schema\": 1, \"library\": \"test\", // small\n"
    "  \"safe\": { \"builtins\": [\"object\", \"list\"], \"collections\": "
    "[\"OrderedDict\"],\n"
    "    \"numpy\": [\"ndarray\"], \"torch\": [\"FloatStorage\"],\n"
    "    \"torch._utils\": [\"_rebuild_tensor_v2\"], \"lib\": [\"Outer.Inner\"] },\n"
    "  \"instances\": { \"lib\": [\"Args\"],\n"
    "    \"joblib.numpy_pickle\": [\"NumpyArrayWrapper\"] },\n"
    "  \"dangerous\": { \"exec-process\": { \"os\": [\"system\"], \"posix\": [\"*\"],\n"
    "      \"pip.*\": [\"*\"] },\n"
    "    \"embedded-code\": { \"dill._dill\": [\"*\"] } },\n"
    "  \"check\": { \"builtins\": { \"getattr\": \"getattr\", \"iter\": "
    "\"one-argument\",\n"
    "      \"type\": \"type-of\" },\n"
    "    \"functools\": { \"partial\": \"partial\" },\n"
    "    \"copyreg\": { \"_reconstructor\": \"reconstructor\", \"__newobj__\": "
    "\"newobj\" },\n"
    "    \"numpy\": { \"dtype\": \"numpy-dtype\", \"scalar\": \"numpy-scalar\",\n"
    "      \"_ufunc_reconstruct\": \"ufunc\", \"ctor\": \"safe-arguments\" },\n"
    "    \"scipy\": { \"norm_gen\": \"distribution\" },\n"
    "    \"statsmodels\": { \"ModelData\": \"no-formula\" },\n"
    "    \"_codecs\": { \"encode\": \"codecs-encode\" },\n"
    "    \"torch.storage\": { \"_load_from_bytes\": \"load-from-bytes\" },\n"
    "    \"torch._tensor\": { \"_rebuild_from_type_v2\": \"rebuild-from-type\" } } }\n";

struct fixture {
    struct arena *arena;
    struct pickle_rules *rules;
    struct budget budget;
    struct artifact *root;
};

static inline struct fixture fixture_inspect(struct span bytes, const char *name)
{
    struct error error;
    struct fixture f = { .arena = arena_new(64 << 20), .budget = budget_default() };
    f.rules = pickle_rules_read(span_of_text(fixture_lists), "lists", &error);
    assert_non_null(f.rules);
    f.root = artifact_new(f.arena, span_of_text(name), bytes.len);
    struct inspection in = { .arena = f.arena,
                             .budget = &f.budget,
                             .artifact = f.root,
                             .bytes = bytes,
                             .pickle_rules = f.rules,
                             .spool_fd = -1 };
    inspect_artifact(&in);
    return f;
}

static inline void fixture_free(struct fixture *f)
{
    pickle_rules_free(f->rules);
    arena_free(f->arena);
}

/* "rule rule …" over the whole tree in order, then "complete" or another status. */
static inline void fixture_summary(const struct fixture *f, struct buffer *text)
{
    buffer_init(text, 1 << 16);
    for (const struct artifact *a = f->root; a; a = artifact_walk(f->root, a))
        for (const struct finding *i = a->findings.first; i; i = i->next)
            buffer_printf(text, "%s ", i->rule->id);
    buffer_add_text(text, status_name(artifact_worst(f->root)));
}

static inline void expect(const char *bytes, size_t len, const char *name,
                          const char *wanted)
{
    struct fixture f = fixture_inspect(span_of(bytes, len), name);
    struct buffer text;
    fixture_summary(&f, &text);
    assert_string_equal(text.text, wanted);
    buffer_free(&text);
    fixture_free(&f);
}

#define EXPECT(bytes, wanted)             expect(bytes, sizeof(bytes) - 1, "x", wanted)
#define EXPECT_NAMED(name, bytes, wanted) expect(bytes, sizeof(bytes) - 1, name, wanted)

#endif
