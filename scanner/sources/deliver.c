#include "sources/deliver.h"
#include "core/descriptor.h"

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
    int fd = -1;
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        (void)error_errno(error, ERROR_IO, "%s", path);
    return fd;
}

/* ---- writing --------------------------------------------------------------------- */

/* The directory that `path` lies in, every one on the way made that is missing. */
static int make_parent(int top, const char *path)
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
        (void)close(at);
        errno = why;
        at = below;
    }
    return at;
}

/* The same in one step where it is there; the last component of the path in *ret_name.
 * -1 with errno. */
static int open_parent(int top, const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    char *parent = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    int fd = parent ? open_beneath(top, parent, directory_flags, false) : -1;
    *ret_name = slash ? slash + 1 : path;
    if (fd < 0 && (!parent || errno == ENOENT))
        fd = make_parent(top, path);
    int why = errno;
    free(parent);
    errno = why;
    return fd;
}

static int new_file(int directory, char *name, size_t size)
{
    for (unsigned i = 0; i < TEMPORARY_TRIES; i++) {
        (void)snprintf(name, size, ".assay-%ld-%u.part", (long)getpid(), i);
        int fd = openat(directory, name,
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

/* From `offset` on, by hand: where the kernel cannot copy. */
static bool copy_bytes(int from, int to, off_t offset)
{
    uint8_t *piece = malloc(PIECE);
    bool ok = piece != NULL;
    while (ok) {
        ssize_t n = pread(from, piece, PIECE, offset);
        if (n < 0 && errno == EINTR)
            continue;
        ok = n >= 0 && descriptor_write(to, span_of(piece, (size_t)n));
        if (n <= 0)
            break;
        offset += n;
    }
    free(piece);
    return ok;
}

static bool copy(int from, int to)
{
    off_t offset = 0;
    for (;;) {
        ssize_t n = copy_file_range(from, &offset, to, NULL, (size_t)1 << 30, 0);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            break;
    }
    return (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
            errno == EOPNOTSUPP) &&
           copy_bytes(from, to, offset);
}

/* False with errno. */
static bool put(int parent, const char *name, const struct download_result *from)
{
    char temporary[64];
    int out = new_file(parent, temporary, sizeof temporary);
    if (out < 0)
        return false;
    bool ok = from->fd >= 0 ? copy(from->fd, out)
                            : descriptor_write(out, buffer_span(&from->memory));
    int why = errno;
    if (close(out) != 0 && ok) {
        ok = false;
        why = errno;
    }
    if (ok && renameat(parent, temporary, parent, name) != 0) {
        ok = false;
        why = errno;
    }
    if (!ok)
        (void)unlinkat(parent, temporary, 0);
    errno = why;
    return ok;
}

bool deliver_file(struct remote *r, size_t i, int directory_fd, struct error *error)
{
    const char *path = remote_file(r, i)->path, *name = NULL;
    int parent = open_parent(directory_fd, path, &name);
    bool ok = parent >= 0 && put(parent, name, remote_load(r, i));
    int why = errno;
    if (parent >= 0)
        (void)close(parent);
    errno = why;
    return ok || error_errno(error, ERROR_IO, "%.300s", path);
}

/* ---- what is there ----------------------------------------------------------------- */

static bool hash(int fd, struct digester *d)
{
    uint8_t *piece = malloc(PIECE);
    bool ok = piece != NULL;
    while (ok) {
        ssize_t n = read(fd, piece, PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        ok = n >= 0;
        if (n <= 0)
            break;
        digester_add(d, span_of(piece, (size_t)n));
    }
    free(piece);
    digester_finish(d);
    return ok;
}

static bool keeps_promises(const struct rest_file *file, const struct digester *d)
{
    char hex[DIGEST_HEX_MAX + 1];
    enum digest_algorithm a;
    size_t kept = 0;
    for (const struct rest_hash *h = file->hashes; h; h = h->next) {
        if (!remote_digest(h, &a))
            continue;
        if (!digester_hex(d, a, hex) || strncmp(hex, h->value, strlen(h->value)) != 0)
            return false;
        kept++;
    }
    return kept > 0;
}

bool deliver_has(const struct remote *r, size_t i, int directory_fd,
                 char ret_sha256[DIGEST_HEX_MAX + 1])
{
    const struct rest_file *file = remote_file(r, i);
    unsigned wanted = DIGEST_BIT(DIGEST_SHA256);
    enum digest_algorithm a;
    struct stat st;
    for (const struct rest_hash *h = file->hashes; h; h = h->next)
        if (remote_digest(h, &a))
            wanted |= DIGEST_BIT(a);
    int fd = open_beneath(directory_fd, file->path,
                          O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, false);
    bool has = fd >= 0 && file->hashes && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
               (!file->size_known || (uint64_t)st.st_size == file->size);
    struct digester *d = has ? digester_new(wanted, (uint64_t)st.st_size) : NULL;
    has = d && hash(fd, d) && keeps_promises(file, d) &&
          digester_hex(d, DIGEST_SHA256, ret_sha256);
    digester_free(d);
    if (fd >= 0)
        (void)close(fd);
    return has;
}
