#include "formats/expansion.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The spool's offsets are rounded up to this, so that a mapping can start at any
 * of them; it is a multiple of every page size Linux uses. */
enum { SPOOL_ALIGN = 1 << 16, HEAP_FIRST = 4096 };

struct expansion {
    struct inspection *in; /* not owned */
    size_t len;
    uint8_t *heap; /* holds all of it while on_spool is false */
    size_t capacity;
    bool on_spool;
    uint64_t below; /* in->spool_used before this expansion */
    uint64_t start; /* where it lies in the spool */
    void *map;      /* NULL: not mapped */
    size_t mapped;
};

struct expansion *expansion_open(struct inspection *in)
{
    struct expansion *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->in = in;
    e->below = in->spool_used;
    e->start = (in->spool_used + SPOOL_ALIGN - 1) / SPOOL_ALIGN * SPOOL_ALIGN;
    return e;
}

static void unmap(struct expansion *e)
{
    if (e->map)
        (void)munmap(e->map, e->mapped);
    e->map = NULL;
    e->mapped = 0;
}

static bool spool_write(struct expansion *e, struct span bytes)
{
    unmap(e);
    for (size_t done = 0; done < bytes.len;) {
        struct span rest = span_slice(bytes, done, bytes.len);
        off_t at = (off_t)(e->start + e->len + done);
        ssize_t n = pwrite(e->in->spool_fd, rest.ptr, rest.len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            inspection_incomplete(e->in, "the spool for expanded data is full");
            return false;
        }
        done += (size_t)n;
    }
    e->len += bytes.len;
    e->in->spool_used = e->start + e->len;
    return true;
}

static bool move_to_spool(struct expansion *e)
{
    size_t len = e->len;
    e->len = 0;
    if (!spool_write(e, span_of(e->heap, len))) {
        e->len = len; /* still whole on the heap */
        return false;
    }
    free(e->heap);
    e->heap = NULL;
    e->capacity = 0;
    e->on_spool = true;
    return true;
}

static bool heap_add(struct expansion *e, struct span bytes)
{
    size_t need = e->len + bytes.len;
    if (need > e->capacity) {
        size_t capacity = e->capacity ? e->capacity : HEAP_FIRST;
        while (capacity < need)
            capacity *= 2;
        uint8_t *grown = realloc(e->heap, capacity);
        if (!grown) {
            inspection_incomplete(e->in, "no memory for %zu expanded bytes", need);
            return false;
        }
        e->heap = grown;
        e->capacity = capacity;
    }
    memcpy(e->heap + e->len, bytes.ptr, bytes.len);
    e->len = need;
    return true;
}

bool expansion_add(struct expansion *e, struct span bytes)
{
    assert(e->in->spool_used == (e->on_spool ? e->start + e->len : e->below));
    if (bytes.len == 0)
        return true;
    if (!inspection_spend(e->in, BUDGET_EXPANDED_BYTES, bytes.len))
        return false;
    if (e->on_spool)
        return spool_write(e, bytes);
    size_t max = e->in->spool_fd >= 0 ? EXPANSION_HEAP_MAX : EXPANSION_HEAP_ONLY_MAX;
    if (bytes.len <= max - e->len)
        return heap_add(e, bytes);
    if (e->in->spool_fd < 0) {
        inspection_incomplete(e->in, "more than %zu expanded bytes and no spool", max);
        return false;
    }
    return move_to_spool(e) && spool_write(e, bytes);
}

struct span expansion_bytes(struct expansion *e)
{
    if (!e->on_spool)
        return span_of(e->heap, e->len);
    if (!e->map && e->len > 0) {
        void *map =
            mmap(NULL, e->len, PROT_READ, MAP_PRIVATE, e->in->spool_fd, (off_t)e->start);
        if (map == MAP_FAILED) {
            inspection_incomplete(e->in, "cannot map %zu expanded bytes", e->len);
            return (struct span){ 0 };
        }
        e->map = map;
        e->mapped = e->len;
    }
    return span_of(e->map, e->mapped);
}

void expansion_close(struct expansion *e)
{
    if (!e)
        return;
    assert(e->in->spool_used == (e->on_spool ? e->start + e->len : e->below));
    e->in->spool_used = e->below;
    unmap(e);
    free(e->heap);
    free(e);
}
