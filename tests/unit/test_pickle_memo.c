#include "unit.h"

#include "formats/pickle/memo.h"
#include "formats/pickle/store.h"

/* A value for an index: every tag, payloads that jump. */
static pickle_value sample(uint64_t i)
{
    static const enum pickle_tag tags[] = { PICKLE_STR, PICKLE_TUPLE, PICKLE_INT,
                                            PICKLE_ATOM, PICKLE_GLOBAL };
    uint64_t payload = i % 97 == 0 ? (i * UINT64_C(0x9e3779b97f4a7c15)) >> 8 : i * 16;
    return value_make(tags[i % 5], payload);
}

/* More pages than stay open, so most are packed when they are read back. */
static void test_packed_pages_give_back_what_was_put(void **state)
{
    (void)state;
    struct pickle_memo m = { 0 };
    pickle_value old;
    const uint64_t n = (uint64_t)MEMO_PAGE * (MEMO_OPEN_MAX + 64);
    for (uint64_t i = 0; i < n; i++)
        if (i % 3 != 0)
            assert_true(memo_put(&m, i, sample(i), &old) && old == 0);
    assert_int_equal(m.count, n - (n + 2) / 3);
    for (uint64_t i = 0; i < n; i += 251)
        assert_true(memo_get(&m, i) == (i % 3 ? sample(i) : 0));
    assert_true(memo_put(&m, 1, value_atom(ATOM_NONE), &old)); /* opens a packed page */
    assert_true(old == sample(1));
    assert_true(memo_get(&m, 1) == value_atom(ATOM_NONE));
    assert_true(memo_get(&m, 2) == sample(2));
    memo_clear(&m);
}

/* Beyond MEMO_SQUEEZE packed pages are compressed: texts of 1 to 8 bytes take half a byte
 * each, and a page that is opened once more is packed anew. */
static void test_squeezed_pages_give_back_what_was_put(void **state)
{
    (void)state;
    struct pickle_memo m = { 0 };
    pickle_value old;
    const uint64_t n = UINT64_C(32) << 20;
    uint64_t random = 1, offset = 0, before = 0;
    for (uint64_t i = 0; i < n; i++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        offset += 4 + (random >> 61);
        before = m.bytes < MEMO_SQUEEZE ? i : before;
        assert_true(memo_put(&m, i, value_make(PICKLE_STR, offset), &old));
    }
    assert_true(before < n / 2 + n / 4);
    assert_true(m.bytes - MEMO_SQUEEZE < n - before);
    random = 1, offset = 0;
    for (uint64_t i = 0; i < n; i++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        offset += 4 + (random >> 61);
        if (i % 509 == 0)
            assert_true(memo_get(&m, i) == value_make(PICKLE_STR, offset));
    }
    assert_true(memo_put(&m, n - MEMO_PAGE * (MEMO_OPEN_MAX + 1), 0, &old) && old != 0);
    assert_true(value_tag(memo_get(&m, n - MEMO_PAGE * (MEMO_OPEN_MAX + 1) + 1)) ==
                PICKLE_STR);
    memo_clear(&m);
}

static void test_sparse_indexes_cost_a_page_each(void **state)
{
    (void)state;
    struct pickle_memo m = { 0 };
    pickle_value old;
    for (uint64_t i = 0; i < 20000; i++)
        assert_true(memo_put(&m, i * UINT64_C(0x100000001), sample(i), &old));
    assert_true(memo_put(&m, UINT64_MAX, sample(7), &old));
    for (uint64_t i = 0; i < 20000; i++)
        assert_true(memo_get(&m, i * UINT64_C(0x100000001)) == sample(i));
    assert_true(memo_get(&m, UINT64_MAX) == sample(7));
    assert_true(memo_get(&m, 12345) == 0);
    assert_true(m.bytes <= MEMO_BYTES_MAX);
    memo_clear(&m);
}

static void test_the_ring_forgets_the_oldest(void **state)
{
    (void)state;
    struct pickle_store s = { 0 };
    pickle_value items[3] = { value_atom(ATOM_NONE), value_atom(ATOM_TRUE), 0 }, got[4];
    size_t n = 0;
    pickle_value first = store_new(&s, PICKLE_TUPLE, items, 2);
    pickle_value list = store_new(&s, PICKLE_LIST, items, 1);
    store_add(&s, list, items + 1, 1);
    assert_true(store_items(&s, first, got, 4, &n) && n == 2 && got[1] == items[1]);
    assert_true(store_items(&s, list, got, 4, &n) && n == 2 && got[1] == items[1]);
    assert_true(store_items(&s, list, got, 1, &n) && n == 1 && got[0] == items[0]);
    for (int i = 0; i < STORE_WORDS_MAX / 3; i++)
        (void)store_new(&s, PICKLE_TUPLE, items, 2);
    assert_false(store_items(&s, first, got, 4, &n));
    assert_false(store_count(&s, list, &n));
    store_add(&s, list, items, 1); /* no harm */
    assert_int_equal(value_tag(list), PICKLE_LIST);
    assert_int_equal(s.size, STORE_WORDS_MAX);
    store_free(&s);
}

static void test_integers(void **state)
{
    (void)state;
    pickle_value v;
    assert_true(value_int(-1, &v) && value_int_of(v) == -1);
    assert_true(value_int((INT64_C(1) << 55) - 1, &v) &&
                value_int_of(v) == (INT64_C(1) << 55) - 1);
    assert_false(value_int(INT64_C(1) << 55, &v));
    assert_true(value_int(-(INT64_C(1) << 55), &v) &&
                value_int_of(v) == -(INT64_C(1) << 55));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed_pages_give_back_what_was_put),
        cmocka_unit_test(test_squeezed_pages_give_back_what_was_put),
        cmocka_unit_test(test_sparse_indexes_cost_a_page_each),
        cmocka_unit_test(test_the_ring_forgets_the_oldest),
        cmocka_unit_test(test_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
