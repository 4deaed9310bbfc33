/* SPDX 3.0.1 in JSON-LD (docs/reports.md, "SPDX"): models as AI packages with their
 * files, licences, ancestors and datasets as declared; findings as VEX relationships;
 * what was verified and judged as annotations. */
#include "reports/bom.h"
#include "reports/escape.h"
#include "reports/spdx_model.h"
#include "reports/stamp.h"

#include <stdlib.h>
#include <string.h>

/* -- the document ------------------------------------------------------------------ */

static void write_creation(const struct spdx *x, const struct result *r,
                           const struct report_options *o)
{
    struct json_out *j = x->j;
    char time[STAMP_TIME];
    stamp_text(stamp_seconds(r, o), time);
    json_out_object(j, NULL);
    json_out_text(j, "type", "CreationInfo");
    json_out_text(j, "@id", SPDX_CREATION);
    json_out_text(j, "specVersion", "3.0.1");
    json_out_text(j, "created", time);
    json_out_list(j, "createdBy");
    spdx_id(x, NULL, "agent");
    json_out_end_list(j);
    json_out_list(j, "createdUsing");
    spdx_id(x, NULL, "tool");
    json_out_end_list(j);
    json_out_end_object(j);
    spdx_element(x, "SoftwareAgent", "agent");
    json_out_text(j, "name", "assay");
    json_out_end_object(j);
    spdx_element(x, "Tool", "tool");
    json_out_string_begin(j, "name");
    fputs("assay ", j->file);
    escape_for(j->file, ESCAPE_STRING, span_of_text(stamp_version(r)));
    json_out_string_end(j);
    json_out_end_object(j);
}

static void write_profiles(struct json_out *j, const struct result *r)
{
    bool ai = r->models != NULL;
    for (const struct model *m = r->models; m && ai; m = m->next)
        ai = spdx_model_conforms(m);
    json_out_list(j, "profileConformance");
    json_out_text(j, NULL, "core");
    json_out_text(j, NULL, "software");
    json_out_text(j, NULL, "simpleLicensing");
    json_out_text(j, NULL, "security");
    if (ai)
        json_out_text(j, NULL, "ai");
    json_out_end_list(j);
}

static void write_document(const struct spdx *x, const struct result *r)
{
    struct json_out *j = x->j;
    size_t number = 0;
    spdx_element(x, "SpdxDocument", "document");
    json_out_text(j, "name", "models scanned by assay");
    write_profiles(j, r);
    json_out_list(j, "rootElement");
    spdx_id(x, NULL, "sbom");
    json_out_end_list(j);
    json_out_end_object(j);
    spdx_element(x, "software_Sbom", "sbom");
    json_out_list(j, "software_sbomType");
    json_out_text(j, NULL, "analyzed");
    json_out_end_list(j);
    write_profiles(j, r);
    if (r->models) {
        json_out_list(j, "rootElement");
        for (const struct model *m = r->models; m; m = m->next)
            spdx_id(x, NULL, "model-%zu", ++number);
        json_out_end_list(j);
    }
    json_out_end_object(j);
}

/* The verdict of the whole, what could not be scanned, and how. */
static void write_notes(const struct spdx *x, const struct result *r)
{
    FILE *out = x->j->file;
    size_t n = 0;
    spdx_begin_note(x, "verdict", "sbom");
    fputs("gate ", out);
    escape_for(out, ESCAPE_STRING, span_of_text(r->gate));
    fprintf(out, ": %s (exit code %d)", verdict_name(r->verdict), r->exit_code);
    if (r->policy_digest) {
        fputs("; policy sha256:", out);
        escape_for(out, ESCAPE_STRING, span_of_text(r->policy_digest));
    }
    for (const struct reason *c = r->clauses; c; c = c->next) {
        fputs(c == r->clauses ? ". It demands: " : " ", out);
        escape_for(out, ESCAPE_STRING, c->text);
    }
    spdx_end_note(x);
    if (stamp_unconfined(r)) {
        spdx_begin_note(x, "unconfined", "sbom");
        fputs("the sandbox was off: files were parsed without confinement", out);
        spdx_end_note(x);
    }
    for (const struct scan_error *e = r->errors; e; e = e->next) {
        char id[32];
        (void)snprintf(id, sizeof id, "error-%zu", ++n);
        spdx_begin_note(x, id, "sbom");
        fputs("not scanned: ", out);
        escape_for(out, ESCAPE_STRING, e->target);
        fputs(": ", out);
        escape_for(out, ESCAPE_STRING, e->message);
        spdx_end_note(x);
    }
}

