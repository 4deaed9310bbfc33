#include "cli/network.h"

#include "cli/options.h"

enum { TRIES_MAX = 20, TIMEOUT_MAX = 3600, CONNECT_MAX = 20 };

static const char *environment(const char *name)
{
    return getenv(name);
}

bool network_apply(enum network_option option, const char *value,
                   struct network_arguments *a, struct error *error)
{
    uint64_t n = 0;
    switch (option) {
    case NETWORK_CA_FILE:
        a->ca_file = value;
        return true;
    case NETWORK_CACHE:
        a->cache = value;
        return true;
    case NETWORK_CONNECT_TO:
        while (a->connect_to[n])
            n++;
        if (n == NETWORK_LIST_MAX)
            return error_set(error, ERROR_USAGE, "--connect-to: given more than %d times",
                             NETWORK_LIST_MAX);
        a->connect_to[n] = value;
        return true;
    case NETWORK_OFFLINE:
        a->offline = true;
        return true;
    case NETWORK_DOWNLOADS:
        if (!options_number(value, DOWNLOAD_THREADS_MAX, "downloads", &n, error))
            return false;
        a->downloads = (unsigned)n;
        return true;
    case NETWORK_TIMEOUT:
        if (!options_number(value, TIMEOUT_MAX, "timeout", &n, error))
            return false;
        a->timeout = (unsigned)n;
        return true;
    case NETWORK_FILE_MAX:
        return options_number(value, INT64_MAX, "max-file-size", &a->file_max, error);
    case NETWORK_TRIES:
        if (!options_number(value, TRIES_MAX, "tries", &n, error))
            return false;
        a->tries = (unsigned)n;
        return true;
    }
    return false;
}

/* The first variable that is set; curl's names and order. */
static const char *proxy(const char *name, const char *other)
{
    const char *value = getenv(name);
    if (!value)
        value = getenv(other);
    return value && *value ? value : NULL;
}

/* $XDG_CACHE_HOME/assay/downloads, else below ~/.cache.  A relative path would depend on
 * the working directory, so it counts as unset. */
static bool cache_directory(char *path, size_t size, struct error *error)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;
    if (cache && cache[0] == '/')
        n = snprintf(path, size, "%s/assay/downloads", cache);
    else if (home && home[0] == '/')
        n = snprintf(path, size, "%s/.cache/assay/downloads", home);
    return (n > 0 && (size_t)n < size) ||
           error_set(error, ERROR_USAGE,
                     "neither XDG_CACHE_HOME nor HOME is set: name a directory for "
                     "downloads with --cache");
}

struct http_options network_http(const struct network_arguments *a)
{
    return (struct http_options){
        .ca_file = a->ca_file,
        .connect_to = a->connect_to,
        .attempts = a->tries,
        .slow_seconds = a->timeout,
        .connect_ms = (a->timeout < CONNECT_MAX ? a->timeout : 0) * 1000,
        .https_proxy = proxy("https_proxy", "HTTPS_PROXY"),
        /* upper case could come from a request's header (CVE-2016-5385) */
        .http_proxy = proxy("http_proxy", "http_proxy"),
        .no_proxy = proxy("no_proxy", "NO_PROXY"),
    };
}

bool network_options(const struct network_arguments *a,
                     const struct registries *registries,
                     struct remote_options *ret_options, struct error *error)
{
    static char cache[4096];
    const char *home = getenv("HOME");
    if (!a->cache && !cache_directory(cache, sizeof cache, error))
        return false;
    *ret_options = (struct remote_options){
        .registries = registries,
        .environment = environment,
        .home = home && home[0] == '/' ? home : NULL,
        .http = network_http(a),
        .cache = a->cache ? a->cache : cache,
        .cache_stays = a->cache != NULL,
        .offline = a->offline,
        .file_max = a->file_max,
        .threads = a->downloads,
    };
    return true;
}
