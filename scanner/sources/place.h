/* place.h: a server that a driver asks and that files lie at, and who we are there.
 *
 * Everything a driver asks goes through place_ask(): credentials, a private address and
 * the lack of TLS are for the place's own origin only, whatever an answer says. */
#ifndef PLACE_H
#define PLACE_H

#include "net/auth.h"
#include "registry/rest.h"

enum { PLACE_ANSWER_MAX = 8 << 20 };

struct place {
    struct http *http;    /* of the thread that asks */
    const char *endpoint; /* "https://host[/path]", without a "/" at its end */
    struct auth *auth;    /* NULL: anonymous */
    bool own;             /* the operator named it: it may be private and lack TLS */
    bool offline;         /* nothing is asked */
    struct place *next;
};

/* Does the URL lie at the origin of the place? */
bool place_holds(const struct place *p, const char *url);

/* A GET (or what `q` says) whose answer has status 200.  `q` needs a URL and what is not
 * the place's to say; with body_max 0 PLACE_ANSWER_MAX holds.  Else false with the
 * refusal, and an error that quotes the server (raw).  *ret_response is always filled and
 * ends with http_response_free(). */
bool place_ask(const struct place *p, const struct http_request *q,
               struct http_response *ret_response, enum rest_refusal *ret_refusal,
               struct error *error);

/* Percent-encode onto a URL: all but unreserved; place_add_path() also leaves "/". */
void place_add(struct buffer *url, const char *text);
void place_add_path(struct buffer *url, const char *path);

#endif
