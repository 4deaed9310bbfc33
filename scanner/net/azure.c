#include "net/azure.h"
#include "net/url.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { KEY_MAX = 512, DIGEST_SIZE = 32, LINES_MAX = 24, PARAMETERS_MAX = 16 };

/* ---- the key --------------------------------------------------------------------- */

struct span azure_connection_part(const char *text, const char *name)
{
    size_t n = strlen(name);
    while (text && *text) {
        size_t part = strcspn(text, ";");
        if (part > n && strncasecmp(text, name, n) == 0 && text[n] == '=')
            return span_of(text + n + 1, part - n - 1);
        text += part + (text[part] == ';');
    }
    return span_of(NULL, 0);
}

static const char *variable(const struct auth_place *place, const char *name)
{
    const char *value = place->env ? place->env(name) : NULL;
    return value && *value ? value : NULL;
}

static char *copy_of(struct span text)
{
    return text.len ? strndup((const char *)text.ptr, text.len) : NULL;
}

/* Names of accounts are part of a host and of what is signed. */
static bool account_valid(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && n <= 63 &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789")] == '\0';
}

/* The bytes of the key; their number, 0 when it is none. */
static size_t key_bytes(const char *secret, uint8_t ret[KEY_MAX])
{
    size_t n = strlen(secret), padding = 0;
    if (n == 0 || n % 4 != 0 || n / 4 * 3 > KEY_MAX)
        return 0;
    while (padding < 2 && secret[n - 1 - padding] == '=')
        padding++;
    int got = EVP_DecodeBlock(ret, (const uint8_t *)secret, (int)n);
    return got > 0 && (size_t)got > padding ? (size_t)got - padding : 0;
}

bool azure_key_find(const struct auth_place *place, struct azure_key *ret_key,
                    struct error *error)
{
    const char *connection = variable(place, "AZURE_STORAGE_CONNECTION_STRING");
    struct span name = azure_connection_part(connection, "AccountName");
    struct span secret = azure_connection_part(connection, "AccountKey");
    struct azure_key key = { .source = "AZURE_STORAGE_CONNECTION_STRING" };
    uint8_t bytes[KEY_MAX];
    if (!name.len || !secret.len) {
        const char *account = variable(place, "AZURE_STORAGE_ACCOUNT");
        const char *word = variable(place, "AZURE_STORAGE_KEY");
        key.source = "AZURE_STORAGE_KEY";
        name = span_of_text(account ? account : "");
        secret = span_of_text(word ? word : "");
    }
    if (!name.len || !secret.len)
        return true;
    key.account = copy_of(name);
    key.secret = copy_of(secret);
    bool memory = key.account && key.secret;
    bool good = memory && account_valid(key.account) && key_bytes(key.secret, bytes) > 0;
    secret_wipe(bytes, sizeof bytes);
    if (good) {
        *ret_key = key;
        return true;
    }
    azure_key_wipe(&key);
    return memory ? error_set(error, ERROR_CONFIG,
                              "%s holds no account name and key of Azure", key.source)
                  : error_set(error, ERROR_MEMORY, "out of memory");
}

void azure_key_wipe(struct azure_key *key)
{
    if (key->secret)
        secret_wipe(key->secret, strlen(key->secret));
    free(key->secret);
    free(key->account);
    key->secret = key->account = NULL;
}

/* ---- what is signed -------------------------------------------------------------- */

/* The value of a header, without the white space around it; empty: it is not sent. */
static struct span header_value(const char *const *headers, const char *name)
{
    size_t n = strlen(name);
    for (; headers && *headers; headers++) {
        if (strncasecmp(*headers, name, n) != 0 || (*headers)[n] != ':')
            continue;
        const char *value = *headers + n + 1;
        value += strspn(value, " ");
        size_t len = strlen(value);
        while (len > 0 && value[len - 1] == ' ')
            len--;
        return span_of(value, len);
    }
    return span_of(NULL, 0);
}

static int by_name(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcasecmp(*left, *right);
}

static void add_lower(struct buffer *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        buffer_printf(out, "%c", tolower(text.ptr[i]));
}

/* Every x-ms-* header: "name:value\n", the name in lower case. */
static bool add_headers(struct buffer *out, const char *const *headers)
{
    const char *sorted[LINES_MAX];
    size_t count = 0;
    for (; headers && *headers; headers++) {
        if (strncasecmp(*headers, "x-ms-", 5) != 0)
            continue;
        if (count == LINES_MAX)
            return false;
        sorted[count++] = *headers;
    }
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 0; i < count; i++) {
        const char *const one[] = { sorted[i], NULL };
        char name[64];
        size_t n = strcspn(sorted[i], ":");
        if (n >= sizeof name)
            return false;
        memcpy(name, sorted[i], n);
        name[n] = '\0';
        add_lower(out, span_of(name, n));
        buffer_add_text(out, ":");
        buffer_add(out, header_value(one, name));
        buffer_add_text(out, "\n");
    }
    return true;
}

struct parameter {
    struct span name, value; /* as in the URL */
};

static int by_parameter(const void *a, const void *b)
{
    const struct parameter *left = a, *right = b;
    size_t n = left->name.len < right->name.len ? left->name.len : right->name.len;
    int order =
        n ? strncasecmp((const char *)left->name.ptr, (const char *)right->name.ptr, n)
          : 0;
    return order                              ? order
           : left->name.len < right->name.len ? -1
                                              : left->name.len > right->name.len;
}

static void add_decoded(struct buffer *out, struct span text)
{
    for (size_t at = 0; at < text.len;) {
        uint8_t byte = url_decoded_byte(text, &at);
        buffer_add(out, span_of(&byte, 1));
    }
}

/* "/account/path", then each parameter as "\nname:value", by name.  The same one twice is
 * nothing that we send. */
