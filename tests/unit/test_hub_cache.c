#include "unit.h"

#include "trust/store.h"

static void expect_place(const char *path, const char *organisation, const char *model,
                         const char *revision, const char *unit)
{
    struct hub_place place;
    assert_true(hub_place_find(span_of_text(path), &place));
    assert_true(span_is(place.organisation, organisation));
    assert_true(span_is(place.model, model));
    assert_true(span_is(place.revision, revision));
    assert_true(span_is(span_slice(span_of_text(path), 0, place.unit_end), unit));
}

static void test_places(void **state)
{
    (void)state;
    expect_place("/c/hub/models--google--bert/snapshots/0123abcd/model.safetensors",
                 "google", "bert", "0123abcd",
                 "/c/hub/models--google--bert/snapshots/0123abcd");
    expect_place("models--gpt2/snapshots/main/a/b.bin", "", "gpt2", "main",
                 "models--gpt2/snapshots/main");
    expect_place("/models--a--b--c/snapshots/r", "a", "b--c", "r",
                 "/models--a--b--c/snapshots/r");
    /* nested: the innermost store is the one the file lies in */
    expect_place("/models--x--y/snapshots/1/models--a--b/snapshots/2/m.pkl", "a", "b",
                 "2", "/models--x--y/snapshots/1/models--a--b/snapshots/2");
}

static void test_what_is_no_place(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "/",
        "models--a--b",
        "/models--a--b/blobs/0123",
        "/models--a--b/snapshots",
        "/models--a--b/snapshots/",
        "/models----b/snapshots/1/m",
        "/models--/snapshots/1/m",
        "/models--a--/snapshots/1/m",
        "/xmodels--a--b/snapshots/1/m",
        "/models--a--b/x/snapshots/1/m",
    };
    struct hub_place place;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_false(hub_place_find(span_of_text(paths[i]), &place));
}

static void test_blobs(void **state)
{
    (void)state;
    struct span hex;
    bool git;
    assert_true(hub_blob_find(
        span_of_text("../../blobs/b45ef6fec89518d314f546fd6c3025367b721684"), &hex,
        &git));
    assert_true(git && hex.len == 40);
    assert_true(hub_blob_find(
        span_of_text("../../blobs/"
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        &hex, &git));
    assert_true(!git && hex.len == 64);
    static const char *const not_blobs[] = {
        "",
        "model.bin",
        "../../blobs/",
        "../../blobs/README.md",
        "../../blobs/B45EF6FEC89518D314F546FD6C3025367B721684",
        "../../blobs/b45ef6fec89518d314f546fd6c3025367b72168",
        "../../blobs/b45ef6fec89518d314f546fd6c3025367b721684/x",
    };
    for (size_t i = 0; i < sizeof not_blobs / sizeof *not_blobs; i++)
        assert_false(hub_blob_find(span_of_text(not_blobs[i]), &hex, &git));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_what_is_no_place),
        cmocka_unit_test(test_blobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
