/* Lockfiles, with the keys of their signers: whatever comes in, paths are in order and
 * each once, and a refusal names the file and a line. */
#include "integrity/lockfile.h"
#include "integrity/signers.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct registries *table;
static struct signers base;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_target(const struct locked_target *t)
{
    struct error error;
    struct signers view = base;
    for (size_t i = 1; i < t->count; i++)
        require(span_compare(t->files[i - 1].path, t->files[i].path) < 0);
    for (size_t i = 0; i < t->signer_count; i++)
        if (t->signers[i].key)
            (void)signers_add_key_text(&view, t->signers[i].key, t->signers[i].identity,
                                       "lockfile", &error);
    signers_free_keys(&view, base.key_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = { .code = ERROR_NONE };
    char path[64];
    if (!table) {
        const char *const directories[] = { "registries.d", NULL };
        table = registries_load(directories, &error);
        require(table && signers_init(&base, &error));
    }
    int fd = memfd_create("lockfile", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct lockfile *l = lockfile_read(path, table, &error);
    require(l || (error.code == ERROR_CONFIG && error.message[0]) ||
            error.code == ERROR_MEMORY);
    const struct locked_target *t = l ? lockfile_find(l, span_of_text("m"), true) : NULL;
    if (t)
        check_target(t);
    lockfile_free(l);
    (void)close(fd);
    return 0;
}
