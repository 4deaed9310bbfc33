#include "unit.h"

#include "net/field.h"
#include "net/retry.h"

#include <stdio.h>

enum { NOW = 1700000000 }; /* Tue, 14 Nov 2023 22:13:20 GMT */

/* Header lines, separated by '\n'. */
static struct fields fields_of(const char *lines)
{
    struct fields f = { 0 };
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        assert_true(fields_add(&f, span_of(lines, len)));
        lines += len + (lines[len] == '\n');
    }
    return f;
}

static void test_fields(void **state)
{
    (void)state;
    struct fields f = fields_of(
        "A:  1 \nb: 2\nA: 3\nno field\n: x\nbad name: y\n folded\nC:\nD: x\1\ty");
    assert_int_equal(f.count, 5);
    assert_string_equal(fields_get(&f, "a", 0), "1");
    assert_string_equal(fields_get(&f, "A", 1), "3");
    assert_null(fields_get(&f, "A", 2));
    assert_string_equal(fields_get(&f, "c", 0), "");
    assert_string_equal(fields_get(&f, "D", 0), "x  y");
    fields_free(&f);
    for (size_t i = 0; i < FIELDS_MAX; i++)
        assert_true(fields_add(&f, span_of("X: y", 4)));
    assert_false(fields_add(&f, span_of("X: y", 4)));
    fields_free(&f);
}

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT",   784111777 }, /* RFC 9110, 5.6.7 */
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
        { "Sun Nov  6 08:49:37 1994",       784111777 },
        { "Thu, 01 Jan 1970 00:00:00 GMT",  0         },
        { "Tue, 29 Feb 2000 12:00:00 GMT",  951825600 },
        { "Wed, 01 Mar 2000 00:00:00 GMT",  951868800 },
        { "Thu, 31 Dec 2099 23:59:59 GMT",  4102444799},
        { "Mon, 01 Mar 2100 00:00:00 GMT",  4107542400},
        { "Tue, 14 Nov 2023 22:13:20 GMT",  NOW       },
        { "",                               -1        },
        { "tomorrow",                       -1        },
        { "Sun, 06 Nov 1994",               -1        },
        { "Sun, 06 Nov 1969 08:49:37 GMT",  -1        },
        { "Sun, 06 Nob 1994 08:49:37 GMT",  -1        },
        { "Sun, 06 Nov 1994 24:49:37 GMT",  -1        },
        { "Sun, 06 Nov 19949 08:49:37 GMT", -1        },
        { "Sun, 0x Nov 1994 08:49:37 GMT",  -1        },
        { "a b c d e f g h i j k l",        -1        },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t t = -1;
        assert_int_equal(field_date(rows[i].text, &t), rows[i].seconds >= 0);
        assert_int_equal(t, rows[i].seconds);
    }
}

static void test_how_long_to_wait(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        int64_t seconds; /* -1: it does not say */
    } rows[] = {
        {"",                                                                         -1 },
        { "Retry-After: 120",                                                        120},
        { "Retry-After: Tue, 14 Nov 2023 22:14:20 GMT",                              60 },
        { "Retry-After: Tue, 14 Nov 2023 22:00:00 GMT",                              0  },
        { "Retry-After: soon",                                                       -1 },
        { "Retry-After: -5",                                                         -1 },
        { "Retry-After: 99999999999999999999999",                                    -2 },
        { "RateLimit: \"api\";r=0;t=55",                                             55 },
        { "RateLimit: \"api\";r=3;t=55",                                             -1 },
        { "RateLimit: \"a\";r=0;t=5, \"b\";r=0;t=70, \"c\";r=9;t=90",                70 },
        { "RateLimit: limit=10, remaining=0, reset=44",                              44 },
        { "RateLimit-Limit: 1\nRateLimit-Remaining: 0\nRateLimit-Reset: 33",         33 },
        { "ratelimit-remaining: 1\nratelimit-reset: 33",                             -1 },
        { "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000077",                 77 },
        { "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1600000000",                 0  },
        { "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 12",                         12 },
        { "X-RateLimit-Remaining: 5\nX-RateLimit-Reset: 1700000077",                 -1 },
        { "Retry-After: 1\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000077", 1  },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fields f = fields_of(rows[i].lines);
        uint64_t seconds = 0;
        assert_int_equal(field_wait(&f, NOW, &seconds), rows[i].seconds != -1);
        if (rows[i].seconds >= 0)
            assert_int_equal(seconds, rows[i].seconds);
        if (rows[i].seconds == -2)
            assert_true(seconds == UINT64_MAX);
        fields_free(&f);
    }
}

