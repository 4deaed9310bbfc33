/* The only file that includes curl.h.  The library is loaded when the first client is
 * made and not linked: it brings 30 others, which would cost every scan of a local file
 * 3 ms, and the worker could be linked with it by accident. */
#define CURL_DISABLE_TYPECHECK
#include "net/http.h"

#include "net/proxy.h"
#include "net/retry.h"
#include "net/trail.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIBRARY "libcurl.so.4"
enum {
    LIBRARY_OLDEST = 0x075500, /* 7.85.0: CURLOPT_PROTOCOLS_STR */
    BODY_MAX = 16 << 20,
    ERROR_BODY_MAX = 64 << 10, /* of an answer that is no success */
    TOTAL_SECONDS = 300,
    BUFFER_BYTES = 256 << 10
};

#define CALLS(X)                                                                         \
    X(global_init)                                                                       \
    X(version_info)                                                                      \
    X(easy_init)                                                                         \
    X(easy_cleanup)                                                                      \
    X(easy_reset)                                                                        \
    X(easy_setopt)                                                                       \
    X(easy_perform) X(easy_getinfo) X(easy_strerror) X(slist_append) X(slist_free_all)

struct http {
    struct http_options options; /* with the defaults in place */
    void *library;
    struct {
#define X(name) __typeof__(curl_##name) *name;
        CALLS(X)
#undef X
    } curl;
    CURL *easy;
    struct curl_slist *connect_to;
};

/* One request to one server, as the callbacks see it. */
struct hop {
    struct http *http;
    const struct http_request *request;
    const struct trail *trail;
    struct http_response *response;
    bool exempt;  /* the operator chose the address: proxy, connect_to */
    bool refused; /* an address was not allowed: this one */
    enum address_class reached, forbidden;
    size_t header_bytes;
    uint64_t body_bytes;
    bool begun;                   /* the sink has seen it */
    bool full;                    /* of an error page, that is enough */
    enum http_failure failure;    /* why a callback ended it */
    char reason[CURL_ERROR_SIZE]; /* the library's */
};

/* --- making a client --- */

static bool load(struct http *h, struct error *error)
{
    h->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!h->library)
        return error_set(error, ERROR_NETWORK, "the network needs %s, which is not here",
                         LIBRARY);
