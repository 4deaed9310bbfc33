/* field.h: what the header fields of an HTTP answer mean.  All of it is hostile. */
#ifndef FIELD_H
#define FIELD_H

#include "core/span.h"

/* Header lines of one answer, in order; without the status line. */
struct fields {
    struct field {
        char *name, *value; /* no control bytes; white space around is gone */
    } * list;
    size_t count;
};
enum { FIELDS_MAX = 256 };

/* Add one line "Name: value".  What is no field is passed over; false: no memory or
 * more than FIELDS_MAX. */
bool fields_add(struct fields *f, struct span line);
void fields_free(struct fields *f); /* idempotent */

/* The n-th (from 0) value of that name, whatever its case; NULL when there is none. */
const char *fields_get(const struct fields *f, const char *name, size_t n);

/* Any of the three forms of RFC 9110, 5.6.7 → seconds since 1970. */
bool field_date(const char *text, int64_t *ret_time);

/* How long the server asks to wait, in seconds from `now`; false when it does not say.
 * Looked at, in this order:
 *   Retry-After                             seconds or a date
 *   RateLimit: "api";r=0;t=55               also "limit=10, remaining=0, reset=55"
 *   RateLimit-Remaining: 0, RateLimit-Reset seconds
 *   X-RateLimit-Remaining: 0, X-RateLimit-Reset: seconds since 1970, or from now */
bool field_wait(const struct fields *f, int64_t now, uint64_t *ret_seconds);

/* Does the answer say that nothing is left until later?  With status 403, GitHub's way.
 */
bool field_exhausted(const struct fields *f);

/* "bytes 100-199/1000" → 100, 199, 1000; *ret_total is UINT64_MAX for "*". */
bool field_content_range(const char *value, uint64_t *ret_first, uint64_t *ret_last,
                         uint64_t *ret_total);

/* The target of rel="next" in the Link fields (RFC 8288), as written; false: none. */
bool field_link_next(const struct fields *f, struct buffer *ret_target);

/* `WWW-Authenticate: Bearer realm="…",service="…",scope="…"` (RFC 6750; the token
 * protocol of OCI registries).  Empty texts for what is left out. */
struct challenge {
    char realm[1024], service[256], scope[1024];
};
bool field_challenge(const struct fields *f, struct challenge *ret_challenge);

/* A validator that If-Range may carry: a strong ETag, else Last-Modified when it is at
 * least a minute older than Date (RFC 9110, 8.8.2.2).  NULL: none. */
const char *field_validator(const struct fields *f);

#endif
