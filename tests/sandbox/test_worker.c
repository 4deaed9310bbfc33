/* The main process's side: workers that are missing, of another version or dying;
 * children that crash with findings; files that change; descriptors; threads. */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "core/formats.h"

/* -- starting ------------------------------------------------------------------- */

static void expect_no_start(const char *program, const char *mode, enum error_code code,
                            const char *sentence)
{
    struct error error = { 0 };
    int before = count_fds();
    assert_null(start(program, mode, &error));
    assert_int_equal(error.code, code);
    if (!strstr(error.message, sentence))
        fail_msg("%s: \"%s\"", mode, error.message);
    assert_int_equal(count_fds(), before);
}

static void a_wrong_program_is_refused(void **state)
{
    (void)state;
    expect_no_start("no-such-worker", "", ERROR_WORKER, "cannot start the worker");
    expect_no_start("worker_fake", "dies", ERROR_WORKER, "does not answer");
    expect_no_start("worker_fake", "garbage", ERROR_WORKER, "does not answer");
    expect_no_start("worker_fake", "old", ERROR_WORKER, "is of version 0.0.0-old");
    expect_no_start("worker_fake", "future", ERROR_WORKER, "is of version");
    expect_no_start("worker_fake", "hello-only", ERROR_WORKER, "while it was starting");
    expect_no_start("worker_fake", "refuses", ERROR_CONFIG, "list.json: not JSON");
    expect_no_start("bin/assay-worker", "/nonexistent", ERROR_CONFIG, "/nonexistent");
}

static void an_unconfined_worker_is_refused(void **state)
{
    (void)state;
#ifdef UNCONFINED
    struct error error;
    struct worker_options o = { .program = program_path("worker_evil"),
                                .data_dir = DATA_DIR,
                                .budget = budget_default() };
    assert_null(worker_start(&o, &error));
    assert_non_null(strstr(error.message, "cannot be confined"));
#else
    expect_no_start("worker_fake", "unconfined", ERROR_WORKER, "is not confined");
    expect_no_start("worker_fake", "no-digest", ERROR_WORKER, "does not answer");
#endif
}

static void the_real_worker_says_how_it_is_confined(void **state)
{
    struct error error;
    struct worker *w = start("bin/assay-worker", DATA_DIR, &error);
    (void)state;
    assert_non_null(w);
#ifdef UNCONFINED
    assert_string_equal(worker_sandbox(w), "off");
#else
    assert_memory_equal(worker_sandbox(w), "seccomp", 7);
#endif
    worker_stop(w);
}

static void off_means_off(void **state)
{
    struct error error;
    struct worker_options o = { .program = program_path("bin/assay-worker"),
                                .data_dir = DATA_DIR,
                                .sandbox = SANDBOX_OFF,
                                .budget = budget_default() };
    struct worker *w = worker_start(&o, &error);
    (void)state;
    assert_non_null(w);
    assert_string_equal(worker_sandbox(w), "off");
    worker_stop(w);
    worker_stop(NULL);
}

#ifndef UNCONFINED
/* In a process whose kernel seems not to have these two system calls (-1: none), how
 * does a worker in this mode start?  Empty: it does not. */
