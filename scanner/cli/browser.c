#include "cli/browser.h"

#include <ctype.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool person_present(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* No shell, no terminal of ours, and a session of its own: it outlives us, and an
 * interrupt of ours. */
static bool start(const char *program, const char *url)
{
    char *const arguments[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)url,
                                NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    pid_t pid;
    if (posix_spawn_file_actions_init(&files) != 0)
        return false;
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&files);
        return false;
    }
    bool ok = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID) == 0;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        ok = ok &&
             posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0) == 0;
    ok = ok && posix_spawnp(&pid, program, &files, &attributes, arguments, environ) == 0;
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    return ok;
}

/* A list of commands, or one with arguments, would need a shell to be read. */
static bool is_one_word(const char *program)
{
    return *program && program[strcspn(program, " \t\n:;%\"'\\$&|<>()`")] == '\0';
}

static bool open_browser(const char *url)
{
    const char *named = getenv("BROWSER");
    return (named && is_one_word(named) && start(named, url)) || start("xdg-open", url);
}

void person_show(void *self, const char *url)
{
    const struct sign_in *how = self;
    if (how->out_of_band)
        (void)fprintf(stderr, "To sign in, open this address in any browser:\n\n  %s\n\n",
                      url);
    else if (open_browser(url))
        (void)fprintf(stderr,
                      "A browser is opened to sign in at\n\n  %s\n\n"
                      "Waiting for it, %d minutes at most.\n",
                      url, SIGN_IN_MINUTES);
    else
        (void)fprintf(stderr,
                      "No browser can be started.  To sign in, open this address in one "
                      "on this machine\n(with --oauth-force-oob it may be on "
                      "another):\n\n  %s\n\nWaiting for it, %d minutes at most.\n",
                      url, SIGN_IN_MINUTES);
}

/* What was copied may have blanks around it. */
static void trim(char *text)
{
    size_t start = 0, len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    while (start < len && isspace((unsigned char)text[start]))
        start++;
    memmove(text, text + start, len - start);
    text[len - start] = '\0';
}

bool person_read_code(void *self, char *ret_code, size_t size, struct error *error)
{
    (void)self;
    (void)fputs("Enter the code that it shows: ", stderr);
    ret_code[0] = '\0';
    if (!fgets(ret_code, (int)size, stdin) || !strchr(ret_code, '\n'))
        return error_set(error, ERROR_USAGE, "no code was entered, or too long a one");
    trim(ret_code);
    return true;
}
