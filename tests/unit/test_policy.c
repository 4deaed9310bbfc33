#include "unit.h"

#include "policy/policy.h"
#include "sample_result.h"

static const struct policy_reading reading = { NULL, 20000 };

static struct policy *gate_of(const char *name)
{
    struct error e;
    struct policy *p = policy_gate(name, &reading, &e);
    assert_non_null(p);
    return p;
}

static bool allow_trust(struct policy *p, const char *levels, struct error *e)
{
    return policy_set(p, POLICY_TRUST_ALLOW, "--allow-trust", levels, e);
}

static bool deny_formats(struct policy *p, const char *names, struct error *e)
{
    return policy_set(p, POLICY_FORMATS_DENY, "--deny-format", names, e);
}

/* -- a table: gate x model -> verdict, exit code, words in the reasons ---------- */

typedef struct model *sample(struct result *r);

static struct model *safetensors_of(struct result *r, enum trust t)
{
    return sample_clean(r, "m", t);
}
static struct model *clean_unknown(struct result *r)
{
    return safetensors_of(r, TRUST_UNKNOWN);
}
static struct model *clean_low(struct result *r)
{
    return safetensors_of(r, TRUST_LOW);
}
static struct model *clean_medium(struct result *r)
{
    return safetensors_of(r, TRUST_MEDIUM);
}
static struct model *clean_high(struct result *r)
{
    return safetensors_of(r, TRUST_HIGH);
}
static struct model *clean_internal(struct result *r)
{
    return safetensors_of(r, TRUST_INTERNAL);
}
/* a zip, called complete, that holds an encrypted member */
static struct model *one_incomplete_member(struct result *r)
{
    struct model *m = clean_high(r);
    struct file *f = sample_file(m, bytes_of("b.zip"), 9, FORMAT_BIT(FORMAT_ZIP),
                                 STATUS_COMPLETE, NULL);
    artifact_lower(artifact_child(f->artifact, bytes_of("x"), 0, 1), STATUS_INCOMPLETE,
                   "encrypted");
    return m;
}
/* a pickle that hides three levels down in an archive that is not of the family */
static struct model *nested_pickle(struct result *r)
{
    struct model *m = clean_high(r);
    struct artifact *a = sample_file(m, bytes_of("w.zip"), 9, FORMAT_BIT(FORMAT_ZIP),
                                     STATUS_COMPLETE, NULL)
                             ->artifact;
    for (int i = 0; i < 3; i++) {
        a = artifact_child(a, bytes_of("in.zip"), 0, 1);
        a->formats = FORMAT_BIT(FORMAT_ZIP);
    }
    a->formats = FORMAT_BIT(FORMAT_PICKLE);
    return m;
}
/* no format of the family, but the inspector says that loading it runs code */
static struct model *executing(struct result *r)
{
    struct model *m = clean_high(r);
    m->files->artifact->executes = true;
    return m;
}
static struct model *with(struct result *r, const struct rule *rule)
{
    struct model *m = clean_high(r);
    sample_finding(m->files->artifact, rule, 7, "message", "evidence");
    return m;
}
static struct model *medium_finding(struct result *r)
{
    return with(r, &sample_import);
}
static struct model *high_finding(struct result *r)
{
    return with(r, &sample_polyglot);
}
/* the payload came after the list was full: only its severity is known */
/* a picture that carries a finding all the same */
static struct model *skipped_but_bad(struct result *r)
{
    struct model *m = sample_pictures(r);
    sample_finding(m->files->artifact, &sample_polyglot, 0, "", "");
    return m;
}
static struct model *no_files(struct result *r)
{
    return sample_model(r, "void");
}
static struct model *truncated(struct result *r)
{
    struct model *m = clean_high(r);
    sample_file(m, bytes_of("a.gguf"), 9, 0, STATUS_INCOMPLETE, "truncated at byte 9");
    return m;
}
static struct model *unreadable(struct result *r)
{
    struct model *m = clean_high(r);
    sample_file(m, bytes_of("a.bin"), 0, 0, STATUS_FAILED, "Permission denied");
    return m;
}
static struct model *bad_and_truncated(struct result *r)
{
    struct model *m = truncated(r);
    sample_finding(m->files->artifact, &sample_call, 7, "message", "evidence");
    return m;
}

