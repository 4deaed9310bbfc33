/* Policy x target -> verdict, exit code, words in the reasons.  Each clause alone, pairs
 * that conflict, what outranks what, suppressions, overrides, and every malformed policy.
 * Run from the source directory, whose registries.d the ids are checked with. */
#include "unit.h"

#include "policy/date.h"
#include "policy/glob.h"
#include "policy/policy.h"
#include "sample_result.h"

enum { TODAY = 20000 }; /* 2024-10-04 */

#define SHA          "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define OTHER        "0f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define COMMIT       "0123456789abcdef0123456789abcdef01234567"
#define POLICY(body) "{\"schema\":\"assay-policy/1\",\"name\":\"t\"" body "}"

/* ---- what is scanned: one model with one file, and what is known of it ----------- */

struct given {
    const char *name; /* of the origin: "acme/bert"; NULL: no origin */
    const char *registry, *revision, *author, *author2, *license, *license2, *updated,
        *created;
    const char *check; /* "downloads" */
    const char *path;
    const struct rule *finding;
    const char *identity, *issuer, *root; /* of a signature over the file */
    enum basis basis;
    enum trust trust;
    enum check_result result;
    enum signature_state signed_as;
    enum artifact_status status;
    uint64_t formats;
    enum expectation_by by;
    enum expectation_state state;
    bool pinned, is_signed, expected, weak, picture, no_hash, second, model_signed,
        executes;
};

static void add_metadata(struct model *m, const char *key, const char *value)
{
    if (!value)
        return;
    struct metadata *row = arena_alloc(m->arena, sizeof *row), **last = &m->metadata;
    *row = (struct metadata){ key, bytes_of(value), NULL };
    while (*last)
        last = &(*last)->next;
    *last = row;
}

static void add_signature(struct model *m, struct file *f, const struct given *g)
{
    struct signature *s = arena_alloc(m->arena, sizeof *s);
    *s = (struct signature){ .kind = "oms",
                             .state = g->signed_as,
                             .path = bytes_of("model.sig"),
                             .identity = bytes_of(g->identity),
                             .issuer = bytes_of(g->issuer),
                             .root = bytes_of(g->root) };
    m->signatures = s;
    if (!g->model_signed)
        f->signature = s;
}

static struct model *make(struct result *r, const struct given *g)
{
    struct model *m = sample_model(r, "m");
    m->trust = g->trust;
    if (g->name)
        m->origin =
            (struct origin){ .registry = g->registry ? g->registry : "huggingface",
                             .title = "Hub",
                             .trust = g->trust,
                             .basis = g->basis ? g->basis : BASIS_STATED,
                             .name = bytes_of(g->name),
                             .revision = bytes_of(g->revision),
                             .pinned = g->pinned };
    add_metadata(m, "author", g->author);
    add_metadata(m, "author", g->author2);
    add_metadata(m, "license", g->license);
    add_metadata(m, "license", g->license2);
    add_metadata(m, "updated", g->updated);
    add_metadata(m, "created", g->created);
    struct file *f =
        sample_file(m, bytes_of(g->path ? g->path : "model.safetensors"), 100,
                    g->picture   ? 0
                    : g->formats ? g->formats
                                 : FORMAT_BIT(FORMAT_SAFETENSORS),
                    g->picture ? STATUS_SKIPPED : g->status, "cut off");
    f->artifact->executes = g->executes;
    if (g->no_hash)
        f->sha256 = (struct span){ 0 };
    if (g->finding)
        sample_finding(f->artifact, g->finding, 7, "message", "evidence");
    if (g->expected) {
        sample_expect(f, "somebody", SHA, g->state);
        f->expected->by = g->by;
        f->expected->weak = g->weak;
    }
    if (g->is_signed)
        add_signature(m, f, g);
    if (g->second)
        sample_file(m, bytes_of("second.safetensors"), 9, FORMAT_BIT(FORMAT_SAFETENSORS),
                    STATUS_COMPLETE, NULL);
    if (g->check) {
        m->checks = arena_alloc(m->arena, sizeof *m->checks);
        *m->checks = (struct provenance_check){ .id = g->check,
                                                .result = g->result,
                                                .evidence = bytes_of("12, 1000 wanted") };
    }
    return m;
}

