#include "unit.h"

#include "core/json.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void accepts(const char *text)
{
    struct error e = { 0 };
    json_t *value = json_read(span_of_text(text), "f.json", &e);
    if (!value)
        print_error("%s: %s\n", text, e.message);
    assert_non_null(value);
    json_decref(value);
}

static void refuses(const char *text, const char *where)
{
    struct error e = { 0 };
    assert_null(json_read(span_of_text(text), "f.json", &e));
    assert_int_equal(e.code, ERROR_CONFIG);
    if (strncmp(e.message, where, strlen(where)) != 0)
        print_error("%s: %s\n", text, e.message);
    assert_int_equal(strncmp(e.message, where, strlen(where)), 0);
}

static void test_comments(void **state)
{
    (void)state;
    accepts("{} // the end");
    accepts("// first\n{\"a\": 1, // one\n \"b\": \"// no comment\"}\n// last");
    accepts("{\"quote\": \"\\\"// still text\"}");
    struct error e;
    json_t *value = json_read(span_of_text("{\"a\": \"http://x\" // c\n}"), "f.json", &e);
    assert_string_equal(json_string_value(json_object_get(value, "a")), "http://x");
    json_decref(value);
}

static void test_strict(void **state)
{
    (void)state;
    refuses("{\"a\": 1,\n \"a\": 2}", "f.json:2:");
    refuses("{} {}", "f.json:1:");
    refuses("{} /* no */", "f.json:1:");
    refuses("{\"a\": 1,}", "f.json:1:");
    refuses("", "f.json:");
    refuses("{\"a\": // lost\n", "f.json:2:");
    refuses("{\"a\": \"\xff\"}", "f.json:1:");
    refuses("{\"a\": \"\\u0000\"}", "f.json:1:");
}

static void test_nul(void **state)
{
    (void)state;
    struct error e = { 0 };
    assert_null(json_read(span_of("[1\0]", 5), "f.json", &e));
    assert_int_equal(e.code, ERROR_CONFIG);
}

static void test_depth(void **state)
{
    (void)state;
    char text[2 * JSON_DEPTH_MAX + 3];
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    text[2 * JSON_DEPTH_MAX] = '\0';
    accepts(text);
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    text[2 * JSON_DEPTH_MAX + 2] = '\0';
    refuses(text, "f.json:1:1: nested deeper");
}

static void test_unknown_key(void **state)
{
    (void)state;
    static const char *const known[] = { "id", "name", NULL };
    struct error e;
    json_t *good = json_read(span_of_text("{\"id\":1,\"name\":2}"), "f", &e);
    json_t *bad = json_read(span_of_text("{\"id\":1,\"extra\":2}"), "f", &e);
    assert_null(json_unknown_key(good, known));
    assert_string_equal(json_unknown_key(bad, known), "extra");
    json_decref(good);
    json_decref(bad);
}

static void test_files(void **state)
{
    (void)state;
    char dir[] = "/tmp/assay-json-XXXXXX", path[64];
    struct error e = { 0 };
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/f.json", dir);
    assert_null(json_read_file(path, &e));
    assert_int_equal(e.code, ERROR_IO);
    assert_null(json_read_file(dir, &e));
    assert_int_equal(e.code, ERROR_CONFIG);

    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_equal(write(fd, "{\"a\":1}", 7), 7);
    json_t *value = json_read_file(path, &e);
    assert_int_equal(json_integer_value(json_object_get(value, "a")), 1);
    json_decref(value);
    assert_int_equal(ftruncate(fd, JSON_FILE_MAX + 1), 0);
    assert_null(json_read_file(path, &e));
    assert_int_equal(e.code, ERROR_CONFIG);
    close(fd);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0); /* must not wait for a writer */
    assert_null(json_read_file(path, &e));
    assert_int_equal(e.code, ERROR_CONFIG);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comments),    cmocka_unit_test(test_strict),
        cmocka_unit_test(test_nul),         cmocka_unit_test(test_depth),
        cmocka_unit_test(test_unknown_key), cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
