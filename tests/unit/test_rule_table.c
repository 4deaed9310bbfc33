#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/wire.h"

static bool add(struct rule_table *t, const char *id)
{
    return rule_table_add(t, span_of_text(id), span_of_text("A title"), SEVERITY_HIGH,
                          94);
}

static void test_only_the_workers_ids(void **state)
{
    static const char *const refused[] = {
        "",
        "yara",
        "yara/",
        "user/",
        "pickle/dangerous-call",
        "Yara/a",
        "yara/a b",
        "yara/a\n",
        "yara/../trust",
        "yara/\xc3\xa9",
        " yara/a",
        "user/a/b",
        "format/polyglot",
    };
    struct rule_table t = { 0 };
    char longest[RULE_NAME_MAX + 7] = "yara/";
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(add(&t, refused[i]));
    assert_false(
        rule_table_add(&t, span_of_text("yara/a"), span_of_text("t"), SEVERITY_COUNT, 0));
    assert_false(rule_table_add(&t, span_of("yara/a\0b", 8), span_of_text("t"), 0, 0));
    memset(longest + 5, 'x', RULE_NAME_MAX + 1);
    assert_false(add(&t, longest));
    longest[5 + RULE_NAME_MAX] = '\0';
    assert_true(add(&t, longest));
    assert_true(add(&t, "user/Found_It-2"));
    assert_int_equal(t.count, 2);
    rule_table_free(&t);
}

static void test_find(void **state)
{
    struct rule_table t = { 0 };
    char id[32];
    (void)state;
    for (int i = 999; i >= 0; i--) {
        (void)snprintf(id, sizeof id, "yara/r%d", i * 7);
        assert_true(add(&t, id));
    }
    assert_true(rule_table_sort(&t));
    for (int i = 0; i < 7000; i++) {
        (void)snprintf(id, sizeof id, "yara/r%d", i);
        const struct rule *rule = rule_table_find(&t, span_of_text(id));
        if (i % 7 == 0)
            assert_string_equal(rule->id, id);
        else
            assert_null(rule);
    }
    assert_null(rule_table_find(&t, span_of_text("")));
    assert_true(add(&t, "yara/r7"));
    assert_false(rule_table_sort(&t));
    rule_table_free(&t);
}

static void test_titles_are_one_line(void **state)
{
    struct rule_table t = { 0 };
    char title[2 * RULE_TITLE_MAX];
    (void)state;
    memset(title, 'x', sizeof title);
    title[1] = '\n';
    title[2] = '\x1b';
    assert_true(
        rule_table_add(&t, span_of_text("user/a"), span_of(title, sizeof title), 0, 0));
    assert_int_equal(strlen(t.list[0].title), RULE_TITLE_MAX);
    assert_memory_equal(t.list[0].title, "x  xx", 5);
    rule_table_free(&t);
}

/* A child finds something by `rule`; the main process knows `loaded`. */
static enum wire_outcome send(const struct rule *rule, const struct rule_table *loaded,
                              struct artifact *root)
{
    int ends[2];
    struct wire_encoder e;
    struct wire_decoder d;
    struct budget budget = budget_default();
    uint8_t bytes[65536];
    struct arena *arena = arena_new(1 << 20);
    struct artifact *child = artifact_new(arena, span_of_text("f"), 9);
    assert_int_equal(pipe(ends), 0);
    wire_encoder_init(&e, ends[1]);
    struct observer o = wire_observer(&e);
    for (int i = 0; i < 2; i++)
        o.finding(o.self, child,
                  finding_add(&child->findings, arena, rule, 5, span_of_text("m"),
                              span_of_text("e")));
    o.closed(o.self, child);
    assert_true(wire_encoder_end(&e));
    wire_encoder_free(&e);
    ssize_t n = read(ends[0], bytes, sizeof bytes);
    assert_true(n > 0);
    size_t taken;
    assert_true(wire_decoder_init(&d, root, &budget));
    d.loaded = loaded;
    enum wire_outcome outcome = wire_decode(&d, span_of(bytes, (size_t)n), &taken);
    wire_decoder_free(&d);
    (void)close(ends[0]);
    (void)close(ends[1]);
    arena_free(arena);
    return outcome;
}

static void test_a_child_refers_but_does_not_invent(void **state)
{
    /* its severity and title do not count */
    const struct rule claimed = { "yara/known", SEVERITY_INFO, 1, "Nothing" };
    const struct rule invented = { "yara/unknown", SEVERITY_CRITICAL, 1, "Anything" };
    struct rule_table t = { 0 };
    struct arena *arena = arena_new(1 << 20);
    struct artifact *root = artifact_new(arena, span_of_text("f"), 9);
    (void)state;
    assert_true(add(&t, "yara/known"));
    assert_true(add(&t, "yara/another"));
    assert_true(rule_table_sort(&t));
    assert_int_equal(send(&invented, &t, root), WIRE_MALFORMED);
    assert_int_equal(send(&claimed, NULL, root), WIRE_MALFORMED);
    assert_int_equal(root->findings.count, 0);
    assert_int_equal(send(&claimed, &t, root), WIRE_ENDED);
    rule_table_free(&t); /* the tree outlives it */
    assert_int_equal(root->findings.count, 2);
    const struct rule *kept = root->findings.first->rule;
    assert_ptr_equal(kept, root->findings.first->next->rule);
    assert_string_equal(kept->id, "yara/known");
    assert_string_equal(kept->title, "A title");
    assert_int_equal(kept->severity, SEVERITY_HIGH);
    assert_int_equal(kept->cwe, 94);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_workers_ids),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_titles_are_one_line),
        cmocka_unit_test(test_a_child_refers_but_does_not_invent),
    };
    return cmocka_run_group_tests_name("rule_table", tests, NULL, NULL);
}
