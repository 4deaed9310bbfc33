#include "net/cache.h"
#include "core/descriptor.h"

#include "core/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STATE_MAX = 512, WEEK = 7 * 24 * 3600, PATH_BYTES = 96 };
#define ENTRY_MARK "assay-cache 1"
#define STATE_MARK "assay-part 1"

struct cache {
    int root;
    uint64_t budget;
    pthread_mutex_t lock; /* added, and one trim at a time */
    uint64_t added;       /* bytes since the last trim */
};

/* --- names --- */

static bool is_digest(const char *hex)
{
    return strlen(hex) == CACHE_HEX && strspn(hex, "0123456789abcdef") == CACHE_HEX;
}

static bool name_of(const char *identity, char ret_name[CACHE_HEX + 1])
{
    struct span text = span_of_text(identity);
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), text.len);
    char hex[DIGEST_HEX_MAX + 1];
    if (!d)
        return false;
    digester_add(d, text);
    digester_finish(d);
    bool ok = digester_hex(d, DIGEST_SHA256, hex);
    digester_free(d);
    if (ok)
        memcpy(ret_name, hex, CACHE_HEX + 1);
    return ok;
}

static void path_of(char path[PATH_BYTES], const char *folder, const char *name,
                    const char *ending)
{
    (void)snprintf(path, PATH_BYTES, "%s/%s%s", folder, name, ending);
}

static void object_path(char path[PATH_BYTES], const char *sha256)
{
    (void)snprintf(path, PATH_BYTES, "objects/%.2s/%s", sha256, sha256 + 2);
}

static void object_folder(char path[PATH_BYTES], const char *sha256)
{
    (void)snprintf(path, PATH_BYTES, "objects/%.2s", sha256);
}

/* --- small files, written whole or not at all --- */

/* Read all of it into `text`; false when it is missing, too long or no plain file. */
static bool read_small(const struct cache *c, const char *path, char text[STATE_MAX])
{
    int fd = openat(c->root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, STATE_MAX);
    if (fd >= 0)
        (void)close(fd);
    if (n <= 0 || n == STATE_MAX || memchr(text, '\0', (size_t)n))
        return false;
    text[n] = '\0';
    return true;
}

static bool make_folder(const struct cache *c, const char *folder)
{
    return mkdirat(c->root, folder, 0700) == 0 ||
           errno == EEXIST; /* another was faster */
}

/* A new file with a name of its own in `folder`, to be renamed; that is faster within a
 * folder than between two. */
static bool write_new(const struct cache *c, const char *folder, struct span bytes,
                      unsigned mode, char ret_path[PATH_BYTES])
{
    uint64_t random[2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return false;
    (void)snprintf(ret_path, PATH_BYTES, "%s/%016llx%016llx.tmp", folder,
                   (unsigned long long)random[0], (unsigned long long)random[1]);
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    int fd = openat(c->root, ret_path, flags, mode);
    if (fd < 0 && errno == ENOENT && make_folder(c, folder))
        fd = openat(c->root, ret_path, flags, mode);
    if (fd < 0)
        return false;
    bool ok = descriptor_write(fd, bytes);
    int why = errno;
    if (close(fd) == 0 && ok)
        return true;
    (void)unlinkat(c->root, ret_path, 0);
    errno = why;
    return false;
}

static bool write_small(const struct cache *c, const char *path, struct span text)
{
    char temporary[PATH_BYTES];
    if (!write_new(c, "partial", text, 0600, temporary))
        return false;
    if (renameat(c->root, temporary, c->root, path) == 0)
        return true;
    (void)unlinkat(c->root, temporary, 0);
    return false;
}

/* The next line at *at, cut off its '\n', or NULL. */
static char *take_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');
    if (!end)
        return NULL;
    *end = '\0';
    *at = end + 1;
    return line;
}

/* A validator that fits and is one line; else it is as good as none. */
static void keep_validator(char to[CACHE_VALIDATOR_MAX + 1], const char *validator)
{
    size_t len = validator ? strlen(validator) : 0;
    if (len > CACHE_VALIDATOR_MAX || (len && strpbrk(validator, "\r\n")))
        len = 0;
    if (len)
        memcpy(to, validator, len);
    to[len] = '\0';
}

/* --- the directory --- */

