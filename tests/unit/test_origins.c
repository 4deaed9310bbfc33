/* What the parsers of origins say of one file or several, and which names they answer to.
 */
#include "unit.h"

#include "origins/bundle.h"
#include "trust/store.h"
#include "worker/statement_wire.h"

#include <unistd.h>

enum { SAID_MAX = 64 };

struct heard {
    struct arena *arena;
    struct statement said[SAID_MAX];
    size_t count;
};

static void hear(void *self, const struct statement *s)
{
    struct heard *h = self;
    assert_true(h->count < SAID_MAX);
    h->said[h->count++] = *s;
}

struct entry {
    enum origin_kind kind;
    const char *path, *text;
};

/* The texts of `ret` live as long as its arena. */
static void read_entries(const struct entry *entries, size_t count, struct heard *ret)
{
    struct buffer bundle;
    struct budget budget = budget_default();
    *ret = (struct heard){ .arena = arena_new(16 << 20) };
    buffer_init(&bundle, SIZE_MAX / 2);
    for (size_t i = 0; i < count; i++) {
        uint8_t head[BUNDLE_HEAD];
        struct span path = span_of_text(entries[i].path);
        struct span text = span_of_text(entries[i].text);
        bundle_head(head, entries[i].kind, (uint32_t)i, path, (uint32_t)text.len);
        buffer_add(&bundle, span_of(head, sizeof head));
        buffer_add(&bundle, path);
        buffer_add(&bundle, text);
    }
    struct span bytes = arena_copy(ret->arena, buffer_span(&bundle));
    buffer_free(&bundle);
    origins_read(bytes, ret->arena, &budget, hear, ret);
}

static void read_one(enum origin_kind kind, const char *path, const char *text,
                     struct heard *ret)
{
    const struct entry entry = { kind, path, text };
    read_entries(&entry, 1, ret);
}

/* ---- names -------------------------------------------------------------------- */

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int kind; /* -1: none */
        size_t base;
    } cases[] = {
        {".git/config",                                       ORIGIN_GIT_CONFIG,      0},
        { "a/b/.git/HEAD",                                    ORIGIN_GIT_HEAD,        4},
        { "a/.git/refs/heads/main",                           ORIGIN_GIT_BRANCH,      2},
        { "a/.git/refs/heads/x/y",                            ORIGIN_GIT_BRANCH,      2},
        { "a/.git/index",                                     ORIGIN_GIT_INDEX,       2},
        { "a/b/.gitattributes",                               ORIGIN_GIT_ATTRIBUTES,  4},
        { "a/.git/refs/heads",                                -1,                     0},
        { "x.git/config",                                     -1,                     0},
        { "m/.cache/huggingface/download/a/b.metadata",       ORIGIN_HUB_METADATA,    2},
        { "m/.cache/huggingface/download/b.lock",             -1,                     0},
        { ".cache/huggingface/download/.metadata",            -1,                     0},
        { "o/manifests/registry.ollama.ai/library/llama3/8b", ORIGIN_OLLAMA_MANIFEST, 2},
        { "manifests/a/b/c",                                  -1,                     0},
        { "index.json",                                       ORIGIN_OCI_INDEX,       0},
        { "d/model.dvc",                                      ORIGIN_DVC_FILE,        0},
        { ".dvc",                                             -1,                     0},
        { "d/dvc.lock",                                       ORIGIN_DVC_LOCK,        0},
        { "models/fraud/version-3/meta.yaml",                 ORIGIN_MLRUNS_VERSION,  0},
        { "models/fraud/version-/meta.yaml",                  -1,                     0},
        { "x/MLmodel",                                        ORIGIN_MLMODEL,         2},
        { "x/y.civitai.info",                                 ORIGIN_CIVITAI_INFO,    2},
        { "MLmodel/x",                                        -1,                     0},
        { "",                                                 -1,                     0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum origin_kind kind = ORIGIN_KINDS;
        size_t base = SIZE_MAX;
        const char *beside;
        bool found = origin_recognise(span_of_text(cases[i].path), &kind, &base, &beside);
        assert_int_equal(found, cases[i].kind >= 0);
        if (found) {
            assert_int_equal(kind, cases[i].kind);
            assert_int_equal(base, cases[i].base);
        }
    }
}

