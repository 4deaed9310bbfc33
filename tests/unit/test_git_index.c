/* The index of a git clone, and the patterns of its attributes.  Real indexes of every
 * version are read in tests/golden/test_origins.py. */
#include "unit.h"

#include "origins/git_attributes.h"
#include "origins/git_index.h"

enum { INDEX_MAX = 4096 };

struct heard {
    char paths[256]; /* each with ';' behind it */
};

static void hear(void *self, const struct git_index_entry *e)
{
    struct heard *h = self;
    size_t len = strlen(h->paths);
    assert_true(len + e->path.len + 2 < sizeof h->paths);
    memcpy(h->paths + len, e->path.ptr, e->path.len);
    h->paths[len + e->path.len] = ';';
    assert_int_equal(e->oid.ptr[0], 0xab);
}

struct index {
    uint8_t bytes[INDEX_MAX];
    size_t len;
};

static void add(struct index *x, uint64_t value, size_t size)
{
    for (size_t i = size; i > 0; i--)
        x->bytes[x->len++] = (uint8_t)(value >> 8 * (i - 1));
}

static void begin(struct index *x, unsigned version, unsigned count)
{
    *x = (struct index){ .len = 0 };
    add(x, 0x44495243, 4); /* DIRC */
    add(x, version, 4);
    add(x, count, 4);
}

static void add_entry(struct index *x, uint32_t mode, size_t oid_size, unsigned flags)
{
    x->len += 24; /* zeroes */
    add(x, mode, 4);
    x->len += 12;
    memset(x->bytes + x->len, 0xab, oid_size);
    x->len += oid_size;
    add(x, flags, 2);
}

static void add_name(struct index *x, size_t start, const char *name)
{
    memcpy(x->bytes + x->len, name, strlen(name) + 1);
    x->len += strlen(name) + 1;
    while ((x->len - start) % 8)
        x->len++;
}

static enum git_index_outcome read_index(const struct index *x, size_t len,
                                         size_t oid_size, struct heard *h)
{
    const char *why = NULL;
    *h = (struct heard){ .paths = "" };
    enum git_index_outcome outcome =
        git_index_read(span_of(x->bytes, len), oid_size, hear, h, &why);
    assert_int_equal(outcome == GIT_INDEX_MALFORMED, why != NULL);
    return outcome;
}

static void test_ordinary_files_only(void **state)
{
    (void)state;
    static const struct {
        uint32_t mode;
        unsigned flags, extended;
        const char *heard;
    } cases[] = {
        {0100644,  1,      0,      "a;"},
        { 0100755, 1,      0,      "a;"},
        { 0120000, 1,      0,      ""  }, /* link */
        { 0160000, 1,      0,      ""  }, /* submodule */
        { 0040000, 1,      0,      ""  }, /* sparse directory */
        { 0100644, 0x8001, 0,      ""  }, /* assumed to be valid */
        { 0100644, 0x1001, 0,      ""  }, /* of a conflict */
        { 0100644, 0x4001, 0x4000, ""  }, /* not in the work tree */
        { 0100644, 0x4001, 0x2000, ""  }, /* to be added */
        { 0100644, 0x4001, 0x0001, "a;"},
    };
    for (size_t oid = GIT_SHA1_SIZE; oid <= GIT_SHA256_SIZE; oid += 12)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct index x;
            struct heard h;
            begin(&x, 3, 1);
            size_t start = x.len;
            add_entry(&x, cases[i].mode, oid, cases[i].flags);
            if (cases[i].flags & 0x4000)
                add(&x, cases[i].extended, 2);
            add_name(&x, start, "a");
            x.len += oid;
            assert_int_equal(read_index(&x, x.len, oid, &h), GIT_INDEX_READ);
            assert_string_equal(h.paths, cases[i].heard);
            /* any beginning of it is malformed, and says nothing */
            for (size_t cut = 0; cut < x.len; cut++) {
                assert_int_equal(read_index(&x, cut, oid, &h), GIT_INDEX_MALFORMED);
                assert_string_equal(h.paths, "");
            }
        }
}

