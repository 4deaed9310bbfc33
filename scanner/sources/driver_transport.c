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

/* A mirror may send questions on to the registry itself, whose level is the same: the
 * table's.  An internal registry is trusted for its address alone. */
static const char *const *deputies(const struct registry *r, struct arena *arena)
{
    struct url url = { 0 };
    struct error ignored;
    size_t n = 0;
    if (!r || r->trust == TRUST_INTERNAL)
        return NULL;
    while (r->hosts[n])
        n++;
    const char **list = arena_array(arena, n + 2, sizeof *list);
    for (size_t i = 0; list && i < n; i++)
        list[i] = r->hosts[i];
    if (list && r->endpoint && url_parse(r->endpoint, &url, &ignored))
        list[n] = arena_text(arena, span_of_text(url.origin.host));
    url_free(&url);
    return list;
}

static const char *advice(const struct registry *r, struct arena *arena)
{
    struct span text = { 0 };
    if (r && r->endpoint_env[0])
        text = arena_printf(arena, "set %s to it if it may speak for %s",
                            r->endpoint_env[0], r->name);
    return (const char *)text.ptr;
}

static bool ask_net(const struct driver_call *c, const struct rest_request *q,
                    struct arena *arena, struct http_response *ret_response,
                    struct error *error)
{
    const struct registry *registry = c->reference->registry;
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
        .deputies = deputies(registry, arena),
        .otherwise = advice(registry, arena),
        .body_max = q->max_bytes,
    };
    return q->credentials && here && c->auth
               ? auth_fetch(c->auth, c->http, &request, ret_response, error)
               : http_fetch(c->http, &request, ret_response, error);
}

/* Whoever answered in place of the server that was asked, for the report. */
static void note_deputy(struct driver_call *c, const struct rest_request *q,
                        const struct rest_answer *answer)
{
    struct url asked = { 0 }, from = { 0 };
    struct error ignored;
    char origin[URL_ORIGIN_MAX + 1];
    if (answer->url && !c->answered_by && url_parse(q->url, &asked, &ignored) &&
        url_parse(answer->url, &from, &ignored) &&
        !web_origin_equal(&asked.origin, &from.origin)) {
        web_origin_text(&from.origin, origin);
        c->answered_by = arena_text(c->arena, span_of_text(origin));
    }
    url_free(&asked);
    url_free(&from);
}

bool driver_transport(void *self, const struct rest_request *q, struct arena *arena,
                      struct rest_answer *ret_answer, struct error *error)
{
    struct driver_call *c = self;
    struct http_response response;
    bool ok;
    if (c->options->offline) {
        ok = answer_recall(c->cache, q, arena, ret_answer) ||
             error_set(error, ERROR_NETWORK,
                       "%.300s is not asked: --offline, and the cache has no answer",
                       q->url);
    } else {
        ok = ask_net(c, q, arena, &response, error);
        ok = ok && (keep_answer(&response, arena, ret_answer) ||
                    error_set(error, ERROR_MEMORY, "out of memory"));
        http_response_free(&response);
        if (ok && c->options->cache_stays)
            answer_keep(c->cache, q, ret_answer);
    }
    if (ok)
        note_deputy(c, q, ret_answer);
    return ok;
}
