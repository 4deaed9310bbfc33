/* JUnit XML: a suite for each model; a case for the gate, for each file, and for each
 * finding.  A failure is what violates the gate, an error what could not be analysed.
 * Names are unique and stay the same from scan to scan; where readers differ (the Jenkins
 * and the older Ant schema), what both take. */
#include "reports/escape.h"
#include "reports/location.h"
#include "reports/spots.h"
#include "reports/stamp.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PATH_SIZE_MAX = 1 << 20 };

struct counts {
    uint64_t tests, failures, errors, skipped;
};

struct suite {
    FILE *out;
    const struct result *r;
    const struct model *model;
    const char *time; /* of all suites, without the zone: both schemas want it so */
};

static void put(FILE *out, struct span text)
{
    escape_for(out, ESCAPE_MARKUP, text);
}

static void attribute(FILE *out, const char *name, struct span value)
{
    fprintf(out, " %s=\"", name);
    put(out, value);
    fputc('"', out);
}

/* -- what a case comes to ------------------------------------------------------ */

static bool violates(const struct suite *s, const struct finding *f)
{
    return s->model->verdict == VERDICT_FAIL && !f->suppressed.len &&
           f->rule->severity >= s->r->fail_on;
}

static bool unread(const struct file *f)
{
    enum artifact_status worst = artifact_worst(f->artifact);
    return worst == STATUS_INCOMPLETE || worst == STATUS_FAILED;
}

static struct counts count(const struct suite *s)
{
    struct counts c = { .tests = 1 };
    c.failures += s->model->verdict == VERDICT_FAIL;
    c.errors += s->model->verdict == VERDICT_INCOMPLETE;
    c.skipped += s->model->verdict == VERDICT_EMPTY;
    for (const struct file *f = s->model->files; f; f = f->next) {
        c.tests++;
        c.errors += unread(f);
        c.skipped += artifact_worst(f->artifact) == STATUS_SKIPPED;
    }
    for (struct spot spot = { .model = s->model }; spots_next(&spot);) {
        c.tests++;
        c.failures += violates(s, spot.finding);
        c.skipped += spot.finding->suppressed.len > 0;
    }
    return c;
}

/* Two targets may hold the same model, and readers drop the second case of a name. */
static void model_name(const struct model *m, struct buffer *out)
{
    if (!span_equal(m->identity, m->target)) {
        buffer_add(out, m->target);
        buffer_add_text(out, " ");
    }
    buffer_add(out, m->identity);
    if (!out->len) /* a name is a token to the schema: never empty */
        buffer_add_text(out, ".");
}

/* -- cases --------------------------------------------------------------------- */

static void begin_case(const struct suite *s, const struct file *f)
{
    struct buffer path;
    buffer_init(&path, PATH_SIZE_MAX);
    if (f)
        location_path(s->model, f, &path);
    else
        model_name(s->model, &path);
    fputs("    <testcase", s->out);
    attribute(s->out, "classname", buffer_span(&path));
    buffer_free(&path);
}

/* <failure type="…" message="…"> and, unless `text` is empty, the text. */
static void outcome(FILE *out, const char *element, const char *type, struct span says)
{
    fprintf(out, "      <%s", element);
    attribute(out, "type", span_of_text(type));
    attribute(out, "message", says);
    fputs("/>\n", out);
}

static void write_gate_case(const struct suite *s)
{
    static const char *const elements[] = {
        [VERDICT_FAIL] = "failure", [VERDICT_INCOMPLETE] = "error"
    };
    enum verdict v = s->model->verdict;
    begin_case(s, NULL);
    fputs(" name=\"gate ", s->out);
    put(s->out, span_of_text(s->r->gate ? s->r->gate : "none"));
    fputs("\" time=\"0\"", s->out);
    if (v == VERDICT_PASS) {
        fputs("/>\n", s->out);
        return;
    }
    fputs(">\n", s->out);
    if (v == VERDICT_EMPTY) {
        fputs("      <skipped/>\n", s->out);
    } else {
        fprintf(s->out, "      <%s", elements[v]);
        attribute(s->out, "type", span_of_text(verdict_name(v)));
        attribute(s->out, "message",
                  s->model->reasons ? s->model->reasons->text : (struct span){ 0 });
        fputc('>', s->out);
        for (const struct reason *q = s->model->reasons; q; q = q->next) {
            fputs("\n- ", s->out); /* no line may begin with what a log would obey */
            put(s->out, q->text);
        }
        fprintf(s->out, "</%s>\n", elements[v]);
    }
    fputs("    </testcase>\n", s->out);
}

