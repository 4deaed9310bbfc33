/* The two tables of the HTML report: models, and findings gathered by rule and model.
 * All rows are there without JavaScript; page.js sorts, filters and pages them. */
#include "reports/html/out.h"
#include "reports/spots.h"
#include "reports/text/model.h"

#include <inttypes.h>
#include <stdlib.h>

struct column {
    const char *title;
    bool number; /* sorted by data-v, as a number */
};

static void write_select(struct html *h, const char *label, const char *name,
                         const char *const *values, size_t count)
{
    html_format(h, "<label>%s <select name=\"%s\"><option value=\"\">all</option>", label,
                name);
    for (size_t i = 0; i < count; i++)
        html_format(h, "<option value=\"%s\">%s</option>", values[i], values[i]);
    html_raw(h, "</select></label>\n");
}

static void begin_table(struct html *h, const char *id, const char *caption,
                        const struct column *columns, size_t count)
{
    html_format(h,
                "<div class=\"pages\"><button type=\"button\">Previous</button>"
                "<button type=\"button\">Next</button></div>\n"
                "<p role=\"status\"></p>\n</div>\n"
                "<section class=\"scroll\" tabindex=\"0\" "
                "aria-labelledby=\"%s-caption\">\n<table>\n<caption id=\"%s-caption\">%s"
                "</caption>\n<thead><tr>",
                id, id, caption);
    for (size_t i = 0; i < count; i++)
        html_format(h, "<th scope=\"col\"%s>%s</th>",
                    columns[i].number ? " data-sort=\"number\"" : "", columns[i].title);
    html_raw(h, "</tr></thead>\n<tbody>\n");
}

static void begin_tools(struct html *h)
{
    html_raw(h, "<div class=\"card\" data-table>\n<div class=\"tools\" hidden>\n"
                "<label>Search <input type=\"search\" autocomplete=\"off\"></label>\n");
}

static void end_table(struct html *h)
{
    html_raw(h, "</tbody>\n</table>\n</section>\n</div>\n</section>\n");
}

void html_model_link(struct html *h, const struct model *m, size_t number)
{
    bool link = number <= HTML_SECTIONS_MAX;
    if (link)
        html_format(h, "<a href=\"#m%zu\">", number);
    text_model_name(&h->t, m);
    html_code(h);
    html_raw(h, link ? "</a>" : "");
}

/* -- models --------------------------------------------------------------------- */

static void write_origin(struct html *h, const struct origin *o)
{
    if (o->basis == BASIS_NONE) {
        html_raw(h, "<small>nobody says</small>");
        return;
    }
    html_text(h, o->title ? o->title : o->registry ? o->registry : "no known registry");
    if (o->name.len) {
        html_raw(h, "<br>");
        text_name(&h->t, o->name);
        html_code(h);
    }
    html_format(h, " <small>%s</small>", basis_name(o->basis));
}

/* What the bytes were compared with: 0 differ, 1 nothing, 2 consistent, 3 verified. */
static void write_integrity(struct html *h, const struct model *m)
{
    uint64_t differ = 0, agree = 0, verified = 0;
    for (const struct file *f = m->files; f; f = f->next) {
        bool good = false;
        for (const struct expectation *e = f->expected; e; e = e->next)
            good |= e->state == EXPECT_VERIFIED;
        int rank = text_integrity_rank(f);
        differ += rank == 0;
        agree += rank == 1;
        verified += rank == 1 && good;
    }
    html_format(h, "<td data-v=\"%d\">", differ ? 0 : verified ? 3 : agree ? 2 : 1);
    if (differ) {
        html_badge(h, "mismatch", "differs");
        html_format(h, " <small>%" PRIu64 " file%s</small>", differ, text_plural(differ));
    } else if (verified) {
        html_badge(h, "verified", "verified");
        html_format(h, " <small>%" PRIu64 " file%s</small>", verified,
                    text_plural(verified));
    } else if (agree) {
        html_badge(h, "consistent", "consistent");
    } else {
        html_raw(h, "<small>nothing to compare with</small>");
    }
    for (const struct signature *s = m->signatures; s; s = s->next)
        if (s->state != SIGNATURE_UNSIGNED)
            html_format(h, "<br><small>%s</small> <span class=\"badge %s\">%s</span>",
                        s->kind, signature_state_name(s->state),
                        signature_state_name(s->state));
    html_raw(h, "</td>");
}

