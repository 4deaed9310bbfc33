/* What a confined child can do, asked from inside of it: worker_evil runs each deed of
 * deeds.def where an inspector would be. */
#include "harness.h"

static int setup(void **state)
{
    struct error error;
    *state = start("worker_evil", DATA_DIR, &error);
    if (!*state)
        print_message("%s\n", error.message);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    worker_stop(*state);
    return 0;
}

static void expect_complete(struct worker *w)
{
    struct error error;
    bool alive;
    struct artifact *file = inspect_text(w, "do_nothing\n", &alive, &error);
    assert_true(alive);
    assert_int_equal(file->status, STATUS_COMPLETE);
    arena_free(file->arena);
}

static void perform(struct worker *w, const char *deed, const char *answer)
{
    struct error error;
    bool alive;
    struct artifact *file = inspect_text(w, deed, &alive, &error);
    assert_true(alive);
    if (file->reason.len > 0)
        print_message("# %s: %.*s\n", deed, (int)file->reason.len,
                      (const char *)file->reason.ptr);
    if (answer) {
        assert_int_equal(file->status, STATUS_INCOMPLETE);
        assert_true(span_find(file->reason, answer, 0) != SIZE_MAX);
    } else {
        assert_int_equal(file->status, STATUS_COMPLETE);
    }
    arena_free(file->arena);
    expect_complete(w);
}

#define DEED(name, answer)                                                               \
    static void test_##name(void **state)                                                \
    {                                                                                    \
        perform(*state, #name, answer);                                                  \
    }
#include "deeds.def"
#undef DEED

int main(void)
{
    const struct CMUnitTest tests[] = {
#define DEED(name, answer) cmocka_unit_test(test_##name),
#include "deeds.def"
#undef DEED
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