static void start_without(int call, int other, enum sandbox mode, char ret_how[64])
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct error error;
        struct worker_options o = { .program = program_path("bin/assay-worker"),
                                    .data_dir = DATA_DIR,
                                    .sandbox = mode,
                                    .budget = budget_default() };
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        bool ok = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0) == 0 &&
                  seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), other, 0) == 0 &&
                  seccomp_load(filter) == 0;
        struct worker *w = ok ? worker_start(&o, &error) : NULL;
        const char *how = w ? worker_sandbox(w) : "";
        _exit(write(ends[1], how, strlen(how)) < 0);
    }
    (void)close(ends[1]);
    ssize_t n = read(ends[0], ret_how, 63);
    assert_true(n >= 0);
    ret_how[n] = '\0';
    (void)close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void what_the_kernel_lacks_is_said_or_refused(void **state)
{
    enum { LANDLOCK_CREATE = 444 };
    char how[64];
    (void)state;
    start_without(LANDLOCK_CREATE, SCMP_SYS(kexec_load), SANDBOX_AUTO, how);
    assert_string_equal(how, "seccomp");
    start_without(LANDLOCK_CREATE, SCMP_SYS(kexec_load), SANDBOX_STRICT, how);
    assert_string_equal(how, "");
    start_without(SCMP_SYS(seccomp), SCMP_SYS(prctl), SANDBOX_AUTO, how);
    assert_string_equal(how, "");
    start_without(SCMP_SYS(seccomp), SCMP_SYS(prctl), SANDBOX_OFF, how);
    assert_string_equal(how, "off");
}
#endif

/* The main process is killed while a child of its worker loops. */
static void a_worker_ends_with_the_main_process(void **state)
{
    int ends[2];
    char byte;
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct error error;
        bool alive;
        struct worker_options o = { .program = program_path("worker_evil"),
                                    .data_dir = DATA_DIR,
                                    .sandbox = MODE,
                                    .budget = budget_default() };
        struct worker *w = worker_start(&o, &error);
        if (!w || write(ends[1], "x", 1) != 1)
            _exit(1);
        (void)inspect_text(w, "run_loop", &alive, &error);
        _exit(2);
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    (void)close(ends[0]);
    assert_int_equal(kill(pid, SIGKILL), 0);
    (void)alarm(30); /* whatever outlives it, this process inherits and waits for */
    while (wait(NULL) > 0 || errno == EINTR)
        ;
    (void)alarm(0);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

/* -- a zygote that is lost ------------------------------------------------------ */

static void expect_lost(const char *mode)
{
    struct error error = { 0 };
    bool alive;
    int before = count_fds();
    struct worker *w = start("worker_fake", mode, &error);
    assert_non_null(w);
    struct artifact *file = inspect_text(w, "x", &alive, &error);
    assert_false(alive);
    assert_int_equal(error.code, ERROR_WORKER);
    assert_int_equal(file->status, STATUS_INCOMPLETE);
    arena_free(file->arena);
    worker_stop(w);
    assert_int_equal(count_fds(), before);
}

/* As a meanwhile(): once the child is at work, kill the zygote, this process's child. */
static bool kill_zygote(void *self)
{
    const struct artifact *file = self;
    if (file->findings.count == 0)
        return true;
    char children[64] = "";
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, children, sizeof children - 1) <= 0)
        fail();
    (void)close(fd);
    assert_int_equal(kill((pid_t)strtol(children, NULL, 10), SIGKILL), 0);
    return false;
}

/* Long before the deadline; and its orphan does not stay. */
static void a_killed_worker_is_an_error(void **state)
{
    struct error error;
    struct worker_options o = { .program = program_path("worker_evil"),
                                .data_dir = DATA_DIR,
                                .sandbox = MODE,
                                .budget = budget_default() };
    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    (void)alarm(30);
    struct worker *w = worker_start(&o, &error);
    struct arena *arena = arena_new(WORKER_ARENA_MAX);
    struct artifact *file = artifact_new(arena, span_of_text("x"), 9);
    int fd = file_of("run_touch");
    assert_non_null(w);
    assert_false(worker_inspect(w, fd, file, kill_zygote, file, &error));
    assert_int_equal(error.code, ERROR_WORKER);
    assert_int_equal(file->status, STATUS_INCOMPLETE);
    assert_int_equal(file->findings.count, 1);
    worker_stop(w);
    while (wait(NULL) > 0 || errno == EINTR)
        ;
    (void)alarm(0);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
    (void)close(fd);
    arena_free(arena);
}

static void a_lost_worker_is_an_error(void **state)
{
    (void)state;
    expect_lost("job-dies");
    expect_lost("job-hangs");
    expect_lost("job-twice");
    expect_lost("job-garbage");
}

