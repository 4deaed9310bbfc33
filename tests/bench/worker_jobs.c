/* worker_jobs: what one small file costs in the worker, from job to reaped child.
 *
 *   build/bench/worker_jobs [FILES [SANDBOX [FILE]]]     SANDBOX: auto, off
 *   YARA_PACK=build/share/rules/assay.yarc …             with byte rules */
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "worker/worker.h"

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(int who)
{
    struct rusage u;
    (void)getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static bool run(struct worker *w, int fd, struct error *error)
{
    struct arena *arena = arena_new(WORKER_ARENA_MAX);
    struct artifact *file = artifact_new(arena, span_of_text("bench"), 0);
    bool ok = worker_inspect(w, fd, file, NULL, NULL, error);
    if (ok && file->status == STATUS_INCOMPLETE) {
        printf("%.*s\n", (int)file->reason.len, (const char *)file->reason.ptr);
        ok = false;
    }
    arena_free(arena);
    return ok;
}

int main(int argc, char **argv)
{
    const char *build = getenv("BUILD");
    char program[512];
    (void)snprintf(program, sizeof program, "%s/bin/assay-worker",
                   build ? build : "build");
    long files = argc > 1 ? strtol(argv[1], NULL, 10) : 2000;
    struct worker_options o = { .program = program,
                                .data_dir = getenv("DATA_DIR") ? getenv("DATA_DIR") : ".",
                                .yara_pack = getenv("YARA_PACK"),
                                .budget = budget_default() };
    if (argc > 2 && strcmp(argv[2], "off") == 0)
        o.sandbox = SANDBOX_OFF;
    int fd = open(argc > 3 ? argv[3] : "VERSION", O_RDONLY | O_CLOEXEC);
    struct error error = { 0 };
    double t = now();
    struct worker *w = worker_start(&o, &error);
    double started = now() - t;
    bool ok = w && fd >= 0 && run(w, fd, &error);
    t = now();
    double mine = cpu(RUSAGE_SELF);
    for (long i = 0; ok && i < files; i++)
        ok = run(w, fd, &error);
    t = now() - t;
    mine = cpu(RUSAGE_SELF) - mine;
    if (!ok) {
        printf("failed: %s\n", error.message);
        return 1;
    }
    const char *sandbox = worker_sandbox(w);
    printf("sandbox %s, start %.2f ms, %ld files, each %.3f ms", sandbox, started * 1e3,
           files, t * 1e3 / (double)files);
    worker_stop(w);
    double theirs = cpu(RUSAGE_CHILDREN);
    printf(", processor time %.3f ms here, %.3f ms in the worker\n",
           mine * 1e3 / (double)files, theirs * 1e3 / (double)files);
    return 0;
}
