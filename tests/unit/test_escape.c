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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_reversible),
        cmocka_unit_test(test_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
