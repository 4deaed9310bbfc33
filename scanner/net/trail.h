/* trail.h: one request's way over redirects, and what may still be sent on it.
 *
 * No I/O: http.c asks it what to do next.  Every refusal is an ERROR_NETWORK. */
#ifndef TRAIL_H
#define TRAIL_H

#include "net/address.h"
#include "net/http.h"

struct trail {
    struct url urls[HTTP_HOPS_MAX + 1]; /* where it has been; the last is the next hop */
    size_t count;
    enum http_method method; /* of the next hop */
    bool strayed;            /* the origin has changed: no secret, no body, ever again */
    bool anchored;           /* it may not change … */
    const char *const *deputies; /* … but to one of these; NULL: none */
    const char *otherwise;       /* advice about any other; or NULL */
    bool plain_ok;               /* the next hop may lack TLS, wherever it is */
    enum address_class nearest;  /* … and may lie so near */
};

/* Checks the first URL.  *failure (of http.h) tells a bad URL from a forbidden one. */
bool trail_start(struct trail *t, const struct http_request *q,
                 enum http_failure *ret_failure, struct error *error);
void trail_end(struct trail *t);

const struct url *trail_url(const struct trail *t);

/* Go where an answer points to; `reached` is the network that answered. */
bool trail_follow(struct trail *t, unsigned status, const char *location,
                  enum address_class reached, struct error *error);
bool trail_redirects(unsigned status); /* 301, 302, 303, 307, 308 */

/* May the next hop connect to an address of this class? */
bool trail_admits(const struct trail *t, enum address_class class);

/* May this header of the caller's be sent to the next hop? */
bool trail_sends(const struct trail *t, const char *header);

#endif
