/* played.h: http.h without a network: a function of the program's answers every request.
 *
 * A program that includes this has its own http_fetch(), so the library's is not linked.
 * Bounds, redirects and retries are the real one's and are tested with it. */
#ifndef PLAYED_H
#define PLAYED_H

#include "net/http.h"

#include <stdlib.h>
#include <string.h>

struct played {
    unsigned status;        /* 0: there is no server */
    const char *headers[8]; /* "Name: value", up to the first NULL */
    struct span body;
};

/* What the server says. */
static struct played play(const struct http_request *q);

struct http {
    int64_t now;
};

struct http *http_new(const struct http_options *o, struct error *error)
{
    struct http *h = calloc(1, sizeof *h);
    (void)o;
    if (h)
        h->now = 1790000000;
    else
        (void)error_set(error, ERROR_MEMORY, "out of memory");
    return h;
}

void http_free(struct http *h)
{
    free(h);
}

int64_t http_now(const struct http *h)
{
    return h->now;
}

void http_response_free(struct http_response *r)
{
    free(r->url);
    fields_free(&r->fields);
    buffer_free(&r->body);
    *r = (struct http_response){ 0 };
}

static bool played_failure(struct http_response *r, enum http_failure failure,
                           struct error *error)
{
    r->failure = failure;
    return error_set(error, ERROR_NETWORK, "played: failure %d", (int)failure);
}

/* A body to whom it may concern. */
static bool played_body(const struct http_request *q, struct http_response *r,
                        struct span body, struct error *error)
{
    bool success = r->status >= 200 && r->status < 300;
    uint64_t most = q->body_max ? q->body_max : 16 << 20;
    if (q->method == HTTP_HEAD)
        body = span_of(NULL, 0);
    if (body.len > most)
        return played_failure(r, HTTP_TOO_LARGE, error);
    if (q->sink && success)
        return ((!q->sink->begin || q->sink->begin(q->sink->self, r)) &&
                (!body.len || q->sink->bytes(q->sink->self, body))) ||
               played_failure(r, HTTP_STOPPED, error);
    buffer_add(&r->body, body);
    return true;
}

bool http_fetch(struct http *h, const struct http_request *q,
                struct http_response *ret_response, struct error *error)
{
    struct http_response *r = ret_response;
    struct url url;
    (void)h;
    *r = (struct http_response){ .failure = HTTP_USAGE };
    buffer_init(&r->body, 64 << 20);
    if (!url_parse(q->url, &url, error))
        return false;
    struct played p = play(q);
    web_origin_text(&url.origin, r->hops[0].origin);
    r->hop_count = 1;
    r->hops[0].status = r->status = p.status;
    r->url = url.text;
    if (!p.status)
        return played_failure(r, HTTP_UNREACHABLE, error);
    for (size_t i = 0; i < sizeof p.headers / sizeof *p.headers && p.headers[i]; i++)
        if (!fields_add(&r->fields, span_of_text(p.headers[i])))
            return played_failure(r, HTTP_TOO_LARGE, error);
    r->failure = HTTP_OK;
    return played_body(q, r, p.body, error);
}

#endif
