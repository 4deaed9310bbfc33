#include "reports/spdx_model.h"

#include "reports/bom.h"
#include "reports/escape.h"

#include <string.h>

enum { ID_MAX = 64, URL_MAX = 64 << 10 };

/* -- identifiers ------------------------------------------------------------------- */

void spdx_id(const struct spdx *x, const char *key, const char *format, ...)
{
    va_list args;
    json_out_string_begin(x->j, key);
    fprintf(x->j->file, "urn:uuid:%s#", x->uuid);
    va_start(args, format);
    (void)vfprintf(x->j->file, format, args);
    va_end(args);
    json_out_string_end(x->j);
}

void spdx_element(const struct spdx *x, const char *type, const char *id)
{
    json_out_object(x->j, NULL);
    json_out_text(x->j, "type", type);
    spdx_id(x, "spdxId", "%s", id);
    json_out_text(x->j, "creationInfo", SPDX_CREATION);
}

void spdx_begin_note(const struct spdx *x, const char *id, const char *subject)
{
    char name[2 * ID_MAX];
    (void)snprintf(name, sizeof name, "note/%s", id);
    spdx_element(x, "Annotation", name);
    json_out_text(x->j, "annotationType", "review");
    spdx_id(x, "subject", "%s", subject);
    json_out_string_begin(x->j, "statement");
}

void spdx_end_note(const struct spdx *x)
{
    json_out_string_end(x->j);
    json_out_end_object(x->j);
}

/* The element NAME of the model: "model-1/NAME". */
static void element_of(const struct spdx *x, const char *type, const char *model,
                       const char *name)
{
    char id[2 * ID_MAX];
    (void)snprintf(id, sizeof id, "%s/%s", model, name);
    spdx_element(x, type, id);
}

static void begin_relationship(const struct spdx *x, const char *model, const char *type)
{
    element_of(x, "Relationship", model, type);
    spdx_id(x, "from", "%s", model);
    json_out_text(x->j, "relationshipType", type);
}

/* -- the package ------------------------------------------------------------------- */

/* "2026-01-01T00:00:00.000Z" too: SPDX wants whole seconds. */
static bool release_time(const struct model *m, char ret_time[STAMP_TIME])
{
    struct span created = bom_metadata(m, "created");
    int64_t seconds = 0;
    if (created.len > STAMP_TIME && created.ptr[STAMP_TIME - 2] == '.' &&
        span_ends(created, "Z")) {
        memcpy(ret_time, created.ptr, STAMP_TIME - 2);
        ret_time[STAMP_TIME - 2] = 'Z';
        ret_time[STAMP_TIME - 1] = '\0';
        return stamp_parse(span_of(ret_time, STAMP_TIME - 1), &seconds);
    }
    if (!stamp_parse(created, &seconds))
        return false;
    stamp_text(seconds, ret_time);
    return true;
}

static struct span version_of(const struct model *m)
{
    return m->origin.revision.len ? m->origin.revision : bom_metadata(m, "version");
}

static bool location_of(const struct model *m, struct buffer *out)
{
    return bom_origin_counts(m) && bom_location(&m->origin, out);
}

bool spdx_model_conforms(const struct model *m)
{
    char time[STAMP_TIME];
    struct buffer url;
    buffer_init(&url, URL_MAX);
    bool ok = release_time(m, time) && bom_metadata(m, "author").len > 0 &&
              version_of(m).len > 0 && location_of(m, &url);
    buffer_free(&url);
    return ok;
}

static void write_list_of(struct json_out *j, const char *key, struct span value)
{
    if (!value.len)
        return;
    json_out_list(j, key);
    json_out_shown(j, NULL, value);
    json_out_end_list(j);
}

static void write_package(const struct spdx *x, const struct model *m, const char *id)
{
    struct json_out *j = x->j;
    const struct origin *o = &m->origin;
    bool supplied = bom_metadata(m, "author").len > 0;
    char time[STAMP_TIME];
    struct buffer url;
    if (supplied) {
        element_of(x, "Organization", id, "supplier");
        json_out_shown(j, "name", bom_metadata(m, "author"));
        json_out_end_object(j);
    }
    spdx_element(x, "ai_AIPackage", id);
    json_out_shown(j, "name", o->name.len ? o->name : m->identity);
    if (release_time(m, time))
        json_out_text(j, "releaseTime", time);
    if (supplied)
        spdx_id(x, "suppliedBy", "%s/supplier", id);
    if (version_of(m).len)
        json_out_shown(j, "software_packageVersion", version_of(m));
    buffer_init(&url, URL_MAX);
    if (location_of(m, &url))
        json_out_shown(j, "software_downloadLocation", buffer_span(&url));
    buffer_clear(&url);
    if (bom_origin_counts(m) && bom_purl(o->registry, o->name, o->revision, &url))
        json_out_shown(j, "software_packageUrl", buffer_span(&url));
    buffer_free(&url);
    json_out_text(j, "software_primaryPurpose", "model");
    write_list_of(j, "ai_domain", bom_metadata(m, "type"));
    write_list_of(j, "ai_typeOfModel", bom_metadata(m, "family"));
    json_out_end_object(j);
}

