#include "archive_test.h"

#define DONE    STATUS_COMPLETE
#define PARTIAL STATUS_INCOMPLETE

static const struct expected files[] = {
    {"good-checkpoint.pt",                DONE,    ""                                             },
    { "good-checkpoint-of-21-letters.pt", DONE,    ""                                             },
    { "good-script.pt",                   DONE,    ""                                             },
    { "good-legacy-tar.pt",               DONE,    ""                                             },
    { "good-legacy-tar-info.pt",          DONE,    ""                                             },
    { "bad-truncated.pt",                 PARTIAL, ""                                             },
    { "bad-preview.pt",                   PARTIAL, ""                                             },
    { "bad-tar-truncated.pt",             PARTIAL, ""                                             },
    { "evil-checkpoint.pt",               DONE,    ""                                             },
    { "evil-upper-case.pt",               DONE,    "torch/disguised-record"                       },
    { "evil-upper-and-lower.pt",          DONE,    "torch/disguised-record torch/duplicate-record"},
    { "evil-duplicate.pt",                DONE,    "torch/duplicate-record"                       },
    { "evil-stray.pt",                    DONE,    "torch/stray-record"                           },
    { "evil-native.pt",                   DONE,    "torch/native-code"                            },
    { "evil-library.pt",                  DONE,    "torch/native-code"                            },
    { "evil-packaged-code.pt",            DONE,    "torch/packaged-code"                          },
    { "evil-script-from-file.pt",         DONE,    "torch/dangerous-operator"                     },
    { "evil-script-save.pt",              DONE,    "torch/dangerous-operator"                     },
    { "evil-script-upper-case.pt",        DONE,    "torch/dangerous-operator"                     },
    { "evil-script-custom.pt",            DONE,    "torch/custom-operator"                        },
    { "evil-script-python.pt",            DONE,    "torch/packaged-code"                          },
    { "evil-tar-duplicate.pt",            DONE,    "torch/duplicate-record"                       },
    { "evil-tar-pickle.pt",               DONE,    ""                                             },
    { "evil-tar-views.pt",                DONE,    ""                                             },
};

static void test_fixtures(void **state)
{
    const struct archive_test *t = *state;
    assert_expected(t->directory, files, sizeof files / sizeof *files, "torch/");
}

static bool imports_os_system(const struct artifact *root)
{
    for (const struct artifact *a = root; a; a = artifact_walk(root, a)) {
        const struct fact *pickles = a->facts ? fact_find(a->facts, "pickle") : NULL;
        for (const struct fact *p = pickles ? pickles->first : NULL; p; p = p->next) {
            const struct fact *globals = fact_find(p, "globals");
            for (const struct fact *g = globals ? globals->first : NULL; g; g = g->next)
                if (span_is(fact_find(g, "module")->text, "os"))
                    return true;
        }
    }
    return false;
}

/* Wherever the container hides the pickle that torch.load runs, the machine sees it. */
static void test_payloads_reach_the_machine(void **state)
{
    const struct archive_test *t = *state;
    static const char *const names[] = {
        "evil-checkpoint.pt",
        "evil-upper-case.pt",
        "evil-upper-and-lower.pt",
        "evil-duplicate.pt",
        "evil-crc.pt",
        "evil-local-name.pt",
        "evil-local-flags.pt",
        "evil-local-method.pt",
        "evil-local-compressed.pt",
        "evil-local-expanded.pt",
        "evil-prefix.pt",
        "evil-trailing.pt",
        "evil-stray.pt",
        "evil-tar-pickle.pt",
        "evil-tar-storages.pt",
        "evil-tar-views.pt",
        "evil-tar-storages-tail.pt",
        "evil-tar-tensor-tail.pt",
        "evil-tar-duplicate.pt",
        "evil-tar-appended-zip.pt",
        "evil-tar-concatenated.pt",
        "evil-tar-only-storages.pt",
    };
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        struct inspected i = inspect_file(t->directory, names[n], NULL, false);
        if (!imports_os_system(i.artifact))
            fail_msg("%s: the payload was not seen", names[n]);
        assert_true(i.artifact->executes);
        inspected_free(&i);
    }
}

static const char *text_fact(const struct artifact *a, const char *name)
{
    const struct fact *torch = fact_find(a->facts, "torch");
    const struct fact *f = torch ? fact_find(torch, name) : NULL;
    return f ? (const char *)f->text.ptr : "";
}

static void test_kinds(void **state)
{
    const struct archive_test *t = *state;
    static const struct {
        const char *file, *kind;
        enum format_id format;
    } cases[] = {
        {"good-checkpoint.pt",     "checkpoint",  FORMAT_TORCH_ZIP},
        { "good-script.pt",        "torchscript", FORMAT_TORCH_ZIP},
        { "evil-packaged-code.pt", "package",     FORMAT_TORCH_ZIP},
        { "good-legacy-tar.pt",    "tar",         FORMAT_TORCH_TAR},
    };
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        struct inspected i = inspect_file(t->directory, cases[n].file, NULL, false);
        assert_string_equal(text_fact(i.artifact, "kind"), cases[n].kind);
        assert_true(i.artifact->formats & FORMAT_BIT(cases[n].format));
        inspected_free(&i);
    }
    /* torch.load does not take a zip with anything in front for a zip */
    struct inspected i = inspect_file(t->directory, "evil-prefix.pt", NULL, false);
    assert_int_equal(i.artifact->formats & FORMAT_BIT(FORMAT_TORCH_ZIP), 0);
    inspected_free(&i);
}

/* What the installed PyTorch writes raises nothing. */
static void test_real_checkpoints(void **state)
{
    const struct archive_test *t = *state;
    const char *const argv[] = { "/usr/bin/python3", "fixtures/torch/real.py",
                                 t->directory, NULL };
    if (!run_program(argv))
        skip();
    static const char *const names[] = {
        "real-state-dict.pt", "real-training.pt", "real-types.pt", "real-many.pt",
        "real-sparse.pt",     "real-script.pt",   "real-trace.pt",
    };
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (int deep = 0; deep < 2; deep++) {
            struct inspected i = inspect_file(t->directory, names[n], NULL, deep);
            for (const struct artifact *a = i.artifact; a;
                 a = artifact_walk(i.artifact, a))
                if (a->findings.count > 0)
                    fail_msg("%s: %s", names[n], a->findings.first->rule->id);
            assert_int_equal(artifact_worst(i.artifact), STATUS_COMPLETE);
            assert_true(i.artifact->executes);
            inspected_free(&i);
        }
}

static int setup(void **state)
{
    return make_fixtures(state, "fixtures/torch/make.py");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures),
        cmocka_unit_test(test_payloads_reach_the_machine),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_real_checkpoints),
    };
    return cmocka_run_group_tests(tests, setup, remove_fixtures);
}
