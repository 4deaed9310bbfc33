#include "unit.h"

#include "core/reader.h"

static void test_reads_and_fails_once(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 1, 2, 0, 3, 0, 0, 0, 'a', 'b', '\n' };
    struct reader r = reader_of(span_of(bytes, sizeof bytes), 100);
    assert_int_equal(reader_u8(&r), 1);
    assert_int_equal(reader_u16le(&r), 2);
    assert_int_equal(reader_u32le(&r), 3);
    assert_int_equal(reader_where(&r), 107);
    assert_true(span_is(reader_line(&r, 10), "ab"));
    assert_true(reader_ok(&r));
    assert_int_equal(reader_u8(&r), 0);
    assert_false(reader_ok(&r));
    reader_seek(&r, 0);
    assert_int_equal(reader_left(&r), 0); /* failed for good */
}

static void test_count_refuses_what_cannot_fit(void **state)
{
    (void)state;
    static const uint8_t bytes[8];
    struct reader r = reader_of(span_of(bytes, sizeof bytes), 0);
    assert_int_equal(reader_count(&r, 2, 4), 2);
    assert_int_equal(reader_count(&r, UINT64_MAX, 4), 0);
    assert_false(reader_ok(&r));
}

static void test_sub_window_cannot_escape(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 1, 2, 3, 4 };
    struct reader r = reader_of(span_of(bytes, sizeof bytes), 0);
    struct reader sub = reader_sub(&r, 2);
    assert_int_equal(reader_u8(&r), 3);
    assert_int_equal(reader_u16le(&sub), 0x0201);
    assert_int_equal(reader_u8(&sub), 0);
    assert_false(reader_ok(&sub));
    assert_true(reader_ok(&r));
}

static void test_varint_bounds(void **state)
{
    (void)state;
    static const uint8_t max[] = { 0xff, 0xff, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0x01 };
    static const uint8_t over[] = { 0xff, 0xff, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 0xff, 0x02 };
    struct reader r = reader_of(span_of(max, sizeof max), 0);
    assert_true(reader_varint(&r) == UINT64_MAX && reader_ok(&r));
    r = reader_of(span_of(over, sizeof over), 0);
    assert_true(reader_varint(&r) == 0 && !reader_ok(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_and_fails_once),
        cmocka_unit_test(test_count_refuses_what_cannot_fit),
        cmocka_unit_test(test_sub_window_cannot_escape),
        cmocka_unit_test(test_varint_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
