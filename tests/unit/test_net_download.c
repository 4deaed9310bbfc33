/* What a download is worth once it is done: whose bytes its digests are of. */
#include "unit.h"

#include "net/download.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct digester *any_digests(void)
{
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), 3);
    assert_non_null(d);
    digester_add(d, span_of("abc", 3));
    digester_finish(d);
    return d;
}

static void test_digests_hold_as_long_as_the_file_is_the_same(void **state)
{
    (void)state;
    char path[] = "/tmp/assay-download-XXXXXX", text[8] = "";
    struct error error;
    struct stat now;
    struct download_result r = { .state = DOWNLOAD_DONE, .fd = mkstemp(path) };
    assert_true(r.fd >= 0);
    assert_int_equal(write(r.fd, "abc", 3), 3);
    r.size = 3;
    r.digests = any_digests();
    assert_int_equal(fstat(r.fd, &r.hashed), 0);
    int fd = download_open(&r, &error);
    assert_true(fd >= 0 && fd != r.fd);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    assert_int_equal(read(fd, text, sizeof text), 3); /* from 0 on */
    assert_string_equal(text, "abc");
    assert_int_equal(fstat(fd, &now), 0);
    assert_ptr_equal(download_digests(&r, &now), r.digests);
    r.state = DOWNLOAD_MISMATCH;
    assert_null(download_digests(&r, &now));
    r.state = DOWNLOAD_DONE;
    assert_int_equal(pwrite(r.fd, "abcd", 4, 0), 4);
    assert_int_equal(fstat(fd, &now), 0);
    assert_null(download_digests(&r, &now));
    now = r.hashed;
    now.st_ino++;
    assert_null(download_digests(&r, &now));
    (void)close(fd);
    (void)unlink(path);
    download_result_free(&r);
}

static void test_a_file_in_memory_is_sealed(void **state)
{
    (void)state;
    char path[40], text[8] = "";
    struct error error;
    struct stat now;
    struct download_result r = { .state = DOWNLOAD_DONE, .fd = -1, .size = 3 };
    buffer_init(&r.memory, 16);
    buffer_add(&r.memory, span_of("abc", 3));
    r.digests = any_digests();
    int fd = download_open(&r, &error);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    assert_int_equal(read(fd, text, sizeof text), 3);
    assert_string_equal(text, "abc");
    assert_int_equal(fstat(fd, &now), 0);
    assert_ptr_equal(download_digests(&r, &now), r.digests);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int writable = open(path, O_RDWR | O_CLOEXEC);
    if (writable >= 0) {
        assert_int_equal(write(writable, "x", 1), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(ftruncate(writable, 0), -1);
        (void)close(writable);
    }
    (void)close(fd);
    download_result_free(&r);
    download_result_free(&r); /* nothing is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digests_hold_as_long_as_the_file_is_the_same),
        cmocka_unit_test(test_a_file_in_memory_is_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