static void test_digests_in_names(void **state)
{
    (void)state;
#define SHA "7c8ea68670b70437ac738e04b771286c4be209a142e295ce043b5f963d45628c"
    static const struct {
        const char *path, *digits;
    } cases[] = {
        {"/o/blobs/sha256-" SHA,                                SHA       },
        { "/o/blobs/sha256/" SHA,                               SHA       },
        { "/g/.git/lfs/objects/7c/8e/" SHA,                     SHA       },
        { "/g/.git/lfs/objects/00/8e/" SHA,                     NULL      },
        { "/c/files/md5/26/86d66045dd0ff59dce3fcc765a049f",
         "2686d66045dd0ff59dce3fcc765a049f"                               },
        { "/c/files/md5/26/86d66045dd0ff59dce3fcc765a049f.dir",
         "2686d66045dd0ff59dce3fcc765a049f"                               },
        { "/c/files/md5/26/86d66045dd0ff59dce3fcc765a04",       NULL      },
        { "/t/hub/checkpoints/resnet50-0676ba61.pth",           "0676ba61"},
        { "/t/hub/checkpoints/swin-20220101.pth",               NULL      },
        { "/t/checkpoints/resnet50-0676ba61.pth",               NULL      },
        { "/t/hub/checkpoints/resnet50-0676BA61.pth",           NULL      },
        { "/h/models--a--b/blobs/" SHA,                         SHA       },
        { "/h/x/blobs/" SHA,                                    NULL      },
        { "/o/blobs/sha256-../../etc/passwd",                   NULL      },
        { "",                                                   NULL      },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct named_digest d;
        bool found = named_digest_find(span_of_text(cases[i].path), &d);
        assert_int_equal(found, cases[i].digits != NULL);
        if (found)
            assert_string_equal(d.digits, cases[i].digits);
    }
}

static void test_entries_of_stores(void **state)
{
    (void)state;
    struct store_entry e;
    assert_true(store_entry_find(
        span_of_text("/k/kagglehub/models/google/gemma/pyTorch/2b/1/m.bin"), &e));
    assert_string_equal(e.reference, "kaggle:google/gemma/pyTorch/2b/1");
    assert_false(store_entry_find(
        span_of_text("/k/kagglehub/models/google/gemma/pyTorch/2b/latest/m.bin"), &e));
    assert_false(store_entry_find(span_of_text("/k/kagglehub/models/google/m.bin"), &e));
    assert_true(store_entry_find(span_of_text("/w/artifacts/linear:v3/m.bin"), &e));
    assert_string_equal(e.name, "linear");
    assert_false(store_entry_find(span_of_text("/w/artifacts/linear:latest/m.bin"), &e));
    assert_false(store_entry_find(span_of_text("/w/artifacts/linear:v/m.bin"), &e));
    assert_true(store_entry_find(span_of_text("/ComfyUI/models/vae/x.pt"), &e));
    assert_null(e.registry);
    assert_false(store_entry_find(span_of_text(""), &e));
}

/* ---- files ---------------------------------------------------------------------- */

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void test_a_clone_is_read_as_one(void **state)
{
    (void)state;
    struct heard h;
    const struct entry entries[] = {
        {ORIGIN_GIT_HEAD,         ".git/HEAD",           "ref: refs/heads/dev\n"},
        { ORIGIN_GIT_CONFIG,      ".git/config",
         "[Remote \"up\"]\n url = https://up.example/x\n"
          "[remote \"origin\"]\n\turl = \"git@hf.co:a/b.git\" # here\n"         },
        { ORIGIN_GIT_PACKED_REFS, ".git/packed-refs",
         "# pack-refs\n" COMMIT " refs/heads/dev\n"                             },
        { ORIGIN_GIT_BRANCH,      ".git/refs/heads/dev",
         "ffffffffffffffffffffffffffffffffffffffff\n"                           },
    };
    read_entries(entries, 4, &h);
    assert_int_equal(h.count, 1);
    assert_true(span_is(h.said[0].reference, "https://hf.co/a/b"));
    assert_true(span_is(h.said[0].revision, "ffffffffffffffffffffffffffffffffffffffff"));
    assert_int_equal(h.said[0].source, 1);
    arena_free(h.arena);
    read_entries(entries, 3, &h); /* without the loose reference the packed one counts */
    assert_true(span_is(h.said[0].revision, COMMIT));
    arena_free(h.arena);
}

