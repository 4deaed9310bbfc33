#include "net/url.h"

#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static uint8_t to_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(uint8_t c)
{
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
}

static bool bad(struct error *error, const char *what)
{
    return error_set(error, ERROR_USAGE, "the URL %s", what);
}

/* Libraries read "0x7f.1" and "2130706433" as IPv4 addresses; only 127.0.0.1 is one here:
 * a name whose last label begins with a digit must be four plain numbers. */
static bool host_name_valid(const char *host)
{
    uint8_t address[4];
    const char *dot = strrchr(host, '.');
    for (size_t i = 0; host[i]; i++) {
        bool label_is_empty =
            host[i] == '.' && (i == 0 || host[i - 1] == '.' || host[i + 1] == '\0');
        if (label_is_empty || (!is_alnum((uint8_t)host[i]) && !strchr("-_.", host[i])))
            return false;
    }
    return !is_digit((uint8_t)(dot ? dot[1] : host[0])) ||
           inet_pton(AF_INET, host, address) == 1;
}

static bool read_port(struct span digits, bool tls, uint16_t *ret_port)
{
    unsigned port = 0;
    if (digits.len == 0) {
        *ret_port = tls ? 443 : 80;
        return true;
    }
    if (digits.len > 5)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (!is_digit(digits.ptr[i]))
            return false;
        port = port * 10 + (unsigned)(digits.ptr[i] - '0');
    }
    *ret_port = (uint16_t)port;
    return port > 0 && port <= UINT16_MAX;
}

/* "host", "host:port", "[::1]:port". */
static bool read_authority(struct span s, struct web_origin *o, struct error *error)
{
    bool bracket = span_starts(s, "[");
    size_t end = bracket ? span_find(s, "]", 0) : span_find(s, ":", 0);
    struct span host, port = { 0 };
    if (span_find(s, "@", 0) != SIZE_MAX)
        return bad(error, "holds a user name");
    if (bracket && end == SIZE_MAX)
        return bad(error, "has an invalid host");
    host = bracket ? span_slice(s, 1, end) : span_slice(s, 0, end);
    if (end != SIZE_MAX) {
        port = span_slice(s, bracket ? end + 1 : end, s.len);
        if (port.len && !span_starts(port, ":"))
            return bad(error, "has an invalid host");
        port = span_slice(port, 1, port.len);
    }
    if (host.len == 0 || host.len > URL_HOST_MAX)
        return bad(error, "has no host, or too long a one");
    for (size_t i = 0; i < host.len; i++)
        o->host[i] = (char)to_lower(host.ptr[i]);
    o->host[host.len] = '\0';
    struct in6_addr v6;
    if (bracket ? inet_pton(AF_INET6, o->host, &v6) != 1 : !host_name_valid(o->host))
        return bad(error, "has an invalid host");
    if (bracket) /* one spelling for one address */
        (void)inet_ntop(AF_INET6, &v6, o->host, sizeof o->host);
    return read_port(port, o->tls, &o->port) || bad(error, "has an invalid port");
}

/* Path and query; what a server should have escaped is escaped. */
static bool add_path(struct buffer *out, struct span s, struct error *error)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c < 0x20 || c == 0x7f || c == '\\')
            return bad(error, "holds a control character or a backslash");
        if (c <= ' ' || c > 0x7f || strchr("\"<>^`{|}", c))
            buffer_printf(out, "%%%02X", c);
        else
            buffer_add(out, span_of(&c, 1));
    }
    return true;
}

/* RFC 3986, 5.2.4, on text[from..] up to its query; shortens in place. */
static void remove_dots(struct buffer *b, size_t from)
{
    char *path = b->text + from, *query = strchr(path, '?');
    size_t len = query ? (size_t)(query - path) : strlen(path), out = 0;
    for (size_t i = 0; i < len;) { /* path[i] is '/' */
        size_t n = i + 1;
        while (n < len && path[n] != '/')
            n++;
        struct span segment = span_of(path + i, n - i);
        bool last = n == len;
        if (span_is(segment, "/..")) {
            while (out > 0 && path[--out] != '/')
                ;
        } else if (!span_is(segment, "/.")) {
            memmove(path + out, path + i, n - i);
            out += n - i;
            last = false;
        }
        if (last)
            path[out++] = '/';
        i = n;
    }
    memmove(path + out, path + len, b->len - from - len + 1);
    b->len -= len - out;
}

