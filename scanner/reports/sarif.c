/* SARIF 2.1.0 as GitHub code scanning takes it in (docs/reports.md, "SARIF").  Worst
 * first; what does not fit into its limits is left out at the end, and a notification
 * says so.  Suppressed findings are left out too: consumers would show them as open. */
#include "reports/escape.h"
#include "reports/gzip_meter.h"
#include "reports/json/out.h"
#include "reports/location.h"
#include "reports/sarif_rule.h"
#include "reports/spots.h"
#include "reports/stamp.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { RESULTS_MAX = 25000, NOTIFICATIONS_MAX = 1000, PATH_SIZE_MAX = 1 << 20 };

/* GitHub takes in 10 MB of gzip.  Each part ends at its room, and may pass it by one item
 * (twice a path of 1 MiB at worst) and what the meter has not counted yet. */
enum { RESULTS_ROOM = 7000000, ARTIFACTS_ROOM = 7250000, NOTIFICATIONS_ROOM = 7500000 };

struct run {
    struct json_out *j;
    const struct result *r;
    const struct report_options *o;
    struct spots spots; /* all that count, worst first */
    struct spot_id *ids;
    const struct gzip_meter *meter;
    size_t suppressed, left_out;
    uint64_t digests_left_out;
};

/* -- texts --------------------------------------------------------------------- */

/* Inside a message "[text](target)" would be a link and "{0}" an argument. */
static void add_plain(struct json_out *j, struct span text)
{
    size_t start = 0;
    for (size_t at = 0; at + 1 < text.len; at++) {
        bool link = text.ptr[at] == ']' && text.ptr[at + 1] == '(';
        bool argument =
            text.ptr[at] == '{' && text.ptr[at + 1] >= '0' && text.ptr[at + 1] <= '9';
        if (!link && !argument)
            continue;
        escape_for(j->file, ESCAPE_STRING, span_slice(text, start, at));
        fputs(link ? "\\\\x5d" : "\\\\x7b", j->file);
        start = at + 1;
    }
    escape_for(j->file, ESCAPE_STRING, span_slice(text, start, text.len));
}

static void message(struct json_out *j, const char *key, const char *text)
{
    json_out_object(j, key);
    json_out_text(j, "text", text);
    json_out_end_object(j);
}

static void write_driver(const struct run *run)
{
    struct json_out *j = run->j;
    json_out_object(j, "tool");
    json_out_object(j, "driver");
    json_out_text(j, "name", "assay");
    json_out_text(j, "fullName", "Assay, a scanner of model provenance and trust");
    json_out_text(j, "version", stamp_version(run->r));
    json_out_text(j, "semanticVersion", stamp_version(run->r));
    json_out_list(j, "rules");
    for (size_t at = 0; at < run->spots.count; at = spots_group(&run->spots, at))
        sarif_rule(j, run->spots.all[at].finding->rule, run->o->rules_dir);
    json_out_end_list(j);
    json_out_end_object(j);
    json_out_end_object(j);
}

/* -- results ------------------------------------------------------------------- */

/* A path of the operator's, relative to the root of the checkout where it is. */
static void write_uri(struct json_out *j, const char *key, const struct model *m,
                      const struct file *f)
{
    struct buffer path;
    buffer_init(&path, PATH_SIZE_MAX);
    location_path(m, f, &path);
    bool absolute = span_starts(buffer_span(&path), "/");
    json_out_object(j, key);
    json_out_string_begin(j, "uri");
    if (absolute)
        fputs("file:///", j->file);
    escape_uri_path(j->file, buffer_span(&path));
    json_out_string_end(j);
    if (!absolute)
        json_out_text(j, "uriBaseId", "%SRCROOT%");
    json_out_end_object(j);
    buffer_free(&path);
}

