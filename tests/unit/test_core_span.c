#include "unit.h"

#include "core/span.h"

#include <stdlib.h>
#include <string.h>

static void test_slices_are_clamped(void **state)
{
    (void)state;
    struct span s = span_of_text("hello");
    assert_true(span_is(span_slice(s, 1, 3), "el"));
    assert_true(span_is(span_slice(s, 3, 99), "lo"));
    assert_int_equal(span_slice(s, 5, 9).len, 0);
    assert_int_equal(span_slice(s, 9, 9).len, 0);
    assert_int_equal(span_slice(s, 3, 1).len, 0);
    assert_int_equal(span_slice((struct span){ 0 }, 0, 9).len, 0);
    assert_int_equal(span_of_text(NULL).len, 0);
}

static void test_comparison(void **state)
{
    (void)state;
    struct span s = span_of("a\0b", 3);
    assert_false(span_is(s, "a")); /* a NUL does not end a span */
    assert_true(span_equal(s, span_of("a\0b", 3)));
    assert_true(span_equal((struct span){ 0 }, span_of_text("")));
    assert_true(span_starts(span_of_text("GGUF3"), "GGUF"));
    assert_false(span_starts(span_of_text("GGU"), "GGUF"));
    assert_true(span_starts(s, ""));
    assert_true(span_ends(span_of_text("a.pt"), ".pt"));
    assert_false(span_ends(span_of_text("pt"), ".pt"));
    assert_true(span_ends_nocase(span_of_text("A.Pt"), ".pt"));
    assert_false(span_ends_nocase(span_of_text("a.px"), ".pt"));
    assert_true(span_compare(span_of_text("a"), span_of_text("b")) < 0);
    assert_true(span_compare(span_of_text("ab"), span_of_text("a")) > 0);
    assert_true(span_compare((struct span){ 0 }, span_of_text("a")) < 0);
    assert_int_equal(span_compare(s, s), 0);
}

static void test_find(void **state)
{
    (void)state;
    struct span s = span_of_text("abcabc");
    assert_int_equal(span_find(s, "bc", 0), 1);
    assert_int_equal(span_find(s, "bc", 2), 4);
    assert_true(span_find(s, "bc", 5) == SIZE_MAX);
    assert_true(span_find(s, "x", 0) == SIZE_MAX);
    assert_true(span_find(s, "a", 99) == SIZE_MAX);
    assert_true(span_find((struct span){ 0 }, "a", 0) == SIZE_MAX);
}

static void test_buffer_grows_to_its_maximum(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 10);
    assert_int_equal(buffer_span(&b).len, 0);
    buffer_add_text(&b, "12345");
    buffer_printf(&b, "%d", 678);
    assert_string_equal(b.text, "12345678");
    assert_false(b.truncated);
    buffer_add_text(&b, "9abc");
    assert_string_equal(b.text, "123456789a"); /* what fits is kept */
    assert_true(b.truncated);
    buffer_clear(&b);
    assert_false(b.truncated);
    assert_string_equal(b.text, "");
    buffer_add(&b, span_of("\0x", 2));
    assert_int_equal(b.len, 2);
    buffer_free(&b);
    buffer_free(&b);
    buffer_init(&b, 0);
    buffer_add_text(&b, "x");
    assert_true(b.truncated);
    assert_int_equal(buffer_span(&b).len, 0);
    buffer_free(&b);
}

static void test_trim(void **state)
{
    static const char nul[] = " \0 ";
    (void)state;
    assert_true(span_is(span_trim(span_of_text(" \t a b\t "), " \t"), "a b"));
    assert_true(span_is(span_trim(span_of_text("a"), " "), "a"));
    assert_int_equal(span_trim(span_of_text("  "), " ").len, 0);
    assert_int_equal(span_trim(span_of(NULL, 0), " ").len, 0);
    assert_int_equal(span_trim(span_of(nul, 3), " ").len, 1); /* the NUL stays */
}

static void test_buffer_large(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 1 << 20);
    for (unsigned i = 0; i < 100000; i++)
        buffer_printf(&b, "%u,", i % 10);
    assert_int_equal(b.len, 200000);
    assert_int_equal(strlen(b.text), 200000);
    buffer_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices_are_clamped),
        cmocka_unit_test(test_comparison),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_buffer_grows_to_its_maximum),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_buffer_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
