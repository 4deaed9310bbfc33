/* assay verify: is a model, or a file, what somebody the operator accepts has signed? */
#include "cli/directories.h"
#include "cli/model_options.h"
#include "cli/network.h"
#include "cli/options.h"
#include "cli/signer_options.h"
#include "engine/verifying/verifying.h"
#include "policy/policy.h"
#include "reports/escape.h"
#include "reports/json/out.h"

#include <time.h>
#include <unistd.h>

enum { FILES_SHOWN = 50 };

static const char usage[] =
    "Usage: assay verify [key|certificate|sigstore] MODEL [--signature FILE] WHOM "
    "[OPTION...]\n"
    "       assay verify --bundle FILE WHOM FILE|sha256:HEX\n"
    "       assay verify [key|sigstore] WHOM oci://HOST/REPOSITORY[:TAG|@DIGEST]\n\n"
    "Exit 0 only when the signature is good, by somebody named in WHOM, and the bytes "
    "are\n"
    "the signed ones; 1 invalid, untrusted or unsigned; 2 unsupported or unreadable; 4 "
    "usage.\n\n"
    "WHOM is at least one of\n"
    "      --public-key FILE, --key FILE       a public key, PEM, or one of minisign;\n"
    "                                          repeatable\n"
    "      --certificate-chain FILE            certificates to trust; repeatable\n"
    "      --identity ID --identity-provider URL   a keyless signer; repeatable pairs\n"
    "      (--certificate-identity, --certificate-oidc-issuer: the same; with -regexp\n"
    "       behind them, regular expressions that must match the whole)\n"
    "      --keyring FILE                      a keyring for gpgv\n\n"
    "      --signature FILE, --bundle FILE     the signature [model.sig in the model, "
    "or\n"
    "                                          beside a file]\n"
    "      --certificate FILE       of a signature that cosign wrote without a bundle "
    "[.pem,\n"
    "                               .crt or .cert beside it]\n"
    "      --rekor-response FILE    the log's entry of such a signature\n"
    "      --trusted-root FILE, --trust-config FILE  of keyless signatures [the "
    "installed]\n"
    "      --use-staging            the root of Sigstore's staging instance\n"
    "      --builder-id ID          provenance must name this builder\n"
    "      --ignore-unsigned-files  files that were not signed do not count\n"
    "      --log-fingerprints, --offline, --new-bundle-format  accepted: it is always "
    "so,\n"
    "                               and no log is ever asked\n" MODEL_HELP
    "  -o, --output FORMAT          text or json [text]\n"
    "      --sandbox MODE           strict, auto or off [auto]\n"
    "      --tries N, --timeout SECONDS, --ca-file FILE, --connect-to "
    "HOST:PORT:HOST:PORT,\n"
    "      --cache DIR              of the registry that oci:// names, as in assay "
    "fetch\n"
    "  -h, --help                   this text\n";

enum {
    VERIFY_SIGNATURE = MODEL_OWN,
    VERIFY_CERTIFICATE_FILE,
    VERIFY_ENTRY,
    VERIFY_IGNORE_UNSIGNED,
    VERIFY_NO_IGNORE_UNSIGNED,
    VERIFY_FINGERPRINTS,
    VERIFY_SANDBOX
};

struct arguments {
    struct model_arguments model;
    struct signer_arguments signers;
    struct network_arguments network;
    const char *signature, *certificate, *entry;
    enum sandbox sandbox;
    enum verify_method method;
    bool json, help;
};

