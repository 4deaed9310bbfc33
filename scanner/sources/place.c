#include "sources/place.h"

#include "net/secret.h"

#include <string.h>

bool place_holds(const struct place *p, const char *text)
{
    struct url url = { 0 }, endpoint = { 0 };
    struct error ignored;
    bool holds = url_parse(text, &url, &ignored) &&
                 url_parse(p->endpoint, &endpoint, &ignored) &&
                 web_origin_equal(&url.origin, &endpoint.origin);
    url_free(&url);
    url_free(&endpoint);
    return holds;
}

static enum rest_refusal refusal_of(const struct http_response *r)
{
    switch (r->status) {
    case 404:
    case 410:
        return REST_NOT_FOUND;
    case 401:
        return REST_AUTH_REQUIRED;
    case 403:
        return REST_FORBIDDEN;
    case 429:
        return REST_RATE_LIMITED;
    default:
        return r->status >= 500 ? REST_SERVER_ERROR : REST_MALFORMED;
    }
}

/* What a server says is wrong, in the forms of OCI and JFrog, Google, git-lfs, S3 and
 * Azure. */
static struct span reason_in(struct span body, json_t **ret_json)
{
    static const char *const pointers[] = { "/errors/0/message", "/error/message",
                                            "/message", NULL };
    struct error ignored;
    size_t from = span_find(body, "<Code>", 0), to = span_find(body, "</Code>", 0);
    *ret_json = NULL;
    if (from != SIZE_MAX && to != SIZE_MAX && from + 6 <= to)
        return span_slice(body, from + 6, to);
    *ret_json = body.len ? json_read(body, "answer", &ignored) : NULL;
    for (size_t i = 0; *ret_json && pointers[i]; i++) {
        const char *text = json_string_value(secret_pointer(*ret_json, pointers[i]));
        if (text)
            return span_of_text(text);
    }
    return span_of(NULL, 0);
}

static bool refuse(const struct http_response *r, enum rest_refusal *ret_refusal,
                   struct error *error)
{
    json_t *json;
    struct span reason = reason_in(buffer_span(&r->body), &json);
    int shown = reason.len < 200 ? (int)reason.len : 200;
    struct buffer url;
    *ret_refusal = refusal_of(r);
    buffer_init(&url, URL_MAX);
    url_for_people(r->url ? r->url : "", &url);
    if (!shown && r->status >= 300 && r->status < 400) {
        reason = span_of_text("a redirect, which is not followed here");
        shown = (int)reason.len;
    }
    (void)error_set(error, ERROR_NETWORK, "%.200s: status %u%s%.*s",
                    url.text ? url.text : "", r->status, shown ? ": " : "", shown,
                    shown ? (const char *)reason.ptr : "");
    buffer_free(&url);
    json_decref(json);
    return false;
}

bool place_ask(const struct place *p, const struct http_request *q,
               struct http_response *ret_response, enum rest_refusal *ret_refusal,
               struct error *error)
{
    struct http_request request = *q;
    bool here = place_holds(p, q->url);
    *ret_refusal = REST_UNREACHABLE;
    *ret_response = (struct http_response){ .failure = HTTP_REFUSED };
    if (p->offline)
        return error_set(error, ERROR_NETWORK, "%s is not asked: --offline", p->endpoint);
    request.private_ok = request.plain_ok = p->own && here;
    request.repeatable = true; /* drivers only ask */
    if (!request.body_max)
        request.body_max = PLACE_ANSWER_MAX;
    bool ok = here && p->auth
                  ? auth_fetch(p->auth, p->http, &request, ret_response, error)
                  : http_fetch(p->http, &request, ret_response, error);
    if (!ok && ret_response->failure == HTTP_TOO_LARGE)
        *ret_refusal = REST_MALFORMED; /* it does answer */
    if (!ok)
        return false;
    *ret_refusal = REST_ANSWERED;
    return ret_response->status == 200 || refuse(ret_response, ret_refusal, error);
}

void place_add(struct buffer *url, const char *text)
{
    secret_encode(url, text);
}

void place_add_path(struct buffer *url, const char *path)
{
    for (const char *c = path; *c; c++)
        if (*c == '/')
            buffer_add_text(url, "/");
        else
            secret_encode(url, (const char[]){ *c, '\0' });
}
