/* assay policy check | show | explain | init | test  (docs/policy.md) */
#include "cli/directories.h"
#include "cli/policy_test.h"
#include "cli/scanning.h"
#include "reports/escape.h"

#include <time.h>

static const char usage[] =
    "Usage: assay policy check FILE...\n"
    "       assay policy show [NAME]\n"
    "       assay policy explain [--policy FILE | --gate NAME] TARGET...\n"
    "       assay policy init [--gate NAME] --from DIR\n"
    "       assay policy test CASES...\n"
    "\n"
    "check     every problem of policy files, with line and column\n"
    "show      a gate as a policy file; without a NAME, which gates there are\n"
    "explain   what is demanded of a target, and where each value was written\n"
    "init      a policy that lets through what DIR holds today and nothing worse\n"
    "test      scan the targets of a file of cases, and compare the verdicts\n"
    "\n"
    "explain and init take the options of `assay scan` that are about targets, origins\n"
    "and the gate.\n"
    "\n"
    "      --from DIR        what to start from; it is scanned\n"
    "      --registries DIR  further registry files, for check\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit codes: 0; 1 a case of `test` failed; 2 something could not be read; 4 usage, "
    "or\n"
    "a policy that is not valid\n";

enum { OUTPUT_MAX = 16 << 20 };

static int wrong_usage(void)
{
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
}

/* Its indentation is ours. */
static void put_escaped(struct span line)
{
    struct buffer safe;
    size_t indent = 0;
    while (indent < line.len && line.ptr[indent] == ' ')
        indent++;
    buffer_init(&safe, OUTPUT_MAX);
    buffer_printf(&safe, "%*s", (int)indent, "");
    escape_terminal(&safe, span_slice(line, indent, line.len));
    puts(safe.text ? safe.text : "");
    buffer_free(&safe);
}

/* Line by line: text of ours and of the target's. */
static void put_lines(struct span text)
{
    for (size_t start = 0; start < text.len;) {
        size_t end = span_find(text, "\n", start);
        put_escaped(span_slice(text, start, end));
        start = end == SIZE_MAX ? text.len : end + 1;
    }
}

/* ---- check and show -------------------------------------------------------------- */

static bool check_one(const char *path, const struct policy_reading *how)
{
    struct buffer report;
    struct error error;
    buffer_init(&report, OUTPUT_MAX);
    struct policy *p = policy_read(path, how, &report, &error);
    if (p)
        printf("%s: valid\n", path);
    put_lines(buffer_span(&report));
    buffer_free(&report);
    policy_free(p);
    return p != NULL;
}

static int check(int argc, char **argv)
{
    struct installation installation;
    struct error error;
    const char *extra[] = { take_option(&argc, argv, '\0', "--registries"), NULL };
    if (argc < 2)
        return wrong_usage();
    if (!installation_find(&installation, &error))
        return complain(&error);
    struct registries *r = directories_load_registries(&installation, extra, &error);
    if (!r)
        return complain(&error);
    const struct policy_reading how = { r, (int64_t)(time(NULL) / 86400) };
    bool valid = true;
    for (int i = 1; i < argc; i++)
        valid &= check_one(argv[i], &how);
    registries_free(r);
    return valid ? EXIT_PASS : EXIT_USAGE;
}

static int show(int argc, char **argv)
{
    const struct policy_reading how = { 0 };
    struct error error;
    struct policy *p;
    if (argc > 2)
        return wrong_usage();
    for (size_t i = 0; policy_gate_name(i); i++) {
        if (argc == 2 && strcmp(argv[1], policy_gate_name(i)) == 0) {
            (void)fputs(policy_gate_text(i), stdout);
            return EXIT_PASS;
        }
        if (argc == 1 && (p = policy_gate(policy_gate_name(i), &how, &error)) != NULL) {
            printf("%-8s %s\n", policy_name(p), policy_summary(p));
            policy_free(p);
        }
    }
    if (argc == 1)
        return EXIT_PASS;
    (void)policy_gate(argv[1], &how, &error);
    return complain(&error);
}

/* ---- explain and init ------------------------------------------------------------ */

static int explain_models(void *self, const struct scan_arguments *a,
                          const struct policy *p, const struct result *r)
{
    (void)self;
    (void)a;
    for (const struct model *m = r->models; m; m = m->next) {
        struct buffer text;
        buffer_init(&text, OUTPUT_MAX);
        policy_explain(p, m, &text);
        put_lines(buffer_span(&text));
        buffer_free(&text);
    }
    return targets_scanned(r);
}

static int ratchet(void *self, const struct scan_arguments *a, const struct policy *p,
                   const struct result *r)
{
    struct buffer text;
    struct error error;
    (void)self;
    (void)a;
    buffer_init(&text, OUTPUT_MAX);
    bool ok = policy_ratchet(p, r, &text, &error);
    if (ok)
        (void)fputs(text.text, stdout);
    buffer_free(&text);
    if (!ok || fflush(stdout))
        return ok ? EXIT_INCOMPLETE : complain(&error);
    return targets_scanned(r);
}

static int with_scan(int argc, char **argv, scanned *then)
{
    struct scan_arguments a;
    struct error error;
    if (!options_parse(argc, argv, &a, &error))
        return complain(&error);
    if (a.help) {
        (void)fputs(usage, stdout);
        return EXIT_PASS;
    }
    return scan_with(&a, then, NULL);
}

static int init(int argc, char **argv)
{
    struct error error;
    char *words[256];
    char from_word[4096];
    const char *from = take_option(&argc, argv, '\0', "--from");
    if (!from || argc > 250)
        return wrong_usage();
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--policy", 8) == 0) {
            error_set(&error, ERROR_USAGE,
                      "policy init: starts from a gate; --policy is not for it");
            return complain(&error);
        }
    /* the gate of pipelines, unless another one is named */
    static char gate[] = "--gate=ci", dashes[] = "--";
    bool named = false;
    int n = 0;
    words[n++] = argv[0];
    for (int i = 1; i < argc; i++) {
        named |= strncmp(argv[i], "--gate", 6) == 0;
        words[n++] = argv[i];
    }
    if (!named)
        words[n++] = gate;
    (void)snprintf(from_word, sizeof from_word, "%s", from);
    words[n++] = dashes;
    words[n++] = from_word;
    words[n] = NULL;
    return with_scan(n, words, ratchet);
}

/* ---- the command line ------------------------------------------------------------ */

static int explain(int argc, char **argv)
{
    return with_scan(argc, argv, explain_models);
}

int command_policy(int argc, char **argv)
{
    static const char *const names[] = { "check", "show", "explain", "init", "test" };
    static int (*const run[])(int, char **) = { check, show, explain, init, policy_test };
    enum { COUNT = sizeof names / sizeof *names };
    if (argc < 2)
        return wrong_usage();
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            (void)fputs(usage, stdout);
            return EXIT_PASS;
        }
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(argv[1], names[i]) == 0)
            return run[i](argc - 1, argv + 1);
    struct error error;
    error_set(&error, ERROR_USAGE, "policy: no such thing to do: %s", argv[1]);
    return complain(&error);
}
