/* References opened and loaded, over servers that are tables of answers. */
#include "unit.h"

#include "played.h"
#include "sources/remote.h"

#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#define COMMIT  "607a30d783dfa663caf39e06633721c8d4cfcd7e"
#define HUB     "https://huggingface.co"
#define BUCKET  "https://uc-bucket.s3.us-east-1.amazonaws.com/"
#define WEIGHTS "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"

static const struct row {
    const char *url, *body, *header; /* body "!": no such thing */
    unsigned status;                 /* 0: 200 */
} * rows;

static struct played play(const struct http_request *q)
{
    for (const struct row *r = rows; r && r->url; r++)
        if (strncmp(q->url, r->url, strlen(r->url)) == 0)
            return (struct played){ .status = r->status ? r->status : 200,
                                    .headers = { r->header },
                                    .body = span_of_text(r->body) };
    return (struct played){ .status = 404, .body = span_of_text("{}") };
}

/* ---- around each test ------------------------------------------------------------ */

static struct registries *table;
static char directory[64];
static const char *variable, *value;

static const char *environment(const char *name)
{
    return variable && strcmp(name, variable) == 0 ? value : NULL;
}

static int forget(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static int start(void **state)
{
    const char *const directories[] = { "registries.d", NULL };
    struct error error;
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/assay-remote-XXXXXX");
    table = registries_load(directories, &error);
    return table && mkdtemp(directory) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    registries_free(table);
    return nftw(directory, forget, 8, FTW_DEPTH | FTW_PHYS);
}

static struct remote *open_with(const struct row *answers, const char *reference,
                                struct remote_options *o, struct error *error)
{
    rows = answers;
    *o = (struct remote_options){ .registries = table,
                                  .environment = environment,
                                  .cache = directory };
    *error = (struct error){ .code = ERROR_NONE };
    return remote_open(reference, o, error);
}

/* ---- a registry ------------------------------------------------------------------ */

#define FILE_ROW(path, sha256)                                                           \
    "{\"type\":\"file\",\"path\":\"" path "\",\"size\":7,\"oid\":\"" COMMIT              \
    "\",\"lfs\":{\"oid\":\"" sha256 "\",\"size\":7}}"

static const struct row hub[] = {
    {HUB "/api/models/acme/tiny/revision/",
     "{\"id\":\"acme/tiny\",\"author\":\"acme\",\"sha\":\"" COMMIT "\"}", NULL,                          0                                           },
    { HUB "/api/models/acme/tiny/tree/",
     "[" FILE_ROW("z.bin",                                                WEIGHTS) "," FILE_ROW("a.bin", WEIGHTS) "]",                                 NULL, 0 },
    { HUB "/acme/tiny/resolve/" COMMIT "/a.bin",                                    "weights",                                                               NULL,                                                   0                                                  },
    { HUB "/acme/tiny/resolve/" COMMIT "/z.bin",                                    "other !",                                                               NULL, 0},
    { NULL,                                    NULL,                                                               NULL,                                                                                        0                                                                                                                                              }
};

static void test_a_model_is_listed_and_loaded(void **state)
{
    struct remote_options o;
    struct error error;
    char text[8] = "";
    struct remote *r = open_with(hub, "hf:acme/tiny", &o, &error);
    (void)state;
    assert_non_null(r);
    assert_string_equal(remote_endpoint(r), HUB);
    assert_null(remote_credential(r));
    assert_null(remote_moved_from(r));
    assert_int_equal(remote_answers(r)->trust, TRUST_MEDIUM);
    assert_true(remote_answers(r)->listed);
    assert_int_equal(remote_count(r), 2);
    assert_string_equal(remote_file(r, 0)->path, "a.bin");
    assert_null(remote_file_problem(r, 0));
    const struct download_result *first = remote_load(r, 0);
    assert_int_equal(first->state, DOWNLOAD_DONE);
    assert_string_equal(first->sha256, WEIGHTS);
    assert_int_equal(pread(first->fd, text, 7, 0), 7);
    assert_string_equal(text, "weights");
    assert_null(remote_foreign_host(r, 0));
    remote_release(r, 0);
    assert_int_equal(remote_load(r, 1)->state,
                     DOWNLOAD_MISMATCH); /* as long, and wrong */
    remote_close(r);
}

static void test_one_file_of_a_model(void **state)
{
    struct remote_options o;
    struct error error;
    struct remote *r = open_with(hub, "hf:acme/tiny@main/z.bin", &o, &error);
    (void)state;
    assert_non_null(r);
    assert_int_equal(remote_count(r), 1);
    assert_string_equal(remote_file(r, 0)->path, "z.bin");
    remote_close(r); /* nothing was loaded */
    assert_null(open_with(hub, "hf:acme/tiny@main/none.bin", &o, &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    remote_close(NULL);
}

static void test_the_credential_is_named_and_goes_to_its_endpoint(void **state)
{
    struct remote_options o;
    struct error error;
    (void)state;
    variable = "HF_TOKEN";
    value = "secret";
    struct remote *r = open_with(hub, "hf:acme/tiny", &o, &error);
    assert_non_null(r);
    assert_string_equal(remote_credential(r), "HF_TOKEN");
    remote_close(r);
    value = "two\nlines";
    assert_null(open_with(hub, "hf:acme/tiny", &o, &error));
    assert_int_equal(error.code, ERROR_CONFIG);
    assert_null(strstr(error.message, "lines"));
    variable = NULL;
}

/* ---- refusals -------------------------------------------------------------------- */

static void test_refusals_have_their_kinds(void **state)
{
    static const struct {
        unsigned status;
        enum error_code code;
        bool retryable;
    } cases[] = {
        {404,  ERROR_NOT_FOUND, false},
        { 403, ERROR_NETWORK,   false},
        { 429, ERROR_NETWORK,   true },
        { 500, ERROR_NETWORK,   true },
    };
    struct remote_options o;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct row answers[] = {
            {HUB,   "{}", NULL, cases[i].status},
            { NULL, NULL, NULL, 0              }
        };
        assert_null(open_with(answers, "hf:acme/tiny", &o, &error));
        assert_int_equal(error.code, cases[i].code);
        assert_int_equal(error.retryable, cases[i].retryable);
    }
    assert_null(open_with(NULL, "hf:acme", &o, &error));
    assert_int_equal(error.code, ERROR_USAGE);
    assert_null(open_with(NULL, "models:/fraud/3", &o, &error)); /* no server is set */
    assert_int_equal(error.code, ERROR_USAGE);
}

static void test_what_is_a_reference(void **state)
{
    (void)state;
    assert_true(remote_is_reference(table, "hf:acme/tiny"));
    assert_true(remote_is_reference(table, "s3://bucket/key"));
    assert_true(remote_is_reference(table, "https://hub.test/m/a.bin"));
    assert_false(remote_is_reference(table, "acme/tiny"));
    assert_false(remote_is_reference(table, "./hf:acme/tiny"));
    assert_false(remote_is_reference(table, "ssh://host/x"));
}

/* ---- places ---------------------------------------------------------------------- */

#define OBJECT(key, size)                                                                \
    "<Contents><Key>models/5c1f/versions/8a2b/" key "</Key><Size>" size                  \
    "</Size></Contents>"

/* A bucket that a registry names: what is wrong with its list is said of the model. */
static void test_a_bucket_of_a_registry(void **state)
{
    static const struct row answers[] = {
        {"https://acme.cloud.databricks.com/api/2.1/unity-catalog/",
         "{\"model_name\":\"fraud\",\"catalog_name\":\"main\",\"schema_name\":\"risk\","
          "\"version\":3,\"status\":\"READY\","
          "\"storage_location\":\"s3://uc-bucket/models/5c1f/versions/8a2b\"}",                   NULL,                                                                                 0                                                                                                                                                                      },
        { BUCKET "?list-type",
         "<ListBucketResult>" OBJECT("a.bin",                                                     "7") OBJECT("../../x",                                                                "1")
              OBJECT("twice",                                                                                                                                                                                                            "1") OBJECT("twice", "2") "</ListBucketResult>",
         NULL, 0 },
        { BUCKET,                                "weights",                                                                                    "ETag: \"63f4f1e9b725370f459720575cd5f953\"",                                                                                                                                                                       0                                                                                                                                                                                                                                                                                                                                            },
        { NULL,                  NULL,NULL,0}
    };
    struct remote_options o;
    struct error error;
    (void)state;
    variable = "DATABRICKS_HOST";
    value = "https://acme.cloud.databricks.com";
    struct remote *r = open_with(answers, "databricks:main.risk.fraud/3", &o, &error);
    assert_non_null(r);
    assert_int_equal(remote_count(r), 1);
    assert_string_equal(remote_file(r, 0)->path, "a.bin");
    assert_string_equal(remote_file(r, 0)->hashes->algorithm, "md5");
    assert_false(remote_answers(r)->listed);
    assert_int_equal(remote_answers(r)->findings.count, 2);
    assert_int_equal(remote_answers(r)->refused_files, 2);
    assert_int_equal(remote_load(r, 0)->state, DOWNLOAD_DONE);
    remote_close(r);
    variable = NULL;
}

static void test_an_address_that_no_registry_claims(void **state)
{
    static const struct row answers[] = {
        {"https://hub.test/m/a.bin", "weights", "ETag: \"x\"", 0},
        { NULL,                      NULL,      NULL,          0}
    };
    struct remote_options o;
    struct error error;
    struct remote *r = open_with(answers, "https://hub.test/m/a.bin", &o, &error);
    (void)state;
    assert_non_null(r);
    assert_null(remote_reference(r)->registry);
    assert_int_equal(remote_answers(r)->trust, TRUST_UNKNOWN);
    assert_string_equal(remote_endpoint(r), "");
    assert_int_equal(remote_load(r, 0)->state, DOWNLOAD_DONE);
    assert_null(remote_foreign_host(r, 0));
    remote_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_model_is_listed_and_loaded),
        cmocka_unit_test(test_one_file_of_a_model),
        cmocka_unit_test(test_the_credential_is_named_and_goes_to_its_endpoint),
        cmocka_unit_test(test_refusals_have_their_kinds),
        cmocka_unit_test(test_what_is_a_reference),
        cmocka_unit_test(test_a_bucket_of_a_registry),
        cmocka_unit_test(test_an_address_that_no_registry_claims),
    };
    return cmocka_run_group_tests(tests, start, end);
}
