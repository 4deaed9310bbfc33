#include "cli/model_options.h"

#include "cli/options.h"

#include <unistd.h>

enum { THREADS_MAX = 256 };

bool path_list_add(struct path_list *l, const char *path, const char *option,
                   struct error *error)
{
    if (l->count == PATHS_MAX)
        return error_set(error, ERROR_USAGE, "--%s: more than %d", option, PATHS_MAX);
    l->items[l->count++] = path;
    return true;
}

void model_arguments_init(struct model_arguments *a)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *a = (struct model_arguments){ .options = { .ignore_git = true } };
    a->options.threads =
        processors > 0 && processors <= THREADS_MAX ? (unsigned)processors : 1;
}

bool model_arguments_take(struct model_arguments *a, int option, const char *value,
                          struct error *error)
{
    uint64_t jobs;
    error->code = ERROR_NONE;
    switch (option) {
    case MODEL_IGNORE_PATHS:
        return path_list_add(&a->ignore, value, "ignore-paths", error);
    case MODEL_IGNORE_GIT:
    case MODEL_NO_IGNORE_GIT:
        a->options.ignore_git = option == MODEL_IGNORE_GIT;
        return true;
    case MODEL_ALLOW_SYMLINKS:
        a->options.allow_symlinks = true;
        return true;
    case 'j':
        if (!options_number(value, THREADS_MAX, "jobs", &jobs, error))
            return false;
        a->options.threads = (unsigned)jobs;
        return true;
    default:
        return false;
    }
}

void dash_options(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strncmp(argv[i], "--", 2) == 0)
            for (char *c = argv[i] + 2; *c && *c != '='; c++)
                if (*c == '_')
                    *c = '-';
}
