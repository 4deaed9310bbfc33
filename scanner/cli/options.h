/* options.h: the command line of `assay scan`, as options.def and budget.def list it. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "cli/network.h"
#include "cli/outputs.h"
#include "cli/signer_options.h"
#include "engine/scan.h"

#include <stdio.h>

enum { LIST_MAX = 64, CHANGES_MAX = 32 };

/* An option that outranks the policy. */
struct policy_change {
    enum policy_key key;
    const char *option, *value;
};

/* Strings point into argv. */
struct scan_arguments {
    bool help, quiet, one_model, deep;
    const char *origin, *lockfile, *files_from;
    const char *gate, *policy, *baseline; /* gate is never NULL, policy outranks it */
    struct policy_change changes[CHANGES_MAX];
    size_t change_count;
    struct signer_arguments signers;
    bool ignore_unsigned;
    const char *registries[LIST_MAX + 1]; /* NULL-terminated, as all lists here */
    const char *exclude[LIST_MAX + 1];
    const char *pickle_rules[LIST_MAX + 1];
    const char *yara_rules[LIST_MAX + 1];
    struct network_arguments network;
    const char *keep;
    struct outputs outputs;
    enum severity min_severity;
    enum sandbox sandbox;
    struct budget budget;
    unsigned jobs;
    char **targets; /* what is left of argv */
    int target_count;
};

/* ERROR_USAGE with a hint when an option or its value is wrong. */
bool options_parse(int argc, char **argv, struct scan_arguments *ret_arguments,
                   struct error *error);
void options_help(FILE *out);

/* What other commands' options share: a number from 1 to max, a mode of confinement. */
bool options_number(const char *text, uint64_t max, const char *option,
                    uint64_t *ret_number, struct error *error);
bool options_sandbox(const char *text, enum sandbox *ret_mode, struct error *error);

#endif
