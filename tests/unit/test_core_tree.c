/* What a scan builds: artifacts, findings, facts, budgets. */
#include "unit.h"

#include "core/artifact.h"
#include "core/budget.h"
#include "core/error.h"

#include <errno.h>
#include <string.h>

static struct artifact *root_of(struct arena *arena)
{
    struct artifact *a = artifact_new(arena, span_of_text("root"), 10);
    assert_non_null(a);
    return a;
}

static void test_tree_order(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct artifact *root = root_of(arena);
    struct artifact *a = artifact_child(root, span_of_text("a"), 1, 2);
    artifact_child(a, span_of_text("a1"), 0, 1);
    artifact_child(a, span_of_text("a2"), 0, 1);
    struct artifact *b = artifact_child(root, span_of_text("b"), 3, 4);
    artifact_child(b, span_of_text("b1"), 0, 1);
    struct buffer seen;
    buffer_init(&seen, 100);
    for (const struct artifact *x = root; x; x = artifact_walk(root, x)) {
        buffer_add(&seen, x->name);
        buffer_add_text(&seen, " ");
    }
    assert_string_equal(seen.text, "root a a1 a2 b b1 ");
    buffer_clear(&seen);
    for (const struct artifact *x = a; x; x = artifact_walk(a, x))
        buffer_add(&seen, x->name); /* a part of the tree stays in it */
    assert_string_equal(seen.text, "aa1a2");
    buffer_free(&seen);
    assert_int_equal(root->members_total, 2);
    arena_free(arena);
}

static void test_drop_last(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct artifact *root = root_of(arena);
    artifact_child(root, span_of_text("a"), 0, 1);
    artifact_drop_last(root);
    assert_null(root->first);
    assert_null(root->last);
    struct artifact *b = artifact_child(root, span_of_text("b"), 0, 1);
    artifact_child(root, span_of_text("c"), 0, 1);
    artifact_drop_last(root);
    assert_ptr_equal(root->first, b);
    assert_ptr_equal(root->last, b);
    assert_null(b->next);
    assert_int_equal(root->members_total, 3); /* met, though not kept */
    arena_free(arena);
}

static void test_status_only_sinks(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct artifact *root = root_of(arena);
    assert_int_equal(root->status, STATUS_COMPLETE);
    artifact_lower(root, STATUS_SKIPPED, "no model");
    artifact_lower(root, STATUS_INCOMPLETE, "byte %d", 7);
    artifact_lower(root, STATUS_INCOMPLETE, "later");
    assert_true(span_is(root->reason, "byte 7"));
    artifact_lower(root, STATUS_SKIPPED, "no");
    artifact_lower(root, STATUS_COMPLETE, "no");
    assert_int_equal(root->status, STATUS_INCOMPLETE);
    artifact_lower(root, STATUS_FAILED, "unreadable");
    assert_int_equal(root->status, STATUS_FAILED);
    assert_string_equal(status_name(root->status), "failed");
    arena_free(arena);
}

static void test_worst_status_below(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct artifact *root = root_of(arena);
    struct artifact *text = artifact_child(root, span_of_text("README"), 0, 1);
    artifact_lower(text, STATUS_SKIPPED, "no model");
    assert_int_equal(artifact_worst(root), STATUS_COMPLETE); /* prose in an archive */
    struct artifact *a = artifact_child(root, span_of_text("a"), 0, 1);
    artifact_lower(artifact_child(a, span_of_text("b"), 0, 1), STATUS_INCOMPLETE, "cut");
    assert_int_equal(artifact_worst(root), STATUS_INCOMPLETE);
    arena_free(arena);
}

static void test_names_are_cut(void **state)
{
    (void)state;
    static char name[NAME_MAX_BYTES + 100];
    struct arena *arena = arena_new(1 << 20);
    memset(name, 'n', sizeof name);
    const struct artifact *a = artifact_new(arena, span_of(name, sizeof name), 0);
    assert_int_equal(a->name.len, NAME_MAX_BYTES);
    arena_free(arena);
}

static const struct rule low = { "test/low", SEVERITY_LOW, 0, "low" };
static const struct rule high = { "test/high", SEVERITY_HIGH, 0, "high" };

static void test_findings(void **state)
{
    (void)state;
    static char big[EVIDENCE_MAX + 10];
    struct arena *arena = arena_new(1 << 20);
    struct finding_list list = { 0 };
    memset(big, 'e', sizeof big);
    const struct finding *f =
        finding_add(&list, arena, &low, 7, span_of_text("m"), span_of(big, sizeof big));
    assert_int_equal(f->evidence.len, EVIDENCE_MAX);
    assert_int_equal(f->offset, 7);
    assert_true(list.worst == SEVERITY_LOW);
    finding_add(&list, arena, &high, 8, (struct span){ 0 }, (struct span){ 0 });
    finding_add(&list, arena, &low, 9, (struct span){ 0 }, (struct span){ 0 });
    assert_true(list.worst == SEVERITY_HIGH);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.last->offset, 9);
    arena_free(arena);
}

