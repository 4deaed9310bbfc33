#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <unistd.h>

enum { JOBS_MAX = 256, LEFT_WIDTH = 30 /* of --help */ };

enum option_id {
#define OPTION(symbol, letter, name, argument, help) OPTION_##symbol,
#include "cli/options.def"
#undef OPTION
    OPTION_COUNT
};

static const struct {
    char letter;
    const char *name, *argument, *help;
} table[OPTION_COUNT] = {
#define OPTION(symbol, letter, name, argument, help)                                     \
    [OPTION_##symbol] = { letter, name, argument, help },
#include "cli/options.def"
#undef OPTION
};

void options_help(FILE *out)
{
    fputs("Usage: assay scan TARGET... [OPTION...]\n\n"
          "Inspect files and directories, judge them by a gate, report.\n\n",
          out);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char left[64], letter[8] = "    ";
        if (table[i].letter)
            (void)snprintf(letter, sizeof letter, "-%c, ", table[i].letter);
        (void)snprintf(left, sizeof left, "%s--%s%s%s", letter, table[i].name,
                       table[i].argument ? " " : "",
                       table[i].argument ? table[i].argument : "");
        bool fits = strlen(left) <= LEFT_WIDTH;
        fprintf(out, "  %-*s%s%*s %s\n", LEFT_WIDTH, left, fits ? "" : "\n",
                fits ? 0 : LEFT_WIDTH + 2, "", table[i].help);
    }
    fputs("\nWork one file may cost; past it the file is incomplete:\n", out);
    for (size_t i = 0; i < BUDGET_COUNT; i++)
        fprintf(out, "      --max-%s N%*s%s [%llu]\n", budget_kinds[i].option,
                (int)(20 - strlen(budget_kinds[i].option)), "", budget_kinds[i].what,
                (unsigned long long)budget_kinds[i].amount);
    fputs("\nExamples:\n"
          "  assay scan model.pt\n"
          "  assay scan --gate ci --origin hf:org/model@0123abcd models/\n"
          "  assay scan -o text -o json=report.json models/\n\n"
          "Exit codes: 0 pass, 1 gate violated, 2 incomplete, 3 nothing to scan, 4 usage "
          "or\n"
          "configuration error\n",
          out);
}

static bool add(const char **list, const char *value, const char *option,
                struct error *error)
{
    size_t n = 0;
    while (list[n])
        n++;
    if (n == LIST_MAX)
        return error_set(error, ERROR_USAGE, "--%s: given more than %d times", option,
                         LIST_MAX);
    list[n] = value;
    return true;
}

bool options_number(const char *text, uint64_t max, const char *option,
                    uint64_t *ret_number, struct error *error)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || n > max || n == 0)
        return error_set(error, ERROR_USAGE, "--%s: %s is not a number from 1 to %llu",
                         option, text, (unsigned long long)max);
    *ret_number = n;
    return true;
}

static bool parse_severity(const char *text, const char *option,
                           enum severity *ret_severity, struct error *error)
{
    return severity_parse(text, ret_severity) ||
           error_set(error, ERROR_USAGE,
                     "--%s: %s is none of info, low, medium, high, critical", option,
                     text);
}

/* What a gate or policy says is known later: options on top of it wait. */
static bool change(struct scan_arguments *a, enum policy_key key, const char *option,
                   const char *value, struct error *error)
{
    if (a->change_count == CHANGES_MAX)
        return error_set(error, ERROR_USAGE, "%s: too many options that change the gate",
                         option);
    a->changes[a->change_count++] = (struct policy_change){ key, option, value };
    return true;
}

static bool set_once(const char **place, const char *value, const char *option,
                     struct error *error)
{
    if (*place)
        return error_set(error, ERROR_USAGE, "--%s: given twice", option);
    *place = value;
    return true;
}

bool options_sandbox(const char *text, enum sandbox *ret_mode, struct error *error)
{
    static const char *const names[] = {
        [SANDBOX_AUTO] = "auto", [SANDBOX_STRICT] = "strict", [SANDBOX_OFF] = "off"
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *ret_mode = (enum sandbox)i;
            return true;
        }
    return error_set(error, ERROR_USAGE, "--sandbox: %s is none of strict, auto, off",
                     text);
}

static bool parse_depth(const char *text, bool *ret_deep, struct error *error)
{
    if (strcmp(text, "full") != 0 && strcmp(text, "deep") != 0)
        return error_set(error, ERROR_USAGE, "--depth: %s is neither full nor deep",
                         text);
    *ret_deep = text[0] == 'd';
    return true;
}

