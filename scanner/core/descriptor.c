#include "core/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Never to be executed, which hardened systems demand; not in Debian 12's headers.
 * Source: Linux, include/uapi/linux/memfd.h. */
static const unsigned noexec_seal = 8; /* MFD_NOEXEC_SEAL */

bool descriptor_write(int fd, struct span bytes)
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

int descriptor_of(struct span bytes)
{
    int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    int fd = memfd_create("assay", MFD_CLOEXEC | noexec_seal);
    if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
        fd = memfd_create("assay", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || (descriptor_write(fd, bytes) && lseek(fd, 0, SEEK_SET) == 0 &&
                   fcntl(fd, F_ADD_SEALS, seals) == 0))
        return fd;
    (void)close(fd);
    return -1;
}
