/* core/fingerprint.h: what changes a finding's name, and what does not. */
#include "unit.h"

#include "core/fingerprint.h"

#include <string.h>

struct made {
    struct arena *arena;
    struct artifact *root, *member;
};

static struct made make(void)
{
    struct made m = { .arena = arena_new(1 << 20) };
    m.root = artifact_new(m.arena, span_of_text("model.pt"), 100);
    m.member = artifact_child(m.root, span_of_text("data.pkl"), 10, 20);
    return m;
}

static const char *name_of(const struct artifact *a, enum rule_id rule, uint64_t offset,
                           const char *evidence, const char *message)
{
    static char names[2][FINGERPRINT_HEX + 1];
    static int next;
    struct finding f = { .rule = &rules[rule],
                         .offset = offset,
                         .evidence = span_of_text(evidence),
                         .message = span_of_text(message) };
    next = !next;
    assert_true(finding_fingerprint(&f, a, span_of_text("m"), names[next]));
    return names[next];
}

static void test_offset_does_not_count(void **state)
{
    (void)state;
    struct made m = make();
    assert_string_equal(name_of(m.member, RULE_TRUST_LOW, 1, "os.system('x')", "a"),
                        name_of(m.member, RULE_TRUST_LOW, 9, "os.system('x')", "b"));
    arena_free(m.arena);
}

static void test_place_rule_and_evidence_count(void **state)
{
    (void)state;
    struct made m = make();
    char first[FINGERPRINT_HEX + 1];
    memcpy(first, name_of(m.member, RULE_TRUST_LOW, 1, "x", ""), sizeof first);
    assert_int_equal(strlen(first), FINGERPRINT_HEX);
    assert_string_not_equal(first, name_of(m.root, RULE_TRUST_LOW, 1, "x", ""));
    assert_string_not_equal(first, name_of(m.member, RULE_INTEGRITY_SIZE, 1, "x", ""));
    assert_string_not_equal(first, name_of(m.member, RULE_TRUST_LOW, 1, "y", ""));
    assert_string_not_equal(first, name_of(NULL, RULE_TRUST_LOW, 1, "x", ""));
    arena_free(m.arena);
}

static void test_message_counts_without_evidence(void **state)
{
    (void)state;
    assert_string_not_equal(name_of(NULL, RULE_TRUST_LOW, 1, "", "a"),
                            name_of(NULL, RULE_TRUST_LOW, 1, "", "b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offset_does_not_count),
        cmocka_unit_test(test_place_rule_and_evidence_count),
        cmocka_unit_test(test_message_counts_without_evidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
