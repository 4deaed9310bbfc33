/* Names and digests that a server lists; XML and INI that tell them. */
#include "unit.h"

#include "core/ini.h"
#include "sources/listing.h"
#include "sources/storage/storage.h"
#include "sources/storage/xml.h"

#include <string.h>

static void add(struct listing *l, const char *path, const char *md5)
{
    struct rest_file f = { .path = path };
    struct error error;
    if (md5)
        listing_hash(l->arena, &f, DIGEST_MD5, LISTING_HEX, span_of_text(md5));
    assert_true(listing_add(l, &f, &error));
}

static const char a[] = "d41d8cd98f00b204e9800998ecf8427e";
static const char b[] = "acbd18db4cc2f85cedef654fccc4a4d8";

static void test_files(void **state)
{
    struct listing l = { .arena = arena_new(1 << 20) };
    struct rest_result r = { 0 };
    struct error error;
    (void)state;
    add(&l, "z", a);
    add(&l, "twice", a);
    add(&l, "twice", a);
    add(&l, "changed", a);
    add(&l, "changed", b);
    add(&l, "unknown", NULL);
    add(&l, "unknown", NULL); /* nobody can tell whether they are the same */
    add(&l, "d", a);
    add(&l, "d-x", a);
    add(&l, "d/e", a);
    add(&l, "../up", a);
    add(&l, "/etc/passwd", a);
    add(&l, "a\\b", a);
    assert_true(listing_finish(&l, &r, &error));
    static const char *const left[] = { "d-x", "d/e", "twice", "z" };
    const struct rest_file *f = r.files;
    for (size_t i = 0; i < 4; i++, f = f->next) {
        assert_non_null(f);
        assert_string_equal(f->path, left[i]);
    }
    assert_null(f);
    assert_int_equal(r.file_count, 4);
    assert_int_equal(r.refused_files, 6);
    assert_false(r.listed);
    assert_int_equal(r.findings.count, 6);
    listing_free(&l);
    arena_free(l.arena);
}

static void test_hashes(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct rest_file f = { .path = "x" };
    (void)state;
    listing_hash(arena, &f, DIGEST_MD5, LISTING_BASE64,
                 span_of_text("1B2M2Y8AsgTpgAmY7PhCfg=="));
    assert_string_equal(f.hashes->value, a);
    assert_true(f.hashes->weak);
    listing_hash(arena, &f, DIGEST_MD5, LISTING_HEX,
                 span_of_text("D41D8CD98F00B204E9800998ECF8427E"));
    assert_string_equal(f.hashes->value, a);
    const struct rest_hash *before = f.hashes;
    static const char *const none[] = { "", "d41d", "x41d8cd98f00b204e9800998ecf8427e",
                                        "d41d8cd98f00b204e9800998ecf8427e-3" };
    for (size_t i = 0; i < 4; i++)
        listing_hash(arena, &f, DIGEST_MD5, LISTING_HEX, span_of_text(none[i]));
    assert_ptr_equal(f.hashes, before);
    arena_free(arena);
}

static void test_below(void **state)
{
    (void)state;
    assert_string_equal(storage_below("", "a/b"), "a/b");
    assert_string_equal(storage_below("a", "a/b"), "b");
    assert_string_equal(storage_below("a/", "a/b"), "b");
    assert_string_equal(storage_below("a/b", "a/b"), "b");
    assert_null(storage_below("a", "ab"));
    assert_null(storage_below("a", "b/a"));
}

/* ---- XML ------------------------------------------------------------------------- */

static bool note(void *self, const char *path, struct span text)
{
    struct buffer *out = self;
    buffer_printf(out, "%s=%.*s;", path, (int)text.len,
                  text.len ? (const char *)text.ptr : "");
    return !span_is(text, "stop");
}

static bool walk(const char *document, struct buffer *out)
{
    struct error error = { 0 };
    buffer_clear(out);
    return xml_walk(span_of_text(document), note, out, &error);
}

static void test_xml(void **state)
{
    struct buffer out;
    (void)state;
    buffer_init(&out, 4096);
    assert_true(
        walk("<?xml version='1.0'?><a xmlns:x='y'><x:b>1&amp;2</x:b><c/></a>", &out));
    assert_string_equal(out.text, "a/b=1&2;a/c=;a=;");
    assert_false(walk("<a><b></a>", &out));
    assert_false(walk("", &out));
    assert_false(walk("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", &out));
    assert_false(walk("<!DOCTYPE a SYSTEM 'http://evil.test/'><a/>", &out));
    assert_false(walk("<a><b>stop</b><c>never</c></a>", &out));
    assert_null(strstr(out.text, "never"));
    assert_false(
        walk("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>"
             "</a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a>",
             &out));
    buffer_free(&out);
}

/* ---- INI ------------------------------------------------------------------------- */

static void test_ini(void **state)
{
    static const char text[] = "top = 1\n[one]\r\n a=b = c \n# no = no\n; no = no\nnone\n"
                               "['remote \"x\"']\n\turl = s3://b\n[open\nk=v";
    static const char *const wanted[][3] = {
        {"",                "top", "1"     },
        { "one",            "a",   "b = c" },
        { "'remote \"x\"'", "url", "s3://b"},
        { "open",           "k",   "v"     }
    };
    struct ini i = ini_of(span_of_text(text));
    (void)state;
    for (size_t n = 0; n < 4; n++) {
        assert_true(ini_next(&i));
        assert_true(span_is(i.section, wanted[n][0]));
        assert_true(span_is(i.key, wanted[n][1]));
        assert_true(span_is(i.value, wanted[n][2]));
    }
    assert_false(ini_next(&i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files), cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_below), cmocka_unit_test(test_xml),
        cmocka_unit_test(test_ini),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
