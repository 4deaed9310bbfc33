/* Drives scanner/net from the command line; tests/net/test_*.py reads its JSON.
 *
 *   client [OPTION VALUE]... get URL
 *   client [OPTION VALUE]... load DIRECTORY URL...
 *
 * Time stands still but for what is slept, which costs nothing, and names are looked up
 * in the table that --resolve fills before the system is asked. */
#include "net/download.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <getopt.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { LIST_MAX = 64 };

static struct settings {
    struct http_options http;
    struct http_request request;
    struct download download;
    const char *connect_to[LIST_MAX], *headers[LIST_MAX], *resolve[LIST_MAX];
    const char *endpoint, *auth, *home, *token;
    json_t *methods; /* what the option --auth says; borrowed by the open auth */
    uint64_t limit, budget;
    unsigned threads;
    bool offline, nameless, quiet;
} settings;

/* --- a clock of our own --- */

static _Atomic uint64_t slept_ms;

static int64_t fake_now(void *self)
{
    (void)self;
    return 1700000000 + (int64_t)(slept_ms / 1000); /* 2023-11-14 22:13:20 UTC */
}

static void fake_sleep(void *self, unsigned milliseconds)
{
    (void)self;
    slept_ms += milliseconds;
    (void)usleep(1000);
}

static uint32_t fake_random(void *self)
{
    (void)self;
    return 0;
}

static const struct clock fake_clock = { fake_now, fake_sleep, fake_random, NULL };

/* --- names of our own: takes the place of the C library's for libcurl too --- */

__attribute__((visibility("default"))) int
getaddrinfo(const char *restrict node, const char *restrict service,
            const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    __typeof__(getaddrinfo) *real;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof real);
    for (size_t i = 0; node && i < LIST_MAX && settings.resolve[i]; i++) {
        const char *equals = strchr(settings.resolve[i], '=');
        size_t len = (size_t)(equals - settings.resolve[i]);
        if (strlen(node) == len && strncmp(node, settings.resolve[i], len) == 0)
            return real(equals + 1, service, hints, result);
    }
    return real(node, service, hints, result);
}

/* --- telling --- */

static void set(json_t *object, const char *name, json_t *value)
{
    (void)json_object_set_new(object, name, value);
}

static json_t *text(const char *t)
{
    json_t *value = json_string(t ? t : "");
    return value ? value : json_string("(not UTF-8)");
}

static void tell_response(json_t *out, const struct http_response *r)
{
    static const char *const failures[] = { "ok",          "usage",   "refused",
                                            "unreachable", "tls",     "cut",
                                            "too-large",   "stopped", "memory" };
    json_t *hops = json_array(), *headers = json_object();
    set(out, "failure", text(failures[r->failure]));
    set(out, "status", json_integer(r->status));
    set(out, "url", text(r->url));
    set(out, "attempts", json_integer(r->attempts));
    for (size_t i = 0; i < r->hop_count; i++)
        (void)json_array_append_new(
            hops, json_pack("[s,i]", r->hops[i].origin, (int)r->hops[i].status));
    for (size_t i = 0; i < r->fields.count; i++)
        set(headers, r->fields.list[i].name, text(r->fields.list[i].value));
    set(out, "hops", hops);
    set(out, "headers", headers);
    if (r->body.text)
        set(out, "body", text(r->body.text));
}

static void print_line(json_t *out, const struct error *error)
{
    set(out, "error", text(error->message));
    set(out, "slept", json_real((double)slept_ms / 1000));
    char *line = json_dumps(out, JSON_COMPACT | JSON_SORT_KEYS);
    puts(line);
    fflush(stdout);
    free(line);
    json_decref(out);
}

static int fail(const struct error *error)
{
    fprintf(stderr, "client: %s\n", error->message);
    return 2;
}

/* --- the two commands --- */

static const char *variable(const char *name)
{
    return getenv(name);
}

static bool open_auth(struct arena *arena, struct auth **ret_auth, struct error *error)
{
    struct auth_method methods[8] = { 0 };
    const struct auth_place place = { variable, settings.home };
    size_t n = 0, i;
    json_t *element;
    if (!settings.auth)
        return true;
    settings.methods = json_loads(settings.auth, 0, NULL);
    json_array_foreach(settings.methods, i, element) if (n < 8)
    {
        if (!auth_method_read(element, arena, &methods[n++], error))
            return false;
    }
    *ret_auth = auth_open(methods, n, &place, settings.endpoint,
                          settings.request.plain_ok, error);
    return *ret_auth != NULL;
}

