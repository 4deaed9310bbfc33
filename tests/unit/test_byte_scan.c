#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "formats/byte_scan.h"

enum { SIZE = 100, RANGES_MAX = 32 };

struct seen {
    struct byte_range ranges[RANGES_MAX];
    size_t count, calls;
};

static void remember(void *self, struct inspection *in, const struct byte_range *ranges,
                     size_t count)
{
    struct seen *s = self;
    (void)in;
    s->calls++;
    assert_true(count <= RANGES_MAX);
    memcpy(s->ranges, ranges, count * sizeof *ranges);
    s->count = count;
}

static const uint8_t bytes[SIZE];

/* Leave these out of SIZE bytes; what is searched? */
static struct seen search(const struct byte_range *out, size_t n, bool deep)
{
    struct seen seen = { .count = 0 };
    struct byte_scanner scanner = { .self = &seen, .scan = remember };
    struct left_out left_out = { 0 };
    struct budget budget = budget_default();
    struct arena *arena = arena_new(1 << 20);
    struct inspection in = { .arena = arena,
                             .budget = &budget,
                             .artifact = artifact_new(arena, span_of_text("f"), SIZE),
                             .bytes = span_of(bytes, SIZE),
                             .byte_scanner = &scanner,
                             .left_out = &left_out,
                             .deep = deep };
    for (size_t i = 0; i < n; i++)
        inspection_bulk(&in, out[i].offset, out[i].size);
    byte_scan(&in);
    uint64_t searched = 0;
    for (size_t i = 0; i < seen.count; i++)
        searched += seen.ranges[i].size;
    assert_int_equal(budget.left[BUDGET_RULE_BYTES],
                     budget_kinds[BUDGET_RULE_BYTES].amount - searched);
    left_out_free(&left_out);
    arena_free(arena);
    return seen;
}

static void test_gaps(void **state)
{
    static const struct {
        struct byte_range out[4];
        size_t n;
        struct byte_range searched[4];
        size_t count;
    } cases[] = {
        {.n = 0,                                            .searched = { { 0, 100 } }, .count = 1},
        {                                                             .out = { { 10, 20 } },
         .n = 1,
         .searched = { { 0, 10 }, { 30, 70 } },
         .count = 2 },
        {                                                                                                                                           .out = { { 0, 20 } },                                           .n = 1, .searched = { { 20, 80 } }, .count = 1 },
        {                                                            .out = { { 80, 20 } },                                           .n = 1,  .searched = { { 0, 80 } }, .count = 1 },
        {                                                            .out = { { 0, 100 } },                                           .n = 1,                 .count = 0         },
 /* out of order, overlapping, touching, one in another */
        {                  .out = { { 50, 10 }, { 10, 10 }, { 20, 5 } },
         .n = 3,
         .searched = { { 0, 10 }, { 25, 25 }, { 60, 40 } },
         .count = 3 },
        {                                                                                                        .out = { { 10, 30 }, { 20, 40 } },
         .n = 2,
         .searched = { { 0, 10 }, { 60, 40 } },
         .count = 2 },
        {                                                                                                        .out = { { 10, 50 }, { 20, 10 } },
         .n = 2,
         .searched = { { 0, 10 }, { 60, 40 } },
         .count = 2 },
 /* beyond the end, and nothing at all */
        {                                                                                                            .out = { { 90, UINT64_MAX } },                        .n = 1,                                        .searched = { { 0, 90 } },          .count = 1 },
        { .out = { { 100, 5 }, { UINT64_MAX, UINT64_MAX }, { 50, 0 } },
         .n = 3,
         .searched = { { 0, 100 } },
         .count = 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen s = search(cases[i].out, cases[i].n, false);
        assert_int_equal(s.count, cases[i].count);
        for (size_t n = 0; n < s.count; n++) {
            assert_int_equal(s.ranges[n].offset, cases[i].searched[n].offset);
            assert_int_equal(s.ranges[n].size, cases[i].searched[n].size);
        }
    }
}

/* Against a map of bytes, for ranges at random. */
static void test_gaps_at_random(void **state)
{
    uint32_t seed = 7;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct byte_range out[RANGES_MAX - 1];
        bool left[SIZE] = { false }, searched[SIZE] = { false };
        for (size_t i = 0; i < RANGES_MAX - 1; i++) {
            seed = seed * 1664525 + 1013904223;
            out[i] = (struct byte_range){ seed >> 8 & 127, seed >> 20 & 7 };
            for (uint64_t b = out[i].offset; b < out[i].offset + out[i].size; b++)
                if (b < SIZE)
                    left[b] = true;
        }
        struct seen s = search(out, RANGES_MAX - 1, false);
        uint64_t last = 0;
        for (size_t i = 0; i < s.count; i++) {
            assert_true(s.ranges[i].size > 0);
            assert_true(i == 0 || s.ranges[i].offset > last); /* apart */
            last = s.ranges[i].offset + s.ranges[i].size;
            for (uint64_t b = s.ranges[i].offset; b < last; b++)
                searched[b] = true;
        }
        for (size_t b = 0; b < SIZE; b++)
            assert_true(searched[b] != left[b]);
    }
}

static void test_deep_searches_bulk(void **state)
{
    static const struct byte_range all = { 0, SIZE };
    (void)state;
    assert_int_equal(search(&all, 1, false).calls, 0);
    assert_int_equal(search(&all, 1, true).ranges[0].size, SIZE);
}

static void test_spent_budget_is_told(void **state)
{
    struct seen seen = { .count = 0 };
    struct byte_scanner scanner = { .self = &seen, .scan = remember };
    struct budget budget = budget_default();
    struct arena *arena = arena_new(1 << 20);
    struct inspection in = { .arena = arena,
                             .budget = &budget,
                             .artifact = artifact_new(arena, span_of_text("f"), SIZE),
                             .bytes = span_of(bytes, SIZE),
                             .byte_scanner = &scanner,
                             .spool_fd = -1 };
    (void)state;
    budget.left[BUDGET_RULE_BYTES] = SIZE - 1;
    inspect_artifact(&in);
    assert_int_equal(seen.calls, 0);
    assert_int_equal(in.artifact->status, STATUS_INCOMPLETE);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_gaps_at_random),
        cmocka_unit_test(test_deep_searches_bulk),
        cmocka_unit_test(test_spent_budget_is_told),
    };
    return cmocka_run_group_tests_name("byte_scan", tests, NULL, NULL);
}
