#include "core/file_state.h"

static bool times_equal(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool file_state_equal(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
           times_equal(a->st_mtim, b->st_mtim) && times_equal(a->st_ctim, b->st_ctim);
}
