/* The text report: the decision and its reason first, then each model, worst first.
 * Says what was found or not found, never that a model is clean or safe. */
#include "reports/decision.h"
#include "reports/stamp.h"
#include "reports/text/model.h"
#include "reports/text/out.h"

#include <inttypes.h>

/* -- the decision ------------------------------------------------------------- */

/* The model to look at first, and the finding or reason that makes it so. */
static void write_worst(struct text_out *t, const struct model *m)
{
    const struct finding *f = text_model_worst(m);
    text_model_name(t, m);
    text_out_add(t, ": ");
    if (f && m->verdict == VERDICT_FAIL && f->rule->severity >= SEVERITY_HIGH) {
        text_out_add(t, "%s", f->rule->id);
        text_out_item(t, STYLE_BOLD, "Worst", TEXT_LABEL);
        text_evidence(t, f->evidence.len ? f->evidence : f->message);
        text_out_item(t, STYLE_PLAIN, "", TEXT_LABEL);
    } else {
        if (m->reasons)
            text_out_bytes(t, m->reasons->text);
        text_out_item(t, STYLE_BOLD, "Worst", TEXT_LABEL);
    }
}

static void write_decision(struct text_out *t, const struct result *r,
                           const struct decision *c)
{
    struct verdict_word v = text_verdict(r->verdict);
    bool open = r->verdict == VERDICT_FAIL || r->verdict == VERDICT_INCOMPLETE;
    decision_say(t, r, c);
    text_out_item(t, v.style, v.word, TEXT_LABEL);
    if (c->models > 1 && open && c->worst)
        write_worst(t, c->worst);
    for (const struct scan_error *e = r->errors; e; e = e->next) {
        text_name(t, e->target);
        text_out_add(t, ": ");
        text_out_bytes(t, e->message);
        text_out_add(t, " (%s%s)", error_name(e->code),
                     e->retryable ? ", may work when tried again" : "");
        text_out_item(t, STYLE_YELLOW, "NOT SCANNED", TEXT_LABEL);
    }
    if (stamp_unconfined(r)) {
        text_out_add(t, "the sandbox was off: files were parsed without confinement");
        text_out_item(t, STYLE_YELLOW, "NOTE", TEXT_LABEL);
    }
    for (const struct reason *q = r->warnings; q; q = q->next) {
        text_out_bytes(t, q->text);
        text_out_item(t, STYLE_YELLOW, "NOTE", TEXT_LABEL);
    }
}

/* -- models in one line ------------------------------------------------------- */

static void write_row(struct text_out *t, const struct model *m)
{
    uint64_t files = 0, bytes = 0;
    for (const struct file *f = m->files; f; f = f->next) {
        files++;
        bytes += f->artifact->size;
    }
    struct buffer size;
    char head[64];
    text_size(t, bytes);
    buffer_init(&size, 32);
    buffer_add(&size, buffer_span(&t->words));
    buffer_clear(&t->words);
    int n = snprintf(head, sizeof head, "%*s%-10s%6" PRIu64 "  %10s", TEXT_LABEL, "",
                     trust_name(m->trust), files, size.text ? size.text : "?");
    buffer_free(&size);
    text_model_name(t, m);
    text_out_item(t, STYLE_PLAIN, head, n > 0 ? (size_t)n + 2 : TEXT_LABEL);
}

static void write_rows(struct text_out *t, const struct result *r, enum rank rank,
                       enum verdict verdict, const char *says)
{
    bool first = true;
    for (const struct model *m = r->models; m; m = m->next) {
        if (rank_of(m) != rank)
            continue;
        if (first) {
            struct verdict_word v = text_verdict(verdict);
            text_out_blank(t);
            text_out_add(t, "%s", says);
            text_out_item(t, v.style, v.word, TEXT_LABEL);
            text_out_item(t, STYLE_DIM, "            trust      files        size  model",
                          TEXT_LABEL);
            first = false;
        }
        write_row(t, m);
    }
}

/* -- the summary -------------------------------------------------------------- */

