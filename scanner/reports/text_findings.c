/* The findings of one model: grouped by rule, worst first, then what to do about them. */
#include "reports/text_model.h"

#include <inttypes.h>
#include <string.h>

enum { FILES_SHOWN = 5, SPOTS_SHOWN = 3, ADVICE_MAX = 16 };

static void item(struct text_out *t, const char *label)
{
    text_out_item(t, STYLE_BOLD, label, TEXT_LABEL);
}

struct spot {
    const struct finding *finding;
    const struct artifact *artifact; /* NULL: of the model as a whole */
    const struct file *file;
    size_t order;
};

struct spots {
    struct spot *all;
    size_t count, hidden; /* hidden: below the severity that is shown */
    uint64_t dropped;     /* counted by a list that was full */
};

static void gather(struct spots *s, const struct file *file, const struct artifact *a,
                   const struct finding_list *list, enum severity least)
{
    s->dropped += list->dropped;
    for (const struct finding *f = list->first; f; f = f->next) {
        if (f->rule->severity < least) {
            s->hidden++;
            continue;
        }
        if (s->all)
            s->all[s->count] = (struct spot){ f, a, file, s->count };
        s->count++;
    }
}

static void gather_all(struct spots *s, const struct model *m, enum severity least)
{
    struct spot *all = s->all;
    *s = (struct spots){ .all = all };
    gather(s, NULL, NULL, &m->findings, least);
    for (const struct file *f = m->files; f; f = f->next)
        for (const struct artifact *a = f->artifact; a; a = artifact_walk(f->artifact, a))
            gather(s, f, a, &a->findings, least);
}

static int compare_spots(const void *left, const void *right)
{
    const struct spot *a = left, *b = right;
    if (a->finding->rule->severity != b->finding->rule->severity)
        return a->finding->rule->severity > b->finding->rule->severity ? -1 : 1;
    int by_rule = strcmp(a->finding->rule->id, b->finding->rule->id);
    if (by_rule != 0)
        return by_rule;
    return (a->order > b->order) - (a->order < b->order);
}

/* One place: "@1042  os.system('curl ...')", and under it what is wrong with it. */
static void write_spot(struct text_out *t, const struct spot *s)
{
    char label[48] = "";
    size_t indent = TEXT_LABEL;
    const struct finding *f = s->finding;
    if (s->artifact) {
        int n = snprintf(label, sizeof label, "%*s@%-6" PRIu64 " ", TEXT_LABEL + 2, "",
                         f->offset);
        indent = n > 0 ? (size_t)n : indent;
    }
    text_out_bytes(t, f->evidence.len ? f->evidence : f->message);
    text_out_item(t, STYLE_PLAIN, label, indent);
    if (f->evidence.len && f->message.len) {
        text_out_add(t, "(");
        text_out_bytes(t, f->message);
        text_out_add(t, ")");
        text_out_item(t, STYLE_PLAIN, "", indent);
    }
}

static bool same_evidence(const struct spot *a, const struct spot *b)
{
    return span_equal(a->finding->evidence, b->finding->evidence) &&
           span_equal(a->finding->message, b->finding->message);
}

/* The spots of one rule in one file: the first few that differ, then a count. */
static void write_file_spots(struct text_out *t, const struct spot *spots, size_t count)
{
    const struct spot *shown[SPOTS_SHOWN];
    size_t used = 0;
    const struct artifact *under = NULL;
    for (size_t i = 0; i < count && used < SPOTS_SHOWN; i++) {
        bool seen = false;
        for (size_t j = 0; j < used; j++)
            seen |= same_evidence(shown[j], &spots[i]);
        if (seen)
            continue;
        shown[used++] = &spots[i];
        if (spots[i].artifact && spots[i].artifact != under) {
            under = spots[i].artifact;
            text_path(t, under);
            item(t, "");
        }
        write_spot(t, &spots[i]);
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

static const char *advice_for(const char *rule)
{
    static const struct {
        const char *prefix, *text;
    } table[] = {
#define ADVICE(prefix, text) { prefix, text },
#include "reports/advice.def"
#undef ADVICE
    };
    const char *best = NULL;
    size_t best_len = 0;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t len = strlen(table[i].prefix);
        if (len > best_len && strncmp(rule, table[i].prefix, len) == 0) {
            best = table[i].text;
            best_len = len;
        }
    }
    return best;
}

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

void text_findings(struct text_out *t, const struct model *m, enum severity least)
{
    struct spots s = { 0 };
    gather_all(&s, m, least);
    if (s.count > 0) {
        s.all = calloc(s.count, sizeof *s.all);
        if (!s.all) {
            t->failed = true;
            return;
        }
        gather_all(&s, m, least);
        qsort(s.all, s.count, sizeof *s.all, compare_spots);
    }
    struct advice given = { .count = 0 };
    for (size_t at = 0; at < s.count;) {
        size_t end = at + 1;
        while (end < s.count &&
               strcmp(s.all[end].finding->rule->id, s.all[at].finding->rule->id) == 0)
            end++;
        write_rule(t, s.all + at, end - at);
        at = end;
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
    for (size_t i = 0; i < s.count; i++)
        if (i == 0 || s.all[i].finding->rule != s.all[i - 1].finding->rule)
            advise(t, &given, advice_for(s.all[i].finding->rule->id));
    free(s.all);
}
