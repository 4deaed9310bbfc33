/* assay doctor: what works on this machine, and what to do about what does not. */
#include "cli/directories.h"
#include "cli/options.h"
#include "formats/pickle/rules.h"
#include "integrity/gpg.h"
#include "integrity/sigstore/trust_root.h"
#include "net/http.h"
#include "reports/escape.h"
#include "reports/json/out.h"

#include <fts.h>
#include <getopt.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "Usage: assay doctor [--json] [--registries DIR]\n"
    "\n"
    "What works on this machine: the confined worker and its sandbox, rules, "
    "registries,\n"
    "the trusted root of keyless signatures, the cache and what is optional.\n"
    "\n"
    "      --json            JSON: {\"schema\", \"version\", \"ok\", \"checks\": "
    "[{\"name\", "
    "\"state\",\n"
    "                        \"detail\", \"advice\", …}]}\n"
    "      --registries DIR  further registry files, as in assay scan\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit codes: 0 a scan works (there may be warnings), 2 something that a scan needs\n"
    "does not, 4 usage\n";

enum state { STATE_OK, STATE_WARNING, STATE_FAILED };
static const char *const state_names[] = { "ok", "warning", "failed" };

enum { ROOT_DAYS_MAX = 730, CACHE_FILES_MAX = 1000000, SECONDS_A_DAY = 86400 };

/* One check: texts are ours, or hostile only as far as the operator's paths are. */
struct check {
    const char *name;
    enum state state;
    char detail[640];
    const char *advice;   /* NULL: nothing to do */
    const char *quantity; /* the key of `amount` in JSON; NULL: none */
    uint64_t amount;
};

struct doctor {
    struct installation installation;
    const char *const *registries;
    FILE *out;
    struct json_out *json; /* NULL: text */
    bool failed;
};

/* ---- what is printed ------------------------------------------------------------- */

static void put_text(const struct doctor *d, const struct check *c)
{
    struct buffer safe;
    buffer_init(&safe, 4096);
    escape_terminal(&safe, span_of_text(c->detail));
    fprintf(d->out, "%-8s %-14s %s\n", state_names[c->state], c->name,
            safe.text ? safe.text : "");
    if (c->advice && c->state != STATE_OK)
        fprintf(d->out, "%-8s %-14s %s\n", "", "", c->advice);
    buffer_free(&safe);
}

static void put_json(const struct doctor *d, const struct check *c)
{
    json_out_object(d->json, NULL);
    json_out_text(d->json, "name", c->name);
    json_out_text(d->json, "state", state_names[c->state]);
    json_out_bytes(d->json, "detail", span_of_text(c->detail));
    json_out_text(d->json, "advice", c->state == STATE_OK ? NULL : c->advice);
    if (c->quantity)
        json_out_uint(d->json, c->quantity, c->amount);
    json_out_end_object(d->json);
}

static void put(struct doctor *d, const struct check *c)
{
    d->failed |= c->state == STATE_FAILED;
    (d->json ? put_json : put_text)(d, c);
}

static void detail(struct check *c, enum state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void detail(struct check *c, enum state state, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(c->detail, sizeof c->detail, format, args);
    va_end(args);
    c->state = state;
}

/* ---- the worker, its sandbox and rules ------------------------------------------- */

static void check_sandbox(struct doctor *d, const struct worker *w)
{
    struct check c = { .name = "sandbox" };
    const char *how = worker_sandbox(w), *landlock = strstr(how, "landlock");
    detail(&c, landlock ? STATE_OK : STATE_WARNING, "%s", how);
    c.advice = "no Landlock (Linux 5.13, and in lsm=): seccomp alone confines";
    c.quantity = "landlock_abi";
    c.amount = landlock ? strtoull(landlock + strlen("landlock"), NULL, 10) : 0;
    put(d, &c);
}

static void check_byte_rules(struct doctor *d, const struct worker *w)
{
    struct check c = { .name = "byte rules", .quantity = "count" };
    c.amount = worker_byte_rules(w);
    detail(&c, c.amount ? STATE_OK : STATE_FAILED, "%zu YARA rules", (size_t)c.amount);
    c.advice = "install Assay again: its compiled rules are empty";
    put(d, &c);
}

static void check_worker(struct doctor *d)
{
    struct check c = { .name = "worker" };
    const struct worker_options o = { .program = d->installation.worker,
                                      .data_dir = d->installation.data_dir,
                                      .yara_pack = d->installation.yara_pack,
                                      .sandbox = SANDBOX_AUTO,
                                      .budget = budget_default() };
    struct error error;
    struct worker *w = worker_start(&o, &error);
    detail(&c, w ? STATE_OK : STATE_FAILED, "%s",
           w ? d->installation.worker : error.message);
    c.advice = "no scan works without it; docs/sandbox.md has the reasons";
    put(d, &c);
    if (w) {
        check_sandbox(d, w);
        check_byte_rules(d, w);
    }
    worker_stop(w);
}

static void check_pickle_rules(struct doctor *d)
{
    struct check c = { .name = "pickle rules", .quantity = "count" };
    struct error error;
    struct pickle_rules *r = pickle_rules_load(d->installation.data_dir, NULL, &error);
    c.amount = r ? pickle_rules_count(r) : 0;
    if (r)
        detail(&c, STATE_OK, "%zu known names of globals", (size_t)c.amount);
    else
        detail(&c, STATE_FAILED, "%s", error.message);
    pickle_rules_free(r);
    put(d, &c);
}

/* Assay needs none, but what people put around it does. */
static void check_namespaces(struct doctor *d)
{
    static const char *const limits[] = { "/proc/sys/user/max_user_namespaces",
                                          "/proc/sys/kernel/unprivileged_userns_clone" };
    struct check c = { .name = "namespaces" };
    bool forbidden = false;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        FILE *in = fopen(limits[i], "re");
        char line[32] = "";
        forbidden |= in && fgets(line, sizeof line, in) && strtol(line, NULL, 10) == 0;
        if (in)
            (void)fclose(in);
    }
    detail(&c, STATE_OK,
           "user namespaces are %s (Assay needs none; bwrap around it does)",
           forbidden ? "switched off" : "available");
    put(d, &c);
}

