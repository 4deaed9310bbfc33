/* yarac: compiles rules/yara when Assay is built.  A tool of the Makefile's, not
 * installed.
 *
 *   yarac OUTPUT FILE... */
#include "worker/yara_rules.h"

int main(int argc, char **argv)
{
    struct error error;
    if (argc < 3) {
        (void)fputs("usage: yarac OUTPUT FILE...\n", stderr);
        return 2;
    }
    if (yara_rules_compile((const char *const *)(argv + 2), argv[1], &error))
        return 0;
    (void)fprintf(stderr, "yarac: %s\n", error.message);
    return 1;
}