static int get(const char *url, struct auth *auth)
{
    struct error error = { .message = "" };
    struct http_response r;
    struct credential *c = NULL;
    struct url endpoint;
    struct http *h = http_new(&settings.http, &error);
    if (!h)
        return fail(&error);
    if (settings.token) {
        if (!url_parse(settings.endpoint, &endpoint, &error))
            return fail(&error);
        c = credential_header(&endpoint.origin, "Authorization", "Bearer ",
                              span_of_text(settings.token), false, &error);
        url_free(&endpoint);
        if (!c)
            return fail(&error);
    }
    settings.request.url = url;
    settings.request.headers = settings.headers;
    settings.request.credential = c;
    json_t *out = json_object();
    bool ok = auth ? auth_fetch(auth, h, &settings.request, &r, &error)
                   : http_fetch(h, &settings.request, &r, &error);
    set(out, "ok", json_boolean(ok));
    tell_response(out, &r);
    print_line(out, &error);
    http_response_free(&r);
    credential_free(c);
    http_free(h);
    return 0;
}

struct jobs {
    char **urls;
    int count, next;
    struct auth *auth;
    pthread_mutex_t lock; /* of what is printed */
};

static bool next_job(void *self, struct download *ret_job)
{
    struct jobs *j = self;
    if (j->next == j->count)
        return false;
    *ret_job = settings.download;
    ret_job->url = j->urls[j->next++];
    ret_job->auth = j->auth;
    ret_job->headers = settings.headers;
    ret_job->private_ok = settings.request.private_ok;
    ret_job->plain_ok = settings.request.plain_ok;
    return true;
}

static bool is_readable(const struct download_result *r)
{
    struct error error;
    struct stat st;
    int fd = r->state == DOWNLOAD_DONE ? download_open(r, &error) : -1;
    bool readable = fd >= 0 && lseek(fd, 0, SEEK_CUR) == 0 && fstat(fd, &st) == 0 &&
                    (uint64_t)st.st_size == r->size && download_digests(r, &st);
    if (fd >= 0)
        (void)close(fd);
    return readable;
}

static bool job_done(void *self, const struct download *job, struct download_result *r)
{
    static const char *const states[] = { "done",   "mismatch", "status",
                                          "failed", "large",    "offline" };
    struct jobs *j = self;
    json_t *out = json_object();
    if (settings.quiet && r->state == DOWNLOAD_DONE) {
        json_decref(out);
        download_result_free(r);
        return true;
    }
    (void)pthread_mutex_lock(&j->lock);
    set(out, "job", text(job->url));
    set(out, "state", text(states[r->state]));
    set(out, "size", json_integer((json_int_t)r->size));
    set(out, "fetched", json_integer((json_int_t)r->fetched));
    set(out, "sha256", text(r->sha256));
    set(out, "actual", text(r->actual));
    set(out, "mismatch",
        json_integer(r->mismatch == SIZE_MAX ? -1 : (json_int_t)r->mismatch));
    set(out, "readable", json_boolean(is_readable(r)));
    tell_response(out, &r->http);
    print_line(out, &r->error);
    download_result_free(r);
    (void)pthread_mutex_unlock(&j->lock);
    return true;
}

static int load(char **words, int count, struct auth *auth)
{
    struct error error;
    struct jobs jobs = { .urls = words + 1, .count = count - 1, .auth = auth };
    struct downloader d = { .http = &settings.http,
                            .cache = cache_open(words[0], settings.budget, &error),
                            .offline = settings.offline,
                            .nameless = settings.nameless,
                            .threads = settings.threads };
    const struct download_run run = { next_job, job_done, &jobs };
    if (!d.cache)
        return fail(&error);
    (void)pthread_mutex_init(&jobs.lock, NULL);
    bool ok = download_all(&d, &run, &error);
    cache_close(d.cache);
    return ok ? 0 : fail(&error);
}

/* --- options --- */

static void append(const char **list, const char *value)
{
    size_t n = 0;
    while (list[n] && n + 2 < LIST_MAX)
        n++;
    list[n] = value;
}

static void add_expected(enum digest_algorithm a, const char *hex)
{
    settings.download.expected[settings.download.expected_count++] =
        (struct download_digest){ a, hex };
}

static unsigned number(const char *t)
{
    return (unsigned)strtoul(t, NULL, 10);
}

enum choice {
    CA_FILE = 256,
    CONNECT_TO,
    HEADER,
    RESOLVE,
    ENDPOINT,
    AUTH,
    HOME,
    TOKEN,
    PRIVATE,
    PLAIN,
    STAY,
    POST,
    HEAD,
    COMPRESSED,
    BODY_MAX,
    TOTAL,
    SLOW,
    CONNECT_MS,
    ATTEMPTS,
    PROXY,
    HTTP_PROXY,
    NO_PROXY,
    OFFLINE,
    NAMELESS,
    THREADS,
    SIZE,
    LIMIT,
    SHA256,
    GIT_SHA1,
    IDENTITY,
    BUDGET,
    REAL_CLOCK,
    QUIET
};

