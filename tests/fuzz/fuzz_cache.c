/* What lies in a cache that somebody else may have written: entries, states of partial
 * downloads, answers of registries.  The first byte picks. */
#include "sources/answer_store.h"

#include "net/cache.h"

#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cache *cache;
static char directory[64], found[512];

static void require(bool condition)
{
    if (!condition)
        abort();
}

static int forget(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static int note(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)where;
    if (kind == FTW_F)
        (void)snprintf(found, sizeof found, "%s", path);
    return 0;
}

static void end(void)
{
    cache_close(cache);
    (void)nftw(directory, forget, 8, FTW_DEPTH | FTW_PHYS);
}

static void begin(void)
{
    struct error error;
    (void)snprintf(directory, sizeof directory, "/tmp/assay-fuzz-XXXXXX");
    require(mkdtemp(directory) != NULL);
    cache = cache_open(directory, 0, &error);
    require(cache != NULL);
    (void)atexit(end);
}

static void sha256_of(struct span bytes, char ret_hex[CACHE_HEX + 1])
{
    uint8_t digest[32];
    require(EVP_Digest(bytes.ptr, bytes.len, digest, NULL, EVP_sha256(), NULL) == 1);
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}

static void store(const char *identity, struct span bytes)
{
    struct error error;
    char hex[CACHE_HEX + 1];
    int fd = -1;
    sha256_of(bytes, hex);
    require(cache_store(cache, identity, hex, bytes, "\"v1\"", &fd, &error));
    (void)close(fd);
}

/* The file below a directory of the cache's, with other contents. */
static void overwrite(const char *below, struct span bytes)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", directory, below);
    found[0] = '\0';
    (void)nftw(path, note, 8, FTW_PHYS);
    require(found[0] != '\0');
    (void)chmod(found, 0600);
    int fd = open(found, O_WRONLY | O_TRUNC | O_CLOEXEC);
    require(fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    (void)close(fd);
}

static void recall(struct span bytes)
{
    struct cache_entry e;
    store("x", span_of_text("weights"));
    overwrite("names", bytes);
    if (!cache_recall(cache, "x", &e))
        return;
    require(strspn(e.sha256, "0123456789abcdef") == CACHE_HEX && !e.sha256[CACHE_HEX]);
    for (const char *c = e.validator; *c; c++)
        require((unsigned char)*c >= 0x20 && *c != 0x7f);
    int fd = cache_find(cache, e.sha256);
    if (fd >= 0)
        (void)close(fd);
}

static void resume(struct span bytes)
{
    struct error error = { .code = ERROR_NONE };
    struct partial p;
    if (partial_open(cache, "y", &p, &error) != PARTIAL_OPEN)
        return;
    require(partial_restart(&p, "\"v1\"", &error));
    require(partial_write(&p, span_of_text("weig"), &error));
    partial_close(&p, true);
    overwrite("partial", bytes);
    if (partial_open(cache, "y", &p, &error) != PARTIAL_OPEN)
        return;
    require(strlen(p.validator) <= CACHE_VALIDATOR_MAX);
    for (const char *c = p.validator; *c; c++)
        require((unsigned char)*c >= 0x20 && *c != 0x7f);
    partial_close(&p, false);
}

static void answer(struct span bytes)
{
    const struct rest_request q = { .method = "GET", .url = "https://hub.test/x" };
    struct arena *arena = arena_new(4 << 20);
    struct rest_answer a = { .status = 200, .body = span_of_text("{}") };
    require(arena != NULL);
    answer_keep(cache, &q, &a);
    overwrite("objects", bytes);
    if (answer_recall(cache, &q, arena, &a)) {
        require(a.status >= 0 && a.body.len <= bytes.len);
        for (size_t i = 0; i < a.header_count; i++)
            require(a.headers[i].name && a.headers[i].value);
    }
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_slice(span_of(data, size), 1, size);
    if (!cache)
        begin();
    if (size == 0)
        return 0;
    switch (data[0] % 3) {
    case 0:
        recall(bytes);
        break;
    case 1:
        resume(bytes);
        break;
    default:
        answer(bytes);
    }
    cache_trim(cache, 0);
    return 0;
}
