#include "cli/directories.h"

#include <sys/stat.h>

/* $XDG_CONFIG_HOME/assay/registries.d, else under ~/.config.  A relative path would
 * depend on the working directory, so it counts as unset (XDG base directories). */
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

const char *const *registry_directories(const struct installation *installation,
                                        const char *option,
                                        struct registry_directories *storage,
                                        struct error *error)
{
    struct stat st;
    size_t n = 0;
    const char *user = user_directory(storage->user, sizeof storage->user);
    storage->list[n++] = installation->registries_dir;
    storage->list[n++] = "/etc/assay/registries.d";
    if (user)
        storage->list[n++] = user;
    if (option) {
        if (stat(option, &st) != 0) {
            error_errno(error, ERROR_NOT_FOUND, "--registries %s", option);
            return NULL;
        }
        if (!S_ISDIR(st.st_mode)) {
            error_set(error, ERROR_USAGE, "--registries %s: not a directory", option);
            return NULL;
        }
        storage->list[n++] = option;
    }
    storage->list[n] = NULL;
    return storage->list;
}
