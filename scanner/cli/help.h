/* help.h: what `assay COMMAND --help` says, taken apart: for completions and manuals.
 *
 * The help text is the one table of a command's options (its shape: cli/command.h), so
 * neither can know an option that the command does not tell of. */
#ifndef HELP_H
#define HELP_H

#include "core/error.h"
#include "core/span.h"

enum help_kind {
    HELP_USAGE,  /* a form of the command line, without "Usage:" */
    HELP_OPTION, /* "-o, --output FILE", text */
    HELP_ITEM,   /* "check     text": what a subcommand does */
    HELP_SAMPLE, /* an indented line to be shown as it is */
    HELP_TEXT,   /* a line of prose */
    HELP_BLANK
};

/* Spans point into the help text. */
struct help_line {
    enum help_kind kind;
    struct span left;  /* of an option or item: what stands in front of the text */
    struct span right; /* the text; of other kinds the whole line */
    bool continues;    /* the option or usage of the line before */
};

/* The help text of a command, in malloc'd memory. */
bool help_of(const char *command, char **ret_text, struct error *error);

/* One line from *at on; false at the end.  Start with *at 0 and *ret zeroed. */
bool help_next(struct span text, size_t *at, struct help_line *ret);

/* One option of `left`, from *at on: "--output" without dashes, and its argument, which
 * may be empty; a letter stands with the long name that follows it. */
struct help_option {
    char letter; /* or 0 */
    struct span name, argument;
};
bool help_option(struct span left, size_t *at, struct help_option *ret);

/* The word that makes a usage line one of a subcommand ("check" of "assay policy check
 * FILE"), or nothing. */
struct span help_subcommand(struct span usage, const char *command);

#endif
