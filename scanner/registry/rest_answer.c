/* What the status, the headers and the body of an answer mean. */
#include "registry/driver.h"
#include "registry/scope.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char *const refusal_names[REST_REFUSAL_COUNT] = {
    [REST_ANSWERED] = "answered",
    [REST_NOT_ASKED] = "not_asked",
    [REST_NOT_FOUND] = "not_found",
    [REST_NOT_FOUND_OR_PRIVATE] = "not_found_or_private",
    [REST_REVISION_NOT_FOUND] = "revision_not_found",
    [REST_AUTH_REQUIRED] = "auth_required",
    [REST_FORBIDDEN] = "forbidden",
    [REST_GATED] = "gated",
    [REST_DISABLED] = "disabled",
    [REST_RATE_LIMITED] = "rate_limited",
    [REST_SERVER_ERROR] = "server_error",
    [REST_MALFORMED] = "malformed",
    [REST_UNREACHABLE] = "unreachable"
};

const char *rest_refusal_name(enum rest_refusal r)
{
    return refusal_names[r];
}

const char *header_find(const struct rest_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(headers[i].name, name) == 0)
            return headers[i].value;
    return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* ---- rate limits ----------------------------------------------------------------- */

enum { WAIT_MAX = 86400 };

static bool seconds_at(const char *text, uint64_t *ret_seconds)
{
    if (!text || *text < '0' || *text > '9')
        return false;
    *ret_seconds = strtoull(text, NULL, 10);
    return true;
}

/* Retry-After: seconds, or a date. */
static bool retry_after(const char *text, int64_t now, uint64_t *ret_wait)
{
    struct tm tm = { 0 };
    if (seconds_at(text, ret_wait))
        return true;
    if (!text || !strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm))
        return false;
    int64_t then = timegm(&tm);
    *ret_wait = then > now ? (uint64_t)(then - now) : 0;
    return true;
}

/* The registry's own header: seconds, seconds since 1970, or `"api";r=0;t=55`. */
static bool own_header(const json_t *rate, const char *text, int64_t now,
                       uint64_t *ret_wait)
{
    const char *style = text_of(rate, "style");
    uint64_t value;
    if (!text || !style)
        return false;
    if (strcmp(style, "r-t") == 0) {
        const char *t = strstr(text, ";t=");
        return t && seconds_at(t + 3, ret_wait);
    }
    if (!seconds_at(text, &value))
        return false;
    bool epoch = strcmp(style, "epoch") == 0;
    uint64_t base = epoch && now > 0 ? (uint64_t)now : 0;
    *ret_wait = value > base ? value - base : 0;
    return true;
}

/* Is it a refusal for too many requests?  *ret_wait: seconds, at most a day. */
static bool rate_limited(const json_t *entry, const struct rest_answer *answer,
                         int64_t now, uint64_t *ret_wait)
{
    const json_t *rate = json_object_get(entry, "rate");
    const char *remaining = text_of(rate, "remaining"), *left = NULL;
    const struct rest_header *headers = answer->headers;
    size_t n = answer->header_count;
    if (remaining)
        left = header_find(headers, n, remaining);
    bool exhausted = answer->status == 403 && left && strcmp(left, "0") == 0;
    const char *after = header_find(headers, n, "Retry-After");
    if (answer->status != 429 && !exhausted && !(answer->status == 503 && after))
        return false;
    uint64_t wait = 0;
    const char *header = text_of(rate, "header");
    if (!retry_after(after, now, &wait) && header)
        (void)own_header(rate, header_find(headers, n, header), now, &wait);
    *ret_wait = wait < WAIT_MAX ? wait : WAIT_MAX;
    return true;
}

/* ---- refusals -------------------------------------------------------------------- */

static bool refusal_parse(const char *name, enum rest_refusal *ret_refusal)
{
    for (int i = REST_NOT_FOUND; i < REST_MALFORMED; i++)
        if (strcmp(refusal_names[i], name) == 0) {
            *ret_refusal = (enum rest_refusal)i;
            return true;
        }
    return false;
}

/* [pointer, value]: null stands for a member that is null or not there. */
static bool body_says(json_t *body, const json_t *pair)
{
    const json_t *wanted = json_array_get(pair, 1);
    json_t *found = NULL;
    if (!body)
        return false;
    enum value_state state =
        pointer_get(body, json_string_value(json_array_get(pair, 0)), &found);
    return json_is_null(wanted) ? state == VALUE_ABSENT
                                : state == VALUE_KNOWN && json_equal(found, wanted);
}

static bool error_fits(const json_t *rule, const struct rest_answer *answer, json_t *body)
{
    const json_t *status = json_object_get(rule, "status");
    const json_t *header = json_object_get(rule, "header");
    const json_t *says = json_object_get(rule, "body");
    if (json_integer_value(status) != answer->status)
        return false;
    if (header) {
        const char *value = header_find(answer->headers, answer->header_count,
                                        json_string_value(json_array_get(header, 0)));
        if (!value || strcmp(value, json_string_value(json_array_get(header, 1))) != 0)
            return false;
    }
    return !says || body_says(body, says);
}

static enum rest_refusal by_status(int status)
{
    switch (status) {
    case 401:
        return REST_AUTH_REQUIRED;
    case 403:
        return REST_FORBIDDEN;
    case 404:
        return REST_NOT_FOUND;
    case 410:
        return REST_DISABLED;
    case 429:
        return REST_RATE_LIMITED;
    default:
        return status >= 200 && status < 300   ? REST_ANSWERED
               : status >= 500 && status < 600 ? REST_SERVER_ERROR
                                               : REST_MALFORMED;
    }
}

enum rest_refusal answer_refusal(const struct scope *s, const char *id,
                                 const struct rest_answer *answer, json_t *body)
{
    const json_t *list = json_object_get(s->entry, "errors");
    uint64_t wait = 0;
    if (rate_limited(s->entry, answer, s->session->now, &wait)) {
        if (wait > s->result->wait)
            s->result->wait = wait;
        return REST_RATE_LIMITED;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *rule = json_array_get(list, i);
        const char *of = text_of(rule, "request"); /* NULL: of any */
        enum rest_refusal refusal;
        if ((!of || strcmp(of, id) == 0) && error_fits(rule, answer, body) &&
            refusal_parse(text_of(rule, "as"), &refusal))
            return refusal;
    }
    return by_status(answer->status);
}

void answer_text(const struct scope *s, const struct rest_answer *answer, json_t *body,
                 struct buffer *out)
{
    const json_t *list = json_object_get(s->entry, "error_text");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *from = json_string_value(json_array_get(list, i));
        json_t *found = NULL;
        const char *header = NULL;
        if (*from == '@')
            header = header_find(answer->headers, answer->header_count, from + 1);
        else if (body && pointer_get(body, from + 1, &found) == VALUE_KNOWN)
            header = json_string_value(found);
        if (header && *header) {
            buffer_add_text(out, header);
            return;
        }
    }
}
