/* SigV4: the signatures that AWS publishes for its own test requests. */
#include "unit.h"

#include "net/aws.h"

#include <stdlib.h>
#include <string.h>

static const char empty[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* The AWS Signature Version 4 test suite. */
static const struct sigv4_key suite = {
    .id = (char *)(uintptr_t) "AKIDEXAMPLE",
    .secret = (char *)(uintptr_t) "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
};
/* Amazon S3 API reference, "Signature calculations: header-based". */
static const struct sigv4_key s3 = {
    .id = (char *)(uintptr_t) "AKIAIOSFODNN7EXAMPLE",
    .secret = (char *)(uintptr_t) "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
};

static void expect(const struct sigv4_key *key, const struct sigv4_request *q,
                   const char *headers, const char *signature)
{
    struct buffer value;
    char wanted[512], when[SIGV4_TIME + 1];
    buffer_init(&value, 4096);
    sigv4_time(q->time, when);
    (void)snprintf(
        wanted, sizeof wanted,
        "Credential=%s/%.8s/%s/%s/aws4_request, SignedHeaders=%s, Signature=%s", key->id,
        when, q->region, q->service, headers, signature);
    assert_true(sigv4_sign(key, q, &value));
    assert_string_equal(value.text, wanted);
    buffer_free(&value);
}

static void test_suite(void **state)
{
    static const char *const date[] = { "x-amz-date:20150830T123600Z", NULL };
    static const struct {
        const char *method, *url, *signature;
    } cases[] = {
        {"GET",   "https://example.amazonaws.com/",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"                                                                       },
        { "GET",  "https://example.amazonaws.com/?Param2=value2&Param1=value1",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"                                                                       },
        { "GET",  "https://example.amazonaws.com/%E1%88%B4",
         "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"                                                                       },
        { "GET",
         "https://example.amazonaws.com/"
          "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
        { "POST", "https://example.amazonaws.com/",
         "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"                                                                       },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sigv4_request q = { .method = cases[i].method,
                                         .url = cases[i].url,
                                         .headers = date,
                                         .payload = empty,
                                         .region = "us-east-1",
                                         .service = "service",
                                         .time = 1440938160 };
        expect(&suite, &q, "host;x-amz-date", cases[i].signature);
    }
}

static void test_s3(void **state)
{
    static const char *const range[] = {
        "range:bytes=0-9",
        "x-amz-content-sha256:"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-amz-date:20130524T000000Z", NULL
    };
    struct sigv4_request q = { .method = "GET",
                               .url = "https://examplebucket.s3.amazonaws.com/test.txt",
                               .headers = range,
                               .payload = empty,
                               .region = "us-east-1",
                               .service = "s3",
                               .time = 1369353600 };
    (void)state;
    expect(&s3, &q, "host;range;x-amz-content-sha256;x-amz-date",
           "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    q.headers = range + 1;
    q.url = "https://examplebucket.s3.amazonaws.com/?lifecycle";
    expect(&s3, &q, "host;x-amz-content-sha256;x-amz-date",
           "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    q.url = "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J";
    expect(&s3, &q, "host;x-amz-content-sha256;x-amz-date",
           "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void test_limits(void **state)
{
    struct buffer url, value;
    struct sigv4_request q = { "GET", NULL, NULL, empty, "r", "s", 0 };
    (void)state;
    buffer_init(&url, 8192);
    buffer_init(&value, 4096);
    buffer_add_text(&url, "https://host/?a");
    for (int i = 0; i < 100; i++)
        buffer_add_text(&url, "&a");
    q.url = url.text;
    assert_false(
        sigv4_sign(&suite, &q, &value)); /* never a signature over half a query */
    buffer_free(&url);
    buffer_free(&value);
}

static const char *no_variable(const char *name)
{
    (void)name;
    return NULL;
}

static const char *region_variable(const char *name)
{
    return strcmp(name, "AWS_DEFAULT_REGION") == 0 ? "eu-north-1" : NULL;
}

static void test_targets(void **state)
{
    static const char *const headers[] = { "Accept: x",
                                           "X-Amz-Target: SageMaker.ListTags", NULL };
    static const struct {
        const char *host, *region, *service;
    } cases[] = {
        {"models.s3.eu-west-1.amazonaws.com",      "eu-west-1",  "s3"       },
        { "a.b.s3.eu-west-1.amazonaws.com",        "eu-west-1",  "s3"       },
        { "s3.amazonaws.com",                      "us-east-1",  "s3"       },
        { "s3.cn-north-1.amazonaws.com.cn",        "cn-north-1", "s3"       },
        { "api.sagemaker.us-west-2.amazonaws.com", "us-west-2",  "sagemaker"},
    };
    const struct auth_place place = { no_variable, NULL };
    const struct auth_place nordic = { region_variable, NULL };
    struct aws_target t;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aws_target_of(cases[i].host, NULL, &nordic, &t);
        assert_string_equal(t.region, cases[i].region);
        assert_string_equal(t.service, cases[i].service);
    }
    aws_target_of("127.0.0.1", headers, &nordic, &t);
    assert_string_equal(t.region, "eu-north-1");
    assert_string_equal(t.service, "sagemaker");
    aws_target_of("minio.example", NULL, &place, &t);
    assert_string_equal(t.region, "us-east-1");
    assert_string_equal(t.service, "s3");
}

static const char *two_variables(const char *name)
{
    return strcmp(name, "ID") == 0       ? "AKIA"
           : strcmp(name, "SECRET") == 0 ? "s3cret"
                                         : NULL;
}

static const char *half_a_key(const char *name)
{
    return strcmp(name, "ID") == 0 ? "AKIA" : NULL;
}

static void test_keys(void **state)
{
    static const char *const env[] = { "ID", "SECRET", "TOKEN", NULL };
    static const char *const none[] = { NULL };
    const struct auth_method m = { .kind = AUTH_SIGV4, .env = env, .files = none };
    const struct auth_place whole = { two_variables, "/nowhere" };
    const struct auth_place half = { half_a_key, "/nowhere" };
    const struct auth_place nothing = { no_variable, "/nowhere" };
    struct sigv4_key key = { 0 };
    struct error error = { 0 };
    (void)state;
    assert_true(sigv4_key_find(&m, &whole, &key, &error));
    assert_string_equal(key.id, "AKIA");
    assert_string_equal(key.secret, "s3cret");
    assert_null(key.token);
    sigv4_key_wipe(&key);
    assert_false(sigv4_key_find(&m, &half, &key, &error));
    assert_int_equal(error.code, ERROR_CONFIG);
    assert_true(sigv4_key_find(&m, &nothing, &key, &error));
    assert_null(key.id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite),  cmocka_unit_test(test_s3),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_targets),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
