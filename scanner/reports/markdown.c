/* Markdown for a job summary of GitHub, which shows at most 1 MiB of it: the decision,
 * a table of the models, why, and the findings, worst first and grouped by rule.  What
 * does not fit is counted and said at the top.
 *
 * All text that is not ours is made of character references, and names stand in <code>,
 * where nothing is a link, a mention or an emoji either. */
#include "reports/advice.h"
#include "reports/decision.h"
#include "reports/escape.h"
#include "reports/location.h"
#include "reports/spots.h"
#include "reports/stamp.h"
#include "reports/text/model.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    PAGE_MAX = 1 << 20,
    HEAD_MAX = 128 << 10, /* kept free for what is written last but stands first */
    MODELS_SHOWN = 100,
    REASONS_SHOWN = 20, /* models whose reasons are given */
    ROWS_SHOWN = 10,    /* of one rule */
    LIST_SHOWN = 20,
    QUOTE_MAX = 400,
    PATH_SIZE_MAX = 1 << 20
};

struct page {
    FILE *out;
    size_t written; /* whole blocks, in bytes */
    uint64_t left_out;
    struct text_out t; /* only for its words, which are in the notation of escape.h */
};

/* -- words ---------------------------------------------------------------------- */

static void cut(struct page *p, struct span text)
{
    text_out_bytes(&p->t, span_slice(text, 0, QUOTE_MAX));
    if (text.len > QUOTE_MAX)
        text_out_add(&p->t, "... (%zu bytes)", text.len);
}

/* The words so far, as code. */
static void put_code(struct page *p)
{
    if (p->t.words.len) {
        fputs("<code>", p->out);
        escape_shown(p->out, ESCAPE_MARKDOWN, buffer_span(&p->t.words));
        fputs("</code>", p->out);
    }
    p->t.failed |= p->t.words.truncated;
    buffer_clear(&p->t.words);
}

/* The words so far, as a sentence.  A mention or a reference to an issue is looked for in
 * what is shown, after character references: <wbr> parts it and takes no room. */
static void put_words(struct page *p)
{
    struct span words = buffer_span(&p->t.words);
    size_t start = 0;
    for (size_t at = 0; at < words.len; at++)
        if (words.ptr[at] == '@' || words.ptr[at] == '#') {
            escape_shown(p->out, ESCAPE_MARKDOWN, span_slice(words, start, at + 1));
            fputs("<wbr>", p->out);
            start = at + 1;
        }
    escape_shown(p->out, ESCAPE_MARKDOWN, span_slice(words, start, words.len));
    p->t.failed |= p->t.words.truncated;
    buffer_clear(&p->t.words);
}

static void put_text(struct page *p, const char *text)
{
    text_out_add(&p->t, "%s", text);
    put_words(p);
}

static const char *verdict_mark(enum verdict v)
{
    static const char *const marks[] = {
        [VERDICT_PASS] = "✅ PASS",
        [VERDICT_FAIL] = "❌ FAIL",
        [VERDICT_INCOMPLETE] = "🟡 INCOMPLETE",
        [VERDICT_EMPTY] = "⬜ EMPTY",
    };
    return marks[v];
}

static const char *severity_mark(enum severity s)
{
    static const char *const marks[] = {
        [SEVERITY_CRITICAL] = "🔴 critical", [SEVERITY_HIGH] = "🟠 high",
        [SEVERITY_MEDIUM] = "🟡 medium",  [SEVERITY_LOW] = "🔵 low",
        [SEVERITY_INFO] = "⚪ info",
    };
    return marks[s];
}

/* -- blocks: whole, or not at all ------------------------------------------------ */

static void end_block(struct page *p)
{
    long at = ftell(p->out);
    if (p->left_out == 0 && at >= 0 && (size_t)at <= PAGE_MAX - HEAD_MAX) {
        p->written = (size_t)at;
        return;
    }
    p->left_out++;
    (void)fseek(p->out, (long)p->written, SEEK_SET);
}

/* -- models ----------------------------------------------------------------------- */

static void write_origin(struct page *p, const struct origin *o)
{
    if (o->basis == BASIS_NONE) {
        fputs("nobody says", p->out);
        return;
    }
    put_text(p, o->title ? o->title : o->registry ? o->registry : "no known registry");
    fputc(' ', p->out);
    text_name(&p->t, o->name);
    put_code(p);
    if (o->revision.len) {
        fputs(" at ", p->out);
        text_out_bytes(&p->t, span_slice(o->revision, 0, 12));
        if (o->revision.len > 12)
            text_out_add(&p->t, "…");
        put_code(p);
    }
    fprintf(p->out, " (%s)", basis_name(o->basis));
}

