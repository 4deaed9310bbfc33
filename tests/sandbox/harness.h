/* harness.h: what the tests of the worker share. */
#ifndef HARNESS_H
#define HARNESS_H

#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker/worker.h"

/* A sanitizer's build cannot be confined: there everything runs with the sandbox off,
 * and what needs it is skipped. */
#if defined(__SANITIZE_ADDRESS__)
#define UNCONFINED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNCONFINED 1
#endif
#endif
#ifdef UNCONFINED
#define MODE            SANDBOX_OFF
#define CRASHED(signal) "the worker " /* a sanitizer reports and exits */
#else
#define MODE            SANDBOX_AUTO
#define CRASHED(signal) signal
#endif

/* Where rules/ lies: tests run in the project's root. */
#define DATA_DIR "tests/sandbox/data"

/* A program next to this one, or, with a slash, below the build directory. */
static inline char *program_path(const char *name)
{
    static _Thread_local char path[4096];
    char self[2048] = "";
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    for (int up = strchr(name, '/') ? 2 : 1; up > 0; up--)
        *strrchr(self, '/') = '\0';
    (void)snprintf(path, sizeof path, "%s/%s", self, name);
    return path;
}

static inline struct worker *start(const char *program, const char *data_dir,
                                   struct error *error)
{
    struct worker_options o = { .program = program_path(program),
                                .data_dir = data_dir,
                                .sandbox = MODE,
                                .budget = budget_default(),
                                .deadline_seconds = 1 };
    return worker_start(&o, error);
}

/* A regular file of these bytes that nobody else sees, open for reading only. */
static inline int file_of(const char *text)
{
    char path[64];
    int writable = memfd_create("file", MFD_CLOEXEC);
    assert_true(writable >= 0);
    assert_int_equal(write(writable, text, strlen(text)), strlen(text));
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", writable);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    (void)close(writable);
    return fd;
}

/* Open descriptors of this process. */
static inline int count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    (void)closedir(dir);
    return count;
}

/* Inspect one file of these bytes; the artifact lies in a new arena. */
static inline struct artifact *inspect_text(struct worker *w, const char *text,
                                            bool *ret_alive, struct error *error)
{
    struct arena *arena = arena_new(WORKER_ARENA_MAX);
    struct artifact *file = artifact_new(arena, span_of_text("file.bin"), strlen(text));
    int fd = file_of(text);
    *ret_alive = worker_inspect(w, fd, file, NULL, NULL, error);
    (void)close(fd);
    return file;
}

#endif
