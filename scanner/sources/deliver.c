#include "sources/deliver.h"

#include "sources/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEMPORARY_TRIES = 100, PIECE = 1 << 20, COMPONENT_MAX = 256 };

static const int directory_flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

int deliver_directory(const char *path, struct error *error)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        (void)error_errno(error, ERROR_IO, "%s", path);
        return -1;
    }
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        (void)error_errno(error, ERROR_IO, "%s", path);
    return fd;
}

/* The directory that `path` lies in, made when it is missing; the last component of the
 * path in *ret_name. */
static int open_parent(int top, const char *path, const char **ret_name)
{
    int at = openat(top, ".", directory_flags);
    for (const char *slash; at >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        char name[COMPONENT_MAX];
        int n = snprintf(name, sizeof name, "%.*s", (int)(slash - path), path);
        int below = -1;
        if (n <= 0 || (size_t)n >= sizeof name)
            errno = ENAMETOOLONG;
        else if (mkdirat(at, name, 0777) == 0 || errno == EEXIST)
            below = open_beneath(at, name, directory_flags, false);
        int why = errno;
        close(at);
        errno = why;
        at = below;
    }
    *ret_name = path;
    return at;
}

static int new_file(int directory, char *temporary, size_t size)
{
    for (unsigned i = 0; i < TEMPORARY_TRIES; i++) {
        int n = snprintf(temporary, size, ".%ld-%u.assay", (long)getpid(), i);
        int fd = n > 0 && (size_t)n < size
                     ? openat(directory, temporary,
                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666)
                     : -1;
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static bool copy(int from, int to)
{
    off_t offset = 0;
    for (;;) {
        ssize_t n = copy_file_range(from, &offset, to, NULL, PIECE, 0);
        if (n == 0)
            return fsync(to) == 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
    }
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return false;
    char *piece = malloc(PIECE);
    bool ok = piece != NULL;
    for (ssize_t n = 1; ok && n > 0;) {
        n = pread(from, piece, PIECE, offset);
        ok = n >= 0 || errno == EINTR;
        for (ssize_t done = 0, w; ok && done < n; done += w) {
            w = write(to, piece + done, (size_t)(n - done));
            ok = w >= 0;
        }
        offset += n > 0 ? n : 0;
    }
    free(piece);
    return ok && fsync(to) == 0;
}

bool deliver_file(struct remote *r, size_t i, int directory_fd, struct error *error)
{
    const char *path = remote_file(r, i)->path, *name = NULL;
    const struct download_result *d = remote_load(r, i);
    char temporary[64];
    int parent = open_parent(directory_fd, path, &name);
    int out = parent >= 0 ? new_file(parent, temporary, sizeof temporary) : -1;
    bool made = out >= 0;
    bool ok = made && copy(d->fd, out);
    int why = errno;
    if (made && close(out) != 0 && ok) {
        why = errno;
        ok = false;
    }
    if (ok && renameat(parent, temporary, parent, name) != 0) {
        why = errno;
        ok = false;
    }
    if (made && !ok)
        (void)unlinkat(parent, temporary, 0);
    if (parent >= 0)
        close(parent);
    errno = why;
    return ok || error_errno(error, ERROR_IO, "%s", path);
}