static const struct option options[] = {
    MODEL_OPTIONS,
    SIGNER_OPTIONS,
    {"signature",              required_argument, NULL, VERIFY_SIGNATURE },
    { "bundle",                    required_argument, NULL, VERIFY_SIGNATURE },
    { "certificate",                       required_argument, NULL, VERIFY_CERTIFICATE_FILE },
    { "rekor-response",required_argument, NULL, VERIFY_ENTRY },
    { "offline",        optional_argument, NULL, VERIFY_FINGERPRINTS },
    { "new-bundle-format",           optional_argument, NULL, VERIFY_FINGERPRINTS },
    { "ignore-unsigned-files",                    no_argument, NULL, VERIFY_IGNORE_UNSIGNED },
    { "no-ignore-unsigned-files",                       no_argument, NULL, VERIFY_NO_IGNORE_UNSIGNED },
    { "log-fingerprints",                    no_argument, NULL, VERIFY_FINGERPRINTS },
    { "tries",            required_argument, NULL, NETWORK_TRIES },
    { "timeout",               required_argument, NULL, NETWORK_TIMEOUT },
    { "ca-file",                    required_argument, NULL, NETWORK_CA_FILE },
    { "connect-to",                       required_argument, NULL, NETWORK_CONNECT_TO },
    { "cache",required_argument, NULL, NETWORK_CACHE },
    { "output",     required_argument, NULL, 'o' },
    { "sandbox", required_argument, NULL, VERIFY_SANDBOX },
    { "help",                    no_argument, NULL, 'h' },
    { 0                      }
};

static bool take_output(struct arguments *a, const char *value, struct error *error)
{
    a->json = strcmp(value, "json") == 0;
    return a->json || strcmp(value, "text") == 0 ||
           error_set(error, ERROR_USAGE, "-o: %s is neither text nor json", value);
}

static bool take(struct arguments *a, int option, const char *value, struct error *error)
{
    error->code = ERROR_NONE;
    if (option >= SIGNER_KEY && option < SIGNER_END)
        return signer_arguments_take(&a->signers, (enum signer_option)option, value,
                                     error);
    if (option >= NETWORK_FIRST)
        return network_apply((enum network_option)option, value, &a->network, error);
    switch (option) {
    case VERIFY_SIGNATURE:
        a->signature = value;
        return true;
    case VERIFY_CERTIFICATE_FILE:
        a->certificate = value;
        return true;
    case VERIFY_ENTRY:
        a->entry = value;
        return true;
    case VERIFY_IGNORE_UNSIGNED:
    case VERIFY_NO_IGNORE_UNSIGNED:
        a->model.options.ignore_unsigned = option == VERIFY_IGNORE_UNSIGNED;
        return true;
    case VERIFY_FINGERPRINTS:
        return true;
    case VERIFY_SANDBOX:
        return options_sandbox(value, &a->sandbox, error);
    case 'o':
        return take_output(a, value, error);
    case 'h':
        a->help = true;
        return true;
    default:
        return model_arguments_take(&a->model, option, value, error);
    }
}

/* A first word that is a method, when a target comes behind it. */
static bool take_method(struct arguments *a, const char *word, struct error *error)
{
    const struct signer_arguments *s = &a->signers;
    if (strcmp(word, "key") == 0) {
        a->method = VERIFY_KEY;
        return s->keys.count > 0 ||
               error_set(error, ERROR_USAGE, "verify key: --public-key is missing");
    }
    if (strcmp(word, "certificate") == 0) {
        a->method = VERIFY_CERTIFICATE;
        return s->chains.count > 0 ||
               error_set(error, ERROR_USAGE,
                         "verify certificate: --certificate-chain is missing; the "
                         "system's own roots are never trusted for this");
    }
    if (strcmp(word, "sigstore") == 0) {
        a->method = VERIFY_KEYLESS;
        return s->identities.count > 0 ||
               error_set(error, ERROR_USAGE,
                         "verify sigstore: --identity and --identity-provider are "
                         "missing");
    }
    return error_set(error, ERROR_USAGE,
                     "verify: %s is none of key, certificate, sigstore; and only one "
                     "target can be verified at once",
                     word);
}

/* ---- what is said ---------------------------------------------------------------- */

