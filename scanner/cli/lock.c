/* assay lock: record what targets hold now, so that a later scan is held to it. */
#include "cli/command.h"
#include "cli/directories.h"
#include "cli/network.h"
#include "engine/locks.h"
#include "integrity/lockfile.h"
#include "policy/policy.h"
#include "reports/json_out.h"
#include "reports/report.h"

#include <getopt.h>

enum { EXCLUDES_MAX = 64 };

static const char usage[] =
    "Usage: assay lock TARGET... [--origin REF] [-o FILE]\n\n"
    "Hash every file of the targets and record paths, sizes and sha256; `assay scan\n"
    "--lockfile FILE` then fails on anything that differs, is missing or was added.  A\n"
    "target may be a reference (hf:org/model): its files are downloaded and verified, "
    "and\n"
    "its revision is recorded.\n\n"
    "  -o, --output FILE     write to FILE, whole or not at all [standard output]\n"
    "      --origin REF      where they come from, e.g. hf:org/model@commit\n"
    "      --exclude GLOB    leave out names (or, with a '/', paths) that match; "
    "repeatable\n"
    "      --registries DIR  further registry files, overriding the installed "
    "ones\n" NETWORK_USAGE "  -h, --help            this text\n";

struct arguments {
    const char *output, *origin, *registries;
    struct network_arguments network;
    const char *exclude[EXCLUDES_MAX + 1];
    size_t exclude_count;
};

/* ---- writing ------------------------------------------------------------------- */

static int compare_models(const void *a, const void *b)
{
    const struct model *const *left = a, *const *right = b;
    return span_compare(lockfile_target_name((*left)->target),
                        lockfile_target_name((*right)->target));
}

static void write_target(struct json_out *j, const struct model *m)
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

static bool write_lockfile(FILE *out, const struct result *r,
                           const struct report_options *o)
{
    struct json_out j = json_out_to(out);
    size_t count = 0, i = 0;
    (void)o;
    for (const struct model *m = r->models; m; m = m->next)
        count++;
    const struct model **models = calloc(count + 1, sizeof *models);
    if (!models)
        return false;
    for (const struct model *m = r->models; m; m = m->next)
        models[i++] = m;
    qsort(models, count, sizeof *models, compare_models);
    json_out_object(&j, NULL);
    json_out_text(&j, "schema", LOCKFILE_SCHEMA);
    json_out_list(&j, "targets");
    for (i = 0; i < count; i++)
        write_target(&j, models[i]);
    json_out_end_list(&j);
    json_out_end_object(&j);
    json_out_finish(&j);
    free(models);
    return true;
}

static const struct report_writer writer = { "lockfile", "lockfile", write_lockfile };

/* ---- the command line ------------------------------------------------------------ */

/* -1 to go on, else the exit code. */
static int read_arguments(int argc, char **argv, struct arguments *a, struct error *error)
{
    enum { ORIGIN = 256, EXCLUDE, REGISTRIES };
    static const struct option options[] = {
        {"output",           required_argument, NULL, 'o' },
        { "origin",              required_argument, NULL, ORIGIN },
        { "exclude",                 required_argument, NULL, EXCLUDE },
        { "registries",required_argument, NULL, REGISTRIES },
        NETWORK_GETOPT,
        { "help",            no_argument, NULL, 'h' },
        { 0        }
    };
    for (int c; (c = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        if (c == 'h') {
            (void)fputs(usage, stdout);
            return EXIT_PASS;
        } else if (c == 'o') {
            a->output = optarg;
        } else if (c == ORIGIN) {
            a->origin = optarg;
        } else if (c == REGISTRIES) {
            a->registries = optarg;
        } else if (c == EXCLUDE && a->exclude_count < EXCLUDES_MAX) {
            a->exclude[a->exclude_count++] = optarg;
        } else if (c >= NETWORK_FIRST) {
            if (!network_apply((enum network_option)c, optarg, &a->network, error))
                return complain(error);
        } else {
            (void)fputs(usage, stderr); /* getopt has said what is wrong */
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return -1;
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
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

/* What a lock borrows, to be given back at one place. */
struct setup {
    struct registries *registries;
    struct reference origin;
    struct remote_options remote;
    bool fetches; /* a target is a reference: remote is set */
};

/* Resolve what is named before any byte is hashed. */
static bool prepare(const struct arguments *a, const char *const *targets,
                    struct setup *s, struct error *error)
{
    struct installation installation;
    const char *extra[] = { a->registries, NULL };
    if (!targets_differ(targets, error) || !installation_find(&installation, error))
        return false;
    s->registries = directories_load_registries(&installation, extra, error);
    if (!s->registries)
        return false;
    for (size_t i = 0; targets[i] && !s->fetches; i++)
        s->fetches = remote_is_reference(s->registries, targets[i]);
    if (s->fetches && a->origin)
        return error_set(error, ERROR_USAGE,
                         "--origin is for files of this machine; a reference is its own "
                         "origin");
    if (s->fetches && !network_options(&a->network, s->registries, &s->remote, error))
        return false;
    return !a->origin || registries_resolve(s->registries, a->origin, &s->origin, error);
}

int command_lock(int argc, char **argv)
{
    struct arguments a = { 0 };
    struct setup s = { 0 };
    struct error error = { 0 };
    struct result *r = NULL;
    struct report_options plain = { 0 };
    int code = read_arguments(argc, argv, &a, &error);
    if (code >= 0)
        return code;
    const struct lock_options o = {
        .targets = (const char *const *)argv + optind,
        .source = {.exclude = a.exclude, .remote = &s.remote},
        .origin = a.origin ? &s.origin : NULL,
        .origin_text = a.origin,
        .output = a.output,
    };
    bool ok = prepare(&a, o.targets, &s, &error) &&
              (r = locks_record(&o, &error)) != NULL &&
              report_write(&writer, r, &plain, stdout, a.output, &error);
    code = ok ? EXIT_PASS : complain(&error);
    result_free(r);
    reference_free(&s.origin);
    registries_free(s.registries);
    return code;
}
