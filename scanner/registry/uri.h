/* uri.h: the text of a reference taken apart, before any registry has seen it.
 *
 * Whatever a reference could smuggle past a pattern is refused here, once: control and
 * non-ASCII bytes, backslashes, bad escapes, "." and ".." segments in any encoding, user
 * names in URLs, odd hosts.  Spans point into the caller's text. */
#ifndef URI_H
#define URI_H

#include "core/error.h"
#include "core/span.h"

enum { URI_MAX = 2048, URI_SCHEME_MAX = 32, URI_AUTHORITY_MAX = 262 };

struct uri {
    const char *text;                /* as given; not owned */
    char scheme[URI_SCHEME_MAX + 1]; /* lower case */
    struct span rest;                /* behind "scheme:" and an optional "//"; raw */
    bool url;                        /* http or https: then also */
    /* host[:port] in lower case; without a port it is https on 443 */
    char authority[URI_AUTHORITY_MAX + 1];
    struct span path, query, fragment; /* raw */
};

/* ERROR_USAGE with what is wrong and, where there is one, a hint. */
bool uri_parse(const char *text, struct uri *ret_uri, struct error *error);

/* Does a URL with this authority stay on this machine? */
bool uri_loopback(const char *authority);

/* "https://Host:443/x" or "host:8080" → "host", "host:8080".  False when there is none.
 */
bool uri_authority_of(const char *url, char ret_authority[URI_AUTHORITY_MAX + 1]);

/* Percent-decode once onto `out`.  NULL, or what is wrong: a bad escape, a control
 * character, a backslash, invalid UTF-8, a "." or ".." segment. */
const char *uri_decode(struct span raw, struct buffer *out);

#endif
