/* CSV (RFC 4180) for auditors: one row for each finding, one for each file that could not
 * be analysed, and one for each model, so that a model without findings is seen too; and
 * one for findings that were only counted.
 * Every cell is quoted and none is a formula. */
#include "core/formats.h"
#include "reports/escape.h"
#include "reports/location.h"
#include "reports/spots.h"
#include "reports/stamp.h"

#include <inttypes.h>

enum { PATH_SIZE_MAX = 1 << 20 };

static const char header[] =
    "row,scan_id,scanned_at,target,model,registry,name,revision,basis,trust,verdict,file,"
    "formats,size,sha256,digest_state,digest_source,signature,signer,status,rule,"
    "severity,"
    "title,message,evidence,member,offset,fingerprint,suppressed,suppression,gate,"
    "policy_digest,tool_version\r\n";

struct table {
    FILE *out;
    const struct result *r;
    char id[STAMP_UUID], time[STAMP_TIME];
};

static void cell(const struct table *t, struct span text)
{
    escape_csv_cell(t->out, text);
    fputc(',', t->out);
}

static void text_cell(const struct table *t, const char *text)
{
    cell(t, span_of_text(text));
}

static void number_cell(const struct table *t, uint64_t n)
{
    fprintf(t->out, "\"%" PRIu64 "\",", n);
}

static void empty_cells(const struct table *t, unsigned n)
{
    for (; n > 0; n--)
        text_cell(t, "");
}

static void begin_row(const struct table *t, const char *kind)
{
    text_cell(t, kind);
    text_cell(t, t->id);
    text_cell(t, t->time);
}

static void end_row(const struct table *t)
{
    text_cell(t, t->r->gate);
    text_cell(t, t->r->policy_digest);
    escape_csv_cell(t->out, span_of_text(stamp_version(t->r)));
    fputs("\r\n", t->out);
}

static void model_cells(const struct table *t, const struct model *m)
{
    cell(t, m->target);
    cell(t, m->identity);
    text_cell(t, m->origin.registry);
    cell(t, m->origin.name);
    cell(t, m->origin.revision);
    text_cell(t, basis_name(m->origin.basis));
    text_cell(t, trust_name(m->trust));
    text_cell(t, verdict_name(m->verdict));
}

/* The expectation that says most: a contradiction, else the first. */
static const struct expectation *telling(const struct file *f)
{
    for (const struct expectation *e = f->expected; e; e = e->next)
        if (e->state == EXPECT_MISMATCH || e->state == EXPECT_INCONSISTENT)
            return e;
    return f->expected;
}

static void file_cells(const struct table *t, const struct model *m, const struct file *f)
{
    struct buffer text;
    if (!f) {
        empty_cells(t, 9);
        return;
    }
    const struct expectation *e = telling(f);
    buffer_init(&text, PATH_SIZE_MAX);
    location_path(m, f, &text);
    cell(t, buffer_span(&text));
    buffer_clear(&text);
    for (int id = 0; id < FORMAT_COUNT; id++)
        if (f->artifact->formats & FORMAT_BIT(id))
            buffer_printf(&text, "%s%s", text.len ? " " : "", formats[id].name);
    cell(t, buffer_span(&text));
    buffer_free(&text);
    number_cell(t, f->artifact->size);
    cell(t, f->sha256);
    text_cell(t, e ? expectation_name(e->state) : "");
    cell(t, e ? e->source : (struct span){ 0 });
    text_cell(t, f->signature ? signature_state_name(f->signature->state) : "");
    cell(t, f->signature ? f->signature->identity : (struct span){ 0 });
    text_cell(t, status_name(artifact_worst(f->artifact)));
}

