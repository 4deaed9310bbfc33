#include "unit.h"

#include "core/tokens.h"

#include <stdlib.h>
#include <string.h>

/* Everything a text says, one token a line: "key name", "string text", … */
static void spell(struct buffer *out, struct span in, unsigned *ret_flags)
{
    static const char *const names[] = { "end",    "error", "{",     "}",
                                         "[",      "]",     "key",   "string",
                                         "number", "true",  "false", "null" };
    struct tokens *t = tokens_open(in, 0, 64, NULL);
    assert_non_null(t);
    struct token k;
    *ret_flags = 0;
    do {
        tokens_next(t, &k);
        *ret_flags |= k.flags;
        buffer_add_text(out, names[k.type]);
        if (k.text.len) {
            buffer_add_text(out, " ");
            buffer_add(out, k.text);
        }
        buffer_add_text(out, ";");
    } while (k.type != TOKEN_END && k.type != TOKEN_ERROR);
    struct token again;
    assert_int_equal(tokens_next(t, &again), k.type); /* it stays where it ended */
    tokens_close(t);
}

static unsigned check_bytes(struct span in, const char *expected)
{
    struct buffer out;
    unsigned flags;
    buffer_init(&out, 1 << 16);
    spell(&out, in, &flags);
    assert_string_equal(out.text, expected);
    buffer_free(&out);
    return flags;
}

static unsigned check(const char *in, const char *expected)
{
    return check_bytes(span_of_text(in), expected);
}

static void test_structure(void **state)
{
    (void)state;
    check("{}", "{;};end;");
    check(" [ ] \n", "[;];end;");
    check("{\"a\": [1, {\"b\" : null}], \"c\":\"d\"}",
          "{;key a;[;number 1;{;key b;null null;};];key c;string d;};end;");
    check("true", "true true;end;");
    check("\"x\"", "string x;end;");
}

static void test_errors_say_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t offset;
    } cases[] = {
        {"",             0},
        { "   ",         3},
        { "{",           1},
        { "{\"a\"",      4},
        { "{\"a\":}",    5},
        { "{\"a\":1,}",  7},
        { "[1,]",        3},
        { "[1 2]",       3},
        { "{} x",        3},
        { "[1}",         2},
        { "{]",          1},
        { "tru",         3},
        { "\"abc",       4},
        { "\"\\q\"",     3},
        { "\"\\u12g4\"", 5},
        { "1.",          2},
        { "1e+",         3},
        { "-",           1},
        { "[.5]",        1},
        { "'a'",         0},
        { "// c\n1",     0},
        { "{\"a\" 1}",   5},
        { "+1",          0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tokens *t = tokens_open(span_of_text(cases[i].text), 1000, 64, NULL);
        struct token k;
        while (tokens_next(t, &k) != TOKEN_ERROR)
            assert_int_not_equal(k.type, TOKEN_END);
        assert_int_equal(k.offset, 1000 + cases[i].offset);
        assert_true(k.text.len > 0);
        assert_false(k.flags & TOKEN_LIMIT);
        tokens_close(t);
    }
}

static void test_offsets(void **state)
{
    (void)state;
    struct tokens *t = tokens_open(span_of_text(" {\"ab\" : 12 }"), 100, 64, NULL);
    struct token k;
    assert_int_equal(tokens_next(t, &k), TOKEN_OBJECT);
    assert_int_equal(k.offset, 101);
    assert_int_equal(k.end, 102);
    assert_int_equal(tokens_next(t, &k), TOKEN_KEY);
    assert_int_equal(k.offset, 102);
    assert_int_equal(k.end, 106);
    assert_int_equal(k.depth, 1);
    assert_int_equal(tokens_next(t, &k), TOKEN_NUMBER);
    assert_int_equal(k.offset, 109);
    assert_int_equal(k.end, 111);
    assert_int_equal(k.number, 12);
    assert_int_equal(tokens_next(t, &k), TOKEN_OBJECT_END);
    assert_int_equal(k.depth, 0);
    assert_int_equal(k.offset, 112);
    assert_int_equal(tokens_next(t, &k), TOKEN_END);
    assert_int_equal(k.offset, 113);
    tokens_close(t);
}

static void test_strings(void **state)
{
    (void)state;
    assert_int_equal(check("\"\\u0041\\n\\/\\\"\"", "string A\n/\";end;"), TOKEN_ESCAPED);
    check("\"\\ud83d\\ude00\"", "string \xf0\x9f\x98\x80;end;");
    assert_int_equal(
        check("\"\xf0\x9f\x98\x80 \xc3\xa9\"", "string \xf0\x9f\x98\x80 \xc3\xa9;end;"),
        0);
    assert_int_equal(check("\"\\ud83dx\"", "string \xed\xa0\xbdx;end;"),
                     TOKEN_ESCAPED | TOKEN_SURROGATE);
    assert_int_equal(check("\"\\ud83d\\u0041\"", "string \xed\xa0\xbd"
                                                 "A;end;"),
                     TOKEN_ESCAPED | TOKEN_SURROGATE);
    assert_int_equal(check("\"\xed\xa0\xbd\"", "string \xed\xa0\xbd;end;"),
                     TOKEN_SURROGATE);
    assert_int_equal(check("\"a\tb\"", "string a\tb;end;"), TOKEN_CONTROL);
    /* overlong, stray continuation, cut short */
    assert_int_equal(check("\"\xc0\xafx\"", "string \xef\xbf\xbd\xef\xbf\xbdx;end;"),
                     TOKEN_BAD_TEXT);
    assert_int_equal(check("\"\xe2\x82\"", "string \xef\xbf\xbd\xef\xbf\xbd;end;"),
                     TOKEN_BAD_TEXT);
}

