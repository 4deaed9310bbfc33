#include "archive_test.h"

#include "formats/zip_directory.h"

#define DONE    STATUS_COMPLETE
#define PARTIAL STATUS_INCOMPLETE

static const struct expected files[] = {
    {"good-stored.zip",             DONE,    ""                                    },
    { "good-deflated.zip",          DONE,    ""                                    },
    { "good-comment.zip",           DONE,    ""                                    },
    { "good-streamed-zip64.zip",    DONE,    ""                                    },
    { "good-descriptor.zip",        DONE,    ""                                    },
    { "good-zip64.zip",             DONE,    ""                                    },
    { "good-padding.zip",           DONE,    ""                                    },
    { "good.npz",                   DONE,    ""                                    },
    { "good-empty.zip",             DONE,    ""                                    },
    { "good-directories.zip",       DONE,    ""                                    },
    { "good-nested.zip",            DONE,    ""                                    },
    { "good-utf8.zip",              DONE,    ""                                    },
    { "good-alignment.zip",         DONE,    ""                                    },
    { "good-symlink.zip",           DONE,    ""                                    },
    { "good-many.zip",              DONE,    ""                                    },
    { "bad-truncated.zip",          PARTIAL, ""                                    },
    { "bad-truncated-streamed.zip", PARTIAL, ""                                    },
    { "bad-only-header.zip",        PARTIAL, ""                                    },
    { "bad-deflate.zip",            PARTIAL, ""                                    },
    { "bad-deflate-cut.zip",        PARTIAL, ""                                    },
    { "bad-no-local.zip",           PARTIAL, "zip/header-mismatch"                 },
    { "bad-past-end.zip",           PARTIAL, "zip/header-mismatch"                 },
    { "evil-local-name.zip",        DONE,    "zip/header-mismatch"                 },
    { "evil-local-method.zip",      PARTIAL, "zip/header-mismatch"                 },
    { "evil-local-size.zip",        DONE,    "zip/crc-mismatch zip/header-mismatch"},
    { "evil-local-crc.zip",         DONE,    "zip/header-mismatch"                 },
    { "evil-local-flag.zip",        DONE,    "zip/flag-mismatch"                   },
    { "evil-both-flags.zip",        PARTIAL, "zip/encrypted"                       },
    { "evil-crc.zip",               DONE,    "zip/crc-mismatch"                    },
    { "evil-crc-deflated.zip",      DONE,    "zip/crc-mismatch"                    },
    { "evil-expanded-size.zip",     DONE,    "zip/header-mismatch"                 },
    { "evil-huge-size.zip",         PARTIAL, "zip/header-mismatch"                 },
    { "evil-method99.zip",          PARTIAL, "zip/unsupported-method"              },
    { "evil-after-deflate.zip",     DONE,    "zip/outside-data"                    },
    { "evil-duplicate.zip",         DONE,    "zip/duplicate-name"                  },
    { "evil-case.zip",              DONE,    "zip/ambiguous-name"                  },
    { "evil-dotdot.zip",            DONE,    "zip/unsafe-name"                     },
    { "evil-absolute.zip",          DONE,    "zip/unsafe-name"                     },
    { "evil-drive.zip",             DONE,    "zip/unsafe-name"                     },
    { "evil-backslash.zip",         DONE,    "zip/unsafe-name"                     },
    { "evil-nul.zip",               DONE,    "zip/unsafe-name"                     },
    { "evil-long-name.zip",         DONE,    "zip/unsafe-name"                     },
    { "evil-utf8.zip",              DONE,    "zip/ambiguous-name"                  },
    { "evil-control.zip",           DONE,    "zip/ambiguous-name"                  },
    { "evil-unicode-path.zip",      DONE,    "zip/unsafe-name"                     },
    { "evil-unicode-name.zip",      DONE,    "zip/ambiguous-name"                  },
    { "evil-symlink.zip",           DONE,    "zip/symlink"                         },
    { "evil-symlink-deflated.zip",  DONE,    "zip/symlink"                         },
    { "evil-link-through.zip",      DONE,    "zip/symlink"                         },
    { "evil-device.zip",            DONE,    "zip/special-file"                    },
    { "evil-unlisted.zip",          DONE,    "zip/unlisted-entry"                  },
    { "evil-unlisted-deflated.zip", DONE,    "zip/unlisted-entry"                  },
    { "evil-unlisted-tail.zip",     DONE,    "zip/unlisted-entry"                  },
    { "evil-hidden-in-member.zip",  DONE,
     "zip/crc-mismatch zip/header-mismatch zip/unlisted-entry"                     },
    { "good-compound-document.xls", DONE,    ""                                    },
    { "evil-compound-document.xls", DONE,    "zip/outside-data"                    },
    { "evil-prefix.zip",            PARTIAL, "zip/outside-data"                    },
    { "evil-prefix-shifted.zip",    PARTIAL, "zip/outside-data"                    },
    { "evil-gap.zip",               DONE,    "zip/outside-data"                    },
    { "evil-gap-directory.zip",     DONE,    "zip/outside-data"                    },
    { "evil-gap-end.zip",           DONE,    "zip/outside-data"                    },
    { "evil-trailing.zip",          DONE,    "zip/outside-data"                    },
    { "evil-end-in-comment.zip",    DONE,    "zip/several-directories"             },
    { "evil-two-starts.zip",        PARTIAL,
     "zip/directory-mismatch zip/header-mismatch zip/several-directories"          },
    { "evil-count.zip",             DONE,    "zip/directory-mismatch"              },
    { "evil-locator.zip",           DONE,
     "zip/directory-mismatch zip/outside-data zip/several-directories"             },
    { "evil-overlap.zip",           DONE,    "zip/header-mismatch zip/overlap"     },
    { "evil-overlap-partial.zip",   DONE,    "zip/overlap"                         },
    { "evil-overlap-bomb.zip",      PARTIAL,
     "zip/compression-bomb zip/crc-mismatch zip/overlap"                           },
    { "evil-bomb.zip",              PARTIAL, "zip/compression-bomb"                },
    { "evil-nested.zip",            PARTIAL, ""                                    },
};

