/* The loader of registries.d: what it refuses and where it says so, what overrides
 * what, and which level an entry gives. */
#include "unit.h"

#include "registry/registry.h"

#include <sys/stat.h>
#include <unistd.h>

/* clang-format off */
/* A valid entry, one key a line, so that a case can count lines. */
static const char base[] =
    "{\n"                                                                       /* 1 */
    "    \"schema\": 1, // a comment with \"quotes\" and {braces}\n"            /* 2 */
    "    \"id\": \"acme\",\n"                                                   /* 3 */
    "    \"name\": \"Acme Models\",\n"                                          /* 4 */
    "    \"driver\": \"json-rest\",\n"                                          /* 5 */
    "    \"description\": \"Models of Acme\",\n"                                /* 6 */
    "    \"advice\": \"Ask Alice\",\n"                                          /* 7 */
    "    \"has_api\": true,\n"                                                  /* 8 */
    "    \"urls\": { \"base\": \"https://models.acme.example\",\n"              /* 9 */
    "        \"model\": \"https://models.acme.example/{model_name}\" },\n"      /* 10 */
    "    \"trust\": {\n"                                                        /* 11 */
    "        \"default\": \"medium\",\n"                                        /* 12 */
    "        \"rules\": [\n"                                                    /* 13 */
    "            { \"if\": [[\"team\", \"eq\", \"interns\"]],\n"                /* 14 */
    "              \"level\": \"low\", \"why\": \"made by interns\" }] },\n"    /* 15 */
    "    \"endpoint\": { \"default\": \"https://models.acme.example\",\n"       /* 16 */
    "        \"env\": [\"ACME_URL\"], \"hosts\": [\"models.acme.example\"] },\n" /* 17 */
    "    \"vars\": { \"tag\": \"latest\" },\n"                                  /* 18 */
    "    \"match\": [\n"                                                        /* 19 */
    "        { \"form\": \"acme:[//]TEAM/MODEL[@TAG]\",\n"                      /* 20 */
    "          \"scheme\": \"acme\",\n"                                         /* 21 */
    "          \"rest\": \"^([a-z]+)/([a-z]+)(@([a-z0-9]+))?$\",\n"             /* 22 */
    "          \"groups\": [\"team\", \"model\", \"\", \"tag\"] },\n"           /* 23 */
    "        { \"form\": \"https://models.acme.example/TEAM/MODEL\",\n"         /* 24 */
    "          \"path\": \"^/([a-z]+)/([a-z]+)$\",\n"                           /* 25 */
    "          \"groups\": [\"team\", \"model\"], \"query\": { \"v\": \"tag\" } }],\n" /* 26 */
    "    \"reject\": { \"team\": [\"nobody\"] },\n"                             /* 27 */
    "    \"identity\": { \"name\": [\"{team}/{model}\"],\n"                     /* 28 */
    "        \"revision\": [\"{tag}\"] },\n"                                    /* 29 */
    "    \"pinned\": { \"tag\": \"^[0-9]+$\" },\n"                              /* 30 */
    "    \"examples\": [\"acme:red/bird@7\",\n"                                 /* 31 */
    "        \"https://models.acme.example/red/bird?v=7\"]\n"                   /* 32 */
    "}\n";                                                                      /* 33 */
/* clang-format on */

static char directory[64], other_directory[64];

static int make_directories(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/assay-test-XXXXXX");
    (void)snprintf(other_directory, sizeof other_directory, "/tmp/assay-test-XXXXXX");
    return mkdtemp(directory) && mkdtemp(other_directory) ? 0 : -1;
}

static int remove_directories(void **state)
{
    (void)state;
    static const char *const names[] = { "acme.json", "other.json", "notes.txt",
                                         ".hidden.json" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int d = 0; d < 2; d++) {
            char path[128];
            (void)snprintf(path, sizeof path, "%s/%s", d ? other_directory : directory,
                           names[i]);
            (void)unlink(path);
        }
    return rmdir(directory) | rmdir(other_directory);
}

static const char *write_file(const char *in, const char *name, const char *text)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", in, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    return path;
}