/* -- what is declared -------------------------------------------------------------- */

/* A licence that is not on the list is a text of the declarer's own words. */
static void write_license(const struct spdx *x, const char *model, size_t n,
                          struct span declared)
{
    struct json_out *j = x->j;
    char name[ID_MAX];
    const char *known = bom_license(declared);
    if (!known) {
        (void)snprintf(name, sizeof name, "license-text-%zu", n);
        element_of(x, "simplelicensing_SimpleLicensingText", model, name);
        json_out_shown(j, "simplelicensing_licenseText", declared);
        json_out_end_object(j);
    }
    (void)snprintf(name, sizeof name, "license-%zu", n);
    element_of(x, "simplelicensing_LicenseExpression", model, name);
    if (known) {
        json_out_text(j, "simplelicensing_licenseExpression", known);
    } else {
        (void)snprintf(name, sizeof name, "LicenseRef-declared-%zu", n);
        json_out_text(j, "simplelicensing_licenseExpression", name);
        json_out_list(j, "simplelicensing_customIdToUri");
        json_out_object(j, NULL);
        json_out_text(j, "type", "DictionaryEntry");
        json_out_text(j, "key", name);
        spdx_id(x, "value", "%s/license-text-%zu", model, n);
        json_out_end_object(j);
        json_out_end_list(j);
    }
    json_out_end_object(j);
}

static void no_assertion(const struct spdx *x, const char *model, const char *type)
{
    begin_relationship(x, model, type);
    json_out_list(x->j, "to");
    json_out_text(x->j, NULL, "expandedlicensing_NoAssertionLicense");
    json_out_end_list(x->j);
    json_out_end_object(x->j);
}

/* Declared is what the registry says; Assay concludes nothing. */
static void write_licenses(const struct spdx *x, const struct model *m, const char *id)
{
    size_t count = 0;
    const struct metadata *l = bom_each(m->metadata, "license");
    for (; l; l = bom_each(l->next, "license"))
        write_license(x, id, ++count, l->value);
    if (count) {
        begin_relationship(x, id, "hasDeclaredLicense");
        json_out_list(x->j, "to");
        for (size_t n = 1; n <= count; n++)
            spdx_id(x, NULL, "%s/license-%zu", id, n);
        json_out_end_list(x->j);
        json_out_end_object(x->j);
    } else {
        no_assertion(x, id, "hasDeclaredLicense");
    }
    no_assertion(x, id, "hasConcludedLicense");
}

/* Packages that the metadata of one key names, and how the model relates to them. */
static void write_related(const struct spdx *x, const struct model *m, const char *id,
                          const char *key, bool datasets)
{
    struct json_out *j = x->j;
    const char *what = datasets ? "dataset" : "base";
    char name[ID_MAX];
    size_t count = 0;
    const struct metadata *each = bom_each(m->metadata, key);
    for (; each; each = bom_each(each->next, key)) {
        (void)snprintf(name, sizeof name, "%s-%zu", what, ++count);
        element_of(x, datasets ? "dataset_DatasetPackage" : "software_Package", id, name);
        json_out_shown(j, "name", each->value);
        json_out_text(j, "software_primaryPurpose", datasets ? "data" : "model");
        if (datasets) {
            json_out_list(j, "dataset_datasetType");
            json_out_text(j, NULL, "noAssertion");
            json_out_end_list(j);
        }
        json_out_end_object(j);
    }
    if (!count)
        return;
    begin_relationship(x, id, datasets ? "trainedOn" : "descendantOf");
    json_out_list(j, "to");
    for (size_t n = 1; n <= count; n++)
        spdx_id(x, NULL, "%s/%s-%zu", id, what, n);
    json_out_end_list(j);
    json_out_text(j, "completeness", "noAssertion");
    json_out_text(j, "comment", "as the registry's metadata declares it; not verified");
    json_out_end_object(j);
}

/* -- files ------------------------------------------------------------------------- */

static void write_expected(FILE *out, const struct file *f)
{
    for (const struct expectation *e = f->expected; e; e = e->next) {
        fprintf(out, "; %s%s, by the %s (", e->weak ? "weak digest " : "",
                expectation_name(e->state), expectation_by_name(e->by));
        escape_for(out, ESCAPE_STRING, e->source);
        fprintf(out, "): %s:", e->algorithm);
        escape_for(out, ESCAPE_STRING, e->value);
    }
    if (f->signature) {
        fprintf(out, "; %s signature, %s", f->signature->kind,
                signature_state_name(f->signature->state));
        if (f->signature->identity.len) {
            fputs(", by ", out);
            escape_for(out, ESCAPE_STRING, f->signature->identity);
        }
    }
}

