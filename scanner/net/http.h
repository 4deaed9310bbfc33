/* http.h: one HTTP client; the only way Assay talks to the network.
 *
 * TLS is always verified.  Redirects are followed by hand, at most HTTP_HOPS_MAX: never
 * from https to http, never in a circle; after a change of scheme, host or port nothing
 * is sent but harmless headers, for the rest of the way.  A client belongs to one thread
 * and keeps its connections; options are shared and outlive it. */
#ifndef HTTP_H
#define HTTP_H

#include "net/clock.h"
#include "net/credential.h"
#include "net/field.h"

#include <stdatomic.h>

enum { HTTP_HOPS_MAX = 10, HTTP_ATTEMPTS = 5, HTTP_HEADERS_MAX = 256 << 10 };

struct http_options {              /* zero means the default, NULL none */
    const char *ca_file;           /* PEM, in place of the system's */
    const char *const *connect_to; /* "HOST:PORT:HOST:PORT", NULL-terminated; such a host
                                      counts as public.  For tests and private mirrors */
    const char *https_proxy, *http_proxy, *no_proxy;
    unsigned attempts;     /* HTTP_ATTEMPTS */
    unsigned connect_ms;   /* 20 s */
    unsigned slow_rate;    /* bytes a second … 512 */
    unsigned slow_seconds; /* … over so long is too slow: 60 */
    unsigned wait_max;     /* seconds; a server that asks for more gets no retry: 120 */
    const struct clock *clock;
    const atomic_bool *stop; /* set: everything ends soon, with HTTP_STOPPED */
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST };
struct http_response;

/* Where a body goes.  begin() sees status and headers once, before the first byte of the
 * final answer; false from either ends the transfer with HTTP_STOPPED. */
struct http_sink {
    bool (*begin)(void *self, const struct http_response *r); /* may be NULL */
    bool (*bytes)(void *self, struct span bytes);
    void *self;
};

struct http_request {
    enum http_method method;
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; or NULL */
    struct span body;           /* POST; never sent to another origin */
    const struct credential *credential;
    bool private_ok; /* the operator configured this endpoint: it may be in our network */
    bool plain_ok;   /* … and without TLS; else http is for this machine only */
    bool repeatable; /* POST that changes nothing: retried like GET */
    bool compressed; /* let the server compress; body_max counts what comes out */
    bool stay;       /* give a redirect to the caller */
    bool anchored;   /* only this server's word counts: no redirect to another … */
    const char *const *deputies;  /* … but to these hosts, by https; NULL: none */
    const char *otherwise;        /* what to do about another, for the error; or NULL */
    uint64_t body_max;            /* 0: 16 MiB */
    unsigned total_seconds;       /* 0: no limit besides slowness */
    const struct http_sink *sink; /* NULL: response.body */
};

enum http_failure {
    HTTP_OK,
    HTTP_USAGE,       /* the URL, a header */
    HTTP_REFUSED,     /* not allowed by us: scheme, address, redirect */
    HTTP_UNREACHABLE, /* DNS, connection, proxy */
    HTTP_TLS,         /* the certificate */
    HTTP_CUT,         /* ended early, or too slow: worth another try */
    HTTP_TOO_LARGE,
    HTTP_STOPPED,
    HTTP_MEMORY
};

struct http_response {
    enum http_failure failure;
    unsigned status; /* of the last answer; 0: none came */
    char *url;       /* the last one asked, canonical */
    struct fields fields;
    struct buffer body; /* empty with a sink */
    struct http_hop {   /* evidence: every server that was asked */
        char origin[URL_ORIGIN_MAX + 1];
        unsigned status;
    } hops[HTTP_HOPS_MAX + 1];
    size_t hop_count;
    unsigned attempts; /* in all */
};

struct http;
struct http *http_new(const struct http_options *o, struct error *error); /* or NULL */
void http_free(struct http *h);         /* NULL is fine */
int64_t http_now(const struct http *h); /* of its clock */

/* True when an answer came whole, whatever its status; a 429 or 5xx only after the
 * retries.  False with `failure` and an ERROR_NETWORK that shows no query and no secret.
 * *ret_response is always filled and ends with http_response_free(). */
bool http_fetch(struct http *h, const struct http_request *q,
                struct http_response *ret_response, struct error *error);
void http_response_free(struct http_response *r);

#endif
