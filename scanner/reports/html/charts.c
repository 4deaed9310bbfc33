/* Five small bar charts: verdicts, severities, trust levels, formats and sizes.  Each
 * has its numbers in a table as well. */
#include "core/formats.h"
#include "reports/decision.h"
#include "reports/html/out.h"
#include "reports/text/model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BARS_MAX = 12, ROW = 25, LABEL = 108, BAR = 190, WIDTH = 350 };

struct bar {
    const char *label, *class; /* both are ours */
    uint64_t value;
};

struct chart {
    const char *id, *title, *unit;
    struct bar bars[BARS_MAX];
    size_t count;
};

static void add(struct chart *c, const char *label, const char *class, uint64_t value)
{
    if (c->count < BARS_MAX)
        c->bars[c->count++] = (struct bar){ label, class, value };
}

static void write_svg(struct html *h, const struct chart *c)
{
    uint64_t most = 1;
    for (size_t i = 0; i < c->count; i++)
        if (c->bars[i].value > most)
            most = c->bars[i].value;
    html_format(h,
                "<svg viewBox=\"0 0 %d %zu\" role=\"img\" aria-labelledby=\"%s-title "
                "%s-text\"><title id=\"%s-title\">%s</title><desc id=\"%s-text\">",
                WIDTH, c->count * ROW + 2, c->id, c->id, c->id, c->title, c->id);
    for (size_t i = 0; i < c->count; i++)
        html_format(h, "%s%s %" PRIu64, i ? ", " : "", c->bars[i].label,
                    c->bars[i].value);
    html_raw(h, "</desc>");
    for (size_t i = 0; i < c->count; i++) {
        const struct bar *b = &c->bars[i];
        size_t y = i * ROW;
        unsigned width = (unsigned)((double)b->value / (double)most * BAR);
        if (b->value > 0 && width < 2)
            width = 2;
        html_format(h,
                    "<text x=\"0\" y=\"%zu\">%s</text>"
                    "<rect class=\"ground\" x=\"%d\" y=\"%zu\" width=\"%d\" "
                    "height=\"16\" rx=\"3\"/>",
                    y + 16, b->label, LABEL, y + 4, BAR);
        if (width)
            html_format(h,
                        "<rect class=\"%s\" x=\"%d\" y=\"%zu\" width=\"%u\" "
                        "height=\"16\" rx=\"3\"/>",
                        b->class, LABEL, y + 4, width);
        html_format(h, "<text x=\"%d\" y=\"%zu\">%" PRIu64 "</text>", LABEL + BAR + 10,
                    y + 16, b->value);
    }
    html_raw(h, "</svg>\n");
}

static void write_chart(struct html *h, const struct chart *c)
{
    html_format(h, "<figure class=\"card\"><figcaption>%s</figcaption>\n", c->title);
    write_svg(h, c);
    html_format(h,
                "<details class=\"numbers\"><summary>Numbers</summary><table><caption>%s"
                "</caption><thead><tr><th scope=\"col\">%s</th><th scope=\"col\" "
                "class=\"n\">Count</th></tr></thead><tbody>\n",
                c->title, c->unit);
    for (size_t i = 0; i < c->count; i++)
        html_format(
            h, "<tr><th scope=\"row\">%s</th><td class=\"n\">%" PRIu64 "</td></tr>\n",
            c->bars[i].label, c->bars[i].value);
    html_raw(h, "</tbody></table></details></figure>\n");
}

static void chart_verdicts(struct html *h, const struct decision *d)
{
    static const enum verdict order[] = { VERDICT_FAIL, VERDICT_INCOMPLETE, VERDICT_PASS,
                                          VERDICT_EMPTY };
    struct chart c = { .id = "verdicts",
                       .title = "Models by verdict",
                       .unit = "Verdict" };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        add(&c, verdict_name(order[i]), verdict_name(order[i]), d->verdicts[order[i]]);
    write_chart(h, &c);
}