#define HUB             .name = "acme/bert", .trust = TRUST_MEDIUM
#define PICKLE          .formats = FORMAT_BIT(FORMAT_PICKLE), .path = "a/m.pkl", .executes = true
#define BYTES(who, how) .expected = true, .by = (who), .state = (how)
#define SIGNED(how)     .is_signed = true, .signed_as = SIGNATURE_##how
#define BY_CI           .identity = "https://x/acme/release@main", .issuer = "https://token.x"

#define PASS VERDICT_PASS, 0
#define FAIL VERDICT_FAIL, 1
#define PART VERDICT_INCOMPLETE, 2

#define SUPPRESS(rule, path, more)                                                       \
    ",\"suppressions\":[{\"rule\":\"" rule "\",\"path\":\"" path                         \
    "\",\"reason\":\"seen\"" more "}]"
#define UNTIL(day) ",\"expires\":\"" day "\""
#define OVERRIDE(match, demand)                                                          \
    "{\"match\":{" match "},\"demand\":{" demand "},\"reason\":\"why\"}"
#define IDENTITIES                                                                       \
    ",\"signature\":{\"required\":true,\"identities\":[{\"issuer\":\"https://token.x\"," \
    "\"subject\":\"https://x/acme/*@main\"}]}"

static const struct {
    const char *policy;
    struct given given;
    enum verdict verdict;
    int exit_code;
    const char *says; /* in some reason; "": what every pass says, or anything */
} cases[] = {
#include "policy_cases.def"
};

static struct registries *table;

static struct policy_reading how(void)
{
    return (struct policy_reading){ table, TODAY };
}

static bool some_reason_says(const struct model *m, const char *words)
{
    if (!*words && m->verdict == VERDICT_PASS)
        words = "Every demand of the policy is met";
    if (!*words)
        return m->reasons != NULL;
    for (const struct reason *r = m->reasons; r; r = r->next)
        if (span_find(r->text, words, 0) != SIZE_MAX)
            return true;
    return false;
}

static bool case_holds(size_t i, struct policy *p)
{
    struct result *r = result_new();
    struct model *m = make(r, &cases[i].given);
    policy_judge(p, r);
    bool holds = m->verdict == cases[i].verdict && r->exit_code == cases[i].exit_code &&
                 r->verdict == cases[i].verdict && some_reason_says(m, cases[i].says);
    if (!holds) {
        print_error("case %zu: %s\n  verdict %s, exit code %d; \"%s\" not in:\n", i,
                    cases[i].policy, verdict_name(m->verdict), r->exit_code,
                    cases[i].says);
        for (const struct reason *reason = m->reasons; reason; reason = reason->next)
            print_error("  %.*s\n", (int)reason->text.len, reason->text.ptr);
    }
    result_free(r);
    return holds;
}

static void test_cases(void **state)
{
    (void)state;
    enum { COUNT = sizeof cases / sizeof *cases };
    const struct policy_reading reading = how();
    size_t wrong = 0;
    for (size_t i = 0; i < COUNT; i++) {
        struct error e = { 0 };
        struct policy *p =
            policy_parse(span_of_text(cases[i].policy), "t.json", &reading, NULL, &e);
        if (!p)
            print_error("case %zu: %s\n  %s\n", i, cases[i].policy, e.message);
        wrong += !p || !case_holds(i, p);
        policy_free(p);
    }
    assert_int_equal(wrong, 0);
    assert_true(COUNT >= 150);
}

/* ---- malformed policies: where and what ------------------------------------------ */

#define HEAD "{\"schema\":\"assay-policy/1\",\n\"name\":\"t\",\n"

static const struct {
    const char *text, *says;
} malformed[] = {
#include "policy_malformed.def"
};

static void test_malformed(void **state)
{
    (void)state;
    const struct policy_reading reading = how();
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct error e = { 0 };
        struct policy *p =
            policy_parse(span_of_text(malformed[i].text), "t.json", &reading, NULL, &e);
        if (p || e.code != ERROR_CONFIG || !strstr(e.message, malformed[i].says)) {
            print_error("%zu: %s\n  %s\n  lacks: %s\n", i, malformed[i].text, e.message,
                        malformed[i].says);
            wrong++;
        }
        policy_free(p);
    }
    assert_int_equal(wrong, 0);
}

