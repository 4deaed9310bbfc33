/* trust/look-alike-name and trust/registry-disagrees.  Run from the source directory. */
#include "unit.h"

#include "trust/disagree.h"
#include "trust/look_alike.h"

#include <string.h>

static struct publishers *load(void)
{
    struct error error;
    struct publishers *p = publishers_load("rules/trust/publishers.json", &error);
    if (!p)
        fail_msg("%s", error.message);
    return p;
}

static void test_names(void **state)
{
    static const struct {
        const char *name, *like; /* NULL: nobody's */
    } cases[] = {
        {"openai",         NULL          },
        { "OpenAI",        NULL          },
        { "mistralai",     NULL          },
        { "mistral-ai",    NULL          },
        { "0penai",        "openai"      },
        { "open-ai",       "openai"      },
        { "openal",        "openai"      },
        { "opena\xd1\x96", "openai"      },
        { "\xd0\xbepenai", "openai"      },
        { "meta-IIama",    "meta-llama"  },
        { "meta_llama",    "meta-llama"  },
        { "metallama",     "meta-llama"  },
        { "rneta",         "meta"        },
        { "gogle",         "google"      },
        { "googel",        "google"      },
        { "hugingface",    "huggingface" },
        { "stabiltyai",    "stability-ai"},
        { "microsotf",     "microsoft"   },
        { "nvidla",        "nvidia"      },
        { "beta",          NULL          },
        { "aple-pie",      NULL          },
        { "acme",          NULL          },
        { "somebody",      NULL          },
        { "",              NULL          },
    };
    struct publishers *p = load();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *like = publisher_like(p, span_of_text(cases[i].name));
        if ((like == NULL) != (cases[i].like == NULL) ||
            (like && strcmp(like, cases[i].like) != 0))
            fail_msg("%s: %s", cases[i].name, like ? like : "(nobody)");
    }
    char long_name[5000];
    memset(long_name, 'a', sizeof long_name);
    assert_null(publisher_like(p, span_of(long_name, sizeof long_name)));
    publishers_free(p);
}

static void test_a_reference(void **state)
{
    const char *const directories[] = { "registries.d", NULL };
    static const struct {
        const char *text;
        size_t findings;
    } cases[] = {
        {"hf:opena1/gpt",             1},
        { "hf:openai-community/gpt2", 0},
        { "kaggle:gooogle/gemma",     1},
        { "torchhub:pytorhc/vision",  1},
        { "ollama:llama3.2",          0},
        { "models:/openal/1",         0}
    };
    struct error error;
    struct publishers *p = load();
    struct registries *table = registries_load(directories, &error);
    (void)state;
    assert_non_null(table);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding_list findings = { 0 };
        struct arena *arena = arena_new(1 << 20);
        struct reference ref;
        assert_true(registries_resolve(table, cases[i].text, &ref, &error));
        look_alike_report(p, &ref, &findings, arena);
        if (findings.count != cases[i].findings)
            fail_msg("%s", cases[i].text);
        if (findings.count)
            assert_string_equal(findings.first->rule->id, "trust/look-alike-name");
        reference_free(&ref);
        arena_free(arena);
    }
    registries_free(table);
    publishers_free(p);
}

static void test_disagreement(void **state)
{
    static const struct {
        const char *word;
        enum rule_id rule;
        bool suppressed, told;
    } cases[] = {
        {"safe",              RULE_TRUST_LISTING, false, true },
        { "NO_THREATS_FOUND", RULE_TRUST_LISTING, false, true },
        { "safe",             RULE_TRUST_LISTING, true,  false},
        { "safe",             RULE_TRUST_LOW,     false, false},
        { "unsafe",           RULE_TRUST_LISTING, false, false},
        { "queued",           RULE_TRUST_LISTING, false, false},
        { "",                 RULE_TRUST_LISTING, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding_list found = { 0 }, findings = { 0 };
        struct arena *arena = arena_new(1 << 20);
        struct finding *f = finding_add(&found, arena, &rules[cases[i].rule], 0,
                                        span_of_text("x"), span_of_text(""));
        if (cases[i].suppressed)
            f->suppressed = span_of_text("by the policy");
        disagreement_report("huggingface", span_of_text(cases[i].word), &found, &findings,
                            arena);
        assert_int_equal(findings.count, cases[i].told);
        if (cases[i].told)
            assert_string_equal(findings.first->rule->id, "trust/registry-disagrees");
        arena_free(arena);
    }
}

static void test_a_list_that_is_none(void **state)
{
    struct error error;
    (void)state;
    assert_null(publishers_load("registries.d/huggingface.json", &error));
    assert_int_equal(error.code, ERROR_CONFIG);
    assert_null(publishers_load("rules/nosuch.json", &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_a_reference),
        cmocka_unit_test(test_disagreement),
        cmocka_unit_test(test_a_list_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