static void chart_severities(struct html *h)
{
    struct chart c = { .id = "severities",
                       .title = "Findings by severity",
                       .unit = "Severity" };
    for (int s = SEVERITY_COUNT; s-- > 0;)
        add(&c, severity_name((enum severity)s), severity_name((enum severity)s),
            h->r->summary.findings[s]);
    write_chart(h, &c);
}

static void chart_trust(struct html *h)
{
    static const struct {
        enum trust level;
        const char *class;
    } order[] = {
        {TRUST_HIGH,      "high-trust"    },
        { TRUST_INTERNAL, "internal-trust"},
        { TRUST_MEDIUM,   "medium-trust"  },
        { TRUST_LOW,      "low-trust"     },
        { TRUST_UNKNOWN,  "unknown-trust" },
    };
    uint64_t counts[TRUST_COUNT] = { 0 };
    struct chart c = { .id = "trust", .title = "Models by trust level", .unit = "Trust" };
    for (const struct model *m = h->r->models; m; m = m->next)
        counts[m->trust]++;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        add(&c, trust_name(order[i].level), order[i].class, counts[order[i].level]);
    write_chart(h, &c);
}

static int more_first(const void *left, const void *right)
{
    const struct bar *a = left, *b = right;
    if (a->value != b->value)
        return a->value < b->value ? 1 : -1;
    return strcmp(a->label, b->label);
}

/* The most frequent ones; the rest is one bar. */
static void chart_formats(struct html *h)
{
    struct bar all[FORMAT_COUNT] = { 0 };
    uint64_t none = 0, rest = 0;
    struct chart c = { .id = "formats", .title = "Files by format", .unit = "Format" };
    for (int id = 0; id < FORMAT_COUNT; id++)
        all[id] = (struct bar){ formats[id].name, "count", 0 };
    for (const struct model *m = h->r->models; m; m = m->next)
        for (const struct file *f = m->files; f; f = f->next) {
            none += f->artifact->formats == 0;
            for (int id = 0; id < FORMAT_COUNT; id++)
                all[id].value += f->artifact->formats & FORMAT_BIT(id) &&
                                 !text_format_refined(f->artifact->formats, id);
        }
    qsort(all, FORMAT_COUNT, sizeof all[0], more_first);
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (i < 7 && all[i].value)
            add(&c, all[i].label, "count", all[i].value);
        else
            rest += all[i].value;
    if (rest)
        add(&c, "other formats", "count", rest);
    if (none || c.count == 0)
        add(&c, "no model format", "info", none);
    write_chart(h, &c);
}

static void chart_sizes(struct html *h)
{
    static const struct {
        uint64_t below;
        const char *label;
    } steps[] = {
        {UINT64_C(1) << 20,    "below 1 MiB"   },
        { UINT64_C(10) << 20,  "1 to 10 MiB"   },
        { UINT64_C(100) << 20, "10 to 100 MiB" },
        { UINT64_C(1) << 30,   "0.1 to 1 GiB"  },
        { UINT64_C(10) << 30,  "1 to 10 GiB"   },
        { UINT64_MAX,          "10 GiB or more"},
    };
    enum { STEPS = sizeof steps / sizeof steps[0] };
    uint64_t counts[STEPS] = { 0 };
    struct chart c = { .id = "sizes", .title = "Files by size", .unit = "Size" };
    for (const struct model *m = h->r->models; m; m = m->next)
        for (const struct file *f = m->files; f; f = f->next) {
            size_t i = 0;
            while (i + 1 < STEPS && f->artifact->size >= steps[i].below)
                i++;
            counts[i]++;
        }
    for (size_t i = 0; i < STEPS; i++)
        add(&c, steps[i].label, "count", counts[i]);
    write_chart(h, &c);
}

void html_charts(struct html *h, const struct decision *d)
{
    html_raw(h, "<section aria-labelledby=\"overview\">\n<h2 id=\"overview\">At a "
                "glance</h2>\n<div class=\"charts\">\n");
    chart_verdicts(h, d);
    chart_severities(h);
    chart_trust(h);
    chart_formats(h);
    chart_sizes(h);
    html_raw(h, "</div>\n</section>\n");
}
