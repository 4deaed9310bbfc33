#include "reports/text_model.h"

#include "core/formats.h"

#include <inttypes.h>
#include <string.h>

enum { FILES_SHOWN = 5, SPOTS_SHOWN = 3, ADVICE_MAX = 16 };

struct verdict_word text_verdict(enum verdict v)
{
    static const struct verdict_word words[] = {
        [VERDICT_PASS] = {"PASS",        STYLE_GREEN },
        [VERDICT_FAIL] = { "FAIL",       STYLE_RED   },
        [VERDICT_INCOMPLETE] = { "INCOMPLETE", STYLE_YELLOW},
        [VERDICT_EMPTY] = { "EMPTY",      STYLE_YELLOW},
    };
    return words[v];
}

const char *text_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

void text_size(struct text_out *t, uint64_t bytes)
{
    static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    if (bytes < 1024) {
        text_out_add(t, "%" PRIu64 " B", bytes);
        return;
    }
    size_t unit = 0;
    while (bytes >> 10 >= 1024) {
        bytes >>= 10;
        unit++;
    }
    text_out_add(t, "%" PRIu64 ".%" PRIu64 " %s", bytes >> 10, (bytes & 1023) * 10 >> 10,
                 units[unit]);
}

/* The words so far under a label, the usual way. */
static void item(struct text_out *t, const char *label)
{
    text_out_item(t, STYLE_BOLD, label, TEXT_LABEL);
}

/* -- where it comes from ------------------------------------------------------ */

static const char *basis_words(enum basis b)
{
    static const char *const words[] = {
        [BASIS_NONE] = "nobody says",
        [BASIS_DECLARED] = "declared by the target itself, which proves nothing",
        [BASIS_STATED] = "stated by whoever ran the scan",
        [BASIS_SIGNED] = "signed by an accepted identity",
        [BASIS_FETCHED] = "fetched from there",
    };
    return words[b];
}

static void write_origin(struct text_out *t, const struct origin *o)
{
    if (o->title || o->registry)
        text_out_add(t, "%s", o->title ? o->title : o->registry);
    else
        text_out_add(t, "no known registry");
    if (o->name.len) {
        text_out_add(t, ": ");
        text_out_bytes(t, o->name);
    }
    if (o->revision.len) {
        text_out_add(t, " @ ");
        text_out_bytes(t, o->revision);
    }
    text_out_add(t, "; %s", basis_words(o->basis));
    if (o->evidence.len) {
        text_out_add(t, " (");
        text_out_bytes(t, o->evidence);
        text_out_add(t, ")");
    }
}

static void write_trust(struct text_out *t, const struct model *m)
{
    const struct origin *o = &m->origin;
    text_out_add(t, "%s", trust_name(m->trust));
    if (o->basis == BASIS_NONE)
        text_out_add(t, ": nothing says where it comes from");
    else if (o->basis == BASIS_DECLARED && o->trust != m->trust)
        text_out_add(t, " (%s, if the declared origin were confirmed)",
                     trust_name(o->trust));
    else if (o->trust != m->trust)
        text_out_add(t, " (its registry's level is %s)", trust_name(o->trust));
    item(t, "Trust");
    if (o->basis == BASIS_NONE)
        return;
    write_origin(t, o);
    item(t, "Origin");
    for (const struct origin *other = o->next; other; other = other->next) {
        text_out_add(t, "or ");
        write_origin(t, other);
        item(t, "");
    }
    if (o->advice) {
        text_out_add(t, "%s", o->advice);
        item(t, "Verify");
    }
}

/* -- whose bytes -------------------------------------------------------------- */

static bool contradicted(const struct expectation *e)
{
    return e->state == EXPECT_MISMATCH || e->state == EXPECT_INCONSISTENT;
}

/* 0: contradicted, 1: agrees with some expectation, 2: nothing to compare with. */
static int integrity_rank(const struct file *f)
{
    for (const struct expectation *e = f->expected; e; e = e->next)
        if (contradicted(e))
            return 0;
    return f->expected ? 1 : 2;
}

