/* The HTML report: one file that fetches nothing.  Decision, overview, tables of models
 * and findings, a section on each model, what the rules mean, what the gate demands.
 * Everything is there without JavaScript; page.js adds sorting, search and paging. */
#include "reports/advice.h"
#include "reports/decision.h"
#include "reports/html/out.h"
#include "reports/spots.h"
#include "reports/stamp.h"
#include "reports/text/model.h"

#include <inttypes.h>
#include <stdlib.h>

enum { OPEN_MODELS = 5, UNREAD_SHOWN = 200 };

/* -- the head --------------------------------------------------------------------- */

static bool write_head(struct html *h, const struct decision *d)
{
    html_raw(h,
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    if (!html_head_assets(h))
        return false;
    html_raw(h, "<meta name=\"viewport\" content=\"width=device-width, "
                "initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">"
                "\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    text_out_add(&h->t, "%s, %" PRIu64 " model%s - Assay report",
                 text_verdict(h->r->verdict).word, d->models, text_plural(d->models));
    html_words(h);
    html_raw(h, "</title>\n</head>\n");
    return true;
}

static void write_bar(struct html *h)
{
    html_raw(
        h, "<body>\n<a class=\"skip\" href=\"#main\">Skip to the decision</a>\n"
           "<header class=\"bar\"><div><strong>Assay report</strong>\n"
           "<nav aria-label=\"Sections\"><ul>"
           "<li><a href=\"#main\">Decision</a></li>"
           "<li><a href=\"#overview\">At a glance</a></li>"
           "<li><a href=\"#models\">Models</a></li>"
           "<li><a href=\"#findings\">Findings</a></li>"
           "<li><a href=\"#details\">Details</a></li>"
           "<li><a href=\"#gate\">Gate</a></li></ul></nav>\n"
           "<button type=\"button\" id=\"theme\" hidden>Dark</button></div></header>\n");
}

/* -- the decision -------------------------------------------------------------------- */

static void write_fact(struct html *h, const char *name, const char *value)
{
    html_format(h, "<div><dt>%s</dt><dd>", name);
    html_text(h, value ? value : "unknown");
    html_raw(h, "</dd></div>\n");
}

static void write_facts(struct html *h)
{
    const struct result *r = h->r;
    char time[STAMP_TIME];
    stamp_text(stamp_seconds(r, h->o), time);
    html_raw(h, "<dl class=\"facts\">\n");
    write_fact(h, "Gate", r->gate);
    write_fact(h, "Policy file, SHA-256",
               r->policy_digest ? r->policy_digest : "built in");
    write_fact(h, "Scanned", time);
    write_fact(h, "Assay", stamp_version(r));
    write_fact(h, "Rules, SHA-256", r->rules_digest);
    if (!h->o->reproducible)
        write_fact(h, "Sandbox", r->run.sandbox);
    html_raw(h, "<div><dt>Files</dt><dd>");
    for (int i = 0; i < STATUS_COUNT; i++)
        html_format(h, "%s%" PRIu64 " %s", i ? ", " : "", r->summary.files[i],
                    status_name((enum artifact_status)i));
    html_raw(h, "</dd></div>\n<div><dt>Bytes</dt><dd>");
    html_size(h, r->summary.bytes);
    html_raw(h, "</dd></div>\n</dl>\n");
}

/* What a reviewer should look at before all else. */
static void write_first(struct html *h, const struct decision *d)
{
    const struct model *m = d->worst;
    bool open = h->r->verdict == VERDICT_FAIL || h->r->verdict == VERDICT_INCOMPLETE;
    const struct finding *f = open && m ? text_model_worst(m) : NULL;
    if (!open || !m)
        return;
    html_raw(h, "<div class=\"first\"><strong>Look first at</strong> <a href=\"#m1\">");
    text_model_name(&h->t, m);
    html_code(h);
    html_raw(h, "</a>");
    if (f) {
        html_raw(h, ": ");
        html_severity(h, f->rule->severity);
        html_raw(h, " ");
        html_text(h, f->rule->title);
        html_raw(h, "\n<pre>");
        html_evidence(h, f->evidence.len ? f->evidence : f->message);
        html_raw(h, "</pre>");
        const char *advice = report_advice(f->rule->id);
        if (advice) {
            html_raw(h, "<p><strong>What to do.</strong> ");
            html_text(h, advice);
            html_raw(h, "</p>");
        }
    } else if (m->reasons) {
        html_raw(h, ": ");
        html_bytes(h, m->reasons->text);
    }
    html_raw(h, "</div>\n");
}

static void write_notes(struct html *h)
{
    if (stamp_unconfined(h->r))
        html_raw(h, "<p class=\"note\">The sandbox was off: files were parsed without "
                    "confinement.</p>\n");
    for (const struct scan_error *e = h->r->errors; e; e = e->next) {
        html_raw(h, "<p class=\"note\"><strong>Not scanned:</strong> ");
        text_name(&h->t, e->target);
        html_code(h);
        html_raw(h, " ");
        html_bytes(h, e->message);
        html_raw(h, e->retryable ? " (may work when tried again)</p>\n" : "</p>\n");
    }
    for (const struct reason *q = h->r->warnings; q; q = q->next) {
        html_raw(h, "<p class=\"note\">");
        html_bytes(h, q->text);
        html_raw(h, "</p>\n");
    }
}

static void write_decision(struct html *h, const struct decision *d)
{
    html_format(h,
                "<section class=\"card decision %s\" aria-labelledby=\"decision\">\n"
                "<h1 id=\"decision\">",
                verdict_name(h->r->verdict));
    html_verdict(h, h->r->verdict);
    html_raw(h, " <span>");
    decision_say(&h->t, h->r, d);
    html_words(h);
    html_raw(h, "</span></h1>\n");
    write_first(h, d);
    write_notes(h);
    write_facts(h);
    html_raw(h, "</section>\n");
}

/* -- what was not read ----------------------------------------------------------------
 */

static void write_unread(struct html *h)
{
    uint64_t n = 0;
    for (const struct model *m = h->r->models; m; m = m->next)
        for (const struct file *f = m->files; f; f = f->next) {
            const struct artifact *part = artifact_worst_part(f->artifact);
            if (part->status != STATUS_INCOMPLETE && part->status != STATUS_FAILED)
                continue;
            if (n++ >= UNREAD_SHOWN)
                continue;
            if (n == 1)
                html_raw(h, "<section aria-labelledby=\"unread\">\n<h2 id=\"unread\">Not "
                            "analysed to the end</h2>\n<ul class=\"card\">\n");
            html_raw(h, "<li>");
            html_badge(h, status_name(part->status), status_name(part->status));
            html_raw(h, " ");
            html_place(h, m, f, part);
            html_raw(h, ": ");
            html_bytes(h, part->reason);
            html_raw(h, "</li>\n");
        }
    if (n > UNREAD_SHOWN)
        html_format(h, "<li>and %" PRIu64 " more files</li>\n", n - UNREAD_SHOWN);
    if (n)
        html_raw(h, "</ul>\n</section>\n");
}

/* -- models -----------------------------------------------------------------------------
 */

bool html_model(struct html *h, const struct model *m, size_t number, bool open)
{
    html_format(h, "<details class=\"card model\"%s><summary><h3 id=\"m%zu\">",
                open ? " open" : "", number);
    text_model_name(&h->t, m);
    html_words(h);
    html_raw(h, "</h3>");
    html_verdict(h, m->verdict);
    html_raw(h, "</summary>\n<div class=\"inside\">\n<h4>Why</h4>\n<ul>\n");
    for (const struct reason *q = m->reasons; q; q = q->next) {
        html_raw(h, "<li>");
        html_bytes(h, q->text);
        html_raw(h, "</li>\n");
    }
    html_raw(h, "</ul>\n");
    html_provenance(h, m);
    html_integrity(h, m);
    bool ok = html_findings(h, m);
    html_raw(h, "</div></details>\n");
    return ok;
}

static bool write_models(struct html *h, const struct model *const *models, size_t count)
{
    bool ok = true;
    html_raw(h, "<section aria-labelledby=\"details\">\n<h2 id=\"details\">Details</h2>\n"
                "<p><button type=\"button\" id=\"open-all\" hidden>Open all</button> "
                "<button type=\"button\" id=\"close-all\" hidden>Close all</button></p>"
                "\n");
    for (size_t i = 0; i < count && i < HTML_SECTIONS_MAX && ok; i++)
        ok = html_model(h, models[i], i + 1,
                        i == 0 ||
                            (count <= OPEN_MODELS && models[i]->verdict != VERDICT_PASS));
    if (count > HTML_SECTIONS_MAX)
        html_format(h,
                    "<p class=\"note\">These are the %d worst of %zu models. The table "
                    "has all of them, the JSON report has their details.</p>\n",
                    HTML_SECTIONS_MAX, count);
    html_raw(h, "</section>\n");
    return ok;
}

static void write_gate(struct html *h)
{
    html_raw(h, "<section aria-labelledby=\"gate\">\n<h2 id=\"gate\">What the gate "
                "demands</h2>\n<ul class=\"card\">\n");
    for (const struct reason *q = h->r->clauses; q; q = q->next) {
        html_raw(h, "<li>");
        html_bytes(h, q->text);
        html_raw(h, "</li>\n");
    }
    if (!h->r->clauses)
        html_raw(h, "<li>nothing</li>\n");
    html_raw(h, "</ul>\n</section>\n");
}

static bool write_page(struct html *h, const struct decision *d,
                       const struct model *const *models, const struct spots *s)
{
    if (!write_head(h, d))
        return false;
    write_bar(h);
    html_raw(h, "<main id=\"main\" tabindex=\"-1\">\n");
    write_decision(h, d);
    html_charts(h, d);
    html_model_table(h, models, (size_t)d->models);
    bool ok = html_finding_table(h, models, (size_t)d->models, s);
    write_unread(h);
    ok = ok && write_models(h, models, (size_t)d->models);
    html_rules(h);
    write_gate(h);
    html_raw(h, "</main>\n<footer><p>No finding means that nothing Assay looks for was "
                "found in what it could read. It is no promise.</p></footer>\n");
    html_raw(h, "</body>\n</html>\n");
    return ok && !h->t.failed;
}

bool report_write_html(FILE *out, const struct result *r, const struct report_options *o)
{
    struct html h = { .out = out, .r = r, .o = o };
    struct spots s = { 0 }, suppressed = { 0 };
    const struct decision d = decision_of(r);
    const struct model **models = decision_order(r, &d);
    bool ok = models && spots_of_result(r, o->min_severity, &s) &&
              spots_set_apart(&s, &suppressed);
    text_out_init(&h.t, NULL, 0, false);
    ok = ok && html_meet_rules(&h, &s) && write_page(&h, &d, models, &s);
    text_out_free(&h.t);
    spots_free(&s);
    spots_free(&suppressed);
    free(h.rules);
    free(models);
    return ok;
}
