#include "cli/identity_options.h"

#include "cli/browser.h"

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
        a->client_id = value;
        break;
    case IDENTITY_CLIENT_SECRET:
        a->client_secret = value;
        break;
    default:
        a->out_of_band = true;
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
static bool find_ambient(struct identity_source *s)
{
    s->token = variable("SIGSTORE_ID_TOKEN");
    s->request_url = variable("ACTIONS_ID_TOKEN_REQUEST_URL");
    s->request_token = variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    return s->token || (s->request_url && s->request_token);
}

static bool find_person(struct identity_arguments *a, struct identity_source *s,
                        struct error *error)
{
    if (!person_present())
        return error_set(error, ERROR_USAGE,
                         "assay sign sigstore: %swho signs is said by one of "
                         "--identity-token, --identity-token-file and "
                         "--use-ambient-credentials, and without a terminal nobody can "
                         "sign in with a browser",
                         a->ambient
                             ? "--use-ambient-credentials: there are none, neither "
                               "SIGSTORE_ID_TOKEN nor a job of GitHub Actions; "
                             : "");
    a->person = (struct sign_in){ .client_id = s->audience,
                                  .client_secret = a->client_secret,
                                  .out_of_band = a->out_of_band,
                                  .show = person_show,
                                  .read_code = person_read_code,
                                  .self = &a->person };
    *s = (struct identity_source){ .audience = s->audience, .person = &a->person };
    return true;
}

/* Of a job, when the operator says so; else, or when there is none, of a person. */
static bool find_holder(struct identity_arguments *a, struct identity_source *s,
                        struct error *error)
{
    if (!a->ambient)
        return find_person(a, s, error);
    if (find_ambient(s))
        return true;
    if (variable("GITHUB_ACTIONS"))
        return error_set(error, ERROR_USAGE,
                         "--use-ambient-credentials: GitHub gives this job no identity; "
                         "its workflow needs the permission \"id-token: write\"");
    return find_person(a, s, error);
}

static bool find_identity(struct identity_arguments *a, struct identity_source *ret,
                          struct error *error)
{
    bool named = a->client_id && *a->client_id, given = a->token || a->token_file;
    struct identity_source s = { .audience = named ? a->client_id : IDENTITY_AUDIENCE };
    if ((a->token != NULL) + (a->token_file != NULL) + a->ambient > 1)
        return error_set(error, ERROR_USAGE,
                         "assay sign sigstore: who signs is said by only one of "
                         "--identity-token, --identity-token-file and "
                         "--use-ambient-credentials");
    if (given && (a->client_secret || a->out_of_band))
        return error_set(error, ERROR_USAGE,
                         "--%s is for signing in with a browser, and a token is given",
                         a->out_of_band ? "oauth-force-oob" : "client-secret");
    if (!given ? !find_holder(a, &s, error) : a->token_file && !read_token_file(a, error))
        return false;
    if (given)
        s.token = a->token ? a->token : a->text;
    *ret = s;
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