static void write_file(const struct spdx *x, const struct file *f, const char *model,
                       size_t n)
{
    struct json_out *j = x->j;
    const struct artifact *worst = artifact_worst_part(f->artifact);
    char name[ID_MAX];
    (void)snprintf(name, sizeof name, "file-%zu", n);
    element_of(x, "software_File", model, name);
    json_out_shown(j, "name", f->artifact->name);
    json_out_text(j, "software_primaryPurpose", "file");
    if (f->sha256.len) {
        json_out_list(j, "verifiedUsing");
        json_out_object(j, NULL);
        json_out_text(j, "type", "Hash");
        json_out_text(j, "algorithm", "sha256");
        json_out_shown(j, "hashValue", f->sha256);
        json_out_end_object(j);
        json_out_end_list(j);
    }
    json_out_string_begin(j, "comment");
    fprintf(j->file, "status: %s", status_name(worst->status));
    if (worst->reason.len) {
        fputs(", ", j->file);
        escape_for(j->file, ESCAPE_STRING, worst->reason);
    }
    write_expected(j->file, f);
    json_out_string_end(j);
    json_out_end_object(j);
}

static void write_files(const struct spdx *x, const struct model *m, const char *id)
{
    size_t count = 0;
    for (const struct file *f = m->files; f; f = f->next)
        write_file(x, f, id, ++count);
    if (!count)
        return;
    begin_relationship(x, id, "contains");
    json_out_list(x->j, "to");
    for (size_t n = 1; n <= count; n++)
        spdx_id(x, NULL, "%s/file-%zu", id, n);
    json_out_end_list(x->j);
    json_out_text(x->j, "completeness", bom_unread(m) ? "incomplete" : "noAssertion");
    json_out_end_object(x->j);
}

/* -- what was found out ------------------------------------------------------------ */

static void begin_note(const struct spdx *x, const char *model, const char *what,
                       size_t n)
{
    char id[2 * ID_MAX];
    (void)snprintf(id, sizeof id, "%s/%s-%zu", model, what, n);
    spdx_begin_note(x, id, model);
}

static void write_verdict(const struct spdx *x, const struct model *m, const char *id)
{
    FILE *out = x->j->file;
    begin_note(x, id, "verdict", 1);
    fprintf(out, "verdict: %s", verdict_name(m->verdict));
    for (const struct reason *r = m->reasons; r; r = r->next) {
        fputs(" ", out);
        escape_for(out, ESCAPE_STRING, r->text);
    }
    spdx_end_note(x);
    begin_note(x, id, "origin", 1);
    fprintf(out, "trust: %s; origin: %s", trust_name(m->trust),
            basis_name(m->origin.basis));
    if (m->origin.title) {
        fputs(", ", out);
        escape_for(out, ESCAPE_STRING, span_of_text(m->origin.title));
    }
    if (m->origin.evidence.len) {
        fputs(", ", out);
        escape_for(out, ESCAPE_STRING, m->origin.evidence);
    }
    for (const struct provenance_check *c = m->checks; c; c = c->next) {
        fputs("; ", out);
        escape_for(out, ESCAPE_STRING, span_of_text(c->id));
        fprintf(out, ": %s", check_result_name(c->result));
    }
    spdx_end_note(x);
}

static void write_signatures(const struct spdx *x, const struct model *m, const char *id)
{
    FILE *out = x->j->file;
    size_t n = 0;
    for (const struct signature *s = m->signatures; s; s = s->next) {
        const struct span parts[] = { s->path, s->identity, s->issuer, s->builder,
                                      s->time, s->covers,   s->reason };
        static const char *const words[] = { "in", "by",     "as said by", "built by",
                                             "at", "covers", "because" };
        begin_note(x, id, "signature", ++n);
        fprintf(out, "%s signature: %s", s->kind, signature_state_name(s->state));
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
            if (parts[i].len) {
                fprintf(out, "; %s ", words[i]);
                escape_for(out, ESCAPE_STRING, parts[i]);
            }
        spdx_end_note(x);
    }
}

void spdx_model(const struct spdx *x, const struct model *m, size_t number)
{
    char id[ID_MAX];
    (void)snprintf(id, sizeof id, "model-%zu", number);
    write_package(x, m, id);
    write_licenses(x, m, id);
    write_related(x, m, id, "base_models", false);
    write_related(x, m, id, "datasets", true);
    write_files(x, m, id);
    write_verdict(x, m, id);
    write_signatures(x, m, id);
}