/* `text` with the one occurrence of `from` replaced; the caller frees it. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    assert_null(strstr(at + 1, from));
    char *result = NULL;
    assert_true(
        asprintf(&result, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    return result;
}

static struct registries *load(struct error *error)
{
    const char *const directories[] = { directory, "/nonexistent/assay", other_directory,
                                        NULL };
    return registries_load(directories, error);
}

static struct registries *load_shipped(void)
{
    const char *const directories[] = { "registries.d", NULL };
    struct error error = { .code = ERROR_NONE };
    struct registries *r = registries_load(directories, &error);
    if (!r)
        print_error("%s\n", error.message);
    assert_non_null(r);
    return r;
}

/* clang-format off */
/* `slow` problems need the examples or a compiled pattern: "registries check" tells
 * them, loading does not. */
static const struct {
    const char *from, *to;
    unsigned line;
    const char *text;
    bool slow;
} faults[] = {
    { "\"schema\": 1", "\"schema\": 2", 2, "schema: must be 1", false },
    { "\"schema\": 1", "\"schema\": \"1\"", 2, "schema: must be 1", false },
    { "\"schema\": 1,", "", 1, "\"schema\" is missing", false },
    { "\"acme\",\n    \"name\"", "\"acme2\",\n    \"name\"", 3, "id: must be \"acme\"",
      false },
    { "\"acme\",\n    \"name\"", "\"Acme\",\n    \"name\"", 3, "id: must be a-z, 0-9",
      false },
    { "\"name\": \"Acme Models\"", "\"name\": 7", 4, "name: must be a text", false },
    { "\"name\": \"Acme Models\"", "\"name\": \"\"", 4, "name: must be a text", false },
    { "Acme Models", "Acme\\u001b[31m", 4, "name: holds a control character", false },
    { "json-rest", "shell", 5, "driver: must be json-rest, oci or git-dvc", false },
    { "\"advice\"", "\"advise\"", 7, "advise: unknown key", false },
    { "\"advice\": \"Ask Alice\",", "", 1, "\"advice\" is missing", false },
    { "\"has_api\": true", "\"has_api\": \"yes\"", 8, "has_api: must be true or false",
      false },
    { "\"base\": \"https://", "\"base\": \"http://", 9, "urls.base: must be an https URL",
      false },
    { "\"base\": \"https://", "\"base\": \"https://eve@", 9,
      "a user name in a URL is refused", false },
    { "\"base\": \"https://models.acme.example\",\n", "\n", 1,
      "\"urls.base\" or \"location\" must say", false },
    { "{model_name}", "{modle}", 10,
      "urls.model: no pattern captures the variable \"modle\"", false },
    { "{model_name}", "{model", 10, "urls.model: has an unbalanced", false },
    { "\"default\": \"medium\"", "\"default\": \"trusted\"", 12,
      "trust.default: must be low, medium, high or internal", false },
    { "\"default\": \"medium\"", "\"default\": \"Medium\"", 12,
      "trust.default: must be low, medium, high or internal", false },
    { "\"default\": \"medium\"", "\"default\": \"unknown\"", 12,
      "trust.default: must be low, medium, high or internal", false },
    { "[\"team\", \"eq\", \"interns\"]", "[\"author\", \"eq\", \"x\"]", 14,
      "trust.rules[0].if[0][0]: no pattern captures the variable \"author\"", false },
    { "\"eq\"", "\"like\"", 14, "trust.rules[0].if[0]: must be [variable", false },
    { "\"eq\", \"interns\"", "\"matches\", \"^(x$\"", 14, "bad pattern", false },
    { "\"eq\", \"interns\"", "\"in\", \"interns\"", 14, "must be a list", false },
    { "[[\"team\", \"eq\", \"interns\"]]", "[]", 14, "at least one condition", false },
    { "\"level\": \"low\"", "\"level\": \"high\"", 15,
      "trust.rules[0].level: a rule may only lower the level: not medium to high",
      false },
    { "\"level\": \"low\"", "\"level\": \"medium\"", 15, "may only lower the level",
      false },
    { "\"level\": \"low\"", "\"level\": \"internal\"", 15, "may only lower the level",
      false },
    { "\"ACME_URL\"", "\"acme_url\"", 17,
      "endpoint.env[0]: must be the name of an environment variable", false },
    { "[\"models.acme.example\"]", "[\"Models.acme.example\"]", 17,
      "endpoint.hosts[0]: must be a host in lower case", false },
    { "[\"models.acme.example\"]", "[\"https://models.acme.example\"]", 17,
      "endpoint.hosts[0]: must be a host", false },
    { "[\"models.acme.example\"]", "[\"*\"]", 17, "endpoint.hosts[0]: must be a host",
      false },
    { "\"tag\": \"latest\"", "\"Tag\": \"latest\"", 18, "vars.Tag: must be a variable",
      false },
    { "acme:[//]TEAM", "acme:[//]T\xc3\x89" "AM", 20,
      "match[0].form: must be plain ASCII", false },
    { "\"scheme\": \"acme\"", "\"scheme\": \"https\"", 21,
      "match[0].scheme: web addresses", false },
    { "\"scheme\": \"acme\"", "\"scheme\": \"ACME\"", 21,
      "match[0].scheme: must be a scheme in lower case", false },
    { "\"scheme\": \"acme\",\n", "\n", 20, "match[0]: needs \"scheme\" and \"rest\"",
      false },
    { "\"groups\": [\"team\", \"model\", \"\", \"tag\"]", "\"group\": []", 23,
      "match[0].group: unknown key", false },
    { "\"groups\": [\"team\", \"model\", \"\", \"tag\"]", "\"groups\": [\"team name\"]",
      23, "match[0].groups[0]: must be a variable", false },
    { "\"path\": \"", "\"hosts\": [\"*\"], \"path\": \"", 25,
      "match[1].hosts[0]: only an internal registry may claim any host", false },
    { "{ \"v\": \"tag\" }", "{ \"v\": 7 }", 26, "match[1].query.v: must be a variable",
      false },
    { "{ \"v\": \"tag\" }", "{ \"v\": { \"match\": \"^(7)$\", \"groups\": [\"tag\"] } }",
      26, "match[1].query.v.match: unknown key; did you mean \"matches\"?", false },
    { "{ \"v\": \"tag\" }", "{ \"v\": { \"matches\": \"^(7)$\" } }", 26,
      "match[1].query.v: \"groups\" is missing", false },
    { "{ \"v\": \"tag\" }", "{ \"v\": { \"matches\": \"^(7)$\", \"groups\": [\"T\"] } }",
      26, "match[1].query.v.groups[0]: must be a variable", false },
    { "\"reject\": { \"team\"", "\"reject\": { \"teem\"", 27,
      "reject.teem: no pattern captures the variable \"teem\"", false },
    { "{team}/{model}\"]", "{team}/{nobody}\"]", 28,
      "identity.name[0]: no pattern captures the variable \"nobody\"", false },
    { "[\"{team}/{model}\"]", "[]", 28, "identity.name: must hold at least one", false },
    { "\"pinned\": { \"tag\"", "\"pinned\": { \"version\"", 30,
      "pinned.version: no pattern captures", false },
    { "\"has_api\": true,", "\"has_api\": true, \"has_api\": false,", 8, "duplicate",
      false },
    { "]\n}\n", "]\n}\n}\n", 34, "end of file expected", false },
    { "\"rest\": \"^([a-z]+)", "\"rest\": \"^([a-z]+", 22, "match[0].rest: bad pattern",
      true },
    { "\"rest\": \"^(", "\"rest\": \"(", 22,
      "match[0].rest: pattern must begin with ^ and end with $", true },
    { "\"rest\": \"^([a-z]+)", "\"rest\": \"^([a-z]{1,9000})", 22,
      "match[0].rest: pattern repeats more than 255 times", true },
    { "\"rest\": \"^([a-z]+)", "\"rest\": \"^([a-z]+){9}", 22,
      "match[0].rest: pattern repeats a group by number", true },
    { "\"rest\": \"^([a-z]+)", "\"rest\": \"^([a-z]+)\\\\1", 22,
      "match[0].rest: back-reference in a pattern", true },
    { "\"\", \"tag\"]", "\"\", \"tag\", \"more\"]", 23,
      "match[0].groups: names 5 groups, the pattern has 4", true },
    { "{ \"v\": \"tag\" }", "{ \"v\": { \"matches\": \"^(7$\", \"groups\": [\"tag\"] } }",
      26, "match[1].query.v.matches: bad pattern", true },
    { "{ \"v\": \"tag\" }", "{ \"v\": { \"matches\": \"7$\", \"groups\": [] } }", 26,
      "match[1].query.v.matches: pattern must begin with ^", true },
    { "{ \"v\": \"tag\" }",
      "{ \"v\": { \"matches\": \"^(7)$\", \"groups\": [\"tag\", \"team\"] } }", 26,
      "match[1].query.v.groups: names 2 groups, the pattern has 1", true },
    { "\"^[0-9]+$\"", "\"^[0-9+$\"", 30, "pinned.tag: bad pattern", true },
    { "acme:red/bird@7", "acme:red", 31, "examples[0]: no registry claims \"acme:red\"",
      true },
    { "acme:red/bird@7", "acme:nobody/bird", 31, "examples[0]: no registry claims",
      true },
    { "acme:red/bird@7", "hf:red/bird", 31, "examples[0]: is a reference to huggingface",
      true },
    { "\"acme:red/bird@7\",", "", 20, "match[0]: no example is written like this", true },
    { "\"scheme\": \"acme\"", "\"scheme\": \"hf\"", 31,
      "examples[0]: no registry has the scheme", true },
};
/* clang-format on */