static void test_notes_of_several_commits_name_none(void **state)
{
    (void)state;
    struct heard h;
    const struct entry entries[] = {
        {ORIGIN_HUB_METADATA,  ".cache/huggingface/download/a.metadata",
         COMMIT "\n\"" COMMIT "\"\n1\n"                    },
        { ORIGIN_HUB_METADATA, ".cache/huggingface/download/b.metadata",
         "ffffffffffffffffffffffffffffffffffffffff\nx\n1\n"},
    };
    read_entries(entries, 2, &h);
    assert_int_equal(h.count, 2);
    assert_int_equal(h.said[0].kind, STATEMENT_EXPECT);
    assert_int_equal(h.said[0].algorithm, DIGEST_GIT_SHA1);
    assert_true(span_is(h.said[0].path, "a"));
    assert_int_equal(h.said[1].kind, STATEMENT_CLAIM);
    assert_int_equal(h.said[1].revision.len, 0);
    arena_free(h.arena);
}

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path, *resolved; /* NULL: refused */
    } cases[] = {
        {"x",           "d/x"  },
        { "./x//y/.",   "d/x/y"},
        { "../x",       "x"    },
        { "../../x",    NULL   },
        { "/x",         NULL   },
        { "..",         NULL   },
        { "a/../../..", NULL   },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct heard h;
        char text[128];
        (void)snprintf(text, sizeof text, "outs:\n- path: '%s'\n  hash: md5\n  size: 1\n",
                       cases[i].path);
        read_one(ORIGIN_DVC_FILE, "d/m.dvc", text, &h);
        if (cases[i].resolved) {
            assert_int_equal(h.count, 2);
            assert_int_equal(h.said[1].kind, STATEMENT_EXPECT);
            assert_true(span_is(h.said[1].path, cases[i].resolved));
        } else {
            assert_int_equal(h.count, 1);
            assert_int_equal(h.said[0].kind, STATEMENT_PROBLEM);
            assert_int_equal(h.said[0].problem, PROBLEM_PATH);
            assert_true(span_is(h.said[0].note, cases[i].path));
        }
        arena_free(h.arena);
    }
}

static void test_yaml(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int problem; /* -1: none */
    } cases[] = {
        {"flavors: {a: 1}\nmodel_uuid: x\n",                -1               },
        { "flavors: &f {a: 1}\nother: *f\nmodel_uuid: x\n", -1               },
        { "flavors: {a: 1}\nflavors: {b: 1}\n",             PROBLEM_MALFORMED},
        { "flavors: {a: 1, a: 2}\n",                        PROBLEM_MALFORMED},
        { "flavors: *f\n",                                  PROBLEM_MALFORMED},
        { "? [a]\n: b\nflavors: {a: 1}\n",                  PROBLEM_MALFORMED},
        { "flavors: {a: 1}\n---\nflavors: {a: 1}\n",        PROBLEM_MALFORMED},
        { "flavors: 1\n",                                   PROBLEM_MALFORMED},
        { "flavors: {a: [[[[\n",                            PROBLEM_MALFORMED},
        { "",                                               PROBLEM_MALFORMED},
        { "\xff\xfe",                                       PROBLEM_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct heard h;
        read_one(ORIGIN_MLMODEL, "MLmodel", cases[i].text, &h);
        assert_int_equal(h.count, 1);
        assert_int_equal(h.said[0].kind,
                         cases[i].problem < 0 ? STATEMENT_CLAIM : STATEMENT_PROBLEM);
        if (cases[i].problem >= 0)
            assert_int_equal(h.said[0].problem, cases[i].problem);
        arena_free(h.arena);
    }
}

static void test_depth_is_a_limit(void **state)
{
    (void)state;
    char deep[400] = "flavors: ";
    struct heard h;
    memset(deep + strlen(deep), '[', 200);
    read_one(ORIGIN_MLMODEL, "MLmodel", deep, &h);
    assert_int_equal(h.said[0].problem, PROBLEM_LIMIT);
    arena_free(h.arena);
    memset(deep, '[', 200);
    deep[0] = '{';
    memcpy(deep + 1, "\"a\":", 4);
    read_one(ORIGIN_WANDB_MANIFEST, "wandb_manifest.json", deep, &h);
    assert_int_equal(h.said[0].problem, PROBLEM_LIMIT);
    arena_free(h.arena);
}

static void test_statements_are_budgeted(void **state)
{
    (void)state;
    struct heard h = { .arena = arena_new(1 << 20) };
    struct budget budget = budget_default();
    uint8_t bytes[256];
    static const char text[] = "outs:\n- path: a\n- path: b\n- path: c\n";
    struct span path = span_of_text("m.dvc");
    bundle_head(bytes, ORIGIN_DVC_FILE, 0, path, sizeof text - 1);
    memcpy(bytes + BUNDLE_HEAD, path.ptr, path.len);
    memcpy(bytes + BUNDLE_HEAD + path.len, text, sizeof text - 1);
    budget.left[BUDGET_ORIGIN_STATEMENTS] = 2;
    origins_read(span_of(bytes, BUNDLE_HEAD + path.len + sizeof text - 1), h.arena,
                 &budget, hear, &h);
    assert_int_equal(h.count, 3);
    assert_int_equal(h.said[2].problem, PROBLEM_LIMIT);
    arena_free(h.arena);
}

