#include "unit.h"

#include "formats/pickle/rules.h"

static struct pickle_rules *read_list(const char *json)
{
    struct error error;
    struct pickle_rules *r = pickle_rules_read(span_of_text(json), "list.json", &error);
    assert_non_null(r);
    return r;
}

static void refuse(const char *json, const char *message)
{
    struct error error = { 0 };
    assert_null(pickle_rules_read(span_of_text(json), "list.json", &error));
    assert_int_equal(error.code, ERROR_CONFIG);
    assert_string_equal(error.message, message);
}

static struct pickle_verdict find(const struct pickle_rules *r, const char *module,
                                  const char *name)
{
    return pickle_rules_find(r, span_of_text(module), span_of_text(name));
}

static void test_precedence(void **state)
{
    (void)state;
    struct pickle_rules *r = read_list(
        "{\"schema\": 1, \"library\": \"x\","
        " \"safe\": {\"a\": [\"safe\", \"both\", \"checked\"], \"mine.*\": [\"*\"],"
        "           \"w\": [\"fine\"]},"
        " \"dangerous\": {\"file\": {\"a\": [\"both\"], \"w\": [\"*\"], \"p.*\": [\"*\"],"
        "                          \"mine.bad\": [\"*\"]}},"
        " \"check\": {\"a\": {\"checked\": \"getattr\", \"both\": \"getattr\"}}}");
    assert_int_equal(find(r, "a", "safe").class, PICKLE_SAFE);
    assert_int_equal(find(r, "a", "both").class, PICKLE_DANGEROUS);
    assert_int_equal(find(r, "a", "both").category, PICKLE_FILE);
    assert_int_equal(find(r, "a", "checked").check, PICKLE_CHECK_GETATTR);
    assert_int_equal(find(r, "a", "other").class, PICKLE_UNKNOWN);
    assert_int_equal(find(r, "a.b", "safe").class, PICKLE_UNKNOWN);
    assert_int_equal(find(r, "w", "fine").class, PICKLE_SAFE); /* exact before "*" */
    assert_int_equal(find(r, "w", "else").class, PICKLE_DANGEROUS);
    assert_int_equal(find(r, "w.sub", "else").class, PICKLE_UNKNOWN);
    assert_int_equal(find(r, "p", "x").class, PICKLE_DANGEROUS);
    assert_int_equal(find(r, "p.q.r", "x").class, PICKLE_DANGEROUS);
    assert_int_equal(find(r, "pq", "x").class, PICKLE_UNKNOWN);
    assert_int_equal(find(r, "mine.good", "X").class, PICKLE_SAFE);
    assert_int_equal(find(r, "mine.bad", "X").class, PICKLE_DANGEROUS);
    assert_true(find(r, "a", "safe").exact);
    assert_false(find(r, "mine.good", "X").exact);
    assert_string_equal(find(r, "a", "safe").library, "x");
    assert_true(pickle_rules_know_module(r, span_of_text("a")));
    assert_false(pickle_rules_know_module(r, span_of_text("b")));
    pickle_rules_free(r);
}

static void test_names_are_bytes(void **state)
{
    (void)state;
    struct pickle_rules *r =
        read_list("{\"schema\": 1, \"library\": \"x\", \"safe\": {\"a\": [\"b\"]}}");
    assert_int_equal(pickle_rules_find(r, span_of("a", 1), span_of("b\0c", 3)).class,
                     PICKLE_UNKNOWN);
    assert_int_equal(pickle_rules_find(r, span_of("a\0", 2), span_of("b", 1)).class,
                     PICKLE_UNKNOWN);
    assert_int_equal(find(r, "", "").class, PICKLE_UNKNOWN);
    assert_int_equal(find(NULL, "a", "b").class, PICKLE_UNKNOWN);
    pickle_rules_free(r);
}

static void test_strictness(void **state)
{
    (void)state;
    refuse("[]", "list.json:1: must be an object");
    refuse("{\"schema\": 2, \"library\": \"x\"}", "list.json:1: \"schema\" must be 1");
    refuse("{\"schema\": 1}", "list.json:1: \"library\" must be a text");
    refuse("{\"schema\": 1, \"library\": \"x\", \"sage\": {}}",
           "list.json:1: unknown key \"sage\"");
    refuse("{\"schema\": 1, \"library\": \"x\", \"safe\": {\"a\": \"*\"}}",
           "list.json:1: \"safe\": \"a\" must be a list of names");
    refuse("{\"schema\": 1, \"library\": \"x\", \"safe\": {\"a\": [\"b\", 1]}}",
           "list.json:1: \"safe\": \"a\": name 2 is not a text");
    refuse("{\"schema\": 1, \"library\": \"x\", \"dangerous\": {\"evil\": {}}}",
           "list.json:1: unknown category \"evil\"");
    refuse("{\"schema\": 1, \"library\": \"x\", \"check\": {\"a\": {\"b\": \"c\"}}}",
           "list.json:1: a.b: unknown check \"c\"");
    refuse("// ours\n{\"schema\": 1, \"library\": \"x\",\n \"safe\": {\"a\": [\"b\",\n "
           "\"\"]}}",
           "list.json:4: \"safe\": \"a\": name 2 is not a text");
    refuse("// ours\n{\"schema\": 1, \"library\": \"x\",\n \"dangerous\": {\n"
           "  \"file\": {\"evil\": [\"x\"]},\n  \"evil\": {}}}",
           "list.json:5: unknown category \"evil\"");
}

static void test_digest(void **state)
{
    (void)state;
    struct pickle_rules *a =
        read_list("{\"schema\": 1, \"library\": \"x\", \"safe\": {\"a\": [\"b\"]}}");
    struct pickle_rules *b =
        read_list("{\"schema\":1,\"library\":\"x\",\"safe\":{\"a\":[\"b\"]}} // same");
    struct pickle_rules *c =
        read_list("{\"schema\":1,\"library\":\"x\",\"instances\":{\"a\":[\"b\"]}}");
    struct pickle_rules *d = read_list("{\"schema\": 1, \"library\": \"x\", \"safe\": "
                                       "{\"a\": [\"b\"], \"c\": [\"d\"]}}");
    struct pickle_rules *e = read_list("{\"schema\": 1, \"library\": \"x\", \"safe\": "
                                       "{\"a\": [\"b\", \"c\", \"d\"]}}");
    assert_string_not_equal(pickle_rules_digest(d), pickle_rules_digest(e));
    pickle_rules_free(d);
    pickle_rules_free(e);
    assert_string_equal(pickle_rules_digest(a), pickle_rules_digest(b));
    assert_string_not_equal(pickle_rules_digest(a), pickle_rules_digest(c));
    assert_int_equal(strlen(pickle_rules_digest(a)), 64);
    pickle_rules_free(a);
    pickle_rules_free(b);
    pickle_rules_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_names_are_bytes),
        cmocka_unit_test(test_strictness),
        cmocka_unit_test(test_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
