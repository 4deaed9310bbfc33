/* What the HTML report carries in itself: page.css, page.dark.css and page.js, line by
 * line as the build has turned them into C, and a content security policy that allows
 * these two by their digests and nothing else, neither from the page nor from anywhere.
 */
#include "core/base64.h"
#include "core/digest.h"
#include "reports/html/out.h"

#include <string.h>

/* Dark where the system wants it, unless the reader chose light, and where they chose
 * dark.
 */
static const char *const style[] = {
    "@media screen and (prefers-color-scheme: dark) {\n"
    ":root:not([data-theme=\"light\"]) {\n",
#include "reports/html/page.dark.css.inc"
    "}\n}\n@media screen {\n:root[data-theme=\"dark\"] {\n",
#include "reports/html/page.dark.css.inc"
    "}\n}\n",
#include "reports/html/page.css.inc"
    NULL
};

static const char *const script[] = {
#include "reports/html/page.js.inc"
    NULL
};

enum { SHA256_BYTES = 32, POLICY_MAX = 1024 };

/* 'sha256-' and the digest in base64, as a policy names what may be there. */
static bool add_source(struct buffer *out, const char *const *lines)
{
    uint8_t digest[SHA256_BYTES];
    char hex[DIGEST_HEX_MAX + 1];
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), 0);
    if (!d)
        return false;
    for (; *lines; lines++)
        digester_add(d, span_of_text(*lines));
    digester_finish(d);
    bool ok = digester_hex(d, DIGEST_SHA256, hex);
    digester_free(d);
    for (size_t i = 0; ok && i < SHA256_BYTES; i++)
        digest[i] = (uint8_t)(span_hex_digit((uint8_t)hex[2 * i]) << 4 |
                              span_hex_digit((uint8_t)hex[2 * i + 1]));
    buffer_add_text(out, "'sha256-");
    base64_add(out, span_of(digest, ok ? sizeof digest : 0));
    buffer_add_text(out, "'");
    return ok;
}

static void write_lines(const struct html *h, const char *const *lines)
{
    for (; *lines; lines++)
        html_raw(h, *lines);
}

bool html_head_assets(const struct html *h)
{
    struct buffer policy;
    buffer_init(&policy, POLICY_MAX);
    buffer_add_text(&policy, "default-src 'none'; style-src ");
    bool ok = add_source(&policy, style);
    buffer_add_text(&policy, "; script-src ");
    ok = ok && add_source(&policy, script);
    buffer_add_text(&policy, "; base-uri 'none'; form-action 'none'");
    ok = ok && !policy.truncated;
    if (ok) {
        html_format(h,
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n"
                    "<style>",
                    policy.text);
        write_lines(h, style);
        html_raw(h, "</style>\n<script>");
        write_lines(h, script);
        html_raw(h, "</script>\n");
    }
    buffer_free(&policy);
    return ok;
}
