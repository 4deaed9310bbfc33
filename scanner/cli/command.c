#include "cli/command.h"
#include "policy/policy.h"
#include "reports/escape.h"

#include <string.h>

bool asks_for_help(int argc, char *const *argv)
{
    return argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
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