static void test_findings_past_the_maximum_still_count(void **state)
{
    (void)state;
    struct arena *arena = arena_new(16 << 20);
    struct finding_list list = { 0 };
    for (unsigned i = 0; i < FINDINGS_MAX + 5; i++)
        finding_add(&list, arena, &low, i, (struct span){ 0 }, (struct span){ 0 });
    finding_add(&list, arena, &high, 0, (struct span){ 0 }, (struct span){ 0 });
    assert_int_equal(list.count, FINDINGS_MAX + 6);
    assert_true(list.worst == SEVERITY_HIGH);
    assert_true(list.dropped > 0);
    arena_free(arena);
}

static void test_finding_without_memory_still_counts(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct finding_list list = { 0 };
    arena_fail_after(arena, 0);
    assert_null(
        finding_add(&list, arena, &high, 0, (struct span){ 0 }, (struct span){ 0 }));
    assert_int_equal(list.count, 1);
    assert_true(list.worst == SEVERITY_HIGH);
    assert_true(arena_exhausted(arena));
    arena_free(arena);
}

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < RULE_COUNT; i++) {
        assert_ptr_equal(rule_find(rules[i].id), &rules[i]); /* ids are unique */
        assert_non_null(strchr(rules[i].id, '/'));
        assert_true(strlen(rules[i].title) > 0);
    }
    assert_null(rule_find("no/such-rule"));
    enum severity s = SEVERITY_INFO;
    assert_true(severity_parse("critical", &s));
    assert_true(s == SEVERITY_CRITICAL);
    assert_false(severity_parse("Critical", &s));
    assert_string_equal(severity_name(SEVERITY_INFO), "info");
}

static void test_facts(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct artifact *root = root_of(arena);
    struct fact *facts = artifact_facts(root);
    assert_ptr_equal(facts, artifact_facts(root));
    struct fact *object = fact_object(arena, facts, "pickle");
    fact_uint(arena, object, "protocol", 4);
    fact_bool(arena, object, "stopped", true);
    fact_text(arena, fact_list(arena, object, "names"), "", span_of_text("os"));
    assert_int_equal(fact_find(fact_find(facts, "pickle"), "protocol")->number, 4);
    assert_int_equal(fact_find(object, "stopped")->number, 1);
    assert_true(span_is(fact_find(object, "names")->first->text, "os"));
    assert_null(fact_find(object, "nothing"));
    assert_null(fact_find(NULL, "nothing"));
    static char big[FACT_TEXT_MAX + 10];
    memset(big, 'x', sizeof big);
    assert_int_equal(fact_text(arena, object, "t", span_of(big, sizeof big))->text.len,
                     FACT_TEXT_MAX);
    /* a builder reads straight down, whatever fails */
    arena_fail_after(arena, 0);
    struct fact *none = fact_object(arena, facts, "x");
    assert_null(none);
    assert_null(fact_uint(arena, none, "y", 1));
    assert_null(fact_text(arena, fact_list(arena, none, "z"), "", span_of_text("a")));
    arena_free(arena);
}

static void test_budget(void **state)
{
    (void)state;
    struct budget b = budget_default();
    for (int kind = 0; kind < BUDGET_COUNT; kind++) {
        assert_true(b.left[kind] == budget_kinds[kind].amount);
        assert_true(strlen(budget_kinds[kind].option) > 0);
    }
    b.left[BUDGET_DEPTH] = 3;
    assert_true(budget_take(&b, BUDGET_DEPTH, 2));
    assert_false(budget_take(&b, BUDGET_DEPTH, 2)); /* and nothing is spent */
    assert_true(budget_take(&b, BUDGET_DEPTH, 1));
    assert_true(budget_take(&b, BUDGET_DEPTH, 0));
    assert_false(budget_take(&b, BUDGET_DEPTH, UINT64_MAX));
}

static void test_errors(void **state)
{
    (void)state;
    struct error e = { 0 };
    assert_false(error_set(&e, ERROR_USAGE, "no %s", "such thing"));
    assert_int_equal(e.code, ERROR_USAGE);
    assert_string_equal(e.message, "no such thing");
    errno = ENOENT;
    assert_false(error_errno(&e, ERROR_IO, "file"));
    assert_string_equal(e.message, "file: No such file or directory");
    char big[2000];
    memset(big, 'b', sizeof big);
    big[sizeof big - 1] = '\0';
    assert_false(error_errno(&e, ERROR_IO, "%s", big));
    assert_int_equal(strlen(e.message), sizeof e.message - 1);
    assert_string_equal(error_name(ERROR_NOT_FOUND), "not-found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_order),
        cmocka_unit_test(test_drop_last),
        cmocka_unit_test(test_status_only_sinks),
        cmocka_unit_test(test_worst_status_below),
        cmocka_unit_test(test_names_are_cut),
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_findings_past_the_maximum_still_count),
        cmocka_unit_test(test_finding_without_memory_still_counts),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