static void write_summary(struct text_out *t, const struct result *r,
                          const struct decision *c, const struct report_options *o)
{
    const struct summary *s = &r->summary;
    text_out_blank(t);
    text_out_add(t, "%" PRIu64 " model%s:", c->models, text_plural(c->models));
    static const char *const verbs[] = { [VERDICT_PASS] = "pass",
                                         [VERDICT_FAIL] = "fail",
                                         [VERDICT_INCOMPLETE] = "incomplete",
                                         [VERDICT_EMPTY] = "empty" };
    static const enum verdict order[] = { VERDICT_FAIL, VERDICT_INCOMPLETE, VERDICT_PASS,
                                          VERDICT_EMPTY };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        text_out_add(t, "%s %" PRIu64 " %s", i ? "," : "", c->verdicts[order[i]],
                     verbs[order[i]]);
    text_out_item(t, STYLE_BOLD, "Summary", TEXT_LABEL);

    uint64_t files = 0;
    for (int i = 0; i < STATUS_COUNT; i++)
        files += s->files[i];
    text_out_add(t, "%" PRIu64 " file%s, ", files, text_plural(files));
    text_size(t, s->bytes);
    text_out_add(t, ":");
    for (int i = 0; i < STATUS_COUNT; i++)
        text_out_add(t, "%s %" PRIu64 " %s", i ? "," : "", s->files[i],
                     status_name((enum artifact_status)i));
    text_out_item(t, STYLE_BOLD, "", TEXT_LABEL);

    text_out_add(t, "findings:");
    for (int i = SEVERITY_COUNT; i-- > 0;)
        text_out_add(t, " %" PRIu64 " %s%s", s->findings[i],
                     severity_name((enum severity)i), i ? "," : "");
    text_out_item(t, STYLE_BOLD, "", TEXT_LABEL);

    text_out_add(t, "gate \"%s\" demands:", r->gate ? r->gate : "none");
    for (const struct reason *q = r->clauses; q; q = q->next) {
        text_out_add(t, " ");
        text_out_bytes(t, q->text);
        text_out_add(t, "%s", q->next ? ";" : "");
    }
    text_out_item(t, STYLE_BOLD, "", TEXT_LABEL);

    if (!o->reproducible) {
        uint64_t ms = stamp_milliseconds(r);
        text_out_add(t, "sandbox %s, %" PRIu64 ".%02" PRIu64 " s, %u job%s",
                     r->run.sandbox ? r->run.sandbox : "unknown", ms / 1000,
                     ms % 1000 / 10, r->run.jobs, text_plural(r->run.jobs));
        text_out_item(t, STYLE_BOLD, "", TEXT_LABEL);
    }
}

static void write_blocks(struct text_out *t, const struct result *r, enum rank rank,
                         enum severity min_severity)
{
    for (const struct model *m = r->models; m; m = m->next) {
        if (rank_of(m) != rank)
            continue;
        struct verdict_word v = text_verdict(m->verdict);
        text_out_blank(t);
        text_model_name(t, m);
        text_out_item(t, v.style, v.word, TEXT_LABEL);
        text_model(t, m, min_severity, true);
    }
}

bool report_write_text(FILE *out, const struct result *r, const struct report_options *o)
{
    struct text_out t;
    struct decision c = decision_of(r);
    text_out_init(&t, out, o->width, o->colour);
    write_decision(&t, r, &c);
    if (c.models == 1 && c.ranks[RANK_EMPTY] == 0) {
        text_model(&t, r->models, o->min_severity, false);
    } else {
        for (unsigned rank = 0; rank <= RANK_FOUND; rank++)
            if (c.ranks[rank])
                write_blocks(&t, r, rank, o->min_severity);
        write_rows(&t, r, RANK_QUIET, VERDICT_PASS, "no findings:");
        if (c.models > 1)
            write_rows(&t, r, RANK_EMPTY, VERDICT_EMPTY, "no model in it:");
    }
    write_summary(&t, r, &c, o);
    bool ok = !t.failed;
    text_out_free(&t);
    return ok;
}
