#include "unit.h"

#include "core/digest.h"

static void expect(enum digest_algorithm a, const char *text, const char *hex)
{
    char actual[DIGEST_HEX_MAX + 1];
    struct digester *d = digester_new(DIGEST_BIT(a), strlen(text));
    assert_non_null(d);
    for (const char *c = text; *c; c++) /* in pieces, as files are read */
        digester_add(d, span_of(c, 1));
    digester_finish(d);
    assert_true(digester_hex(d, a, actual));
    assert_string_equal(actual, hex);
    digester_free(d);
}

static void test_published_values(void **state)
{
    (void)state;
    /* FIPS 180-2, appendix B.1; git hash-object of "Hello, World!" */
    expect(DIGEST_SHA256, "abc",
           "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(DIGEST_SHA512, "abc", /* FIPS 180-2, appendix C.1 */
           "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
           "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    expect(DIGEST_BLAKE2B, "abc", /* RFC 7693, appendix A */
           "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
           "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
    expect(DIGEST_BLAKE3, "", /* BLAKE3, test_vectors.json */
           "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    expect(DIGEST_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"); /* RFC 1321, A.5 */
    expect(DIGEST_CRC32, "123456789", "cbf43926"); /* the check value of CRC-32 */
    expect(DIGEST_SHA1, "abc",
           "a9993e364706816aba3e25717850c26c9cd0d89d"); /* FIPS 180-2 */
    expect(DIGEST_CRC32C, "123456789", "e3069283");
    expect(DIGEST_CRC32C, "", "00000000");
    expect(DIGEST_CRC64NVME, "123456789", "ae8b14860a799888");
    expect(DIGEST_CRC64NVME, "", "0000000000000000");
    expect(DIGEST_GIT_SHA1, "Hello, World!", "b45ef6fec89518d314f546fd6c3025367b721684");
}

/* RFC 3720, appendix B.4, which writes the lowest byte first; whole, and cut anywhere. */
static void test_crc32c(void **state)
{
    (void)state;
    static const uint8_t read_10[48] = {
        [0] = 0x01,  [1] = 0xc0,  [16] = 0x14, [22] = 0x04,
        [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02
    };
    uint8_t zeros[32] = { 0 }, ones[32], up[32], down[32];
    for (uint8_t i = 0; i < 32; i++) {
        ones[i] = 0xff;
        up[i] = i;
        down[i] = (uint8_t)(31 - i);
    }
    const struct {
        struct span bytes;
        const char *hex;
    } vectors[] = {
        {span_of(zeros,    32), "8a9136aa"},
        { span_of(ones,    32), "62a8ab43"},
        { span_of(up,      32), "46dd794e"},
        { span_of(down,    32), "113fdb5c"},
        { span_of(read_10, 48), "d9963a56"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        for (size_t cut = 0; cut <= vectors[i].bytes.len; cut++) {
            char hex[DIGEST_HEX_MAX + 1];
            struct digester *d = digester_new(DIGEST_BIT(DIGEST_CRC32C), 0);
            assert_non_null(d);
            digester_add(d, span_slice(vectors[i].bytes, 0, cut));
            digester_add(d, span_slice(vectors[i].bytes, cut, vectors[i].bytes.len));
            digester_finish(d);
            assert_true(digester_hex(d, DIGEST_CRC32C, hex));
            assert_string_equal(hex, vectors[i].hex);
            assert_true(digest_weak(DIGEST_CRC32C));
            digester_free(d);
        }
}

/* NVM Command Set Specification, section 5.2.1.3.4: test cases of the 64b CRC; whole, and
 * cut so that no piece is a multiple of eight bytes. */
static void test_crc64nvme(void **state)
{
    (void)state;
    static const char *const wanted[] = { "6482d367eb22b64e", "c0ddba7302eca3ac",
                                          "3e729f5f6750449c", "9a2df64b8e9e517e" };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        for (size_t piece = 4096; piece > 1; piece = piece / 3) {
            uint8_t bytes[4096];
            char hex[DIGEST_HEX_MAX + 1];
            struct digester *d = digester_new(DIGEST_BIT(DIGEST_CRC64NVME), 0);
            assert_non_null(d);
            for (size_t k = 0; k < sizeof bytes; k++)
                bytes[k] = (uint8_t)(i == 0 ? 0 : i == 1 ? 0xff : i == 2 ? k : 0xff - k);
            for (size_t at = 0; at < sizeof bytes; at += piece)
                digester_add(d, span_slice(span_of(bytes, sizeof bytes), at, at + piece));
            digester_finish(d);
            assert_true(digester_hex(d, DIGEST_CRC64NVME, hex));
            assert_string_equal(hex, wanted[i]);
            assert_true(digest_weak(DIGEST_CRC64NVME));
            digester_free(d);
        }
}

/* A text's CR LF counts as LF, but a lone CR and binary data stay. */
static void test_line_ends_of_text_count_as_one(void **state)
{
    (void)state;
    expect(DIGEST_MD5_DOS2UNIX, "a\r\nb\r\n",
           "dd8c6a395b5dd36c56d23275028f526c"); /* "a\nb\n" */
    expect(DIGEST_MD5_DOS2UNIX, "a\nb\n", "dd8c6a395b5dd36c56d23275028f526c");
    expect(DIGEST_MD5_DOS2UNIX, "a\rb", "2132b3bda00d60e52785208164bff1c8");
    expect(DIGEST_MD5_DOS2UNIX, "\x01\x02\x03\r\n", "c08cf0403734cdea7b88b17c84486d88");
    expect(DIGEST_MD5_DOS2UNIX, "", "d41d8cd98f00b204e9800998ecf8427e");
}

/* git stores a text with "\n", whatever lies in the work tree. */
static void test_line_ends_of_a_git_blob(void **state)
{
    (void)state;
    /* printf 'a\nb\n' | git hash-object --stdin */
    expect(DIGEST_GIT_SHA1_TEXT, "a\r\nb\n", "422c2b7ab3b3c668038da977e4e93a5fc623169c");
    expect(DIGEST_GIT_SHA1_TEXT, "a\nb\n", "422c2b7ab3b3c668038da977e4e93a5fc623169c");
    expect(DIGEST_GIT_SHA1_TEXT, "", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
}

/* Bytes, told apart by where the caller cuts them, give one value. */
static void test_pieces_do_not_matter(void **state)
{
    (void)state;
    enum { SIZE = (2 << 20) + 3 };
    static const size_t steps[] = { 1, 511, 4096, 1 << 20, SIZE };
    char *text = malloc(SIZE), first[DIGEST_HEX_MAX + 1], hex[DIGEST_HEX_MAX + 1];
    assert_non_null(text);
    for (size_t i = 0; i < SIZE; i++)
        text[i] = i % 2 ? '\r' : '\n'; /* a pair lies across every piece of 1 MiB */
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        struct digester *d = digester_new(DIGEST_BIT(DIGEST_MD5_DOS2UNIX), SIZE);
        for (size_t at = 0; at < SIZE; at += steps[k])
            digester_add(d, span_slice(span_of(text, SIZE), at, at + steps[k]));
        digester_finish(d);
        assert_true(digester_hex(d, DIGEST_MD5_DOS2UNIX, k == 0 ? first : hex));
        if (k > 0)
            assert_string_equal(first, hex);
        digester_free(d);
    }
    /* python3: b"".join(c.replace(b"\r\n", b"\n") for c in pieces of 1 MiB) */
    assert_string_equal(first, "a4d9aa1be2f3091dbdb2e490ed739b0c");
    free(text);
}

/* The 256 bits of BLAKE3's test_vectors.json: its lengths end at every edge of a block, a
 * chunk, a tree.  The input counts to 250, again and again. */
static void test_blake3_has_its_published_values(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *hex;
    } vectors[] = {
        {0,       "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"},
        { 1,      "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"},
        { 63,     "e9bc37a594daad83be9470df7f7b3798297c3d834ce80ba85d6e207627b7db7b"},
        { 64,     "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98"},
        { 65,     "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee"},
        { 1023,   "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"},
        { 1024,   "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"},
        { 1025,   "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"},
        { 2048,   "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"},
        { 2049,   "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"},
        { 3072,   "b98cb0ff3623be03326b373de6b9095218513e64f1ee2edd2525c7ad1e5cffd2"},
        { 3073,   "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3"},
        { 4096,   "015094013f57a5277b59d8475c0501042c0b642e531b0a1c8f58d2163229e969"},
        { 4097,   "9b4052b38f1c5fc8b1f9ff7ac7b27cd242487b3d890d15c96a1c25b8aa0fb995"},
        { 5120,   "9cadc15fed8b5d854562b26a9536d9707cadeda9b143978f319ab34230535833"},
        { 5121,   "628bd2cb2004694adaab7bbd778a25df25c47b9d4155a55f8fbd79f2fe154cff"},
        { 6144,   "3e2e5b74e048f3add6d21faab3f83aa44d3b2278afb83b80b3c35164ebeca205"},
        { 6145,   "f1323a8631446cc50536a9f705ee5cb619424d46887f3c376c695b70e0f0507f"},
        { 7168,   "61da957ec2499a95d6b8023e2b0e604ec7f6b50e80a9678b89d2628e99ada77a"},
        { 7169,   "a003fc7a51754a9b3c7fae0367ab3d782dccf28855a03d435f8cfe74605e7817"},
        { 8192,   "aae792484c8efe4f19e2ca7d371d8c467ffb10748d8a5a1ae579948f718a2a63"},
        { 8193,   "bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b"},
        { 16384,  "f875d6646de28985646f34ee13be9a576fd515f76b5b0a26bb324735041ddde4"},
        { 31744,  "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"},
        { 102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"},
    };
    static const size_t steps[] = { 1, 1000, 1 << 14, 1 << 20 };
    static char bytes[102400];
    char hex[DIGEST_HEX_MAX + 1];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 251);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            struct span all = span_of(bytes, vectors[i].len);
            struct digester *d = digester_new(DIGEST_BIT(DIGEST_BLAKE3), all.len);
            for (size_t at = 0; at < all.len; at += steps[k])
                digester_add(d, span_slice(all, at, at + steps[k]));
            digester_finish(d);
            assert_true(digester_hex(d, DIGEST_BLAKE3, hex));
            assert_string_equal(hex, vectors[i].hex);
            digester_free(d);
        }
}

/* AutoV1: 64 KiB at 1 MiB.  AutoV3: what follows the header of a safetensors file. */
static void test_digests_of_a_part(void **state)
{
    (void)state;
    enum { HEADER = 300, SIZE = (2 << 20) + 11 };
    static const size_t steps[] = { 1, 7, 65536, SIZE };
    char *bytes = calloc(1, SIZE), whole[DIGEST_HEX_MAX + 1], part[DIGEST_HEX_MAX + 1];
    assert_non_null(bytes);
    for (size_t i = 8; i < SIZE; i++)
        bytes[i] = (char)(i * i >> 7);
    bytes[0] = (char)(HEADER & 255);
    bytes[1] = HEADER >> 8;
    static const struct {
        enum digest_algorithm algorithm;
        size_t from, to;
    } parts[] = {
        {DIGEST_AUTOV1,  0x100000,   0x110000},
        { DIGEST_AUTOV3, 8 + HEADER, SIZE    }
    };
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            struct digester *d = digester_new(DIGEST_BIT(parts[i].algorithm), SIZE);
            struct digester *sha = digester_new(DIGEST_BIT(DIGEST_SHA256), 0);
            for (size_t at = 0; at < SIZE; at += steps[k])
                digester_add(d, span_slice(span_of(bytes, SIZE), at, at + steps[k]));
            digester_add(sha,
                         span_slice(span_of(bytes, SIZE), parts[i].from, parts[i].to));
            digester_finish(d);
            digester_finish(sha);
            assert_true(digester_hex(d, parts[i].algorithm, part));
            assert_true(digester_hex(sha, DIGEST_SHA256, whole));
            assert_string_equal(part, whole);
            digester_free(d);
            digester_free(sha);
        }
    free(bytes);
}

/* A file that ends before the part begins has the digest of nothing. */
static void test_digests_of_a_part_that_is_not_there(void **state)
{
    (void)state;
    static const char nothing[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    expect(DIGEST_AUTOV1, "short", nothing);
    expect(DIGEST_AUTOV3, "", nothing);
    expect(DIGEST_AUTOV3, "1234567", nothing);
    expect(DIGEST_AUTOV3, "\xff\xff\xff\xff\xff\xff\xff\xff behind", nothing);
}

static void test_what_was_not_asked_for_is_absent(void **state)
{
    (void)state;
    char hex[DIGEST_HEX_MAX + 1];
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), 0);
    digester_finish(d);
    assert_false(digester_hex(d, DIGEST_GIT_SHA1, hex));
    assert_true(digester_hex(d, DIGEST_SHA256, hex));
    digester_free(d);
}

static void test_weak_algorithms_are_labelled(void **state)
{
    (void)state;
    assert_true(digest_weak(DIGEST_GIT_SHA1));
    assert_false(digest_weak(DIGEST_SHA256));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_values),
        cmocka_unit_test(test_crc32c),
        cmocka_unit_test(test_crc64nvme),
        cmocka_unit_test(test_line_ends_of_text_count_as_one),
        cmocka_unit_test(test_line_ends_of_a_git_blob),
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_blake3_has_its_published_values),
        cmocka_unit_test(test_digests_of_a_part),
        cmocka_unit_test(test_digests_of_a_part_that_is_not_there),
        cmocka_unit_test(test_what_was_not_asked_for_is_absent),
        cmocka_unit_test(test_weak_algorithms_are_labelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
