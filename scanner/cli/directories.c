#include "cli/directories.h"

#include <sys/stat.h>

enum { EXTRA_MAX = 64, FIXED = 3 };

/* The user's own directory; empty when the environment names none that is absolute. */
static void user_directory(char *path, size_t size)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    path[0] = '\0';
    if (config && config[0] == '/')
        (void)snprintf(path, size, "%s/assay/registries.d", config);
    else if (home && home[0] == '/')
        (void)snprintf(path, size, "%s/.config/assay/registries.d", home);
}

struct registries *directories_load_registries(const struct installation *i,
                                               const char *const *extra,
                                               struct error *error)
{
    const char *list[FIXED + EXTRA_MAX + 1] = { i->registries_dir,
                                                "/etc/assay/registries.d" };
    char user[4096];
    size_t n = 2;
    struct stat st;
    user_directory(user, sizeof user);
    if (user[0])
        list[n++] = user;
    for (; extra && *extra && n < FIXED + EXTRA_MAX; extra++) {
        if (stat(*extra, &st) != 0 || !S_ISDIR(st.st_mode)) {
            error_set(error, ERROR_USAGE, "--registries: %s is not a directory", *extra);
            return NULL;
        }
        list[n++] = *extra;
    }
    return registries_load(list, error);
}