#define X(name)                                                                          \
    {                                                                                    \
        void *symbol = dlsym(h->library, "curl_" #name);                                 \
        if (!symbol)                                                                     \
            return error_set(error, ERROR_NETWORK, "%s has no curl_" #name, LIBRARY);    \
        memcpy(&h->curl.name, &symbol, sizeof symbol);                                   \
    }
    CALLS(X)
#undef X
    const curl_version_info_data *info = h->curl.version_info(CURLVERSION_NOW);
    if (info->version_num < LIBRARY_OLDEST || !(info->features & CURL_VERSION_SSL) ||
        !(info->features & CURL_VERSION_THREADSAFE))
        return error_set(error, ERROR_NETWORK, "libcurl %s is too old, or without TLS",
                         info->version);
    return true;
}

static void set_defaults(struct http_options *o)
{
    o->attempts = o->attempts ? o->attempts : HTTP_ATTEMPTS;
    o->connect_ms = o->connect_ms ? o->connect_ms : 20000;
    o->slow_rate = o->slow_rate ? o->slow_rate : 512;
    o->slow_seconds = o->slow_seconds ? o->slow_seconds : 60;
    o->wait_max = o->wait_max ? o->wait_max : 120;
    o->clock = o->clock ? o->clock : &clock_system;
}

static bool add_line(struct http *h, struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = h->curl.slist_append(*list, line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

struct http *http_new(const struct http_options *o, struct error *error)
{
    struct http *h = calloc(1, sizeof *h);
    bool memory = h != NULL;
    if (h) {
        h->options = *o;
        set_defaults(&h->options);
        if (!load(h, error)) {
            http_free(h);
            return NULL;
        }
        memory = h->curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK &&
                 (h->easy = h->curl.easy_init()) != NULL;
        for (const char *const *c = o->connect_to; memory && c && *c; c++)
            memory = add_line(h, &h->connect_to, *c);
    }
    if (memory)
        return h;
    (void)error_set(error, ERROR_MEMORY, "out of memory");
    http_free(h);
    return NULL;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    if (h->easy)
        h->curl.easy_cleanup(h->easy);
    if (h->connect_to)
        h->curl.slist_free_all(h->connect_to);
    if (h->library)
        (void)dlclose(h->library);
    free(h);
}

int64_t http_now(const struct http *h)
{
    return h->options.clock->now(h->options.clock->self);
}

static void response_clear(struct http_response *r)
{
    free(r->url);
    fields_free(&r->fields);
    buffer_free(&r->body);
    *r = (struct http_response){ .attempts = r->attempts };
}

void http_response_free(struct http_response *r)
{
    response_clear(r);
}

/* --- what the library asks while it works --- */

static bool stopped(const struct http *h)
{
    return h->options.stop && atomic_load(h->options.stop);
}

static bool admit(struct hop *hop, enum address_class class)
{
    if (hop->exempt || trail_admits(hop->trail, class))
        return true;
    hop->refused = true;
    hop->forbidden = class;
    return false;
}

/* After DNS, before anything is sent to the address, not even a SYN. */
static curl_socket_t on_socket(void *self, curlsocktype purpose,
                               struct curl_sockaddr *address)
{
    (void)purpose;
    if (!admit(self, address_class_of(&address->addr)))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Before a request is sent: a connection that was kept may be one that another request
 * was allowed to make. */
static int on_connected(void *self, char *address, char *local, int port, int local_port)
{
    struct hop *hop = self;
    enum address_class class = ADDRESS_FORBIDDEN;
    (void)local, (void)port, (void)local_port;
    (void)address_parse(address, &class);
    if (!admit(hop, class))
        return CURL_PREREQFUNC_ABORT;
    hop->reached = hop->exempt ? ADDRESS_PUBLIC : class;
    return CURL_PREREQFUNC_OK;
}

static int on_progress(void *self, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct hop *hop = self;
    (void)a, (void)b, (void)c, (void)d;
    if (!stopped(hop->http))
        return 0;
    hop->failure = HTTP_STOPPED;
    return 1;
}

static size_t on_header(char *line, size_t one, size_t len, void *self)
{
    struct hop *hop = self;
    struct http_response *r = hop->response;
    (void)one;
    hop->header_bytes += len;
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        fields_free(&r->fields); /* 100 Continue comes before the answer */
    if (hop->header_bytes <= HTTP_HEADERS_MAX &&
        fields_add(&r->fields, span_of(line, len)))
        return len;
    hop->failure = HTTP_TOO_LARGE;
    return 0;
}

static void note_status(struct hop *hop)
{
    long status = 0;
    (void)hop->http->curl.easy_getinfo(hop->http->easy, CURLINFO_RESPONSE_CODE, &status);
    hop->response->status = (unsigned)status;
}

static bool successful(const struct http_response *r)
{
    return r->status >= 200 && r->status < 300;
}

/* The sink's turn, once, when the answer is a success. */
static bool begin(struct hop *hop)
{
    const struct http_sink *sink = hop->request->sink;
    note_status(hop);
    if (hop->begun || !sink || !successful(hop->response))
        return true;
    hop->begun = true;
    if (!sink->begin || sink->begin(sink->self, hop->response))
        return true;
    hop->failure = HTTP_STOPPED;
    return false;
}

static size_t on_body(char *bytes, size_t one, size_t len, void *self)
{
    struct hop *hop = self;
    const struct http_request *q = hop->request;
    struct span piece = span_of(bytes, len);
    (void)one;
    if (!begin(hop))
        return 0;
    bool success = successful(hop->response);
    uint64_t most = !success ? ERROR_BODY_MAX : q->body_max ? q->body_max : BODY_MAX;
    if (len > most - hop->body_bytes) {
        hop->full = !success;
        hop->failure = success ? HTTP_TOO_LARGE : HTTP_OK;
        return 0;
    }
    hop->body_bytes += len;
    if (success && q->sink) {
        if (q->sink->bytes(q->sink->self, piece))
            return len;
        hop->failure = HTTP_STOPPED;
        return 0;
    }
    buffer_add(&hop->response->body, piece);
    if (!hop->response->body.truncated)
        return len;
    hop->failure = HTTP_MEMORY;
    return 0;
}

/* --- one hop --- */

/* "HOST:PORT:…", where both may be empty. */
static bool redirected_by_operator(const struct http *h, const struct web_origin *to)
{
    char port[8], bracketed[URL_HOST_MAX + 5];
    bool v6 = strchr(to->host, ':') != NULL;
    (void)snprintf(port, sizeof port, "%u", (unsigned)to->port);
    (void)snprintf(bracketed, sizeof bracketed, v6 ? "[%s]" : "%s", to->host);
    for (const char *const *c = h->options.connect_to; c && *c; c++) {
        size_t host = strlen(bracketed), digits = strlen(port);
        if (**c != ':' && strncasecmp(*c, bracketed, host) != 0)
            continue;
        const char *rest = **c == ':' ? *c : *c + host;
        if (*rest == ':' && (rest[1] == ':' || (strncmp(rest + 1, port, digits) == 0 &&
                                                rest[1 + digits] == ':')))
            return true;
    }
    return false;
}

/* The header lines of this hop; what holds a secret is wiped by free_lines(). */
static bool make_lines(struct hop *hop, struct curl_slist **ret_lines)
{
    struct http *h = hop->http;
    const struct http_request *q = hop->request;
    const struct url *url = trail_url(hop->trail);
    const char *secret =
        hop->trail->strayed ? NULL : credential_line(q->credential, &url->origin);
    bool ok = add_line(h, ret_lines, "Expect:");
    if (!q->compressed)
        ok = ok && add_line(h, ret_lines, "Accept-Encoding: identity");
    for (const char *const *line = q->headers; ok && line && *line; line++)
        if (trail_sends(hop->trail, *line))
            ok = add_line(h, ret_lines, *line);
    return ok && (!secret || add_line(h, ret_lines, secret));
}

static void free_lines(struct http *h, struct curl_slist *lines)
{
    for (struct curl_slist *l = lines; l; l = l->next)
        secret_wipe(l->data, strlen(l->data));
    h->curl.slist_free_all(lines);
}

#define SET(option, value)                                                               \
    (ok = ok && h->curl.easy_setopt(h->easy, option, value) == CURLE_OK)

static bool set_callbacks(struct http *h, struct hop *hop)
{
    bool ok = true;
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(CURLOPT_OPENSOCKETDATA, hop);
    SET(CURLOPT_PREREQFUNCTION, on_connected);
    SET(CURLOPT_PREREQDATA, hop);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, hop);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, hop);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, hop);
    SET(CURLOPT_ERRORBUFFER, hop->reason);
    return ok;
}

/* Nothing comes from the environment or from files of the library's own. */
static bool set_connection(struct http *h, const char *proxy, bool with_sink)
{
    const struct http_options *o = &h->options;
    unsigned total = with_sink ? 0 : TOTAL_SECONDS;
    bool ok = true;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_USERAGENT, "assay/" ASSAY_VERSION);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_PROXY, proxy ? proxy : "");
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_ms);
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)o->slow_rate);
    SET(CURLOPT_LOW_SPEED_TIME, (long)o->slow_seconds);
    SET(CURLOPT_TIMEOUT, (long)total);
    if (o->ca_file) {
        SET(CURLOPT_CAINFO, o->ca_file);
        SET(CURLOPT_CAPATH, (char *)NULL);
        SET(CURLOPT_PROXY_CAINFO, o->ca_file);
        SET(CURLOPT_PROXY_CAPATH, (char *)NULL);
    }
    if (h->connect_to)
        SET(CURLOPT_CONNECT_TO, h->connect_to);
    return ok;
}

