/* url.h: http and https URLs, and the origin that decides where a secret may go.
 *
 * Stricter than any browser: no user names, no control or non-ASCII bytes, no spaces, no
 * backslashes, no odd hosts.  What passes is written anew from its parts, so that this
 * parser and the library below cannot differ about the host. */
#ifndef URL_H
#define URL_H

#include "core/error.h"
#include "core/span.h"

enum { URL_MAX = 8192, URL_HOST_MAX = 253, URL_ORIGIN_MAX = 8 + URL_HOST_MAX + 2 + 6 };

/* Scheme, host and port: secrets are bound to all three. */
struct web_origin {
    bool tls;                    /* https */
    char host[URL_HOST_MAX + 3]; /* lower case; an IPv6 address without its brackets */
    uint16_t port;
};

struct url {
    struct web_origin origin;
    char *text; /* canonical, without a fragment; owned, url_free() gives it back */
};

/* ERROR_USAGE with what is wrong; the message shows no query. */
bool url_parse(const char *text, struct url *ret_url, struct error *error);

/* `location` may be relative to `base` (RFC 3986, 5.2). */
bool url_resolve(const struct url *base, const char *location, struct url *ret_url,
                 struct error *error);
void url_free(struct url *url); /* idempotent */

bool web_origin_equal(const struct web_origin *a, const struct web_origin *b);

/* "https://host", "http://[::1]:8080". */
void web_origin_text(const struct web_origin *o, char ret_text[URL_ORIGIN_MAX + 1]);

/* Is it "localhost", below it, or a loopback address?  By name only, no look-up. */
bool web_origin_loopback(const struct web_origin *o);

/* Is the host "name", or below "*.suffix"? */
bool web_origin_matches(const struct web_origin *o, const char *pattern);

/* The URL without its query, where signed URLs and tokens hide: for people to read. */
void url_for_people(const char *url, struct buffer *out);

/* The byte at *at, or the one that a "%41" there stands for; *at moves behind it. */
uint8_t url_decoded_byte(struct span text, size_t *at);

#endif
