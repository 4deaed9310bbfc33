#include "registry/uri.h"

#include <stdlib.h>
#include <string.h>

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static uint8_t to_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool is_alnum(uint8_t c)
{
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
}

/* Index of the first byte that is one of `stops`, or the length. */
static size_t find_any(struct span s, const char *stops)
{
    size_t i = 0;
    while (i < s.len && !(s.ptr[i] && strchr(stops, s.ptr[i])))
        i++;
    return i;
}

/* Length of the UTF-8 sequence at the start, 0 when it is invalid (RFC 3629). */
static size_t utf8_length(struct span s)
{
    uint8_t first = s.ptr[0];
    if (first < 0x80)
        return 1;
    size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || s.len < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s.ptr[i] & 0xc0) != 0x80)
            return 0;
    bool overlong =
        (first == 0xe0 && s.ptr[1] < 0xa0) || (first == 0xf0 && s.ptr[1] < 0x90);
    bool surrogate = first == 0xed && s.ptr[1] > 0x9f;
    bool beyond = first == 0xf4 && s.ptr[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : n;
}

static const char *find_fault(struct span s)
{
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_length(span_slice(s, i, s.len));
        if (n == 0)
            return "holds invalid UTF-8";
        if (s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return "holds a control character";
        /* U+0080 to U+009F are control characters too */
        if (s.ptr[i] == 0xc2 && s.ptr[i + 1] < 0xa0)
            return "holds a control character";
        if (s.ptr[i] == '\\')
            return "holds a backslash";
    }
    for (size_t start = 0; start <= s.len;) {
        size_t n = find_any(span_slice(s, start, s.len), "/");
        struct span segment = span_slice(s, start, start + n);
        if (span_is(segment, ".") || span_is(segment, ".."))
            return "holds a \".\" or \"..\" segment";
        start += n + 1;
    }
    return NULL;
}

const char *uri_decode(struct span raw, struct buffer *out)
{
    size_t from = out->len;
    for (size_t i = 0; i < raw.len; i++) {
        uint8_t byte = raw.ptr[i];
        if (byte == '%') {
            int high = i + 2 < raw.len ? span_hex_digit(raw.ptr[i + 1]) : -1;
            int low = i + 2 < raw.len ? span_hex_digit(raw.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return "holds a \"%\" without two hexadecimal digits";
            byte = (uint8_t)(high * 16 + low);
            i += 2;
        }
        buffer_add(out, span_of(&byte, 1));
    }
    if (out->truncated)
        return "is too long";
    return find_fault(span_slice(buffer_span(out), from, out->len));
}

/* "[::1]" and what may stand in a host name.  No trailing dot, no empty label. */
static bool host_valid(struct span host)
{
    if (host.len > 253)
        return false;
    if (host.len > 4 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        for (size_t i = 1; i + 1 < host.len; i++)
            if (span_hex_digit(host.ptr[i]) < 0 && host.ptr[i] != ':' &&
                host.ptr[i] != '.')
                return false;
        return true;
    }
    if (host.len == 0)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.ptr[i];
        bool dot_is_lost = i == 0 || i + 1 == host.len || host.ptr[i - 1] == '.';
        if (c == '.' ? dot_is_lost : !is_alnum(c) && c != '-' && c != '_')
            return false;
    }
    return true;
}

static bool port_valid(struct span port)
{
    unsigned value = 0;
    for (size_t i = 0; i < port.len; i++) {
        if (!is_digit(port.ptr[i]) || i == 5)
            return false;
        value = value * 10 + (unsigned)(port.ptr[i] - '0');
    }
    return value > 0 && value <= 65535;
}

/* Lower case; https loses its port 443 and http gets its 80, so that equal authorities
 * are one origin.  NULL, or what is wrong. */
static const char *read_authority(struct span text, bool https,
                                  char ret[URI_AUTHORITY_MAX + 1])
{
    if (find_any(text, "@") < text.len)
        return "a user name in a URL is refused";
    size_t colon = text.len;
    while (colon > 0 && is_digit(text.ptr[colon - 1]))
        colon--;
    bool has_port = colon > 0 && text.ptr[colon - 1] == ':';
    struct span host = span_slice(text, 0, has_port ? colon - 1 : text.len);
    struct span port = span_slice(text, has_port ? colon : text.len, text.len);
    if (!host_valid(host))
        return "the host is malformed";
    if (has_port && !port_valid(port))
        return "the port is malformed";
    if (!has_port && !https)
        port = span_of_text("80");
    if (https && span_is(port, "443"))
        port = span_of_text("");
    (void)snprintf(ret, URI_AUTHORITY_MAX + 1, "%.*s%s%.*s", (int)host.len, host.ptr,
                   port.len ? ":" : "", (int)port.len, port.ptr);
    for (char *c = ret; *c; c++)
        *c = (char)to_lower((uint8_t)*c);
    return NULL;
}

bool uri_loopback(const char *authority)
{
    static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (strncmp(authority, names[i], n) == 0 &&
            (authority[n] == '\0' || authority[n] == ':'))
            return true;
    }
    return false;
}

