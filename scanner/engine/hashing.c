#include "engine/hashing.h"

#include "core/file_state.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, THREADS_MAX = 256 };

struct pool {
    const struct source_list *list;
    struct hash_item *items;
    size_t *order; /* the biggest first */
    size_t count;
    atomic_size_t next;
    atomic_bool starved; /* a thread had no memory to begin with */
};

static void trouble(struct hash_item *item, const char *what)
{
    (void)snprintf(item->problem, sizeof item->problem, "%.150s", what);
}

/* Everything from start to end into the digester. */
static bool read_range(int fd, struct hash_item *item, struct digester *d,
                       uint8_t *buffer)
{
    uint64_t at = item->start;
    while (at < item->end) {
        uint64_t left = item->end - at;
        ssize_t n = pread(fd, buffer, left < BUFFER ? left : BUFFER, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            trouble(item, strerror(errno));
            return false;
        }
        if (n == 0)
            break;
        digester_add(d, span_of(buffer, (size_t)n));
        at += (uint64_t)n;
    }
    if (item->end != UINT64_MAX && at != item->end)
        trouble(item, "it is shorter than its signed ranges");
    return item->problem[0] == '\0';
}

static void keep(struct hash_item *item, struct digester *d)
{
    char hex[DIGEST_HEX_MAX + 1];
    digester_finish(d);
    if (item->algorithms & (item->algorithms - 1)) {
        item->all = d;
        return;
    }
    for (int a = 0; a < DIGEST_COUNT; a++)
        if (digester_hex(d, (enum digest_algorithm)a, hex))
            item->hex = strdup(hex);
    if (!item->hex)
        trouble(item, "out of memory");
    digester_free(d);
}

static void hash_one(const struct pool *pool, struct hash_item *item, uint8_t *buffer)
{
    struct error error;
    struct stat before, after;
    int fd = source_file_open(pool->list, item->file, &error);
    if (fd < 0) {
        trouble(item, error.message);
        return;
    }
    struct digester *d = NULL;
    if (fstat(fd, &before) != 0)
        trouble(item, strerror(errno));
    else if (!(d = digester_new(item->algorithms, (uint64_t)before.st_size)))
        trouble(item, "out of memory");
    else
        item->size = (uint64_t)before.st_size;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    if (d && read_range(fd, item, d, buffer) &&
        (fstat(fd, &after) != 0 || !file_state_equal(&before, &after)))
        trouble(item, "it changed while it was hashed");
    (void)close(fd);
    if (d && item->problem[0] == '\0')
        keep(item, d);
    else
        digester_free(d);
}

static void *thread_main(void *self)
{
    struct pool *pool = self;
    uint8_t *buffer = malloc(BUFFER);
    if (!buffer)
        atomic_store(&pool->starved, true);
    while (buffer) {
        size_t at = atomic_fetch_add(&pool->next, 1);
        if (at >= pool->count)
            break;
        hash_one(pool, &pool->items[pool->order[at]], buffer);
    }
    free(buffer);
    return NULL;
}

static int compare_sizes(const void *a, const void *b, void *self)
{
    const struct hash_item *items = self;
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    uint64_t one = items[left].file->size, two = items[right].file->size;
    if (one != two)
        return one > two ? -1 : 1;
    return left < right ? -1 : left > right;
}

bool hash_items(const struct source_list *list, struct hash_item *items, size_t count,
                unsigned threads, struct error *error)
{
    struct pool pool = { .list = list, .items = items, .count = count };
    pthread_t others[THREADS_MAX];
    unsigned wanted = threads > THREADS_MAX ? THREADS_MAX : threads, started = 0;
    if (wanted > count)
        wanted = (unsigned)count;
    pool.order = calloc(count + 1, sizeof *pool.order);
    if (!pool.order)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        pool.order[i] = i;
    if (count)
        qsort_r(pool.order, count, sizeof *pool.order, compare_sizes, items);
    while (started + 1 < wanted &&
           pthread_create(&others[started], NULL, thread_main, &pool) == 0)
        started++;
    (void)thread_main(&pool); /* this thread works too */
    while (started)
        pthread_join(others[--started], NULL);
    free(pool.order);
    /* as long as one thread had a buffer, it has done everything */
    return atomic_load(&pool.next) >= count ||
           error_set(error, ERROR_MEMORY, "out of memory");
}

void hash_items_free(struct hash_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(items[i].hex);
        digester_free(items[i].all);
        items[i].hex = NULL;
        items[i].all = NULL;
    }
}
