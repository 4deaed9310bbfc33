/* What was found in one model, with what would run; and a section on each rule. */
#include "reports/advice.h"
#include "reports/html/out.h"
#include "reports/rule_help.h"
#include "reports/spots.h"
#include "reports/text/model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SPOTS_SHOWN = 20, ADVICE_MAX = 16, LINES_SHOWN = 60, STREAMS_SHOWN = 20 };

/* -- what loading runs ------------------------------------------------------------- */

static uint64_t number_of(const struct fact *object, const char *name)
{
    const struct fact *f = fact_find(object, name);
    return f ? f->number : 0;
}

static struct span text_of(const struct fact *object, const char *name)
{
    const struct fact *f = fact_find(object, name);
    return f ? f->text : (struct span){ 0 };
}

static void write_line(struct html *h, uint64_t offset, const char *class,
                       const char *word)
{
    html_format(h, "<tr><td class=\"n\">%" PRIu64 "</td><td>", offset);
    html_badge(h, class, word);
    html_raw(h, "</td><td>");
}

static const char *class_of(struct span name)
{
    return span_is(name, "dangerous") ? "dangerous"
           : span_is(name, "safe")    ? "safe"
                                      : "unknown";
}

static void write_import(struct html *h, const struct fact *global)
{
    const char *class = class_of(text_of(global, "class"));
    write_line(h, number_of(global, "offset"), class, class);
    html_raw(h, "import ");
    html_bytes(h, text_of(global, "module"));
    html_raw(h, ".");
    html_bytes(h, text_of(global, "name"));
    html_raw(h, "</td></tr>\n");
}

static void write_call(struct html *h, const struct fact *call)
{
    write_line(h, number_of(call, "offset"), "plain", "runs");
    if (call->type == FACT_TEXT)
        html_bytes(h, call->text);
    else
        html_bytes(h, text_of(call, "rendered"));
    html_raw(h, "</td></tr>\n");
}

/* Imports and calls of one pickle, in the order in which the machine comes to them. */
static void write_stream(struct html *h, const struct fact *stream)
{
    const struct fact *imports = fact_find(stream, "globals");
    const struct fact *calls = fact_find(stream, "calls");
    const struct fact *import = imports ? imports->first : NULL;
    const struct fact *call = calls ? calls->first : NULL;
    size_t lines = 0;
    html_raw(h, "<table class=\"listing\"><thead><tr><th scope=\"col\" "
                "class=\"n\">Byte</th><th scope=\"col\">Kind</th><th scope=\"col\">"
                "What the unpickler does</th></tr></thead><tbody>\n");
    for (; (import || call) && lines < LINES_SHOWN; lines++) {
        bool first =
            !call || (import && number_of(import, "offset") <= number_of(call, "offset"));
        if (first) {
            write_import(h, import);
            import = import->next;
        } else {
            write_call(h, call);
            call = call->next;
        }
    }
    html_raw(h, "</tbody></table>\n");
    size_t more = 0;
    for (; import; import = import->next)
        more++;
    for (; call; call = call->next)
        more++;
    if (more)
        html_format(h,
                    "<p class=\"note\">and %zu more lines: assay inspect shows the whole "
                    "program. The findings below are of all of it.</p>\n",
                    more);
}

static bool runs(const struct fact *stream)
{
    const struct fact *calls = fact_find(stream, "calls");
    const struct fact *imports = fact_find(stream, "globals");
    for (const struct fact *g = imports ? imports->first : NULL; g; g = g->next)
        if (!span_is(text_of(g, "class"), "safe"))
            return true;
    return calls && calls->first && !imports;
}

static void write_program(struct html *h, const struct model *m)
{
    size_t shown = 0, all = 0;
    for (const struct file *f = m->files; f; f = f->next)
        for (const struct artifact *a = f->artifact; a;
             a = artifact_walk(f->artifact, a)) {
            const struct fact *streams = a->facts ? fact_find(a->facts, "pickle") : NULL;
            for (const struct fact *s = streams ? streams->first : NULL; s; s = s->next) {
                if (!runs(s) || all++ >= STREAMS_SHOWN)
                    continue;
                if (shown++ == 0)
                    html_raw(h, "<h4>What loading would run</h4>\n");
                html_raw(h, "<p>");
                html_place(h, m, f, a);
                html_format(h, ", pickle at byte %" PRIu64 "</p>\n",
                            number_of(s, "offset"));
                write_stream(h, s);
            }
        }
    if (all > shown)
        html_format(h, "<p>and %zu more pickles.</p>\n", all - shown);
}

