/* command.h: one subcommand, one file, one row in commands.def.
 *
 * The only layer that reads the environment, writes to stdout or stderr on its own,
 * and exits.  A command returns its exit code (policy/policy.h: enum exit_code).
 *
 * Every command prints its help for --help, to stdout, and returns 0.  That text is the
 * table of its options: shell completions and assay(1) are made of it (cli/help.h), so a
 * new command needs nothing else for them.  Its shape:
 *
 *   Usage: assay NAME WORD...          one or more lines; words in lower case behind NAME
 *          assay NAME other WORD       are subcommands
 *
 *     -o, --output FILE     text       options: indented, long name, argument in capitals
 *         --exclude GLOB    text
 *                           more text  continued: indented further than the options */
#ifndef COMMAND_H
#define COMMAND_H

#include "core/error.h"

#define COMMAND(name, summary) int command_##name(int argc, char **argv);
#include "cli/commands.def"
#undef COMMAND

enum {
#define COMMAND(name, summary) COMMAND_##name,
#include "cli/commands.def"
#undef COMMAND
    COMMAND_COUNT
};

/* All of them, in that order (main.c). */
struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};
extern const struct command commands[COMMAND_COUNT];

/* Run the command that argv[0] names; a usage error when there is none. */
int command_run(int argc, char **argv);

/* After a usage error: what options and subcommands that are not there may have meant, on
 * stderr.  argv is as main() got it, from the command's name on. */
void hint_usage(int argc, char *const *argv);

/* Where registries.d/, rules/ and assay-worker lie: next to the executable, else at
 * the compiled prefix; never the working directory.  Static storage. */
struct installation {
    char data_dir[4096], worker[4096], registries_dir[4096];
    char yara_pack[4096]; /* the compiled byte rules */
};
bool installation_find(struct installation *ret_installation, struct error *error);

/* For commands without options, of `least` to `most` words: -1 to go on, else the exit
 * code, after the usage text was printed because it was asked for or is needed. */
int usage_printed(int argc, char *const *argv, int least, int most, const char *usage);

/* For commands that read files and directories only: false, with what to do, for what
 * looks like a reference ("hf:…", "s3://…") and is no file. */
bool target_is_local(const char *target, struct error *error);

/* "assay: MESSAGE" on stderr, with hostile bytes escaped; returns EXIT_USAGE. */
int complain(const struct error *error);

/* Shall standard output be coloured (NO_COLOR, CLICOLOR_FORCE, TERM, isatty)? */
bool wants_colour(void);

#endif
