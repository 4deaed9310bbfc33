#include "cli/command.h"
#include "policy/policy.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <zlib.h>

static const char usage[] =
    "Usage: assay version\n"
    "\n"
    "The version of assay, and of the libraries that it runs with.\n"
    "\n"
    "  -h, --help  this text\n";

int command_version(int argc, char **argv)
{
    int code = usage_printed(argc, argv, 0, 0, usage);
    if (code >= 0)
        return code;
    printf("assay %s\n", ASSAY_VERSION);
    printf("libraries: %s, jansson %s, zlib %s\n", OpenSSL_version(OPENSSL_VERSION),
           JANSSON_VERSION, zlibVersion());
    return fflush(stdout) ? EXIT_INCOMPLETE : EXIT_PASS;
}
