#include "reports/html/out.h"

#include "reports/escape.h"
#include "reports/location.h"
#include "reports/text/model.h"

#include <string.h>

enum { PATH_SIZE_MAX = 1 << 20, QUOTE_MAX = 2000 };

void html_raw(const struct html *h, const char *markup)
{
    (void)fputs(markup, h->out);
}

void html_format(const struct html *h, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vfprintf(h->out, format, args);
    va_end(args);
}

void html_words(struct html *h)
{
    escape_shown(h->out, ESCAPE_MARKUP, buffer_span(&h->t.words));
    h->t.failed |= h->t.words.truncated;
    buffer_clear(&h->t.words);
}

void html_code(struct html *h)
{
    if (!h->t.words.len)
        return;
    html_raw(h, "<code>");
    html_words(h);
    html_raw(h, "</code>");
}

void html_text(struct html *h, const char *text)
{
    text_out_add(&h->t, "%s", text ? text : "");
    html_words(h);
}

void html_bytes(struct html *h, struct span hostile)
{
    text_out_bytes(&h->t, span_slice(hostile, 0, QUOTE_MAX));
    if (hostile.len > QUOTE_MAX)
        text_out_add(&h->t, "... (%zu bytes)", hostile.len);
    html_words(h);
}

void html_evidence(struct html *h, struct span evidence)
{
    bool whole = evidence.len < EVIDENCE_MAX;
    while (!whole && evidence.len && evidence.ptr[evidence.len - 1] == ' ')
        evidence.len--;
    html_bytes(h, evidence);
    html_raw(h, whole ? "" : " ...");
}

void html_size(struct html *h, uint64_t bytes)
{
    text_size(&h->t, bytes);
    html_words(h);
}

void html_badge(const struct html *h, const char *class, const char *word)
{
    html_format(h, "<span class=\"badge %s\">%s</span>", class, word);
}

void html_verdict(const struct html *h, enum verdict v)
{
    html_badge(h, verdict_name(v), text_verdict(v).word);
}

void html_severity(const struct html *h, enum severity s)
{
    html_badge(h, severity_name(s), severity_name(s));
}

void html_trust(const struct html *h, enum trust t)
{
    html_format(h, "<span class=\"badge %s-trust\">%s</span>", trust_name(t),
                trust_name(t));
}

void html_place(struct html *h, const struct model *m, const struct file *f,
                const struct artifact *a)
{
    struct buffer place;
    buffer_init(&place, PATH_SIZE_MAX);
    location_path(m, f, &place);
    text_name(&h->t, buffer_span(&place));
    buffer_clear(&place);
    if (a)
        location_member(a, &place);
    if (place.len) {
        text_out_add(&h->t, "!");
        text_name(&h->t, buffer_span(&place));
    }
    buffer_free(&place);
    html_code(h);
}

/* -- pages of ours ------------------------------------------------------------------ */

/* Write s[from, to) as text; empty is nothing. */
static void put(struct html *h, struct span s, size_t from, size_t to)
{
    struct span part = span_slice(s, from, to);
    for (size_t at = 0; at < part.len; at++) /* a line break is a space here */
        text_out_add(&h->t, "%c", part.ptr[at] == '\n' ? ' ' : part.ptr[at]);
    html_words(h);
}

static void put_inline(struct html *h, struct span s)
{
    size_t start = 0, at = 0;
    while (at < s.len) {
        size_t end = SIZE_MAX;
        if (s.ptr[at] == '`') {
            end = span_find(s, "`", at + 1);
            if (end != SIZE_MAX) {
                put(h, s, start, at);
                html_raw(h, "<code>");
                put(h, s, at + 1, end);
                html_raw(h, "</code>");
                start = at = end + 1;
                continue;
            }
        } else if (s.ptr[at] == '[') {
            size_t middle = span_find(s, "](", at);
            end = middle == SIZE_MAX ? SIZE_MAX : span_find(s, ")", middle);
            if (end != SIZE_MAX) {
                put(h, s, start, at);
                put(h, s, at + 1, middle);
                start = at = end + 1;
                continue;
            }
        }
        at++;
    }
    put(h, s, start, s.len);
}

void html_prose(struct html *h, struct span markdown)
{
    for (size_t at = 0; at < markdown.len;) {
        size_t end = span_find(markdown, "\n\n", at);
        end = end == SIZE_MAX ? markdown.len : end;
        struct span paragraph = span_slice(markdown, at, end);
        bool code = span_starts(paragraph, "```") || span_starts(paragraph, "    ");
        html_raw(h, code ? "<pre>" : "<p>");
        if (code)
            html_bytes(h, paragraph);
        else
            put_inline(h, paragraph);
        html_raw(h, code ? "</pre>\n" : "</p>\n");
        at = end + 2;
    }
}
