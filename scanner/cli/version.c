#include "cli/command.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <zlib.h>

int command_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("assay %s\n", ASSAY_VERSION);
    printf("libraries: %s, jansson %s, zlib %s\n", OpenSSL_version(OPENSSL_VERSION),
           JANSSON_VERSION, zlibVersion());
    return 0;
}