static void test_ranges(void **state)
{
    (void)state;
    uint64_t a, b, c;
    assert_true(field_content_range("bytes 100-199/1000", &a, &b, &c));
    assert_true(a == 100 && b == 199 && c == 1000);
    assert_true(field_content_range("bytes 0-0/*", &a, &b, &c) && c == UINT64_MAX);
    static const char *const bad[] = { "",
                                       "bytes */10",
                                       "bytes 5-4/10",
                                       "bytes 0-10/10",
                                       "bytes 0-9/10x",
                                       "items 0-9/10",
                                       "bytes 0 - 9/10",
                                       "bytes -1-9/10" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(field_content_range(bad[i], &a, &b, &c));
}

static void test_links(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *next;
    } rows[] = {
        {"Link: <https://h/?p=2>; rel=\"next\"",                     "https://h/?p=2"},
        { "Link: <a>; rel=prev, <b>; rel=next",                      "b"             },
        { "Link: <a,b;c>; title=\"x, rel=next\"; rel=\"last next\"", "a,b;c"         },
        { "Link: <a>; rel=prev\nLink: <b>;REL=NEXT",                 "b"             },
        { "Link: <a>; title=\"rel=next\"",                           NULL            },
        { "Link: <a>; rel=nextish",                                  NULL            },
        { "Link: <a>; rel=prev; rel=next",                           NULL            },
        { "Link: <>; rel=next",                                      NULL            },
        { "Link: <a; rel=next",                                      NULL            },
        { "Link: a; rel=next",                                       NULL            },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fields f = fields_of(rows[i].lines);
        struct buffer next;
        buffer_init(&next, 1000);
        assert_int_equal(field_link_next(&f, &next), rows[i].next != NULL);
        if (rows[i].next)
            assert_string_equal(next.text, rows[i].next);
        buffer_free(&next);
        fields_free(&f);
    }
}

static void test_challenges(void **state)
{
    (void)state;
    struct challenge c;
    struct fields f = fields_of(
        "WWW-Authenticate: Basic realm=\"a, Bearer realm=b\"\n"
        "WWW-Authenticate: Digest x=y, bearer service=s, REALM=\"https://h/\\\"t\", "
        "scope=\"repository:a:pull,push\", Basic realm=z");
    assert_true(field_challenge(&f, &c));
    assert_string_equal(c.realm, "https://h/\"t");
    assert_string_equal(c.service, "s");
    assert_string_equal(c.scope, "repository:a:pull,push");
    fields_free(&f);
    static const char *const none[] = { "", "WWW-Authenticate: Basic realm=x",
                                        "WWW-Authenticate: Bearer",
                                        "WWW-Authenticate: Bearer scope=x",
                                        "WWW-Authenticate: bearer=x" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        f = fields_of(none[i]);
        assert_false(field_challenge(&f, &c));
        fields_free(&f);
    }
    char line[2100];
    (void)snprintf(line, sizeof line, "WWW-Authenticate: Bearer realm=\"%02000d\"", 1);
    f = fields_of(line); /* one that does not fit is not cut, it is none */
    assert_false(field_challenge(&f, &c));
    fields_free(&f);
}

static void test_validators(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *validator;
    } rows[] = {
        {"ETag: \"x\"",                                   "\"x\""                        },
        { "ETag: W/\"x\"",                                NULL                           },
        { "ETag: x",                                      NULL                           },
        { "ETag: \"",                                     NULL                           },
        { "ETag: \"a\"b\"",                               NULL                           },
        { "Last-Modified: Tue, 14 Nov 2023 22:00:00 GMT\nDate: Tue, 14 Nov 2023 22:13:20 "
          "GMT",                                 "Tue, 14 Nov 2023 22:00:00 GMT"},
        { "Last-Modified: Tue, 14 Nov 2023 22:13:00 GMT\nDate: Tue, 14 Nov 2023 22:13:20 "
          "GMT",                                 NULL                           },
        { "Last-Modified: Tue, 14 Nov 2023 22:00:00 GMT", NULL                           },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fields f = fields_of(rows[i].lines);
        const char *v = field_validator(&f);
        assert_int_equal(v != NULL, rows[i].validator != NULL);
        if (v)
            assert_string_equal(v, rows[i].validator);
        fields_free(&f);
    }
}

static int64_t fixed_now(void *self)
{
    (void)self;
    return NOW;
}

static uint32_t most(void *self)
{
    (void)self;
    return UINT32_MAX;
}

static void test_backoff_grows_and_is_bounded(void **state)
{
    (void)state;
    const struct clock clock = { .now = fixed_now, .random = most };
    const struct fields none = { 0 };
    uint64_t ms, before = 0;
    for (unsigned n = 1; n < 40; n++) {
        assert_true(retry_wait(&none, n, 120, &clock, &ms));
        assert_true(ms <= 30000 + 30000 / 4 && (ms > before || ms > 30000 / 2));
        before = ms;
    }
    struct fields f = fields_of("Retry-After: 121");
    assert_false(retry_wait(&f, 1, 120, &clock, &ms));
    assert_true(retry_wait(&f, 1, 121, &clock, &ms) && ms >= 121000);
    fields_free(&f);
    assert_false(retry_status(404, &none, true));
    assert_false(retry_status(501, &none, true));
    assert_false(retry_status(500, &none, false));
    assert_true(retry_status(429, &none, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_how_long_to_wait),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_challenges),
        cmocka_unit_test(test_validators),
        cmocka_unit_test(test_backoff_grows_and_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
