/* URLs, of references and of answers, and their canonical forms as AWS and Azure sign
 * them.  What passes is written in one way, names one host in a plain spelling, and
 * passes again. */
#include "net/azure.h"
#include "net/sigv4.h"
#include "net/url.h"
#include "registry/uri.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void require_plain(const char *text)
{
    for (; *text; text++)
        require((unsigned char)*text > 0x20 && (unsigned char)*text < 0x7f &&
                *text != '\\');
}

static void require_canonical(const struct url *url)
{
    struct error error;
    struct url again;
    struct buffer shown;
    char origin[URL_ORIGIN_MAX + 1];
    require_plain(url->text);
    require_plain(url->origin.host);
    require(!strpbrk(url->origin.host, "@/?#%"));
    web_origin_text(&url->origin, origin);
    require(strncmp(url->text, origin, strlen(origin)) == 0 || url->origin.port);
    require(url_parse(url->text, &again, &error));
    require(strcmp(again.text, url->text) == 0);
    require(web_origin_equal(&again.origin, &url->origin));
    url_free(&again);
    buffer_init(&shown, URL_MAX);
    url_for_people(url->text, &shown);
    require(!shown.text || !strchr(shown.text, '=') || !strchr(url->text, '?') ||
            strchr(url->text, '=') < strchr(url->text, '?'));
    buffer_free(&shown);
}

static void require_signable(const struct url *url)
{
    static const char *const headers[] = { "x-amz-date: 20150830T123600Z", NULL };
    char id[] = "AKIA", secret[] = "secret", word[] = "c2VjcmV0";
    const struct sigv4_key key = { .id = id, .secret = secret };
    const struct sigv4_request q = { .method = "GET",
                                     .url = url->text,
                                     .headers = headers,
                                     .payload = "UNSIGNED-PAYLOAD",
                                     .region = "us-east-1",
                                     .service = "s3",
                                     .time = 1440938160 };
    struct buffer value;
    buffer_init(&value, 4096);
    if (sigv4_sign(&key, &q, &value)) {
        for (size_t i = 0; i < value.len; i++)
            require(value.text[i] >= 0x20 && value.text[i] != 0x7f);
        require(strstr(value.text, "Signature=") != NULL);
    }
    buffer_clear(&value);
    const struct azure_key account = { .account = id, .secret = word };
    if (azure_sign(&account, HTTP_GET, url->text, headers, &value))
        require(value.len == sizeof id + 44);
    buffer_free(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = { .code = ERROR_NONE };
    struct url base, url;
    struct uri uri;
    struct buffer plain;
    char *text = malloc(size + 1);
    require(text != NULL);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    if (url_parse(text, &url, &error)) {
        require_canonical(&url);
        require_signable(&url);
        url_free(&url);
    } else {
        require(error.code != ERROR_NONE && error.message[0]);
    }
    require(url_parse("https://hub.test/a/b?c=d", &base, &error));
    if (url_resolve(&base, text, &url, &error)) {
        require_canonical(&url);
        url_free(&url);
    }
    url_free(&base);
    if (uri_parse(text, &uri, &error))
        require(uri.scheme[0] && uri.rest.len <= size);
    buffer_init(&plain, URI_MAX);
    if (!uri_decode(span_of_text(text), &plain))
        require(plain.len <= strlen(text));
    buffer_free(&plain);
    free(text);
    return 0;
}
