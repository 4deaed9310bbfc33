#include "cli/identity_options.h"

bool identity_arguments_take(struct identity_arguments *a, int option, const char *value,
                             struct error *error)
{
    if (option == NETWORK_CA_FILE || option == NETWORK_CONNECT_TO ||
        option == NETWORK_TRIES)
        return network_apply((enum network_option)option, value, &a->network, error);
    if (option < IDENTITY_TOKEN || option >= IDENTITY_END)
        return false;
    a->any = true;
    switch ((enum identity_option)option) {
    case IDENTITY_TOKEN:
        a->token = value;
        break;
    case IDENTITY_TOKEN_FILE:
        a->token_file = value;
        break;
    case IDENTITY_AMBIENT:
        a->ambient = true;
        break;
    case IDENTITY_STAGING:
        a->staging = true;
        break;
    case IDENTITY_TRUST_CONFIG:
        a->trust_config = value;
        break;
    case IDENTITY_CLIENT_ID:
        a->browser = "client-id";
        break;
    case IDENTITY_CLIENT_SECRET:
        a->browser = "client-secret";
        break;
    default:
        a->browser = "oauth-force-oob";
    }
    return true;
}

static bool read_token_file(struct identity_arguments *a, struct error *error)
{
    FILE *in = fopen(a->token_file, "re");
    if (!in)
        return error_errno(error, ERROR_USAGE, "--identity-token-file: %s",
                           a->token_file);
    bool ok = fgets(a->text, sizeof a->text, in) != NULL;
    (void)fclose(in);
    a->text[strcspn(a->text, "\r\n")] = '\0';
    return (ok && a->text[0]) ||
           error_set(error, ERROR_USAGE, "--identity-token-file: %s: it has no token",
                     a->token_file);
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* Source: sigstore's `id` package; GitHub, "OpenID Connect reference". */
static bool find_ambient(struct identity_source *ret, struct error *error)
{
    struct identity_source s = {
        .token = variable("SIGSTORE_ID_TOKEN"),
        .request_url = variable("ACTIONS_ID_TOKEN_REQUEST_URL"),
        .request_token = variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
    };
    if (!s.token && (!s.request_url || !s.request_token)) {
        if (variable("GITHUB_ACTIONS"))
            return error_set(error, ERROR_USAGE,
                             "--use-ambient-credentials: GitHub gives this job no "
                             "identity; its workflow needs the permission "
                             "\"id-token: write\"");
        return error_set(error, ERROR_USAGE,
                         "--use-ambient-credentials: there are none, neither "
                         "SIGSTORE_ID_TOKEN nor a job of GitHub Actions");
    }
    *ret = s;
    return true;
}

static bool find_identity(struct identity_arguments *a, struct identity_source *ret,
                          struct error *error)
{
    int ways = (a->token != NULL) + (a->token_file != NULL) + a->ambient;
    if (a->browser)
        return error_set(error, ERROR_USAGE,
                         "--%s: nobody can be signed in through a browser here; give "
                         "--identity-token-file or --use-ambient-credentials",
                         a->browser);
    if (ways != 1)
        return error_set(error, ERROR_USAGE,
                         "assay sign sigstore: who signs is said by one of "
                         "--identity-token, --identity-token-file and "
                         "--use-ambient-credentials; no browser is opened");
    if (a->ambient)
        return find_ambient(ret, error);
    if (a->token_file && !read_token_file(a, error))
        return false;
    *ret = (struct identity_source){ .token = a->token ? a->token : a->text };
    return true;
}

/* A client trust configuration holds both; what is installed is two files. */
static void find_files(struct identity_arguments *a, const struct installation *i,
                       struct keyless_request *r)
{
    const char *stage = a->staging ? ".staging" : "";
    (void)snprintf(a->config_path, sizeof a->config_path,
                   "%s/rules/sigstore/signing_config%s.json", i->data_dir, stage);
    (void)snprintf(a->root_path, sizeof a->root_path,
                   "%s/rules/sigstore/trusted_root%s.json", i->data_dir, stage);
    r->signing_config = a->trust_config ? a->trust_config : a->config_path;
    r->trusted_root = a->trust_config ? a->trust_config : a->root_path;
    r->private_ok = a->trust_config != NULL;
}

bool identity_arguments_load(struct identity_arguments *a, struct keyless_request *ret,
                             struct error *error)
{
    struct installation i;
    struct keyless_request r = { .http = network_http(&a->network) };
    if (a->staging && a->trust_config)
        return error_set(error, ERROR_USAGE,
                         "--use-staging and --trust-config name two instances");
    if (!find_identity(a, &r.identity, error) || !installation_find(&i, error))
        return false;
    find_files(a, &i, &r);
    *ret = r;
    return true;
}
