/* transport.h: one request to a registry and its answer, whoever carries them.
 *
 * registry/ knows no network: whoever asks hands in a transport.  Redirects, proxies,
 * retries, credentials, caches and the size cap are the transport's; what an answer means
 * is registry/'s (rest.h). */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include "core/arena.h"
#include "core/error.h"

struct rest_header {
    const char *name, *value;
};

enum { REST_ANSWER_MAX = 32 << 20, REST_HEADERS_MAX = 128 };

struct rest_request {
    const char *id;                    /* in "requests", for messages */
    const char *method;                /* "GET", "HEAD", "POST" */
    const char *url;                   /* absolute, encoded */
    const struct rest_header *headers; /* the entry's, no credentials among them */
    size_t header_count;
    struct span body; /* JSON; empty: none */
    bool credentials; /* the URL is at the operator's endpoint: its credentials may go */
    bool follow;      /* false: hand back a redirect as it is */
    uint64_t max_bytes; /* of the body; more is a failure of the transport */
};

struct rest_answer {
    int status;                        /* of HTTP, the last one when retried */
    const struct rest_header *headers; /* names in any case */
    size_t header_count;
    struct span body; /* lives at least as long as the arena that was handed in */
    const char *url;  /* where it came from in the end; NULL: as asked */
};

/* False: no answer at all, with the reason; any status is an answer. */
typedef bool rest_transport(void *self, const struct rest_request *request,
                            struct arena *arena, struct rest_answer *ret_answer,
                            struct error *error);

/* Why a registry does not tell. */
enum rest_refusal {
    REST_ANSWERED,
    REST_NOT_ASKED, /* a condition did not hold, or an earlier answer is missing */
    REST_NOT_FOUND,
    REST_NOT_FOUND_OR_PRIVATE,
    REST_REVISION_NOT_FOUND,
    REST_AUTH_REQUIRED,
    REST_FORBIDDEN,
    REST_GATED,
    REST_DISABLED,
    REST_RATE_LIMITED,
    REST_SERVER_ERROR,
    REST_MALFORMED, /* an answer that is not what the entry says it is */
    REST_UNREACHABLE,
    REST_REFUSAL_COUNT
};
const char *rest_refusal_name(enum rest_refusal r); /* "rate_limited" */

#endif
