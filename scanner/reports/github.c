/* Workflow commands for the log of a GitHub job, which shows them as annotations.  It
 * keeps ten of each level in a step: the worst are written, and one notice says how many
 * more there are.  What was not read takes a few of them at most, so that it cannot crowd
 * out what was found. */
#include "reports/escape.h"
#include "reports/location.h"
#include "reports/spots.h"
#include "reports/stamp.h"

#include <inttypes.h>

enum { EACH_MAX = 10, UNREAD_MAX = 3, PATH_SIZE_MAX = 1 << 20 };

enum level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_NOTICE, LEVEL_COUNT };

struct annotations {
    FILE *out;
    unsigned written[LEVEL_COUNT];
    uint64_t left_out;
};

static void put(FILE *out, struct span text)
{
    escape_for(out, ESCAPE_GITHUB, text);
}

/* "::error file=F,line=1,title=T::"; false: there is no room for it.  The last notice is
 * kept for the count of the others. */
static bool begin(struct annotations *a, enum level level, const struct model *m,
                  const struct file *f, struct span title)
{
    static const char *const names[] = { "error", "warning", "notice" };
    unsigned room = level == LEVEL_NOTICE ? EACH_MAX - 1 : EACH_MAX;
    if (a->written[level] >= room) {
        a->left_out++;
        return false;
    }
    a->written[level]++;
    fprintf(a->out, "::%s ", names[level]);
    if (m) {
        struct buffer path;
        buffer_init(&path, PATH_SIZE_MAX);
        location_path(m, f, &path);
        fputs("file=", a->out);
        escape_for(a->out, ESCAPE_GITHUB_PROPERTY, buffer_span(&path));
        fputs(",line=1,", a->out);
        buffer_free(&path);
    }
    fputs("title=", a->out);
    escape_for(a->out, ESCAPE_GITHUB_PROPERTY, title);
    fputs("::", a->out);
    return true;
}

static void write_verdict(struct annotations *a, const struct result *r)
{
    enum level level = r->verdict == VERDICT_FAIL   ? LEVEL_ERROR
                       : r->verdict == VERDICT_PASS ? LEVEL_NOTICE
                                                    : LEVEL_WARNING;
    if (!begin(a, level, NULL, NULL, span_of_text("Assay")))
        return;
    fprintf(a->out, "%s: %" PRIu64 " model%s, gate ", verdict_name(r->verdict),
            r->summary.models, r->summary.models == 1 ? "" : "s");
    put(a->out, span_of_text(r->gate ? r->gate : "none"));
    fputs(", findings:", a->out);
    for (int i = SEVERITY_COUNT; i-- > 0;)
        fprintf(a->out, " %" PRIu64 " %s%s", r->summary.findings[i],
                severity_name((enum severity)i), i ? "," : "");
    fprintf(a->out, " (exit code %d)\n", r->exit_code);
}

static void write_finding(struct annotations *a, const struct spot *s)
{
    const struct finding *f = s->finding;
    enum level level = f->rule->severity >= SEVERITY_HIGH     ? LEVEL_ERROR
                       : f->rule->severity == SEVERITY_MEDIUM ? LEVEL_WARNING
                                                              : LEVEL_NOTICE;
    if (!begin(a, level, s->model, s->file, span_of_text(f->rule->id)))
        return;
    put(a->out, span_of_text(f->rule->title));
    if (f->evidence.len) {
        fputs(": ", a->out);
        put(a->out, f->evidence);
    }
    if (f->message.len) {
        fputs(" (", a->out);
        put(a->out, f->message);
        fputc(')', a->out);
    }
    if (s->artifact) {
        struct buffer path;
        buffer_init(&path, PATH_SIZE_MAX);
        artifact_path(s->artifact, &path);
        fprintf(a->out, " at byte %" PRIu64 " of ", f->offset);
        put(a->out, buffer_span(&path));
        buffer_free(&path);
    }
    fputc('\n', a->out);
}

static void write_errors(struct annotations *a, const struct result *r)
{
    unsigned shown = 0;
    for (const struct scan_error *e = r->errors; e; e = e->next) {
        if (shown++ >= UNREAD_MAX) {
            a->left_out++;
            continue;
        }
        if (!begin(a, LEVEL_ERROR, NULL, NULL, span_of_text("Not scanned")))
            continue;
        put(a->out, e->target);
        fputs(": ", a->out);
        put(a->out, e->message);
        fputc('\n', a->out);
    }
}

static void write_unread(struct annotations *a, const struct result *r)
{
    unsigned shown = 0;
    for (const struct model *m = r->models; m; m = m->next)
        for (const struct file *f = m->files; f; f = f->next) {
            const struct artifact *part = artifact_worst_part(f->artifact);
            bool whole =
                part->status == STATUS_COMPLETE || part->status == STATUS_SKIPPED;
            if (whole || f->shared)
                continue;
            if (shown++ >= UNREAD_MAX) {
                a->left_out++;
                continue;
            }
            if (!begin(a, LEVEL_WARNING, m, f, span_of_text("Not analysed to its end")))
                continue;
            struct buffer path;
            buffer_init(&path, PATH_SIZE_MAX);
            artifact_path(part, &path);
            put(a->out, buffer_span(&path));
            fputs(": ", a->out);
            put(a->out, part->reason);
            fputc('\n', a->out);
            buffer_free(&path);
        }
}

bool report_write_github(FILE *out, const struct result *r,
                         const struct report_options *o)
{
    struct annotations a = { .out = out };
    struct spots spots;
    if (!spots_of_result(r, o->min_severity, &spots))
        return false;
    write_verdict(&a, r);
    if (stamp_unconfined(r) &&
        begin(&a, LEVEL_WARNING, NULL, NULL, span_of_text("Sandbox off")))
        fputs("files were parsed without confinement\n", out);
    write_errors(&a, r);
    write_unread(&a, r);
    for (size_t i = 0; i < spots.count; i++)
        if (!spots.all[i].finding->suppressed.len)
            write_finding(&a, &spots.all[i]);
    if (a.left_out + spots.dropped)
        fprintf(out, "::notice title=Assay::%" PRIu64 " more are not shown here\n",
                a.left_out + spots.dropped);
    spots_free(&spots);
    return true;
}
