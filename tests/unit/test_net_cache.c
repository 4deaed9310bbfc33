/* The download cache, also killed at each of its steps. */
#include "unit.h"

#include "core/digest.h"
#include "net/cache.h"
#include "net/intake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIECE = 100000, PIECES = 40 };

static char base[64];
static unsigned caches;

static void path_of(char *path, size_t size, const char *name)
{
    (void)snprintf(path, size, "%s/cache%u/%s", base, caches, name);
}

static struct cache *new_cache(void)
{
    char path[128];
    struct error error = { .message = "" };
    caches++;
    path_of(path, sizeof path, "deep/");
    path[strlen(path) - 1] = '\0';
    struct cache *c = cache_open(path, 0, &error);
    assert_non_null(c);
    return c;
}

static void digest_of(struct span bytes, char hex[DIGEST_HEX_MAX + 1])
{
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), bytes.len);
    assert_non_null(d);
    digester_add(d, bytes);
    digester_finish(d);
    assert_true(digester_hex(d, DIGEST_SHA256, hex));
    digester_free(d);
}

static void expect_content(int fd, const char *text)
{
    char read_back[64] = "";
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, read_back, sizeof read_back, 0), strlen(text));
    assert_string_equal(read_back, text);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    (void)close(fd);
}

/* --- a kill at the n-th system call that changes something --- */

static int calls_left = -1; /* -1: nobody counts */

static void step(void)
{
    if (calls_left >= 0 && calls_left-- == 0)
        _exit(77);
}

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
int __real_renameat(int a, const char *from, int b, const char *to);
int __wrap_renameat(int a, const char *from, int b, const char *to);
int __real_unlinkat(int at, const char *path, int flags);
int __wrap_unlinkat(int at, const char *path, int flags);
int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);
int __real_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...);

/* Half of it arrives, then the end comes. */
ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    if (calls_left == 0)
        (void)!__real_write(fd, bytes, n / 2);
    step();
    return __real_write(fd, bytes, n);
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
    step();
    return __real_renameat(a, from, b, to);
}

int __wrap_unlinkat(int at, const char *path, int flags)
{
    step();
    return __real_unlinkat(at, path, flags);
}

int __wrap_ftruncate(int fd, off_t size)
{
    step();
    return __real_ftruncate(fd, size);
}

int __wrap_openat(int at, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    int mode = va_arg(arguments, int);
    va_end(arguments);
    step();
    return __real_openat(at, path, flags, mode);
}

/* What a download does: the second half in a second write, the first perhaps there. */
static bool download(struct cache *c, const char *text, const char *validator,
                     int *ret_fd)
{
    struct partial p;
    struct error error;
    char hex[DIGEST_HEX_MAX + 1];
    size_t len = strlen(text), half = len / 2;
    if (partial_open(c, "identity", &p, &error) != PARTIAL_OPEN)
        return false;
    if (strcmp(p.validator, validator) != 0 && !partial_restart(&p, validator, &error))
        return false;
    assert_true(p.size <= len);
    char there[64] = "";
    assert_int_equal(pread(p.fd, there, sizeof there, 0), p.size);
    assert_memory_equal(there, text, p.size); /* never a part of something else */
    if (p.size < half &&
        !partial_write(&p, span_of(text + p.size, half - (size_t)p.size), &error))
        return false;
    if (!partial_write(&p, span_of(text + p.size, len - (size_t)p.size), &error))
        return false;
    digest_of(span_of(text, len), hex);
    return partial_commit(&p, hex, ret_fd, &error);
}