/* -- findings ------------------------------------------------------------------------ */

/* "byte, evidence, what is wrong with it", in the table of its file. */
static void write_row(struct html *h, const struct finding *f)
{
    html_format(h, "<tr><td class=\"n\">%" PRIu64 "</td><td>", f->offset);
    html_evidence(h, f->evidence.len ? f->evidence : f->message);
    if (f->evidence.len && f->message.len) {
        html_raw(h, "<br><small>");
        html_bytes(h, f->message);
        html_raw(h, "</small>");
    }
    html_raw(h, "</td></tr>\n");
}

static void write_whole(struct html *h, const struct finding *f)
{
    html_raw(h, "<p>");
    html_bytes(h, f->message.len ? f->message : f->evidence);
    html_raw(h, "</p>\n");
}

/* Spots that differ, each under the file or member that it lies in. */
static void write_spots(struct html *h, const struct spot *const *spots, size_t count)
{
    const struct artifact *in = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct spot *s = spots[i];
        if (in && s->artifact != in)
            html_raw(h, "</tbody></table>\n");
        if (s->artifact && s->artifact != in) {
            html_raw(h, "<p>");
            html_place(h, s->model, s->file, s->artifact);
            html_raw(h, "</p>\n<table class=\"listing\"><thead><tr><th scope=\"col\" "
                        "class=\"n\">Byte</th><th scope=\"col\">Found</th></tr></thead>"
                        "<tbody>\n");
        }
        in = s->artifact;
        if (in)
            write_row(h, s->finding);
        else
            write_whole(h, s->finding);
    }
    if (in)
        html_raw(h, "</tbody></table>\n");
}

static void write_rule(struct html *h, const struct spot *spots, size_t count)
{
    const struct spot *shown[SPOTS_SHOWN];
    const struct rule *rule = spots[0].finding->rule;
    size_t used = spots_different(spots, count, true, shown, SPOTS_SHOWN);
    html_raw(h, "<div class=\"finding\"><h5>");
    html_severity(h, rule->severity);
    html_raw(h, " ");
    html_rule_link(h, rule);
    html_raw(h, "</h5>\n<small>");
    html_text(h, rule->id);
    if (rule->cwe)
        html_format(h, ", CWE-%u", rule->cwe);
    if (count > 1)
        html_format(h, ", %zu times", count);
    html_raw(h, "</small>\n");
    write_spots(h, shown, used);
    if (count > used)
        html_format(h, "<p>and %zu more like %s; the JSON report has them all.</p>\n",
                    count - used, used == 1 ? "it" : "these");
    html_raw(h, "</div>\n");
}

static void write_suppressed(struct html *h, const struct spots *s)
{
    if (s->count == 0)
        return;
    html_format(h, "<details><summary>Suppressed: %zu</summary>\n<ul>\n", s->count);
    for (size_t at = 0, end; at < s->count; at = end) {
        const struct finding *f = s->all[at].finding;
        end = spots_group(s, at);
        html_raw(h, "<li>");
        html_severity(h, f->rule->severity);
        html_raw(h, " ");
        html_text(h, f->rule->id);
        if (end - at > 1)
            html_format(h, ", %zu times", end - at);
        html_raw(h, ": ");
        html_bytes(h, f->suppressed);
        html_raw(h, "</li>\n");
    }
    html_raw(h, "</ul></details>\n");
}