static bool set_request(struct http *h, const struct hop *hop, struct curl_slist *lines)
{
    const struct http_request *q = hop->request;
    bool ok = true;
    SET(CURLOPT_URL, trail_url(hop->trail)->text);
    SET(CURLOPT_HTTPHEADER, lines);
    if (q->compressed)
        SET(CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    if (q->total_seconds)
        SET(CURLOPT_TIMEOUT, (long)q->total_seconds);
    switch (hop->trail->method) {
    case HTTP_GET:
        SET(CURLOPT_HTTPGET, 1L);
        break;
    case HTTP_HEAD:
        SET(CURLOPT_NOBODY, 1L);
        break;
    case HTTP_POST:
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len);
        SET(CURLOPT_POSTFIELDS, q->body.len ? (const char *)q->body.ptr : "");
        break;
    }
    return ok;
}

static enum http_failure failure_of(const struct hop *hop, CURLcode code)
{
    if (hop->failure != HTTP_OK)
        return hop->failure;
    switch (code) {
    case CURLE_OK:
        return HTTP_OK;
    case CURLE_WRITE_ERROR:
        return hop->full ? HTTP_OK : HTTP_MEMORY;
    case CURLE_OUT_OF_MEMORY: /* also its word for a header line of more than 100 KiB */
        return hop->response->status && !hop->body_bytes ? HTTP_TOO_LARGE : HTTP_MEMORY;
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_COULDNT_CONNECT:
        return hop->refused ? HTTP_REFUSED : HTTP_UNREACHABLE;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
        return HTTP_UNREACHABLE;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
        return HTTP_TLS;
    default: /* reset, short, too slow, garbled */
        return HTTP_CUT;
    }
}

static bool tell(struct hop *hop, CURLcode code, struct error *error)
{
    char origin[URL_ORIGIN_MAX + 1];
    const char *why = hop->reason[0] ? hop->reason : hop->http->curl.easy_strerror(code);
    enum http_failure f = hop->response->failure;
    web_origin_text(&trail_url(hop->trail)->origin, origin);
    if (f == HTTP_REFUSED)
        return error_set(error, ERROR_NETWORK, "%s: leads to %s, which is not allowed",
                         origin, address_class_name(hop->forbidden));
    if (f == HTTP_TOO_LARGE)
        why = hop->body_bytes ? "the answer is too large" : "the header is too large";
    if (f == HTTP_STOPPED)
        why = "stopped";
    return error_set(error, f == HTTP_MEMORY ? ERROR_MEMORY : ERROR_NETWORK, "%s: %s",
                     origin, why);
}

