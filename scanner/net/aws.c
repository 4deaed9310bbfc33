#include "net/aws.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINES_MAX = 16 };

/* ---- region and service ---------------------------------------------------------- */

static bool keep_word(struct span word, char ret[AWS_WORD_MAX + 1])
{
    if (word.len == 0 || word.len > AWS_WORD_MAX)
        return false;
    for (size_t i = 0; i < word.len; i++)
        ret[i] = (char)tolower(word.ptr[i]);
    ret[word.len] = '\0';
    return true;
}

static struct span last_label(struct span *host)
{
    size_t dot = span_find_last(*host, ".", host->len);
    struct span label = span_slice(*host, dot == SIZE_MAX ? 0 : dot + 1, host->len);
    host->len = dot == SIZE_MAX ? 0 : dot;
    return label;
}

/* "[NAME.]SERVICE[.REGION].amazonaws.com[.cn]" */
static bool read_host(const char *text, struct aws_target *t)
{
    struct span host = span_of_text(text);
    if (span_ends(host, ".amazonaws.com.cn"))
        host.len -= strlen(".amazonaws.com.cn");
    else if (span_ends(host, ".amazonaws.com"))
        host.len -= strlen(".amazonaws.com");
    else
        return false;
    struct span region = last_label(&host);
    if (span_is(region, "s3"))
        return keep_word(region, t->service) &&
               keep_word(span_of_text("us-east-1"), t->region);
    return keep_word(region, t->region) && keep_word(last_label(&host), t->service);
}

void aws_target_of(const char *host, const char *const *headers,
                   const struct auth_place *place, struct aws_target *ret)
{
    static const char *const names[] = { "AWS_REGION", "AWS_DEFAULT_REGION" };
    static const char target[] = "X-Amz-Target: ";
    struct aws_target t = { "us-east-1", "s3" };
    if (!read_host(host, &t)) {
        for (size_t i = 2; i-- > 0;) {
            const char *value = place->env ? place->env(names[i]) : NULL;
            (void)keep_word(span_of_text(value), t.region);
        }
        for (; headers && *headers; headers++)
            if (strncasecmp(*headers, target, sizeof target - 1) == 0)
                (void)keep_word(span_of(*headers + sizeof target - 1,
                                        strcspn(*headers + sizeof target - 1, ".")),
                                t.service);
    }
    *ret = t;
}

/* ---- a signed request ------------------------------------------------------------ */

struct lines {
    char *text[LINES_MAX + 1]; /* ended by NULL */
    size_t count;
};

__attribute__((format(printf, 2, 3))) static bool add_line(struct lines *l,
                                                           const char *format, ...)
{
    va_list args;
    if (l->count == LINES_MAX)
        return false;
    va_start(args, format);
    int n = vasprintf(&l->text[l->count], format, args);
    va_end(args);
    if (n < 0) {
        l->text[l->count] = NULL;
        return false;
    }
    l->count++;
    return true;
}

static void free_lines(struct lines *l)
{
    for (size_t i = 0; i < l->count; i++) {
        secret_wipe(l->text[i], strlen(l->text[i]));
        free(l->text[i]);
    }
}

static int by_name(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

/* Every x-amz-* header must be signed, and a content type may be. */
static bool signs(const char *header)
{
    return strncasecmp(header, "x-amz-", 6) == 0 ||
           strncasecmp(header, "content-type:", 13) == 0;
}

/* What is sent, and of that what is signed: in lower case, by name. */
static bool collect(const struct sigv4_key *key, const struct http_request *q,
                    const char *payload, int64_t now, struct lines *sent,
                    struct lines *signed_)
{
    char when[SIGV4_TIME + 1];
    bool ok = true;
    sigv4_time(now, when);
    for (size_t i = 0; ok && q->headers && q->headers[i]; i++)
        ok = add_line(sent, "%s", q->headers[i]);
    ok = ok && add_line(sent, "x-amz-content-sha256: %s", payload) &&
         add_line(sent, "x-amz-date: %s", when) &&
         (!key->token || add_line(sent, "x-amz-security-token: %s", key->token));
    for (size_t i = 0; ok && i < sent->count; i++) {
        if (!signs(sent->text[i]))
            continue;
        ok = add_line(signed_, "%s", sent->text[i]);
        for (char *c = ok ? signed_->text[signed_->count - 1] : NULL; c && *c != ':'; c++)
            *c = (char)tolower((unsigned char)*c);
    }
    if (ok)
        qsort(signed_->text, signed_->count, sizeof *signed_->text, by_name);
    return ok;
}

static struct credential *sign(const struct sigv4_key *key, const struct sigv4_request *s,
                               const struct web_origin *endpoint, bool plain_ok,
                               struct error *error)
{
    struct buffer value;
    struct credential *c = NULL;
    buffer_init(&value, 8192);
    if (sigv4_sign(key, s, &value))
        c = credential_header(endpoint, "Authorization", "AWS4-HMAC-SHA256 ",
                              buffer_span(&value), plain_ok, error);
    else
        (void)error_set(error, ERROR_NETWORK, "the request cannot be signed");
    buffer_free(&value);
    return c;
}

bool aws_fetch(const struct sigv4_key *key, const struct web_origin *endpoint,
               const struct auth_place *place, bool plain_ok, struct http *h,
               const struct http_request *q, struct http_response *ret_response,
               struct error *error)
{
    static const char *const methods[] = { "GET", "HEAD", "POST" };
    struct http_request with = *q;
    struct lines sent = { 0 }, signed_ = { 0 };
    struct aws_target target;
    struct url url;
    char payload[65] = "UNSIGNED-PAYLOAD";
    struct credential *c = NULL;
    bool ok = false;
    if (!url_parse(q->url, &url, error))
        return false;
    if (!web_origin_equal(&url.origin, endpoint)) {
        url_free(&url);
        return http_fetch(h, q, ret_response, error);
    }
    aws_target_of(url.origin.host, q->headers, place, &target);
    if ((strcmp(target.service, "s3") != 0 && !sigv4_payload(q->body, payload)) ||
        !collect(key, q, payload, http_now(h), &sent, &signed_)) {
        (void)error_set(error, ERROR_MEMORY, "the request cannot be signed");
    } else {
        const struct sigv4_request s = { .method = methods[q->method],
                                         .url = url.text,
                                         .headers = (const char *const *)signed_.text,
                                         .payload = payload,
                                         .region = target.region,
                                         .service = target.service,
                                         .time = http_now(h) };
        c = sign(key, &s, endpoint, plain_ok, error);
    }
    if (c) {
        with.url = url.text;
        with.headers = (const char *const *)sent.text;
        with.credential = c;
        ok = http_fetch(h, &with, ret_response, error);
    }
    credential_free(c);
    free_lines(&sent);
    free_lines(&signed_);
    url_free(&url);
    return ok;
}
