/* assay lock: record what targets hold now, so that a later scan is held to it. */
#include "cli/command.h"
#include "cli/directories.h"
#include "cli/network.h"
#include "cli/options.h"
#include "cli/signer_options.h"
#include "engine/locks.h"
#include "integrity/lockfile.h"
#include "policy/policy.h"
#include "reports/json/out.h"
#include "reports/report.h"

#include <getopt.h>

enum { EXCLUDES_MAX = 64 };

static const char usage[] =
    "Usage: assay lock TARGET... [--origin REF] [WHOM] [-o FILE]\n\n"
    "Hash every file of the targets and record paths, sizes and sha256; `assay scan\n"
    "--lockfile FILE` then fails on anything that differs, is missing or was added.  A\n"
    "target may be a reference (hf:org/model): its files are downloaded and verified, "
    "and\n"
    "its revision is recorded.\n\n"
    "  -o, --output FILE     write to FILE, whole or not at all [standard output]\n"
    "      --origin REF      where they come from, e.g. hf:org/model@commit\n"
    "      --exclude GLOB    leave out names (or, with a '/', paths) that match; "
    "repeatable\n"
    "      WHOM              record who signed each target; it must be one of these:\n"
    "                        --public-key FILE, --certificate-chain FILE, --identity ID\n"
    "                        --identity-provider URL, --keyring FILE; their other "
    "names,\n"
    "                        --trusted-root FILE, --use-staging and --builder-id ID "
    "as\n"
    "                        for verify\n"
    "      --registries DIR  further registry files, overriding the installed "
    "ones\n" NETWORK_USAGE "      --sandbox MODE    strict, auto or off [auto]\n"
    "  -h, --help            this text\n";

struct arguments {
    const char *output, *origin, *registries;
    const char *exclude[EXCLUDES_MAX + 1];
    size_t exclude_count;
    struct signer_arguments signers;
    struct network_arguments network;
    enum sandbox sandbox;
};

/* ---- writing ------------------------------------------------------------------- */

static int compare_models(const void *a, const void *b)
{
    const struct model *const *left = a, *const *right = b;
    return span_compare(lockfile_target_name((*left)->target),
                        lockfile_target_name((*right)->target));
}

