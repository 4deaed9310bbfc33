/* What came of a download, in the hands of whoever wanted it. */
#include "core/file_state.h"
#include "net/download.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Never to be executed, which hardened systems demand; not in Debian 12's headers.
 * Source: Linux, include/uapi/linux/memfd.h. */
static const unsigned noexec_seal = 8; /* MFD_NOEXEC_SEAL */

void download_result_free(struct download_result *r)
{
    if (r->fd >= 0)
        (void)close(r->fd);
    r->fd = -1;
    buffer_free(&r->memory);
    digester_free(r->digests);
    r->digests = NULL;
    http_response_free(&r->http);
}

static bool write_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = span_slice(bytes, (size_t)n, bytes.len);
    }
    return true;
}

/* Sealed: from here on nobody can write to it, not even we. */
static int memory_file(struct span bytes)
{
    int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    int fd = memfd_create("assay-download", MFD_CLOEXEC | noexec_seal);
    if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
        fd = memfd_create("assay-download", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || (write_all(fd, bytes) && fcntl(fd, F_ADD_SEALS, seals) == 0))
        return fd;
    (void)close(fd);
    return -1;
}

/* The same file with an offset of its own; it may have no name. */
static int reopen(int fd)
{
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

int download_open(const struct download_result *r, struct error *error)
{
    int memory = r->fd < 0 ? memory_file(buffer_span(&r->memory)) : -1;
    int fd = r->fd >= 0 ? reopen(r->fd) : memory >= 0 ? reopen(memory) : -1;
    if (fd < 0)
        (void)error_errno(error, ERROR_IO, "cannot be opened");
    if (memory >= 0)
        (void)close(memory);
    return fd;
}

const struct digester *download_digests(const struct download_result *r,
                                        const struct stat *now)
{
    bool same =
        r->fd < 0 ? (uint64_t)now->st_size == r->size : file_state_equal(&r->hashed, now);
    return r->state == DOWNLOAD_DONE && same ? r->digests : NULL;
}
