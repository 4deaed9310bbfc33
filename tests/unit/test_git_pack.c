/* Packs, the frames they come in, pointers of LFS, and files of DVC; written here byte by
 * byte.  That packs of git are read, tests/net/test_git.py shows. */
#include "unit.h"

#include "sources/git/dvc_file.h"
#include "sources/git/lfs.h"
#include "sources/git/pack.h"
#include "sources/git/pkt_line.h"

#include <openssl/evp.h>
#include <string.h>
#include <zlib.h>

/* ---- a pack ---------------------------------------------------------------------- */

struct making {
    uint8_t bytes[8192];
    size_t len, at[8], count;
};

static void put(struct making *m, const void *bytes, size_t n)
{
    assert_true(m->len + n <= sizeof m->bytes);
    if (n)
        memcpy(m->bytes + m->len, bytes, n);
    m->len += n;
}

static void start(struct making *m, uint8_t count)
{
    *m = (struct making){ .len = 0 };
    put(m, "PACK\0\0\0\2\0\0\0", 11);
    put(m, &count, 1);
}

/* Type and size, what a delta is based on, the deflated bytes. */
static void add(struct making *m, int kind, const void *base, size_t base_len,
                const void *bytes, size_t n, size_t told)
{
    uint8_t deflated[1024],
        head[2] = { (uint8_t)(0x80U | (unsigned)kind << 4 | (told & 15U)),
                    (uint8_t)(told >> 4) };
    uLongf size = sizeof deflated;
    m->at[m->count++] = m->len;
    put(m, head, 2);
    put(m, base, base_len);
    assert_int_equal(compress(deflated, &size, bytes, n), Z_OK);
    put(m, deflated, size);
}

static bool read_made(struct making *m, struct git_pack *pack, struct arena *arena)
{
    uint8_t sum[GIT_OID_SIZE];
    struct error error = { 0 };
    assert_int_equal(EVP_Digest(m->bytes, m->len, sum, NULL, EVP_sha1(), NULL), 1);
    put(m, sum, sizeof sum);
    bool ok = git_pack_read(span_of(m->bytes, m->len), arena, pack, &error);
    assert_true(ok || error.code == ERROR_NETWORK);
    m->len -= sizeof sum;
    return ok;
}

static const struct git_object *find(const struct git_pack *p, const char *hex)
{
    uint8_t oid[GIT_OID_SIZE];
    assert_true(git_oid_parse(span_of_text(hex), oid));
    return git_pack_find(p, oid);
}

/* git hash-object: "hello\n" and "hello hello\n". */
static const char hello[] = "ce013625030ba8dba906f756967f9e9ca394464a";
static const uint8_t delta[] = { 6, 11, 0x80 | 0x10, 5, 1, ' ', 0x80 | 0x10, 5 };

static void test_pack(void **state)
{
    struct making m;
    struct git_pack pack;
    struct arena *arena = arena_new(1 << 20);
    uint8_t back[1], oid[GIT_OID_SIZE];
    char hex[GIT_OID_HEX + 1];
    (void)state;
    start(&m, 3);
    assert_true(git_oid_parse(span_of_text(hello), oid));
    add(&m, 7, oid, sizeof oid, delta, sizeof delta,
        sizeof delta); /* its base comes later */
    add(&m, 3, NULL, 0, "hello\n", 6, 6);
    back[0] = (uint8_t)(m.len - m.at[1]);
    add(&m, 6, back, 1, delta, sizeof delta, sizeof delta);
    assert_true(read_made(&m, &pack, arena));
    assert_true(span_is(find(&pack, hello)->bytes, "hello\n"));
    assert_true(span_is(pack.objects[0].bytes, "hello hello"));
    assert_true(span_is(pack.objects[2].bytes, "hello hello"));
    assert_int_equal(pack.objects[2].type, GIT_BLOB);
    git_oid_write(pack.objects[1].oid, hex);
    assert_string_equal(hex, hello);
    assert_null(find(&pack, "0000000000000000000000000000000000000000"));
    arena_free(arena);
}

