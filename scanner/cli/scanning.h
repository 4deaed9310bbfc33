/* scanning.h: a scan as `assay scan` makes it, for commands that do something else with
 * what it finds (policy explain, init and test; baseline create). */
#ifndef SCANNING_H
#define SCANNING_H

#include "cli/options.h"

/* What to do with a judged result; returns the exit code. */
typedef int scanned(void *self, const struct scan_arguments *a, const struct policy *p,
                    const struct result *r);

/* Scan what the arguments name.  What is wrong is complained about, and its exit code
 * returned; `then` is not called then. */
int scan_with(const struct scan_arguments *a, scanned *then, void *self);

/* Complains about every target that could not be scanned: EXIT_INCOMPLETE when there is
 * one, else EXIT_PASS. */
int targets_scanned(const struct result *r);

/* The value of one option that scan does not have, "--from" or 'o' as `letter`; taken out
 * of argv.  NULL when it is not there or has no value. */
const char *take_option(int *argc, char **argv, char letter, const char *name);

#endif
