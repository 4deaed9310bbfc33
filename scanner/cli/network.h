/* network.h: what the commands that ask registries share: options, cache, proxies.
 *
 * --ca-file and --connect-to let a private mirror, or a test, stand in for a host; they
 * are options and not variables, so that nothing but the command line can weaken TLS. */
#ifndef NETWORK_H
#define NETWORK_H

#include "cli/command.h"
#include "sources/remote.h"

enum { NETWORK_LIST_MAX = 64 };

struct network_arguments {
    const char *ca_file, *cache;
    const char *connect_to[NETWORK_LIST_MAX + 1];
    bool offline;
    unsigned downloads, tries, timeout; /* 0: as usual */
    uint64_t file_max;                  /* bytes; 0: no limit */
};

enum network_option {
    NETWORK_FIRST = 1024, /* values of getopt */
    NETWORK_CA_FILE = NETWORK_FIRST,
    NETWORK_CACHE,
    NETWORK_CONNECT_TO,
    NETWORK_OFFLINE,
    NETWORK_DOWNLOADS,
    NETWORK_TIMEOUT,
    NETWORK_TRIES,
    NETWORK_FILE_MAX
};

/* Rows of a getopt table. */
#define NETWORK_GETOPT                                                                   \
    { "ca-file", required_argument, NULL, NETWORK_CA_FILE },                             \
        { "cache", required_argument, NULL, NETWORK_CACHE },                             \
        { "connect-to", required_argument, NULL, NETWORK_CONNECT_TO },                   \
        { "offline", no_argument, NULL, NETWORK_OFFLINE },                               \
        { "timeout", required_argument, NULL, NETWORK_TIMEOUT },                         \
        { "tries", required_argument, NULL, NETWORK_TRIES },                             \
        { "max-file-size", required_argument, NULL, NETWORK_FILE_MAX },                  \
    {                                                                                    \
        "downloads", required_argument, NULL, NETWORK_DOWNLOADS                          \
    }

#define NETWORK_USAGE                                                                    \
    "      --offline         ask nobody: use what --cache has\n"                         \
    "      --cache DIR       keep answers and downloads in DIR, and use what is there\n" \
    "      --downloads N     files loaded at once [8]\n"                                 \
    "      --max-file-size N load no file larger than N bytes\n"                         \
    "      --tries N         times a request is made before giving up [5]\n"             \
    "      --timeout SECONDS give up on a server that is silent for so long [60]\n"      \
    "      --ca-file FILE    trust these certificate authorities, not the system's\n"    \
    "      --connect-to HOST:PORT:HOST:PORT\n"                                           \
    "                        reach the first host at the second; repeatable\n"

bool network_apply(enum network_option option, const char *value,
                   struct network_arguments *a, struct error *error);

/* Whom to reach and how: of `a`, and the environment's proxies. */
struct http_options network_http(const struct network_arguments *a);

/* Everything that remote_open() needs.  Static storage; `a` and `registries` outlive it.
 */
bool network_options(const struct network_arguments *a,
                     const struct registries *registries,
                     struct remote_options *ret_options, struct error *error);

#endif
