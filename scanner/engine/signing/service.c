#include "engine/signing/service.h"

enum {
    PLACE_MAX = 256,      /* of an URL in a message */
    REQUEST_SECONDS = 120 /* a log of version 2 answers once the entry is in */
};

static const char *meaning(unsigned status, const struct service_request *q)
{
    if (status >= 300 && status < 400)
        return "it redirects, which is not followed";
    if (status == 400)
        return q->bad;
    if (status == 401 || status == 403)
        return q->refusal;
    if (status == 429)
        return "it asks us to come again later";
    return status >= 500 ? "it fails" : NULL;
}

static bool check_status(const struct service_request *q, const char *place,
                         unsigned status, struct error *error)
{
    const char *why = meaning(status, q);
    if (status == 200 || status == 201)
        return true;
    (void)error_set(error, ERROR_NETWORK, "%s, %s, answered %u%s%s", q->who, place,
                    status, why ? ": " : "", why ? why : "");
    error->retryable = status == 429 || status >= 500;
    return false;
}

bool service_ask(const struct service_client *client, const struct service_request *q,
                 struct http_response *ret_answer, struct error *error)
{
    struct arena *arena = client->arena;
    struct span url = arena_printf(arena, "%s%s", q->url, q->path);
    struct span type = arena_printf(arena, "Content-Type: %s", q->content_type);
    struct span accept = arena_printf(arena, "Accept: %s", q->accept);
    const char *const headers[] = { (const char *)accept.ptr, (const char *)type.ptr,
                                    NULL };
    struct buffer place;
    struct error why = { 0 };
    *ret_answer = (struct http_response){ .failure = HTTP_MEMORY };
    if (!url.len || !type.len || !accept.len)
        return error_set(error, ERROR_MEMORY, "out of memory");
    const struct http_request request = {
        .method = q->body.len ? HTTP_POST : HTTP_GET,
        .url = (const char *)url.ptr,
        .headers = headers,
        .body = q->body,
        .credential = q->credential,
        .private_ok = client->private_ok,
        .stay = true,
        .body_max = q->answer_max,
        .total_seconds = REQUEST_SECONDS,
    };
    buffer_init(&place, PLACE_MAX);
    url_for_people(request.url, &place);
    const char *where = place.text ? place.text : "";
    bool ok =
        http_fetch(client->http, &request, ret_answer, &why)
            ? check_status(q, where, ret_answer->status, error)
            : error_set(error, why.code, "%s, %s: %.200s", q->who, where, why.message);
    buffer_free(&place);
    return ok;
}

struct credential *service_bearer(const char *url, const char *token, struct error *error)
{
    struct url to;
    if (!url_parse(url, &to, error))
        return NULL;
    struct credential *c = credential_header(&to.origin, "Authorization", "Bearer ",
                                             span_of_text(token), false, error);
    url_free(&to);
    return c;
}

void service_forget(struct http_response *answer)
{
    secret_wipe(answer->body.text, answer->body.len);
    http_response_free(answer);
}
