/* What hostile answers cannot do: endless pages, huge lists, no memory; and what the
 * loader says of entries that ask in a wrong way.  Run from the source directory. */
#include "table.h"

#include "registry/driver.h"
#include "registry/rest.h"
#include "registry/scope.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A Hub whose list of files is whatever a test wants. */
struct hub {
    struct buffer tree; /* sent for every page */
    size_t pages;       /* that name a next one */
    size_t asked;
};

static const char info[] =
    "{\"id\":\"org/model\",\"author\":\"org\",\"sha\":"
    "\"607a30d783dfa663caf39e06633721c8d4cfcd7e\",\"disabled\":false}";

static bool answer(void *self, const struct rest_request *request, struct arena *arena,
                   struct rest_answer *ret_answer, struct error *error)
{
    struct hub *hub = self;
    (void)error;
    ret_answer->status = 200;
    if (strcmp(request->id, "info") == 0) {
        ret_answer->body = span_of_text(info);
    } else if (strcmp(request->id, "tree") == 0) {
        struct rest_header *link = arena_alloc(arena, sizeof *link);
        struct span next = arena_printf(
            arena, "<https://huggingface.co/next/%zu>; rel=\"next\"", ++hub->asked);
        if (!link || !next.len)
            return error_set(error, ERROR_MEMORY, "out of memory");
        *link = (struct rest_header){ "Link", (const char *)next.ptr };
        ret_answer->body = buffer_span(&hub->tree);
        ret_answer->headers = link;
        ret_answer->header_count = hub->asked <= hub->pages;
    } else {
        ret_answer->status = 404;
    }
    return true;
}

static bool ask(struct hub *hub, struct arena *arena, struct rest_result *ret,
                enum rest_refusal *ret_refusal, struct error *error)
{
    struct reference ref;
    assert_true(registries_resolve(table, "hf:org/model", &ref, error));
    struct rest_session s = { .reference = &ref,
                              .trust = reference_trust(&ref, nothing_set, NULL),
                              .endpoint = "https://huggingface.co",
                              .own = true,
                              .now = 1790000000,
                              .transport = answer,
                              .self = hub };
    bool ok = rest_resolve(&s, arena, ret, ret_refusal, error);
    reference_free(&ref);
    return ok;
}

static void add_files(struct hub *hub, size_t n)
{
    buffer_init(&hub->tree, (size_t)64 << 20);
    buffer_add_text(&hub->tree, "[");
    for (size_t i = 0; i < n; i++)
        buffer_printf(&hub->tree, "%s{\"type\":\"file\",\"path\":\"%zx\"}", i ? "," : "",
                      i);
    buffer_add_text(&hub->tree, "]");
}

/* Not known, with a reason that holds `why`; and no check rests on it. */
static void assert_unlisted(struct hub *hub, const char *why)
{
    struct arena *arena = arena_new((size_t)512 << 20);
    struct rest_result r = { 0 };
    enum rest_refusal refusal;
    struct error error = { .code = ERROR_NONE };
    if (!ask(hub, arena, &r, &refusal, &error))
        fail_msg("%s", error.message);
    assert_false(r.listed);
    if (!strstr(r.why_unlisted, why))
        fail_msg("%s", r.why_unlisted);
    for (const struct provenance_check *c = r.checks; c; c = c->next)
        if (strcmp(c->id, "file-hash") == 0 || strcmp(c->id, "model-card") == 0)
            assert_int_equal(c->result, CHECK_UNKNOWN);
    arena_free(arena);
    buffer_free(&hub->tree);
}

static void test_endless_pages(void **state)
{
    struct hub hub = { .pages = SIZE_MAX };
    (void)state;
    add_files(&hub, 0);
    assert_unlisted(&hub, "more than 500 pages");
    assert_int_equal(hub.asked, 500);
}

static void test_a_million_files(void **state)
{
    struct hub hub = { .pages = 0 };
    (void)state;
    add_files(&hub, 1000000); /* 3 million values */
    assert_unlisted(&hub, "too many values");
    hub = (struct hub){ .pages = 0 };
    add_files(&hub, FILES_MAX + 1);
    assert_unlisted(&hub, "more than 200000 files");
}

static void test_pages_that_add_up(void **state)
{
    struct hub hub = { .pages = SIZE_MAX };
    (void)state;
    add_files(&hub, 100000);
    assert_unlisted(&hub, "too many values");
    assert_true(hub.asked < 20);
}

