/* Requests of a registry entry, carried by net/. */
#include "sources/answer_store.h"
#include "sources/remote_driver.h"

#include <string.h>

bool driver_at_endpoint(const struct driver_call *c, const char *text)
{
    struct url url = { 0 }, endpoint = { 0 };
    struct error ignored;
    bool at = url_parse(text, &url, &ignored) &&
              url_parse(c->session.endpoint, &endpoint, &ignored) &&
              web_origin_equal(&url.origin, &endpoint.origin);
    url_free(&url);
    url_free(&endpoint);
    return at;
}

static const char *const *header_lines(const struct rest_header *headers, size_t count,
                                       struct arena *arena)
{
    const char **lines = arena_alloc(arena, (count + 1) * sizeof *lines);
    for (size_t i = 0; lines && i < count; i++) {
        struct span line =
            arena_printf(arena, "%s: %s", headers[i].name, headers[i].value);
        lines[i] = (const char *)line.ptr;
    }
    return lines;
}

static bool keep_answer(const struct http_response *response, struct arena *arena,
                        struct rest_answer *ret)
{
    size_t count = response->fields.count;
    if (count > REST_HEADERS_MAX)
        count = REST_HEADERS_MAX;
    struct rest_header *headers = arena_alloc(arena, (count + 1) * sizeof *headers);
    for (size_t i = 0; headers && i < count; i++) {
        const struct field *f = &response->fields.list[i];
        headers[i] = (struct rest_header){ arena_text(arena, span_of_text(f->name)),
                                           arena_text(arena, span_of_text(f->value)) };
    }
    *ret = (struct rest_answer){
        .status = (int)response->status,
        .headers = headers,
        .header_count = headers ? count : 0,
        .body = arena_copy(arena, buffer_span(&response->body)),
        .url = response->url ? arena_text(arena, span_of_text(response->url)) : NULL,
    };
    return headers && !arena_exhausted(arena);
}

static bool ask_net(const struct driver_call *c, const struct rest_request *q,
                    struct arena *arena, struct http_response *ret_response,
                    struct error *error)
{
    bool here = driver_at_endpoint(c, q->url);
    const struct http_request request = {
        .method = strcmp(q->method, "POST") == 0   ? HTTP_POST
                  : strcmp(q->method, "HEAD") == 0 ? HTTP_HEAD
                                                   : HTTP_GET,
        .url = q->url,
        .headers = header_lines(q->headers, q->header_count, arena),
        .body = q->body,
        .private_ok = c->session.own && here,
        .plain_ok = c->session.own && here,
        .repeatable = true, /* entries only ask */
        .compressed = true,
        .stay = !q->follow,
        .anchored = true, /* another server's word is not the registry's */
        .body_max = q->max_bytes,
    };
    return q->credentials && here && c->auth
               ? auth_fetch(c->auth, c->http, &request, ret_response, error)
               : http_fetch(c->http, &request, ret_response, error);
}

bool driver_transport(void *self, const struct rest_request *q, struct arena *arena,
                      struct rest_answer *ret_answer, struct error *error)
{
    const struct driver_call *c = self;
    struct http_response response;
    if (c->options->offline)
        return answer_recall(c->cache, q, arena, ret_answer) ||
               error_set(error, ERROR_NETWORK,
                         "%.300s is not asked: --offline, and the cache has no answer",
                         q->url);
    bool ok = ask_net(c, q, arena, &response, error);
    ok = ok && (keep_answer(&response, arena, ret_answer) ||
                error_set(error, ERROR_MEMORY, "out of memory"));
    http_response_free(&response);
    if (ok && c->options->cache_stays)
        answer_keep(c->cache, q, ret_answer);
    return ok;
}
