#include "cli/command.h"
#include "cli/directories.h"
#include "cli/progress.h"
#include "cli/scanning.h"
#include "policy/baseline.h"
#include "reports/escape.h"
#include "sources/deliver.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

enum { TARGETS_FILE_MAX = 64 << 20, WARNINGS_SHOWN = 20 };

/* Everything a scan borrows, to be given back at one place. */
struct scan_setup {
    struct installation installation;
    struct registries *registries;
    struct reference origin;
    bool has_origin;
    struct lockfile *lockfile;
    struct policy *policy;
    struct signers signers; /* when the command line names any */
    bool has_signers;
    char trusted_root[sizeof(((struct installation *)0)->data_dir) + 64];
    struct remote_options remote;
    bool fetches;         /* a target is a reference: remote is set */
    int keep;             /* directory of --keep; -1: none */
    char *list;           /* the text of --files-from, cut into lines */
    const char **targets; /* NULL-terminated */
};

static const char *environment(const char *name)
{
    return getenv(name);
}

static void setup_free(struct scan_setup *s)
{
    if (s->has_origin)
        reference_free(&s->origin);
    if (s->has_signers)
        signers_free(&s->signers);
    lockfile_free(s->lockfile);
    policy_free(s->policy);
    registries_free(s->registries);
    if (s->keep >= 0)
        (void)close(s->keep);
    free(s->list);
    free(s->targets);
}

/* ---- targets ------------------------------------------------------------- */

static bool read_list(const char *path, char **ret_text, struct error *error)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    struct buffer text;
    char piece[4096];
    size_t n;
    if (!in)
        return error_errno(error, ERROR_USAGE, "--files-from: %s", path);
    buffer_init(&text, TARGETS_FILE_MAX);
    while ((n = fread(piece, 1, sizeof piece, in)) > 0)
        buffer_add(&text, span_of(piece, n));
    bool ok = !ferror(in) && !text.truncated;
    if (in != stdin)
        fclose(in);
    if (ok && text.len && memchr(text.text, '\0', text.len))
        ok = false;
    if (!ok) {
        buffer_free(&text);
        return error_set(error, ERROR_USAGE,
                         "--files-from: %s cannot be read, is larger than %d bytes, or "
                         "holds a NUL byte",
                         path, TARGETS_FILE_MAX);
    }
    *ret_text = text.text ? text.text : calloc(1, 1);
    return *ret_text != NULL || error_set(error, ERROR_MEMORY, "out of memory");
}

static bool collect_targets(const struct scan_arguments *a, struct scan_setup *s,
                            struct error *error)
{
    size_t lines = 0, n = 0;
    if (a->files_from && !read_list(a->files_from, &s->list, error))
        return false;
    for (const char *c = s->list; c && *c; c++)
        lines += *c == '\n';
    s->targets = calloc((size_t)a->target_count + lines + 2, sizeof *s->targets);
    if (!s->targets)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (int i = 0; i < a->target_count; i++)
        s->targets[n++] = a->targets[i];
    for (char *line = s->list; line && *line;) {
        char *end = strchrnul(line, '\n');
        bool last = *end == '\0';
        *end = '\0';
        if (*line)
            s->targets[n++] = line;
        line = last ? NULL : end + 1;
    }
    if (n == 0)
        return error_set(error, ERROR_USAGE,
                         "nothing to scan: name a file or a directory");
    return true;
}

/* "ssh://x", "git@host:x/y": an address, though of nothing that is read. */
static bool looks_like_address(const char *target)
{
    const char *colon = strchr(target, ':'), *at = strchr(target, '@');
    const char *slash = strchr(target, '/');
    return colon && (strncmp(colon, "://", 3) == 0 ||
                     (at && at < colon && at > target && (!slash || colon < slash)));
}

