/* What came of a download, in the hands of whoever wanted it. */
#include "core/descriptor.h"
#include "core/file_state.h"
#include "net/download.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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

/* The same file with an offset of its own; it may have no name. */
static int reopen(int fd)
{
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

int download_open(const struct download_result *r, struct error *error)
{
    int memory = r->fd < 0 ? descriptor_of(buffer_span(&r->memory)) : -1;
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
