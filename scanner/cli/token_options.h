/* token_options.h: a key on a PKCS #11 token, as options of `assay sign` say. */
#ifndef TOKEN_OPTIONS_H
#define TOKEN_OPTIONS_H

#include "integrity/token/token_key.h"

#include <getopt.h>

struct token_arguments {
    const char *uri, *module, *pin_file;
    bool any; /* one of these options was given */
};

enum token_option {
    TOKEN_URI = 3072, /* values of getopt */
    TOKEN_MODULE,
    TOKEN_PIN_FILE
};

#define TOKEN_OPTIONS                                                                    \
    { "pkcs11-uri", required_argument, NULL, TOKEN_URI },                                \
        { "module", required_argument, NULL, TOKEN_MODULE },                             \
    {                                                                                    \
        "pin-file", required_argument, NULL, TOKEN_PIN_FILE                              \
    }
#define TOKEN_HELP                                                                       \
    "      --pkcs11-uri URI         the key on a token, as RFC 7512 writes it\n"         \
    "      --module FILE            the token's PKCS #11 module [the URI's, or those "   \
    "that\n"                                                                             \
    "                               p11-kit is configured with]\n"                       \
    "      --pin-file FILE          the first line of FILE is the PIN, if the URI has\n" \
    "                               none; or the environment's ASSAY_PKCS11_PIN, or "    \
    "the\n"                                                                              \
    "                               prompt\n"

/* False when `option` is none of these. */
bool token_arguments_take(struct token_arguments *a, int option, const char *value);

/* What they come down to; it points to `a`, and asks for a PIN when it has to. */
struct token_request token_arguments_request(const struct token_arguments *a);

#endif
