/* pickle_speed FILE [ROUNDS]: how fast the pickle machine reads a stream, alone.
 * Prints MB/s of the best round, instructions a second, peak private memory. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "formats/pickle/machine.h"

static void on_import(void *self, struct pickle_machine *m, uint32_t index, size_t at)
{
    (void)self, (void)m, (void)index, (void)at;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Anonymous memory of this process, in MiB, from /proc/self/status. */
static double private_memory(void)
{
    char line[256];
    double kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtod(line + 8, NULL);
    if (f)
        fclose(f);
    return kib / 1024;
}

int main(int argc, char **argv)
{
    struct stat st;
    int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;
    if (fd < 0 || fstat(fd, &st) != 0) {
        fprintf(stderr, "usage: pickle_speed FILE [ROUNDS]\n");
        return 2;
    }
    size_t len = (size_t)st.st_size;
    void *bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED)
        return 1;
    long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 5;
    double best = 1e9, memory = 0;
    uint64_t instructions = 0;
    enum pickle_end end = PICKLE_STOPPED;
    for (long i = 0; i < rounds; i++) {
        struct pickle_sink sink = { .import = on_import };
        struct arena *arena = arena_new(64 << 20);
        struct pickle_machine *m =
            pickle_machine_new(span_of(bytes, len), arena, NULL, &sink);
        if (!m)
            return 1;
        double start = seconds();
        end = pickle_machine_run(m, 0);
        double took = seconds() - start;
        best = took < best ? took : best;
        instructions = m->instructions;
        memory = private_memory();
        pickle_machine_free(m);
        arena_free(arena);
    }
    printf("%s: %.1f MB, %.0f MB/s, %.0f million instructions/s, %.1f MiB private, %s\n",
           argv[1], (double)len / 1e6, (double)len / 1e6 / best,
           (double)instructions / 1e6 / best, memory,
           end == PICKLE_STOPPED ? "stopped" : "not stopped");
    return end == PICKLE_STOPPED ? 0 : 1;
}
