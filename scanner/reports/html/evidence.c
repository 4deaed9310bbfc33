/* Where a model comes from, whose bytes it has and who signed them: for the HTML report.
 */
#include "core/formats.h"
#include "reports/html/out.h"
#include "reports/text/model.h"

#include <inttypes.h>

enum { FILES_OPEN = 5, FILES_SHOWN = 200, METADATA_SHOWN = 100 };

/* -- where it comes from ------------------------------------------------------------ */

static void write_claim(struct html *h, const struct origin *o)
{
    html_text(h, o->title ? o->title : o->registry ? o->registry : "no known registry");
    if (o->name.len) {
        html_raw(h, ": ");
        text_name(&h->t, o->name);
        html_code(h);
    }
    if (o->revision.len) {
        html_raw(h, " at ");
        text_name(&h->t, o->revision);
        html_code(h);
        html_raw(h, o->pinned ? " (pinned)" : " (may move)");
    }
}

static void write_basis(struct html *h, const struct origin *o)
{
    html_raw(h, text_basis(o->basis));
    if (o->evidence.len) {
        html_raw(h, " <code>");
        html_bytes(h, o->evidence);
        html_raw(h, "</code>");
    }
}

static void write_check_counts(struct html *h, const struct model *m)
{
    static const char *const classes[] = {
        [CHECK_PASS] = "pass", [CHECK_FAIL] = "fail", [CHECK_UNKNOWN] = "plain"
    };
    uint64_t counts[CHECK_UNKNOWN + 1] = { 0 };
    for (const struct provenance_check *c = m->checks; c; c = c->next)
        counts[c->result]++;
    if (!m->checks)
        html_raw(h, "none ran");
    for (int i = 0; i <= CHECK_UNKNOWN; i++)
        if (counts[i])
            html_format(h, "<span class=\"badge %s\">%" PRIu64 " %s</span> ", classes[i],
                        counts[i], check_result_name((enum check_result)i));
}

/* The chain from a claim to the level that counts. */
static void write_chain(struct html *h, const struct model *m)
{
    const struct origin *o = &m->origin;
    html_raw(h, "<ol class=\"chain\">\n<li><b>Origin</b>");
    if (o->basis == BASIS_NONE)
        html_raw(h, "nothing says where it comes from");
    else
        write_claim(h, o);
    html_raw(h, "</li>\n<li><b>How we know</b>");
    write_basis(h, o);
    html_raw(h, "</li>\n<li><b>Checks of the registry's advice</b>");
    write_check_counts(h, m);
    html_raw(h, "</li>\n<li><b>Trust that counts</b>");
    html_trust(h, m->trust);
    if (o->basis != BASIS_NONE && o->trust != m->trust)
        html_format(h, " <small>its registry's level is %s</small>",
                    trust_name(o->trust));
    html_raw(h, "</li>\n</ol>\n");
}

static void write_checks(struct html *h, const struct model *m)
{
    if (!m->checks)
        return;
    html_raw(h, "<table><caption>Checks of the origin</caption><thead><tr><th "
                "scope=\"col\">Result</th><th scope=\"col\">Check</th><th scope=\"col\">"
                "Evidence</th></tr></thead><tbody>\n");
    for (const struct provenance_check *c = m->checks; c; c = c->next) {
        const char *result = check_result_name(c->result);
        html_raw(h, "<tr><td>");
        html_badge(h, result, result);
        if (c->result == CHECK_FAIL) {
            html_raw(h, " ");
            html_severity(h, c->severity);
        }
        html_raw(h, "</td><th scope=\"row\">");
        html_text(h, c->id);
        html_raw(h, "</th><td>");
        html_bytes(h, c->evidence);
        html_raw(h, "</td></tr>\n");
    }
    html_raw(h, "</tbody></table>\n");
}

static void write_metadata(struct html *h, const struct model *m)
{
    size_t n = 0;
    if (!m->metadata)
        return;
    html_raw(h, "<details><summary>What the registry says of it</summary><dl "
                "class=\"facts\">\n");
    for (const struct metadata *d = m->metadata; d && n < METADATA_SHOWN;
         d = d->next, n++) {
        html_raw(h, "<div><dt>");
        html_text(h, d->key);
        html_raw(h, "</dt><dd>");
        html_bytes(h, d->value);
        html_raw(h, "</dd></div>\n");
    }
    html_raw(h, "</dl>");
    if (n == METADATA_SHOWN)
        html_raw(h, "<p>Further rows are in the JSON report.</p>");
    html_raw(h, "</details>\n");
}

void html_provenance(struct html *h, const struct model *m)
{
    html_raw(h, "<h4>Provenance</h4>\n");
    write_chain(h, m);
    if (m->origin.next) {
        html_raw(h, "<p>Further claims:</p>\n<ul>\n");
        for (const struct origin *o = m->origin.next; o; o = o->next) {
            html_raw(h, "<li>");
            write_claim(h, o);
            html_raw(h, ", ");
            write_basis(h, o);
            html_raw(h, o->agrees ? " <small>agrees</small></li>\n" : "</li>\n");
        }
        html_raw(h, "</ul>\n");
    }
    write_checks(h, m);
    if (m->origin.advice) {
        html_raw(h, "<p><strong>Verify.</strong> ");
        html_text(h, m->origin.advice);
        html_raw(h, "</p>\n");
    }
    write_metadata(h, m);
}