static const struct {
    const char *gate;
    sample *make;
    enum verdict verdict;
    int exit_code;
    const char *says; /* in some reason */
} cases[] = {
    {"default",  clean_unknown,         VERDICT_PASS,       0, "1 file analysed"                      },
    { "default", clean_low,             VERDICT_PASS,       0, "Every demand"                         },
    { "default", medium_finding,        VERDICT_PASS,       0, "Every demand"                         },
    { "default", high_finding,          VERDICT_FAIL,       1, "1 high finding, and the gate fails on"},
    { "default", nested_pickle,         VERDICT_PASS,       0, "2 files"                              },
    { "default", skipped_but_bad,       VERDICT_FAIL,       1, "format/polyglot"                      },
    { "default", sample_malicious,      VERDICT_FAIL,       1, "os.system('curl"                      },
    { "default", sample_malicious,      VERDICT_FAIL,       1,
     "(2 times) in resnet50-final.pt!arch"                                                            },
    { "default", sample_tampered,       VERDICT_FAIL,       1, "integrity/digest-mismatch"            },
    { "default", truncated,             VERDICT_INCOMPLETE, 2, "a.gguf (truncated at byte 9)"         },
    { "default", unreadable,            VERDICT_INCOMPLETE, 2, "Permission denied"                    },
    { "default", one_incomplete_member, VERDICT_INCOMPLETE, 2, "b.zip!x (encrypted)"                  },
    { "default", bad_and_truncated,     VERDICT_FAIL,       1, "truncated at byte 9"                  },
    { "default", sample_pictures,       VERDICT_EMPTY,      3, "nothing was judged"                   },
    { "default", no_files,              VERDICT_EMPTY,      3, "nothing was judged"                   },
    { "ci",      clean_unknown,         VERDICT_FAIL,       1, "Trust is unknown"                     },
    { "ci",      clean_low,             VERDICT_FAIL,       1, "allows high, medium or internal"      },
    { "ci",      clean_medium,          VERDICT_PASS,       0, "Every demand"                         },
    { "ci",      clean_high,            VERDICT_PASS,       0, "Every demand"                         },
    { "ci",      clean_internal,        VERDICT_PASS,       0, "Every demand"                         },
    { "ci",      medium_finding,        VERDICT_PASS,       0, "Every demand"                         },
    { "ci",      high_finding,          VERDICT_FAIL,       1, "format/polyglot"                      },
    { "ci",      nested_pickle,         VERDICT_FAIL,       1, "w.zip!in.zip!in.zip!in.zip (pickle)"  },
    { "ci",      executing,             VERDICT_FAIL,       1, "runs code when loaded"                },
    { "ci",      truncated,             VERDICT_FAIL,       1, "fails on anything incomplete"         },
    { "ci",      unreadable,            VERDICT_FAIL,       1, "Permission denied"                    },
    { "ci",      one_incomplete_member, VERDICT_FAIL,       1, "encrypted"                            },
    { "ci",      sample_tampered,       VERDICT_FAIL,       1, "--accept-declared"                    },
    { "ci",      sample_pictures,       VERDICT_EMPTY,      3, "nothing was judged"                   },
    { "audit",   clean_unknown,         VERDICT_PASS,       0, "Every demand"                         },
    { "audit",   high_finding,          VERDICT_FAIL,       0, "format/polyglot"                      },
    { "audit",   truncated,             VERDICT_INCOMPLETE, 0, "truncated"                            },
    { "audit",   sample_pictures,       VERDICT_EMPTY,      3, "nothing was judged"                   },
};

static bool some_reason_says(const struct model *m, const char *words)
{
    for (const struct reason *r = m->reasons; r; r = r->next)
        if (span_find(r->text, words, 0) != SIZE_MAX)
            return true;
    return false;
}