static bool run_hop(struct hop *hop, struct error *error)
{
    struct http *h = hop->http;
    struct http_response *r = hop->response;
    const struct web_origin *to = &trail_url(hop->trail)->origin;
    const char *proxy = proxy_for(&h->options, to);
    struct curl_slist *lines = NULL;
    CURLcode code = CURLE_OUT_OF_MEMORY;

    hop->exempt = proxy || redirected_by_operator(h, to);
    h->curl.easy_reset(h->easy);
    if (make_lines(hop, &lines) && set_callbacks(h, hop) &&
        set_connection(h, proxy, hop->request->sink != NULL) &&
        set_request(h, hop, lines))
        code = h->curl.easy_perform(h->easy);
    free_lines(h, lines);

    note_status(hop);
    web_origin_text(to, r->hops[r->hop_count].origin);
    r->hops[r->hop_count++].status = r->status;
    if (code == CURLE_OK && hop->trail->method != HTTP_HEAD && !begin(hop))
        code = CURLE_WRITE_ERROR;
    r->failure = failure_of(hop, code);
    return r->failure == HTTP_OK || tell(hop, code, error);
}

/* --- all hops, all attempts --- */

/* Another hop is to be made; false with `failure` still HTTP_OK: this answer is it. */
static bool go_on(struct trail *t, const struct http_request *q, struct http_response *r,
                  enum address_class reached, struct error *error)
{
    const char *location = fields_get(&r->fields, "Location", 0);
    if (q->stay || !location || !trail_redirects(r->status))
        return false;
    if (trail_follow(t, r->status, location, reached, error))
        return true;
    r->failure = HTTP_REFUSED;
    return false;
}

/* One attempt.  *ret_begun: the sink has seen some of it. */
static bool attempt(struct http *h, const struct http_request *q, struct http_response *r,
                    bool *ret_begun, struct error *error)
{
    struct trail trail;
    bool more = trail_start(&trail, q, &r->failure, error);
    while (more) {
        struct hop hop = { .http = h, .request = q, .trail = &trail, .response = r };
        free(r->url);
        r->url = strdup(trail_url(&trail)->text);
        r->failure = HTTP_OK;
        r->status = 0;
        fields_free(&r->fields);
        buffer_free(&r->body);
        buffer_init(&r->body, q->body_max > ERROR_BODY_MAX ? q->body_max : BODY_MAX);
        more = run_hop(&hop, error) && go_on(&trail, q, r, hop.reached, error);
        *ret_begun = hop.begun;
    }
    trail_end(&trail);
    return r->failure == HTTP_OK;
}

static bool worth_another(const struct http_request *q, const struct http_response *r)
{
    bool repeatable = q->method != HTTP_POST || q->repeatable;
    return r->failure == HTTP_OK ? retry_status(r->status, &r->fields, repeatable)
                                 : r->failure == HTTP_CUT && repeatable;
}

/* In small steps, so that a stop is soon obeyed. */
static bool rest(const struct http *h, uint64_t milliseconds)
{
    const struct clock *clock = h->options.clock;
    for (; milliseconds > 0 && !stopped(h);) {
        unsigned step = milliseconds < 200 ? (unsigned)milliseconds : 200;
        clock->sleep(clock->self, step);
        milliseconds -= step;
    }
    return !stopped(h);
}

static bool headers_valid(const struct http_request *q)
{
    for (const char *const *line = q->headers; line && *line; line++)
        if (!strchr(*line, ':') || strpbrk(*line, "\r\n"))
            return false;
    return true;
}

bool http_fetch(struct http *h, const struct http_request *q,
                struct http_response *ret_response, struct error *error)
{
    struct http_response *r = ret_response;
    bool ok = false, begun = false;
    uint64_t wait;
    *r = (struct http_response){ .failure = HTTP_USAGE };
    if (!headers_valid(q))
        return error_set(error, ERROR_USAGE, "a header is not \"Name: value\"");
    for (unsigned n = 1;; n++) {
        response_clear(r);
        r->attempts = n;
        ok = attempt(h, q, r, &begun, error);
        if (n >= h->options.attempts || begun || !worth_another(q, r) ||
            !retry_wait(&r->fields, n, h->options.wait_max, h->options.clock, &wait))
            return ok;
        if (!rest(h, wait)) {
            r->failure = HTTP_STOPPED;
            return error_set(error, ERROR_NETWORK, "stopped");
        }
    }
}
