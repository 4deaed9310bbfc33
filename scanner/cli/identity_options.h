/* identity_options.h: who signs when no key does, as options of `assay sign sigstore`
 * say.
 */
#ifndef IDENTITY_OPTIONS_H
#define IDENTITY_OPTIONS_H

#include "cli/network.h"
#include "engine/signing/keyless_signing.h"
#include "integrity/sigstore/identity_token.h"

#include <getopt.h>

struct identity_arguments {
    const char *token, *token_file, *trust_config;
    bool ambient, staging;
    const char *client_id, *client_secret;
    bool out_of_band;
    bool any; /* one of these options was given */
    struct network_arguments network;
    /* filled by identity_arguments_load() */
    struct sign_in person;
    char text[IDENTITY_TOKEN_MAX + 2];
    char config_path[4096 + 64], root_path[4096 + 64];
};

enum identity_option {
    IDENTITY_TOKEN = 2048, /* values of getopt */
    IDENTITY_TOKEN_FILE,
    IDENTITY_AMBIENT,
    IDENTITY_STAGING,
    IDENTITY_TRUST_CONFIG,
    IDENTITY_CLIENT_ID,
    IDENTITY_CLIENT_SECRET,
    IDENTITY_OAUTH,
    IDENTITY_END
};

#define IDENTITY_OPTIONS                                                                 \
    { "identity-token", required_argument, NULL, IDENTITY_TOKEN },                       \
        { "identity-token-file", required_argument, NULL, IDENTITY_TOKEN_FILE },         \
        { "use-ambient-credentials", no_argument, NULL, IDENTITY_AMBIENT },              \
        { "use-staging", no_argument, NULL, IDENTITY_STAGING },                          \
        { "trust-config", required_argument, NULL, IDENTITY_TRUST_CONFIG },              \
        { "client-id", required_argument, NULL, IDENTITY_CLIENT_ID },                    \
        { "client-secret", required_argument, NULL, IDENTITY_CLIENT_SECRET },            \
        { "oauth-force-oob", no_argument, NULL, IDENTITY_OAUTH },                        \
        { "ca-file", required_argument, NULL, NETWORK_CA_FILE },                         \
        { "connect-to", required_argument, NULL, NETWORK_CONNECT_TO },                   \
    {                                                                                    \
        "tries", required_argument, NULL, NETWORK_TRIES                                  \
    }
#define IDENTITY_HELP                                                                    \
    "      --identity-token TEXT    who signs: an OpenID Connect token; better:\n"       \
    "                               --identity-token-file\n"                             \
    "      --identity-token-file FILE  the first line of FILE is the token\n"            \
    "      --use-ambient-credentials  the token in SIGSTORE_ID_TOKEN, or the one that\n" \
    "                               GitHub Actions gives to a job\n"                     \
    "      --client-id ID           as which client, and for which audience "            \
    "[sigstore]\n"                                                                       \
    "      --client-secret TEXT     that client's, if it has one\n"                      \
    "      --oauth-force-oob        open no browser: show the address, and read the "    \
    "code\n"                                                                             \
    "      --use-staging            Sigstore's staging instance\n"                       \
    "      --trust-config FILE      another instance: a client trust configuration\n"    \
    "      --tries N                times a request is made before giving up [5]\n"      \
    "      --ca-file FILE           trust these certificate authorities, not the "       \
    "system's\n"                                                                         \
    "      --connect-to HOST:PORT:HOST:PORT\n"                                           \
    "                               reach the first host at the second; repeatable\n"

/* False when `option` is none of these, or its value is wrong (*error set). */
bool identity_arguments_take(struct identity_arguments *a, int option, const char *value,
                             struct error *error);

/* What they come down to; it points into `a`.  When no option says who signs, that is the
 * person at the terminal, who is then asked.  The caller wipes a->text. */
bool identity_arguments_load(struct identity_arguments *a, struct keyless_request *ret,
                             struct error *error);

#endif