bool uri_authority_of(const char *url, char ret_authority[URI_AUTHORITY_MAX + 1])
{
    struct span text = span_of_text(url);
    bool https = !span_starts(text, "http://");
    size_t scheme = span_find(text, "://", 0);
    if (scheme != SIZE_MAX)
        text = span_slice(text, scheme + 3, text.len);
    char authority[URI_AUTHORITY_MAX + 1] = "";
    if (read_authority(span_slice(text, 0, find_any(text, "/?#")), https, authority))
        return false;
    memcpy(ret_authority, authority, sizeof authority);
    return true;
}

static const char *read_url(struct uri *uri)
{
    if (!span_starts(uri->rest, "//"))
        return "\"//\" and a host must follow the scheme";
    struct span text = span_slice(uri->rest, 2, uri->rest.len);
    uri->rest = text;
    size_t end = find_any(text, "/?#");
    bool https = strcmp(uri->scheme, "https") == 0;
    const char *fault = read_authority(span_slice(text, 0, end), https, uri->authority);
    if (fault)
        return fault;
    text = span_slice(text, end, text.len);
    end = find_any(text, "?#");
    uri->path = span_slice(text, 0, end);
    text = span_slice(text, end, text.len);
    end = find_any(text, "#");
    uri->query = span_slice(text, 1, end);
    uri->fragment = span_slice(text, end + 1, text.len);
    return NULL;
}

/* The length of "scheme:" without its colon; 0 when the text has none. */
static size_t scheme_length(struct span text)
{
    size_t n = 0;
    while (n < text.len &&
           (is_alnum(text.ptr[n]) || (n > 0 && strchr("+.-", text.ptr[n]))))
        n++;
    bool letter = n > 0 && !is_digit(text.ptr[0]);
    return letter && n <= URI_SCHEME_MAX && n < text.len && text.ptr[n] == ':' ? n : 0;
}

/* "org/model", as people paste it from the Hugging Face Hub. */
static bool looks_like_pair(struct span text)
{
    size_t slash = find_any(text, "/");
    struct span org = span_slice(text, 0, slash);
    struct span model = span_slice(text, slash + 1, text.len);
    for (size_t i = 0; i < org.len; i++)
        if (!is_alnum(org.ptr[i]) && !strchr("_-", org.ptr[i]))
            return false;
    return org.len > 0 && model.len > 0 && is_alnum(model.ptr[0]) &&
           find_any(model, "/") == model.len;
}

static bool no_scheme(struct span text, struct error *error)
{
    if (looks_like_pair(text))
        return error_set(error, ERROR_USAGE,
                         "\"%.80s\" names no registry: did you mean hf:%.80s?", text.ptr,
                         text.ptr);
    return error_set(error, ERROR_USAGE,
                     "\"%.80s\" is not a reference: it has no scheme such as hf: or "
                     "https: (\"assay registries\" lists them)",
                     text.ptr);
}

/* Plain printable ASCII: anything else belongs percent-encoded, so that no two
 * references that look alike are different. */
static const char *find_raw_fault(struct span text)
{
    if (text.len == 0)
        return "is empty";
    if (text.len > URI_MAX)
        return "is too long";
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return "holds a control character";
        if (text.ptr[i] >= 0x80)
            return "holds a non-ASCII character; percent-encode it";
        if (text.ptr[i] == ' ')
            return "holds a space; write %20";
    }
    return NULL;
}

static const char *find_encoded_fault(struct span raw)
{
    struct buffer decoded;
    buffer_init(&decoded, URI_MAX);
    const char *fault = uri_decode(raw, &decoded);
    buffer_free(&decoded);
    return fault;
}

bool uri_parse(const char *text, struct uri *ret_uri, struct error *error)
{
    struct span all = span_of_text(text);
    const char *fault = find_raw_fault(all);
    if (fault)
        return error_set(error, ERROR_USAGE, "the reference \"%.80s\" %s", text, fault);
    size_t n = scheme_length(all);
    if (n == 0)
        return no_scheme(all, error);
    struct uri uri = { .text = text, .rest = span_slice(all, n + 1, all.len) };
    for (size_t i = 0; i < n; i++)
        uri.scheme[i] = (char)to_lower(all.ptr[i]);

    fault = find_encoded_fault(uri.rest);
    if (fault)
        return error_set(error, ERROR_USAGE, "the reference \"%.80s\" %s", text, fault);

    uri.url = strcmp(uri.scheme, "https") == 0 || strcmp(uri.scheme, "http") == 0;
    if (uri.url) {
        fault = read_url(&uri);
        if (fault)
            return error_set(error, ERROR_USAGE, "\"%.80s\": %s", text, fault);
        fault = find_encoded_fault(uri.path); /* its last segment ends at "?" or "#" */
        if (fault)
            return error_set(error, ERROR_USAGE, "the path of \"%.80s\" %s", text, fault);
    } else if (span_starts(uri.rest, "//")) {
        uri.rest = span_slice(uri.rest, 2, uri.rest.len);
    }
    *ret_uri = uri;
    return true;
}
