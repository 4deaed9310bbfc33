/* assay digest: the one digest that stands for a whole model. */
#include "cli/model_options.h"
#include "policy/policy.h"

static const char usage[] =
    "Usage: assay digest MODEL\n\n"
    "Print sha256:HEX over the digests of all files of MODEL, a file or a directory: "
    "what\n"
    "a signature of the model (assay sign) is about.  Names are not part of "
    "it.\n\n" MODEL_HELP "  -h, --help                   this text\n";

int command_digest(int argc, char **argv)
{
    static const struct option options[] = {
        MODEL_OPTIONS, {"help", no_argument, NULL, 'h' },
         { 0 }
    };
    struct model_arguments a;
    struct error error = { 0 };
    char hex[DIGEST_HEX_MAX + 1];
    model_arguments_init(&a);
    dash_options(argc, argv);
    for (int c; (c = getopt_long(argc, argv, "j:h", options, NULL)) != -1;) {
        if (c == 'h') {
            (void)fputs(usage, stdout);
            return EXIT_PASS;
        }
        if (!model_arguments_take(&a, c, optarg, &error)) {
            if (error.code != ERROR_NONE)
                return complain(&error);
            (void)fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (argc - optind != 1) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    a.options.ignore = a.ignore.items;
    if (!target_is_local(argv[optind], &error) ||
        !digest_model(argv[optind], &a.options, hex, &error))
        return complain(&error);
    (void)printf("sha256:%s\n", hex);
    return EXIT_PASS;
}