struct tally {
    uint64_t counts[SEVERITY_COUNT], suppressed;
    int worst; /* -1: nothing that counts */
};

static struct tally tally_of(const struct model *m)
{
    struct tally t = { .worst = -1 };
    for (struct spot s = { .model = m }; spots_next(&s);) {
        int severity = (int)s.finding->rule->severity;
        if (s.finding->suppressed.len) {
            t.suppressed++;
            continue;
        }
        t.counts[severity]++;
        if (severity > t.worst)
            t.worst = severity;
    }
    return t;
}

static void write_tally(struct html *h, const struct tally *t)
{
    /* sorted by the worst severity, then by how many there are of it */
    html_format(h, "<td data-v=\"%" PRIu64 "\">",
                t->worst < 0
                    ? UINT64_C(0)
                    : (uint64_t)(t->worst + 1) * 1000000000 + t->counts[t->worst]);
    for (int s = SEVERITY_COUNT; s-- > 0;)
        if (t->counts[s])
            html_format(h, "<span class=\"badge %s\">%" PRIu64 " %s</span> ",
                        severity_name((enum severity)s), t->counts[s],
                        severity_name((enum severity)s));
    if (t->suppressed)
        html_format(h, "<small>%" PRIu64 " suppressed</small>", t->suppressed);
    else if (t->worst < 0)
        html_raw(h, "<small>none</small>");
    html_raw(h, "</td>");
}

static void write_model(struct html *h, const struct model *m, size_t number)
{
    static const int order[] = { [VERDICT_FAIL] = 0,
                                 [VERDICT_INCOMPLETE] = 1,
                                 [VERDICT_PASS] = 2,
                                 [VERDICT_EMPTY] = 3 };
    struct tally t = tally_of(m);
    uint64_t files = 0, bytes = 0;
    for (const struct file *f = m->files; f; f = f->next) {
        files++;
        bytes += f->artifact->size;
    }
    html_format(h,
                "<tr data-verdict=\"%s\" data-trust=\"%s\" data-worst=\"%s\">"
                "<td data-v=\"%d\">",
                verdict_name(m->verdict), trust_name(m->trust),
                t.worst < 0 ? "none" : severity_name((enum severity)t.worst),
                order[m->verdict]);
    html_verdict(h, m->verdict);
    html_raw(h, "</td><th scope=\"row\">");
    html_model_link(h, m, number);
    html_format(h, "</th><td data-v=\"%d\">", (int)m->trust);
    html_trust(h, m->trust);
    html_raw(h, "</td><td>");
    write_origin(h, &m->origin);
    html_raw(h, "</td>");
    write_integrity(h, m);
    write_tally(h, &t);
    html_format(h, "<td class=\"n\" data-v=\"%" PRIu64 "\">%" PRIu64 "</td>", files,
                files);
    html_format(h, "<td class=\"n\" data-v=\"%" PRIu64 "\">", bytes);
    html_size(h, bytes);
    html_raw(h, "</td></tr>\n");
}