/* ---- the wire --------------------------------------------------------------------- */

static size_t encode(const struct statement *s, uint8_t *bytes, size_t size)
{
    struct statement_encoder e;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    statement_encoder_init(&e, ends[1]);
    statement_encode(&e, s);
    assert_true(statement_encoder_end(&e));
    statement_encoder_free(&e);
    (void)close(ends[1]);
    ssize_t n = read(ends[0], bytes, size);
    (void)close(ends[0]);
    assert_true(n > 0);
    return (size_t)n;
}

static enum wire_outcome decode(const struct statement *s, struct heard *h)
{
    uint8_t bytes[8192];
    size_t taken, n = encode(s, bytes, sizeof bytes);
    struct statement_decoder d = { .say = hear, .self = h, .sources = 2, .left = 10 };
    h->count = 0;
    /* any cut is the beginning of something */
    for (size_t cut = 0; cut + 5 < n; cut++) {
        struct statement_decoder part = d;
        struct heard ignored = { 0 };
        part.self = &ignored;
        assert_true(statement_decode(&part, span_of(bytes, cut), &taken) != WIRE_ENDED);
        assert_true(taken <= cut);
    }
    return statement_decode(&d, span_of(bytes, n), &taken);
}

static void test_the_wire_carries_what_parsers_say_and_no_more(void **state)
{
    (void)state;
    struct heard h = { 0 };
    const struct statement good = { .kind = STATEMENT_EXPECT,
                                    .source = 1,
                                    .path = span_of_text("a/b"),
                                    .algorithm = DIGEST_MD5,
                                    .digest = span_of_text("00ff"),
                                    .has_size = true,
                                    .size = UINT64_MAX };
    assert_int_equal(decode(&good, &h), WIRE_ENDED);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.said[0].size, UINT64_MAX);
    static const char *const bad_paths[] = { "/a", "../a", "a/..", "a//b", ".", "a/" };
    for (size_t i = 0; i < sizeof bad_paths / sizeof *bad_paths; i++) {
        struct statement bad = good;
        bad.path = span_of_text(bad_paths[i]);
        assert_int_equal(decode(&bad, &h), WIRE_MALFORMED);
        assert_int_equal(h.count, 0);
    }
    struct statement bad = good;
    bad.source = 2;
    assert_int_equal(decode(&bad, &h), WIRE_MALFORMED);
    bad = good;
    bad.digest = span_of_text("00FF");
    assert_int_equal(decode(&bad, &h), WIRE_MALFORMED);
    bad = good;
    bad.path = span_of("a\0b", 3);
    assert_int_equal(decode(&bad, &h), WIRE_MALFORMED);
    bad = good;
    bad.kind = STATEMENT_CLAIM; /* a claim has no digest */
    assert_int_equal(decode(&bad, &h), WIRE_MALFORMED);
    bad = good;
    bad.algorithm = (enum digest_algorithm)DIGEST_COUNT;
    assert_int_equal(decode(&bad, &h), WIRE_MALFORMED);
    bad = good;
    bad.kind = STATEMENT_LISTING; /* has a whole md5 */
    assert_int_equal(decode(&bad, &h), WIRE_MALFORMED);
    bad.digest = span_of_text("00112233445566778899aabbccddeeff");
    assert_int_equal(decode(&bad, &h), WIRE_ENDED);
    bad = good;
    bad.line_ends = true; /* only of a git blob */
    assert_int_equal(decode(&bad, &h), WIRE_MALFORMED);
    bad.algorithm = DIGEST_GIT_SHA256;
    assert_int_equal(decode(&bad, &h), WIRE_ENDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_digests_in_names),
        cmocka_unit_test(test_entries_of_stores),
        cmocka_unit_test(test_a_clone_is_read_as_one),
        cmocka_unit_test(test_notes_of_several_commits_name_none),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_yaml),
        cmocka_unit_test(test_depth_is_a_limit),
        cmocka_unit_test(test_statements_are_budgeted),
        cmocka_unit_test(test_the_wire_carries_what_parsers_say_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
