/* assay sign: make an OpenSSF Model Signing bundle by a key, a certificate or an
 * identity; the key may be on a token.
 */
#include "cli/identity_options.h"
#include "cli/model_options.h"
#include "cli/passphrase.h"
#include "cli/token_options.h"
#include "policy/policy.h"
#include "reports/escape.h"

static const char usage[] =
    "Usage: assay sign key MODEL --private-key PEM [OPTION...]\n"
    "       assay sign certificate MODEL --private-key PEM --signing-certificate PEM\n"
    "                  [--certificate-chain PEM]... [OPTION...]\n"
    "       assay sign pkcs11-key MODEL --pkcs11-uri URI [OPTION...]\n"
    "       assay sign pkcs11-certificate MODEL --pkcs11-uri URI "
    "--signing-certificate PEM\n"
    "                  [--certificate-chain PEM]... [OPTION...]\n"
    "       assay sign [sigstore] MODEL [--identity-token-file FILE] [OPTION...]\n\n"
    "Hash every file of MODEL and sign the list with ECDSA P-256, P-384 or P-521; or "
    "with\n"
    "a key of its own and a certificate of Sigstore's for it, which names an identity "
    "and\n"
    "is entered in a public log.  Without an identity token, whoever sits at the\n"
    "terminal signs in with a browser.\n\n"
    "      --signature FILE         where the signature goes [model.sig]\n"
    "      --private-key FILE       the key, PEM, may be encrypted\n"
    "      --password TEXT          its passphrase; better: --password-file, or the\n"
    "                               environment's ASSAY_KEY_PASSWORD, or the prompt\n"
    "      --password-file FILE     the first line of FILE is the passphrase\n"
    "      --signing-certificate FILE  the certificate of the key, PEM\n"
    "      --certificate-chain FILE the certificates above it; repeatable\n" TOKEN_HELP
        IDENTITY_HELP
    "      --hash NAME              sha256, blake2b or blake3 [sha256]\n"
    "      --shard-size N           sign ranges of N bytes instead of whole "
    "files\n" MODEL_HELP "  -h, --help                   this text\n";

enum {
    SIGN_SIGNATURE = MODEL_OWN,
    SIGN_PRIVATE_KEY,
    SIGN_PASSWORD,
    SIGN_PASSWORD_FILE,
    SIGN_CERTIFICATE,
    SIGN_CHAIN,
    SIGN_HASH,
    SIGN_SHARD_SIZE
};

struct arguments {
    struct model_arguments model;
    struct identity_arguments identity;
    struct token_arguments token;
    const char *signature, *private_key, *password, *password_file, *certificate;
    struct path_list chain;
    enum digest_algorithm algorithm;
    uint64_t shard_size;
    char passphrase[PASSPHRASE_MAX];
    bool help;
};

static bool take(struct arguments *a, int option, const char *value, struct error *error)
{
    error->code = ERROR_NONE;
    switch (option) {
    case SIGN_SIGNATURE:
        a->signature = value;
        return true;
    case SIGN_PRIVATE_KEY:
        a->private_key = value;
        return true;
    case SIGN_PASSWORD:
        a->password = value;
        return true;
    case SIGN_PASSWORD_FILE:
        a->password_file = value;
        return true;
    case SIGN_CERTIFICATE:
        a->certificate = value;
        return true;
    case SIGN_CHAIN:
        return path_list_add(&a->chain, value, "certificate-chain", error);
    case SIGN_HASH:
        return oms_algorithm(span_of_text(value), &a->algorithm) ||
               error_set(error, ERROR_USAGE,
                         "--hash: %s is none of sha256, blake2b, blake3", value);
    case SIGN_SHARD_SIZE: {
        char *end = NULL;
        a->shard_size = strtoull(value, &end, 10);
        return (value[0] >= '1' && value[0] <= '9' && *end == '\0' &&
                a->shard_size <= INT64_MAX) ||
               error_set(error, ERROR_USAGE, "--shard-size: %s is no number of bytes",
                         value);
    }
    case 'h':
        a->help = true;
        return true;
    default:
        return token_arguments_take(&a->token, option, value) ||
               identity_arguments_take(&a->identity, option, value, error) ||
               (error->code == ERROR_NONE &&
                model_arguments_take(&a->model, option, value, error));
    }
}

static bool read_arguments(int argc, char **argv, struct arguments *a,
                           struct error *error)
{
    static const struct option options[] = {
        {"signature",            required_argument, NULL, SIGN_SIGNATURE    },
        { "private-key",         required_argument, NULL, SIGN_PRIVATE_KEY  },
        { "password",            required_argument, NULL, SIGN_PASSWORD     },
        { "password-file",       required_argument, NULL, SIGN_PASSWORD_FILE},
        { "signing-certificate", required_argument, NULL, SIGN_CERTIFICATE  },
        { "certificate-chain",   required_argument, NULL, SIGN_CHAIN        },
        { "hash",                required_argument, NULL, SIGN_HASH         },
        { "shard-size",          required_argument, NULL, SIGN_SHARD_SIZE   },
        { "help",                no_argument,       NULL, 'h'               },
        MODEL_OPTIONS,
        IDENTITY_OPTIONS,
        TOKEN_OPTIONS,
        { NULL,                  0,                 NULL, 0                 }
    };
    dash_options(argc, argv);
    for (int c; (c = getopt_long(argc, argv, "j:h", options, NULL)) != -1;)
        if (!take(a, c, optarg, error))
            return false;
    return true;
}