static void test_an_answer_beyond_the_cap(void **state)
{
    struct hub hub = { .pages = 0 };
    (void)state;
    buffer_init(&hub.tree, (size_t)64 << 20);
    buffer_add_text(&hub.tree, "[\"");
    while (hub.tree.len <= REST_ANSWER_MAX)
        buffer_printf(&hub.tree, "%01000d", 0);
    buffer_add_text(&hub.tree, "\"]");
    assert_unlisted(&hub, "too large");
}

/* Out of memory wherever it happens: an error or the whole truth, never half of it. */
static void test_memory_that_ends(void **state)
{
    struct hub hub = { .pages = 1 };
    (void)state;
    bool ended = false;
    add_files(&hub, 3);
    for (size_t n = 0; !ended && n < 2000; n++) {
        struct arena *arena = arena_new((size_t)16 << 20);
        struct rest_result r = { 0 };
        enum rest_refusal refusal;
        struct error error = { .code = ERROR_NONE };
        hub.asked = 0;
        arena_fail_after(arena, n);
        if (ask(&hub, arena, &r, &refusal, &error)) {
            assert_false(arena_exhausted(arena));
            ended = true;
        } else {
            assert_true(error.message[0]);
        }
        arena_free(arena);
    }
    assert_true(ended);
    buffer_free(&hub.tree);
}

/* What the list says of paths is the finding trust/unsafe-listing, each time. */
static void test_findings_are_bounded(void **state)
{
    struct hub hub = { .pages = 0 };
    struct arena *arena = arena_new((size_t)64 << 20);
    struct rest_result r = { 0 };
    enum rest_refusal refusal;
    struct error error;
    (void)state;
    buffer_init(&hub.tree, (size_t)64 << 20);
    buffer_add_text(&hub.tree, "[0");
    for (size_t i = 0; i < 10000; i++)
        buffer_add_text(&hub.tree, ",{\"type\":\"file\",\"path\":\"/etc/passwd\"}");
    buffer_add_text(&hub.tree, "]");
    assert_true(ask(&hub, arena, &r, &refusal, &error));
    assert_int_equal(r.refused_files, 10000);
    assert_string_equal(r.findings.first->rule->id, "trust/unsafe-listing");
    assert_int_equal(r.findings.count, 10000);
    assert_true(r.findings.dropped >= 10000 - FINDINGS_MAX);
    assert_false(r.listed);
    arena_free(arena);
    buffer_free(&hub.tree);
}

/* ---- where a registry is asked ------------------------------------------------- */

static const char *const *settings; /* name, value, …, NULL */

static const char *setting(const char *name)
{
    for (size_t i = 0; settings[i]; i += 2)
        if (strcmp(settings[i], name) == 0)
            return settings[i + 1];
    return NULL;
}

