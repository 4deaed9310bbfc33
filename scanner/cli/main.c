#include "cli/command.h"
#include "core/suggest.h"
#include "policy/policy.h"

#include <signal.h>
#include <strings.h>

const struct command commands[COMMAND_COUNT] = {
#define COMMAND(name, summary) { #name, command_##name, summary },
#include "cli/commands.def"
#undef COMMAND
};

static void print_help(FILE *out)
{
    fputs("Assay tells whether a machine-learning model may be deployed: where it comes\n"
          "from, whether its bytes are the expected ones, whether loading it runs code.\n"
          "It never loads a model.\n\nUsage: assay COMMAND [OPTION...]\n\n",
          out);
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].summary);
    fputs("\nTry `assay COMMAND --help`.\n\n"
          "Exit codes: 0 pass, 1 gate violated, 2 incomplete, 3 nothing to scan, 4 usage "
          "or\n"
          "configuration error\n",
          out);
}

static int unknown_command(const char *name)
{
    struct suggestion near = suggestion_for(name);
    struct error error;
    for (int i = 0; i < COMMAND_COUNT; i++)
        suggestion_offer(&near, commands[i].name);
    if (near.best)
        error_set(&error, ERROR_USAGE, "no such command: %s; did you mean %s?", name,
                  near.best);
    else
        error_set(&error, ERROR_USAGE, "no such command: %s", name);
    return complain(&error);
}

int command_run(int argc, char **argv)
{
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[0], commands[i].name) == 0)
            return commands[i].run(argc, argv);
    return unknown_command(argv[0]);
}

/* The words that `--log-level L` takes in front of a command.  Scripts written for
 * model_signing have it; what a command says does not depend on it. */
static int log_level_words(int argc, char *const *argv)
{
    static const char *const levels[] = { "debug", "info", "warning", "error",
                                          "critical" };
    static const char *const names[] = { "--log-level", "--log_level" };
    const size_t length = strlen(names[0]);
    for (size_t n = 0; argc > 1 && n < 2; n++) {
        bool joined = strncmp(argv[1], names[n], length) == 0 && argv[1][length] == '=';
        bool apart = argc > 2 && strcmp(argv[1], names[n]) == 0;
        const char *level = joined ? argv[1] + length + 1 : argv[2];
        for (size_t i = 0; (joined || apart) && i < sizeof levels / sizeof *levels; i++)
            if (strcasecmp(level, levels[i]) == 0)
                return joined ? 1 : 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    int skipped = log_level_words(argc, argv);
    argc -= skipped;
    argv += skipped;
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a report that could not be written, */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file beyond what may be written */
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 && argc == 3) {
        char flag[] = "--help";
        char *words[] = { argv[2], flag, NULL };
        return command_run(2, words);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_PASS;
    }
    if (strcmp(argv[1], "--version") == 0)
        argv[1] += 2;
    char **words = calloc((size_t)argc, sizeof *words); /* commands reorder argv */
    if (words)
        memcpy(words, argv + 1, (size_t)argc * sizeof *words);
    int code = command_run(argc - 1, argv + 1);
    if (code == EXIT_USAGE && words)
        hint_usage(argc - 1, words);
    free(words);
    return code;
}
