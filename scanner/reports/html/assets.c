/* What the HTML report carries in itself: html/page.css and html/page.js, line by line as
 * the build has turned them into C, and a content security policy that allows these two
 * by their digests and nothing else, neither from the page nor from anywhere. */
#include "core/digest.h"
#include "reports/html/out.h"

#include <string.h>

static const char *const style[] = {
#include "reports/html/page.css.inc"
    NULL
};

static const char *const script[] = {
#include "reports/html/page.js.inc"
    NULL
};

enum { SHA256_BYTES = 32 };

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* 32 bytes given in hexadecimal, as base64. */
static void to_base64(const char *hex, char ret_text[45])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, have = 0;
    size_t n = 0;
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        bits = bits << 8 | digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]);
        for (have += 8; have >= 6; have -= 6)
            ret_text[n++] = letters[bits >> (have - 6) & 63];
        bits &= (1U << have) - 1;
    }
    ret_text[n++] = letters[bits << (6 - have) & 63];
    ret_text[n++] = '=';
    ret_text[n] = '\0';
}

static bool digest_of(const char *const *lines, char ret_text[45])
{
    char hex[DIGEST_HEX_MAX + 1];
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), 0);
    if (!d)
        return false;
    for (; *lines; lines++)
        digester_add(d, span_of_text(*lines));
    digester_finish(d);
    bool ok = digester_hex(d, DIGEST_SHA256, hex);
    digester_free(d);
    if (ok)
        to_base64(hex, ret_text);
    return ok;
}

static void write_lines(const struct html *h, const char *const *lines)
{
    for (; *lines; lines++)
        html_raw(h, *lines);
}

bool html_head_assets(const struct html *h)
{
    char style_digest[45], script_digest[45];
    if (!digest_of(style, style_digest) || !digest_of(script, script_digest))
        return false;
    html_format(h,
                "<meta http-equiv=\"Content-Security-Policy\" content=\""
                "default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; "
                "base-uri 'none'; form-action 'none'\">\n<style>",
                style_digest, script_digest);
    write_lines(h, style);
    html_raw(h, "</style>\n<script>");
    write_lines(h, script);
    html_raw(h, "</script>\n");
    return true;
}
