#include "unit.h"

#include "formats/expansion.h"

#include <string.h>
#include <unistd.h>

enum { PIECE = 64 << 10 };
static uint8_t piece[PIECE];

struct bench {
    struct arena *arena;
    struct budget budget;
    struct inspection in;
};

static void start(struct bench *b, int spool_fd)
{
    b->arena = arena_new(1 << 20);
    b->budget = budget_default();
    b->in = (struct inspection){
        .arena = b->arena,
        .budget = &b->budget,
        .artifact = artifact_new(b->arena, span_of_text("x"), 0),
        .spool_fd = spool_fd,
    };
}

static void stop(struct bench *b)
{
    if (b->in.spool_fd >= 0)
        close(b->in.spool_fd);
    arena_free(b->arena);
}

static int new_spool(void)
{
    char name[] = "/tmp/assay-spool-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    return fd;
}

static void fill(struct expansion *e, uint8_t value, size_t pieces)
{
    memset(piece, value, sizeof piece);
    for (size_t i = 0; i < pieces; i++)
        assert_true(expansion_add(e, span_of(piece, sizeof piece)));
}

static void assert_filled(struct expansion *e, uint8_t value, size_t pieces)
{
    struct span all = expansion_bytes(e);
    assert_int_equal(all.len, pieces * PIECE);
    for (size_t i = 0; i < all.len; i++)
        if (all.ptr[i] != value)
            fail_msg("byte %zu is %u", i, all.ptr[i]);
}

static void test_small_ones_stay_on_the_heap(void **state)
{
    (void)state;
    struct bench b;
    start(&b, new_spool());
    struct expansion *e = expansion_open(&b.in);
    assert_int_equal(expansion_bytes(e).len, 0);
    fill(e, 7, 2);
    assert_filled(e, 7, 2);
    assert_int_equal(b.in.spool_used, 0);
    assert_int_equal(lseek(b.in.spool_fd, 0, SEEK_END), 0);
    expansion_close(e);
    expansion_close(NULL);
    stop(&b);
}

static void test_nested_expansions_do_not_touch(void **state)
{
    (void)state;
    enum { MANY = EXPANSION_HEAP_MAX / PIECE + 3 };
    struct bench b;
    start(&b, new_spool());
    struct expansion *outer = expansion_open(&b.in);
    fill(outer, 1, MANY);
    assert_true(expansion_add(outer, span_of(piece, 0)));
    assert_filled(outer, 1, MANY);

    struct inspection member = b.in; /* as inspect_member() does */
    for (int round = 0; round < 2; round++) {
        struct expansion *inner = expansion_open(&member);
        fill(inner, 2, MANY + 1);
        assert_filled(inner, 2, MANY + 1);
        expansion_close(inner);
        assert_int_equal(member.spool_used, b.in.spool_used);
    }
    assert_filled(outer, 1, MANY);
    fill(outer, 1, 1);
    assert_filled(outer, 1, MANY + 1);
    expansion_close(outer);
    assert_int_equal(b.in.spool_used, 0);
    stop(&b);
}

static void test_budget_stops_it(void **state)
{
    (void)state;
    struct bench b;
    start(&b, -1);
    b.budget.left[BUDGET_EXPANDED_BYTES] = PIECE + 1;
    struct expansion *e = expansion_open(&b.in);
    fill(e, 3, 1);
    assert_false(expansion_add(e, span_of(piece, sizeof piece)));
    assert_int_equal(b.in.artifact->status, STATUS_INCOMPLETE);
    assert_filled(e, 3, 1);
    expansion_close(e);
    stop(&b);
}

static void test_heap_only_is_bounded(void **state)
{
    (void)state;
    struct bench b;
    start(&b, -1);
    struct expansion *e = expansion_open(&b.in);
    fill(e, 4, EXPANSION_HEAP_ONLY_MAX / PIECE);
    assert_int_equal(b.in.artifact->status, STATUS_COMPLETE);
    assert_false(expansion_add(e, span_of(piece, 1)));
    assert_int_equal(b.in.artifact->status, STATUS_INCOMPLETE);
    expansion_close(e);
    stop(&b);
}

static void test_full_spool_is_incomplete(void **state)
{
    (void)state;
    struct bench b;
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0); /* pwrite() on a pipe fails */
    start(&b, pipe_ends[1]);
    struct expansion *e = expansion_open(&b.in);
    fill(e, 5, EXPANSION_HEAP_MAX / PIECE);
    assert_false(expansion_add(e, span_of(piece, 1)));
    assert_int_equal(b.in.artifact->status, STATUS_INCOMPLETE);
    assert_filled(e, 5, EXPANSION_HEAP_MAX / PIECE);
    expansion_close(e);
    close(pipe_ends[0]);
    stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_ones_stay_on_the_heap),
        cmocka_unit_test(test_nested_expansions_do_not_touch),
        cmocka_unit_test(test_budget_stops_it),
        cmocka_unit_test(test_heap_only_is_bounded),
        cmocka_unit_test(test_full_spool_is_incomplete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