static void test_gates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct policy *p = gate_of(cases[i].gate);
        struct result *r = result_new();
        struct model *m = cases[i].make(r);
        policy_judge(p, r);
        if (m->verdict != cases[i].verdict || r->exit_code != cases[i].exit_code ||
            r->verdict != cases[i].verdict || !some_reason_says(m, cases[i].says))
            fail_msg("case %zu, gate %s: verdict %s, exit code %d, reasons lack \"%s\"",
                     i, cases[i].gate, verdict_name(m->verdict), r->exit_code,
                     cases[i].says);
        result_free(r);
        policy_free(p);
    }
}

/* -- precedence of exit codes over several models ------------------------------ */

static int exit_code_of(const char *gate, sample *const *makes, size_t n, bool error)
{
    struct policy *p = gate_of(gate);
    struct result *r = result_new();
    for (size_t i = 0; i < n; i++)
        makes[i](r);
    if (error) {
        struct error e;
        error_set(&e, ERROR_IO, "cannot be fetched");
        result_add_error(r, bytes_of("hf:a/b"), &e, true);
    }
    policy_judge(p, r);
    int code = r->exit_code;
    result_free(r);
    policy_free(p);
    return code;
}

#define CODE(gate, error, ...)                                                           \
    exit_code_of(gate, (sample *const[]){ __VA_ARGS__ },                                 \
                 sizeof((sample *const[]){ __VA_ARGS__ }) / sizeof(sample *), error)

static void test_precedence(void **state)
{
    (void)state;
    assert_int_equal(CODE("default", false, truncated, high_finding), 1);
    assert_int_equal(CODE("default", false, high_finding, truncated), 1);
    assert_int_equal(CODE("default", true, high_finding), 1);
    assert_int_equal(CODE("default", true, clean_high), 2);
    assert_int_equal(CODE("default", false, clean_high, truncated), 2);
    assert_int_equal(CODE("default", true, sample_pictures), 2);
    assert_int_equal(CODE("default", false, sample_pictures, clean_high), 0);
    assert_int_equal(CODE("default", false, sample_pictures, no_files), 3);
    assert_int_equal(exit_code_of("default", NULL, 0, false), 3);
    assert_int_equal(exit_code_of("default", NULL, 0, true), 2);
    assert_int_equal(CODE("audit", true, truncated, high_finding), 0);
    assert_int_equal(exit_code_of("audit", NULL, 0, true), 3);
    assert_int_equal(exit_code_of("audit", NULL, 0, false), 3);
}

/* -- what lost memory was not judged ------------------------------------------- */

static void test_exhausted_memory_is_incomplete(void **state)
{
    (void)state;
    struct policy *p = gate_of("default");
    for (int which = 0; which < 3; which++) {
        struct result *r = result_new();
        struct model *m = clean_high(r);
        struct arena *arena = which == 0   ? r->arena
                              : which == 1 ? m->arena
                                           : m->files->arena;
        arena_fail_after(arena, 0);
        assert_null(arena_alloc(arena, 1));
        policy_judge(p, r);
        assert_int_equal(r->verdict, VERDICT_INCOMPLETE);
        assert_int_equal(r->exit_code, EXIT_INCOMPLETE);
        result_free(r);
    }
    policy_free(p);
}

/* -- options ------------------------------------------------------------------- */

static int code_with(struct policy *p, sample *make)
{
    struct result *r = result_new();
    make(r);
    policy_judge(p, r);
    int code = r->exit_code;
    result_free(r);
    return code;
}

static void test_allow_trust(void **state)
{
    (void)state;
    struct policy *p = gate_of("default");
    struct error e;
    assert_true(allow_trust(p, "low,high", &e));
    assert_int_equal(code_with(p, clean_low), 0);
    assert_int_equal(code_with(p, clean_high), 0);
    assert_int_equal(code_with(p, clean_medium), 1);
    assert_int_equal(code_with(p, clean_unknown), 1);
    assert_int_equal(code_with(p, sample_pictures), 3);
    assert_true(allow_trust(p, "unknown", &e)); /* replaces the set */
    assert_int_equal(code_with(p, clean_unknown), 0);
    assert_int_equal(code_with(p, clean_low), 1);

    assert_false(allow_trust(p, "medum", &e));
    assert_int_equal(e.code, ERROR_USAGE);
    assert_non_null(strstr(e.message, "did you mean \"medium\"?"));
    assert_false(allow_trust(p, "", &e));
    assert_false(allow_trust(p, "high,", &e));
    assert_false(allow_trust(p, "HIGH", &e));
    assert_int_equal(code_with(p, clean_unknown), 0); /* untouched on failure */
    policy_free(p);
}