/* Models are binary: GitHub wants lines, so the first; the offset stands beside. */
static void write_location(struct json_out *j, const struct model *m,
                           const struct file *f, const struct artifact *a,
                           const struct finding *finding)
{
    json_out_list(j, "locations");
    json_out_object(j, NULL);
    json_out_object(j, "physicalLocation");
    write_uri(j, "artifactLocation", m, f);
    json_out_object(j, "region");
    json_out_uint(j, "startLine", 1);
    json_out_uint(j, "startColumn", 1);
    json_out_uint(j, "endLine", 1);
    json_out_uint(j, "endColumn", 2);
    if (finding && a && !a->parent && finding->offset <= INT32_MAX)
        json_out_uint(j, "byteOffset", finding->offset);
    json_out_end_object(j);
    json_out_end_object(j);
    if (a && a->parent) {
        struct buffer member;
        buffer_init(&member, PATH_SIZE_MAX);
        location_member(a, &member);
        json_out_list(j, "logicalLocations");
        json_out_object(j, NULL);
        json_out_bytes(j, "fullyQualifiedName", buffer_span(&member));
        json_out_text(j, "kind", "member");
        json_out_end_object(j);
        json_out_end_list(j);
        buffer_free(&member);
    }
    json_out_end_object(j);
    json_out_end_list(j);
}

static void write_message(struct json_out *j, const struct spot *s)
{
    const struct finding *f = s->finding;
    json_out_object(j, "message");
    json_out_string_begin(j, "text");
    add_plain(j, span_of_text(f->rule->title));
    if (f->evidence.len) {
        fputs(": ", j->file);
        add_plain(j, f->evidence);
    }
    if (f->message.len) {
        fputs(f->evidence.len ? " (" : ": ", j->file);
        add_plain(j, f->message);
        fputs(f->evidence.len ? ")" : "", j->file);
    }
    if (s->artifact) {
        struct buffer path;
        buffer_init(&path, PATH_SIZE_MAX);
        artifact_path(s->artifact, &path);
        fprintf(j->file, ". At byte %" PRIu64 " of ", f->offset);
        add_plain(j, buffer_span(&path));
        buffer_free(&path);
    }
    fputc('.', j->file);
    json_out_string_end(j);
    json_out_end_object(j);
}

static void write_result(struct json_out *j, const struct spot *s,
                         const struct spot_id *id, size_t rule_index)
{
    char hash[32], full[FINGERPRINT_HEX + 24];
    (void)snprintf(hash, sizeof hash, "%.16s:%zu", id->fingerprint, id->repeat);
    (void)snprintf(full, sizeof full, "%s:%zu", id->fingerprint, id->repeat);
    const struct file *only =
        s->model->files && !s->model->files->next ? s->model->files : NULL;
    json_out_object(j, NULL);
    json_out_text(j, "ruleId", s->finding->rule->id);
    json_out_uint(j, "ruleIndex", rule_index);
    json_out_text(j, "level", sarif_level(s->finding->rule->severity));
    write_message(j, s);
    write_location(j, s->model, s->file ? s->file : only, s->artifact, s->finding);
    json_out_object(j, "partialFingerprints");
    json_out_text(j, "primaryLocationLineHash", hash);
    json_out_text(j, "assay/v1", full);
    json_out_end_object(j);
    json_out_object(j, "properties");
    json_out_text(j, "severity", severity_name(s->finding->rule->severity));
    json_out_bytes(j, "model", s->model->identity);
    json_out_text(j, "trust", trust_name(s->model->trust));
    json_out_end_object(j);
    json_out_end_object(j);
}

static bool has_room(const struct run *run, uint64_t room)
{
    return gzip_meter_size(run->meter) < room;
}

static void write_results(struct run *run)
{
    size_t rule = 0, at = 0;
    bool room = true;
    json_out_list(run->j, "results");
    for (; at < run->spots.count && room; rule++) {
        size_t end = spots_group(&run->spots, at);
        for (; at < end && room; room = at < RESULTS_MAX && has_room(run, RESULTS_ROOM)) {
            write_result(run->j, &run->spots.all[at], &run->ids[at], rule);
            at++;
        }
    }
    json_out_end_list(run->j);
    run->left_out = run->spots.count - at;
}