/* ---- registries and signatures --------------------------------------------------- */

static const char *environment(const char *name)
{
    return getenv(name);
}

static void check_registries(struct doctor *d)
{
    struct check c = { .name = "registries", .quantity = "count" };
    struct error error;
    size_t internal = 0, yours = 0;
    struct registries *r =
        directories_load_registries(&d->installation, d->registries, &error);
    c.amount = r ? registries_count(r) : 0;
    for (size_t i = 0; i < c.amount; i++) {
        const struct registry *row = registries_at(r, i);
        internal += row->trust == TRUST_INTERNAL;
        yours += row->trust == TRUST_INTERNAL &&
                 registry_trust(row, environment) == TRUST_INTERNAL;
    }
    if (r)
        detail(&c, STATE_OK,
               "%zu; of the %zu internal ones %zu with an endpoint of yours",
               (size_t)c.amount, internal, yours);
    else
        detail(&c, STATE_FAILED, "%s", error.message);
    c.advice = "assay registries check FILE tells all that is wrong with an entry";
    registries_free(r);
    put(d, &c);
}

static void check_trusted_root(struct doctor *d)
{
    struct check c = { .name = "trusted root",
                       .advice = "keyless signatures need a current one: --trusted-root "
                                 "FILE, or a newer Assay" };
    char path[sizeof d->installation.data_dir + 64];
    struct error error;
    struct crypto *crypto = crypto_new(&error);
    (void)snprintf(path, sizeof path, "%s/rules/sigstore/trusted_root.json",
                   d->installation.data_dir);
    struct trust_root *root = crypto ? trust_root_load(crypto, path, &error) : NULL;
    if (root) {
        int64_t days = ((int64_t)time(NULL) - root->newest) / SECONDS_A_DAY;
        c.quantity = "age_days";
        c.amount = days > 0 ? (uint64_t)days : 0;
        detail(&c, days > ROOT_DAYS_MAX ? STATE_WARNING : STATE_OK,
               "its newest key is %zu days old", (size_t)c.amount);
    } else {
        detail(&c, STATE_WARNING, "%s", error.message);
    }
    trust_root_free(root);
    crypto_free(crypto);
    put(d, &c);
}

static void check_gpgv(struct doctor *d)
{
    struct check c = { .name = "gpgv" };
    const char *program = gpg_program();
    detail(&c, program ? STATE_OK : STATE_WARNING, "%s", program ? program : "not there");
    c.advice = "OpenPGP signatures (--keyring) need it: install gpgv";
    put(d, &c);
}

static void check_network(struct doctor *d)
{
    struct check c = { .name = "network" };
    const struct http_options o = { 0 };
    struct error error;
    struct http *h = http_new(&o, &error);
    detail(&c, h ? STATE_OK : STATE_WARNING, "%s",
           h ? "libcurl is there; nothing is asked unless a target asks" : error.message);
    c.advice = "local files need no network; registries do: install libcurl4";
    http_free(h);
    put(d, &c);
}

/* ---- directories ----------------------------------------------------------------- */