static void a_job_without_a_child_is_incomplete(void **state)
{
    struct error error;
    bool alive;
    struct worker *w = start("worker_fake", "job-fails", &error);
    (void)state;
    assert_non_null(w);
    struct artifact *file = inspect_text(w, "x", &alive, &error);
    assert_true(alive);
    assert_int_equal(file->status, STATUS_INCOMPLETE);
    assert_true(span_is(file->reason, "no child today"));
    arena_free(file->arena);
    worker_stop(w);
}

static void descriptors_nobody_asked_for_are_closed(void **state)
{
    struct error error;
    bool alive;
    int before = count_fds();
    struct worker *w = start("worker_fake", "job-gifts", &error);
    (void)state;
    assert_non_null(w);
    struct artifact *file = inspect_text(w, "x", &alive, &error);
    assert_true(alive);
    assert_int_equal(file->status, STATUS_INCOMPLETE);
    arena_free(file->arena);
    worker_stop(w);
    assert_int_equal(count_fds(), before);
}

/* -- one file ------------------------------------------------------------------- */

static void what_was_found_survives_a_crash(void **state)
{
    struct error error;
    bool alive;
    struct worker *w = start("worker_evil", DATA_DIR, &error);
    (void)state;
    assert_non_null(w);
    struct artifact *file = inspect_text(w, "run_find_and_crash\n", &alive, &error);
    assert_int_equal(file->status, STATUS_INCOMPLETE);
    assert_true(file->executes);
    const struct artifact *member = file->first;
    assert_non_null(member);
    assert_true(span_is(member->name, "member"));
    assert_int_equal(member->formats, FORMAT_BIT(FORMAT_PICKLE));
    assert_int_equal(member->status, STATUS_INCOMPLETE);
    assert_int_equal(member->offset, 7);
    assert_int_equal(member->findings.count, 1);
    assert_ptr_equal(member->findings.first->rule, &rules[RULE_FORMAT_POLYGLOT]);
    assert_true(span_is(member->findings.first->message, "found"));
    arena_free(file->arena);
    worker_stop(w);
}

struct cut {
    const struct artifact *file;
    int fd;
};

/* As a meanwhile(): once the child reads the file, cut it to nothing. */
static bool truncate_file(void *self)
{
    const struct cut *cut = self;
    if (cut->file->findings.count == 0)
        return true;
    assert_int_equal(ftruncate(cut->fd, 0), 0);
    return false;
}

static void a_file_cut_short_is_incomplete(void **state)
{
    struct error error;
    struct worker *w = start("worker_evil", DATA_DIR, &error);
    char path[64];
    int fd = memfd_create("file", MFD_CLOEXEC);
    (void)state;
    assert_non_null(w);
    assert_int_equal(write(fd, "run_touch\n", 10), 10);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int reading = open(path, O_RDONLY | O_CLOEXEC);
    struct arena *arena = arena_new(WORKER_ARENA_MAX);
    struct artifact *file = artifact_new(arena, span_of_text("cut"), 10);
    struct cut cut = { file, fd };
    assert_true(worker_inspect(w, reading, file, truncate_file, &cut, &error));
    assert_int_equal(file->status, STATUS_INCOMPLETE);
    assert_true(span_find(file->reason, CRASHED("SIGBUS"), 0) != SIZE_MAX);
    arena_free(arena);
    (void)close(fd);
    (void)close(reading);
    worker_stop(w);
}

static bool count_to_a_hundred(void *self)
{
    unsigned *count = self;
    return ++*count < 100;
}

static void the_caller_works_meanwhile(void **state)
{
    struct error error;
    struct worker *w = start("worker_evil", DATA_DIR, &error);
    struct arena *arena = arena_new(WORKER_ARENA_MAX);
    struct artifact *file = artifact_new(arena, span_of_text("x"), 9);
    unsigned count = 0;
    int fd = file_of("run_stall");
    (void)state;
    assert_non_null(w);
    assert_true(worker_inspect(w, fd, file, count_to_a_hundred, &count, &error));
    assert_int_equal(count, 100);
    (void)close(fd);
    arena_free(arena);
    worker_stop(w);
}