static void test_endpoints(void **state)
{
    static const struct {
        const char *reference, *set[5], *url; /* NULL: an error */
        bool own;
    } cases[] = {
        {"hf:a/b",                                         { NULL },                                   "https://huggingface.co", true },
        { "https://hf.co/a/b",                             { NULL },                                   "https://huggingface.co", true },
        { "hf:a/b",
         { "HF_ENDPOINT", "https://m.acme.example/" },
         "https://m.acme.example",                                                                                               true },
        { "hf:a/b",                                        { "HF_ENDPOINT", "http://m.acme.example" }, NULL,                     false},
        { "hf:a/b",
         { "HF_ENDPOINT", "http://127.0.0.1:8080" },
         "http://127.0.0.1:8080",                                                                                                true },
        { "models:/m/1",                                   { NULL },                                   NULL,                     false},
        { "models:/m/1",
         { "MLFLOW_TRACKING_URI", "http://ml.acme.example:5000" },
         "http://ml.acme.example:5000",                                                                                          true },
        { "https://evil.example/#/models/m/versions/1",
         { "MLFLOW_TRACKING_URI", "https://ml.acme.example" },
         "https://evil.example",                                                                                                 false},
        { "https://ml.acme.example/#/models/m/versions/1",
         { "MLFLOW_TRACKING_URI", "https://ml.acme.example/p" },
         "https://ml.acme.example/p",                                                                                            true },
        { "sagemaker:g/1",
         { "AWS_REGION", "eu-west-1" },
         "https://api.sagemaker.eu-west-1.amazonaws.com",                                                                        true },
        { "sagemaker:g/1",                                 { "AWS_REGION", "evil.example/" },          NULL,                     false},
        { "sagemaker:g/1",                                 { "AWS_REGION", "x.evil" },                 NULL,                     false},
        { "vertex:p/us-central1/1",
         { NULL },
         "https://us-central1-aiplatform.googleapis.com",                                                                        true },
        { "gitlab:a/b:m@1",                                { NULL },                                   "https://gitlab.com",     true },
        { "gitlab:a/b:m@1",
         { "GITLAB_URL", "https://git.acme.example" },
         "https://git.acme.example",                                                                                             true },
        { "https://gitlab.evil.example/a/b/-/ml/models/4",
         { "GITLAB_URL", "https://git.acme.example" },
         "https://gitlab.evil.example",                                                                                          false},
        { "https://app.clear.ml/projects/0f1e2d3c4b5a69788796a5b4c3d2e1f0/models/"
          "3f2b8b6f7d3e4d4c9b1e0a5d6c7b8a99",     { NULL },
         "https://api.clear.ml",                                                                                                 true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *arena = arena_new(1 << 20);
        struct error error = { .code = ERROR_NONE };
        struct reference ref;
        const char *url = NULL;
        bool own = false;
        settings = cases[i].set;
        assert_true(registries_resolve(table, cases[i].reference, &ref, &error));
        bool ok = reference_fill(&ref, setting, &error) &&
                  registry_endpoint(&ref, setting, arena, &url, &own, &error);
        if (ok != (cases[i].url != NULL) || (ok && strcmp(url, cases[i].url) != 0) ||
            (ok && own != cases[i].own))
            fail_msg("%zu %s: %s own %d (%s)", i, cases[i].reference, url ? url : "-",
                     own, ok ? "" : error.message);
        reference_free(&ref);
        arena_free(arena);
    }
}

static void test_stanzas(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct error error;
    struct reference ref;
    struct registry_oci oci;
    struct registry_git git;
    struct registry_download download;
    (void)state;
    assert_true(registries_resolve(table, "ollama:llama3.2:3b", &ref, &error));
    assert_true(registry_oci(&ref, arena, &oci, &error));
    assert_string_equal(oci.repository, "library/llama3.2");
    assert_string_equal(oci.reference, "3b");
    assert_true(oci.fetch_config && oci.text_layer_count == 4);
    assert_false(registry_git(&ref, arena, &git, &error));
    reference_free(&ref);

    assert_true(registries_resolve(
        table, "dvc:https://git.acme.example/ml/r.git//m/f.pkl@v1", &ref, &error));
    assert_true(registry_git(&ref, arena, &git, &error));
    assert_string_equal(git.url, "https://git.acme.example/ml/r.git");
    assert_string_equal(git.ref, "v1");
    assert_string_equal(git.path, "m/f.pkl");
    reference_free(&ref);
    assert_true(registries_resolve(
        table, "dvc:https://git.acme.example/ml/r//m/f.pkl@--upload-pack=x", &ref,
        &error));
    assert_false(registry_git(&ref, arena, &git, &error));
    reference_free(&ref);

    const struct registry *hub = registries_find(table, "huggingface");
    assert_true(registry_download(hub, arena, &download));
    assert_string_equal(download.size_header, "X-Linked-Size");
    assert_int_equal(download.hash_headers[0].digits, 64);
    assert_true(registry_download_host(hub, hub->endpoint, "https://cas.xethub.hf.co/x"));
    assert_false(registry_download_host(hub, hub->endpoint, "https://evilhf.co/x"));
    assert_false(registry_download_host(hub, hub->endpoint, "http://cas.hf.co/x"));
    arena_free(arena);
}

/* ---- entries that ask in a wrong way --------------------------------------------- */

static const struct {
    const char *from, *to, *told; /* a part of the message */
} faults[] = {
    {"\"id\": \"info\"",                                                   "\"id\": \"Info\"",                                     "requests[0].id: must be a name"                 },
    { "\"id\": \"info\"",                                                  "\"id\": \"endpoint\"",                                 "requests[0].id: is taken"                       },
    { "\"id\": \"info\"",                                                  "\"ident\": \"info\"",                                  "requests[0].ident: unknown key"                 },
    { "\"required\": true",                                                "\"required\": 1",                                      "requests[0].required: must be true or"          },
    { "\"url\": \"{endpoint}/api/models/{org}/{model}/revision",
     "\"url\": \"https://{org}/api/models/{model}/revision",                                                                       "requests[0].url: must begin with {endpoint}"    },
    { "\"url\": \"{endpoint}/api/models/{org}/{model}/revision",
     "\"url\": \"http://x.example/{model}/revision",                                                                               "must begin with {endpoint}"                     },
    { "\"url\": \"{endpoint}/api/models/{org}/{model}/revision",
     "\"url\": \"{endpoint}.evil.example/{model}/revision",                                                                        "\"/\" must follow"                              },
    { "\"query\": { \"securityStatus\"",
     "\"hosts\": [\"x.example\"], \"query\": { \"securityStatus\"",                                                                "requests[0]: \"url_ptr\" needs \"hosts\""       },
    { "\"query\": { \"securityStatus\"",
     "\"url_ptr\": \"org#/x\", \"query\": { \"securityStatus\"",                                                                   "requests[0]: needs \"url\" or \"url_ptr\""      },
    { "\"required\": true",                                                "\"required\": true, \"optional\": 1",
     "requests[0].optional: must be true or"                                                                                                                                        },
    { "\"url\": \"{endpoint}/api/models/{org}/{model}/tree/{info#/sha}\"",
     "\"url_ptr\": \"info#/sha\", \"hosts\": [\"*\"]",                                                                             "requests[1].hosts[0]: must be a host"           },
    { "\"url\": \"{endpoint}/api/models/{org}/{model}/tree/{info#/sha}\"",
     "\"url_ptr\": \"info#/sha\"",                                                                                                 "requests[1]: \"url_ptr\" needs \"hosts\""       },
    { "\"url\": \"{endpoint}/api/models/{org}/{model}/tree/{info#/sha}\"",
     "\"url_ptr\": \"tree#/x\", \"hosts\": [\"x.example\"]",                                                                       "no request before this is called \"tree\""      },
    { "\"where\": [\"/type\", \"file\"]",                                  "\"where\": []",
     "files[0].where: must be [pointer, value], or"                                                                                                                                 },
    { "\"where\": [\"/type\", \"file\"]",                                  "\"where\": [\"/type\"], \"ref\": \"/x\"",
     "files[0]: \"storage\" and \"ref\" need \"schemes\""                                                                                                                           },
    { "\"where\": [\"/type\", \"file\"]",
     "\"where\": [\"/type\"], \"ref\": \"/x\", \"schemes\": [\"s3\"]",                                                             "files[0]: needs \"url\", \"url_ptr\" or \"ref\""},
    { "{org}/{model}/revision/{revision}",                                 "{org}/{model}/revision/{nobody}",
     "no pattern captures the variable \"nobody\", and no request before this sets it"                                                                                              },
    { "{org}/{model}/revision/{revision}",                                 "{org}/{model}/revision/{revision|rot13}",
     "is no filter"                                                                                                                                                                 },
    { "{org}/{model}/revision/{revision}",                                 "{org}/{model}/revision/{revision",
     "unbalanced"                                                                                                                                                                   },
    { "{org}/{model}/revision/{revision}",                                 "{org}/{model}/revision/{tree#/x}",
     "no request before this is called \"tree\""                                                                                                                                    },
    { "tree/{info#/sha}",                                                  "tree/{info#sha}",                                      "bad JSON pointer"                               },
    { "\"kind\": \"link\"",                                                "\"kind\": \"magic\"",                                  "must be link, token, url or page"               },
    { "\"kind\": \"link\"",                                                "\"kind\": \"token\"",                                  "needs \"next\""                                 },
    { "\"max\": 500",                                                      "\"max\": 100000",                                      "must be a number up to 1000"                    },
    { "\"unless\": [\"org\"]",                                             "\"unless\": [\"nobody\"]",
     "no pattern captures the variable \"nobody\""                                                                                                                                  },
    { "\"id\": \"info#/id\"",                                              "\"id\": \"/id\"",
     "a pointer alone is only for \"files\""                                                                                                                                        },
    { "\"id\": \"info#/id\"",                                              "\"id\": \"nobody#/id\"",
     "map.id: no request before this is called \"nobody\""                                                                                                                          },
    { "\"id\": \"info#/id\"",                                              "\"id\": { \"ptr\": \"info#/id\", \"tpl\": \"x\" }",
     "needs one of"                                                                                                                                                                 },
    { "\"id\": \"info#/id\"",                                              "\"id\": { \"ptr\": \"info#/id\", \"as\": \"rot13\" }",
     "is no conversion"                                                                                                                                                             },
    { "\"id\": \"info#/id\"",                                              "\"id\": { \"ptr\": \"info#/id\", \"as\": \"kv\" }",
     "\"kv\" needs \"key\""                                                                                                                                                         },
    { "\"id\": \"info#/id\"",
     "\"id\": { \"ptr\": \"info#/id\", \"as\": \"match\", \"re\": \"^(a{9999})$\" }",                                              "repeats more than 255 times"                    },
    { "\"id\": \"info#/id\"",                                              "\"id\": \"info!md5\"",                                 "only \"sha256\" and \"text\""                   },
    { "\"alg\": \"sha256\", \"ptr\"",                                      "\"alg\": \"rot13\", \"ptr\"",
     "files[0].hashes[0].alg"                                                                                                                                                       },
    { "\"enc\": \"hex\" },",                                               "\"enc\": \"octal\" },",                                "must be hex or base64"                          },
    { "\"where\": [\"/type\", \"file\"]",                                  "\"where\": [\"type\", \"file\"]",
     "files[0].where[0]: must be a JSON pointer"                                                                                                                                    },
    { "\"from\": \"tree#\"",                                               "\"from\": \"tree#\", \"storage\": \"tree#\"",
     "only one of"                                                                                                                                                                  },
    { "\"*.hf.co\"",                                                       "\"*\"",                                                "download.redirect_hosts[0]: must be a host"     },
    { "\"as\": \"gated\"",                                                 "\"as\": \"maybe\"",                                    "errors[2].as: must be not_found"                },
    { "\"status\": 404",                                                   "\"status\": 20",                                       "must be a status of HTTP"                       },
    { "\"#/error\"",                                                       "\"error\"",                                            "error_text[1]: must be \"@Header\" or"          },
    { "\"style\": \"r-t\"",                                                "\"style\": \"x\"",                                     "rate.style: must be"                            },
    { "[\"downloads\", \"gte\", 1000]",                                    "[\"downloads\", \"gte\", \"many\"]",
     "checks[1].ask[2]: must be a number"                                                                                                                                           },
    { "[\"downloads\", \"gte\", 1000]",                                    "[\"downloads\", \"near\", 1000]",
     "checks[1].ask: must be [variable or field"                                                                                                                                    },
    { "[\"downloads\", \"gte\", 1000]",                                    "[\"uploads\", \"gte\", 1000]",
     "no pattern captures the variable \"uploads\""                                                                                                                                 },
    { "[\"card\", \"present\"]",                                           "[\"card\", \"present\", true]",
     "checks[2].ask: must be ["                                                                                                                                                     },
    { "\"id\": \"license\", \"ask\"",                                      "\"id\": \"downloads\", \"ask\"",
     "there is another check \"downloads\""                                                                                                                                         },
    { "1000], \"else\": \"low\"",                                          "1000], \"else\": \"warn\"",
     "checks[1].else: must be info"                                                                                                                                                 },
    { "\"driver\": \"json-rest\"",                                         "\"driver\": \"oci\"",
     "requests: is for the driver json-rest"                                                                                                                                        },
    { "\"level\": \"low\", \"why\": \"the Hub disabled it\"",
     "\"level\": \"high\", \"why\": \"the Hub disabled it\"",                                                                      "may only lower the level"                       },
    { "[\"disabled\", \"is\", true]",                                      "[\"nobody\", \"is\", true]",
     "trust.rules[0].if[0][0]: no pattern captures"                                                                                                                                 },
    { "\"schema\": 1,",                                                    "\"schema\": 1, \"extends\": \"nobody\",",
     "extends: \"nobody\" must be an entry that extends none"                                                                                                                       },
    { "\"schema\": 1,",                                                    "\"schema\": 1, \"extends\": \"gitlab\",",
     "extends: \"gitlab\" must be an entry that extends none"                                                                                                                       },
};

static void test_every_fault_is_told(void **state)
{
    static char text[1 << 16], changed[1 << 17], path[96], directory[64];
    FILE *f = fopen("registries.d/huggingface.json", "r");
    (void)state;
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    (void)fclose(f);
    (void)snprintf(directory, sizeof directory, "/tmp/assay-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/huggingface.json", directory);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const char *at = strstr(text, faults[i].from);
        struct buffer report;
        if (!at)
            fail_msg("%s is not there", faults[i].from);
        (void)snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text,
                       faults[i].to, at + strlen(faults[i].from));
        f = fopen(path, "w");
        assert_non_null(f);
        assert_true(fputs(changed, f) >= 0);
        assert_int_equal(fclose(f), 0);
        buffer_init(&report, 1 << 16);
        bool valid = registry_check(path, table, &report);
        if (valid || !strstr(report.text, faults[i].told) ||
            strncmp(report.text, path, strlen(path)) != 0)
            fail_msg("%s: wanted %s, got %s", faults[i].to, faults[i].told,
                     valid ? "nothing" : report.text);
        buffer_free(&report);
    }
    (void)unlink(path);
    (void)rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endless_pages),
        cmocka_unit_test(test_a_million_files),
        cmocka_unit_test(test_pages_that_add_up),
        cmocka_unit_test(test_an_answer_beyond_the_cap),
        cmocka_unit_test(test_memory_that_ends),
        cmocka_unit_test(test_findings_are_bounded),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_stanzas),
        cmocka_unit_test(test_every_fault_is_told),
    };
    return cmocka_run_group_tests(tests, load_table, free_table);
}