/* Bytes of the files below, without following links; stops counting at the limit. */
static uint64_t size_below(const char *path)
{
    char copy[4096];
    char *const roots[] = { copy, NULL };
    uint64_t bytes = 0, files = 0;
    (void)snprintf(copy, sizeof copy, "%s", path);
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    for (FTSENT *e; walk && (e = fts_read(walk)) && files < CACHE_FILES_MAX;)
        if (e->fts_info == FTS_F) {
            bytes += (uint64_t)e->fts_statp->st_size;
            files++;
        }
    if (walk)
        (void)fts_close(walk);
    return bytes;
}

/* Can something be made at `path`, which need not be there yet? */
static bool can_be_made(const char *path)
{
    char at[4096];
    (void)snprintf(at, sizeof at, "%s", path);
    while (access(at, F_OK) != 0) {
        char *slash = strrchr(at, '/');
        if (!slash || slash == at)
            return access("/", W_OK) == 0;
        *slash = '\0';
    }
    return access(at, W_OK | X_OK) == 0;
}

static void check_cache(struct doctor *d)
{
    struct check c = { .name = "cache", .quantity = "bytes" };
    char path[3072];
    struct stat st;
    if (!directories_cache(path, sizeof path)) {
        detail(&c, STATE_WARNING, "neither XDG_CACHE_HOME nor HOME is set");
    } else {
        bool there = stat(path, &st) == 0;
        bool works = can_be_made(path) && (!there || S_ISDIR(st.st_mode));
        c.amount = there ? size_below(path) : 0;
        detail(&c, works ? STATE_OK : STATE_WARNING, "%.512s: %s, %llu bytes", path,
               !works  ? "cannot be written"
               : there ? "can be written"
                       : "not there yet",
               (unsigned long long)c.amount);
    }
    c.advice = "nothing is kept between scans without it: set XDG_CACHE_HOME";
    put(d, &c);
}

static void check_spool(struct doctor *d)
{
    static const char *const places[] = { "/var/tmp", "/tmp" };
    struct check c = { .name = "spool" };
    size_t i = 0;
    while (i < 2 && access(places[i], W_OK | X_OK) != 0)
        i++;
    detail(&c, i < 2 ? STATE_OK : STATE_WARNING, "%s",
           i < 2 ? places[i] : "neither /var/tmp nor /tmp can be written");
    c.advice = "members of large archives are then expanded in memory, as far as it goes";
    put(d, &c);
}

/* ---- the command ----------------------------------------------------------------- */

static void examine(struct doctor *d)
{
    static void (*const checks[])(struct doctor *) = {
        check_worker,       check_pickle_rules, check_registries,
        check_trusted_root, check_cache,        check_spool,
        check_network,      check_gpgv,         check_namespaces,
    };
    if (!d->json)
        fprintf(d->out, "assay %s, data in %s\n\n", ASSAY_VERSION,
                d->installation.data_dir);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        checks[i](d);
    if (!d->json)
        fprintf(d->out, "\n%s\n",
                d->failed ? "Something that a scan needs does not work."
                          : "Scans work on this machine.");
}

static int diagnose(bool json, const char *const *registries)
{
    struct json_out j = json_out_to(stdout);
    struct doctor d = { .registries = registries, .out = stdout };
    struct error error;
    if (!installation_find(&d.installation, &error)) {
        (void)complain(&error);
        return EXIT_INCOMPLETE;
    }
    if (json) {
        d.json = &j;
        json_out_object(&j, NULL);
        json_out_text(&j, "schema", "assay-doctor/1");
        json_out_text(&j, "version", ASSAY_VERSION);
        json_out_list(&j, "checks");
    }
    examine(&d);
    if (json) {
        json_out_end_list(&j);
        json_out_bool(&j, "ok", !d.failed);
        json_out_end_object(&j);
        json_out_finish(&j);
    }
    return fflush(stdout) || d.failed ? EXIT_INCOMPLETE : EXIT_PASS;
}

int command_doctor(int argc, char **argv)
{
    enum { JSON = 256, REGISTRIES };
    static const struct option options[] = {
        {"json",             no_argument, NULL, JSON },
        { "registries",              required_argument, NULL, REGISTRIES },
        { "help",                 no_argument, NULL, 'h' },
        { 0}
    };
    const char *registries[LIST_MAX + 1] = { NULL };
    size_t count = 0;
    bool json = false;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h') {
            (void)fputs(usage, stdout);
            return EXIT_PASS;
        }
        json |= c == JSON;
        if (c == REGISTRIES && count < LIST_MAX)
            registries[count++] = optarg;
        else if (c != JSON)
            return EXIT_USAGE; /* getopt has said what is wrong */
    }
    if (optind < argc) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    return diagnose(json, registries);
}