static void write_integrity(struct page *p, const struct model *m)
{
    uint64_t differ = 0, verified = 0, files = 0;
    for (const struct file *f = m->files; f; f = f->next) {
        bool good = false;
        for (const struct expectation *e = f->expected; e; e = e->next)
            good |= e->state == EXPECT_VERIFIED;
        bool bad = text_integrity_rank(f) == 0;
        files++;
        differ += bad;
        verified += good && !bad;
    }
    if (differ)
        fprintf(p->out, "**%" PRIu64 " of %" PRIu64 " digests differ**", differ, files);
    else if (verified)
        fprintf(p->out, "%" PRIu64 " of %" PRIu64 " digests verified", verified, files);
    else
        fputs("no digest verified", p->out);
    for (const struct signature *s = m->signatures; s; s = s->next)
        if (s->state != SIGNATURE_UNSIGNED)
            fprintf(p->out, "; %s signature %s", s->kind, signature_state_name(s->state));
}

static void write_counts(struct page *p, const struct model *m)
{
    uint64_t counts[SEVERITY_COUNT] = { 0 }, suppressed = 0;
    const char *comma = "";
    for (struct spot s = { .model = m }; spots_next(&s);)
        if (s.finding->suppressed.len)
            suppressed++;
        else
            counts[s.finding->rule->severity]++;
    for (int i = SEVERITY_COUNT; i-- > 0;)
        if (counts[i]) {
            fprintf(p->out, "%s%" PRIu64 " %s", comma, counts[i],
                    severity_name((enum severity)i));
            comma = ", ";
        }
    if (suppressed)
        fprintf(p->out, "%s%" PRIu64 " suppressed", comma, suppressed);
    else if (!*comma)
        fputs("none", p->out);
}

static void write_model_row(struct page *p, const struct model *m)
{
    uint64_t files = 0, bytes = 0;
    for (const struct file *f = m->files; f; f = f->next) {
        files++;
        bytes += f->artifact->size;
    }
    fprintf(p->out, "| %s | ", verdict_mark(m->verdict));
    text_model_name(&p->t, m);
    put_code(p);
    fprintf(p->out, "<br>%" PRIu64 " file%s, ", files, text_plural(files));
    text_size(&p->t, bytes);
    put_words(p);
    fprintf(p->out, " | %s | ", trust_name(m->trust));
    write_origin(p, &m->origin);
    fputs(" | ", p->out);
    write_integrity(p, m);
    fputs(" | ", p->out);
    write_counts(p, m);
    fputs(" |\n", p->out);
    end_block(p);
}

static void write_models(struct page *p, const struct model *const *models,
                         const struct decision *d)
{
    if (d->models == 0)
        return;
    fputs("\n### Models\n\n"
          "| Verdict | Model | Trust | Comes from | Integrity | Findings |\n"
          "|---|---|---|---|---|---|\n",
          p->out);
    for (uint64_t i = 0; i < d->models && i < MODELS_SHOWN; i++)
        write_model_row(p, models[i]);
    if (d->models > MODELS_SHOWN)
        fprintf(p->out, "\nand %" PRIu64 " more models.\n", d->models - MODELS_SHOWN);
    end_block(p);
}

static void write_reasons(struct page *p, const struct model *const *models,
                          const struct decision *d)
{
    uint64_t open = d->verdicts[VERDICT_FAIL] + d->verdicts[VERDICT_INCOMPLETE], done = 0;
    if (open)
        fputs("\n### Why\n\n", p->out);
    for (uint64_t i = 0; i < open && i < REASONS_SHOWN; i++) {
        fprintf(p->out, "- **%s** ", verdict_mark(models[i]->verdict));
        text_model_name(&p->t, models[i]);
        put_code(p);
        fputc('\n', p->out);
        for (const struct reason *q = models[i]->reasons; q; q = q->next) {
            fputs("  - ", p->out);
            text_out_bytes(&p->t, q->text);
            put_words(p);
            fputc('\n', p->out);
        }
        done++;
        end_block(p);
    }
    if (done < open)
        fprintf(p->out, "- and %" PRIu64 " more models\n", open - done);
    end_block(p);
}

/* -- findings ----------------------------------------------------------------------- */

/* "models/bert/model.pt!archive/data.pkl" */
static void put_place(struct page *p, const struct model *m, const struct file *f,
                      const struct artifact *a)
{
    struct buffer place;
    buffer_init(&place, PATH_SIZE_MAX);
    location_path(m, f, &place);
    text_name(&p->t, buffer_span(&place));
    buffer_clear(&place);
    location_member(a, &place);
    if (place.len)
        text_out_add(&p->t, "!");
    text_name(&p->t, buffer_span(&place));
    buffer_free(&place);
    put_code(p);
}