static bool make_parents(char *path)
{
    for (char *c = path + 1; *c; c++)
        if (*c == '/') {
            *c = '\0';
            bool ok = mkdir(path, 0700) == 0 || errno == EEXIST;
            *c = '/';
            if (!ok)
                return false;
        }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* What others can write into would let them choose what is scanned. */
static bool own_directory(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

static bool fill_directory(int root)
{
    static const char *const folders[] = { "objects", "names", "partial" };
    static const char tag[] = "Signature: 8a477f597d28d172789f06886806bc55\n";
    for (size_t i = 0; i < 3; i++)
        if (mkdirat(root, folders[i], 0700) != 0 && errno != EEXIST)
            return false;
    int fd = openat(root, "CACHEDIR.TAG", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST;
    bool ok = write(fd, tag, sizeof tag - 1) == (ssize_t)(sizeof tag - 1);
    return close(fd) == 0 && ok;
}

struct cache *cache_open(const char *directory, uint64_t budget, struct error *error)
{
    char *path = strdup(directory);
    struct cache *c = calloc(1, sizeof *c);
    if (!path || !c) {
        free(path);
        free(c);
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    c->budget = budget;
    c->root = -1;
    (void)pthread_mutex_init(&c->lock, NULL);
    if (make_parents(path))
        c->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(path);
    if (c->root < 0 || !fill_directory(c->root)) {
        (void)error_errno(error, ERROR_IO, "cannot use the cache %s", directory);
    } else if (!own_directory(c->root)) {
        (void)error_set(error, ERROR_CONFIG,
                        "the cache %s belongs to, or may be written by, somebody else",
                        directory);
    } else {
        return c;
    }
    cache_close(c);
    return NULL;
}

void cache_close(struct cache *c)
{
    if (!c)
        return;
    if (c->root >= 0)
        (void)close(c->root);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

/* --- objects --- */

int cache_find(struct cache *c, const char *sha256)
{
    char path[PATH_BYTES];
    struct stat st;
    if (!is_digest(sha256))
        return -1;
    object_path(path, sha256);
    int fd = openat(c->root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

void cache_remove(struct cache *c, const char *sha256)
{
    char path[PATH_BYTES];
    if (!is_digest(sha256))
        return;
    object_path(path, sha256);
    (void)unlinkat(c->root, path, 0);
}

bool cache_recall(struct cache *c, const char *identity, struct cache_entry *ret_entry)
{
    char name[CACHE_HEX + 1], path[PATH_BYTES], text[STATE_MAX], *at = text;
    if (!name_of(identity, name))
        return false;
    path_of(path, "names", name, "");
    if (!read_small(c, path, text))
        return false;
    char *mark = take_line(&at), *sha256 = mark ? take_line(&at) : NULL;
    char *size = sha256 ? take_line(&at) : NULL,
         *validator = size ? take_line(&at) : NULL;
    char *end;
    if (!validator || strcmp(mark, ENTRY_MARK) != 0 || !is_digest(sha256))
        return false;
    errno = 0;
    unsigned long long n = strtoull(size, &end, 10);
    if (*size < '0' || *size > '9' || *end || errno)
        return false;
    memcpy(ret_entry->sha256, sha256, CACHE_HEX + 1);
    ret_entry->size = n;
    keep_validator(ret_entry->validator, validator);
    return true;
}

/* Written in place: what a kill leaves half is not believed, and only loaded again. */
static void remember(const struct cache *c, const char *name,
                     const struct cache_entry *entry)
{
    char path[PATH_BYTES], text[STATE_MAX];
    path_of(path, "names", name, "");
    int n = snprintf(text, sizeof text, ENTRY_MARK "\n%s\n%llu\n%s\n", entry->sha256,
                     (unsigned long long)entry->size, entry->validator);
    int fd = openat(c->root, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    0600);
    if (fd < 0)
        return;
    bool ok = write(fd, text, (size_t)n) == n;
    if (close(fd) != 0 || !ok)
        (void)unlinkat(c->root, path, 0);
}

/* `path`, which is in the cache, becomes an object. */
static bool make_object(const struct cache *c, const char *path, const char *sha256)
{
    char object[PATH_BYTES], folder[PATH_BYTES];
    object_path(object, sha256);
    object_folder(folder, sha256);
    return renameat(c->root, path, c->root, object) == 0 ||
           (errno == ENOENT && make_folder(c, folder) &&
            renameat(c->root, path, c->root, object) == 0);
}

/* --- parts --- */

static void state_path(const struct partial *p, char path[PATH_BYTES])
{
    path_of(path, "partial", p->name, ".state");
}

static void read_state(struct partial *p)
{
    char path[PATH_BYTES], text[STATE_MAX], *at = text;
    state_path(p, path);
    if (!read_small(p->cache, path, text))
        return;
    char *mark = take_line(&at), *validator = mark ? take_line(&at) : NULL;
    if (validator && strcmp(mark, STATE_MARK) == 0)
        keep_validator(p->validator, validator);
}

/* A descriptor that holds the lock of what the path names now, or -1: while we came to
 * it, another process may have made it an object or thrown it away.  errno is EWOULDBLOCK
 * when another has it. */
static int open_locked(const struct cache *c, const char *path)
{
    for (;;) {
        struct stat mine, named;
        int fd = openat(c->root, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
            return -1;
        bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
        bool known = locked && fstat(fd, &mine) == 0 && S_ISREG(mine.st_mode);
        if (known && fstatat(c->root, path, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
            mine.st_ino == named.st_ino && mine.st_dev == named.st_dev)
            return fd;
        int why = errno;
        (void)close(fd);
        errno = why;
        if (!known)
            return -1;
    }
}

/* Only where there is something: ext4 writes a file out when it is closed after it was
 * cut to nothing, which for a large download takes as long as the download. */
static bool make_empty(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (st.st_size == 0 || ftruncate(fd, 0) == 0);
}

enum partial_outcome partial_open(struct cache *c, const char *identity,
                                  struct partial *ret_partial, struct error *error)
{
    struct partial p = { .cache = c };
    char path[PATH_BYTES];
    struct stat st;
    if (!name_of(identity, p.name)) {
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        return PARTIAL_ERROR;
    }
    path_of(path, "partial", p.name, ".part");
    p.fd = open_locked(c, path);
    if (p.fd < 0 && errno == EWOULDBLOCK)
        return PARTIAL_BUSY;
    if (p.fd < 0) {
        (void)error_errno(error, ERROR_IO, "cannot write into the cache");
        return PARTIAL_ERROR;
    }
    read_state(&p);
    if (fstat(p.fd, &st) != 0 || (p.validator[0] == '\0' && !make_empty(p.fd)) ||
        lseek(p.fd, 0, SEEK_END) < 0) {
        (void)error_errno(error, ERROR_IO, "cannot use a part in the cache");
        (void)close(p.fd);
        return PARTIAL_ERROR;
    }
    p.size = p.validator[0] ? (uint64_t)st.st_size : 0;
    *ret_partial = p;
    return PARTIAL_OPEN;
}

bool partial_restart(struct partial *p, const char *validator, struct error *error)
{
    char path[PATH_BYTES], text[STATE_MAX];
    state_path(p, path); /* first: without it the bytes are no part of anything */
    if ((unlinkat(p->cache->root, path, 0) != 0 && errno != ENOENT) ||
        !make_empty(p->fd) || lseek(p->fd, 0, SEEK_SET) != 0)
        return error_errno(error, ERROR_IO, "cannot begin a download in the cache");
    p->size = 0;
    keep_validator(p->validator, validator);
    if (p->validator[0] == '\0')
        return true;
    int n = snprintf(text, sizeof text, STATE_MARK "\n%s\n", p->validator);
    return write_small(p->cache, path, span_of(text, (size_t)n)) ||
           error_errno(error, ERROR_IO, "cannot write into the cache");
}

bool partial_write(struct partial *p, struct span bytes, struct error *error)
{
    if (!descriptor_write(p->fd, bytes))
        return error_errno(error, ERROR_IO, "cannot write into the cache");
    p->size += bytes.len;
    return true;
}

/* --- what there is too much of --- */

struct found {
    char path[PATH_BYTES];
    uint64_t size;
    int64_t used; /* nanoseconds since 1970; access times of a kernel are good to a day */
};
struct found_list {
    struct found *list;
    size_t count, capacity;
    uint64_t bytes;
};

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Add the regular files of one folder.  Memory that is short makes the list shorter. */
static void list_folder(const struct cache *c, const char *folder, struct found_list *l)
{
    int fd = openat(c->root, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory && fd >= 0)
        (void)close(fd);
    for (struct dirent *e; directory && (e = readdir(directory)) != NULL;) {
        struct stat st;
        struct found *new;
        if (strlen(folder) + strlen(e->d_name) + 2 > PATH_BYTES ||
            fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue;
        if (l->count == l->capacity) {
            size_t capacity = l->capacity ? l->capacity * 2 : 64;
            struct found *list = realloc(l->list, capacity * sizeof *list);
            if (!list)
                break;
            l->list = list;
            l->capacity = capacity;
        }
        new = &l->list[l->count++];
        path_of(new->path, folder, e->d_name, "");
        new->size = (uint64_t)st.st_size;
        int64_t read = nanoseconds(st.st_atim), written = nanoseconds(st.st_mtim);
        new->used = read > written ? read : written;
        l->bytes += new->size;
    }
    if (directory)
        (void)closedir(directory);
}

static int by_use(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return (x->used > y->used) - (x->used < y->used);
}

/* Parts, states and temporary files that nobody has touched for a week. */
static void trim_parts(struct cache *c)
{
    struct found_list l = { 0 };
    int64_t week_ago = ((int64_t)time(NULL) - WEEK) * 1000000000;
    list_folder(c, "partial", &l);
    for (size_t i = 0; i < l.count; i++) {
        int fd = openat(c->root, l.list[i].path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (l.list[i].used < week_ago && flock(fd, LOCK_EX | LOCK_NB) == 0)
            (void)unlinkat(c->root, l.list[i].path, 0);
        (void)close(fd);
    }
    free(l.list);
}

void cache_trim(struct cache *c, uint64_t bytes)
{
    struct found_list l = { 0 };
    char folder[PATH_BYTES];
    for (unsigned first = 0; first < 256; first++) {
        (void)snprintf(folder, sizeof folder, "objects/%02x", first);
        list_folder(c, folder, &l);
    }
    if (l.count)
        qsort(l.list, l.count, sizeof *l.list, by_use);
    for (size_t i = 0; i < l.count && l.bytes > bytes; i++) {
        (void)unlinkat(c->root, l.list[i].path, 0);
        l.bytes -= l.list[i].size;
    }
    free(l.list);
    trim_parts(c);
}

static void count_added(struct cache *c, uint64_t bytes)
{
    bool trim = false;
    if (c->budget == 0)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->added += bytes;
    if (c->added > c->budget / 16) { /* a walk now and then, not after each file */
        c->added = 0;
        trim = true;
    }
    (void)pthread_mutex_unlock(&c->lock);
    if (trim)
        cache_trim(c, c->budget);
}

bool partial_commit(struct partial *p, const char *sha256, int *ret_fd,
                    struct error *error)
{
    char part[PATH_BYTES], state[PATH_BYTES];
    struct cache *c = p->cache;
    struct cache_entry entry = { .size = p->size };
    path_of(part, "partial", p->name, ".part");
    state_path(p, state);
    int fd = openat(c->root, part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (!is_digest(sha256) || fd < 0 || fchmod(p->fd, 0400) != 0 ||
        !make_object(c, part, sha256)) {
        (void)error_errno(error, ERROR_IO, "cannot keep a download in the cache");
        if (fd >= 0)
            (void)close(fd);
        partial_close(p, false);
        return false;
    }
    memcpy(entry.sha256, sha256, CACHE_HEX + 1);
    memcpy(entry.validator, p->validator, sizeof entry.validator);
    remember(c, p->name, &entry);
    (void)unlinkat(c->root, state, 0);
    (void)close(p->fd);
    p->fd = -1;
    count_added(c, p->size);
    *ret_fd = fd;
    return true;
}

bool cache_store(struct cache *c, const char *identity, const char *sha256,
                 struct span bytes, const char *validator, int *ret_fd,
                 struct error *error)
{
    char name[CACHE_HEX + 1], temporary[PATH_BYTES], folder[PATH_BYTES];
    struct cache_entry entry = { .size = bytes.len };
    if (!name_of(identity, name) || !is_digest(sha256))
        return error_set(error, ERROR_MEMORY, "out of memory");
    object_folder(folder, sha256);
    bool ok = write_new(c, folder, bytes, 0400, temporary);
    int fd = ok ? openat(c->root, temporary, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd < 0 || !make_object(c, temporary, sha256)) {
        (void)error_errno(error, ERROR_IO, "cannot write into the cache");
        if (fd >= 0)
            (void)close(fd);
        if (ok)
            (void)unlinkat(c->root, temporary, 0);
        return false;
    }
    memcpy(entry.sha256, sha256, CACHE_HEX + 1);
    keep_validator(entry.validator, validator);
    remember(c, name, &entry);
    count_added(c, bytes.len);
    *ret_fd = fd;
    return true;
}

bool partial_exists(const struct cache *c, const char *identity)
{
    char name[CACHE_HEX + 1], path[PATH_BYTES];
    if (!name_of(identity, name))
        return false;
    path_of(path, "partial", name, ".part");
    return faccessat(c->root, path, F_OK, 0) == 0;
}

bool partial_take(struct partial *p, int *ret_fd, struct error *error)
{
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", p->fd);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        (void)error_errno(error, ERROR_IO, "cannot read a download again");
    else
        *ret_fd = fd;
    partial_close(p, false);
    return fd >= 0;
}

void partial_close(struct partial *p, bool keep)
{
    char path[PATH_BYTES];
    if (p->fd < 0)
        return;
    if (!keep || p->size == 0) {
        path_of(path, "partial", p->name, ".part");
        (void)unlinkat(p->cache->root, path, 0);
        state_path(p, path);
        (void)unlinkat(p->cache->root, path, 0);
    }
    (void)close(p->fd);
    p->fd = -1;
}