static void assert_told(const char *report, unsigned line, const char *text)
{
    char prefix[160];
    (void)snprintf(prefix, sizeof prefix, "%s/acme.json:%u:", directory, line);
    for (const char *at = report; at && *at; at = strchr(at, '\n')) {
        at += *at == '\n';
        const char *end = strchrnul(at, '\n');
        const char *found = strstr(at, text);
        if (strncmp(at, prefix, strlen(prefix)) == 0 && found && found < end)
            return;
    }
    fail_msg("expected %s … %s\nin:\n%s", prefix, text, report);
}

static void test_every_fault_is_told_with_its_line(void **state)
{
    (void)state;
    struct registries *shipped = load_shipped();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        char *text = replaced(base, faults[i].from, faults[i].to);
        const char *path = write_file(directory, "acme.json", text);
        struct buffer report;
        buffer_init(&report, 1 << 16);
        assert_false(registry_check(path, shipped, &report));
        assert_told(report.text, faults[i].line, faults[i].text);
        buffer_free(&report);

        struct error error = { .code = ERROR_NONE };
        struct registries *r = load(&error);
        if (faults[i].slow) {
            assert_non_null(r);
        } else {
            assert_null(r);
            assert_int_equal(error.code, ERROR_CONFIG);
            assert_non_null(strstr(error.message, "/acme.json:"));
        }
        registries_free(r);
        free(text);
    }
    registries_free(shipped);
}