/* -- what is not among the results --------------------------------------------- */

static void begin_notification(struct json_out *j, const char *level)
{
    json_out_object(j, NULL);
    json_out_text(j, "level", level);
}

static void notify_file(struct json_out *j, const struct model *m, const struct file *f)
{
    const struct artifact *part = artifact_worst_part(f->artifact);
    struct buffer path;
    buffer_init(&path, PATH_SIZE_MAX);
    artifact_path(part, &path);
    begin_notification(j, "error");
    json_out_object(j, "message");
    json_out_string_begin(j, "text");
    fputs(part->status == STATUS_FAILED ? "Could not be read: "
                                        : "Not analysed to its end: ",
          j->file);
    add_plain(j, buffer_span(&path));
    fputs(": ", j->file);
    add_plain(j, part->reason);
    json_out_string_end(j);
    json_out_end_object(j);
    write_location(j, m, f, part, NULL);
    json_out_end_object(j);
    buffer_free(&path);
}

static void notify_error(struct json_out *j, const struct scan_error *e)
{
    begin_notification(j, "error");
    json_out_object(j, "message");
    json_out_string_begin(j, "text");
    fputs("Not scanned: ", j->file);
    add_plain(j, e->target);
    fputs(": ", j->file);
    add_plain(j, e->message);
    json_out_string_end(j);
    json_out_end_object(j);
    json_out_end_object(j);
}

static void notify_count(struct json_out *j, const char *level, uint64_t n,
                         const char *what)
{
    char text[256];
    if (n == 0)
        return;
    begin_notification(j, level);
    (void)snprintf(text, sizeof text, "%" PRIu64 " %s", n, what);
    message(j, "message", text);
    json_out_end_object(j);
}

static bool unread(const struct file *f)
{
    enum artifact_status worst = artifact_worst(f->artifact);
    return worst == STATUS_INCOMPLETE || worst == STATUS_FAILED;
}

static void write_unread(const struct run *run)
{
    uint64_t files = 0, left_out = 0;
    for (const struct model *m = run->r->models; m; m = m->next)
        for (const struct file *f = m->files; f; f = f->next) {
            if (!unread(f) || f->shared)
                continue;
            if (files == NOTIFICATIONS_MAX || !has_room(run, NOTIFICATIONS_ROOM)) {
                left_out++;
            } else {
                notify_file(run->j, m, f);
                files++;
            }
        }
    notify_count(run->j, "error", left_out, "more files were not analysed to their end");
}

static void write_notifications(const struct run *run)
{
    struct json_out *j = run->j;
    uint64_t errors = 0, errors_left_out = 0;
    json_out_list(j, "toolExecutionNotifications");
    if (stamp_unconfined(run->r)) {
        begin_notification(j, "warning");
        message(j, "message",
                "The sandbox was off: files were parsed without confinement.");
        json_out_end_object(j);
    }
    for (const struct scan_error *e = run->r->errors; e; e = e->next) {
        if (errors == NOTIFICATIONS_MAX || !has_room(run, NOTIFICATIONS_ROOM)) {
            errors_left_out++;
        } else {
            notify_error(j, e);
            errors++;
        }
    }
    notify_count(j, "error", errors_left_out, "more targets were not scanned");
    write_unread(run);
    notify_count(j, "error", run->left_out,
                 "results are left out: a run holds 25000 and 10 MB, the worst are here");
    notify_count(j, "note", run->digests_left_out,
                 "files are left out of the artifacts: a run holds 10 MB");
    notify_count(j, "error", run->spots.dropped,
                 "findings were counted and not kept: too many in one artifact");
    notify_count(j, "note", run->suppressed,
                 "suppressed findings are left out; the JSON report has them");
    json_out_end_list(j);
}