/* A path unless it has an explicit scheme; and what is no path may be a mistake. */
static bool check_target(const char *target, const struct registries *registries,
                         struct error *error)
{
    if (remote_is_reference(registries, target) || access(target, F_OK) == 0 ||
        errno != ENOENT)
        return true;
    if (looks_like_address(target))
        return error_set(error, ERROR_NOT_FOUND,
                         "%s: no file, and no address that is read here; git is read "
                         "over https, as git+https://HOST/REPOSITORY",
                         target);
    const char *slash = strchr(target, '/');
    if (slash && slash != target && slash[1] && !strchr(slash + 1, '/') &&
        target[0] != '.')
        return error_set(error, ERROR_NOT_FOUND,
                         "%s: no such file or directory (a Hugging Face model is written "
                         "hf:%s)",
                         target, target);
    return error_set(error, ERROR_NOT_FOUND, "%s: no such file or directory", target);
}

/* Only a reference needs a place for downloads. */
static bool open_network(const struct scan_arguments *a, struct scan_setup *s,
                         struct error *error)
{
    for (size_t i = 0; s->targets[i] && !s->fetches; i++)
        s->fetches = remote_is_reference(s->registries, s->targets[i]);
    return !s->fetches || network_options(&a->network, s->registries, &s->remote, error);
}

/* Files of two models would overwrite each other. */
static bool open_keep(const struct scan_arguments *a, struct scan_setup *s,
                      struct error *error)
{
    if (!a->keep)
        return true;
    if (!s->targets[0] || s->targets[1] ||
        !remote_is_reference(s->registries, s->targets[0]))
        return error_set(error, ERROR_USAGE,
                         "--keep is for a scan of one reference and nothing else");
    s->keep = deliver_directory(a->keep, error);
    return s->keep >= 0;
}

/* ---- policy --------------------------------------------------------------- */

static bool use_baseline(const char *path, struct scan_setup *s, struct error *error)
{
    struct baseline *b = NULL;
    if (!policy_is_outside(path, "baseline", s->targets, error) ||
        !(b = baseline_read(path, error)))
        return false;
    policy_use_baseline(s->policy, b);
    return true;
}

static bool load_policy(const struct scan_arguments *a, struct scan_setup *s,
                        struct error *error)
{
    const struct policy_reading how = { s->registries, (int64_t)(time(NULL) / 86400) };
    if (a->policy && !policy_is_outside(a->policy, "policy", s->targets, error))
        return false;
    s->policy = a->policy ? policy_read(a->policy, &how, NULL, error)
                          : policy_gate(a->gate, &how, error);
    for (size_t i = 0; s->policy && i < a->change_count; i++)
        if (!policy_set(s->policy, a->changes[i].key, a->changes[i].option,
                        a->changes[i].value, error))
            return false;
    return s->policy && (!a->baseline || use_baseline(a->baseline, s, error));
}

/* What an operator should look at in the policy, whatever the verdict. */
static void warn(const struct result *r)
{
    size_t more = 0;
    for (const struct reason *w = r->warnings; w; w = w->next) {
        struct buffer line;
        if (w != r->warnings && ++more >= WARNINGS_SHOWN)
            continue;
        buffer_init(&line, 4096);
        escape_terminal(&line, w->text);
        fprintf(stderr, "assay: warning: %s\n", line.text ? line.text : "");
        buffer_free(&line);
    }
    if (more >= WARNINGS_SHOWN)
        fprintf(stderr, "assay: warning: %zu more; the JSON report has all\n",
                more - WARNINGS_SHOWN + 1);
}

/* ---- running ------------------------------------------------------------- */

/* Only a scan that needs them pays for reading keys and roots. */
static bool load_signers(const struct scan_arguments *a, struct scan_setup *s,
                         struct error *error)
{
    const struct signer_arguments *g = &a->signers;
    signer_arguments_root(g, &s->installation, s->trusted_root, sizeof s->trusted_root);
    if (!g->keys.count && !g->chains.count && !g->identities.count &&
        !g->providers.count && !g->keyring && !g->trusted_root && !g->builder)
        return true;
    s->has_signers = signer_arguments_load(g, &s->installation, &s->signers, error);
    return s->has_signers;
}

