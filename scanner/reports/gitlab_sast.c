/* GitLab's SAST report, schema 15.0.7.  Suppressed findings are left out and counted in
 * the messages, since GitLab would open them again; so is what was not analysed. */
#include "reports/advice.h"
#include "reports/escape.h"
#include "reports/json/out.h"
#include "reports/location.h"
#include "reports/rule_help.h"
#include "reports/spots.h"
#include "reports/stamp.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The schema's own bounds, in characters; GitLab refuses the whole report past one. */
enum { NAME_MAX_CHARS = 255, SOLUTION_MAX_CHARS = 7000, DESCRIPTION_MAX_CHARS = 1 << 20 };
enum { PATH_SIZE_MAX = 1 << 20, MESSAGES_MAX = 1000 };

/* What of `text` fits into `chars` when a byte may take `each` of them. */
static struct span fitting(struct span text, size_t chars, size_t each)
{
    return span_slice(text, 0, chars / each);
}

/* ... and when it is written as \xHH only if it must be. */
static struct span fitting_shown(struct span text, size_t chars)
{
    bool plain = true;
    for (size_t i = 0; i < text.len && plain; i++)
        plain = text.ptr[i] >= 0x20 && text.ptr[i] < 0x7f && text.ptr[i] != '\\';
    return fitting(text, chars, plain ? 1 : 4);
}

static const char *severity_words(enum severity s)
{
    static const char *const words[] = { [SEVERITY_INFO] = "Info",
                                         [SEVERITY_LOW] = "Low",
                                         [SEVERITY_MEDIUM] = "Medium",
                                         [SEVERITY_HIGH] = "High",
                                         [SEVERITY_CRITICAL] = "Critical" };
    return words[s];
}

/* -- vulnerabilities ----------------------------------------------------------- */