static void test_long_strings(void **state)
{
    (void)state;
    char plain[300], escaped[300];
    memset(plain, 'x', sizeof plain);
    plain[0] = plain[299] = '"';
    memcpy(escaped, plain, sizeof plain);
    escaped[1] = '\\';
    escaped[2] = 'n';
    struct token k;
    struct tokens *t = tokens_open(span_of(plain, sizeof plain), 0, 64, NULL);
    tokens_next(t, &k); /* shown in place, whatever its length */
    assert_int_equal(k.flags, 0);
    assert_int_equal(k.text.len, 298);
    tokens_close(t);
    t = tokens_open(span_of(escaped, sizeof escaped), 0, 64, NULL);
    tokens_next(t, &k);
    assert_int_equal(k.flags, TOKEN_ESCAPED | TOKEN_CUT);
    assert_int_equal(k.text.len, 64);
    assert_int_equal(k.length, 297);
    tokens_close(t);
}

static struct token number(const char *text)
{
    static char copy[64]; /* outlives the tokens: the caller looks at the number only */
    struct token k;
    (void)snprintf(copy, sizeof copy, "%s", text);
    struct tokens *t = tokens_open(span_of_text(copy), 0, 64, NULL);
    assert_int_equal(tokens_next(t, &k), TOKEN_NUMBER);
    assert_true(span_is(k.text, text));
    struct token end;
    assert_int_equal(tokens_next(t, &end), TOKEN_END);
    tokens_close(t);
    return k;
}

static void test_numbers(void **state)
{
    (void)state;
    assert_int_equal(number("0").flags, 0);
    assert_true(number("9007199254740992").number == UINT64_C(1) << 53);
    assert_int_equal(number("9007199254740992").flags, 0);
    assert_int_equal(number("9007199254740993").flags, TOKEN_IMPRECISE);
    assert_true(number("18446744073709551615").number == UINT64_MAX);
    assert_int_equal(number("18446744073709551616").flags,
                     TOKEN_IMPRECISE | TOKEN_OVERFLOW);
    assert_true(number("18446744073709551616").number == 0);
    assert_int_equal(number("-5").flags, TOKEN_NEGATIVE);
    assert_int_equal(number("007").flags, TOKEN_LEADING_ZERO);
    assert_true(number("007").number == 7);
    assert_int_equal(number("1.5").flags, TOKEN_FRACTION);
    assert_int_equal(number("1E+2").flags, TOKEN_EXPONENT);
    assert_int_equal(number("-1.5e-10").flags,
                     TOKEN_NEGATIVE | TOKEN_FRACTION | TOKEN_EXPONENT);
    assert_int_equal(number("NaN").flags, TOKEN_NOT_FINITE);
    assert_int_equal(number("Infinity").flags, TOKEN_NOT_FINITE);
    assert_int_equal(number("-Infinity").flags, TOKEN_NOT_FINITE | TOKEN_NEGATIVE);
}

/* `text` (code points below U+10000) in another encoding. */
static size_t encode(const char *text, unsigned unit, bool big, bool mark, uint8_t *ret)
{
    size_t used = 0;
    for (size_t i = 0; i < strlen(text) + mark; i++) {
        unsigned c = mark ? (i ? (uint8_t)text[i - 1] : 0xfeff) : (uint8_t)text[i];
        for (unsigned b = 0; b < unit; b++)
            ret[used++] =
                (uint8_t)(c >> 8 * (big ? unit - 1 - b : b) & (b < 4 ? 0xff : 0));
    }
    return used;
}

static void test_encodings(void **state)
{
    (void)state;
    static const char text[] = "{\"k\":[\"v\\n\xe9\",-1]}";
    for (unsigned unit = 2; unit <= 4; unit += 2)
        for (unsigned variant = 0; variant < 4; variant++) {
            uint8_t bytes[256];
            bool big = variant & 1, mark = variant & 2;
            size_t n = encode(text, unit, big, mark, bytes);
            check_bytes(span_of(bytes, n),
                        "{;key k;[;string v\n\xc3\xa9;number -1;];};end;");
            struct tokens *t = tokens_open(span_of(bytes, n), 0, 64, NULL);
            assert_int_equal(tokens_encoding(t),
                             unit == 2 ? (big ? JSON_UTF16BE : JSON_UTF16LE)
                                       : (big ? JSON_UTF32BE : JSON_UTF32LE));
            assert_int_equal(tokens_marked(t), mark);
            tokens_close(t);
            check_bytes(span_of(bytes, n - 1), /* half a character at the end */
                        "{;key k;[;string v\n\xc3\xa9;number -1;];"
                        "error no comma between values;");
        }
    check("\xef\xbb\xbf[1]", "[;number 1;];end;");
    static const uint8_t two[] = { '7', 0 }; /* two bytes are enough to tell */
    check_bytes(span_of(two, 2), "number 7;end;");
}