void html_model_table(struct html *h, const struct model *const *models, size_t count)
{
    static const struct column columns[] = {
        {"Verdict",     true },
        { "Model",      false},
        { "Trust",      true },
        { "Comes from", false},
        { "Integrity",  true },
        { "Findings",   true },
        { "Files",      true },
        { "Size",       true },
    };
    static const char *const verdicts[] = { "fail", "incomplete", "pass", "empty" };
    static const char *const levels[] = { "high", "internal", "medium", "low",
                                          "unknown" };
    static const char *const worst[] = { "critical", "high", "medium",
                                         "low",      "info", "none" };
    html_raw(h, "<section aria-labelledby=\"models\">\n<h2 id=\"models\">Models</h2>\n");
    begin_tools(h);
    write_select(h, "Verdict", "verdict", verdicts, 4);
    write_select(h, "Trust", "trust", levels, 5);
    write_select(h, "Worst finding", "worst", worst, 6);
    begin_table(h, "models", "Every model, worst first", columns,
                sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < count; i++)
        write_model(h, models[i], i + 1);
    end_table(h);
}

/* -- findings ---------------------------------------------------------------------- */

struct numbered {
    const struct model *model;
    size_t number;
};

static int compare(const void *left, const void *right)
{
    uintptr_t a = (uintptr_t)((const struct numbered *)left)->model;
    uintptr_t b = (uintptr_t)((const struct numbered *)right)->model;
    return (a > b) - (a < b);
}

/* One rule in one model. */
static void write_finding(struct html *h, const struct spot *spots, size_t count,
                          size_t number)
{
    const struct finding *f = spots[0].finding;
    html_format(h, "<tr data-severity=\"%s\"><td data-v=\"%d\">",
                severity_name(f->rule->severity), (int)f->rule->severity);
    html_severity(h, f->rule->severity);
    html_raw(h, "</td><th scope=\"row\">");
    html_rule_link(h, f->rule);
    html_raw(h, "<br><small>");
    html_text(h, f->rule->id);
    html_raw(h, "</small></th><td>");
    html_model_link(h, spots[0].model, number);
    html_format(h, "</td><td class=\"n\" data-v=\"%zu\">%zu</td><td class=\"wide\">",
                count, count);
    if (f->evidence.len) {
        html_raw(h, "<code>");
        text_evidence(&h->t, f->evidence);
        html_words(h);
        html_raw(h, "</code>");
    } else {
        html_bytes(h, f->message);
    }
    html_raw(h, "</td></tr>\n");
}

static void write_rows(struct html *h, const struct spots *s,
                       const struct numbered *numbers, size_t count)
{
    for (size_t at = 0, end, group = 0; at < s->count; at = end) {
        if (at >= group)
            group = spots_group(s, at);
        end = at;
        while (end < group && s->all[end].model == s->all[at].model)
            end++;
        const struct numbered key = { s->all[at].model, 0 };
        const struct numbered *found = bsearch(&key, numbers, count, sizeof key, compare);
        write_finding(h, s->all + at, end - at, found ? found->number : 0);
    }
}

bool html_finding_table(struct html *h, const struct model *const *models, size_t count,
                        const struct spots *s)
{
    static const struct column columns[] = {
        {"Severity", true },
        { "Rule",    false},
        { "Model",   false},
        { "Times",   true },
        { "First",   false},
    };
    static const char *const severities[] = { "critical", "high", "medium", "low",
                                              "info" };
    struct numbered *numbers = calloc(count + 1, sizeof *numbers);
    if (!numbers)
        return false;
    for (size_t i = 0; i < count; i++)
        numbers[i] = (struct numbered){ models[i], i + 1 };
    qsort(numbers, count, sizeof *numbers, compare);
    html_raw(h, "<section aria-labelledby=\"findings\">\n<h2 "
                "id=\"findings\">Findings</h2>\n");
    begin_tools(h);
    write_select(h, "Severity", "severity", severities, 5);
    begin_table(h, "findings",
                s->count ? "One row for each rule in each model, worst first; what is "
                           "suppressed is not counted here"
                         : "Nothing that Assay looks for was found in what it could read",
                columns, sizeof columns / sizeof columns[0]);
    write_rows(h, s, numbers, count);
    end_table(h);
    free(numbers);
    return true;
}