static const char *kind_title(const char *kind)
{
    static const struct {
        const char *kind, *title;
    } titles[] = {
        {"oms",       "OpenSSF Model Signing"    },
        { "sigstore", "Sigstore bundle"          },
        { "in-toto",  "in-toto statement"        },
        { "slsa",     "SLSA provenance"          },
        { "vsa",      "SLSA verification summary"},
        { "minisign", "minisign"                 },
        { "cosign",   "cosign signature"         },
        { "gpg",      "OpenPGP signature"        },
    };
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (strcmp(kind, titles[i].kind) == 0)
            return titles[i].title;
    return "signature";
}

static void say_to(FILE *out, const char *before, struct span text)
{
    struct buffer line;
    buffer_init(&line, 64 << 10);
    escape_terminal(&line, text);
    (void)fprintf(out, "%s%s\n", before, line.text ? line.text : "");
    buffer_free(&line);
}

static void say(const char *before, struct span text)
{
    say_to(stdout, before, text);
}

static void say_files(const struct signed_files *files)
{
    uint64_t shown = 0, hidden = 0;
    for (const struct signed_file *f = files->first; f; f = f->next) {
        char before[32];
        if (f->status == SIGNED_SAME)
            continue;
        if (shown++ >= FILES_SHOWN) {
            hidden++;
            continue;
        }
        (void)snprintf(before, sizeof before, "  %-11s", signed_status_name(f->status));
        say(before, f->path);
    }
    if (hidden)
        (void)printf("  … and %llu more; -o json lists all\n",
                     (unsigned long long)hidden);
}

static void write_text(const struct verify_report *r)
{
    const struct signature *s = &r->signature;
    bool fine = s->state == SIGNATURE_VERIFIED;
    (void)printf("%s%s: %s%s%s\n", fine ? "Verification succeeded: " : "",
                 signature_state_name(s->state), kind_title(s->kind),
                 r->material[0] ? ", " : "", r->material);
    if (s->reason.len)
        say("  because    ", s->reason);
    if (s->check.len)
        say("  check      ", s->check);
    if (s->identity.len)
        say(fine ? "  signer     " : "  signed by  ", s->identity);
    if (s->issuer.len)
        say("  issuer     ", s->issuer);
    if (s->builder.len)
        say("  builder    ", s->builder);
    if (s->time.len)
        say("  time       ", s->time);
    if (s->covers.len)
        say("  covers     ", s->covers);
    if (r->legacy)
        (void)puts("  legacy     signed by model_signing 0.2; sign it anew");
    if (r->has_files)
        say_files(&r->files);
}