static void write_advice(struct html *h, const struct spots *s)
{
    const char *given[ADVICE_MAX];
    size_t count = 0;
    for (size_t at = 0; at < s->count && count < ADVICE_MAX; at = spots_group(s, at)) {
        const char *advice = report_advice(s->all[at].finding->rule->id);
        bool seen = !advice;
        for (size_t i = 0; i < count; i++)
            seen |= given[i] == advice;
        if (seen)
            continue;
        if (count == 0)
            html_raw(h, "<h4>What to do</h4>\n<ul>\n");
        given[count++] = advice;
        html_raw(h, "<li>");
        html_text(h, advice);
        html_raw(h, "</li>\n");
    }
    if (count)
        html_raw(h, "</ul>\n");
}

bool html_findings(struct html *h, const struct model *m)
{
    struct spots s = { 0 }, suppressed = { 0 };
    bool ok =
        spots_of_model(m, h->o->min_severity, &s) && spots_set_apart(&s, &suppressed);
    if (ok) {
        write_program(h, m);
        html_raw(h, "<h4>Findings</h4>\n");
        if (s.count == 0)
            html_raw(h, "<p>None in what was read.</p>\n");
        for (size_t at = 0, end; at < s.count; at = end) {
            end = spots_group(&s, at);
            write_rule(h, s.all + at, end - at);
        }
        if (s.hidden)
            html_format(h, "<p>%zu less severe findings are not shown.</p>\n", s.hidden);
        if (s.dropped)
            html_format(h,
                        "<p>%" PRIu64 " further findings were only counted.</p>"
                        "\n",
                        s.dropped);
        write_suppressed(h, &suppressed);
        write_advice(h, &s);
    }
    spots_free(&s);
    spots_free(&suppressed);
    return ok;
}

/* -- rules ----------------------------------------------------------------------------
 */

static void write_help(struct html *h, const char *heading, struct span text)
{
    if (!text.len)
        return;
    html_format(h, "<h4>%s</h4>\n", heading);
    html_prose(h, text);
}

bool html_meet_rules(struct html *h, const struct spots *s)
{
    h->rules = calloc(s->count + 1, sizeof *h->rules);
    for (size_t at = 0; h->rules && at < s->count; at = spots_group(s, at))
        h->rules[h->rule_count++] = s->all[at].finding->rule;
    return h->rules != NULL;
}

/* In the order of spots: severity, worst first; then the name. */
static int compare_rules(const void *left, const void *right)
{
    const struct rule *a = *(const struct rule *const *)left;
    const struct rule *b = *(const struct rule *const *)right;
    if (a->severity != b->severity)
        return a->severity > b->severity ? -1 : 1;
    return strcmp(a->id, b->id);
}

void html_rule_link(struct html *h, const struct rule *rule)
{
    const struct rule **found =
        bsearch(&rule, h->rules, h->rule_count, sizeof *h->rules, compare_rules);
    html_format(h, "<a href=\"#rule-%zu\">",
                found ? (size_t)(found - h->rules) + 1 : (size_t)0);
    html_text(h, rule->title);
    html_raw(h, "</a>");
}

void html_rules(struct html *h)
{
    if (h->rule_count == 0)
        return;
    html_raw(h, "<section aria-labelledby=\"rules\">\n<h2 id=\"rules\">What the findings "
                "mean</h2>\n");
    for (size_t i = 0; i < h->rule_count; i++) {
        const struct rule *rule = h->rules[i];
        struct rule_help help;
        rule_help_read(h->o->rules_dir, rule->id, &help);
        html_format(h, "<details class=\"card model\"><summary><h3 id=\"rule-%zu\">",
                    i + 1);
        html_text(h, rule->title);
        html_raw(h, "</h3>");
        html_severity(h, rule->severity);
        html_raw(h, "</summary>\n<div class=\"inside\"><p><small>");
        html_text(h, rule->id);
        if (rule->cwe)
            html_format(h,
                        ", <a href=\"https://cwe.mitre.org/data/definitions/%u.html\" "
                        "rel=\"noreferrer\">CWE-%u</a>",
                        rule->cwe, rule->cwe);
        html_raw(h, "</small></p>\n");
        write_help(h, "What it finds", help.finds);
        write_help(h, "Why it matters", help.matters);
        write_help(h, "What to do", help.to_do);
        write_help(h, "False positives", help.wrong);
        html_raw(h, "</div></details>\n");
        rule_help_free(&help);
    }
    html_raw(h, "</section>\n");
}