static void write_invocation(const struct run *run)
{
    struct json_out *j = run->j;
    const struct result *r = run->r;
    char start[STAMP_TIME], end[STAMP_TIME];
    stamp_text(stamp_seconds(r, run->o), start);
    stamp_text(stamp_end(r, run->o), end);
    bool whole = !r->errors;
    for (const struct model *m = r->models; m && whole; m = m->next)
        for (const struct file *f = m->files; f && whole; f = f->next)
            whole = !unread(f);
    json_out_list(j, "invocations");
    json_out_object(j, NULL);
    json_out_bool(j, "executionSuccessful", whole);
    json_out_uint(j, "exitCode", (uint64_t)r->exit_code);
    json_out_text(j, "startTimeUtc", start);
    json_out_text(j, "endTimeUtc", end);
    write_notifications(run);
    json_out_end_object(j);
    json_out_end_list(j);
}

static void write_artifacts(struct run *run)
{
    struct json_out *j = run->j;
    json_out_list(j, "artifacts");
    for (const struct model *m = run->r->models; m; m = m->next)
        for (const struct file *f = m->files; f; f = f->next) {
            if (f->shared || !f->sha256.len)
                continue;
            if (!has_room(run, ARTIFACTS_ROOM)) {
                run->digests_left_out++;
                continue;
            }
            json_out_object(j, NULL);
            write_uri(j, "location", m, f);
            json_out_uint(j, "length", f->artifact->size);
            json_out_object(j, "hashes");
            json_out_bytes(j, "sha-256", f->sha256);
            json_out_end_object(j);
            json_out_end_object(j);
        }
    json_out_end_list(j);
}

/* -- the whole ----------------------------------------------------------------- */

/* Take suppressed findings out, keeping the order. */
static void leave_out_suppressed(struct run *run)
{
    size_t kept = 0;
    for (size_t i = 0; i < run->spots.count; i++)
        if (!run->spots.all[i].finding->suppressed.len)
            run->spots.all[kept++] = run->spots.all[i];
    run->suppressed = run->spots.count - kept;
    run->spots.count = kept;
}

static void write_run(struct run *run)
{
    struct json_out *j = run->j;
    json_out_object(j, NULL);
    write_driver(run);
    json_out_object(j, "automationDetails");
    json_out_text(j, "id", "assay/");
    json_out_end_object(j);
    json_out_object(j, "originalUriBaseIds");
    json_out_object(j, "%SRCROOT%");
    message(j, "description", "Where Assay was started: the root of the checkout.");
    json_out_end_object(j);
    json_out_end_object(j);
    write_results(run);
    write_artifacts(run);
    write_invocation(run); /* behind them: it says what was left out */
    json_out_text(j, "columnKind", "utf16CodeUnits");
    json_out_object(j, "properties");
    json_out_text(j, "verdict", verdict_name(run->r->verdict));
    json_out_text(j, "gate", run->r->gate ? run->r->gate : "");
    json_out_end_object(j);
    json_out_end_object(j);
}

static void write_whole(struct run *run)
{
    struct json_out *j = run->j;
    json_out_object(j, NULL);
    json_out_text(j, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    json_out_text(j, "version", "2.1.0");
    json_out_list(j, "runs");
    write_run(run);
    json_out_end_list(j);
    json_out_end_object(j);
    json_out_finish(j);
}

bool report_write_sarif(FILE *out, const struct result *r, const struct report_options *o)
{
    FILE *metered;
    struct gzip_meter *meter = gzip_meter_start(out, &metered);
    if (!meter)
        return false;
    struct json_out j = json_out_to(metered);
    struct run run = { .j = &j, .r = r, .o = o, .meter = meter };
    bool ok = spots_of_result(r, SEVERITY_INFO, &run.spots);
    if (ok) {
        leave_out_suppressed(&run);
        run.ids = spots_identify(&run.spots);
        ok = run.ids != NULL;
    }
    if (ok)
        write_whole(&run);
    free(run.ids);
    spots_free(&run.spots);
    gzip_meter_end(meter);
    return ok;
}
