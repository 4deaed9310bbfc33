/* base64, hexadecimal, PEM, times, notes, trees, envelopes: published values. */
#include "unit.h"

#include "core/base64.h"
#include "integrity/rfc3339.h"
#include "integrity/sigstore/merkle.h"
#include "integrity/sigstore/note.h"
#include "integrity/statement/dsse.h"
#include "integrity/strict_json.h"

#include <openssl/evp.h>

static struct arena *arena;
static struct crypto *crypto;

static int setup(void **state)
{
    struct error error;
    (void)state;
    arena = arena_new(1 << 20);
    crypto = crypto_new(&error);
    return arena && crypto ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    crypto_free(crypto);
    arena_free(arena);
    return 0;
}

static void expect_span(struct span s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.ptr, text, s.len);
}

static void expect_added(void (*add)(struct buffer *, struct span), const char *bytes,
                         const char *text)
{
    struct buffer out;
    buffer_init(&out, 100);
    add(&out, span_of_text(bytes));
    expect_span(buffer_span(&out), text);
    buffer_free(&out);
}

/* RFC 4648, section 10 */
static void test_base64_published(void **state)
{
    static const char *const pairs[][2] = {
        {"",        ""        },
        { "f",      "Zg=="    },
        { "fo",     "Zm8="    },
        { "foo",    "Zm9v"    },
        { "foob",   "Zm9vYg=="},
        { "fooba",  "Zm9vYmE="},
        { "foobar", "Zm9vYmFy"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct span bytes;
        expect_span(base64_encode(arena, span_of_text(pairs[i][0])), pairs[i][1]);
        expect_added(base64_add, pairs[i][0], pairs[i][1]);
        assert_true(base64_decode(arena, span_of_text(pairs[i][1]), &bytes));
        expect_span(bytes, pairs[i][0]);
    }
}

static void test_base64_for_urls(void **state)
{
    (void)state;
    expect_added(base64url_add, "", "");
    expect_added(base64url_add, "f", "Zg");
    expect_added(base64url_add, "fo", "Zm8");
    expect_added(base64url_add, "foo", "Zm9v");
    expect_added(base64url_add, "\xfb\xff\xfe", "-__-");
}

static void test_base64_liberal_and_strict(void **state)
{
    struct span a, b;
    (void)state;
    assert_true(base64_decode(arena, span_of_text("+/+/"), &a));
    assert_true(base64_decode(arena, span_of_text("-_-_"), &b));
    assert_true(span_equal(a, b));
    assert_true(base64_decode(arena, span_of_text("Zm8"), &a)); /* padding is optional */
    expect_span(a, "fo");
    static const char *const bad[] = { "Z",     "Zg=",   "Zh==",  "Zm9=", "Zm9v\n",
                                       " Zm9v", "Zm 9v", "Zm9v=", "====", "Zg==Zg==" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(base64_decode(arena, span_of_text(bad[i]), &a));
}

static void test_hex_is_lower_case(void **state)
{
    struct span bytes;
    (void)state;
    assert_true(hex_decode(arena, span_of_text("00ff7a"), &bytes));
    expect_span(hex_encode(arena, bytes), "00ff7a");
    assert_false(hex_decode(arena, span_of_text("00FF"), &bytes));
    assert_false(hex_decode(arena, span_of_text("0"), &bytes));
    assert_false(hex_decode(arena, span_of_text("0g"), &bytes));
}

static void test_pem_has_one_block(void **state)
{
    struct span der;
    (void)state;
    assert_true(pem_decode(arena,
                           span_of_text("-----BEGIN PUBLIC KEY-----\nZm9v\nYmFy\n"
                                        "-----END PUBLIC KEY-----\n"),
                           "PUBLIC KEY", &der));
    expect_span(der, "foobar");
    assert_false(pem_decode(arena,
                            span_of_text("x\n-----BEGIN PUBLIC KEY-----\nZm9v\n"
                                         "-----END PUBLIC KEY-----\n"),
                            "PUBLIC KEY", &der));
    assert_false(pem_decode(arena, span_of_text("-----BEGIN A-----"), "A", &der));
    static const char nul[] = "-----BEGIN A-----\nZm9v\0\n-----END A-----\n";
    assert_false(pem_decode(arena, span_of(nul, sizeof nul - 1), "A", &der));
}

static void expect_time(const char *text, int64_t seconds)
{
    int64_t actual = -1;
    assert_true(rfc3339_parse(span_of_text(text), &actual));
    assert_int_equal(actual, seconds);
}

/* RFC 3339, section 5.8 */
static void test_times_published(void **state)
{
    char text[RFC3339_MAX];
    (void)state;
    expect_time("1985-04-12T23:20:50.52Z", 482196050);
    expect_time("1996-12-19T16:39:57-08:00", 851042397);
    expect_time("1990-12-31T23:59:60Z", 662687999);
    expect_time("1990-12-31T15:59:60-08:00", 662687999);
    expect_time("1937-01-01T12:00:27.87+00:20", -1041337173);
    rfc3339_format(482196050, text);
    assert_string_equal(text, "1985-04-12T23:20:50Z");
}

static void test_times_refused(void **state)
{
    static const char *const bad[] = {
        "2025-02-29T00:00:00Z",      "2025-13-01T00:00:00Z", "2025-01-01T24:00:00Z",
        "2025-01-01T00:00:00",       "2025-01-01 00:00:00Z", "2025-01-01T00:00:00.Z",
        "2025-01-01T00:00:00Z ",     "25-01-01T00:00:00Z",   "2025-1-1T00:00:00Z",
        "2025-01-01T00:00:00+24:00", "2025-01-01T00:60:00Z", "",
    };
    int64_t t;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(rfc3339_parse(span_of_text(bad[i]), &t));
    expect_time("2024-02-29T00:00:00Z", 1709164800);
}

/* DSSE, protocol.md */
static void test_encoding_published(void **state)
{
    (void)state;
    expect_span(dsse_pae(arena, span_of_text("http://example.com/HelloWorld"),
                         span_of_text("hello world")),
                "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    expect_span(dsse_pae_v02(arena, span_of_text("t"), span_of_text("a'\\\n\x01\x7f")),
                "DSSEV1 1 t 6 b\"a'\\\\\\n\\x01\\x7f\"");
    expect_span(dsse_pae_v02(arena, span_of_text("t"), span_of_text("'\"")),
                "DSSEV1 1 t 2 b'\\'\"'");
}

static const char note_text[] =
    "This is an example message.\n\n\xe2\x80\x94 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1"
    "Yu72IneyaQM=\n";

/* C2SP signed-note: example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
 */
static void test_note_published(void **state)
{
    struct note note;
    struct span raw;
    uint8_t id[SHA256_LEN];
    (void)state;
    assert_true(base64_decode(
        arena, span_of_text("AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"), &raw));
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(crypto_library(crypto), "ED25519",
                                                   NULL, raw.ptr + 1, raw.len - 1);
    assert_non_null(key);
    assert_true(note_parse(arena, span_of_text(note_text), &note));
    expect_span(note.text, "This is an example message.\n");
    assert_int_equal(note.count, 1);
    assert_true(note_ed25519_id(crypto, note.lines[0].name, key, id));
    expect_span(hex_encode(arena, span_of(id, 4)), "530d903a");
    assert_true(span_equal(note.lines[0].key_id, span_of(id, 4)));
    assert_true(note_line_verify(crypto, &note, &note.lines[0], key));
    note.text.len--;
    assert_false(note_line_verify(crypto, &note, &note.lines[0], key));
    EVP_PKEY_free(key);
}

/* RFC 8032, section 7.1, tests 1 and 2 */
static void test_ed25519_published(void **state)
{
    static const char *const vectors[][3] = {
        {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",  "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33b"
          "ac"
          "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
        { "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e1599"
          "6e"
          "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct span raw, message, signature;
        assert_true(hex_decode(arena, span_of_text(vectors[i][0]), &raw));
        assert_true(hex_decode(arena, span_of_text(vectors[i][1]), &message));
        assert_true(hex_decode(arena, span_of_text(vectors[i][2]), &signature));
        EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(crypto_library(crypto), "ED25519",
                                                       NULL, raw.ptr, raw.len);
        assert_non_null(key);
        assert_true(pubkey_verify(crypto, key, NULL, message, signature));
        assert_false(pubkey_verify(crypto, key, NULL, signature, signature));
        EVP_PKEY_free(key);
    }
}

static void test_checkpoints(void **state)
{
    struct checkpoint c;
    (void)state;
    assert_true(checkpoint_parse(
        span_of_text("log\n15368405\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nx\n"),
        &c));
    assert_int_equal(c.size, 15368405);
    expect_span(c.origin, "log");
    assert_false(checkpoint_parse(span_of_text("log\n1\nAAAA\n"), &c));
    assert_false(checkpoint_parse(
        span_of_text("log\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"), &c));
}

enum { TREE_MAX = 64 };

/* RFC 6962, section 2.1, as it is written there. */
static void tree_hash(uint8_t leaves[][SHA256_LEN], size_t n, uint8_t *ret_hash)
{
    if (n == 1) {
        memcpy(ret_hash, leaves[0], SHA256_LEN);
        return;
    }
    size_t k = 1;
    uint8_t pair[1 + 2 * SHA256_LEN] = { 1 };
    while (k * 2 < n)
        k *= 2;
    tree_hash(leaves, k, pair + 1);
    tree_hash(leaves + k, n - k, pair + 1 + SHA256_LEN);
    struct span none = { NULL, 0 };
    assert_true(crypto_sha256(crypto, span_of(pair, sizeof pair), none, none, ret_hash));
}

static size_t tree_path(uint8_t leaves[][SHA256_LEN], size_t n, size_t m,
                        uint8_t (*path)[SHA256_LEN])
{
    if (n == 1)
        return 0;
    size_t k = 1, length;
    while (k * 2 < n)
        k *= 2;
    if (m < k) {
        length = tree_path(leaves, k, m, path);
        tree_hash(leaves + k, n - k, path[length]);
    } else {
        length = tree_path(leaves + k, n - k, m - k, path);
        tree_hash(leaves, k, path[length]);
    }
    return length + 1;
}

static void test_every_proof_of_small_trees(void **state)
{
    uint8_t leaves[TREE_MAX][SHA256_LEN], path[TREE_MAX][SHA256_LEN];
    uint8_t root[SHA256_LEN], computed[SHA256_LEN];
    (void)state;
    for (uint8_t i = 0; i < TREE_MAX; i++)
        assert_true(merkle_leaf(crypto, span_of(&i, 1), leaves[i]));
    for (size_t n = 1; n <= TREE_MAX; n++) {
        tree_hash(leaves, n, root);
        for (size_t m = 0; m < n; m++) {
            struct span hashes[TREE_MAX];
            size_t length = tree_path(leaves, n, m, path);
            for (size_t i = 0; i < length; i++)
                hashes[i] = span_of(path[i], SHA256_LEN);
            assert_int_equal(length, merkle_path_length(m, n));
            assert_true(merkle_root(crypto, m, n, leaves[m], hashes, length, computed));
            assert_memory_equal(root, computed, SHA256_LEN);
            assert_false(
                merkle_root(crypto, m, n, leaves[m], hashes, length + 1, computed));
        }
        assert_false(merkle_root(crypto, n, n, leaves[0], NULL, 0, computed));
    }
    assert_false(merkle_root(crypto, 0, 0, leaves[0], NULL, 0, computed));
    assert_int_equal(merkle_path_length(0, UINT64_MAX), 64);
    assert_int_equal(merkle_path_length(UINT64_MAX - 1, UINT64_MAX), 63);
}

static void expect_json(const char *text, bool good)
{
    struct strict_json_reason reason = { "" };
    json_t *root = strict_json_read(span_of_text(text), 64, 8, &reason);
    assert_true((root != NULL) == good);
    assert_true(good || reason.text[0]);
    json_decref(root);
}

static void test_json_has_one_meaning(void **state)
{
    (void)state;
    expect_json("{\"a\": [1, \"//\"]}", true);
    expect_json("{\"a\": 1, \"a\": 2}", false);
    expect_json("{} // x", false);
    expect_json("{} {}", false);
    expect_json("\xef\xbb\xbf{}", false);
    expect_json("{\"a\\u0000\": 1}", false);
    expect_json("\"\xff\"", false);
    expect_json("[1,2,3,4,5,6,7,8,9]", false);
    expect_json("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]", false);
    expect_json("", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_published),
        cmocka_unit_test(test_base64_for_urls),
        cmocka_unit_test(test_base64_liberal_and_strict),
        cmocka_unit_test(test_hex_is_lower_case),
        cmocka_unit_test(test_pem_has_one_block),
        cmocka_unit_test(test_times_published),
        cmocka_unit_test(test_times_refused),
        cmocka_unit_test(test_encoding_published),
        cmocka_unit_test(test_note_published),
        cmocka_unit_test(test_ed25519_published),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_every_proof_of_small_trees),
        cmocka_unit_test(test_json_has_one_meaning),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