static void test_all_problems_are_told(void **state)
{
    (void)state;
    const struct policy_reading reading = how();
    struct buffer report;
    struct error e;
    buffer_init(&report, 4096);
    assert_null(policy_parse(span_of_text(HEAD "\"fail_on\":\"x\",\n\"enforce\":1}"),
                             "t.json", &reading, &report, &e));
    assert_string_equal(report.text,
                        "t.json:3:1: fail_on: \"x\" is none of info, low, medium, "
                        "high, critical, never\n"
                        "t.json:4:1: enforce: must be true or false\n");
    buffer_free(&report);
}

/* ---- bounds ---------------------------------------------------------------------- */

static void test_bounds(void **state)
{
    (void)state;
    const struct policy_reading reading = how();
    struct error e;
    size_t len = 5 << 20;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, '[', len);
    assert_null(policy_parse(span_of(text, len), "t.json", &reading, NULL, &e));
    assert_non_null(strstr(e.message, "too large"));
    assert_null(policy_parse(span_of(text, 100000), "t.json", &reading, NULL, &e));
    assert_non_null(strstr(e.message, "nested deeper"));
    memset(text, ' ', len); /* a pattern past every limit */
    int n = snprintf(text, len, HEAD "\"authors\":{\"deny\":[\"");
    memset(text + n, '*', 400);
    memcpy(text + n + 400, "\"]}}", 4);
    assert_null(
        policy_parse(span_of(text, (size_t)n + 404), "t.json", &reading, NULL, &e));
    assert_int_equal(e.code, ERROR_CONFIG);
    free(text);
}

/* ---- gates are policies ---------------------------------------------------------- */

static void test_gates_parse_back(void **state)
{
    (void)state;
    const struct policy_reading reading = how();
    for (size_t i = 0; policy_gate_name(i); i++) {
        struct error e = { 0 };
        struct policy *gate = policy_gate(policy_gate_name(i), &reading, &e);
        struct policy *file =
            policy_parse(span_of_text(policy_gate_text(i)), "g.json", &reading, NULL, &e);
        assert_non_null(gate);
        assert_non_null(file);
        for (int t = 0; t < TRUST_COUNT; t++) {
            const struct given g = { .name = "a/b", .trust = (enum trust)t, PICKLE };
            struct result *one = result_new(), *two = result_new();
            make(one, &g);
            make(two, &g);
            policy_judge(gate, one);
            policy_judge(file, two);
            assert_int_equal(one->verdict, two->verdict);
            assert_int_equal(one->exit_code, two->exit_code);
            result_free(one);
            result_free(two);
        }
        policy_free(gate);
        policy_free(file);
    }
}

/* Options outrank the policy and its overrides. */
static void test_options_outrank(void **state)
{
    (void)state;
    const struct policy_reading reading = how();
    const char *text = POLICY(",\"fail_on\":\"never\",\"overrides\":[" OVERRIDE(
        "\"path\":[\"**\"]",
        "\"fail_on\":\"never\",\"formats\":{\"deny\":[\"zip\"]}") "]");
    struct error e;
    struct policy *p = policy_parse(span_of_text(text), "t.json", &reading, NULL, &e);
    const struct given g = { PICKLE, .finding = &sample_polyglot };
    assert_non_null(p);
    assert_true(policy_set(p, POLICY_FAIL_ON, "--fail-on", "high", &e));
    assert_true(policy_set(p, POLICY_FORMATS_DENY, "--deny-format", "pickle", &e));
    struct result *r = result_new();
    struct model *m = make(r, &g);
    policy_judge(p, r);
    assert_int_equal(r->exit_code, 1);
    assert_true(some_reason_says(m, "format/polyglot"));
    assert_true(some_reason_says(m, "denies pickle"));
    assert_string_equal(r->gate, "t");
    assert_int_equal(strlen(r->policy_digest), 64);
    result_free(r);
    policy_free(p);
}