static void write_file_case(const struct suite *s, const struct file *f)
{
    const struct artifact *part = artifact_worst_part(f->artifact);
    begin_case(s, f);
    fputs(" name=\"read to its end\" time=\"0\"", s->out);
    if (part->status == STATUS_COMPLETE) {
        fputs("/>\n", s->out);
        return;
    }
    fputs(">\n", s->out);
    if (part->status == STATUS_SKIPPED)
        fputs("      <skipped/>\n", s->out);
    else
        outcome(s->out, "error", status_name(part->status), part->reason);
    fputs("    </testcase>\n", s->out);
}

/* "pickle/dangerous-call 3fa9c2d1e07b [2] archive/data.pkl" */
static void write_name(FILE *out, const struct spot *s, const struct spot_id *id)
{
    fputs(" name=\"", out);
    put(out, span_of_text(s->finding->rule->id));
    fprintf(out, " %.12s", id->fingerprint);
    if (id->repeat > 1)
        fprintf(out, " [%zu]", id->repeat);
    if (s->artifact && s->artifact->parent) {
        struct buffer member;
        buffer_init(&member, PATH_SIZE_MAX);
        location_member(s->artifact, &member);
        fputc(' ', out);
        put(out, buffer_span(&member));
        buffer_free(&member);
    }
    fputc('"', out);
}

static void write_details(FILE *out, const struct spot *s)
{
    const struct finding *f = s->finding;
    put(out, span_of_text(f->rule->title));
    fprintf(out, "\nseverity: %s", severity_name(f->rule->severity));
    if (s->artifact)
        fprintf(out, "\noffset: %" PRIu64, f->offset);
    if (f->evidence.len) {
        fputs("\nevidence: ", out);
        put(out, f->evidence);
    }
    if (f->message.len) {
        fputs("\nmessage: ", out);
        put(out, f->message);
    }
    if (f->suppressed.len) {
        fputs("\nsuppressed: ", out);
        put(out, f->suppressed);
    }
}

static void write_finding_case(const struct suite *s, const struct spot *spot,
                               const struct spot_id *id)
{
    const struct finding *f = spot->finding;
    begin_case(s, spot->file);
    write_name(s->out, spot, id);
    if (f->suppressed.len) {
        fputs(" time=\"0\">\n      <skipped", s->out);
        attribute(s->out, "message", f->suppressed);
        fputs("/>\n    </testcase>\n", s->out);
    } else if (violates(s, f)) {
        fputs(" time=\"0\">\n      <failure", s->out);
        attribute(s->out, "type", span_of_text(severity_name(f->rule->severity)));
        attribute(s->out, "message", f->evidence.len ? f->evidence : f->message);
        fputc('>', s->out);
        write_details(s->out, spot);
        fputs("</failure>\n    </testcase>\n", s->out);
    } else {
        fputs(" time=\"0\"/>\n", s->out);
    }
}

/* What passes may not say more in its own case: the Ant schema has no room for it. */
static void write_log(const struct suite *s, const struct spots *spots)
{
    fputs("    <system-out>", s->out);
    for (size_t i = 0; i < spots->count; i++) {
        const struct spot *spot = &spots->all[i];
        if (violates(s, spot->finding))
            continue;
        put(s->out, span_of_text(spot->finding->rule->id));
        fputs(": ", s->out);
        write_details(s->out, spot);
        fputs("\n\n", s->out);
    }
    if (spots->dropped)
        fprintf(s->out,
                "%" PRIu64 " findings were counted and not kept: too many in one "
                "artifact\n",
                spots->dropped);
    fputs("</system-out>\n    <system-err/>\n  </testsuite>\n", s->out);
}