static void test_a_check_tells_every_problem(void **state)
{
    (void)state;
    char *one = replaced(base, "\"has_api\": true", "\"has_api\": 1");
    char *two = replaced(one, "json-rest", "telnet");
    const char *path = write_file(directory, "acme.json", two);
    struct buffer report;
    buffer_init(&report, 1 << 16);
    assert_false(registry_check(path, NULL, &report));
    assert_told(report.text, 5, "driver");
    assert_told(report.text, 8, "has_api");
    buffer_free(&report);
    free(one);
    free(two);
}

static void test_a_bad_pattern_is_told_when_it_is_needed(void **state)
{
    (void)state;
    char *text = replaced(base, "\"rest\": \"^([a-z]+)", "\"rest\": \"^([a-z]+");
    write_file(directory, "acme.json", text);
    struct error error;
    struct reference ref;
    struct registries *r = load(&error);
    assert_non_null(r);
    assert_false(registries_resolve(r, "acme:red/bird", &ref, &error));
    assert_int_equal(error.code, ERROR_CONFIG);
    assert_non_null(strstr(error.message, "acme.json: match[0]: bad pattern"));
    registries_free(r);
    free(text);
}

static void test_not_json(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"",                                "acme.json:1:"                  },
        { "[]",                             "acme.json:1: must be an object"},
        { "{\"schema\": 1",                 "acme.json:1:"                  },
        { "{\"schema\": \xff}",             "acme.json:1:"                  },
        { "{\"schema\": 1, \"schema\": 1}", "duplicate object key"          }
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = { .code = ERROR_NONE };
        write_file(directory, "acme.json", cases[i].text);
        assert_null(load(&error));
        assert_int_equal(error.code, ERROR_CONFIG);
        assert_non_null(strstr(error.message, cases[i].told));
    }
}