/* Whom to accept, by the names that the other commands have for it, too. */
static bool apply_signers(enum option_id id, const char *value, struct scan_arguments *a,
                          struct error *error)
{
    static const struct option names[] = { SIGNER_OPTIONS };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, table[id].name) == 0)
            return signer_arguments_take(&a->signers, (enum signer_option)names[i].val,
                                         value, error);
    assert(id == OPTION_IGNORE_UNSIGNED);
    return a->ignore_unsigned = true;
}

/* How references are fetched. */
static bool apply_network(enum option_id id, const char *value, struct scan_arguments *a,
                          struct error *error)
{
    struct network_arguments *n = &a->network;
    switch (id) {
    case OPTION_OFFLINE:
        return network_apply(NETWORK_OFFLINE, value, n, error);
    case OPTION_CACHE:
        return network_apply(NETWORK_CACHE, value, n, error);
    case OPTION_DOWNLOADS:
        return network_apply(NETWORK_DOWNLOADS, value, n, error);
    case OPTION_TIMEOUT:
        return network_apply(NETWORK_TIMEOUT, value, n, error);
    case OPTION_MAX_FILE_SIZE:
        return network_apply(NETWORK_FILE_MAX, value, n, error);
    case OPTION_TRIES:
        return network_apply(NETWORK_TRIES, value, n, error);
    case OPTION_CA_FILE:
        return network_apply(NETWORK_CA_FILE, value, n, error);
    case OPTION_CONNECT_TO:
        return network_apply(NETWORK_CONNECT_TO, value, n, error);
    default:
        return set_once(&a->keep, value, "keep", error);
    }
}

static bool apply(enum option_id id, const char *value, struct scan_arguments *a,
                  struct error *error)
{
    uint64_t jobs = 0;
    switch (id) {
    case OPTION_GATE:
        return set_once(&a->gate, value, "gate", error);
    case OPTION_POLICY:
        return set_once(&a->policy, value, "policy", error);
    case OPTION_BASELINE:
        return set_once(&a->baseline, value, "baseline", error);
    case OPTION_FAIL_ON:
        return change(a, POLICY_FAIL_ON, "--fail-on", value, error);
    case OPTION_ALLOW_TRUST:
        return change(a, POLICY_TRUST_ALLOW, "--allow-trust", value, error);
    case OPTION_DENY_FORMAT:
        return change(a, POLICY_FORMATS_DENY, "--deny-format", value, error);
    case OPTION_FAIL_INCOMPLETE:
        return change(a, POLICY_ON_INCOMPLETE, "--fail-incomplete", "fail", error);
    case OPTION_ALLOW_EMPTY:
        return change(a, POLICY_ALLOW_EMPTY, "--allow-empty", "true", error);
    case OPTION_EXIT_ZERO:
        return change(a, POLICY_ENFORCE, "--exit-zero", "false", error);
    case OPTION_ORIGIN:
        a->origin = value;
        return true;
    case OPTION_LOCKFILE:
        a->lockfile = value;
        return true;
    case OPTION_ACCEPT_DECLARED:
        return change(a, POLICY_TRUST_DECLARED, "--accept-declared", "true", error);
    case OPTION_PUBLIC_KEY:
    case OPTION_KEY:
    case OPTION_CERTIFICATE_CHAIN:
    case OPTION_IDENTITY:
    case OPTION_IDENTITY_PROVIDER:
    case OPTION_CERTIFICATE_IDENTITY:
    case OPTION_CERTIFICATE_OIDC_ISSUER:
    case OPTION_IDENTITY_REGEXP:
    case OPTION_OIDC_ISSUER_REGEXP:
    case OPTION_TRUSTED_ROOT:
    case OPTION_TRUST_CONFIG:
    case OPTION_USE_STAGING:
    case OPTION_KEYRING:
    case OPTION_BUILDER_ID:
    case OPTION_IGNORE_UNSIGNED:
        return apply_signers(id, value, a, error);
    case OPTION_OFFLINE:
    case OPTION_CACHE:
    case OPTION_KEEP:
    case OPTION_DOWNLOADS:
    case OPTION_TIMEOUT:
    case OPTION_MAX_FILE_SIZE:
    case OPTION_TRIES:
    case OPTION_CA_FILE:
    case OPTION_CONNECT_TO:
        return apply_network(id, value, a, error);
    case OPTION_REGISTRIES:
        return add(a->registries, value, "registries", error);
    case OPTION_OUTPUT:
        return outputs_add(&a->outputs, value, error);
    case OPTION_SIGN_KEY:
        return set_once(&a->outputs.sign_key, value, "sign-key", error);
    case OPTION_MIN_SEVERITY:
        return parse_severity(value, "min-severity", &a->min_severity, error);
    case OPTION_FILES_FROM:
        a->files_from = value;
        return true;
    case OPTION_EXCLUDE:
        return add(a->exclude, value, "exclude", error);
    case OPTION_ONE_MODEL:
        a->one_model = true;
        return true;
    case OPTION_JOBS:
        if (!options_number(value, JOBS_MAX, "jobs", &jobs, error))
            return false;
        a->jobs = (unsigned)jobs;
        return true;
    case OPTION_DEPTH:
        return parse_depth(value, &a->deep, error);
    case OPTION_PICKLE_RULES:
        return add(a->pickle_rules, value, "pickle-rules", error);
    case OPTION_YARA:
        return add(a->yara_rules, value, "yara", error);
    case OPTION_SANDBOX:
        return options_sandbox(value, &a->sandbox, error);
    case OPTION_QUIET:
        a->quiet = true;
        return true;
    case OPTION_HELP:
        a->help = true;
        return true;
    case OPTION_COUNT:
        break;
    }
    return false;
}