bool url_parse(const char *text, struct url *ret_url, struct error *error)
{
    struct span s = span_of_text(text);
    struct web_origin o = { 0 };
    char origin[URL_ORIGIN_MAX + 1];
    if (s.len > URL_MAX)
        return bad(error, "is too long");
    if (strncasecmp(text, "https://", 8) == 0)
        o.tls = true;
    else if (strncasecmp(text, "http://", 7) != 0)
        return bad(error, "is neither https: nor http:");
    s = span_slice(s, o.tls ? 8 : 7, s.len);
    s = span_slice(s, 0, span_find(s, "#", 0));
    size_t end = 0;
    while (end < s.len && s.ptr[end] != '/' && s.ptr[end] != '?')
        end++;
    if (!read_authority(span_slice(s, 0, end), &o, error))
        return false;

    struct buffer out;
    buffer_init(&out, 3 * URL_MAX + URL_ORIGIN_MAX);
    web_origin_text(&o, origin);
    buffer_add_text(&out, origin);
    size_t path = out.len;
    if (end == s.len || s.ptr[end] != '/')
        buffer_add_text(&out, "/");
    if (!add_path(&out, span_slice(s, end, s.len), error)) {
        buffer_free(&out);
        return false;
    }
    if (out.truncated) {
        buffer_free(&out);
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    remove_dots(&out, path);
    if (out.len > URL_MAX) { /* what passes here passes again */
        buffer_free(&out);
        return bad(error, "is too long");
    }
    ret_url->origin = o;
    ret_url->text = out.text; /* handed over */
    return true;
}

static bool has_scheme(const char *text)
{
    size_t n = 0;
    while (is_alnum((uint8_t)text[n]) || (text[n] && strchr("+.-", text[n])))
        n++;
    return n > 0 && text[n] == ':';
}

bool url_resolve(const struct url *base, const char *location, struct url *ret_url,
                 struct error *error)
{
    char origin[URL_ORIGIN_MAX + 1];
    struct buffer out;
    if (has_scheme(location))
        return url_parse(location, ret_url, error);
    buffer_init(&out, 2 * URL_MAX);
    web_origin_text(&base->origin, origin);
    const char *path = base->text + strlen(origin);
    size_t whole = strcspn(path, "?"), folder = whole;
    while (folder > 0 && path[folder - 1] != '/')
        folder--;
    if (strncmp(location, "//", 2) == 0) {
        buffer_add_text(&out, base->origin.tls ? "https:" : "http:");
    } else {
        buffer_add_text(&out, origin);
        if (*location == '\0' || *location == '#')
            buffer_add_text(&out, path);
        else if (*location == '?')
            buffer_add(&out, span_of(path, whole));
        else if (*location != '/')
            buffer_add(&out, span_of(path, folder));
    }
    buffer_add_text(&out, location);
    bool ok =
        out.truncated ? bad(error, "is too long") : url_parse(out.text, ret_url, error);
    buffer_free(&out);
    return ok;
}

void url_free(struct url *url)
{
    free(url->text);
    url->text = NULL;
}

bool web_origin_equal(const struct web_origin *a, const struct web_origin *b)
{
    return a->tls == b->tls && a->port == b->port && strcmp(a->host, b->host) == 0;
}

void web_origin_text(const struct web_origin *o, char ret_text[URL_ORIGIN_MAX + 1])
{
    bool v6 = strchr(o->host, ':') != NULL;
    int n = snprintf(ret_text, URL_ORIGIN_MAX + 1, "%s://%s%s%s",
                     o->tls ? "https" : "http", v6 ? "[" : "", o->host, v6 ? "]" : "");
    if (n > 0 && o->port != (o->tls ? 443 : 80))
        (void)snprintf(ret_text + n, (size_t)(URL_ORIGIN_MAX + 1 - n), ":%u",
                       (unsigned)o->port);
}

bool web_origin_loopback(const struct web_origin *o)
{
    enum address_class class;
    struct span host = span_of_text(o->host);
    if (address_parse(o->host, &class))
        return class == ADDRESS_LOOPBACK;
    return span_is(host, "localhost") || span_ends(host, ".localhost");
}

bool web_origin_matches(const struct web_origin *o, const char *pattern)
{
    struct span host = span_of_text(o->host);
    if (strncmp(pattern, "*.", 2) == 0)
        return host.len > strlen(pattern) - 1 && span_ends(host, pattern + 1);
    return span_is(host, pattern);
}

void url_for_people(const char *url, struct buffer *out)
{
    size_t n = strcspn(url, "?#");
    buffer_add(out, span_of(url, n));
    if (url[n] == '?')
        buffer_add_text(out, "?…");
}

uint8_t url_decoded_byte(struct span text, size_t *at)
{
    size_t i = *at;
    int high = i + 2 < text.len ? span_hex_digit(text.ptr[i + 1]) : -1;
    int low = i + 2 < text.len ? span_hex_digit(text.ptr[i + 2]) : -1;
    bool escape = text.ptr[i] == '%' && high >= 0 && low >= 0;
    *at += escape ? 3 : 1;
    if (escape)
        return (uint8_t)(high << 4 | low);
    return text.ptr[i];
}