static void test_broken_packs(void **state)
{
    static const struct {
        uint8_t delta[8];
        size_t len;
    } deltas[] = {
        {{ 7, 1, 1, 'x' },                  4}, /* another base */
        { { 6, 9, 0x90, 5 },                4}, /* too short */
        { { 6, 2, 0x90, 5 },                4}, /* too long */
        { { 6, 5, 0x91, 4, 5 },             5}, /* beyond the base */
        { { 6, 1, 0 },                      3}, /* no instruction */
        { { 6, 1, 2, 'x' },                 4}, /* cut */
        { { 6, 0x80, 0x80, 0x80, 0x80, 8 }, 6}, /* huge */
    };
    struct making m;
    struct git_pack pack;
    struct arena *arena = arena_new(1 << 20);
    uint8_t back[1], none[GIT_OID_SIZE] = { 1 };
    (void)state;
    for (size_t i = 0; i < sizeof deltas / sizeof *deltas; i++) {
        start(&m, 2);
        add(&m, 3, NULL, 0, "hello\n", 6, 6);
        back[0] = (uint8_t)(m.len - m.at[0]);
        add(&m, 6, back, 1, deltas[i].delta, deltas[i].len, deltas[i].len);
        assert_false(read_made(&m, &pack, arena));
    }
    start(&m, 1);
    add(&m, 7, none, sizeof none, delta, sizeof delta, sizeof delta);
    assert_false(read_made(&m, &pack, arena));
    start(&m, 1);
    add(&m, 3, NULL, 0, "hello\n", 6, 7);
    assert_false(read_made(&m, &pack, arena));
    start(&m, 1);
    add(&m, 5, NULL, 0, "hello\n", 6, 6);
    assert_false(read_made(&m, &pack, arena));
    start(&m, 2);
    add(&m, 3, NULL, 0, "hello\n", 6, 6);
    assert_false(read_made(&m, &pack, arena));
    put(&m, "rest", 4);
    assert_false(read_made(&m, &pack, arena));
    struct error error;
    start(&m, 0);
    put(&m, "not the checksum at all", 20);
    assert_false(git_pack_read(span_of(m.bytes, m.len), arena, &pack, &error));
    arena_free(arena);
}

/* ---- frames ---------------------------------------------------------------------- */

static void test_pkt_lines(void **state)
{
    struct reader r = reader_of(span_of_text("0009done\n0001000000020003"), 0);
    struct pkt p = pkt_next(&r);
    struct buffer out;
    struct span why;
    (void)state;
    assert_int_equal(p.kind, PKT_DATA);
    assert_true(span_is(p.data, "done\n"));
    assert_int_equal(pkt_next(&r).kind, PKT_DELIMITER);
    assert_int_equal(pkt_next(&r).kind, PKT_FLUSH);
    assert_int_equal(pkt_next(&r).kind, PKT_RESPONSE_END);
    assert_int_equal(pkt_next(&r).kind, PKT_BAD);
    assert_int_equal(pkt_next(&r).kind, PKT_BAD);
    buffer_init(&out, 64);
    pkt_add(&out, "want %d", 1);
    pkt_add_delimiter(&out);
    pkt_add_flush(&out);
    assert_string_equal(out.text, "000bwant 1\n00010000");
    buffer_clear(&out);
    r = reader_of(span_of_text("0007\1ab0006\2x0006\1c0000"), 0);
    assert_true(pkt_side_band(&r, &out, &why));
    assert_string_equal(out.text, "abc");
    r = reader_of(span_of_text("0008\3bad0000"), 0);
    assert_false(pkt_side_band(&r, &out, &why));
    assert_true(span_is(why, "bad"));
    r = reader_of(span_of_text("0007\1ab"), 0);
    assert_false(pkt_side_band(&r, &out, &why));
    buffer_free(&out);
}

