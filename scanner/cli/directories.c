#include "cli/directories.h"

#include <sys/stat.h>

enum { EXTRA_MAX = 64, FIXED = 3 };

/* $XDG_CONFIG_HOME/assay/registries.d, else under ~/.config; NULL when neither is set.
 * A relative path would depend on the working directory, so it counts as unset. */
static const char *user_directory(char *path, size_t size)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = -1;
    if (config && config[0] == '/')
        n = snprintf(path, size, "%s/assay/registries.d", config);
    else if (home && home[0] == '/')
        n = snprintf(path, size, "%s/.config/assay/registries.d", home);
    return n > 0 && (size_t)n < size ? path : NULL;
}

bool directories_cache(char *ret_path, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;
    if (cache && cache[0] == '/')
        n = snprintf(ret_path, size, "%s/assay", cache);
    else if (home && home[0] == '/')
        n = snprintf(ret_path, size, "%s/.cache/assay", home);
    return n > 0 && (size_t)n < size;
}

struct registries *directories_load_registries(const struct installation *i,
                                               const char *const *extra,
                                               struct error *error)
{
    const char *list[FIXED + EXTRA_MAX + 1] = { i->registries_dir,
                                                "/etc/assay/registries.d" };
    char path[4096];
    const char *user = user_directory(path, sizeof path);
    size_t n = 2;
    struct stat st;
    if (user)
        list[n++] = user;
    for (; extra && *extra && n < FIXED + EXTRA_MAX; extra++) {
        if (stat(*extra, &st) != 0 || !S_ISDIR(st.st_mode)) {
            error_set(error, ERROR_USAGE, "--registries %s: not a directory", *extra);
            return NULL;
        }
        list[n++] = *extra;
    }
    struct registries *r = registries_load(list, error);
    if (!r && error->code == ERROR_IO) /* of the operator's files, whatever the reason */
        error->code = ERROR_CONFIG;
    return r;
}
