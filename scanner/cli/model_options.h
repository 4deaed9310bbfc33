/* model_options.h: what sign, verify and digest share: options as model_signing has them.
 */
#ifndef MODEL_OPTIONS_H
#define MODEL_OPTIONS_H

#include "cli/command.h"
#include "engine/signing/signing.h"

#include <getopt.h>

enum { PATHS_MAX = 256 };

struct path_list {
    const char *items[PATHS_MAX + 1]; /* NULL-terminated */
    size_t count;
};
bool path_list_add(struct path_list *l, const char *path, const char *option,
                   struct error *error);

/* Values of the shared rows of getopt's tables; a command's own begin at 512. */
enum model_option {
    MODEL_IGNORE_PATHS = 256,
    MODEL_IGNORE_GIT,
    MODEL_NO_IGNORE_GIT,
    MODEL_ALLOW_SYMLINKS,
    MODEL_OWN = 512
};
#define MODEL_OPTIONS                                                                    \
    { "ignore-paths", required_argument, NULL, MODEL_IGNORE_PATHS },                     \
        { "ignore-git-paths", no_argument, NULL, MODEL_IGNORE_GIT },                     \
        { "no-ignore-git-paths", no_argument, NULL, MODEL_NO_IGNORE_GIT },               \
        { "allow-symlinks", no_argument, NULL, MODEL_ALLOW_SYMLINKS },                   \
    {                                                                                    \
        "jobs", required_argument, NULL, 'j'                                             \
    }
#define MODEL_HELP                                                                       \
    "      --ignore-paths PATH      leave out a file or directory of the model; "        \
    "repeatable\n"                                                                       \
    "      --no-ignore-git-paths    do not leave out .git, .gitignore, "                 \
    ".gitattributes,\n"                                                                  \
    "                               .github at the top of the model\n"                   \
    "      --allow-symlinks         follow links inside the model\n"                     \
    "  -j, --jobs N                 files hashed at once [the processors]\n"

struct model_arguments {
    struct path_list ignore;
    struct model_options options; /* model_arguments_finish() sets ignore */
};
void model_arguments_init(struct model_arguments *a);
/* False when `option` is none of the shared ones, or its value is wrong (*error set). */
bool model_arguments_take(struct model_arguments *a, int option, const char *value,
                          struct error *error);

/* "--public_key" becomes "--public-key", as in model_signing; in place. */
void dash_options(int argc, char **argv);

#endif
