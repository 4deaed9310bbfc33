#include "worker/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

/* What the program prints goes nowhere: an inspector's last words are hostile. */
static int arrange_files(posix_spawn_file_actions_t *files, int socket, int number)
{
    static const char *const nowhere = "/dev/null";
    int failure = posix_spawn_file_actions_adddup2(files, socket, number);
    if (!failure)
        failure = posix_spawn_file_actions_addclosefrom_np(files, number + 1);
    for (int fd = STDIN_FILENO; !failure && fd <= STDERR_FILENO; fd++)
        failure = posix_spawn_file_actions_addopen(files, fd, nowhere, O_RDWR, 0);
    return failure;
}

static int arrange_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int failure = posix_spawnattr_setsigmask(attributes, &none);
    if (!failure)
        failure = posix_spawnattr_setsigdefault(attributes, &all);
    if (!failure)
        failure = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
                                                           POSIX_SPAWN_SETSIGDEF);
    return failure;
}

bool launch_program(const char *program, char *const *arguments, int socket, int number,
                    pid_t *ret_pid, struct error *error)
{
    char *const no_environment[] = { NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int failure = posix_spawn_file_actions_init(&files);
    if (!failure) {
        failure = posix_spawnattr_init(&attributes);
        if (!failure) {
            failure = arrange_files(&files, socket, number);
            if (!failure)
                failure = arrange_signals(&attributes);
            if (!failure)
                failure = posix_spawn(ret_pid, program, &files, &attributes, arguments,
                                      no_environment);
            (void)posix_spawnattr_destroy(&attributes);
        }
        (void)posix_spawn_file_actions_destroy(&files);
    }
    errno = failure;
    return failure == 0 ||
           error_errno(error, ERROR_WORKER, "cannot start the worker %s", program);
}
