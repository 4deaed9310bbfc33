/* CycloneDX 1.6, a bill of materials of models (docs/reports.md, "CycloneDX"):
 * components, findings as vulnerabilities, the verdict and the signatures as
 * declarations. */
#include "reports/advice.h"
#include "reports/bom.h"
#include "reports/cyclonedx_component.h"
#include "reports/escape.h"
#include "reports/stamp.h"

#include <inttypes.h>
#include <string.h>

enum { REF_MAX = FINGERPRINT_HEX + 48 };

static void string_ref(struct json_out *j, const char *key, size_t model, size_t file)
{
    char ref[CYCLONEDX_REF];
    cyclonedx_ref(model, file, ref);
    json_out_text(j, key, ref);
}

/* -- metadata --------------------------------------------------------------------- */

static uint64_t dropped(const struct result *r)
{
    uint64_t n = 0;
    for (const struct model *m = r->models; m; m = m->next) {
        n += m->findings.dropped;
        for (const struct file *f = m->files; f; f = f->next)
            for (const struct artifact *a = f->artifact; a;
                 a = artifact_walk(f->artifact, a))
                n += a->findings.dropped;
    }
    return n;
}

static void write_error(struct json_out *j, const struct scan_error *e)
{
    json_out_object(j, NULL);
    json_out_text(j, "name", "assay:error");
    json_out_string_begin(j, "value");
    fputs("not scanned: ", j->file);
    escape_for(j->file, ESCAPE_STRING, e->target);
    fputs(": ", j->file);
    escape_for(j->file, ESCAPE_STRING, e->message);
    json_out_string_end(j);
    json_out_end_object(j);
}

static void write_metadata(struct json_out *j, const struct result *r,
                           const struct report_options *o)
{
    char time[STAMP_TIME];
    stamp_text(stamp_seconds(r, o), time);
    json_out_object(j, "metadata");
    json_out_text(j, "timestamp", time);
    json_out_object(j, "tools");
    json_out_list(j, "components");
    json_out_object(j, NULL);
    json_out_text(j, "type", "application");
    json_out_text(j, "name", "assay");
    json_out_text(j, "version", stamp_version(r));
    json_out_end_object(j);
    json_out_end_list(j);
    json_out_end_object(j);
    json_out_list(j, "properties");
    cyclonedx_property(j, "assay:verdict", span_of_text(verdict_name(r->verdict)));
    cyclonedx_count(j, "assay:exit-code", (uint64_t)r->exit_code);
    cyclonedx_property(j, "assay:gate", span_of_text(r->gate));
    if (r->policy_digest)
        cyclonedx_property(j, "assay:policy:sha256", span_of_text(r->policy_digest));
    if (r->rules_digest)
        cyclonedx_property(j, "assay:rules:digest", span_of_text(r->rules_digest));
    if (stamp_unconfined(r))
        cyclonedx_property(j, "assay:sandbox",
                           span_of_text("off: files were parsed without confinement"));
    if (dropped(r))
        cyclonedx_count(j, "assay:findings:dropped", dropped(r));
    for (const struct scan_error *e = r->errors; e; e = e->next)
        write_error(j, e);
    json_out_end_list(j);
    json_out_end_object(j);
}

static void write_components(struct json_out *j, const struct result *r)
{
    size_t number = 0;
    json_out_list(j, "components");
    for (const struct model *m = r->models; m; m = m->next)
        cyclonedx_model(j, m, ++number);
    json_out_end_list(j);
}

