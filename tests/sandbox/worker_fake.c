/* A program that is not the worker it should be.  It is told how by --data-dir. */
#include <unistd.h>

#include "core/error.h"
#include "worker/control.h"

static bool say(enum control_type type, uint32_t value, const char *text)
{
    return control_send(CONTROL_FD, type, value, span_of_text(text), NULL, 0);
}

/* As the worker does, with so many digits of a digest. */
static bool say_ready(const char *sandbox, int digits)
{
    char text[128];
    int n = snprintf(text, sizeof text, "%s%c%0*d", sandbox, '\0', digits, 0);
    return control_send(CONTROL_FD, CONTROL_READY, 0,
                        span_of(text, (size_t)(digits > 0 ? n : n - 1)), NULL, 0);
}

static void misbehave_on_job(const char *mode, struct control_message *job)
{
    const int fds[] = { 0, 1, 2 };
    if (strcmp(mode, "job-dies") == 0)
        _exit(1);
    if (strcmp(mode, "job-hangs") == 0)
        (void)pause();
    control_close_fds(job);
    if (strcmp(mode, "job-fails") == 0) {
        (void)say(CONTROL_FAILED, 0, "no child today");
    } else if (strcmp(mode, "job-gifts") == 0) { /* descriptors that nobody asked for */
        (void)control_send(CONTROL_FD, CONTROL_ENDED, 0, span_of("", 0), fds, 3);
    } else if (strcmp(mode, "job-twice") == 0) {
        (void)control_send(CONTROL_FD, CONTROL_STARTED, 0, span_of("", 0), fds, 1);
        (void)control_send(CONTROL_FD, CONTROL_STARTED, 0, span_of("", 0), fds, 1);
    } else if (strcmp(mode, "job-garbage") == 0) {
        (void)!write(CONTROL_FD, "garbage", 7);
    }
}

int main(int argc, char **argv)
{
    const char *mode = "";
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--data-dir=", 11) == 0)
            mode = argv[i] + 11;
    if (strcmp(mode, "dies") == 0)
        return 3;
    if (strcmp(mode, "garbage") == 0)
        return write(CONTROL_FD, "garbage that is long enough", 27) == 27 ? 0 : 1;
    if (strcmp(mode, "old") == 0)
        return say(CONTROL_HELLO, CONTROL_VERSION, "0.0.0-old") ? 0 : 1;
    if (strcmp(mode, "future") == 0)
        return say(CONTROL_HELLO, CONTROL_VERSION + 1, ASSAY_VERSION) ? 0 : 1;
    (void)say(CONTROL_HELLO, CONTROL_VERSION, ASSAY_VERSION);
    if (strcmp(mode, "hello-only") == 0)
        return 0;
    if (strcmp(mode, "refuses") == 0)
        return say(CONTROL_REFUSED, ERROR_CONFIG, "list.json: not JSON") ? 0 : 1;
    (void)say_ready(strcmp(mode, "unconfined") == 0 ? "off" : "seccomp",
                    strcmp(mode, "no-digest") == 0 ? 0 : 64);
    struct control_message job;
    while (control_receive(CONTROL_FD, &job))
        misbehave_on_job(mode, &job);
    return 0;
}