/* -- whose bytes ----------------------------------------------------------------------
 */

static void write_part(struct html *h, const char *name, struct span value)
{
    if (!value.len)
        return;
    html_format(h, "<div><dt>%s</dt><dd>", name);
    html_bytes(h, value);
    html_raw(h, "</dd></div>\n");
}

static void write_signature(struct html *h, const struct signature *s)
{
    const char *state = signature_state_name(s->state);
    html_raw(h, "<li>");
    html_badge(h, state, state);
    html_raw(h, " ");
    html_text(h, s->kind);
    html_raw(h, "<dl class=\"facts\">\n");
    write_part(h, "Signed by", s->identity);
    write_part(h, "Issuer", s->issuer);
    write_part(h, "Time", s->time);
    write_part(h, "Covers", s->covers);
    write_part(h, "Certificate root", s->root);
    write_part(h, "In", s->path);
    write_part(h, "Check that failed", s->check);
    write_part(h, "Reason", s->reason);
    html_raw(h, "</dl></li>\n");
}

static void write_expected(struct html *h, const struct expectation *e)
{
    const char *state = expectation_name(e->state);
    bool differs = e->state == EXPECT_MISMATCH || e->state == EXPECT_INCONSISTENT;
    html_raw(h, "<br>");
    html_badge(h, state, state);
    html_format(h, " <small>%s%s in ", e->weak ? "weak " : "", e->algorithm);
    html_bytes(h, e->source);
    if (differs) {
        html_raw(h, ", which expects</small> <code>");
        html_bytes(h, e->value);
        html_raw(h, "</code>");
    } else {
        html_raw(h, "</small>");
    }
}

static void write_file(struct html *h, const struct file *f)
{
    enum artifact_status status = artifact_worst(f->artifact);
    html_raw(h, "<tr><th scope=\"row\">");
    text_name(&h->t, f->artifact->name);
    html_code(h);
    html_raw(h, "</th><td>");
    for (int id = 0, n = 0; id < FORMAT_COUNT; id++)
        if (f->artifact->formats & FORMAT_BIT(id) &&
            !text_format_refined(f->artifact->formats, id))
            html_format(h, "%s%s", n++ ? ", " : "", formats[id].title);
    html_format(h, "</td><td><span class=\"badge %s\">%s</span></td><td class=\"n\">",
                status == STATUS_COMPLETE ? "plain" : status_name(status),
                status_name(status));
    html_size(h, f->artifact->size);
    html_raw(h, "</td><td class=\"digest\">");
    html_bytes(h, f->sha256);
    if (!f->sha256.len)
        html_raw(h, "not hashed");
    for (const struct expectation *e = f->expected; e; e = e->next)
        write_expected(h, e);
    html_raw(h, "</td></tr>\n");
}

/* Files that differ first, then the others as they stand. */
static void write_files(struct html *h, const struct model *m)
{
    uint64_t shown = 0, all = 0, differ = 0;
    for (const struct file *f = m->files; f; f = f->next, all++)
        differ += text_integrity_rank(f) == 0;
    html_format(h, "<details%s><summary>%" PRIu64 " file%s",
                differ || all <= FILES_OPEN ? " open" : "", all, text_plural(all));
    if (differ)
        html_format(h, ", %" PRIu64 " not as expected", differ);
    html_raw(
        h,
        "</summary>\n<div class=\"scroll\" tabindex=\"0\"><table><caption>Files, their "
        "SHA-256 and what it "
        "was compared with</caption><thead><tr><th scope=\"col\">File</th><th "
        "scope=\"col\">Format</th><th scope=\"col\">Read</th><th scope=\"col\" "
        "class=\"n\">Size</th><th scope=\"col\">SHA-256</th></tr></thead>"
        "<tbody>\n");
    for (int differs = 1; differs >= 0; differs--)
        for (const struct file *f = m->files; f; f = f->next) {
            if ((text_integrity_rank(f) == 0) != differs || shown == FILES_SHOWN)
                continue;
            write_file(h, f);
            shown++;
        }
    html_raw(h, "</tbody></table></div>\n");
    if (all > shown)
        html_format(h,
                    "<p>and %" PRIu64 " more files; the JSON report has all of them.</p>"
                    "\n",
                    all - shown);
    html_raw(h, "</details>\n");
}

void html_integrity(struct html *h, const struct model *m)
{
    html_raw(h, "<h4>Integrity and signature</h4>\n");
    if (m->signatures) {
        html_raw(h, "<ul>\n");
        for (const struct signature *s = m->signatures; s; s = s->next)
            write_signature(h, s);
        html_raw(h, "</ul>\n");
    } else {
        const struct metadata *claim = metadata_find(m->metadata, "signed");
        html_raw(h, claim && span_is(claim->value, "true")
                        ? "<p>No signature was found; the registry says that there is "
                          "one.</p>\n"
                        : "<p>No signature was found.</p>\n");
    }
    if (m->files)
        write_files(h, m);
}