static void test_fixtures(void **state)
{
    const struct archive_test *t = *state;
    assert_expected(t->directory, files, sizeof files / sizeof *files, "zip/");
}

/* Members that only one view shows are inspected all the same. */
static void test_hidden_members_are_inspected(void **state)
{
    const struct archive_test *t = *state;
    static const struct {
        const char *file;
        uint64_t members;
    } cases[] = {
        {"evil-unlisted.zip",           3},
        { "evil-unlisted-deflated.zip", 3},
        { "evil-unlisted-tail.zip",     2},
        { "evil-hidden-in-member.zip",  3},
        { "evil-end-in-comment.zip",    2},
        { "evil-count.zip",             2},
        { "evil-trailing.zip",          2},
        { "evil-gap.zip",               3},
        { "evil-after-deflate.zip",     2},
        { "evil-both-flags.zip",        1},
        { "bad-truncated-streamed.zip", 4},
        { "evil-overlap.zip",           1},
    };
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        struct inspected i = inspect_file(t->directory, cases[n].file, NULL, false);
        if (i.artifact->members_total != cases[n].members)
            fail_msg("%s: %u members", cases[n].file,
                     (unsigned)i.artifact->members_total);
        inspected_free(&i);
    }
}

static void test_budgets_end_it_loudly(void **state)
{
    const struct archive_test *t = *state;
    struct budget small = budget_default();
    small.left[BUDGET_MEMBERS] = 100;
    struct inspected i = inspect_file(t->directory, "good-many.zip", &small, false);
    assert_int_equal(i.artifact->status, STATUS_INCOMPLETE);
    inspected_free(&i);

    small = budget_default();
    small.left[BUDGET_EXPANDED_BYTES] = 1 << 20;
    i = inspect_file(t->directory, "evil-overlap-bomb.zip", &small, false);
    assert_int_equal(i.artifact->status, STATUS_INCOMPLETE);
    assert_true(i.budget.left[BUDGET_EXPANDED_BYTES] <= 1 << 20);
    inspected_free(&i);
}

static void test_random_bytes_do_not_claim(void **state)
{
    (void)state;
    enum { SIZE = 1 << 18 };
    static uint8_t noise[SIZE];
    uint64_t seed = 1;
    for (size_t n = 0; n < SIZE; n++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        noise[n] = (uint8_t)(seed >> 56);
    }
    /* an end record alone leads nowhere */
    static const uint8_t end[] = { 'P', 'K', 5, 6, 0, 0, 0, 0, 1, 0, 1,
                                   0,   46,  0, 0, 0, 9, 9, 0, 0, 0, 0 };
    for (size_t n = 0; n < sizeof end; n++)
        noise[SIZE - 100 + n] = end[n];
    struct inspected i = inspect_bytes("noise", span_of(noise, SIZE), NULL, false);
    assert_int_equal(i.artifact->formats & FORMAT_BIT(FORMAT_ZIP), 0);
    inspected_free(&i);
}

/* Whatever byte is changed or wherever the file is cut, the reader ends. */
static void test_every_cut_and_flip_ends(void **state)
{
    const struct archive_test *t = *state;
    static const char *const names[] = { "good-zip64.zip", "evil-locator.zip",
                                         "evil-unlisted-deflated.zip" };
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        assert_cuts_and_flips_end(t->directory, names[n], 1, true);
}

static int setup(void **state)
{
    return make_fixtures(state, "fixtures/zip/make.py");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures),
        cmocka_unit_test(test_hidden_members_are_inspected),
        cmocka_unit_test(test_budgets_end_it_loudly),
        cmocka_unit_test(test_random_bytes_do_not_claim),
        cmocka_unit_test(test_every_cut_and_flip_ends),
    };
    return cmocka_run_group_tests(tests, setup, remove_fixtures);
}
