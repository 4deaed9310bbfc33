#include "archive_test.h"

#include "formats/tar_walk.h"

#define DONE    STATUS_COMPLETE
#define PARTIAL STATUS_INCOMPLETE

static const struct expected files[] = {
    {"good-gnu.tar",              DONE,    ""                                      },
    { "good-pax.tar",             DONE,    ""                                      },
    { "good-ustar.tar",           DONE,    ""                                      },
    { "good-v7.tar",              DONE,    ""                                      },
    { "good-base256.tar",         DONE,    ""                                      },
    { "good-no-end.tar",          DONE,    ""                                      },
    { "good-zip-inside.tar",      DONE,    ""                                      },
    { "good-pax-global.tar",      DONE,    ""                                      },
    { "good-hardlink.tar",        DONE,    ""                                      },
    { "good-directories.tar",     DONE,    ""                                      },
    { "bad-truncated.tar",        PARTIAL, ""                                      },
    { "bad-truncated-header.tar", PARTIAL, ""                                      },
    { "bad-checksum.tar",         PARTIAL, ""                                      },
    { "bad-sparse.tar",           PARTIAL, ""                                      },
    { "bad-sparse-pax.tar",       PARTIAL, ""                                      },
    { "bad-number.tar",           PARTIAL, ""                                      },
    { "evil-dotdot.tar",          DONE,    "tar/unsafe-name"                       },
    { "evil-absolute.tar",        DONE,    "tar/unsafe-name"                       },
    { "evil-pax-path.tar",        DONE,    "tar/header-conflict tar/unsafe-name"   },
    { "evil-gnu-name.tar",        DONE,    "tar/header-conflict tar/unsafe-name"   },
    { "evil-symlink.tar",         DONE,    "tar/link-escape"                       },
    { "evil-hardlink.tar",        DONE,    "tar/link-escape"                       },
    { "evil-pax-linkpath.tar",    DONE,    "tar/link-escape"                       },
    { "evil-link-then-write.tar", DONE,    "tar/link-then-write"                   },
    { "evil-link-same-name.tar",  DONE,    "tar/duplicate-name tar/link-then-write"},
    { "evil-device.tar",          DONE,    "tar/device"                            },
    { "evil-setuid.tar",          DONE,    "tar/setuid"                            },
    { "evil-duplicate.tar",       DONE,    "tar/duplicate-name"                    },
    { "evil-pax-size.tar",        DONE,    "tar/header-conflict"                   },
    { "evil-pax-size-hides.tar",  DONE,    "tar/header-conflict"                   },
    { "evil-pax-malformed.tar",   DONE,    "tar/header-conflict"                   },
    { "evil-pax-global-path.tar", DONE,    "tar/header-conflict"                   },
    { "evil-directory-size.tar",  PARTIAL, "tar/header-conflict"                   },
    { "evil-negative-size.tar",   PARTIAL, "tar/bad-size"                          },
    { "evil-huge-size.tar",       PARTIAL, "tar/bad-size"                          },
    { "evil-2-63-size.tar",       PARTIAL, "tar/bad-size"                          },
    { "evil-trailing.tar",        DONE,    "tar/outside-data"                      },
    { "evil-trailing-no-end.tar", PARTIAL, ""                                      },
    { "evil-concatenated.tar",    DONE,    "tar/outside-data"                      },
    { "evil-appended-zip.tar",    DONE,    "tar/outside-data"                      },
    { "evil-extensions.tar",      PARTIAL, ""                                      },
    { "evil-nested.tar",          PARTIAL, ""                                      },
};

static void test_fixtures(void **state)
{
    const struct archive_test *t = *state;
    assert_expected(t->directory, files, sizeof files / sizeof *files, "tar/");
}

/* Members that only some loaders reach are inspected all the same. */
static void test_hidden_members_are_inspected(void **state)
{
    const struct archive_test *t = *state;
    static const struct {
        const char *file;
        uint64_t members;
    } cases[] = {
        {"evil-trailing.tar",         2},
        { "evil-trailing-no-end.tar", 2},
        { "evil-concatenated.tar",    2},
        { "evil-negative-size.tar",   2},
        { "evil-pax-size-hides.tar",  2},
        { "evil-extensions.tar",      2},
        { "bad-checksum.tar",         2},
        { "evil-directory-size.tar",  2},
    };
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        struct inspected i = inspect_file(t->directory, cases[n].file, NULL, false);
        if (i.artifact->members_total != cases[n].members)
            fail_msg("%s: %u members", cases[n].file,
                     (unsigned)i.artifact->members_total);
        inspected_free(&i);
    }
}

/* tarfile opens a tar that ends in a zip as a tar; zipfile opens it as well. */
static void test_zip_in_a_member_is_no_polyglot(void **state)
{
    const struct archive_test *t = *state;
    static const char *const honest[] = { "good-zip-inside.tar", "good-zips-inside.tar" };
    struct inspected i;
    for (size_t n = 0; n < 2; n++) {
        i = inspect_file(t->directory, honest[n], NULL, false);
        assert_int_equal(i.artifact->formats, FORMAT_BIT(FORMAT_TAR));
        inspected_free(&i);
    }
    i = inspect_file(t->directory, "evil-appended-zip.tar", NULL, false);
    assert_int_not_equal(i.artifact->formats & FORMAT_BIT(FORMAT_ZIP), 0);
    assert_int_not_equal(i.artifact->formats & FORMAT_BIT(FORMAT_TAR), 0);
    inspected_free(&i);
}

static void test_empty_blocks_do_not_claim(void **state)
{
    (void)state;
    static const uint8_t zeros[4 * TAR_BLOCK];
    assert_false(tar_recognise(span_of(zeros, sizeof zeros)));
    assert_false(tar_recognise(span_of(zeros, 0)));
}

static void test_every_cut_and_flip_ends(void **state)
{
    const struct archive_test *t = *state;
    static const char *const names[] = { "evil-pax-path.tar", "evil-gnu-name.tar",
                                         "bad-sparse.tar" };
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        assert_cuts_and_flips_end(t->directory, names[n], 3, false);
}

static int setup(void **state)
{
    return make_fixtures(state, "fixtures/tar/make.py");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures),
        cmocka_unit_test(test_hidden_members_are_inspected),
        cmocka_unit_test(test_zip_in_a_member_is_no_polyglot),
        cmocka_unit_test(test_empty_blocks_do_not_claim),
        cmocka_unit_test(test_every_cut_and_flip_ends),
    };
    return cmocka_run_group_tests(tests, setup, remove_fixtures);
}