static void test_later_directories_override(void **state)
{
    (void)state;
    struct error error;
    write_file(directory, "acme.json", base);
    write_file(directory, "notes.txt", "not an entry");
    write_file(directory, ".hidden.json", "not an entry");
    char *renamed = replaced(base, "\"name\": \"Acme Models\"", "\"name\": \"Better\"");
    const char *path = write_file(other_directory, "acme.json", renamed);
    struct registries *r = load(&error);
    assert_non_null(r);
    assert_int_equal(registries_count(r), 1);
    assert_string_equal(registries_find(r, "acme")->name, "Better");
    assert_string_equal(registries_find(r, "acme")->path, path);
    assert_null(registries_find(r, "other"));
    assert_null(registries_at(r, 1));
    registries_free(r);
    free(renamed);
}

static void test_two_entries_must_not_claim_one_reference(void **state)
{
    (void)state;
    struct error error;
    struct reference ref;
    write_file(directory, "acme.json", base);
    char *twin = replaced(base, "\"id\": \"acme\"", "\"id\": \"other\"");
    write_file(other_directory, "other.json", twin);
    struct registries *r = load(&error);
    assert_non_null(r);
    assert_false(registries_resolve(r, "acme:red/bird", &ref, &error));
    assert_int_equal(error.code, ERROR_CONFIG);
    assert_non_null(strstr(error.message, "acme.json and "));
    assert_non_null(strstr(error.message, "other.json"));
    registries_free(r);
    free(twin);
}

static const char *nothing_set(const char *name)
{
    (void)name;
    return NULL;
}

static enum trust trust_of(const struct registries *r, const char *text)
{
    struct error error;
    struct reference ref;
    assert_true(registries_resolve(r, text, &ref, &error));
    const char *why = NULL;
    enum trust t = reference_trust(&ref, nothing_set, &why);
    assert_non_null(why);
    reference_free(&ref);
    return t;
}

static void test_rules_lower_the_level(void **state)
{
    (void)state;
    struct error error;
    write_file(directory, "acme.json", base);
    struct registries *r = load(&error);
    assert_non_null(r);
    assert_int_equal(trust_of(r, "acme:red/bird"), TRUST_MEDIUM);
    assert_int_equal(trust_of(r, "acme:interns/bird"), TRUST_LOW);
    registries_free(r);
}

/* An operator's own entry: its default endpoint is what makes it internal. */
static void test_internal_by_file(void **state)
{
    (void)state;
    struct error error;
    char *own = replaced(base, "\"default\": \"medium\"", "\"default\": \"internal\"");
    char *any = replaced(own, "\"path\": \"", "\"hosts\": [\"*\"], \"path\": \"");
    write_file(directory, "acme.json", any);
    struct registries *r = load(&error);
    assert_non_null(r);
    assert_int_equal(registry_trust(registries_at(r, 0), nothing_set), TRUST_INTERNAL);
    assert_int_equal(trust_of(r, "acme:red/bird"), TRUST_INTERNAL);
    assert_int_equal(trust_of(r, "acme:interns/bird"), TRUST_LOW);
    assert_int_equal(trust_of(r, "https://models.acme.example/red/bird"), TRUST_INTERNAL);
    assert_int_equal(trust_of(r, "https://MODELS.acme.example:443/red/bird"),
                     TRUST_INTERNAL);
    assert_int_equal(trust_of(r, "https://models.acme.example:8443/red/bird"),
                     TRUST_UNKNOWN);
    assert_int_equal(trust_of(r, "https://models.acme.example.evil.example/red/bird"),
                     TRUST_UNKNOWN);
    registries_free(r);
    free(own);
    free(any);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_fault_is_told_with_its_line,
                                        make_directories, remove_directories),
        cmocka_unit_test_setup_teardown(test_a_check_tells_every_problem,
                                        make_directories, remove_directories),
        cmocka_unit_test_setup_teardown(test_a_bad_pattern_is_told_when_it_is_needed,
                                        make_directories, remove_directories),
        cmocka_unit_test_setup_teardown(test_not_json, make_directories,
                                        remove_directories),
        cmocka_unit_test_setup_teardown(test_later_directories_override, make_directories,
                                        remove_directories),
        cmocka_unit_test_setup_teardown(test_two_entries_must_not_claim_one_reference,
                                        make_directories, remove_directories),
        cmocka_unit_test_setup_teardown(test_rules_lower_the_level, make_directories,
                                        remove_directories),
        cmocka_unit_test_setup_teardown(test_internal_by_file, make_directories,
                                        remove_directories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