static void write_identifiers(struct json_out *j, const struct rule *rule)
{
    char number[16], name[32], url[80];
    json_out_list(j, "identifiers");
    json_out_object(j, NULL); /* GitLab tells findings apart by the first one */
    json_out_text(j, "type", "assay_rule");
    json_out_string_begin(j, "name");
    fputs("Assay ", j->file);
    escape_for(j->file, ESCAPE_STRING, span_of_text(rule->id));
    json_out_string_end(j);
    json_out_text(j, "value", rule->id);
    json_out_end_object(j);
    if (rule->cwe) {
        (void)snprintf(number, sizeof number, "%u", rule->cwe);
        (void)snprintf(name, sizeof name, "CWE-%u", rule->cwe);
        (void)snprintf(url, sizeof url, "https://cwe.mitre.org/data/definitions/%u.html",
                       rule->cwe);
        json_out_object(j, NULL);
        json_out_text(j, "type", "cwe");
        json_out_text(j, "name", name);
        json_out_text(j, "value", number);
        json_out_text(j, "url", url);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

/* One of four pieces of a description; a byte takes ten characters at most ("\\xff" with
 * its backslashes as references), and the words between the pieces have the rest. */
static void write_piece(struct json_out *j, struct span piece)
{
    struct span kept = fitting(piece, DESCRIPTION_MAX_CHARS / 5, 10);
    escape_for(j->file, ESCAPE_MARKDOWN, kept);
    if (kept.len < piece.len)
        fputs(" (cut)", j->file);
}

/* GitLab renders it as Markdown, from which every name is kept by its escapes. */
static void write_description(struct json_out *j, const struct spot *s)
{
    const struct finding *f = s->finding;
    json_out_string_begin(j, "description");
    write_piece(j, span_of_text(f->rule->title));
    fputs(".", j->file);
    if (f->evidence.len) {
        fputs(" Evidence: ", j->file);
        write_piece(j, f->evidence);
    }
    if (f->message.len) {
        fputs(" (", j->file);
        write_piece(j, f->message);
        fputs(")", j->file);
    }
    if (s->artifact) {
        struct buffer path;
        buffer_init(&path, PATH_SIZE_MAX);
        artifact_path(s->artifact, &path);
        fprintf(j->file, " At byte %" PRIu64 " of ", f->offset);
        write_piece(j, buffer_span(&path));
        buffer_free(&path);
    }
    json_out_string_end(j);
}

static void write_place(struct json_out *j, const struct spot *s)
{
    struct buffer path;
    const struct file *only =
        s->model->files && !s->model->files->next ? s->model->files : NULL;
    buffer_init(&path, PATH_SIZE_MAX);
    location_path(s->model, s->file ? s->file : only, &path);
    json_out_shown(j, "file", buffer_span(&path));
    json_out_uint(j, "start_line", 1);
    json_out_uint(j, "end_line", 1);
    buffer_free(&path);
}

static void write_tracking(struct json_out *j, const struct spot *s, const char *name)
{
    json_out_object(j, "tracking");
    json_out_text(j, "type", "source");
    json_out_list(j, "items");
    json_out_object(j, NULL);
    write_place(j, s);
    json_out_list(j, "signatures");
    json_out_object(j, NULL);
    json_out_text(j, "algorithm", "assay_v1");
    json_out_text(j, "value", name);
    json_out_end_object(j);
    json_out_end_list(j);
    json_out_end_object(j);
    json_out_end_list(j);
    json_out_end_object(j);
}

static bool write_vulnerability(struct json_out *j, const struct spot *s,
                                const struct spot_id *id, struct span solution)
{
    char name[FINGERPRINT_HEX + 24], uuid[STAMP_UUID];
    const struct rule *rule = s->finding->rule;
    (void)snprintf(name, sizeof name, "%s:%zu", id->fingerprint, id->repeat);
    if (!stamp_uuid(span_of_text(name), uuid))
        return false;
    json_out_object(j, NULL);
    json_out_text(j, "id", uuid);
    json_out_bytes(j, "name", fitting_shown(span_of_text(rule->title), NAME_MAX_CHARS));
    write_description(j, s);
    json_out_text(j, "severity", severity_words(rule->severity));
    if (solution.len)
        json_out_bytes(j, "solution", fitting_shown(solution, SOLUTION_MAX_CHARS));
    write_identifiers(j, rule);
    json_out_object(j, "location");
    write_place(j, s);
    json_out_end_object(j);
    write_tracking(j, s, name);
    json_out_end_object(j);
    return true;
}

static bool write_group(struct json_out *j, const struct spots *spots,
                        const struct spot_id *ids, size_t at, size_t end,
                        const char *rules_dir)
{
    const char *rule = spots->all[at].finding->rule->id;
    struct rule_help help;
    bool ok = true;
    rule_help_read(rules_dir, rule, &help);
    struct span solution =
        help.to_do.len ? help.to_do : span_of_text(report_advice(rule));
    for (; ok && at < end; at++)
        if (!spots->all[at].finding->suppressed.len)
            ok = write_vulnerability(j, &spots->all[at], &ids[at], solution);
    rule_help_free(&help);
    return ok;
}

static bool write_vulnerabilities(struct json_out *j, const struct spots *spots,
                                  const struct report_options *o)
{
    struct spot_id *ids = spots_identify(spots);
    bool ok = ids != NULL;
    json_out_list(j, "vulnerabilities");
    for (size_t at = 0, end; ok && at < spots->count; at = end) {
        end = spots_group(spots, at);
        ok = write_group(j, spots, ids, at, end, o->rules_dir);
    }
    json_out_end_list(j);
    free(ids);
    return ok;
}

/* -- the scan ------------------------------------------------------------------ */

static void message(struct json_out *j, const char *level, const char *before,
                    struct span what, struct span why)
{
    json_out_object(j, NULL);
    json_out_text(j, "level", level);
    json_out_string_begin(j, "value");
    fputs(before, j->file);
    escape_for(j->file, ESCAPE_STRING, what);
    fputs(why.len ? ": " : "", j->file);
    escape_for(j->file, ESCAPE_STRING, why);
    json_out_string_end(j);
    json_out_end_object(j);
}

static void count_message(struct json_out *j, const char *level, uint64_t n,
                          const char *what)
{
    char text[160];
    if (n == 0)
        return;
    (void)snprintf(text, sizeof text, "%" PRIu64 " %s", n, what);
    message(j, level, text, (struct span){ 0 }, (struct span){ 0 });
}

static void file_message(struct json_out *j, const struct artifact *part)
{
    struct buffer path;
    buffer_init(&path, PATH_SIZE_MAX);
    artifact_path(part, &path);
    message(j, "warn", "not analysed to its end: ", buffer_span(&path), part->reason);
    buffer_free(&path);
}

static void write_messages(struct json_out *j, const struct result *r,
                           const struct spots *spots)
{
    uint64_t suppressed = 0, files = 0, errors = 0;
    for (size_t i = 0; i < spots->count; i++)
        suppressed += spots->all[i].finding->suppressed.len > 0;
    json_out_list(j, "messages");
    if (stamp_unconfined(r))
        message(j, "warn", "the sandbox was off: files were parsed without confinement",
                (struct span){ 0 }, (struct span){ 0 });
    for (const struct scan_error *e = r->errors; e; e = e->next)
        if (errors++ < MESSAGES_MAX)
            message(j, "fatal", "not scanned: ", e->target, e->message);
    if (errors > MESSAGES_MAX)
        count_message(j, "fatal", errors - MESSAGES_MAX, "more targets were not scanned");
    for (const struct model *m = r->models; m; m = m->next)
        for (const struct file *f = m->files; f; f = f->next) {
            const struct artifact *part = artifact_worst_part(f->artifact);
            bool unread =
                part->status == STATUS_INCOMPLETE || part->status == STATUS_FAILED;
            if (unread && !f->shared && files++ < MESSAGES_MAX)
                file_message(j, part);
        }
    if (files > MESSAGES_MAX)
        count_message(j, "warn", files - MESSAGES_MAX,
                      "more files were not analysed to their end");
    count_message(j, "warn", spots->dropped,
                  "findings were counted and not kept: too many in one artifact");
    count_message(j, "info", suppressed, "suppressed findings are left out");
    json_out_end_list(j);
}

static void write_tool(struct json_out *j, const char *key, const struct result *r)
{
    json_out_object(j, key);
    json_out_text(j, "id", "assay");
    json_out_text(j, "name", "Assay");
    json_out_text(j, "version", stamp_version(r));
    json_out_object(j, "vendor");
    json_out_text(j, "name", "Assay");
    json_out_end_object(j);
    json_out_end_object(j);
}

/* "YYYY-MM-DDThh:mm:ss": the schema wants no zone. */
static void write_time(struct json_out *j, const char *key, int64_t seconds)
{
    char text[STAMP_TIME];
    stamp_text(seconds, text);
    text[STAMP_TIME - 2] = '\0';
    json_out_text(j, key, text);
}

static void write_scan(struct json_out *j, const struct result *r,
                       const struct report_options *o, const struct spots *spots)
{
    json_out_object(j, "scan");
    json_out_text(j, "type", "sast");
    json_out_text(j, "status", r->errors ? "failure" : "success");
    write_time(j, "start_time", stamp_seconds(r, o));
    write_time(j, "end_time", stamp_end(r, o));
    write_tool(j, "analyzer", r);
    write_tool(j, "scanner", r);
    write_messages(j, r, spots);
    json_out_end_object(j);
}

bool report_write_gitlab_sast(FILE *out, const struct result *r,
                              const struct report_options *o)
{
    struct json_out j = json_out_to(out);
    struct spots spots;
    if (!spots_of_result(r, SEVERITY_INFO, &spots))
        return false;
    json_out_object(&j, NULL);
    json_out_text(&j, "version", "15.0.7");
    json_out_text(&j, "schema",
                  "https://gitlab.com/gitlab-org/security-products/"
                  "security-report-schemas/-/raw/v15.0.7/dist/sast-report-format.json");
    write_scan(&j, r, o, &spots);
    bool ok = write_vulnerabilities(&j, &spots, o);
    json_out_end_object(&j);
    json_out_finish(&j);
    spots_free(&spots);
    return ok;
}