/* ---- running --------------------------------------------------------------------- */

/* As users of model_signing write them. */
static const struct method {
    const char *name;
    bool keyless, token, certificate;
} methods[] = {
  /* keyless, token, certificate */
    {"key",                 false, false, false},
    { "certificate",        false, false, true },
    { "sigstore",           true,  false, false},
    { "pkcs11-key",         false, true,  false},
    { "pkcs11-certificate", false, true,  true },
};

static const struct method *find_method(const char *word, struct error *error)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(word, methods[i].name) == 0)
            return &methods[i];
    error_set(error, ERROR_USAGE,
              "assay sign: %s is none of key, certificate, sigstore, pkcs11-key, "
              "pkcs11-certificate",
              word);
    return NULL;
}

static bool check_method(const struct method *m, const struct arguments *a,
                         struct error *error)
{
    if (!m->keyless && a->identity.any)
        return error_set(error, ERROR_USAGE,
                         "assay sign: an identity belongs to assay sign sigstore");
    if (m->keyless && (a->private_key || a->certificate || a->chain.count))
        return error_set(error, ERROR_USAGE,
                         "assay sign sigstore makes its key itself, and gets the "
                         "certificate for it");
    if (!m->token && a->token.any)
        return error_set(error, ERROR_USAGE,
                         "assay sign: a token belongs to assay sign pkcs11-key and "
                         "pkcs11-certificate");
    if (m->token && (a->private_key || a->password || a->password_file))
        return error_set(error, ERROR_USAGE,
                         "assay sign %s: the private key is on the token, and its PIN "
                         "comes with --pin-file",
                         m->name);
    if (m->token && !a->token.uri)
        return error_set(error, ERROR_USAGE, "assay sign: --pkcs11-uri is missing");
    if (!m->keyless && !m->token && !a->private_key)
        return error_set(error, ERROR_USAGE, "assay sign: --private-key is missing");
    if (m->certificate != (a->certificate != NULL))
        return error_set(error, ERROR_USAGE,
                         "assay sign: --signing-certificate belongs to, and is needed "
                         "for, assay sign certificate and pkcs11-certificate");
    return true;
}

static void say(const struct arguments *a, const struct sign_report *done)
{
    struct buffer who;
    buffer_init(&who, 8 * sizeof done->identity);
    (void)printf("Signing succeeded: %s, %zu %s", a->signature, done->files,
                 a->shard_size      ? "shards"
                 : done->files == 1 ? "file"
                                    : "files");
    if (done->identity[0]) {
        escape_terminal(&who, span_of_text(done->identity));
        buffer_add_text(&who, ", as ");
        escape_terminal(&who, span_of_text(done->issuer));
        buffer_add_text(&who, " vouches");
        (void)printf(", by %s", who.text);
    }
    (void)puts("");
    buffer_free(&who);
}

/* What each method needs to be read before it can begin. */
static bool load(struct arguments *a, const struct method *m,
                 struct keyless_request *ret_keyless, const char **ret_passphrase,
                 struct error *error)
{
    if (m->keyless)
        return identity_arguments_load(&a->identity, ret_keyless, error);
    return m->token || passphrase_find(a->private_key, a->password, a->password_file,
                                       a->passphrase, ret_passphrase, error);
}

static int sign(struct arguments *a, const char *word, const char *model)
{
    struct error error = { 0 };
    struct keyless_request keyless;
    struct sign_report done;
    const char *passphrase = NULL;
    const struct method *m = find_method(word, &error);
    if (!m || !check_method(m, a, &error) || !load(a, m, &keyless, &passphrase, &error))
        return complain(&error);
    const struct token_request token = token_arguments_request(&a->token);
    a->model.options.ignore = a->model.ignore.items;
    const struct sign_request r = {
        .model = model,
        .files = a->model.options,
        .method = a->shard_size ? OMS_SHARDS : OMS_FILES,
        .shard_size = a->shard_size,
        .algorithm = a->algorithm,
        .output = a->signature,
        .keyless = m->keyless ? &keyless : NULL,
        .token = m->token ? &token : NULL,
        .private_key = a->private_key,
        .passphrase = passphrase,
        .certificate = a->certificate,
        .chain = a->chain.items,
    };
    if (!sign_model(&r, &done, &error))
        return complain(&error);
    say(a, &done);
    return EXIT_PASS;
}

int command_sign(int argc, char **argv)
{
    struct arguments a = { .signature = "model.sig" };
    struct error error = { 0 };
    model_arguments_init(&a.model);
    if (!read_arguments(argc, argv, &a, &error)) {
        if (error.code != ERROR_NONE)
            return complain(&error);
        (void)fputs(usage, stderr); /* getopt has said what is wrong */
        return EXIT_USAGE;
    }
    if (a.help) {
        (void)fputs(usage, stdout);
        return EXIT_PASS;
    }
    int words = argc - optind;
    const char *method = words == 2 ? argv[optind] : "sigstore"; /* as model_signing */
    const char *model = argv[argc - 1];
    if (words < 1 || words > 2 || (words == 1 && find_method(model, &error))) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    int code =
        target_is_local(model, &error) ? sign(&a, method, model) : complain(&error);
    explicit_bzero(a.passphrase, sizeof a.passphrase);
    explicit_bzero(a.identity.text, sizeof a.identity.text);
    return code;
}