/* Those that signed and are accepted, with the key where that is who they are. */
static void write_signers(struct json_out *j, const struct model *m,
                          const struct signers *signers)
{
    if (!signers)
        return;
    json_out_list(j, "signers");
    for (const struct signature *s = m->signatures; s; s = s->next) {
        if (s->state != SIGNATURE_VERIFIED)
            continue;
        struct span key = signers_key_text(signers, m->arena, s->identity);
        json_out_object(j, NULL);
        json_out_bytes(j, "identity", s->identity);
        if (s->issuer.len)
            json_out_bytes(j, "issuer", s->issuer);
        if (key.len)
            json_out_bytes(j, "key", key);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

static void write_target(struct json_out *j, const struct model *m,
                         const struct signers *signers)
{
    json_out_object(j, NULL);
    json_out_bytes(j, "target", lockfile_target_name(m->target));
    if (m->origin.basis == BASIS_NONE) {
        json_out_text(j, "origin", NULL);
    } else {
        json_out_object(j, "origin");
        json_out_bytes(j, "reference", m->origin.evidence);
        json_out_text(j, "registry", m->origin.registry);
        json_out_bytes(j, "name", m->origin.name);
        json_out_bytes(j, "revision", m->origin.revision);
        json_out_end_object(j);
    }
    write_signers(j, m, signers);
    json_out_list(j, "files");
    for (const struct file *f = m->files; f; f = f->next) {
        json_out_object(j, NULL);
        json_out_bytes(j, "path", f->artifact->name);
        json_out_uint(j, "size", f->artifact->size);
        json_out_bytes(j, "sha256", f->sha256);
        json_out_end_object(j);
    }
    json_out_end_list(j);
    json_out_end_object(j);
}

struct record {
    const struct result *result;
    const struct signers *signers; /* NULL: nobody asked who signed */
};

static bool write_lockfile(FILE *out, const void *self)
{
    const struct record *record = self;
    struct json_out j = json_out_to(out);
    size_t count = 0, i = 0;
    for (const struct model *m = record->result->models; m; m = m->next)
        count++;
    const struct model **models = calloc(count + 1, sizeof *models);
    if (!models)
        return false;
    for (const struct model *m = record->result->models; m; m = m->next)
        models[i++] = m;
    qsort(models, count, sizeof *models, compare_models);
    json_out_object(&j, NULL);
    json_out_text(&j, "schema", LOCKFILE_SCHEMA);
    json_out_list(&j, "targets");
    for (i = 0; i < count; i++)
        write_target(&j, models[i], record->signers);
    json_out_end_list(&j);
    json_out_end_object(&j);
    json_out_finish(&j);
    free(models);
    return true;
}

/* Asked for and not there: nothing is recorded. */
static bool all_signed(const struct result *r, struct error *error)
{
    for (const struct model *m = r->models; m; m = m->next) {
        const struct signature *s = m->signatures;
        while (s && s->state != SIGNATURE_VERIFIED)
            s = s->next;
        if (!s)
            return error_set(error, ERROR_CONFIG,
                             "%.*s: nobody of those who were named has signed it",
                             (int)m->target.len, (const char *)m->target.ptr);
    }
    return true;
}

/* ---- the command line ------------------------------------------------------------ */

enum { LOCK_ORIGIN = 256, LOCK_EXCLUDE, LOCK_REGISTRIES, LOCK_SANDBOX };

static const struct option options[] = {
    {"output",      required_argument, NULL, 'o'            },
    { "origin",     required_argument, NULL, LOCK_ORIGIN    },
    { "exclude",    required_argument, NULL, LOCK_EXCLUDE   },
    { "registries", required_argument, NULL, LOCK_REGISTRIES},
    { "sandbox",    required_argument, NULL, LOCK_SANDBOX   },
    { "help",       no_argument,       NULL, 'h'            },
    SIGNER_OPTIONS,
    NETWORK_GETOPT,
    { NULL,         0,                 NULL, 0              }
};

static bool take(struct arguments *a, int option, const char *value, struct error *error)
{
    switch (option) {
    case 'o':
        a->output = value;
        return true;
    case LOCK_ORIGIN:
        a->origin = value;
        return true;
    case LOCK_REGISTRIES:
        a->registries = value;
        return true;
    case LOCK_EXCLUDE:
        if (a->exclude_count == EXCLUDES_MAX)
            return error_set(error, ERROR_USAGE, "more than %d --exclude", EXCLUDES_MAX);
        a->exclude[a->exclude_count++] = value;
        return true;
    case LOCK_SANDBOX:
        return options_sandbox(value, &a->sandbox, error);
    default:
        if (option >= NETWORK_FIRST && option < SIGNER_KEY)
            return network_apply((enum network_option)option, value, &a->network, error);
        return signer_arguments_take(&a->signers, (enum signer_option)option, value,
                                     error);
    }
}

/* -1 to go on, else the exit code. */
static int read_arguments(int argc, char **argv, struct arguments *a)
{
    struct error error = { 0 };
    for (int c; (c = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        if (c == 'h') {
            (void)fputs(usage, stdout);
            return EXIT_PASS;
        }
        if (c == '?' || c == ':') {
            (void)fputs(usage, stderr); /* getopt has said what is wrong */
            return EXIT_USAGE;
        }
        if (!take(a, c, optarg, &error))
            return complain(&error);
    }
    if (optind < argc)
        return -1;
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
}

static bool wants_signers(const struct signer_arguments *g)
{
    return g->keys.count || g->chains.count || g->identities.count ||
           g->providers.count || g->keyring || g->builder || g->trusted_root ||
           g->staging;
}

static bool targets_differ(const char *const *targets, struct error *error)
{
    for (size_t i = 0; targets[i]; i++)
        for (size_t k = 0; k < i; k++)
            if (span_compare(lockfile_target_name(span_of_text(targets[i])),
                             lockfile_target_name(span_of_text(targets[k]))) == 0)
                return error_set(error, ERROR_USAGE, "%s is named twice", targets[i]);
    return true;
}

/* What the command borrows. */
struct setup {
    struct installation installation;
    struct registries *registries;
    struct reference origin;
    struct signers signers;
    bool has_signers;
    struct remote_options remote;
    bool fetches; /* a target is a reference: remote is set */
};

/* The table tells references from paths. */
static bool prepare_targets(const struct arguments *a, const char *const *targets,
                            struct setup *s, struct error *error)
{
    const char *extra[] = { a->registries, NULL };
    s->registries = directories_load_registries(&s->installation, extra, error);
    if (!s->registries)
        return false;
    for (size_t i = 0; targets[i] && !s->fetches; i++)
        s->fetches = remote_is_reference(s->registries, targets[i]);
    if (s->fetches && a->origin)
        return error_set(error, ERROR_USAGE,
                         "--origin is for files of this machine; a reference is its own "
                         "origin");
    return !s->fetches || network_options(&a->network, s->registries, &s->remote, error);
}

/* Resolve the reference and read the keys before any byte is hashed. */
static bool prepare(const struct arguments *a, const char *const *targets,
                    struct setup *s, struct error *error)
{
    s->has_signers = wants_signers(&a->signers);
    if (!installation_find(&s->installation, error) ||
        !prepare_targets(a, targets, s, error))
        return false;
    if (s->has_signers &&
        !signer_arguments_load(&a->signers, &s->installation, &s->signers, error)) {
        s->has_signers = false;
        return false;
    }
    if (s->has_signers && !signers_any(&s->signers))
        return error_set(error, ERROR_USAGE,
                         "a trusted root or a builder alone names nobody");
    return !a->origin || registries_resolve(s->registries, a->origin, &s->origin, error);
}

static int lock(const struct arguments *a, const char *const *targets, struct setup *s)
{
    struct error error = { 0 };
    struct result *r = NULL;
    bool ok = targets_differ(targets, &error) && prepare(a, targets, s, &error);
    const struct lock_options o = {
        .targets = targets,
        .source = {.exclude = a->exclude, .remote = &s->remote},
        .origin = a->origin ? &s->origin : NULL,
        .origin_text = a->origin,
        .output = a->output,
        .signers = s->has_signers ? &s->signers : NULL,
        .worker = { .program = s->installation.worker,
                   .data_dir = s->installation.data_dir,
                   .sandbox = a->sandbox,
                   .budget = budget_default() },
    };
    ok = ok && (r = locks_record(&o, &error)) != NULL;
    const struct record record = { r, o.signers };
    int code = EXIT_PASS;
    if (ok && s->has_signers && !all_signed(r, &error)) {
        (void)complain(&error);
        code = EXIT_VIOLATED;
    } else if (!ok || !report_write_by("lockfile", write_lockfile, &record, stdout,
                                       a->output, &error)) {
        code = complain(&error);
    }
    result_free(r);
    return code;
}

int command_lock(int argc, char **argv)
{
    struct arguments a = { .sandbox = SANDBOX_AUTO };
    struct setup s = { .has_signers = false };
    int code = read_arguments(argc, argv, &a);
    if (code >= 0)
        return code;
    code = lock(&a, (const char *const *)argv + optind, &s);
    if (s.has_signers)
        signers_free(&s.signers);
    if (s.registries && s.origin.registry)
        reference_free(&s.origin);
    registries_free(s.registries);
    return code;
}
