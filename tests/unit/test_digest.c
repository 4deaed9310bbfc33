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
    expect(DIGEST_GIT_SHA1, "Hello, World!", "b45ef6fec89518d314f546fd6c3025367b721684");
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
        cmocka_unit_test(test_what_was_not_asked_for_is_absent),
        cmocka_unit_test(test_weak_algorithms_are_labelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