static bool write_finding(const struct table *t, const struct spot *s)
{
    const struct finding *f = s->finding;
    char fingerprint[FINGERPRINT_HEX + 1];
    struct buffer member;
    if (!finding_fingerprint(f, s->artifact, s->model->identity, fingerprint))
        return false;
    begin_row(t, "finding");
    model_cells(t, s->model);
    file_cells(t, s->model, s->file);
    text_cell(t, f->rule->id);
    text_cell(t, severity_name(f->rule->severity));
    text_cell(t, f->rule->title);
    cell(t, f->message);
    cell(t, f->evidence);
    buffer_init(&member, PATH_SIZE_MAX);
    if (s->artifact)
        location_member(s->artifact, &member);
    cell(t, buffer_span(&member));
    buffer_free(&member);
    if (s->artifact)
        number_cell(t, f->offset);
    else
        text_cell(t, "");
    text_cell(t, fingerprint);
    text_cell(t, f->suppressed.len ? "yes" : "no");
    cell(t, f->suppressed);
    end_row(t);
    return true;
}

static void write_model(const struct table *t, const struct model *m)
{
    begin_row(t, "model");
    model_cells(t, m);
    file_cells(t, m, NULL);
    empty_cells(t, 3);
    cell(t, m->reasons ? m->reasons->text : (struct span){ 0 });
    empty_cells(t, 6);
    end_row(t);
}

static void write_unread(const struct table *t, const struct model *m,
                         const struct file *f)
{
    const struct artifact *part = artifact_worst_part(f->artifact);
    struct buffer member;
    if (part->status != STATUS_INCOMPLETE && part->status != STATUS_FAILED)
        return;
    begin_row(t, "unread");
    model_cells(t, m);
    file_cells(t, m, f);
    empty_cells(t, 3);
    cell(t, part->reason);
    empty_cells(t, 1);
    buffer_init(&member, PATH_SIZE_MAX);
    location_member(part, &member);
    cell(t, buffer_span(&member));
    buffer_free(&member);
    empty_cells(t, 4);
    end_row(t);
}

/* Of no model: "error", "warning". */
static void write_note(const struct table *t, const char *kind, struct span target,
                       struct span message)
{
    begin_row(t, kind);
    cell(t, target);
    empty_cells(t, 7 + 9 + 3);
    cell(t, message);
    empty_cells(t, 6);
    end_row(t);
}

/* What a full list counted and did not keep. */
static void write_dropped(const struct table *t, const struct model *m,
                          const struct file *f, uint64_t dropped)
{
    char text[96];
    if (dropped == 0)
        return;
    (void)snprintf(text, sizeof text, "%" PRIu64 " findings were counted and not kept",
                   dropped);
    begin_row(t, "dropped");
    model_cells(t, m);
    file_cells(t, m, f);
    empty_cells(t, 3);
    text_cell(t, text);
    empty_cells(t, 6);
    end_row(t);
}

static void write_all_dropped(const struct table *t, const struct model *m)
{
    write_dropped(t, m, NULL, m->findings.dropped);
    for (const struct file *f = m->files; f; f = f->next) {
        uint64_t dropped = 0;
        for (const struct artifact *a = f->artifact; a; a = artifact_walk(f->artifact, a))
            dropped += a->findings.dropped;
        write_dropped(t, m, f, dropped);
    }
}

bool report_write_csv(FILE *out, const struct result *r, const struct report_options *o)
{
    struct table t = { .out = out, .r = r };
    bool ok = stamp_result_uuid(r, t.id);
    stamp_text(stamp_seconds(r, o), t.time);
    fputs(header, out);
    for (const struct model *m = r->models; m && ok; m = m->next) {
        write_model(&t, m);
        for (const struct file *f = m->files; f; f = f->next)
            write_unread(&t, m, f);
        for (struct spot s = { .model = m }; ok && spots_next(&s);)
            ok = write_finding(&t, &s);
        write_all_dropped(&t, m);
    }
    for (const struct scan_error *e = r->errors; e; e = e->next)
        write_note(&t, "error", e->target, e->message);
    if (stamp_unconfined(r))
        write_note(&t, "warning", (struct span){ 0 },
                   span_of_text("the sandbox was off: files were parsed without "
                                "confinement"));
    return ok;
}
