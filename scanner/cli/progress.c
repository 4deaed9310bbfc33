#include "cli/progress.h"

#include <time.h>

static const double interval = 0.1; /* seconds between two redraws */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void progress_start(struct progress *p, bool shown)
{
    *p = (struct progress){ .shown = shown, .started = now() };
    p->drawn = p->started;
}

void progress_update(void *self, const struct scan_progress *s)
{
    enum { BAR = 20 };
    struct progress *p = self;
    double t = p->shown ? now() : 0;
    if (!p->shown || t - p->drawn < interval)
        return;
    p->drawn = t;
    double share = s->bytes_total ? (double)s->bytes_done / (double)s->bytes_total : 0;
    double rate = (double)s->bytes_done / (t - p->started);
    double left = rate > 0 ? (double)(s->bytes_total - s->bytes_done) / rate : 0;
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++)
        bar[i] = i < (int)(share * BAR) ? '#' : '.';
    bar[BAR] = '\0';
    fprintf(stderr, "\r[%s] %llu/%llu files  %.1f/%.1f MB  %.0f MB/s  %.0f s left\033[K",
            bar, (unsigned long long)s->files_done, (unsigned long long)s->files_total,
            (double)s->bytes_done / 1e6, (double)s->bytes_total / 1e6, rate / 1e6, left);
}

void progress_end(struct progress *p)
{
    if (p->shown && p->drawn > p->started)
        fputs("\r\033[K", stderr);
}