static void write_spot(struct page *p, const struct spot *s)
{
    const struct finding *f = s->finding;
    fputs("| ", p->out);
    if (s->artifact) {
        put_place(p, s->model, s->file, s->artifact);
        fprintf(p->out, " | %" PRIu64, f->offset);
    } else {
        text_model_name(&p->t, s->model);
        put_code(p);
        fputs(" | ", p->out);
    }
    fputs(" | ", p->out);
    text_evidence(&p->t, f->evidence);
    put_code(p);
    if (f->evidence.len && f->message.len)
        fputs("<br>", p->out);
    cut(p, f->message);
    put_words(p);
    fputs(" |\n", p->out);
}

/* All of one rule: the first few that differ, and how many more there are. */
static void write_rule(struct page *p, const struct spot *spots, size_t count)
{
    const struct spot *shown[ROWS_SHOWN];
    const struct rule *rule = spots[0].finding->rule;
    const char *advice = report_advice(rule->id);
    size_t used = spots_different(spots, count, true, shown, ROWS_SHOWN);
    fprintf(p->out, "\n#### %s: ", severity_mark(rule->severity));
    put_text(p, rule->title);
    fputs("\n\n", p->out);
    text_out_add(&p->t, "%s", rule->id);
    put_code(p);
    if (count > 1)
        fprintf(p->out, ", %zu times", count);
    fputs("\n\n| Where | Offset | What |\n|---|--:|---|\n", p->out);
    for (size_t i = 0; i < used; i++)
        write_spot(p, shown[i]);
    if (count > used)
        fprintf(p->out, "\nand %zu more like %s.\n", count - used,
                used == 1 ? "it" : "these");
    if (advice) {
        fputs("\n**What to do.** ", p->out);
        put_text(p, advice);
        fputc('\n', p->out);
    }
    end_block(p);
}

static void write_findings(struct page *p, const struct spots *s)
{
    if (s->count == 0)
        return;
    fputs("\n### Findings, worst first\n", p->out);
    for (size_t at = 0, end; at < s->count; at = end) {
        end = spots_group(s, at);
        write_rule(p, s->all + at, end - at);
    }
    if (s->hidden)
        fprintf(p->out, "\n%zu less severe findings are not shown.\n", s->hidden);
    if (s->dropped)
        fprintf(p->out, "\n%" PRIu64 " further findings were only counted.\n",
                s->dropped);
    end_block(p);
}

static void write_suppressed(struct page *p, const struct spots *s)
{
    if (s->count == 0)
        return;
    fprintf(p->out, "\n<details><summary>Suppressed: %zu</summary>\n\n", s->count);
    for (size_t at = 0, end; at < s->count; at = end) {
        end = spots_group(s, at);
        const struct finding *f = s->all[at].finding;
        fprintf(p->out, "- %s ", severity_mark(f->rule->severity));
        text_out_add(&p->t, "%s", f->rule->id);
        put_code(p);
        if (end - at > 1)
            fprintf(p->out, ", %zu times", end - at);
        fputs(": ", p->out);
        cut(p, f->suppressed);
        put_words(p);
        fputc('\n', p->out);
    }
    fputs("\n</details>\n", p->out);
    end_block(p);
}

/* -- what was not read -------------------------------------------------------------- */

static void write_unread(struct page *p, const struct result *r)
{
    uint64_t n = 0;
    for (const struct model *m = r->models; m; m = m->next)
        for (const struct file *f = m->files; f; f = f->next) {
            const struct artifact *part = artifact_worst_part(f->artifact);
            if (part->status != STATUS_INCOMPLETE && part->status != STATUS_FAILED)
                continue;
            if (n++ >= LIST_SHOWN)
                continue;
            if (n == 1)
                fputs("\n### Not analysed to the end\n\n", p->out);
            fputs("- ", p->out);
            put_place(p, m, f, part);
            fputs(": ", p->out);
            cut(p, part->reason);
            put_words(p);
            fputc('\n', p->out);
        }
    if (n > LIST_SHOWN)
        fprintf(p->out, "- and %" PRIu64 " more files\n", n - LIST_SHOWN);
    end_block(p);
}

static void write_gate(struct page *p, const struct result *r)
{
    fputs("\n<details><summary>What the gate demands</summary>\n\n", p->out);
    for (const struct reason *q = r->clauses; q; q = q->next) {
        fputs("- ", p->out);
        text_out_bytes(&p->t, q->text);
        put_words(p);
        fputc('\n', p->out);
    }
    fputs("\n</details>\n", p->out);
    end_block(p);
}

/* -- the head ----------------------------------------------------------------------- */

static void write_note(struct page *p, const char *mark)
{
    fprintf(p->out, "> %s ", mark);
    put_words(p);
    fputs("\n>\n", p->out);
}