static void test_warnings(void **state)
{
    (void)state;
    const struct policy_reading reading = how();
    const char *text =
        POLICY(",\"suppressions\":["
               "{\"rule\":\"format/"
               "polyglot\",\"path\":\"**\",\"reason\":\"x\",\"expires\":\"2024-01-01\"},"
               "{\"rule\":\"format/"
               "polyglot\",\"path\":\"**\",\"reason\":\"x\",\"expires\":\"2025-01-01\","
               "\"sha256\":\"" OTHER "\"},"
               "{\"rule\":\"zip/"
               "overlap\",\"path\":\"**\",\"reason\":\"x\",\"expires\":\"2025-01-01\"}]");
    struct error e;
    struct policy *p = policy_parse(span_of_text(text), "t.json", &reading, NULL, &e);
    struct result *r = result_new();
    make(r, &(struct given){ .finding = &sample_polyglot });
    policy_judge(p, r);
    assert_int_equal(r->exit_code, 1);
    assert_true(span_is(r->warnings->text,
                        "t.json:1: the suppression of format/polyglot expired "
                        "on 2024-01-01; 1 finding that it was for counts"));
    assert_true(span_find(r->warnings->next->text, "is for other bytes", 0) != SIZE_MAX);
    assert_true(span_find(r->warnings->next->next->text, "matched nothing", 0) !=
                SIZE_MAX);
    assert_null(r->warnings->next->next->next);
    result_free(r);
    policy_free(p);
}

/* ---- patterns and dates ---------------------------------------------------------- */

static const struct {
    const char *pattern, *text;
    bool matches;
} globs[] = {
#include "policy_globs.def"
};

static void test_globs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof globs / sizeof *globs; i++)
        if (glob_matches(globs[i].pattern, span_of_text(globs[i].text), false) !=
            globs[i].matches)
            fail_msg("%s on %s", globs[i].pattern, globs[i].text);
    assert_true(glob_matches("ApAcHe-*", span_of_text("aPaChE-2.0"), true));
    assert_true(glob_matches("[A-C]", span_of_text("b"), true));
    assert_false(glob_matches("A", span_of_text("a"), false));
    /* what is slow for matchers that go back */
    char bomb[200], text[4096];
    for (size_t i = 0; i < sizeof bomb - 1; i++)
        bomb[i] = i % 2 ? 'a' : '*';
    bomb[sizeof bomb - 1] = '\0';
    memset(text, 'a', sizeof text);
    assert_true(glob_matches(bomb, span_of(text, sizeof text), false));
    bomb[sizeof bomb - 2] = 'b';
    assert_false(glob_matches(bomb, span_of(text, sizeof text), false));
}

static void test_dates(void **state)
{
    (void)state;
    int64_t day = 0;
    char text[DATE_TEXT];
    assert_true(date_parse(span_of_text("1970-01-01"), &day) && day == 0);
    assert_true(date_parse(span_of_text("2024-10-04"), &day) && day == TODAY);
    assert_true(date_parse(span_of_text("2024-02-29"), &day));
    assert_true(date_parse(span_of_text("2000-02-29"), &day));
    static const char *const wrong[] = { "2023-02-29", "2100-02-29", "2024-00-01",
                                         "2024-1-01",  "2024-04-31", "24-04-01",
                                         "2024/04/01", "1969-12-31", "2024-04-01 ",
                                         "",           "2024-04-0x" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(date_parse(span_of_text(wrong[i]), &day));
    for (int64_t d = 0; d < 100000; d += 13) { /* there and back */
        date_text(d, text);
        assert_true(date_parse(span_of_text(text), &day));
        assert_int_equal(day, d);
    }
    assert_false(date_of_time(span_of_text("2024-10-04x"), &day));
    assert_false(date_of_time(span_of_text("17"), &day));
    assert_true(date_of_time(span_of_text("1728000000"), &day) && day == TODAY);
}

static int load(void **state)
{
    const char *const directories[] = { "registries.d", NULL };
    struct error e;
    (void)state;
    table = registries_load(directories, &e);
    return table ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    registries_free(table);
    return 0;
}

/* The texts of all cases, NUL-terminated, '+' in front of those that are valid: for
 * tests/golden/test_policy_schema.py. */
static int print_policies(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        printf("+%s%c", cases[i].policy, '\0');
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        printf("-%s%c", malformed[i].text, '\0');
    return fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "print") == 0)
        return print_policies();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_all_problems_are_told),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_gates_parse_back),
        cmocka_unit_test(test_options_outrank),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_globs),
        cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