static void test_pointers(void **state)
{
    static const char good[] =
        "version https://git-lfs.github.com/spec/v1\n"
        "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
        "size 12345\n";
    static const char *const bad[] = {
        "",
        "version https://git-lfs.github.com/spec/v1\n",
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n",
        "version https://git-lfs.github.com/spec/v1\n"
        "oid "
        "sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize "
        "-1\n",
        "version https://evil.test/\n"
        "oid "
        "sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize "
        "1\n",
    };
    struct lfs_object o;
    (void)state;
    assert_true(lfs_pointer_read(span_of_text(good), &o));
    assert_int_equal(o.size, 12345);
    assert_int_equal(strlen(o.oid), 64);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(lfs_pointer_read(span_of_text(bad[i]), &o));
}

/* ---- DVC ------------------------------------------------------------------------- */

static void test_dvc_paths(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    (void)state;
    assert_string_equal(dvc_path(arena, "", span_of_text("a/b")), "a/b");
    assert_string_equal(dvc_path(arena, "x/y", span_of_text("../a/./b//c")), "x/a/b/c");
    assert_string_equal(dvc_path(arena, "x", span_of_text("..")), "");
    assert_null(dvc_path(arena, "", span_of_text("..")));
    assert_null(dvc_path(arena, "x", span_of_text("../../a")));
    assert_null(dvc_path(arena, "x", span_of_text("/a")));
    assert_null(dvc_path(arena, "x", span_of_text("")));
    assert_string_equal(
        dvc_object_path(arena, "d41d8cd98f00b204e9800998ecf8427e", true, false),
        "files/md5/d4/1d8cd98f00b204e9800998ecf8427e.dir");
    assert_string_equal(
        dvc_object_path(arena, "d41d8cd98f00b204e9800998ecf8427e", false, true),
        "d4/1d8cd98f00b204e9800998ecf8427e");
    arena_free(arena);
}

static void test_dvc_outs(void **state)
{
    static const char file[] =
        "outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e.dir\n  path: d\n"
        "- md5: acbd18db4cc2f85cedef654fccc4a4d8\n  size: 3\n"
        "  hash: md5\n  path: m.pkl\n  remote: s\n- path: s3://b/k\n";
    static const char config[] = "[core]\n    remote = main\n['remote \"main\"']\n"
                                 "    url = s3://b\n    endpointurl = https://e\n"
                                 "['remote \"s\"']\n    url = https://x\n";
    struct arena *arena = arena_new(1 << 20);
    struct dvc_out *outs = NULL;
    struct error error;
    size_t passed = 0;
    (void)state;
    assert_true(
        dvc_outs_read(span_of_text(file), "sub/x.dvc", arena, &outs, &passed, &error));
    assert_int_equal(passed, 1);
    assert_string_equal(outs->path, "sub/m.pkl");
    assert_true(outs->sized && outs->size == 3 && !outs->legacy && !outs->directory);
    assert_true(outs->next->directory && outs->next->legacy);
    assert_string_equal(outs->next->path, "sub/d");
    assert_true(
        span_is(dvc_remote_find(span_of_text(config), outs->remote).url, "https://x"));
    struct dvc_remote main_ = dvc_remote_find(span_of_text(config), NULL);
    assert_true(span_is(main_.url, "s3://b") && span_is(main_.endpoint, "https://e"));
    assert_int_equal(dvc_remote_find(span_of_text(config), "none").url.len, 0);
    assert_false(dvc_outs_read(span_of_text("outs:\n- {md5: x, path: a}\n"), "x.dvc",
                               arena, &outs, &passed, &error));
    assert_false(
        dvc_outs_read(span_of_text("a: [\n"), "x.dvc", arena, &outs, &passed, &error));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack),      cmocka_unit_test(test_broken_packs),
        cmocka_unit_test(test_pkt_lines), cmocka_unit_test(test_pointers),
        cmocka_unit_test(test_dvc_paths), cmocka_unit_test(test_dvc_outs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