static void expect_status(struct worker *w, int fd, bool complete)
{
    struct error error;
    struct arena *arena = arena_new(WORKER_ARENA_MAX);
    struct artifact *file = artifact_new(arena, span_of_text("x"), 0);
    assert_true(fd >= 0);
    assert_true(worker_inspect(w, fd, file, NULL, NULL, &error));
    assert_int_equal(file->status != STATUS_INCOMPLETE, complete);
    arena_free(arena);
    (void)close(fd);
}

static void odd_files_are_taken(void **state)
{
    struct error error;
    struct worker_options o = { .program = program_path("bin/assay-worker"),
                                .data_dir = DATA_DIR,
                                .sandbox = MODE,
                                .budget = budget_default() };
    struct worker *w = worker_start(&o, &error);
    int sparse = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    (void)state;
    assert_non_null(w);
    expect_status(w, file_of(""), true);
    expect_status(w, open("/", O_RDONLY | O_CLOEXEC), false);
    if (sparse >= 0) { /* else this file system has no such thing */
        assert_int_equal(ftruncate(sparse, INT64_C(5) << 30), 0);
        expect_status(w, sparse, true);
    }
    worker_stop(w);
}

/* -- resources ------------------------------------------------------------------ */

static void no_descriptor_leaks(void **state)
{
    static const char *const deeds[] = { "do_nothing\n", "run_segv\n", "lie_garbage\n",
                                         "lie_unfinished\n", "do_spool\n" };
    struct error error;
    bool alive;
    (void)state;
    int before = count_fds();
    struct worker *w = start("worker_evil", DATA_DIR, &error);
    assert_non_null(w);
    arena_free(inspect_text(w, "do_spool\n", &alive, &error)->arena);
    int during = count_fds();
    for (int i = 0; i < 50; i++)
        arena_free(inspect_text(w, deeds[i % 5], &alive, &error)->arena);
    assert_int_equal(count_fds(), during);
    worker_stop(w);
    assert_int_equal(count_fds(), before);
}

static void *work(void *result)
{
    bool *ok = result, alive;
    struct error error;
    struct worker *w = start("worker_evil", DATA_DIR, &error);
    *ok = w;
    for (int i = 0; *ok && i < 20; i++) {
        struct artifact *file = inspect_text(w, "do_nothing\n", &alive, &error);
        *ok = alive && file->status == STATUS_COMPLETE;
        arena_free(file->arena);
    }
    worker_stop(w);
    return NULL;
}

static void every_thread_may_have_its_own(void **state)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    bool ok[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &ok[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(ok[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_program_is_refused),
        cmocka_unit_test(an_unconfined_worker_is_refused),
        cmocka_unit_test(the_real_worker_says_how_it_is_confined),
        cmocka_unit_test(off_means_off),
#ifndef UNCONFINED
        cmocka_unit_test(what_the_kernel_lacks_is_said_or_refused),
#endif
        cmocka_unit_test(a_worker_ends_with_the_main_process),
        cmocka_unit_test(a_killed_worker_is_an_error),
        cmocka_unit_test(a_lost_worker_is_an_error),
        cmocka_unit_test(a_job_without_a_child_is_incomplete),
        cmocka_unit_test(descriptors_nobody_asked_for_are_closed),
        cmocka_unit_test(what_was_found_survives_a_crash),
        cmocka_unit_test(a_file_cut_short_is_incomplete),
        cmocka_unit_test(the_caller_works_meanwhile),
        cmocka_unit_test(odd_files_are_taken),
        cmocka_unit_test(no_descriptor_leaks),
        cmocka_unit_test(every_thread_may_have_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
