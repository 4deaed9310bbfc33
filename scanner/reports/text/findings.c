/* The findings of one model: grouped by rule, worst first, then what to do about them. */
#include "reports/advice.h"
#include "reports/spots.h"
#include "reports/text/model.h"

#include <inttypes.h>
#include <string.h>

enum { FILES_SHOWN = 5, SPOTS_SHOWN = 3, ADVICE_MAX = 16 };

static void item(struct text_out *t, const char *label)
{
    text_out_item(t, STYLE_BOLD, label, TEXT_LABEL);
}

/* One place: "@1042  os.system('curl ...')", and under it what is wrong with it. */
static void write_spot(struct text_out *t, const struct spot *s)
{
    char label[48] = "";
    size_t indent = TEXT_LABEL;
    const struct finding *f = s->finding;
    /* whole digests fit a line only without a place, and are of the whole file */
    bool place = s->artifact && strncmp(f->rule->id, "integrity/", 10) != 0;
    if (place) {
        int n = snprintf(label, sizeof label, "%*s@%-6" PRIu64 " ", TEXT_LABEL + 2, "",
                         f->offset);
        indent = n > 0 ? (size_t)n : indent;
    }
    text_evidence(t, f->evidence.len ? f->evidence : f->message);
    text_out_item(t, STYLE_PLAIN, label, indent);
    if (f->evidence.len && f->message.len) {
        text_out_add(t, "(");
        text_out_bytes(t, f->message);
        text_out_add(t, ")");
        text_out_item(t, STYLE_PLAIN, "", indent);
    }
}

/* The spots of one rule in one file: the first few that differ, then a count. */
static void write_file_spots(struct text_out *t, const struct spot *spots, size_t count)
{
    const struct spot *shown[SPOTS_SHOWN];
    size_t used = spots_different(spots, count, false, shown, SPOTS_SHOWN);
    const struct artifact *under = NULL;
    for (size_t i = 0; i < used; i++) {
        if (shown[i]->artifact && shown[i]->artifact != under) {
            under = shown[i]->artifact;
            text_path(t, shown[i]->model, under);
            item(t, "");
        }
        write_spot(t, shown[i]);
    }
    if (count > used) {
        text_out_add(t, "and %zu more like %s%s", count - used,
                     used == 1 ? "it" : "these",
                     spots[0].artifact ? " in this file" : "");
        item(t, "");
    }
}

static void write_rule_head(struct text_out *t, const struct rule *rule, size_t times,
                            size_t files)
{
    static const struct verdict_word severities[] = {
        [SEVERITY_CRITICAL] = {"CRITICAL", STYLE_RED   },
        [SEVERITY_HIGH] = { "HIGH",    STYLE_RED   },
        [SEVERITY_MEDIUM] = { "MEDIUM",  STYLE_YELLOW},
        [SEVERITY_LOW] = { "LOW",     STYLE_DIM   },
        [SEVERITY_INFO] = { "INFO",    STYLE_DIM   },
    };
    text_out_add(t, "%s", rule->id);
    if (times > 1)
        text_out_add(t, ", %zu times", times);
    if (files > 1)
        text_out_add(t, " in %zu files", files);
    text_out_add(t, ": %s", rule->title);
    text_out_item(t, severities[rule->severity].style, severities[rule->severity].word,
                  TEXT_LABEL);
}

/* One rule: every file it was met in, up to a few. */
static void write_rule(struct text_out *t, const struct spot *spots, size_t count)
{
    size_t files = 0;
    for (size_t i = 0; i < count; i++)
        files += i == 0 || spots[i].file != spots[i - 1].file;
    text_out_blank(t);
    write_rule_head(t, spots[0].finding->rule, count, files);
    size_t shown = 0, at = 0;
    while (at < count && shown < FILES_SHOWN) {
        size_t end = at + 1;
        while (end < count && spots[end].file == spots[at].file)
            end++;
        write_file_spots(t, spots + at, end - at);
        at = end;
        shown++;
    }
    if (at < count) {
        text_out_add(t, "and %zu more in %zu more files", count - at, files - shown);
        item(t, "");
    }
}

/* -- what to do --------------------------------------------------------------- */

struct advice {
    const char *given[ADVICE_MAX];
    size_t count;
};

static void advise(struct text_out *t, struct advice *given, const char *text)
{
    for (size_t i = 0; i < given->count; i++)
        if (given->given[i] == text)
            return;
    if (!text || given->count == ADVICE_MAX)
        return;
    if (given->count == 0)
        text_out_blank(t);
    given->given[given->count++] = text;
    text_out_add(t, "%s", text);
    item(t, given->count == 1 ? "What to do" : "");
}

/* What a policy or a baseline excuses does not count: last, and in few words. */
static void write_suppressed(struct text_out *t, const struct spots *s)
{
    for (size_t at = 0; at < s->count; at = spots_group(s, at)) {
        const struct finding *f = s->all[at].finding;
        size_t times = spots_group(s, at) - at;
        if (at == 0)
            text_out_blank(t);
        text_out_add(t, "%s (%s)", f->rule->id, severity_name(f->rule->severity));
        if (times > 1)
            text_out_add(t, ", %zu times", times);
        text_out_add(t, ": ");
        text_out_bytes(t, f->suppressed);
        item(t, at == 0 ? "Suppressed" : "");
    }
}

void text_findings(struct text_out *t, const struct model *m, enum severity least)
{
    struct spots s = { 0 }, suppressed = { 0 };
    if (!spots_of_model(m, least, &s) || !spots_set_apart(&s, &suppressed)) {
        spots_free(&s);
        t->failed = true;
        return;
    }
    for (size_t at = 0, end; at < s.count; at = end) {
        end = spots_group(&s, at);
        write_rule(t, s.all + at, end - at);
    }
    if (s.hidden + s.dropped > 0) {
        text_out_blank(t);
        if (s.hidden)
            text_out_add(t, "%zu finding%s below %s not shown. ", s.hidden,
                         text_plural(s.hidden), severity_name(least));
        if (s.dropped)
            text_out_add(t, "%" PRIu64 " further findings were only counted.", s.dropped);
        item(t, "Not shown");
    }
    write_suppressed(t, &suppressed);
    struct advice given = { .count = 0 };
    for (size_t at = 0; at < s.count; at = spots_group(&s, at))
        advise(t, &given, report_advice(s.all[at].finding->rule->id));
    spots_free(&s);
    spots_free(&suppressed);
}