static bool add_resource(struct buffer *out, const char *account, const char *url)
{
    struct parameter list[PARAMETERS_MAX];
    size_t count = 0;
    const char *host = strstr(url, "://");
    if (!host)
        return false;
    const char *path = host + 3 + strcspn(host + 3, "/?");
    size_t n = strcspn(path, "?");
    buffer_printf(out, "/%s%.*s", account, n ? (int)n : 1, n ? path : "/");
    for (const char *at = path + n; *at;) {
        size_t len = strcspn(++at, "&");
        struct span one = span_of(at, len);
        size_t equal = span_find(one, "=", 0);
        at += len;
        if (len == 0)
            continue;
        if (count == PARAMETERS_MAX)
            return false;
        list[count].name = span_slice(one, 0, equal);
        list[count++].value =
            equal == SIZE_MAX ? span_of(NULL, 0) : span_slice(one, equal + 1, one.len);
    }
    qsort(list, count, sizeof *list, by_parameter);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && by_parameter(&list[i - 1], &list[i]) == 0)
            return false;
        buffer_add_text(out, "\n");
        add_lower(out, list[i].name);
        buffer_add_text(out, ":");
        add_decoded(out, list[i].value);
    }
    return true;
}

static bool string_to_sign(const struct azure_key *key, enum http_method method,
                           const char *url, const char *const *headers,
                           struct buffer *out)
{
    static const char *const methods[] = { "GET", "HEAD", "POST" };
    /* in this order; the date is in x-ms-date, and nothing that is sent has a body */
    static const char *const names[] = { "Content-Encoding",
                                         "Content-Language",
                                         "Content-Length",
                                         "Content-MD5",
                                         "Content-Type",
                                         "Date",
                                         "If-Modified-Since",
                                         "If-Match",
                                         "If-None-Match",
                                         "If-Unmodified-Since",
                                         "Range" };
    buffer_printf(out, "%s\n", methods[method]);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        buffer_add(out, header_value(headers, names[i]));
        buffer_add_text(out, "\n");
    }
    return add_headers(out, headers) && add_resource(out, key->account, url) &&
           !out->truncated;
}

bool azure_sign(const struct azure_key *key, enum http_method method, const char *url,
                const char *const *headers, struct buffer *ret_value)
{
    uint8_t secret[KEY_MAX], digest[DIGEST_SIZE];
    uint8_t encoded[(DIGEST_SIZE + 2) / 3 * 4 + 1];
    struct buffer text;
    size_t n = key_bytes(key->secret, secret);
    buffer_init(&text, 4 * URL_MAX);
    bool ok = n > 0 && method != HTTP_POST &&
              string_to_sign(key, method, url, headers, &text) &&
              HMAC(EVP_sha256(), secret, (int)n, (const uint8_t *)text.text, text.len,
                   digest, NULL) != NULL;
    if (ok) {
        (void)EVP_EncodeBlock(encoded, digest, DIGEST_SIZE);
        buffer_printf(ret_value, "%s:%s", key->account, (const char *)encoded);
    }
    secret_wipe(secret, sizeof secret);
    buffer_free(&text);
    return ok && !ret_value->truncated;
}

/* ---- requests -------------------------------------------------------------------- */

/* "Mon, 02 Jan 2006 15:04:05 GMT", in English whatever the locale. */
static bool http_date(int64_t seconds, char ret[32])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t when = (time_t)seconds;
    struct tm t;
    return gmtime_r(&when, &t) && t.tm_year < 8000 &&
           snprintf(ret, 32, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                    days + 3 * t.tm_wday, t.tm_mday, months + 3 * t.tm_mon,
                    t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec) < 32;
}

/* With the key's signature; the caller knows that the URL lies at its endpoint. */
static bool fetch_signed(const struct azure_key *key, const struct web_origin *endpoint,
                         bool plain_ok, struct http *h, const char *url,
                         const struct http_request *q, struct http_response *r,
                         struct error *error)
{
    const char *lines[LINES_MAX + 1];
    char date[32], dated[64];
    struct http_request with = *q;
    struct buffer value;
    struct credential *c = NULL;
    size_t count = 0;
    for (; q->headers && q->headers[count] && count < LINES_MAX - 2; count++)
        lines[count] = q->headers[count];
    bool ok = (!q->headers || !q->headers[count]) && http_date(http_now(h), date);
    if (ok)
        (void)snprintf(dated, sizeof dated, "x-ms-date: %s", date);
    lines[count++] = dated;
    if (header_value(q->headers, "x-ms-version").len == 0)
        lines[count++] = "x-ms-version: " AZURE_VERSION;
    lines[count] = NULL;
    buffer_init(&value, 1024);
    if (ok && azure_sign(key, q->method, url, lines, &value))
        c = credential_header(endpoint, "Authorization", "SharedKey ",
                              buffer_span(&value), plain_ok, error);
    else
        (void)error_set(error, ERROR_NETWORK, "the request cannot be signed");
    buffer_free(&value);
    if (!c)
        return false;
    with.url = url;
    with.headers = lines;
    with.credential = c;
    ok = http_fetch(h, &with, r, error);
    credential_free(c);
    return ok;
}

bool azure_fetch(const struct azure_key *key, const struct web_origin *endpoint,
                 bool plain_ok, struct http *h, const struct http_request *q,
                 struct http_response *ret_response, struct error *error)
{
    struct url url;
    if (!url_parse(q->url, &url, error))
        return false;
    bool ok =
        web_origin_equal(&url.origin, endpoint)
            ? fetch_signed(key, endpoint, plain_ok, h, url.text, q, ret_response, error)
            : http_fetch(h, q, ret_response, error);
    url_free(&url);
    return ok;
}
