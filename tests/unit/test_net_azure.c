/* Requests signed with the key of a storage account.  The signatures were computed with
 * another HMAC over the texts that "Authorize with Shared Key" prescribes. */
#include "unit.h"

#include "net/azure.h"

#include <string.h>

#define DATE "Sun, 27 Sep 2009 22:33:07 GMT"
#define SECRET                                                                           \
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/"                    \
    "K1SZFPTOtr/KBHBeksoGMGw=="

static char account[] = "devstoreaccount1", secret[] = SECRET;
static const struct azure_key key = { .account = account, .secret = secret };

static void expect_signature(const char *url, const char *const *headers,
                             const char *wanted)
{
    struct buffer value;
    buffer_init(&value, 1024);
    assert_true(azure_sign(&key, HTTP_GET, url, headers, &value));
    assert_string_equal(value.text, wanted);
    buffer_free(&value);
}

/* GET, eleven empty lines, x-ms-date and x-ms-version, then
 * /devstoreaccount1/models, comp:list, marker:a b/c, prefix:fraud/v1, restype:container
 */
static void test_a_list(void **state)
{
    static const char *const headers[] = { "X-MS-Version:  2021-08-06 ",
                                           "Accept: text/xml", "x-ms-date: " DATE, NULL };
    (void)state;
    expect_signature(
        "https://devstoreaccount1.blob.core.windows.net/"
        "models?restype=container&comp=list&prefix=fraud%2Fv1&Marker=a%20b/c",
        headers, "devstoreaccount1:ufYXTz8YcXhi84AdFEgZPXEF2vN0pfBNgkvnJLJNUkc=");
}

/* The path stays encoded, and a range is signed. */
static void test_a_part_of_a_blob(void **state)
{
    static const char *const headers[] = { "Range: bytes=7-", "x-ms-date: " DATE,
                                           "x-ms-version: 2021-08-06", NULL };
    (void)state;
    expect_signature(
        "https://devstoreaccount1.blob.core.windows.net/models/fraud/a%20b.bin", headers,
        "devstoreaccount1:SbySO7lQUDeM96X9tFcTxSDxYUf6VPWCwbiclStuxNc=");
}

static void test_what_cannot_be_signed(void **state)
{
    static const char *const headers[] = { "x-ms-date: " DATE, NULL };
    char none[] = "not base64!";
    const struct azure_key bad = { .account = account, .secret = none };
    struct buffer value, url;
    (void)state;
    buffer_init(&value, 1024);
    assert_false(azure_sign(&bad, HTTP_GET, "https://a/b", headers, &value));
    assert_false(azure_sign(&key, HTTP_POST, "https://a/b", headers, &value));
    assert_false(azure_sign(&key, HTTP_GET, "no URL", headers, &value));
    assert_false(azure_sign(&key, HTTP_GET, "https://a/b?c=d&C=e", headers, &value));
    buffer_init(&url, 1024);
    buffer_add_text(&url, "https://a/b?");
    for (int i = 0; i < 20; i++)
        buffer_printf(&url, "p%d=x&", i);
    assert_false(azure_sign(&key, HTTP_GET, url.text, headers, &value));
    buffer_free(&url);
    buffer_free(&value);
}

/* ---- where the key is ------------------------------------------------------------ */

static const char *connection, *name, *word;

static const char *environment(const char *variable)
{
    return strcmp(variable, "AZURE_STORAGE_CONNECTION_STRING") == 0 ? connection
           : strcmp(variable, "AZURE_STORAGE_ACCOUNT") == 0         ? name
           : strcmp(variable, "AZURE_STORAGE_KEY") == 0             ? word
                                                                    : NULL;
}

static void test_keys(void **state)
{
    const struct auth_place place = { environment, NULL };
    struct azure_key found = { .account = NULL };
    struct error error;
    (void)state;
    assert_true(azure_key_find(&place, &found, &error));
    assert_null(found.account);
    name = "acme";
    assert_true(azure_key_find(&place, &found, &error));
    assert_null(found.account);
    word = SECRET;
    assert_true(azure_key_find(&place, &found, &error));
    assert_string_equal(found.account, "acme");
    assert_string_equal(found.source, "AZURE_STORAGE_KEY");
    azure_key_wipe(&found);
    connection =
        "DefaultEndpointsProtocol=https;AccountName=devstoreaccount1;AccountKey=" SECRET
        ";EndpointSuffix=core.windows.net";
    assert_true(azure_key_find(&place, &found, &error));
    assert_string_equal(found.account, "devstoreaccount1");
    assert_string_equal(found.secret, SECRET);
    assert_string_equal(found.source, "AZURE_STORAGE_CONNECTION_STRING");
    azure_key_wipe(&found);
    azure_key_wipe(&found);
    for (int i = 0; i < 3; i++) {
        static const char *const bad[] = { "AccountName=a/../b;AccountKey=" SECRET,
                                           "AccountName=acme;AccountKey=tooshort?",
                                           "AccountName=ACME;AccountKey=" SECRET };
        connection = bad[i];
        assert_false(azure_key_find(&place, &found, &error));
        assert_null(strstr(error.message, "tooshort"));
        assert_int_equal(error.code, ERROR_CONFIG);
    }
    connection = name = word = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list),
        cmocka_unit_test(test_a_part_of_a_blob),
        cmocka_unit_test(test_what_cannot_be_signed),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
