#include "cli/command.h"
#include "policy/policy.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* "/a/b/c" less its last n parts. */
static void go_up(char *path, size_t n)
{
    for (char *slash; n > 0 && (slash = strrchr(path, '/')); n--)
        *slash = '\0';
}

static bool set_paths(struct installation *where, const char *data, const char *bin)
{
    struct installation found;
    int a = snprintf(found.data_dir, sizeof found.data_dir, "%s", data);
    int b = snprintf(found.worker, sizeof found.worker, "%s/assay-worker", bin);
    int c = snprintf(found.registries_dir, sizeof found.registries_dir, "%s/registries.d",
                     data);
    int max = (int)sizeof found.data_dir;
    if (a < 0 || b < 0 || c < 0 || a >= max || b >= max || c >= max ||
        !is_directory(found.registries_dir))
        return false;
    *where = found;
    return true;
}

bool installation_find(struct installation *ret_installation, struct error *error)
{
    char bin[4096], data[4096 + sizeof "/share/assay"];
    ssize_t n = readlink("/proc/self/exe", bin, sizeof bin - 1);
    if (n < 0)
        return error_errno(error, ERROR_IO, "/proc/self/exe");
    bin[n] = '\0';
    go_up(bin, 1);

    (void)snprintf(data, sizeof data, "%s", bin); /* build/bin of a source tree */
    go_up(data, 2);
    if (set_paths(ret_installation, data, bin))
        return true;
    (void)snprintf(data, sizeof data, "%s", bin); /* PREFIX/bin */
    go_up(data, 1);
    (void)snprintf(data + strlen(data), sizeof data - strlen(data), "/share/assay");
    if (set_paths(ret_installation, data, bin) ||
        set_paths(ret_installation, ASSAY_PREFIX "/share/assay",
                  ASSAY_PREFIX "/libexec/assay"))
        return true;
    return error_set(
        error, ERROR_CONFIG,
        "registries.d is neither beside %s nor in " ASSAY_PREFIX "/share/assay", bin);
}

int complain(const struct error *error)
{
    (void)fputs("assay: ", stderr);
    for (const unsigned char *c = (const unsigned char *)error->message; *c; c++)
        if (*c >= 0x20 && *c < 0x7f)
            (void)fputc(*c, stderr);
        else
            (void)fprintf(stderr, "\\x%02x", *c);
    (void)fputc('\n', stderr);
    return EXIT_USAGE;
}
