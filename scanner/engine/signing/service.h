/* service.h: one request to a service that a Sigstore signing configuration names.
 *
 * No redirect is followed, answers are bounded, and no message quotes one: it could hold
 * what was sent. */
#ifndef SERVICE_H
#define SERVICE_H

#include "core/arena.h"
#include "net/http.h"

struct service_client {
    struct http *http;
    struct arena *arena; /* addresses and headers; no secret */
    bool private_ok;     /* the operator named the services: they may be in our network */
};

struct service_request {
    const char *who; /* "the certificate authority" */
    const char *url, *path;
    const char *content_type, *accept;
    struct span body; /* empty: GET */
    const struct credential *credential;
    const char *refusal; /* what the answers 401 and 403 mean, for people; or NULL … */
    const char *bad;     /* … and what 400 means; or NULL */
    uint64_t answer_max;
};

/* True for 200 and 201.  The caller http_response_free()s, whatever comes out. */
bool service_ask(const struct service_client *client, const struct service_request *q,
                 struct http_response *ret_answer, struct error *error);

/* "Authorization: Bearer TOKEN", for the origin of `url` alone. */
struct credential *service_bearer(const char *url, const char *token,
                                  struct error *error);

/* Wipes the answer's body, too. */
void service_forget(struct http_response *answer);

#endif
