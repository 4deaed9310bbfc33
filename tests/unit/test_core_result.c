#include "unit.h"

#include "core/result.h"

#include <string.h>

static struct file *add_file(struct model *m, const char *path,
                             enum artifact_status status)
{
    struct arena *arena = arena_new(1 << 20);
    struct file *f = arena_alloc(arena, sizeof *f);
    assert_non_null(f);
    f->arena = arena;
    f->artifact = artifact_new(arena, span_of_text(path), 100);
    artifact_lower(f->artifact, status, "because");
    model_add_file(m, f);
    return f;
}

static void test_models_and_files_keep_their_order(void **state)
{
    (void)state;
    struct result *r = result_new();
    struct model *a = result_add_model(r, span_of_text("t"), span_of_text("a"));
    struct model *b = result_add_model(r, span_of_text("t"), span_of_text("b"));
    assert_ptr_equal(r->models, a);
    assert_ptr_equal(a->next, b);
    const struct file *f = add_file(a, "1", STATUS_COMPLETE);
    const struct file *g = add_file(a, "2", STATUS_COMPLETE);
    assert_ptr_equal(a->files, f);
    assert_ptr_equal(f->next, g);
    model_add_reason(a, "%s is %d", "one", 1);
    model_add_reason(a, "two");
    assert_true(span_is(a->reasons->text, "one is 1"));
    assert_true(span_is(a->reasons->next->text, "two"));
    result_free(r);
    result_free(NULL);
}

static void test_errors_are_copied(void **state)
{
    (void)state;
    struct result *r = result_new();
    struct error e = { .code = ERROR_IO, .message = "disk on fire" };
    result_add_error(r, span_of_text("x"), &e, true);
    memset(&e, 0, sizeof e);
    assert_true(span_is(r->errors->message, "disk on fire"));
    assert_int_equal(r->errors->code, ERROR_IO);
    assert_true(r->errors->retryable);
    result_free(r);
}

static void test_summary(void **state)
{
    (void)state;
    static const struct rule rule = { "test/high", SEVERITY_HIGH, 0, "high" };
    struct result *r = result_new();
    struct model *m = result_add_model(r, span_of_text("t"), span_of_text("m"));
    add_file(m, "complete", STATUS_COMPLETE);
    add_file(m, "skipped", STATUS_SKIPPED);
    struct file *deep = add_file(m, "archive", STATUS_COMPLETE);
    struct artifact *member =
        artifact_child(deep->artifact, span_of_text("member"), 0, 1);
    artifact_lower(member, STATUS_INCOMPLETE, "cut");
    finding_add(&member->findings, deep->arena, &rule, 0, (struct span){ 0 },
                (struct span){ 0 });
    finding_add(&m->findings, m->arena, &rule, 0, (struct span){ 0 }, (struct span){ 0 });
    result_count(r);
    result_count(r); /* counts anew, does not add up */
    assert_int_equal(r->summary.models, 1);
    assert_int_equal(r->summary.files[STATUS_COMPLETE], 1);
    assert_int_equal(r->summary.files[STATUS_SKIPPED], 1);
    assert_int_equal(r->summary.files[STATUS_INCOMPLETE],
                     1); /* as bad as its worst part */
    assert_int_equal(r->summary.findings[SEVERITY_HIGH], 2);
    assert_int_equal(r->summary.bytes, 300);
    result_free(r);
}

static void test_names(void **state)
{
    (void)state;
    enum trust t = TRUST_UNKNOWN;
    for (int i = 0; i < TRUST_COUNT; i++) {
        assert_true(trust_parse(trust_name((enum trust)i), &t));
        assert_int_equal(t, i);
    }
    assert_false(trust_parse("HIGH", &t));
    assert_false(trust_parse("", &t));
    assert_string_equal(basis_name(BASIS_DECLARED), "declared");
    assert_string_equal(expectation_name(EXPECT_INCONSISTENT), "inconsistent");
    assert_string_equal(verdict_name(VERDICT_EMPTY), "empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models_and_files_keep_their_order),
        cmocka_unit_test(test_errors_are_copied),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