/* -- findings ---------------------------------------------------------------------- */

/* A rule's id holds letters, digits, and what a fragment may hold. */
static void write_vulnerability(const struct spdx *x, const struct rule *rule)
{
    struct json_out *j = x->j;
    char cwe[32];
    json_out_object(j, NULL);
    json_out_text(j, "type", "security_Vulnerability");
    spdx_id(x, "spdxId", "rule/%s", rule->id);
    json_out_text(j, "creationInfo", SPDX_CREATION);
    json_out_text(j, "name", rule->id);
    json_out_text(j, "summary", rule->title);
    json_out_string_begin(j, "comment");
    fprintf(j->file, "severity: %s", severity_name(rule->severity));
    json_out_string_end(j);
    if (rule->cwe) {
        (void)snprintf(cwe, sizeof cwe, "CWE-%u", rule->cwe);
        json_out_list(j, "externalIdentifier");
        json_out_object(j, NULL);
        json_out_text(j, "type", "ExternalIdentifier");
        json_out_text(j, "externalIdentifierType", "securityOther");
        json_out_text(j, "identifier", cwe);
        json_out_end_object(j);
        json_out_end_list(j);
    }
    json_out_end_object(j);
}

static void write_assessment(const struct spdx *x, const struct bom_findings *at)
{
    struct json_out *j = x->j;
    const struct finding *f = at->spot->finding;
    bool suppressed = f->suppressed.len > 0;
    json_out_object(j, NULL);
    json_out_text(j, "type",
                  suppressed
                      ? "security_VexNotAffectedVulnAssessmentRelationship"
                      : "security_VexUnderInvestigationVulnAssessmentRelationship");
    spdx_id(x, "spdxId", "finding/%s:%zu", at->id->fingerprint, at->id->repeat);
    json_out_text(j, "creationInfo", SPDX_CREATION);
    spdx_id(x, "from", "rule/%s", f->rule->id);
    json_out_text(j, "relationshipType",
                  suppressed ? "doesNotAffect" : "underInvestigationFor");
    json_out_list(j, "to");
    if (at->file)
        spdx_id(x, NULL, "model-%zu/file-%zu", at->model, at->file);
    else
        spdx_id(x, NULL, "model-%zu", at->model);
    json_out_end_list(j);
    if (suppressed) {
        json_out_string_begin(j, "security_impactStatement");
        fputs("not counted by the policy: ", j->file);
        escape_for(j->file, ESCAPE_STRING, f->suppressed);
        json_out_string_end(j);
    }
    json_out_string_begin(j, "comment");
    bom_detail(j, at->spot);
    json_out_string_end(j);
    json_out_end_object(j);
}

static bool write_findings(const struct spdx *x, const struct result *r)
{
    struct bom_findings at;
    if (!bom_findings_open(r, &at))
        return false;
    for (size_t i = 0; i < at.spots.count; i = spots_group(&at.spots, i))
        write_vulnerability(x, at.spots.all[i].finding->rule);
    while (bom_findings_next(&at))
        write_assessment(x, &at);
    if (at.spots.dropped) {
        spdx_begin_note(x, "dropped", "sbom");
        fprintf(x->j->file,
                "%llu findings were counted and not kept: too many in one artifact",
                (unsigned long long)at.spots.dropped);
        spdx_end_note(x);
    }
    bom_findings_close(&at);
    return true;
}

bool report_write_spdx(FILE *out, const struct result *r, const struct report_options *o)
{
    struct json_out j = json_out_to(out);
    struct spdx x = { .j = &j };
    size_t number = 0;
    if (!stamp_document_uuid(r, o, x.uuid))
        return false;
    json_out_object(&j, NULL);
    json_out_text(&j, "@context", "https://spdx.org/rdf/3.0.1/spdx-context.jsonld");
    json_out_list(&j, "@graph");
    write_creation(&x, r, o);
    write_document(&x, r);
    write_notes(&x, r);
    for (const struct model *m = r->models; m; m = m->next)
        spdx_model(&x, m, ++number);
    bool ok = write_findings(&x, r);
    json_out_end_list(&j);
    json_out_end_object(&j);
    json_out_finish(&j);
    return ok;
}
