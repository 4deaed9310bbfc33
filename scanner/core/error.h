/* error.h: what went wrong in the world (I/O, memory, configuration, usage).
 *
 * What is wrong with an artifact is a finding, never an error; a mistake of ours
 * is an assert.  Functions that can fail return bool and fill *error. */
#ifndef ERROR_H
#define ERROR_H

#include <stdarg.h>
#include <stdbool.h>

enum error_code {
    ERROR_NONE,
    ERROR_USAGE,     /* the command line, an option's value */
    ERROR_CONFIG,    /* a registry, policy or rule file of the operator's */
    ERROR_NOT_FOUND, /* a named target does not exist */
    ERROR_IO,        /* the system would not read or write */
    ERROR_MEMORY,
    ERROR_WORKER, /* the confined process is missing, of another version, or dead */
    ERROR_NETWORK /* a server could not be reached, answered badly, or is not allowed */
};

struct error {
    enum error_code code;
    char message[512]; /* one sentence, no newline; may quote hostile bytes */
    bool retryable;    /* the same may work later; never unless somebody says so */
};

/* Always false, so that a failing function can end in `return error_set(…)`. */
bool error_set(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set(), with ": " and strerror(errno) behind the message. */
bool error_errno(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const char *error_name(enum error_code code); /* "io", "config", … for reports */

#endif
