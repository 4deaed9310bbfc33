/* launch.h: start a program that inherits nothing but one descriptor. */
#ifndef LAUNCH_H
#define LAUNCH_H

#include <sys/types.h>

#include "core/error.h"

/* `program` (a path) with these arguments, an empty environment, default signals,
 * /dev/null as its first three descriptors, and our `socket` as its descriptor
 * `number`, the last one.  The caller waits for *ret_pid. */
bool launch_program(const char *program, char *const *arguments, int socket, int number,
                    pid_t *ret_pid, struct error *error);

#endif
