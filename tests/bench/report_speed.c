/* report_speed FILE [REPEAT]: each writer alone, on a stored result that is read once.
 * Prints a line for each: its name, the best time in ms, and the bytes it wrote. */
#include "reports/report.h"
#include "reports/stored/read.h"

#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool measure(const struct report_writer *w, const struct result *r, int repeat)
{
    static const struct report_options o = { .width = 80, .rules_dir = "docs/rules" };
    double best = 0;
    long bytes = 0;
    for (int i = 0; i < repeat; i++) {
        FILE *out = tmpfile();
        double start = now();
        bool ok = out && w->write(out, r, &o) && fflush(out) == 0;
        double took = now() - start;
        if (!ok) {
            if (out)
                (void)fclose(out);
            return false;
        }
        bytes = ftell(out);
        (void)fclose(out);
        best = i == 0 || took < best ? took : best;
    }
    printf("%s %.3f %ld\n", w->name, best, bytes);
    return true;
}

int main(int argc, char **argv)
{
    struct error error = { 0 };
    double start = now();
    struct result *r = argc > 1 ? report_read_file(argv[1], &error) : NULL;
    if (!r) {
        fprintf(stderr, "report_speed: %s\n", argc > 1 ? error.message : "no file");
        return 1;
    }
    printf("reading %.3f 0\n", now() - start);
    bool ok = true;
    for (size_t i = 0; ok && report_at(i); i++)
        ok = measure(report_at(i), r, argc > 2 ? (int)strtol(argv[2], NULL, 10) : 3);
    result_free(r);
    return ok ? 0 : 1;
}
