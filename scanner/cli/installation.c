#include "cli/command.h"

#include <unistd.h>

static bool readable(const char *path)
{
    return access(path, R_OK) == 0;
}

/* Cut the last component off, in place. */
static void parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
}

/* `pack`: the directory of the compiled byte rules, which a build makes. */
static bool try_layout(struct installation *i, const char *data, const char *pack,
                       const char *worker)
{
    char probe[sizeof i->data_dir + 32];
    int a = snprintf(i->data_dir, sizeof i->data_dir, "%s", data);
    int b = snprintf(i->worker, sizeof i->worker, "%s", worker);
    int c =
        snprintf(i->registries_dir, sizeof i->registries_dir, "%s/registries.d", data);
    int d = snprintf(i->yara_pack, sizeof i->yara_pack, "%s/rules/assay.yarc", pack);
    if (a < 0 || b < 0 || c < 0 || d < 0 || (size_t)d >= sizeof i->yara_pack ||
        (size_t)c >= sizeof i->registries_dir || (size_t)b >= sizeof i->worker)
        return false;
    (void)snprintf(probe, sizeof probe, "%s/rules/pickle", data);
    return readable(i->registries_dir) && readable(probe);
}

bool installation_find(struct installation *ret_installation, struct error *error)
{
    char self[3072], data[3584], pack[3584], worker[3584];
    struct installation found;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return error_errno(error, ERROR_IO, "/proc/self/exe");
    self[n] = '\0';
    parent(self); /* …/build/bin or PREFIX/bin */

    /* A source tree: build/bin/assay beside build/bin/assay-worker, data at its top. */
    (void)snprintf(worker, sizeof worker, "%s/assay-worker", self);
    (void)snprintf(data, sizeof data, "%s/../..", self);
    (void)snprintf(pack, sizeof pack, "%s/../share", self);
    bool ok = readable(worker) && try_layout(&found, data, pack, worker);
    /* Installed: PREFIX/libexec/assay-worker and PREFIX/share/assay. */
    (void)snprintf(worker, sizeof worker, "%s/../libexec/assay-worker", self);
    (void)snprintf(data, sizeof data, "%s/../share/assay", self);
    ok = ok || try_layout(&found, data, data, worker);
    ok =
        ok || try_layout(&found, ASSAY_PREFIX "/share/assay", ASSAY_PREFIX "/share/assay",
                         ASSAY_PREFIX "/libexec/assay-worker");
    if (!ok)
        return error_set(
            error, ERROR_CONFIG,
            "registries.d and rules are neither beside %s nor in " ASSAY_PREFIX
            "/share/assay; run make install",
            self);
    *ret_installation = found;
    return true;
}