static void test_duplicates(void **state)
{
    (void)state;
    assert_int_equal(check("{\"a\":1,\"b\":{\"a\":2},\"c\":[{\"a\":3}]}",
                           "{;key a;number 1;key b;{;key a;number 2;};key c;[;{;key a;"
                           "number 3;};];};end;"),
                     0);
    assert_int_equal(
        check("{\"a\":1,\"\\u0061\":2}", "{;key a;number 1;key a;number 2;};end;"),
        TOKEN_ESCAPED | TOKEN_DUPLICATE);
}

/* Big objects with objects in them: every key comes twice, and only then is seen. */
static void test_many_keys(void **state)
{
    (void)state;
    enum { KEYS = 3000 };
    struct buffer text;
    buffer_init(&text, 8 << 20);
    buffer_add_text(&text, "{");
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < KEYS; i++) {
            buffer_printf(&text, "%s\"key%u\":{", i + round ? "," : "", i);
            for (unsigned j = 0; j < i % 24; j++)
                buffer_printf(&text, "%s\"key%u\":0", j ? "," : "", j);
            buffer_add_text(&text, "}");
        }
    buffer_add_text(&text, "}");
    assert_false(text.truncated);
    struct tokens *t = tokens_open(buffer_span(&text), 0, 64, NULL);
    struct token k;
    unsigned keys = 0, duplicates = 0;
    while (tokens_next(t, &k) != TOKEN_END) {
        assert_int_not_equal(k.type, TOKEN_ERROR);
        if (k.type != TOKEN_KEY)
            continue;
        if (k.depth == 1)
            assert_int_equal(!!(k.flags & TOKEN_DUPLICATE), keys++ >= KEYS);
        else
            duplicates += !!(k.flags & TOKEN_DUPLICATE);
    }
    assert_int_equal(keys, 2 * KEYS);
    assert_int_equal(duplicates, 0);
    tokens_close(t);
    buffer_free(&text);
}

static void test_limits(void **state)
{
    (void)state;
    static char deep[TOKENS_DEPTH_MAX + 1];
    memset(deep, '[', sizeof deep);
    struct token k;
    struct tokens *t = tokens_open(span_of(deep, sizeof deep), 0, 64, NULL);
    for (unsigned i = 0; i < TOKENS_DEPTH_MAX; i++)
        assert_int_equal(tokens_next(t, &k), TOKEN_ARRAY);
    assert_int_equal(tokens_next(t, &k), TOKEN_ERROR);
    assert_true(k.flags & TOKEN_LIMIT);
    assert_int_equal(k.offset, TOKENS_DEPTH_MAX);
    tokens_close(t);

    struct budget budget = budget_default();
    budget.left[BUDGET_JSON_NODES] = 3;
    t = tokens_open(span_of_text("[1,2,3]"), 0, 64, &budget);
    for (unsigned i = 0; i < 3; i++)
        assert_int_not_equal(tokens_next(t, &k), TOKEN_ERROR);
    assert_int_equal(tokens_next(t, &k), TOKEN_ERROR);
    assert_true(k.flags & TOKEN_LIMIT);
    tokens_close(t);
}

static void test_skip(void **state)
{
    (void)state;
    struct tokens *t = tokens_open(
        span_of_text("{\"a\":{\"x\":[1,{}],\"x\":2},\"b\":[[3]],\"c\":4}"), 0, 64, NULL);
    struct token k;
    unsigned flags = 0;
    tokens_next(t, &k);
    for (const char *key = "abc"; *key; key++) {
        assert_int_equal(tokens_next(t, &k), TOKEN_KEY);
        assert_true(span_equal(k.text, span_of(key, 1)));
        tokens_next(t, &k);
        assert_true(tokens_skip(t, &k, &flags));
    }
    assert_int_equal(flags, TOKEN_DUPLICATE);
    assert_int_equal(tokens_next(t, &k), TOKEN_OBJECT_END);
    assert_int_equal(tokens_next(t, &k), TOKEN_END);
    tokens_close(t);
    t = tokens_open(span_of_text("[[1"), 0, 64, NULL);
    tokens_next(t, &k);
    assert_false(tokens_skip(t, &k, &flags));
    tokens_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure),    cmocka_unit_test(test_errors_say_where),
        cmocka_unit_test(test_offsets),      cmocka_unit_test(test_strings),
        cmocka_unit_test(test_long_strings), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_encodings),    cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_many_keys),    cmocka_unit_test(test_limits),
        cmocka_unit_test(test_skip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
