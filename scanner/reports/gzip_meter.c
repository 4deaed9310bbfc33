#define ZLIB_CONST /* zlib takes its input as const */
#include "reports/gzip_meter.h"

#include <stdlib.h>
#include <zlib.h>

enum { BLOCK = 64 << 10 };

struct gzip_meter {
    FILE *out, *through;
    z_stream deflating; /* as gzip does by default; what it makes is only counted */
    uint64_t size;
};

static void count(struct gzip_meter *m, const char *bytes, size_t n)
{
    Bytef made[BLOCK];
    m->deflating.next_in = (const Bytef *)bytes;
    m->deflating.avail_in = (uInt)n;
    do {
        m->deflating.next_out = made;
        m->deflating.avail_out = sizeof made;
        (void)deflate(&m->deflating, Z_NO_FLUSH); /* cannot fail: there is room */
        m->size += sizeof made - m->deflating.avail_out;
    } while (m->deflating.avail_out == 0);
}

/* All or less than all: glibc takes the latter for an error. */
static ssize_t pass_on(void *cookie, const char *bytes, size_t n)
{
    struct gzip_meter *m = cookie;
    for (size_t at = 0; at < n; at += BLOCK)
        count(m, bytes + at, n - at < BLOCK ? n - at : BLOCK);
    return (ssize_t)fwrite(bytes, 1, n, m->out);
}

struct gzip_meter *gzip_meter_start(FILE *out, FILE **ret_through)
{
    struct gzip_meter *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->out = out;
    if (deflateInit(&m->deflating, Z_DEFAULT_COMPRESSION) != Z_OK) {
        free(m);
        return NULL;
    }
    m->through = fopencookie(m, "w", (cookie_io_functions_t){ .write = pass_on });
    if (!m->through) {
        (void)deflateEnd(&m->deflating);
        free(m);
        return NULL;
    }
    (void)setvbuf(m->through, NULL, _IOFBF, BLOCK);
    *ret_through = m->through;
    return m;
}

uint64_t gzip_meter_size(const struct gzip_meter *m)
{
    return m->size;
}

void gzip_meter_end(struct gzip_meter *m)
{
    (void)fclose(m->through); /* fails when `out` did */
    (void)deflateEnd(&m->deflating);
    free(m);
}
