#include "cli/command.h"
#include "policy/policy.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, summary) { #name, command_##name },
#include "cli/commands.def"
#undef COMMAND
};

int main(int argc, char **argv)
{
    struct error error;
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    error_set(&error, ERROR_USAGE, argc > 1 ? "no command \"%s\"" : "no command",
              argc > 1 ? argv[1] : "");
    return complain(&error);
}
