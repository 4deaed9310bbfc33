#include "unit.h"

#include "core/arena.h"

#include <stdalign.h>
#include <string.h>

static bool all_zero(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i])
            return false;
    return true;
}

static void test_memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    for (size_t size = 0; size < 5000; size += 37) {
        uint8_t *p = arena_alloc(a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        assert_true(all_zero(p, size));
        memset(p, 0xff, size);
    }
    assert_false(arena_exhausted(a));
    arena_free(a);
    arena_free(NULL);
}

static void test_limit_is_final(void **state)
{
    (void)state;
    struct arena *a = arena_new(4096);
    assert_non_null(arena_alloc(a, 4000));
    assert_null(arena_alloc(a, 4000));
    assert_true(arena_exhausted(a));
    assert_null(arena_alloc(a, 1)); /* it would fit, but the artifact is incomplete now */
    arena_free(a);
}

static void test_sizes_that_overflow(void **state)
{
    (void)state;
    struct arena *a = arena_new(SIZE_MAX);
    assert_null(arena_array(a, SIZE_MAX / 2, 4));
    assert_true(arena_exhausted(a));
    arena_free(a);
    a = arena_new(SIZE_MAX);
    assert_null(arena_alloc(a, SIZE_MAX));
    arena_free(a);
}

static void test_fail_after(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    arena_fail_after(a, 2);
    assert_non_null(arena_alloc(a, 1));
    assert_non_null(arena_text(a, span_of_text("x")));
    assert_false(arena_exhausted(a));
    assert_int_equal(arena_copy(a, span_of_text("x")).len, 0);
    assert_true(arena_exhausted(a));
    arena_free(a);
}

static void test_copies(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    assert_string_equal(arena_text(a, span_of("ab\0c", 2)), "ab");
    assert_string_equal(arena_text(a, (struct span){ 0 }), "");
    assert_true(span_is(arena_copy(a, span_of_text("copied")), "copied"));
    assert_true(span_is(arena_printf(a, "%s-%d", "n", 7), "n-7"));
    arena_free(a);
}

static void test_mark_and_release(void **state)
{
    (void)state;
    struct arena *a = arena_new(8 << 20);
    struct arena_mark empty = arena_mark(a);
    uint8_t *kept = arena_alloc(a, 100);
    memset(kept, 7, 100);
    size_t used = arena_used(a);
    for (unsigned round = 0; round < 100; round++) {
        struct arena_mark outer = arena_mark(a);
        uint8_t *first = arena_alloc(a, 50);
        assert_true(all_zero(first, 50)); /* also where something was released */
        memset(first, 0xee, 50);
        struct arena_mark inner = arena_mark(a);
        uint8_t *big = arena_alloc(a, 1 << 20); /* chunks of its own */
        assert_non_null(big);
        memset(big, 0xdd, 1 << 20);
        arena_release(a, inner);
        assert_int_equal(first[49], 0xee);
        arena_release(a, outer);
        assert_int_equal(arena_used(a), used);
    }
    assert_int_equal(kept[0] + kept[99], 14);
    arena_release(a, empty);
    assert_int_equal(arena_used(a), 0);
    assert_non_null(arena_alloc(a, 10));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_and_aligned),
        cmocka_unit_test(test_limit_is_final),
        cmocka_unit_test(test_sizes_that_overflow),
        cmocka_unit_test(test_fail_after),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_mark_and_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
