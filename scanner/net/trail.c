#include "net/trail.h"

#include <string.h>
#include <strings.h>

const struct url *trail_url(const struct trail *t)
{
    return &t->urls[t->count - 1];
}

void trail_end(struct trail *t)
{
    while (t->count > 0)
        url_free(&t->urls[--t->count]);
}

static bool refuse(struct error *error, const struct url *to, const char *why)
{
    char origin[URL_ORIGIN_MAX + 1];
    web_origin_text(&to->origin, origin);
    return error_set(error, ERROR_NETWORK, "%s: %s", origin, why);
}

bool trail_admits(const struct trail *t, enum address_class class)
{
    bool tls = trail_url(t)->origin.tls;
    if (class == ADDRESS_FORBIDDEN || (!tls && !t->plain_ok && class != ADDRESS_LOOPBACK))
        return false;
    return class == ADDRESS_PUBLIC || class <= t->nearest;
}

/* What is wrong with the next hop can often be told before any look-up. */
static bool check_next(const struct trail *t, struct error *error)
{
    const struct url *to = trail_url(t);
    enum address_class class;
    if (!to->origin.tls && !t->plain_ok && !web_origin_loopback(&to->origin))
        return refuse(error, to, "http without TLS is not allowed");
    if (web_origin_loopback(&to->origin))
        class = ADDRESS_LOOPBACK;
    else if (!address_parse(to->origin.host, &class))
        return true;
    if (trail_admits(t, class))
        return true;
    char why[128];
    (void)snprintf(why, sizeof why, "is %s, and may not be reached from here",
                   address_class_name(class));
    return refuse(error, to, why);
}

bool trail_start(struct trail *t, const struct http_request *q,
                 enum http_failure *ret_failure, struct error *error)
{
    struct url first;
    *t = (struct trail){ .method = q->method,
                         .anchored = q->anchored,
                         .deputies = q->deputies,
                         .otherwise = q->otherwise,
                         .plain_ok = q->plain_ok,
                         .nearest = q->private_ok ? ADDRESS_LOOPBACK : ADDRESS_PUBLIC };
    *ret_failure = HTTP_USAGE;
    if (!url_parse(q->url, &first, error))
        return false;
    t->urls[t->count++] = first;
    *ret_failure = HTTP_REFUSED;
    return check_next(t, error);
}

bool trail_redirects(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

static bool is_deputy(const struct trail *t, const struct web_origin *to)
{
    for (const char *const *host = t->deputies; host && *host; host++)
        if (to->tls && to->port == 443 && strcasecmp(to->host, *host) == 0)
            return true;
    return false;
}

static bool refuse_other(const struct trail *t, const struct url *from,
                         const struct url *to, struct error *error)
{
    char origin[URL_ORIGIN_MAX + 1], text[URL_ORIGIN_MAX + 256];
    web_origin_text(&to->origin, origin);
    (void)snprintf(text, sizeof text, "redirects to another server, %s%s%s", origin,
                   t->otherwise ? ": " : "", t->otherwise ? t->otherwise : "");
    return refuse(error, from, text);
}

/* As every client does it: 303 always asks with GET, 301 and 302 after a POST. */
static enum http_method method_after(enum http_method method, unsigned status)
{
    bool get = status == 303 ? method != HTTP_HEAD : status < 307 && method == HTTP_POST;
    return get ? HTTP_GET : method;
}

bool trail_follow(struct trail *t, unsigned status, const char *location,
                  enum address_class reached, struct error *error)
{
    const struct url *from = trail_url(t);
    struct url to;
    struct error why;
    if (t->count > HTTP_HOPS_MAX)
        return refuse(error, from, "redirects more than 10 times");
    if (!url_resolve(from, location, &to, &why)) {
        char text[sizeof why.message + 32];
        (void)snprintf(text, sizeof text, "redirects to what is no URL: %s", why.message);
        return refuse(error, from, text);
    }
    enum http_method method = method_after(t->method, status);
    bool same = web_origin_equal(&from->origin, &to.origin);
    const char *wrong = NULL;
    for (size_t i = 0; i < t->count; i++)
        if (method == t->method && strcmp(t->urls[i].text, to.text) == 0)
            wrong = "redirects in a circle";
    if (from->origin.tls && !to.origin.tls)
        wrong = "redirects from https to http";
    if (!same && method == HTTP_POST)
        wrong = "redirects a POST to another server";
    bool other = !same && t->anchored && !is_deputy(t, &to.origin);
    if (wrong || other) {
        (void)(wrong ? refuse(error, from, wrong) : refuse_other(t, from, &to, error));
        url_free(&to);
        return false;
    }
    t->method = method;
    t->strayed = t->strayed || !same;
    t->plain_ok = t->plain_ok && !t->strayed;
    if (!same)
        t->nearest = reached;
    t->urls[t->count++] = to;
    return check_next(t, error);
}

bool trail_sends(const struct trail *t, const char *header)
{
    static const char *const harmless[] = { "Accept", "Range", "If-Range" };
    size_t len = strcspn(header, ":");
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (strlen(harmless[i]) == len && strncasecmp(header, harmless[i], len) == 0)
            return true;
    return !t->strayed;
}