static void write_files(struct json_out *j, const struct signed_files *files)
{
    json_out_list(j, "files");
    for (const struct signed_file *f = files->first; f; f = f->next) {
        json_out_object(j, NULL);
        json_out_bytes(j, "path", f->path);
        json_out_text(j, "status", signed_status_name(f->status));
        if (f->note.len)
            json_out_bytes(j, "note", f->note);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

static void write_json(const struct verify_report *r, const char *target, int code)
{
    struct json_out j = json_out_to(stdout);
    const struct signature *s = &r->signature;
    json_out_object(&j, NULL);
    json_out_text(&j, "schema", "assay-verify/1");
    json_out_bytes(&j, "target", span_of_text(target));
    json_out_bytes(&j, "signature", s->path);
    json_out_text(&j, "kind", s->kind);
    json_out_text(&j, "method", r->material[0] ? r->material : NULL);
    json_out_text(&j, "state", signature_state_name(s->state));
    json_out_bytes(&j, "check", s->check);
    json_out_bytes(&j, "reason", s->reason);
    json_out_bytes(&j, "identity", s->identity);
    json_out_bytes(&j, "issuer", s->issuer);
    json_out_bytes(&j, "builder", s->builder);
    json_out_bytes(&j, "time", s->time);
    json_out_bytes(&j, "covers", s->covers);
    json_out_bool(&j, "legacy", r->legacy);
    write_files(&j, &r->files);
    json_out_uint(&j, "exit_code", (uint64_t)code);
    json_out_end_object(&j);
    json_out_finish(&j);
}

static int code_of(enum signature_state state)
{
    return state == SIGNATURE_VERIFIED      ? EXIT_PASS
           : state == SIGNATURE_UNSUPPORTED ? EXIT_INCOMPLETE
                                            : EXIT_VIOLATED;
}

/* ---- running --------------------------------------------------------------------- */

static bool is_image(const char *target)
{
    return strncmp(target, "oci://", strlen("oci://")) == 0;
}

static bool is_digest(const char *target)
{
    return strncmp(target, "sha256:", strlen("sha256:")) == 0;
}

static int failed(const struct error *error)
{
    int code = complain(error);
    return error->code == ERROR_WORKER ? EXIT_INCOMPLETE : code;
}

/* What asking the registry of an image takes. */
struct asking_images {
    struct registries *registries;
    struct remote_options remote;
    struct source_options source;
};

static bool prepare_asking(const struct arguments *a, const char *target,
                           const struct installation *i, struct asking_images *ret,
                           struct error *error)
{
    *ret = (struct asking_images){ 0 };
    if (!is_image(target))
        return true;
    ret->registries = directories_load_registries(i, NULL, error);
    ret->source.remote = &ret->remote;
    return ret->registries &&
           network_options(&a->network, ret->registries, &ret->remote, error);
}

static int tell(const struct arguments *a, const struct verify_report *r,
                const char *target)
{
    int code = code_of(r->signature.state);
    if (a->json) {
        write_json(r, target, code);
        return code;
    }
    write_text(r);
    (void)fflush(stdout);
    if (code != EXIT_PASS) /* where, and how, model_signing says so */
        say_to(stderr, "Verification failed with error: ", r->signature.reason);
    return code;
}

static int verify(struct arguments *a, const char *target)
{
    struct installation installation;
    struct asking_images images = { 0 };
    struct signers signers = { 0 };
    struct verify_report report;
    struct error error = { 0 };
    if (!is_image(target) && !is_digest(target) && !target_is_local(target, &error))
        return complain(&error);
    if (!installation_find(&installation, &error) ||
        !signer_arguments_load(&a->signers, &installation, &signers, &error))
        return failed(&error);
    bool ready = prepare_asking(a, target, &installation, &images, &error);
    a->model.options.ignore = a->model.ignore.items;
    const struct verify_request r = {
        .target = target,
        .source = is_image(target) ? &images.source : NULL,
        .signature = a->signature,
        .certificate = a->certificate,
        .entry = a->entry,
        .method = a->method,
        .signers = &signers,
        .worker = {.program = installation.worker,
                   .data_dir = installation.data_dir,
                   .sandbox = a->sandbox,
                   .budget = budget_default()},
        .files = a->model.options,
        .now = (int64_t)time(NULL),
    };
    int code;
    if (ready && verify_target(&r, &report, &error)) {
        code = tell(a, &report, target);
        verify_report_free(&report);
    } else {
        code = failed(&error);
    }
    signers_free(&signers);
    registries_free(images.registries);
    if (fflush(stdout) != 0 && code == EXIT_PASS)
        code = EXIT_INCOMPLETE;
    return code;
}

int command_verify(int argc, char **argv)
{
    struct arguments a = { .sandbox = SANDBOX_AUTO };
    struct error error = { 0 };
    model_arguments_init(&a.model);
    dash_options(argc, argv);
    for (int c; (c = getopt_long(argc, argv, "j:o:h", options, NULL)) != -1;)
        if (!take(&a, c, optarg, &error)) {
            if (error.code != ERROR_NONE)
                return complain(&error);
            (void)fputs(usage, stderr); /* getopt has said what is wrong */
            return EXIT_USAGE;
        }
    if (a.help) {
        (void)fputs(usage, stdout);
        return EXIT_PASS;
    }
    if (argc - optind < 1 || argc - optind > 2) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (argc - optind == 2 && !take_method(&a, argv[optind], &error))
        return complain(&error);
    return verify(&a, argv[argc - 1]);
}