static void test_a_kill_at_any_step_leaves_a_part_or_an_object(void **state)
{
    (void)state;
    static const char text[] = "the bytes of a model";
    char hex[DIGEST_HEX_MAX + 1];
    digest_of(span_of(text, sizeof text - 1), hex);
    int steps = 0, fd;
    for (bool survived = false; !survived; steps++) {
        struct cache *c = new_cache();
        struct cache_entry entry;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            calls_left = steps;
            bool ok = download(c, text, "\"v1\"", &fd);
            calls_left = -1;
            _exit(ok ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 1);
        survived = WEXITSTATUS(status) == 0;
        fd = cache_find(c, hex);
        if (fd >= 0)
            expect_content(fd, text);
        if (cache_recall(c, "identity", &entry)) {
            assert_string_equal(entry.sha256, hex);
            assert_int_equal(entry.size, sizeof text - 1);
            assert_string_equal(entry.validator, "\"v1\"");
        }
        assert_true(download(c, text, "\"v1\"", &fd)); /* whatever was left, it goes on */
        expect_content(fd, text);
        assert_true(cache_recall(c, "identity", &entry));
        cache_close(c);
    }
    assert_true(steps > 8);
}

static void test_a_part_of_something_else_is_never_continued(void **state)
{
    (void)state;
    for (int steps = 0; steps < 30; steps++) {
        struct cache *c = new_cache();
        int fd, status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            calls_left = steps;
            (void)download(c, "aaaaaaaaaaaaaaaa", "\"a\"", &fd);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        child = fork(); /* and a second one is killed while it begins anew */
        assert_true(child >= 0);
        if (child == 0) {
            calls_left = steps / 3;
            (void)download(c, "bbbbbbbbbbbbbbbb", "\"b\"", &fd);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_true(download(c, "bbbbbbbbbbbbbbbb", "\"b\"", &fd));
        expect_content(fd, "bbbbbbbbbbbbbbbb");
        cache_close(c);
    }
}

static void test_a_part_has_one_owner(void **state)
{
    (void)state;
    struct cache *c = new_cache();
    struct partial p, other;
    struct error error;
    assert_int_equal(partial_open(c, "x", &p, &error), PARTIAL_OPEN);
    assert_int_equal(partial_open(c, "x", &other, &error), PARTIAL_BUSY);
    assert_int_equal(partial_open(c, "y", &other, &error), PARTIAL_OPEN);
    assert_true(partial_restart(&p, "\"v\"", &error));
    assert_true(partial_write(&p, span_of("12", 2), &error));
    partial_close(&p, true);
    partial_close(&p, true); /* once is enough */
    assert_true(partial_exists(c, "x"));
    assert_int_equal(partial_open(c, "x", &p, &error), PARTIAL_OPEN);
    assert_int_equal(p.size, 2);
    assert_string_equal(p.validator, "\"v\"");
    partial_close(&p, false);
    assert_false(partial_exists(c, "x"));
    partial_close(&other, true); /* empty: nothing to keep */
    assert_false(partial_exists(c, "y"));
    cache_close(c);
}

/* Without a validator nobody could say what it is a part of. */
static void test_a_part_without_a_validator_is_dropped(void **state)
{
    (void)state;
    struct cache *c = new_cache();
    struct partial p;
    struct error error;
    assert_int_equal(partial_open(c, "x", &p, &error), PARTIAL_OPEN);
    assert_true(partial_restart(&p, NULL, &error));
    assert_true(partial_write(&p, span_of("12", 2), &error));
    partial_close(&p, true);
    assert_int_equal(partial_open(c, "x", &p, &error), PARTIAL_OPEN);
    assert_int_equal(p.size, 0);
    assert_true(partial_restart(&p, "two\nlines", &error));
    assert_string_equal(p.validator, "");
    partial_close(&p, false);
    cache_close(c);
}

static void test_names_never_come_from_outside(void **state)
{
    (void)state;
    struct cache *c = new_cache();
    struct cache_entry entry;
    struct error error;
    char hex[DIGEST_HEX_MAX + 1];
    int fd;
    static const char *const bad[] = {
        "", "../../etc/passwd", "ABCDEF",
        "../../../../../../../../../../../../../../../../../../../../etcx",
        "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(cache_find(c, bad[i]), -1);
        cache_remove(c, bad[i]);
        assert_false(cache_store(c, "x", bad[i], span_of("1", 1), NULL, &fd, &error));
    }
    digest_of(span_of("1", 1), hex);
    assert_true(
        cache_store(c, "../../outside\n", hex, span_of("1", 1), NULL, &fd, &error));
    expect_content(fd, "1");
    assert_true(cache_recall(c, "../../outside\n", &entry));
    assert_string_equal(entry.sha256, hex);
    cache_remove(c, hex);
    assert_int_equal(cache_find(c, hex), -1);
    cache_close(c);
}

static void test_a_link_is_no_object(void **state)
{
    (void)state;
    char path[256], hex[DIGEST_HEX_MAX + 1];
    struct cache *c = new_cache();
    digest_of(span_of("1", 1), hex);
    path_of(path, sizeof path, "deep/objects/");
    (void)snprintf(path + strlen(path), sizeof path - strlen(path), "%.2s", hex);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path + strlen(path), sizeof path - strlen(path), "/%s", hex + 2);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_int_equal(cache_find(c, hex), -1);
    cache_close(c);
}

