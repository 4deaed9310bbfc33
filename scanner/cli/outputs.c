#include "cli/outputs.h"

#include "cli/command.h"
#include "core/suggest.h"
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- where a report goes ---------------------------------------------------- */

/* A file is known by its inode; one that is not there yet by its directory and name. */
struct place {
    bool exists, known;
    struct stat st; /* of the file, or of its directory */
    const char *name;
};

static struct place place_of(const char *path)
{
    struct place p = { 0 };
    char directory[4096];
    if (!path) {
        p.exists = p.known = fstat(STDOUT_FILENO, &p.st) == 0;
        return p;
    }
    p.exists = p.known = stat(path, &p.st) == 0;
    if (p.exists)
        return p;
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    if (n >= sizeof directory)
        return p;
    (void)snprintf(directory, sizeof directory, "%.*s", (int)n, path);
    p.known = stat(n ? directory : ".", &p.st) == 0;
    p.name = slash ? slash + 1 : path;
    return p;
}

/* Nothing is lost in /dev/null; elsewhere a second report would overwrite or follow the
 * first. */
static bool same_place(const char *one, const char *other)
{
    struct place a = place_of(one), b = place_of(other);
    if (!one && !other)
        return true;
    if (one && other && strcmp(one, other) == 0 && strcmp(one, "/dev/null") != 0)
        return true;
    if (!a.known || !b.known || a.exists != b.exists || a.st.st_dev != b.st.st_dev ||
        a.st.st_ino != b.st.st_ino)
        return false;
    if (!a.exists)
        return strcmp(a.name, b.name) == 0;
    struct stat null;
    return stat("/dev/null", &null) != 0 || null.st_rdev != a.st.st_rdev ||
           !S_ISCHR(a.st.st_mode);
}

static bool unknown_format(const char *name, struct error *error)
{
    struct suggestion near = suggestion_for(name);
    struct buffer all;
    buffer_init(&all, 256);
    for (size_t i = 0; report_at(i); i++) {
        suggestion_offer(&near, report_at(i)->name);
        buffer_printf(&all, "%s%s", i ? ", " : "", report_at(i)->name);
    }
    if (near.best)
        (void)error_set(error, ERROR_USAGE,
                        "--output: no format is called %s; did you mean %s?", name,
                        near.best);
    else
        (void)error_set(error, ERROR_USAGE, "--output: no format is called %s (%s)", name,
                        all.text ? all.text : "");
    buffer_free(&all);
    return false;
}

bool outputs_add(struct outputs *outputs, const char *text, struct error *error)
{
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : strlen(text);
    char name[32];
    if (outputs->count == OUTPUTS_MAX)
        return error_set(error, ERROR_USAGE, "--output: given more than %d times",
                         OUTPUTS_MAX);
    (void)snprintf(name, sizeof name, "%.*s", (int)(n < 31 ? n : 31), text);
    struct output o = { report_find(name), equals ? equals + 1 : NULL };
    if (!o.writer)
        return unknown_format(name, error);
    if (equals && !equals[1])
        return error_set(error, ERROR_USAGE, "--output: %s names no file", text);
    if (o.path && strcmp(o.path, "-") == 0)
        o.path = NULL;
    for (size_t i = 0; i < outputs->count; i++)
        if (same_place(o.path, outputs->list[i].path))
            return error_set(error, ERROR_USAGE, "--output: two reports to one place: %s",
                             o.path ? o.path : "standard output");
    outputs->list[outputs->count++] = o;
    return true;
}

/* ---- writing ---------------------------------------------------------------- */

/* Before anything is scanned, so that a key that cannot sign costs nothing. */
static bool load_signer(struct outputs *outputs, struct report_options *o,
                        struct error *error)
{
    const char *passphrase = NULL;
    bool any = false;
    for (size_t i = 0; i < outputs->count; i++)
        any |= strcmp(outputs->list[i].writer->name, "vsa") == 0;
    if (!any)
        return error_set(error, ERROR_USAGE, "--sign-key signs vsa reports: add -o vsa");
    if (!passphrase_find(outputs->sign_key, NULL, NULL, outputs->passphrase, &passphrase,
                         error))
        return false;
    outputs->signer = statement_signer_new(outputs->sign_key, passphrase, error);
    if (!outputs->signer) { /* nothing is scanned without it */
        if (error->code == ERROR_IO)
            error->code = ERROR_CONFIG;
        return false;
    }
    o->signer = statement_signer_report(outputs->signer);
    return true;
}

void outputs_free(struct outputs *outputs)
{
    statement_signer_free(outputs->signer);
    outputs->signer = NULL;
}

bool outputs_options(struct outputs *outputs, struct report_options *ret_options,
                     struct error *error)
{
    struct installation installation;
    struct report_options o = { .colour = wants_colour(), .width = 80 };
    struct error ignored;
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    if (epoch && *epoch) {
        char *end = NULL;
        errno = 0;
        long long seconds = strtoll(epoch, &end, 10);
        if (errno != 0 || *end != '\0' || seconds < 0)
            return error_set(error, ERROR_USAGE,
                             "SOURCE_DATE_EPOCH: %s is no number of seconds", epoch);
        o.epoch = seconds;
        o.reproducible = true;
    }
    if (installation_find(&installation,
                          &ignored)) { /* without it reports have less help */
        (void)snprintf(outputs->rules_dir, sizeof outputs->rules_dir, "%s/docs/rules",
                       installation.data_dir);
        o.rules_dir = outputs->rules_dir;
    }
    if (outputs->sign_key && !load_signer(outputs, &o, error))
        return false;
    *ret_options = o;
    return true;
}

int outputs_write(const struct outputs *outputs, const struct result *r,
                  const struct report_options *o)
{
    const struct output text = { report_find("text"), NULL };
    int code = r->exit_code;
    size_t count = outputs->count ? outputs->count : 1;
    for (size_t i = 0; i < count; i++) {
        const struct output *out = outputs->count ? &outputs->list[i] : &text;
        struct error error;
        if (report_write(out->writer, r, o, stdout, out->path, &error))
            continue;
        complain(&error);
        if (code == EXIT_PASS || code == EXIT_EMPTY)
            code = EXIT_INCOMPLETE;
    }
    return code;
}
