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
    expect(DIGEST_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"); /* RFC 1321, A.5 */
    expect(DIGEST_CRC32, "123456789", "cbf43926"); /* the check value of CRC-32 */
    expect(DIGEST_GIT_SHA1, "Hello, World!", "b45ef6fec89518d314f546fd6c3025367b721684");
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
        cmocka_unit_test(test_line_ends_of_text_count_as_one),
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_what_was_not_asked_for_is_absent),
        cmocka_unit_test(test_weak_algorithms_are_labelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
