#include "unit.h"

#include "reports/rule_help.h"
#include "reports/spots.h"
#include "reports/stamp.h"
#include "sample_result.h"

#include <string.h>

static void test_one_after_the_other(void **state)
{
    (void)state;
    struct result *r = sample_rich();
    size_t count = 0;
    for (const struct model *m = r->models; m; m = m->next) {
        size_t order = 0;
        for (struct spot s = { .model = m }; spots_next(&s); order++, count++) {
            assert_int_equal(s.order, order);
            assert_true((s.file == NULL) == (s.artifact == NULL));
        }
    }
    struct spots all;
    assert_true(spots_of_result(r, SEVERITY_INFO, &all));
    assert_int_equal(all.count, count);
    spots_free(&all);
    spots_free(&all);
    result_free(r);
}

static void test_worst_first_in_groups(void **state)
{
    (void)state;
    struct result *r = sample_rich();
    struct spots s;
    assert_true(spots_of_result(r, SEVERITY_MEDIUM, &s));
    assert_int_equal(s.hidden, 1); /* one finding is low */
    size_t groups = 0;
    for (size_t at = 0; at < s.count; at = spots_group(&s, at), groups++)
        if (at > 0)
            assert_true(s.all[at].finding->rule->severity <=
                        s.all[at - 1].finding->rule->severity);
    assert_int_equal(groups, 5);
    assert_int_equal(s.all[0].finding->rule->severity, SEVERITY_CRITICAL);
    spots_free(&s);
    result_free(r);
}

static void test_the_first_that_differ(void **state)
{
    (void)state;
    const struct finding one = { .message = span_of_text("m") };
    const struct finding other = { .message = span_of_text("n") };
    struct artifact here, there;
    const struct spot spots[] = {
        {.artifact = &here,   .finding = &one  },
        { .artifact = &here,  .finding = &one  },
        { .artifact = &there, .finding = &one  },
        { .artifact = &here,  .finding = &other}
    };
    const struct spot *shown[3];
    assert_int_equal(spots_different(spots, 4, true, shown, 3), 3);
    assert_ptr_equal(shown[1], &spots[2]);
    assert_int_equal(spots_different(spots, 4, false, shown, 3), 2);
    assert_ptr_equal(shown[1], &spots[3]);
    assert_int_equal(spots_different(spots, 4, true, shown, 1), 1);
    assert_int_equal(spots_different(spots, 0, true, shown, 3), 0);
}

static void test_names_do_not_depend_on_offsets(void **state)
{
    (void)state;
    struct result *r = result_new(), *moved = result_new();
    sample_malicious(r);
    struct model *m = sample_malicious(moved);
    for (struct finding *f = m->files->artifact->first->findings.first; f; f = f->next)
        f->offset += 1000;
    struct spots a, b;
    assert_true(spots_of_result(r, SEVERITY_INFO, &a));
    assert_true(spots_of_result(moved, SEVERITY_INFO, &b));
    struct spot_id *one = spots_identify(&a), *other = spots_identify(&b);
    assert_memory_equal(one, other, a.count * sizeof *one);
    /* equal ones are counted, so that all differ */
    for (size_t i = 0; i < a.count; i++)
        for (size_t k = 0; k < i; k++)
            assert_false(one[i].repeat == one[k].repeat &&
                         strcmp(one[i].fingerprint, one[k].fingerprint) == 0);
    free(one);
    free(other);
    spots_free(&a);
    spots_free(&b);
    result_free(r);
    result_free(moved);
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0,                      "1970-01-01T00:00:00Z"},
        { 951782400,             "2000-02-29T00:00:00Z"},
        { 1767225599,            "2025-12-31T23:59:59Z"},
        { INT64_C(253402300799), "9999-12-31T23:59:59Z"},
    };
    char text[STAMP_TIME];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t back = -1;
        stamp_text(rows[i].seconds, text);
        assert_string_equal(text, rows[i].text);
        assert_true(stamp_parse(span_of_text(text), &back));
        assert_true(back == rows[i].seconds);
    }
    stamp_text(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
    stamp_text(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00Z");
    int64_t unused;
    assert_false(stamp_parse(span_of_text("2025-02-30T00:00:00Z"), &unused));
    assert_false(stamp_parse(span_of_text("2025-2-3T00:00:00Z"), &unused));
    assert_false(stamp_parse(span_of_text(""), &unused));
}

static void test_uuids(void **state)
{
    (void)state;
    char a[STAMP_UUID], b[STAMP_UUID];
    assert_true(stamp_uuid(span_of_text("x"), a));
    assert_true(stamp_uuid(span_of_text("x"), b));
    assert_string_equal(a, b);
    assert_int_equal(strlen(a), 36);
    assert_true(a[14] == '5' && strchr("89ab", a[19]));
    assert_true(stamp_uuid(span_of_text("y"), b));
    assert_string_not_equal(a, b);
    struct result *r = sample_rich();
    assert_true(stamp_result_uuid(r, a));
    r->models->files->artifact->name = span_of_text("other");
    assert_true(stamp_result_uuid(r, b));
    assert_string_not_equal(a, b);
    result_free(r);
}

static void test_rule_pages(void **state)
{
    (void)state;
    struct rule_help h;
    rule_help_read("docs/rules", "pickle/dangerous-call", &h);
    assert_true(span_starts(h.finds, "A call (REDUCE"));
    assert_true(h.to_do.len > 0 && h.matters.len > 0 && h.wrong.len > 0);
    rule_help_free(&h);
    rule_help_read("docs/rules", "../rules/pickle/dangerous-call", &h);
    assert_null(h.text);
    rule_help_read(NULL, "pickle/dangerous-call", &h);
    assert_null(h.text);
    rule_help_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_worst_first_in_groups),
        cmocka_unit_test(test_the_first_that_differ),
        cmocka_unit_test(test_names_do_not_depend_on_offsets),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_uuids),
        cmocka_unit_test(test_rule_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