/* `before` pieces are of an earlier run. */
static void take_in(struct cache *c, const uint8_t *bytes, size_t before, bool threaded,
                    const char *expected)
{
    char actual[DIGEST_HEX_MAX + 1];
    struct partial p;
    struct error error;
    int fd = -1;
    assert_int_equal(partial_open(c, "grows", &p, &error), PARTIAL_OPEN);
    assert_true(partial_restart(&p, "\"v\"", &error));
    assert_true(partial_write(&p, span_of(bytes, before * PIECE), &error));
    struct intake *in = intake_new(&p, DIGEST_BIT(DIGEST_SHA256), 0, threaded);
    assert_non_null(in);
    for (size_t i = before; i < PIECES; i++) {
        assert_true(intake_add(in, span_of(bytes + i * PIECE, PIECE), &error));
        assert_int_equal(intake_size(in), (i + 1) * PIECE);
        if (i % 7 == 3) { /* the net was cut */
            assert_true(intake_flush(in, &error));
            assert_int_equal(p.size, (i + 1) * PIECE);
        }
    }
    struct digester *d = intake_finish(in, &error);
    assert_non_null(d);
    assert_true(digester_hex(d, DIGEST_SHA256, actual));
    assert_string_equal(actual, expected);
    digester_free(d);
    intake_free(in);
    in = intake_new(&p, DIGEST_BIT(DIGEST_SHA256), 0, threaded);
    intake_free(in); /* in the middle */
    p.size++;
    in = intake_new(&p, DIGEST_BIT(DIGEST_SHA256), 0, threaded);
    assert_null(intake_finish(in, &error)); /* it is shorter */
    intake_free(in);
    p.size--;
    assert_true(partial_take(&p, &fd, &error));
    assert_int_equal(lseek(fd, 0, SEEK_END), PIECE * PIECES);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    assert_false(partial_exists(c, "grows"));
    (void)close(fd);
}

static void test_a_file_is_hashed_while_it_grows(void **state)
{
    (void)state;
    char expected[DIGEST_HEX_MAX + 1];
    uint8_t *bytes = malloc(PIECE * PIECES);
    struct cache *c = new_cache();
    assert_non_null(bytes);
    for (size_t i = 0; i < PIECE * PIECES; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    digest_of(span_of(bytes, PIECE * PIECES), expected);
    for (size_t before = 0; before <= PIECES; before += PIECES / 2)
        for (int threaded = 0; threaded < 2; threaded++)
            take_in(c, bytes, before, threaded, expected);
    free(bytes);
    cache_close(c);
}

static int make_base(void **state)
{
    (void)state;
    (void)snprintf(base, sizeof base, "/tmp/assay-cache-XXXXXX");
    return mkdtemp(base) ? 0 : -1;
}

static int remove_base(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", base, (char *)NULL);
        _exit(1);
    }
    return waitpid(child, NULL, 0) == child ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_kill_at_any_step_leaves_a_part_or_an_object),
        cmocka_unit_test(test_a_part_of_something_else_is_never_continued),
        cmocka_unit_test(test_a_part_has_one_owner),
        cmocka_unit_test(test_a_part_without_a_validator_is_dropped),
        cmocka_unit_test(test_names_never_come_from_outside),
        cmocka_unit_test(test_a_link_is_no_object),
        cmocka_unit_test(test_a_file_is_hashed_while_it_grows),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}