static void test_deny_formats(void **state)
{
    (void)state;
    struct policy *p = gate_of("default");
    struct error e;
    assert_int_equal(code_with(p, clean_high), 0);
    assert_true(deny_formats(p, "zip,safetensors,zip", &e));
    assert_int_equal(code_with(p, clean_high), 1);
    policy_free(p);

    p = gate_of("default");
    assert_true(deny_formats(p, "pickle", &e)); /* the family, at any depth */
    assert_int_equal(code_with(p, nested_pickle), 1);
    assert_int_equal(code_with(p, executing), 1);
    assert_int_equal(code_with(p, clean_high), 0);

    assert_false(deny_formats(p, "tensors,pickel", &e));
    assert_int_equal(e.code, ERROR_USAGE);
    assert_non_null(strstr(e.message, "did you mean \"pickle\"?"));
    assert_int_equal(code_with(p, clean_high), 0); /* untouched on failure */
    assert_false(deny_formats(p, "", &e));
    assert_false(deny_formats(p, "qqqqqqqqqq", &e));
    assert_null(strstr(e.message, "did you mean"));
    policy_free(p);
}

static void test_fail_on(void **state)
{
    (void)state;
    struct policy *p = gate_of("default");
    struct error e;
    assert_true(policy_set(p, POLICY_FAIL_ON, "--fail-on", "critical", &e));
    assert_int_equal(code_with(p, high_finding), 0);
    assert_int_equal(code_with(p, sample_malicious), 1);
    assert_true(policy_set(p, POLICY_FAIL_ON, "--fail-on", "info", &e));
    assert_int_equal(code_with(p, medium_finding), 1);
    assert_int_equal(code_with(p, clean_unknown), 0);
    assert_int_equal(code_with(p, truncated), 2); /* incomplete is no finding */
    policy_free(p);
}

static void test_names(void **state)
{
    (void)state;
    struct error e;
    assert_null(policy_gate("strict ", &reading, &e));
    assert_non_null(strstr(e.message, "did you mean strict?"));
    assert_null(policy_gate("", &reading, &e));
    size_t n = 0;
    for (; policy_gate_name(n); n++) {
        struct policy *p = gate_of(policy_gate_name(n));
        assert_string_equal(policy_name(p), policy_gate_name(n));
        assert_non_null(policy_summary(p));
        policy_free(p);
    }
    assert_int_equal(n, 4);
}

/* Many kinds of findings: the worst five are named, the rest is counted. */
static void test_reason_is_short(void **state)
{
    (void)state;
    static const char ids[8][8] = {
        "x/a", "x/b", "x/c", "x/d", "x/e", "x/f", "x/g", "x/h"
    };
    struct rule kinds[8];
    struct policy *p = gate_of("default");
    struct result *r = result_new();
    struct model *m = clean_high(r);
    for (int i = 0; i < 8; i++) {
        kinds[i] = (struct rule){ ids[i], i == 7 ? SEVERITY_CRITICAL : SEVERITY_HIGH, 0,
                                  "title" };
        for (int j = 0; j <= i; j++)
            sample_finding(m->files->artifact, &kinds[i], 0, "", "the evidence");
    }
    policy_judge(p, r);
    assert_true(span_is(
        m->reasons->text,
        "8 critical, 28 high findings, and the gate fails on high or worse. x/h (8 "
        "times) in model.safetensors at offset 0: the evidence; also x/a, x/b (2 times), "
        "x/c (3 times), x/d (4 times) and 18 more. Do not load the model before each is "
        "explained."));
    result_free(r);
    policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_exhausted_memory_is_incomplete),
        cmocka_unit_test(test_allow_trust),
        cmocka_unit_test(test_deny_formats),
        cmocka_unit_test(test_fail_on),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_reason_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
