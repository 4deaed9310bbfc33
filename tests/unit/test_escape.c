#include "unit.h"

#include "reports/escape.h"

/* What a reader does to get the bytes back (docs/reports.md). */
static size_t unescape(const char *s, size_t len, uint8_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        size_t run = 0;
        while (i + run < len && s[i + run] == '\\')
            run++;
        unsigned byte = 0;
        bool hex = run > 0 && i + run + 2 < len && s[i + run] == 'x';
        for (size_t d = 1; hex && d <= 2; d++) {
            const char *digits = "0123456789abcdef";
            char c = s[i + run + d];
            if (c >= 'A' && c <= 'F')
                c = (char)(c - 'A' + 'a');
            const char *at = c ? strchr(digits, c) : NULL;
            hex = at != NULL;
            byte = at ? byte << 4 | (unsigned)(at - digits) : byte;
        }
        if (run == 0) {
            out[n++] = (uint8_t)s[i++];
            continue;
        }
        memset(out + n, '\\', hex ? run / 2 : run);
        n += hex ? run / 2 : run;
        i += run;
        if (hex && run % 2 == 1) {
            out[n++] = (uint8_t)byte;
            i += 3;
        }
    }
    return n;
}

static void check_terminal(struct span in, const char *expected)
{
    struct buffer b;
    buffer_init(&b, 1 << 20);
    escape_terminal(&b, in);
    assert_string_equal(b.text ? b.text : "", expected);
    buffer_free(&b);
}

#define TERMINAL(in, expected) check_terminal(span_of(in, sizeof in - 1), expected)

static void test_terminal(void **state)
{
    (void)state;
    TERMINAL("", "");
    TERMINAL("models/bert base.pt", "models/bert base.pt");
    TERMINAL("C:\\models\\x1.pt \\d+", "C:\\models\\x1.pt \\d+"); /* "x1." is no escape */
    TERMINAL("\x1b[2J", "\\x1b[2J");
    TERMINAL("a\0b\n\t\x7f", "a\\x00b\\x0a\\x09\\x7f");
    TERMINAL("\xff\xfe", "\\xff\\xfe");
    TERMINAL("\xc2\x9b"
             "31m",
             "\\xc2\\x9b31m"); /* C1 CSI */
    TERMINAL("\xe2\x80\xae"
             "txt",
             "\\xe2\\x80\\xaetxt");
    TERMINAL("\xe2\x81\xa6\xe2\x80\x8f", "\\xe2\\x81\\xa6\\xe2\\x80\\x8f");
    TERMINAL("os\xe2\x80\x8b.py", "os\\xe2\\x80\\x8b.py"); /* zero width */
    TERMINAL("\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81");  /* tag character */
    TERMINAL("M\xc3\xbcnchen \xe6\xa8\xa1\xe5\x9e\x8b",
             "M\xc3\xbcnchen \xe6\xa8\xa1\xe5\x9e\x8b");
    /* invalid: overlong, surrogate, past the end of Unicode, cut off */
    TERMINAL("\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe6\xa8",
             "\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xe6\\xa8");
    /* a literal \x41 and a backslash before a bad byte stay apart */
    TERMINAL("\\x41", "\\\\x41");
    TERMINAL("\\\xff", "\\\\\\xff");
    TERMINAL("\\\\x41", "\\\\\\\\x41");
    TERMINAL(" model ", "\\x20model\\x20");
    TERMINAL("##[error]x ##vso[task]", "\\x23#[error]x \\x23#vso[task]");
    TERMINAL("# heading ##", "# heading ##");
}

static void check_json(struct span in, char mark, const char *expected)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    escape_json(f, in, mark);
    fclose(f);
    assert_string_equal(text, expected);
    free(text);
}

#define JSON(in, expected) check_json(span_of(in, sizeof in - 1), 0, expected)

static void test_json(void **state)
{
    (void)state;
    JSON("", "");
    JSON("a\"b\\c/d", "a\\\"b\\\\c/d");
    JSON("\x1b\n\0\x7f", "\\u001b\\u000a\\u0000\\u007f");
    JSON("\xe2\x80\xae", "\\u202e");
    JSON("\xf3\xa0\x81\x81", "\\udb40\\udc41");
    JSON("\xc3\xbc", "\xc3\xbc");
    JSON("\xff", "\\\\xff");
    JSON("\\x41", "\\\\\\\\x41");
    JSON("\\\xff", "\\\\\\\\\\\\xff");
    JSON("\\\x1b", "\\\\\\u001b");
    check_json(span_of("a!b", 3), '!', "a\\\\x21b");
    check_json(span_of("\\!", 2), '!', "\\\\\\\\\\\\x21");
}

/* Every string over an alphabet of troublemakers comes back as it was. */
static void test_reversible(void **state)
{
    (void)state;
    static const uint8_t alphabet[] = { '\\', 'x', '4', 'f', 0xff, '\n', ' ', '#', '[' };
    enum { LETTERS = sizeof alphabet, LENGTH = 6 };
    size_t total = 1;
    for (int i = 0; i < LENGTH; i++)
        total *= LETTERS;
    struct buffer b;
    buffer_init(&b, 1 << 16);
    for (size_t code = 0; code < total; code++) {
        uint8_t in[LENGTH], out[64];
        size_t left = code;
        for (int i = 0; i < LENGTH; i++, left /= LETTERS)
            in[i] = alphabet[left % LETTERS];
        buffer_clear(&b);
        escape_terminal(&b, span_of(in, LENGTH));
        size_t n = unescape(b.text, b.len, out);
        if (n != LENGTH || memcmp(in, out, LENGTH) != 0)
            fail_msg("\"%s\" does not read back", b.text);
    }
    buffer_free(&b);
}