static void test_names_of_version_4(void **state)
{
    (void)state;
    static const struct {
        unsigned length[2];
        const char *cut[2], *name[2];
        enum git_index_outcome outcome;
    } cases[] = {
        {{ 3, 4 },  { "\x00", "\x01" }, { "a/b", "c1" },  GIT_INDEX_READ     },
        { { 3, 4 }, { "\x00", "\x04" }, { "a/b", "c1" },  GIT_INDEX_MALFORMED},
        { { 3, 4 }, { "\x00", "\xff" }, { "a/b", "c1" },  GIT_INDEX_MALFORMED},
        { { 3, 9 }, { "\x00", "\x01" }, { "a/b", "c1" },  GIT_INDEX_MALFORMED},
        { { 3, 0 }, { "\x00", "\x03" }, { "a/b", "" },    GIT_INDEX_MALFORMED},
        { { 3, 3 }, { "\x01", "\x03" }, { "a/b", "a/c" }, GIT_INDEX_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct index x;
        struct heard h;
        begin(&x, 4, 2);
        for (size_t k = 0; k < 2; k++) {
            add_entry(&x, 0100644, GIT_SHA1_SIZE, cases[i].length[k]);
            add(&x, (uint8_t)cases[i].cut[k][0], 1);
            memcpy(x.bytes + x.len, cases[i].name[k], strlen(cases[i].name[k]) + 1);
            x.len += strlen(cases[i].name[k]) + 1;
        }
        x.len += GIT_SHA1_SIZE;
        assert_int_equal(read_index(&x, x.len, GIT_SHA1_SIZE, &h), cases[i].outcome);
        assert_string_equal(h.paths,
                            cases[i].outcome == GIT_INDEX_READ ? "a/b;a/c1;" : "");
    }
}

static void test_extensions(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t size;
        enum git_index_outcome outcome;
    } cases[] = {
        {"TREE",  4,          GIT_INDEX_READ     },
        { "link", 4,          GIT_INDEX_SPLIT    },
        { "TREE", 5,          GIT_INDEX_MALFORMED},
        { "TREE", UINT32_MAX, GIT_INDEX_MALFORMED}
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct index x;
        struct heard h;
        begin(&x, 2, 1);
        size_t start = x.len;
        add_entry(&x, 0100644, GIT_SHA1_SIZE, 1);
        add_name(&x, start, "a");
        memcpy(x.bytes + x.len, cases[i].name, 4);
        x.len += 4;
        add(&x, cases[i].size, 4);
        x.len += 4 + GIT_SHA1_SIZE;
        assert_int_equal(read_index(&x, x.len, GIT_SHA1_SIZE, &h), cases[i].outcome);
        assert_string_equal(h.paths, cases[i].outcome == GIT_INDEX_READ ? "a;" : "");
    }
}

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *line, *path;
        bool changed;
    } cases[] = {
        {"*.bin filter=lfs",                "a/b.bin",     true },
        { "*.bin filter=lfs",               "a/b.bins",    false},
        { "*.bin -filter",                  "b.bin",       false},
        { "*.bin text eol=lf",              "b.bin",       false},
        { "# *.bin filter=lfs",             "b.bin",       false},
        { "  b.?in\tident\r",               "a/b.bin",     true },
        { "a/**/b.bin filter=lfs",          "a/b.bin",     true },
        { "a/**/b.bin filter=lfs",          "a/c/d/b.bin", true },
        { "/a/b.bin filter",                "a/b.bin",     true },
        { "c/b.bin filter",                 "a/b.bin",     false},
        { "* working-tree-encoding=UTF-16", "a",           true },
        { "*a*b*c* filter",                 "xaxbxc",      true },
        { "*a*b*c* filter",                 "xaxcxb",      false},
        { "[attr]x filter",                 "a",           true },
        { "[ab] filter",                    "c",           true }, /* wider than git */
    };
    struct arena *arena = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct git_attributes a = { .count = 0 };
        git_attributes_add(&a, arena, span_of_text(cases[i].line));
        assert_int_equal(git_attributes_change(&a, span_of_text(cases[i].path)),
                         cases[i].changed);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_files_only),
        cmocka_unit_test(test_names_of_version_4),
        cmocka_unit_test(test_extensions),
        cmocka_unit_test(test_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