static void write_expectation(struct text_out *t, const struct file *f,
                              const struct expectation *e)
{
    static const char *const words[] = {
        [EXPECT_VERIFIED] = "verified",
        [EXPECT_MISMATCH] = "MISMATCH",
        [EXPECT_CONSISTENT] = "consistent (the target's own word)",
        [EXPECT_INCONSISTENT] = "INCONSISTENT",
    };
    bool differs = contradicted(e);
    text_out_add(t, "%s: %s%s", words[e->state], e->weak ? "weak " : "", e->algorithm);
    text_out_add(t, differs ? ", - in " : " in ");
    text_out_bytes(t, e->source);
    text_out_add(t, differs ? ", + of this file:" : "");
    item(t, "");
    if (!differs)
        return;
    text_out_add(t, "- ");
    text_out_bytes(t, e->value);
    item(t, "");
    if (strcmp(e->algorithm, "sha256") == 0) {
        text_out_add(t, "+ ");
        text_out_bytes(t, f->sha256);
        item(t, "");
    }
}

static void write_file_integrity(struct text_out *t, const struct file *f,
                                 const char *label)
{
    text_out_bytes(t, f->artifact->name);
    text_out_add(t, ", ");
    text_size(t, f->artifact->size);
    text_out_add(t, "%s",
                 !f->sha256.len ? ", not hashed"
                 : f->expected  ? ""
                                : ", no digest to compare with");
    item(t, label);
    if (integrity_rank(f) != 0 && f->sha256.len) {
        text_out_bytes(t, f->sha256);
        item(t, "");
    }
    for (const struct expectation *e = f->expected; e; e = e->next)
        write_expectation(t, f, e);
}

static void write_integrity(struct text_out *t, const struct model *m)
{
    uint64_t ranks[3] = { 0 }, shown = 0;
    for (int rank = 0; rank < 3; rank++)
        for (const struct file *f = m->files; f; f = f->next) {
            if (integrity_rank(f) != rank ||
                (rank > 0 && artifact_worst(f->artifact) == STATUS_SKIPPED))
                continue;
            ranks[rank]++;
            if (rank == 0 || shown < FILES_SHOWN)
                write_file_integrity(t, f, shown == 0 ? "Integrity" : "");
            shown++;
        }
    uint64_t written = ranks[0] > FILES_SHOWN ? ranks[0] : FILES_SHOWN;
    if (shown > written) {
        text_out_add(t,
                     "and %" PRIu64 " more; of %" PRIu64 " files %" PRIu64
                     " differ, %" PRIu64 " agree, %" PRIu64 " have nothing to compare "
                     "with (digests: JSON report)",
                     shown - written, shown, ranks[0], ranks[1], ranks[2]);
        item(t, "");
    }
}

/* -- what it is --------------------------------------------------------------- */

/* Is some other member of the set a refinement of this format? */
static bool refined(uint64_t set, int id)
{
    for (int other = 0; other < FORMAT_COUNT; other++)
        if ((set & FORMAT_BIT(other)) && (int)formats[other].is_a == id)
            return true;
    return false;
}

static void write_formats(struct text_out *t, const struct model *m)
{
    uint64_t kinds = 0, executing = 0, skipped = 0;
    for (int id = 0; id < FORMAT_COUNT; id++) {
        uint64_t n = 0;
        for (const struct file *f = m->files; f; f = f->next) {
            uint64_t set = f->artifact->formats;
            n += (set & FORMAT_BIT(id)) && !refined(set, id);
        }
        if (n == 0)
            continue;
        text_out_add(t, "%s", kinds++ ? ", " : "");
        if (m->files->next)
            text_out_add(t, "%" PRIu64 " ", n);
        text_out_add(t, "%s", formats[id].title);
    }
    for (const struct file *f = m->files; f; f = f->next) {
        bool executes = false;
        for (const struct artifact *a = f->artifact; a; a = artifact_walk(f->artifact, a))
            executes |= a->executes;
        executing += executes;
        skipped += artifact_worst(f->artifact) == STATUS_SKIPPED;
    }
    if (executing)
        text_out_add(t, "%s%" PRIu64 " file%s can run code when loaded",
                     kinds ? "; " : "", executing, text_plural(executing));
    if (skipped)
        text_out_add(t, "%s%" PRIu64 " file%s skipped: no model format",
                     kinds || executing ? "; " : "", skipped, text_plural(skipped));
    if (t->words.len)
        item(t, "Formats");
}

