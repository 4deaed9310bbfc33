#include "cli/command.h"
#include "policy/policy.h"
#include "reports/escape.h"

#include <string.h>
#include <unistd.h>

int usage_printed(int argc, char *const *argv, int least, int most, const char *usage)
{
    int words = argc - 1;
    bool asked =
        words == 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (!asked && words >= least && words <= most)
        return -1;
    (void)fputs(usage, asked ? stdout : stderr);
    return asked ? EXIT_PASS : EXIT_USAGE;
}

bool target_is_local(const char *target, struct error *error)
{
    size_t scheme = strspn(target, "abcdefghijklmnopqrstuvwxyz0123456789+.-");
    return scheme <= 1 || target[scheme] != ':' || access(target, F_OK) == 0 ||
           error_set(error, ERROR_USAGE,
                     "%.300s: it has to lie here: fetch it first (`assay fetch`)",
                     target);
}

int complain(const struct error *error)
{
    struct buffer line;
    buffer_init(&line, 4096);
    escape_terminal(&line, span_of_text(error->message));
    fprintf(stderr, "assay: %s\n", line.text ? line.text : "");
    buffer_free(&line);
    bool worlds = error->code == ERROR_IO || error->code == ERROR_MEMORY ||
                  error->code == ERROR_NETWORK;
    return worlds ? EXIT_INCOMPLETE : EXIT_USAGE;
}