/* What is listed of a model that could not be read to its end may not be all of it. */
static void write_compositions(struct json_out *j, const struct result *r)
{
    size_t number = 0;
    json_out_list(j, "compositions");
    for (const struct model *m = r->models; m; m = m->next) {
        char ref[CYCLONEDX_REF];
        cyclonedx_ref(++number, 0, ref);
        json_out_object(j, NULL);
        json_out_text(j, "aggregate", bom_unread(m) ? "incomplete" : "unknown");
        json_out_list(j, "assemblies");
        json_out_text(j, NULL, ref);
        json_out_end_list(j);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

/* -- vulnerabilities -------------------------------------------------------------- */

static const char *severity_word(enum severity s)
{
    return s == SEVERITY_INFO ? "info" : severity_name(s);
}

static void write_analysis(struct json_out *j, struct span suppressed)
{
    json_out_object(j, "analysis");
    json_out_text(j, "state", suppressed.len ? "not_affected" : "in_triage");
    if (suppressed.len) {
        json_out_string_begin(j, "detail");
        fputs("not counted by the policy: ", j->file);
        escape_for(j->file, ESCAPE_STRING, suppressed);
        json_out_string_end(j);
    }
    json_out_end_object(j);
}

static void write_vulnerability(struct json_out *j, const struct bom_findings *at)
{
    char ref[REF_MAX];
    const struct rule *rule = at->spot->finding->rule;
    const char *advice = report_advice(rule->id);
    (void)snprintf(ref, sizeof ref, "finding:%s:%zu", at->id->fingerprint,
                   at->id->repeat);
    json_out_object(j, NULL);
    json_out_text(j, "bom-ref", ref);
    json_out_text(j, "id", rule->id);
    json_out_object(j, "source");
    json_out_text(j, "name", "assay");
    json_out_end_object(j);
    json_out_list(j, "ratings");
    json_out_object(j, NULL);
    json_out_text(j, "severity", severity_word(rule->severity));
    json_out_text(j, "method", "other");
    json_out_end_object(j);
    json_out_end_list(j);
    if (rule->cwe) {
        json_out_list(j, "cwes");
        json_out_uint(j, NULL, rule->cwe);
        json_out_end_list(j);
    }
    json_out_text(j, "description", rule->title);
    json_out_string_begin(j, "detail");
    bom_detail(j, at->spot);
    json_out_string_end(j);
    if (advice)
        json_out_text(j, "recommendation", advice);
    write_analysis(j, at->spot->finding->suppressed);
    json_out_list(j, "affects");
    json_out_object(j, NULL);
    string_ref(j, "ref", at->model, at->file);
    json_out_end_object(j);
    json_out_end_list(j);
    json_out_end_object(j);
}

static bool write_vulnerabilities(struct json_out *j, const struct result *r)
{
    struct bom_findings at;
    if (!bom_findings_open(r, &at))
        return false;
    json_out_list(j, "vulnerabilities");
    while (bom_findings_next(&at))
        write_vulnerability(j, &at);
    json_out_end_list(j);
    bom_findings_close(&at);
    return true;
}

/* -- declarations ----------------------------------------------------------------- */

/* What is claimed of a model: that it holds to the policy ("policy"), or that its files
 * are signed ("signature"); evidence has the same number. */
static void numbered(struct json_out *j, const char *key, const char *what, size_t model,
                     size_t n)
{
    char ref[REF_MAX];
    if (n)
        (void)snprintf(ref, sizeof ref, "%s:%zu:%zu", what, model, n);
    else
        (void)snprintf(ref, sizeof ref, "%s:%zu", what, model);
    json_out_text(j, key, ref);
}

static void write_policy_claim(struct json_out *j, const struct model *m, size_t number)
{
    json_out_object(j, NULL);
    numbered(j, "bom-ref", "claim:policy", number, 0);
    string_ref(j, "target", number, 0);
    json_out_string_begin(j, "predicate");
    fputs("the verdict of the gate is: ", j->file);
    fputs(verdict_name(m->verdict), j->file);
    json_out_string_end(j);
    json_out_string_begin(j, "reasoning");
    for (const struct reason *r = m->reasons; r; r = r->next) {
        escape_for(j->file, ESCAPE_STRING, r->text);
        fputs(r->next ? " " : "", j->file);
    }
    json_out_string_end(j);
    json_out_end_object(j);
}

static void write_signature_claim(struct json_out *j, const struct signature *s,
                                  size_t model, size_t n)
{
    json_out_object(j, NULL);
    numbered(j, "bom-ref", "claim:signature", model, n);
    string_ref(j, "target", model, 0);
    json_out_string_begin(j, "predicate");
    fprintf(j->file, "a %s signature, verified, covers ", s->kind);
    if (s->covers.len)
        escape_for(j->file, ESCAPE_STRING, s->covers);
    else
        fputs("files of the model", j->file);
    json_out_string_end(j);
    json_out_list(j, "evidence");
    numbered(j, NULL, "evidence:signature", model, n);
    json_out_end_list(j);
    json_out_end_object(j);
}

static void write_claims(struct json_out *j, const struct result *r)
{
    size_t number = 0;
    json_out_list(j, "claims");
    for (const struct model *m = r->models; m; m = m->next) {
        size_t n = 0;
        write_policy_claim(j, m, ++number);
        for (const struct signature *s = m->signatures; s; s = s->next)
            if (++n && s->state == SIGNATURE_VERIFIED)
                write_signature_claim(j, s, number, n);
    }
    json_out_end_list(j);
}

static void write_data(struct json_out *j, const char *name, struct span value)
{
    if (!value.len)
        return;
    json_out_object(j, NULL);
    json_out_text(j, "name", name);
    json_out_object(j, "contents");
    json_out_object(j, "attachment");
    json_out_text(j, "contentType", "text/plain");
    json_out_shown(j, "content", value);
    json_out_end_object(j);
    json_out_end_object(j);
    json_out_end_object(j);
}

static void write_evidence(struct json_out *j, const struct result *r)
{
    size_t number = 0;
    json_out_list(j, "evidence");
    for (const struct model *m = r->models; m; m = m->next) {
        size_t n = 0;
        number++;
        for (const struct signature *s = m->signatures; s; s = s->next) {
            if (!++n || s->state != SIGNATURE_VERIFIED)
                continue;
            json_out_object(j, NULL);
            numbered(j, "bom-ref", "evidence:signature", number, n);
            json_out_text(j, "propertyName", "assay:signature");
            json_out_text(j, "description", "who signed, as assay verified it");
            json_out_list(j, "data");
            write_data(j, "identity", s->identity);
            write_data(j, "issuer", s->issuer);
            write_data(j, "builder", s->builder);
            write_data(j, "time", s->time);
            write_data(j, "file", s->path);
            json_out_end_list(j);
            json_out_end_object(j);
        }
    }
    json_out_end_list(j);
}

static void write_claim_refs(struct json_out *j, const char *key, const struct result *r,
                             bool passing)
{
    size_t number = 0;
    json_out_list(j, key);
    for (const struct model *m = r->models; m; m = m->next)
        if (++number && (m->verdict == VERDICT_PASS) == passing)
            numbered(j, NULL, "claim:policy", number, 0);
    json_out_end_list(j);
}

static void write_attestation(struct json_out *j, const struct result *r)
{
    bool pass = r->verdict == VERDICT_PASS;
    json_out_list(j, "attestations");
    json_out_object(j, NULL);
    json_out_string_begin(j, "summary");
    fputs("gate ", j->file);
    escape_for(j->file, ESCAPE_STRING, span_of_text(r->gate));
    fprintf(j->file, ": %s", verdict_name(r->verdict));
    json_out_string_end(j);
    json_out_text(j, "assessor", "assessor:assay");
    json_out_list(j, "map");
    json_out_object(j, NULL);
    json_out_text(j, "requirement", "requirement:policy");
    write_claim_refs(j, "claims", r, true);
    write_claim_refs(j, "counterClaims", r, false);
    json_out_object(j, "conformance");
    json_out_uint(j, "score", pass);
    json_out_text(j, "rationale",
                  pass ? "every model passed, and every target was scanned"
                       : "a model or a target did not pass; the claims say which");
    json_out_end_object(j);
    json_out_end_object(j);
    json_out_end_list(j);
    json_out_end_object(j);
    json_out_end_list(j);
}

static void write_declarations(struct json_out *j, const struct result *r)
{
    json_out_object(j, "declarations");
    json_out_list(j, "assessors");
    json_out_object(j, NULL);
    json_out_text(j, "bom-ref", "assessor:assay");
    json_out_end_object(j);
    json_out_end_list(j);
    write_attestation(j, r);
    write_claims(j, r);
    write_evidence(j, r);
    json_out_end_object(j);
}

/* The gate and its clauses, as a standard to hold models to. */
static void write_definitions(struct json_out *j, const struct result *r)
{
    size_t n = 0;
    json_out_object(j, "definitions");
    json_out_list(j, "standards");
    json_out_object(j, NULL);
    json_out_text(j, "bom-ref", "standard:policy");
    json_out_text(j, "name", r->gate ? r->gate : "");
    if (r->policy_digest) {
        json_out_string_begin(j, "version");
        fputs("sha256:", j->file);
        escape_for(j->file, ESCAPE_STRING, span_of_text(r->policy_digest));
        json_out_string_end(j);
    }
    json_out_list(j, "requirements");
    json_out_object(j, NULL);
    json_out_text(j, "bom-ref", "requirement:policy");
    json_out_text(j, "identifier", "policy");
    json_out_text(j, "title", "the whole gate");
    json_out_end_object(j);
    for (const struct reason *c = r->clauses; c; c = c->next) {
        char ref[REF_MAX];
        (void)snprintf(ref, sizeof ref, "requirement:policy:%zu", ++n);
        json_out_object(j, NULL);
        json_out_text(j, "bom-ref", ref);
        json_out_text(j, "identifier", ref + strlen("requirement:"));
        json_out_shown(j, "text", c->text);
        json_out_text(j, "parent", "requirement:policy");
        json_out_end_object(j);
    }
    json_out_end_list(j);
    json_out_end_object(j);
    json_out_end_list(j);
    json_out_end_object(j);
}

/* -- the whole -------------------------------------------------------------------- */

bool report_write_cyclonedx(FILE *out, const struct result *r,
                            const struct report_options *o)
{
    struct json_out j = json_out_to(out);
    char uuid[STAMP_UUID];
    if (!stamp_document_uuid(r, o, uuid))
        return false;
    json_out_object(&j, NULL);
    json_out_text(&j, "$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json");
    json_out_text(&j, "bomFormat", "CycloneDX");
    json_out_text(&j, "specVersion", "1.6");
    json_out_string_begin(&j, "serialNumber");
    fprintf(out, "urn:uuid:%s", uuid);
    json_out_string_end(&j);
    json_out_uint(&j, "version", 1);
    write_metadata(&j, r, o);
    write_components(&j, r);
    write_compositions(&j, r);
    bool ok = write_vulnerabilities(&j, r);
    write_declarations(&j, r);
    write_definitions(&j, r);
    json_out_end_object(&j);
    json_out_finish(&j);
    return ok;
}