static void test_width(void **state)
{
    (void)state;
    assert_int_equal(escape_width(span_of_text("abc")), 3);
    assert_int_equal(escape_width(span_of_text("\xc3\xbc")), 1);
    assert_int_equal(escape_width(span_of_text("\xe6\xa8\xa1")), 2);
}

/* -- sinks ---------------------------------------------------------------------- */

static char *through(enum escape_sink sink, struct span in)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    escape_for(f, sink, in);
    fclose(f);
    assert_int_equal(strlen(text), len);
    return text;
}

static void check_sink(enum escape_sink sink, const char *in, const char *expected)
{
    char *text = through(sink, span_of_text(in));
    assert_string_equal(text, expected);
    free(text);
}

static void test_sinks(void **state)
{
    (void)state;
    check_sink(ESCAPE_TEXT, "a\nb\x1b", "a\\x0ab\\x1b");
    check_sink(ESCAPE_STRING, "a\"b\n", "a\\\"b\\\\x0a");
    check_sink(ESCAPE_SCRIPT, "</script><!--&", "\\u003c/script\\u003e\\u003c!--\\u0026");
    check_sink(ESCAPE_MARKUP, "<a b='c' d=\"e\">&",
               "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;");
    check_sink(ESCAPE_MARKDOWN, "[x](y)`|", "&#91;x&#93;&#40;y&#41;&#96;&#124;");
    check_sink(ESCAPE_GITHUB, "100%\r\n::error::", "100%25\\x0d\\x0a::error::");
    check_sink(ESCAPE_GITHUB_PROPERTY, "C:,%", "C%3A%2C%25");
    check_sink(ESCAPE_CSV, "a\"b", "a\"\"b");
}

/* No byte, alone or beside another, leaves a character that the sink would obey. */
static void test_no_byte_acts_in_any_sink(void **state)
{
    (void)state;
    static const char *const obeyed[ESCAPE_SINKS] = {
        [ESCAPE_STRING] = "\"",
        [ESCAPE_SCRIPT] = "\"<>&",
        [ESCAPE_MARKUP] = "<>\"'",
        [ESCAPE_MARKDOWN] = "`*_[]()<>!|~\\@:\"'{}=+-^.$",
        [ESCAPE_GITHUB_PROPERTY] = ":,",
    };
    for (int sink = 0; sink < ESCAPE_SINKS; sink++)
        for (unsigned byte = 0; byte < 256; byte++) {
            uint8_t in[3] = { 'a', (uint8_t)byte, 'b' };
            char *text = through((enum escape_sink)sink, span_of(in, 3));
            for (const char *c = text; *c; c++) {
                assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
                bool quoted = c > text && c[-1] == '\\' && sink <= ESCAPE_SCRIPT;
                if (obeyed[sink] && strchr(obeyed[sink], *c) && !quoted)
                    fail_msg("sink %d, byte 0x%02x: %s", sink, byte, text);
            }
            free(text);
        }
}

static void test_csv_cells(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"=cmd()",  "\"'=cmd()\"" },
        { "+1",     "\"'+1\""     },
        { "-1",     "\"'-1\""     },
        { "@SUM",   "\"'@SUM\""   },
        { "\t=1",   "\"\\x09=1\"" },
        { "plain",  "\"plain\""   },
        { "a\",=b", "\"a\"\",=b\""},
        { "",       "\"\""        },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *f = open_memstream(&text, &len);
        escape_csv_cell(f, span_of_text(pairs[i][0]));
        fclose(f);
        assert_string_equal(text, pairs[i][1]);
        free(text);
    }
}

static void test_uris(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"a b/c.pt",          "a%20b/c.pt"    },
        { "//evil.example/x", "evil.example/x"},
        { "javascript:x",     "javascript%3Ax"},
        { "a?b#c",            "a%3Fb%23c"     },
        { "\xff",             "%FF"           },
        { "",                 "."             },
        { "/",                "."             },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *f = open_memstream(&text, &len);
        escape_uri_path(f, span_of_text(pairs[i][0]));
        fclose(f);
        assert_string_equal(text, pairs[i][1]);
        free(text);
    }
}

/* Whatever the bytes, the notation gives them back. */
static void test_undo(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        static const char letters[] = "\\\\\\xx0aF\xff\n :#[\xe2\x80\xae";
        uint8_t in[16];
        size_t n = 0;
        for (; n < (size_t)round % sizeof in; n++) {
            seed = seed * 1664525 + 1013904223;
            in[n] = (uint8_t)letters[(seed >> 16) % (sizeof letters - 1)];
        }
        struct buffer shown, back;
        buffer_init(&shown, 1 << 10);
        buffer_init(&back, 1 << 10);
        escape_terminal(&shown, span_of(in, n));
        escape_undo(&back, buffer_span(&shown));
        assert_int_equal(back.len, n);
        if (n)
            assert_memory_equal(back.text, in, n);
        buffer_free(&shown);
        buffer_free(&back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_reversible),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_sinks),
        cmocka_unit_test(test_no_byte_acts_in_any_sink),
        cmocka_unit_test(test_csv_cells),
        cmocka_unit_test(test_uris),
        cmocka_unit_test(test_undo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