static bool prepare(const struct scan_arguments *a, struct scan_setup *s,
                    struct error *error)
{
    if (!collect_targets(a, s, error) || !installation_find(&s->installation, error))
        return false;
    s->registries = directories_load_registries(&s->installation, a->registries, error);
    if (!s->registries || !load_policy(a, s, error))
        return false;
    if (a->origin) {
        if (!registries_resolve(s->registries, a->origin, &s->origin, error))
            return false;
        s->has_origin = true;
    }
    if (a->lockfile) {
        s->lockfile = lockfile_read(a->lockfile, s->registries, error);
        if (!s->lockfile)
            return false;
    }
    if (!load_signers(a, s, error) || !open_network(a, s, error))
        return false;
    for (size_t i = 0; s->targets[i]; i++)
        if (!check_target(s->targets[i], s->registries, error))
            return false;
    return open_keep(a, s, error);
}

static struct result *run(const struct scan_arguments *a, const struct scan_setup *s,
                          struct error *error)
{
    struct progress progress;
    struct scan_options o = {
        .targets = s->targets,
        .source = {.exclude = a->exclude, .remote = s->fetches ? &s->remote : NULL},
        .keep = s->keep,
        .worker = { .program = s->installation.worker,
                   .data_dir = s->installation.data_dir,
                   .pickle_rules = a->pickle_rules,
                   .yara_pack = s->installation.yara_pack,
                   .yara_rules = a->yara_rules,
                   .sandbox = a->sandbox,
                   .budget = a->budget,
                   .deep = a->deep },
        .registries = s->registries,
        .environment = environment,
        .origin = s->has_origin ? &s->origin : NULL,
        .origin_text = a->origin,
        .lockfile = s->lockfile,
        .signers = s->has_signers ? &s->signers : NULL,
        .trusted_root = s->trusted_root,
        .ignore_unsigned = a->ignore_unsigned,
        .accept_declared = policy_accepts_declared(s->policy),
        .one_model = a->one_model,
        .jobs = a->jobs,
        .policy = s->policy,
        .progress = progress_update,
        .progress_self = &progress,
    };
    progress_start(&progress, !a->quiet && isatty(STDERR_FILENO));
    struct result *r = scan(&o, error);
    progress_end(&progress);
    return r;
}

const char *take_option(int *argc, char **argv, char letter, const char *name)
{
    const char short_form[] = { '-', letter, '\0' };
    size_t n = strlen(name);
    for (int i = 1; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        bool apart =
            strcmp(argv[i], name) == 0 || (letter && strcmp(argv[i], short_form) == 0);
        bool joined = strncmp(argv[i], name, n) == 0 && argv[i][n] == '=';
        if ((!apart && !joined) || (apart && i + 1 == *argc))
            continue;
        const char *value = joined ? argv[i] + n + 1 : argv[i + 1];
        int taken = joined ? 1 : 2;
        for (int k = i; k + taken <= *argc; k++)
            argv[k] = argv[k + taken]; /* with the NULL at the end */
        *argc -= taken;
        return value;
    }
    return NULL;
}

int targets_scanned(const struct result *r)
{
    for (const struct scan_error *e = r->errors; e; e = e->next) {
        struct error error;
        (void)error_set(&error, e->code, "%.*s: %.*s", (int)e->target.len,
                        (const char *)e->target.ptr, (int)e->message.len,
                        (const char *)e->message.ptr);
        (void)complain(&error);
    }
    return r->errors ? EXIT_INCOMPLETE : EXIT_PASS;
}

int scan_with(const struct scan_arguments *a, scanned *then, void *self)
{
    struct scan_setup s = { .keep = -1 };
    struct error error = { 0 };
    struct result *r = NULL;
    if (prepare(a, &s, &error))
        r = run(a, &s, &error);
    int code = r ? then(self, a, s.policy, r) : complain(&error);
    result_free(r);
    setup_free(&s);
    return code;
}

static int report(void *self, const struct scan_arguments *a, const struct policy *p,
                  const struct result *r)
{
    (void)p;
    warn(r);
    return outputs_write(&a->outputs, r, self);
}

int command_scan(int argc, char **argv)
{
    struct scan_arguments a;
    struct report_options o = { 0 };
    struct error error = { 0 };
    if (!options_parse(argc, argv, &a, &error))
        return complain(&error);
    if (a.help) {
        options_help(stdout);
        return EXIT_PASS;
    }
    if (!outputs_options(&a.outputs, &o, &error))
        return complain(&error);
    o.min_severity = a.min_severity;
    int code = scan_with(&a, report, &o);
    outputs_free(&a.outputs);
    return code;
}