/* -- suites -------------------------------------------------------------------- */

static void property(FILE *out, const char *name, struct span value)
{
    fprintf(out, "      <property name=\"%s\"", name);
    attribute(out, "value", value);
    fputs("/>\n", out);
}

static void write_properties(const struct suite *s)
{
    const struct model *m = s->model;
    fputs("    <properties>\n", s->out);
    property(s->out, "trust", span_of_text(trust_name(m->trust)));
    property(s->out, "verdict", span_of_text(verdict_name(m->verdict)));
    property(s->out, "registry", span_of_text(m->origin.registry));
    property(s->out, "name", m->origin.name);
    property(s->out, "revision", m->origin.revision);
    if (stamp_unconfined(s->r))
        property(s->out, "sandbox", span_of_text("off"));
    fputs("    </properties>\n", s->out);
}

/* A name for what is a token to the schema: never empty. */
static struct span named(struct span name)
{
    return name.len ? name : span_of_text(".");
}

static bool write_suite(const struct suite *s, uint64_t number)
{
    struct spots spots;
    struct counts c = count(s);
    if (!spots_of_model(s->model, SEVERITY_INFO, &spots))
        return false;
    struct spot_id *ids = spots_identify(&spots);
    if (ids) {
        struct buffer name;
        buffer_init(&name, PATH_SIZE_MAX);
        model_name(s->model, &name);
        fputs("  <testsuite", s->out);
        attribute(s->out, "name", buffer_span(&name));
        buffer_free(&name);
        fprintf(s->out, " id=\"%" PRIu64 "\" package=\"assay\" timestamp=\"%s\"", number,
                s->time);
        fprintf(s->out,
                " hostname=\"localhost\" tests=\"%" PRIu64 "\" failures=\"%" PRIu64
                "\" errors=\"%" PRIu64 "\" skipped=\"%" PRIu64 "\" time=\"0\">\n",
                c.tests, c.failures, c.errors, c.skipped);
        write_properties(s);
        write_gate_case(s);
        for (const struct file *f = s->model->files; f; f = f->next)
            write_file_case(s, f);
        for (size_t i = 0; i < spots.count; i++)
            write_finding_case(s, &spots.all[i], &ids[i]);
        write_log(s, &spots);
    }
    bool ok = ids != NULL;
    free(ids);
    spots_free(&spots);
    return ok;
}

/* What could not be scanned is a suite of its own, last. */
static void write_errors(const struct suite *s, uint64_t number)
{
    uint64_t n = 0;
    for (const struct scan_error *e = s->r->errors; e; e = e->next)
        n++;
    fprintf(
        s->out,
        "  <testsuite name=\"targets that were not scanned\" id=\"%" PRIu64
        "\" package=\"assay\" timestamp=\"%s\" hostname=\"localhost\" tests=\"%" PRIu64
        "\" failures=\"0\" errors=\"%" PRIu64 "\" skipped=\"0\" time=\"0\">\n"
        "    <properties/>\n",
        number, s->time, n, n);
    n = 0;
    for (const struct scan_error *e = s->r->errors; e; e = e->next) {
        fputs("    <testcase", s->out);
        attribute(s->out, "classname", named(e->target));
        fprintf(s->out, " name=\"scan %" PRIu64 "\" time=\"0\">\n", ++n);
        outcome(s->out, "error", error_name(e->code), e->message);
        fputs("    </testcase>\n", s->out);
    }
    fputs("    <system-out/>\n    <system-err/>\n  </testsuite>\n", s->out);
}

bool report_write_junit(FILE *out, const struct result *r, const struct report_options *o)
{
    char time[STAMP_TIME];
    struct suite s = { .out = out, .r = r, .time = time };
    uint64_t number = 0;
    stamp_text(stamp_seconds(r, o), time);
    time[STAMP_TIME - 2] = '\0'; /* without the "Z" */
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
    bool ok = true;
    for (s.model = r->models; s.model && ok; s.model = s.model->next)
        ok = write_suite(&s, number++);
    if (r->errors)
        write_errors(&s, number);
    fputs("</testsuites>\n", out);
    return ok;
}
