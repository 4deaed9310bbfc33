/* assay diff: what changed between two stored reports. */
#include "cli/command.h"
#include "cli/outputs.h"
#include "policy/policy.h"
#include "reports/compare.h"
#include "reports/stored/read.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_DIFFERENT = 1 };

static const char usage[] =
    "Usage: assay diff BEFORE AFTER [-o text|json[=FILE]]...\n\n"
    "Compare two reports that `assay scan -o json` or `-o jsonl` wrote (one of them may "
    "be\n"
    "-, standard input): models, verdicts, trust, files by their digests, and findings "
    "by\n"
    "their fingerprints.\n\n"
    "  -o, --output FORMAT[=FILE]   text or json, to standard output without =FILE;\n"
    "                               repeatable [text]\n"
    "  -h, --help                   this text\n\n"
    "Exit codes: 0 nothing changed, 1 something changed, 2 a report could not be "
    "written,\n"
    "4 usage error, or a report that cannot be read\n";

static bool add_output(struct outputs *outputs, const char *text, struct error *error)
{
    if (!outputs_add(outputs, text, error))
        return false;
    const char *name = outputs->list[outputs->count - 1].writer->name;
    return strcmp(name, "text") == 0 || strcmp(name, "json") == 0 ||
           error_set(error, ERROR_USAGE, "--output: diff writes text and json, not %s",
                     name);
}

/* -1 to go on, else the exit code. */
static int read_arguments(int argc, char **argv, struct outputs *outputs)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},
        { "help",  no_argument,       NULL, 'h'},
        { NULL,    0,                 NULL, 0  }
    };
    struct error error;
    for (int c; (c = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        if (c == 'h') {
            (void)fputs(usage, stdout);
            return EXIT_PASS;
        } else if (c == 'o') {
            if (!add_output(outputs, optarg, &error))
                return complain(&error);
        } else {
            (void)fputs(usage, stderr); /* getopt has said what is wrong */
            return EXIT_USAGE;
        }
    }
    if (optind + 2 == argc)
        return -1;
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
}

static int write_all(const struct outputs *outputs,
                     const struct comparison_report *report)
{
    int code = report->comparison->differs ? EXIT_DIFFERENT : EXIT_PASS;
    size_t count = outputs->count ? outputs->count : 1;
    for (size_t i = 0; i < count; i++) {
        const struct output *out = outputs->count ? &outputs->list[i] : NULL;
        bool json = out && strcmp(out->writer->name, "json") == 0;
        struct error error;
        if (report_write_by("diff", json ? comparison_write_json : comparison_write_text,
                            report, stdout, out ? out->path : NULL, &error))
            continue;
        complain(&error);
        code = EXIT_INCOMPLETE;
    }
    return code;
}

int command_diff(int argc, char **argv)
{
    struct outputs outputs = { .count = 0 };
    struct report_options o = { 0 };
    struct comparison c = { 0 };
    struct error error = { 0 };
    int code = read_arguments(argc, argv, &outputs);
    if (code >= 0)
        return code;
    if (!outputs_options(&outputs, &o, &error))
        return complain(&error);
    struct result *before = report_read_file(argv[optind], &error);
    struct result *after = before ? report_read_file(argv[optind + 1], &error) : NULL;
    if (after && (compare(before, after, &c) ||
                  error_set(&error, ERROR_MEMORY, "out of memory"))) {
        const struct comparison_report report = { &c, &o };
        code = write_all(&outputs, &report);
    } else {
        code = complain(&error);
    }
    comparison_free(&c);
    result_free(after);
    result_free(before);
    return code;
}
