/* assay convert: other reports from a stored one, without a rescan. */
#include "cli/command.h"
#include "cli/outputs.h"
#include "policy/policy.h"
#include "reports/stored/read.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

static const char usage[] =
    "Usage: assay convert REPORT [-o FORMAT[=FILE]]...\n\n"
    "Read a report that `assay scan -o json` or `-o jsonl` wrote (- is standard input), "
    "and\n"
    "write others from it: the bytes that the scan would have written.  Nothing is "
    "scanned\n"
    "or judged again; the exit code is the report's.\n\n"
    "  -o, --output FORMAT[=FILE]   write a report, to standard output without =FILE;\n"
    "                               repeatable [text]\n"
    "      --sign-key FILE          sign vsa reports with this private key, PEM\n"
    "      --min-severity SEVERITY  show findings this bad or worse [info]\n"
    "  -h, --help                   this text\n";

/* -1 to go on, else the exit code. */
static int read_arguments(int argc, char **argv, struct outputs *outputs,
                          enum severity *ret_least)
{
    enum { MIN_SEVERITY = 256, SIGN_KEY };
    static const struct option options[] = {
        {"output",        required_argument, NULL, 'o'         },
        { "min-severity", required_argument, NULL, MIN_SEVERITY},
        { "sign-key",     required_argument, NULL, SIGN_KEY    },
        { "help",         no_argument,       NULL, 'h'         },
        { NULL,           0,                 NULL, 0           }
    };
    struct error error;
    for (int c; (c = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        if (c == 'h') {
            (void)fputs(usage, stdout);
            return EXIT_PASS;
        } else if (c == 'o') {
            if (!outputs_add(outputs, optarg, &error))
                return complain(&error);
        } else if (c == SIGN_KEY) {
            outputs->sign_key = optarg;
        } else if (c == MIN_SEVERITY) {
            if (!severity_parse(optarg, ret_least)) {
                (void)error_set(
                    &error, ERROR_USAGE,
                    "--min-severity: %s is no severity (critical, high, medium, "
                    "low, info)",
                    optarg);
                return complain(&error);
            }
        } else {
            (void)fputs(usage, stderr); /* getopt has said what is wrong */
            return EXIT_USAGE;
        }
    }
    if (optind + 1 == argc)
        return -1;
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
}

int command_convert(int argc, char **argv)
{
    struct outputs outputs = { .count = 0 };
    struct report_options o = { 0 };
    struct error error = { 0 };
    enum severity least = SEVERITY_INFO;
    int code = read_arguments(argc, argv, &outputs, &least);
    if (code >= 0)
        return code;
    if (!outputs_options(&outputs, &o, &error))
        return complain(&error);
    struct result *r = report_read_file(argv[optind], &error);
    if (!r) {
        outputs_free(&outputs);
        return complain(&error);
    }
    o.min_severity = least;
    if (!o.reproducible && !report_has_run(r)) { /* nobody knows when the scan was */
        o.reproducible = true;
        o.epoch = (int64_t)time(NULL);
    }
    code = outputs_write(&outputs, r, &o);
    result_free(r);
    outputs_free(&outputs);
    return code;
}