/* getopt's tables: options.def, then one --max-NAME for each row of budget.def. */
struct getopt_tables {
    struct option longs[OPTION_COUNT + BUDGET_COUNT + 1];
    char budget_names[BUDGET_COUNT][32];
    char shorts[2 * OPTION_COUNT + 2];
};

static void fill_tables(struct getopt_tables *t)
{
    size_t at = 0;
    *t = (struct getopt_tables){ 0 };
    t->shorts[at++] = ':';
    for (int i = 0; i < OPTION_COUNT; i++) {
        t->longs[i] =
            (struct option){ table[i].name,
                             table[i].argument ? required_argument : no_argument, NULL,
                             256 + i };
        if (table[i].letter)
            t->shorts[at++] = table[i].letter;
        if (table[i].letter && table[i].argument)
            t->shorts[at++] = ':';
    }
    for (int i = 0; i < BUDGET_COUNT; i++) {
        (void)snprintf(t->budget_names[i], sizeof t->budget_names[i], "max-%s",
                       budget_kinds[i].option);
        t->longs[OPTION_COUNT + i] =
            (struct option){ t->budget_names[i], required_argument, NULL,
                             256 + OPTION_COUNT + i };
    }
}

static int option_index(int code)
{
    if (code >= 256)
        return code - 256;
    for (int i = 0; i < OPTION_COUNT; i++)
        if (table[i].letter == code)
            return i;
    return -1;
}

static bool next_option(int code, char **argv, const struct getopt_tables *t,
                        struct scan_arguments *a, struct error *error)
{
    int i = option_index(code);
    if (code == ':')
        return error_set(error, ERROR_USAGE, "%s needs a value", argv[optind - 1]);
    if (code == '?' || i < 0)
        return error_set(error, ERROR_USAGE, "no such option: %s", argv[optind - 1]);
    if (i >= OPTION_COUNT)
        return options_number(optarg, UINT64_MAX, t->longs[i].name,
                              &a->budget.left[i - OPTION_COUNT], error);
    return apply((enum option_id)i, optarg, a, error);
}

bool options_parse(int argc, char **argv, struct scan_arguments *ret_arguments,
                   struct error *error)
{
    struct getopt_tables tables;
    struct scan_arguments a = { .budget = budget_default() };
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    a.jobs = processors > 0 && processors <= JOBS_MAX ? (unsigned)processors : 1;
    fill_tables(&tables);
    int code;
    optind = 0; /* glibc: start over */
    while ((code = getopt_long(argc, argv, tables.shorts, tables.longs, NULL)) != -1)
        if (!next_option(code, argv, &tables, &a, error))
            return false;
    if (a.gate && a.policy)
        return error_set(error, ERROR_USAGE,
                         "--gate and --policy: give one; a policy may say \"extends\": "
                         "\"%s\"",
                         a.gate);
    if (!a.gate)
        a.gate = "default";
    a.targets = argv + optind;
    a.target_count = argc - optind;
    *ret_arguments = a;
    return true;
}