/* -- findings ----------------------------------------------------------------- */

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

bool text_model_has_findings(const struct model *m, enum severity *ret_worst)
{
    bool any = m->findings.count > 0;
    enum severity worst = any ? m->findings.worst : SEVERITY_INFO;
    for (const struct file *f = m->files; f; f = f->next)
        for (const struct artifact *a = f->artifact; a; a = artifact_walk(f->artifact, a))
            if (a->findings.count > 0) {
                any = true;
                if (a->findings.worst > worst)
                    worst = a->findings.worst;
            }
    if (any)
        *ret_worst = worst;
    return any;
}

static const struct finding *first_of(const struct finding_list *list, enum severity s)
{
    for (const struct finding *f = list->first; f; f = f->next)
        if (f->rule->severity == s)
            return f;
    return NULL;
}

const struct finding *text_model_worst(const struct model *m)
{
    enum severity worst;
    if (!text_model_has_findings(m, &worst))
        return NULL;
    const struct finding *found = first_of(&m->findings, worst);
    for (const struct file *f = m->files; f && !found; f = f->next)
        for (const struct artifact *a = f->artifact; a && !found;
             a = artifact_walk(f->artifact, a))
            found = first_of(&a->findings, worst);
    return found;
}

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

static void write_path(struct text_out *t, const struct artifact *a)
{
    size_t levels = 0;
    for (const struct artifact *up = a->parent; up; up = up->parent)
        levels++;
    for (size_t level = levels + 1; level-- > 0;) {
        const struct artifact *part = a;
        for (size_t up = 0; up < level; up++)
            part = part->parent;
        text_out_bytes(t, part->name);
        if (level > 0)
            text_out_add(t, "!");
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
            write_path(t, under);
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

static void write_findings(struct text_out *t, const struct model *m, enum severity least)
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

/* -- what was not read -------------------------------------------------------- */

static void write_incomplete(struct text_out *t, const struct model *m)
{
    uint64_t files = 0;
    for (const struct file *f = m->files; f; f = f->next) {
        const struct artifact *part = artifact_worst_part(f->artifact);
        if (part->status != STATUS_INCOMPLETE && part->status != STATUS_FAILED)
            continue;
        if (files++ >= 2 * FILES_SHOWN)
            continue;
        if (files == 1)
            text_out_blank(t);
        write_path(t, part);
        text_out_add(t, ": ");
        text_out_bytes(t, part->reason);
        text_out_item(t, STYLE_YELLOW,
                      part->status == STATUS_FAILED ? "NOT READ" : "INCOMPLETE",
                      TEXT_LABEL);
    }
    if (files > 2 * FILES_SHOWN) {
        text_out_add(t, "and %" PRIu64 " more files", files - 2 * FILES_SHOWN);
        item(t, "");
    }
}

void text_model_name(struct text_out *t, const struct model *m)
{
    text_out_bytes(t, m->identity);
    if (!span_equal(m->identity, m->target)) {
        text_out_add(t, " (in ");
        text_out_bytes(t, m->target);
        text_out_add(t, ")");
    }
}

void text_model(struct text_out *t, const struct model *m, enum severity min_severity)
{
    const char *label = "Why";
    for (const struct reason *r = m->reasons; r; r = r->next, label = "") {
        text_out_bytes(t, r->text);
        item(t, label);
    }
    text_out_blank(t);
    write_trust(t, m);
    write_formats(t, m);
    write_integrity(t, m);
    write_incomplete(t, m);
    write_findings(t, m, min_severity);
}