static const struct option options[] = {
    {"ca-file",      1, NULL, CA_FILE   },
    { "connect-to",  1, NULL, CONNECT_TO},
    { "header",      1, NULL, HEADER    },
    { "resolve",     1, NULL, RESOLVE   },
    { "endpoint",    1, NULL, ENDPOINT  },
    { "auth",        1, NULL, AUTH      },
    { "home",        1, NULL, HOME      },
    { "token",       1, NULL, TOKEN     },
    { "private",     0, NULL, PRIVATE   },
    { "plain",       0, NULL, PLAIN     },
    { "stay",        0, NULL, STAY      },
    { "post",        1, NULL, POST      },
    { "head",        0, NULL, HEAD      },
    { "compressed",  0, NULL, COMPRESSED},
    { "body-max",    1, NULL, BODY_MAX  },
    { "total",       1, NULL, TOTAL     },
    { "slow",        1, NULL, SLOW      },
    { "connect-ms",  1, NULL, CONNECT_MS},
    { "attempts",    1, NULL, ATTEMPTS  },
    { "https-proxy", 1, NULL, PROXY     },
    { "http-proxy",  1, NULL, HTTP_PROXY},
    { "no-proxy",    1, NULL, NO_PROXY  },
    { "offline",     0, NULL, OFFLINE   },
    { "nameless",    0, NULL, NAMELESS  },
    { "threads",     1, NULL, THREADS   },
    { "size",        1, NULL, SIZE      },
    { "limit",       1, NULL, LIMIT     },
    { "sha256",      1, NULL, SHA256    },
    { "git-sha1",    1, NULL, GIT_SHA1  },
    { "identity",    1, NULL, IDENTITY  },
    { "budget",      1, NULL, BUDGET    },
    { "real-clock",  0, NULL, REAL_CLOCK},
    { "quiet",       0, NULL, QUIET     },
    { NULL,          0, NULL, 0         },
};

static bool take_option(int option, const char *value)
{
    struct http_request *q = &settings.request;
    struct http_options *o = &settings.http;
    switch (option) {
    case CA_FILE:
        o->ca_file = value;
        break;
    case CONNECT_TO:
        append(settings.connect_to, value);
        break;
    case HEADER:
        append(settings.headers, value);
        break;
    case RESOLVE:
        append(settings.resolve, value);
        break;
    case ENDPOINT:
        settings.endpoint = value;
        break;
    case AUTH:
        settings.auth = value;
        break;
    case HOME:
        settings.home = value;
        break;
    case TOKEN:
        settings.token = value;
        break;
    case PRIVATE:
        q->private_ok = true;
        break;
    case PLAIN:
        q->plain_ok = true;
        break;
    case STAY:
        q->stay = true;
        break;
    case POST:
        q->method = HTTP_POST;
        q->body = span_of_text(value);
        break;
    case HEAD:
        q->method = HTTP_HEAD;
        break;
    case COMPRESSED:
        q->compressed = true;
        break;
    case BODY_MAX:
        q->body_max = number(value);
        break;
    case TOTAL:
        q->total_seconds = number(value);
        break;
    case SLOW:
        o->slow_seconds = number(value);
        break;
    case CONNECT_MS:
        o->connect_ms = number(value);
        break;
    case ATTEMPTS:
        o->attempts = number(value);
        break;
    case PROXY:
        o->https_proxy = value;
        break;
    case HTTP_PROXY:
        o->http_proxy = value;
        break;
    case NO_PROXY:
        o->no_proxy = value;
        break;
    case OFFLINE:
        settings.offline = true;
        break;
    case NAMELESS:
        settings.nameless = true;
        break;
    case THREADS:
        settings.threads = number(value);
        break;
    case SIZE:
        settings.download.size = strtoull(value, NULL, 10);
        break;
    case LIMIT:
        settings.download.limit = strtoull(value, NULL, 10);
        break;
    case SHA256:
        add_expected(DIGEST_SHA256, value);
        break;
    case GIT_SHA1:
        add_expected(DIGEST_GIT_SHA1, value);
        break;
    case IDENTITY:
        settings.download.identity = value;
        break;
    case BUDGET:
        settings.budget = strtoull(value, NULL, 10);
        break;
    case QUIET:
        settings.quiet = true;
        break;
    case REAL_CLOCK:
        o->clock = NULL;
        break;
    default:
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct error error = { .message = "" };
    struct auth *auth = NULL;
    struct arena *arena = arena_new(1 << 20);
    int option, status = 2;
    settings.http.clock = &fake_clock;
    settings.http.connect_to = settings.connect_to;
    settings.download.size = DOWNLOAD_SIZE_UNKNOWN;
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1)
        if (!take_option(option, optarg))
            return 2;
    argv += optind;
    argc -= optind;
    if (!arena || !open_auth(arena, &auth, &error))
        status = fail(&error);
    else if (argc == 2 && strcmp(argv[0], "get") == 0)
        status = get(argv[1], auth);
    else if (argc > 2 && strcmp(argv[0], "load") == 0)
        status = load(argv + 1, argc - 1, auth);
    auth_free(auth);
    json_decref(settings.methods);
    arena_free(arena);
    return status;
}
