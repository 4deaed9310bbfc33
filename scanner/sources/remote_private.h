/* remote_private.h: between remote.c, its drivers (sources.def) and its loading threads. */
#ifndef REMOTE_PRIVATE_H
#define REMOTE_PRIVATE_H

#include "registry/driver.h"
#include "sources/remote.h"

#include <pthread.h>

enum remote_file_state { FILE_WAITING, FILE_LOADING, FILE_LOADED, FILE_RELEASED };

struct remote_file {
    struct remote *remote;
    const struct rest_file *file;
    const char *identity;       /* in the cache */
    const char *const *headers; /* that its request needs; NULL-terminated, or NULL */
    struct auth *auth;          /* NULL: anonymous */
    bool private_ok, plain_ok;
    bool urgent; /* somebody waits for it */
    enum remote_file_state state;
    struct download_result result;
};

struct remote {
    const struct remote_options *options;
    struct arena *arena;
    struct reference reference;
    const char *endpoint;
    bool own;          /* the operator configured the endpoint */
    struct auth *auth; /* of the endpoint */
    struct http_options http_options; /* as options->http, with `stop` */
    struct http *http;                /* of the thread that opens */
    struct cache *cache;
    struct rest_result answers;
    struct registry_download rules;
    struct remote_file *files;
    size_t count;

    pthread_t loader; /* runs download_all(); its threads take files with pool_next() */
    bool started, loading; /* it was asked for; it is there */
    atomic_bool stop;
    pthread_mutex_t lock; /* of all below, and of states and results */
    pthread_cond_t changed;
    size_t next;             /* no file before it waits */
    size_t unclaimed;        /* loading, or loaded and not released */
    uint64_t unclaimed_bytes;
    struct error error; /* why the loader gave up */
};

/* A driver of registries.d: fills r->answers.  A row of sources.def each. */
typedef bool remote_driver(struct remote *r, const struct rest_session *s,
                           enum rest_refusal *ret_refusal, struct error *error);
#define DRIVER(name, function) remote_driver function;
#include "sources/sources.def"
#undef DRIVER

/* A request of a registry entry, over net/: the transport of rest_resolve(); self: the
 * remote. */
rest_transport remote_transport;

/* Does the URL lie at the endpoint in force? */
bool remote_at_endpoint(const struct remote *r, const char *url);

/* remote_pool.c: loading ahead. */
void pool_stop(struct remote *r);

#endif
