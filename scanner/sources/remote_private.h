/* remote_private.h: between remote.c, remote_files.c and remote_pool.c. */
#ifndef REMOTE_PRIVATE_H
#define REMOTE_PRIVATE_H

#include "sources/remote_driver.h"

#include <pthread.h>

enum remote_file_state {
    FILE_WAITING,
    FILE_LOADING,
    FILE_LOADED,
    FILE_RELEASED,
    FILE_ELSEWHERE /* not loaded by the pool: its driver opens it, or nobody can */
};

struct remote_file {
    struct remote *remote;
    const struct rest_file *file;
    const struct driver *driver; /* that listed it */
    struct driver_call *call;
    const char *identity;       /* in the cache */
    const char *const *headers; /* that its request needs; NULL-terminated, or NULL */
    struct auth *auth;          /* NULL: anonymous */
    bool private_ok, plain_ok;
    unsigned also; /* digests that somebody will ask for; under the lock */
    bool urgent;   /* somebody waits for it */
    enum remote_file_state state;
    struct download_result *result; /* valid in the last three states */
};

enum { REMOTE_CALLS_MAX = 8 };

struct remote {
    const struct remote_options *options;
    struct arena *arena;
    struct reference reference;
    const char *endpoint;
    bool own;                         /* the operator configured the endpoint */
    struct auth *auth;                /* of the endpoint */
    struct http_options http_options; /* as options->http, with `stop` */
    struct http *http;                /* of the thread that opens */
    struct cache *cache;
    const char *moved_from, *why_lower;
    struct {
        const struct driver *driver;
        struct driver_call call;
    } drivers[REMOTE_CALLS_MAX]; /* that were asked */
    size_t driver_count;
    struct rest_result answers;
    struct registry_download rules;
    struct remote_file *files; /* by path */
    struct download_result
        *results; /* of each; 4 KiB that are touched when it is loaded */
    size_t count;
    pthread_mutex_t opening; /* one driver's open() at a time */

    pthread_t loader; /* runs download_all(); its threads take files with pool_next() */
    bool started, loading; /* it was asked for; it is there */
    atomic_bool stop;
    pthread_mutex_t lock;  /* of all below, and of states and results */
    pthread_cond_t loaded; /* a file is there, or will not come */
    pthread_cond_t room;   /* another file may be loaded */
    size_t next;           /* no file before it waits */
    size_t urgent;         /* how many that wait are waited for */
    size_t unclaimed;      /* loading, or loaded and not released */
    uint64_t unclaimed_bytes;
};

/* remote.c: the call of a driver, made when it is first asked; NULL: too many. */
struct driver_call *remote_call(struct remote *r, const struct driver *driver);
/* The driver that reads addresses of this scheme; NULL: none does. */
const struct driver *remote_storage_driver(const char *address);

/* remote_files.c: from answers to r->files: storage listed, paths checked, in order. */
bool files_list(struct remote *r, struct error *error);

/* DIGEST_BIT()s that the headers of a download name; `owner` is the remote_file. */
unsigned files_header_algorithms(void *owner, const struct fields *fields);

/* remote_pool.c: loading ahead. */
void pool_fail(struct remote_file *f, const char *why); /* its result, from now on */
void pool_stop(struct remote *r);

#endif