static void write_more(struct page *p, uint64_t n, const char *what)
{
    if (n <= LIST_SHOWN)
        return;
    text_out_add(&p->t, "and %" PRIu64 " more %s.", n - LIST_SHOWN, what);
    write_note(p, "**Cut.**");
}

static void write_notes(struct page *p, const struct result *r)
{
    uint64_t errors = 0, warnings = 0;
    if (p->left_out) {
        text_out_add(&p->t,
                     "%" PRIu64 " parts of this summary do not fit into the 1 MiB that "
                     "GitHub shows. The JSON report has all of it.",
                     p->left_out);
        write_note(p, "**Cut.**");
    }
    if (stamp_unconfined(r)) {
        text_out_add(&p->t,
                     "The sandbox was off: files were parsed without confinement.");
        write_note(p, "**Note.**");
    }
    for (const struct scan_error *e = r->errors; e; e = e->next)
        if (errors++ < LIST_SHOWN) {
            text_name(&p->t, e->target);
            text_out_add(&p->t, ": ");
            cut(p, e->message);
            write_note(p, "**Not scanned.**");
        }
    write_more(p, errors, "targets that were not scanned");
    for (const struct reason *q = r->warnings; q; q = q->next)
        if (warnings++ < LIST_SHOWN) {
            cut(p, q->text);
            write_note(p, "**Note.**");
        }
    write_more(p, warnings, "notes");
}

/* The first thing to look at, when there is more than one model. */
static void write_worst(struct page *p, const struct result *r, const struct decision *d)
{
    const struct finding *f = d->worst ? text_model_worst(d->worst) : NULL;
    bool open = r->verdict == VERDICT_FAIL || r->verdict == VERDICT_INCOMPLETE;
    if (!open || !f || d->models < 2)
        return;
    fputs("\nLook first at ", p->out);
    text_model_name(&p->t, d->worst);
    put_code(p);
    fputs(": ", p->out);
    text_out_add(&p->t, "%s", f->rule->id);
    put_code(p);
    if (f->evidence.len) {
        fputs(", ", p->out);
        text_evidence(&p->t, f->evidence);
        put_code(p);
    }
    fputc('\n', p->out);
}

static void write_head(struct page *p, const struct result *r, const struct decision *d)
{
    const struct summary *s = &r->summary;
    fprintf(p->out, "## %s\n\n**", verdict_mark(r->verdict));
    decision_say(&p->t, r, d);
    put_words(p);
    fputs("**\n\n", p->out);
    write_notes(p, r);
    write_worst(p, r, d);
    fputs("\n**Findings:**", p->out);
    for (int i = SEVERITY_COUNT; i-- > 0;)
        fprintf(p->out, " %s %" PRIu64 "%s", severity_mark((enum severity)i),
                s->findings[i], i ? "," : "\n");
    fputs("\n**Files:**", p->out);
    for (int i = 0; i < STATUS_COUNT; i++)
        fprintf(p->out, " %" PRIu64 " %s,", s->files[i],
                status_name((enum artifact_status)i));
    fputs(" together ", p->out);
    text_size(&p->t, s->bytes);
    put_words(p);
    fputc('\n', p->out);
}

/* The body goes first, because the head says whether it had to be cut. */
static bool write_body(struct page *p, const struct result *r, const struct decision *d,
                       const struct report_options *o)
{
    struct spots s = { 0 }, suppressed = { 0 };
    const struct model **models = decision_order(r, d);
    bool ok = models && spots_of_result(r, o->min_severity, &s) &&
              spots_set_apart(&s, &suppressed);
    if (ok) {
        write_models(p, models, d);
        write_reasons(p, models, d);
        write_unread(p, r);
        write_findings(p, &s);
        write_suppressed(p, &suppressed);
        write_gate(p, r);
    }
    spots_free(&s);
    spots_free(&suppressed);
    free(models);
    return ok;
}

bool report_write_markdown(FILE *out, const struct result *r,
                           const struct report_options *o)
{
    char *body = NULL;
    size_t len = 0;
    struct page p = { .out = open_memstream(&body, &len) };
    const struct decision d = decision_of(r);
    if (!p.out)
        return false;
    text_out_init(&p.t, NULL, 0, false);
    bool ok = write_body(&p, r, &d, o);
    ok = fclose(p.out) == 0 && ok;
    if (ok) {
        p.out = out;
        write_head(&p, r, &d);
        (void)fwrite(body, 1, p.written, out);
        fprintf(out, "\nAssay %s, rules ", stamp_version(r));
        text_out_bytes(&p.t, span_slice(span_of_text(r->rules_digest), 0, 16));
        put_code(&p);
        fputc('\n', out);
    }
    ok = ok && !p.t.failed;
    text_out_free(&p.t);
    free(body);
    return ok;
}
