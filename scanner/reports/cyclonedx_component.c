#include "reports/cyclonedx_component.h"

#include "core/formats.h"
#include "reports/bom.h"
#include "reports/escape.h"

#include <inttypes.h>

enum { PURL_MAX = 64 << 10 };

void cyclonedx_ref(size_t model, size_t file, char ret_ref[CYCLONEDX_REF])
{
    if (file)
        (void)snprintf(ret_ref, CYCLONEDX_REF, "model:%zu/file:%zu", model, file);
    else
        (void)snprintf(ret_ref, CYCLONEDX_REF, "model:%zu", model);
}

void cyclonedx_property(struct json_out *j, const char *name, struct span value)
{
    json_out_object(j, NULL);
    json_out_text(j, "name", name);
    json_out_shown(j, "value", value);
    json_out_end_object(j);
}

static void property_text(struct json_out *j, const char *name, const char *value)
{
    cyclonedx_property(j, name, span_of_text(value));
}

void cyclonedx_count(struct json_out *j, const char *name, uint64_t n)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRIu64, n);
    property_text(j, name, text);
}

static void property_if(struct json_out *j, const char *name, struct span value)
{
    if (value.len)
        cyclonedx_property(j, name, value);
}

/* -- evidence of identity -------------------------------------------------------- */

/* Confidence has two values: somebody outside of the target vouches for it, or not. */
static void confidence(struct json_out *j, bool outside)
{
    json_out_uint(j, "confidence", outside);
}

static void begin_method(struct json_out *j, const char *technique, bool outside)
{
    json_out_object(j, NULL);
    json_out_text(j, "technique", technique);
    confidence(j, outside);
    json_out_string_begin(j, "value");
}

static void end_method(struct json_out *j)
{
    json_out_string_end(j);
    json_out_end_object(j);
}

static bool agrees(const struct expectation *e)
{
    return e->state == EXPECT_VERIFIED || e->state == EXPECT_CONSISTENT;
}

static void hash_method(struct json_out *j, const struct expectation *e)
{
    begin_method(j, "hash-comparison", e->state == EXPECT_VERIFIED && !e->weak);
    fprintf(j->file, "%s, by the %s (", expectation_name(e->state),
            expectation_by_name(e->by));
    escape_for(j->file, ESCAPE_STRING, e->source);
    fprintf(j->file, "): %s:", e->algorithm);
    escape_for(j->file, ESCAPE_STRING, e->value);
    fputs(e->weak ? ", weak" : "", j->file);
    end_method(j);
}

static void signature_method(struct json_out *j, const struct signature *s)
{
    begin_method(j, "attestation", true);
    fprintf(j->file, "%s signature, verified", s->kind);
    if (s->identity.len) {
        fputs(", by ", j->file);
        escape_for(j->file, ESCAPE_STRING, s->identity);
    }
    if (s->issuer.len) {
        fputs(", as ", j->file);
        escape_for(j->file, ESCAPE_STRING, s->issuer);
        fputs(" says", j->file);
    }
    end_method(j);
}

/* Which digests somebody expected and got, and who signed them. */
static void write_file_evidence(struct json_out *j, const struct file *f)
{
    bool is_signed = f->signature && f->signature->state == SIGNATURE_VERIFIED;
    bool any = is_signed, strong = is_signed;
    for (const struct expectation *e = f->expected; e; e = e->next) {
        any |= agrees(e);
        strong |= e->state == EXPECT_VERIFIED && !e->weak;
    }
    if (!any || !f->sha256.len)
        return;
    json_out_object(j, "evidence");
    json_out_list(j, "identity");
    json_out_object(j, NULL);
    json_out_text(j, "field", "hash");
    confidence(j, strong);
    json_out_string_begin(j, "concludedValue");
    fputs("sha256:", j->file);
    escape_for(j->file, ESCAPE_STRING, f->sha256);
    json_out_string_end(j);
    json_out_list(j, "methods");
    for (const struct expectation *e = f->expected; e; e = e->next)
        if (agrees(e))
            hash_method(j, e);
    if (is_signed)
        signature_method(j, f->signature);
    json_out_end_list(j);
    json_out_end_object(j);
    json_out_end_list(j);
    json_out_end_object(j);
}

/* -- files ------------------------------------------------------------------------ */

static void write_hashes(struct json_out *j, struct span sha256)
{
    if (!sha256.len)
        return;
    json_out_list(j, "hashes");
    json_out_object(j, NULL);
    json_out_text(j, "alg", "SHA-256");
    json_out_shown(j, "content", sha256);
    json_out_end_object(j);
    json_out_end_list(j);
}

static void write_file_properties(struct json_out *j, const struct file *f)
{
    const struct artifact *a = f->artifact, *worst = artifact_worst_part(a);
    json_out_list(j, "properties");
    cyclonedx_count(j, "assay:size", a->size);
    for (int id = 0; id < FORMAT_COUNT; id++)
        if (a->formats & FORMAT_BIT(id))
            property_text(j, "assay:format", formats[id].name);
    property_text(j, "assay:status", status_name(worst->status));
    property_if(j, "assay:status:reason", worst->reason);
    property_text(j, "assay:executes", a->executes ? "true" : "false");
    for (const struct expectation *e = f->expected; e; e = e->next) {
        if (agrees(e))
            continue;
        json_out_object(j, NULL);
        json_out_text(j, "name", "assay:digest:contradicted");
        json_out_string_begin(j, "value");
        fprintf(j->file, "%s, by the %s (", expectation_name(e->state),
                expectation_by_name(e->by));
        escape_for(j->file, ESCAPE_STRING, e->source);
        fprintf(j->file, "): %s:", e->algorithm);
        escape_for(j->file, ESCAPE_STRING, e->value);
        json_out_string_end(j);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

static void write_files(struct json_out *j, const struct model *m, size_t number)
{
    char ref[CYCLONEDX_REF];
    size_t file = 0;
    json_out_list(j, "components");
    for (const struct file *f = m->files; f; f = f->next) {
        cyclonedx_ref(number, ++file, ref);
        json_out_object(j, NULL);
        json_out_text(j, "type", "file");
        json_out_text(j, "bom-ref", ref);
        json_out_shown(j, "name", f->artifact->name);
        write_hashes(j, f->sha256);
        write_file_evidence(j, f);
        write_file_properties(j, f);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

/* -- models ------------------------------------------------------------------------ */

static void write_licenses(struct json_out *j, const struct model *m)
{
    const struct metadata *each = bom_each(m->metadata, "license");
    if (!each)
        return;
    json_out_list(j, "licenses");
    for (; each; each = bom_each(each->next, "license")) {
        const char *id = bom_license(each->value);
        json_out_object(j, NULL);
        json_out_object(j, "license");
        if (id)
            json_out_text(j, "id", id);
        else
            json_out_shown(j, "name", each->value);
        json_out_text(j, "acknowledgement", "declared");
        json_out_end_object(j);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

/* A name of the origin is a purl of the component only if somebody outside of the target
 * says so; else it is a claim, which is evidence, with no confidence. */
static void write_purl(struct json_out *j, const struct model *m, bool as_evidence)
{
    const struct origin *o = &m->origin;
    struct buffer purl;
    buffer_init(&purl, PURL_MAX);
    bool known = bom_purl(o->registry, o->name, o->revision, &purl);
    if (known && !as_evidence && bom_origin_counts(m))
        json_out_shown(j, "purl", buffer_span(&purl));
    if (known && as_evidence) {
        json_out_object(j, "evidence");
        json_out_list(j, "identity");
        json_out_object(j, NULL);
        json_out_text(j, "field", "purl");
        confidence(j, bom_origin_counts(m));
        json_out_shown(j, "concludedValue", buffer_span(&purl));
        json_out_list(j, "methods");
        begin_method(j, o->basis == BASIS_SIGNED ? "attestation" : "other",
                     bom_origin_counts(m));
        fprintf(j->file, "%s: ", basis_name(o->basis));
        escape_for(j->file, ESCAPE_STRING, o->evidence);
        end_method(j);
        json_out_end_list(j);
        json_out_end_object(j);
        json_out_end_list(j);
        json_out_end_object(j);
    }
    buffer_free(&purl);
}

static void write_ancestors(struct json_out *j, const struct model *m)
{
    const struct metadata *base = bom_each(m->metadata, "base_models");
    if (!base)
        return;
    json_out_object(j, "pedigree");
    json_out_list(j, "ancestors");
    for (; base; base = bom_each(base->next, "base_models")) {
        struct buffer purl;
        buffer_init(&purl, PURL_MAX);
        json_out_object(j, NULL);
        json_out_text(j, "type", "machine-learning-model");
        json_out_shown(j, "name", base->value);
        if (bom_purl(m->origin.registry, base->value, (struct span){ 0 }, &purl))
            json_out_shown(j, "purl", buffer_span(&purl));
        json_out_end_object(j);
        buffer_free(&purl);
    }
    json_out_end_list(j);
    json_out_text(j, "notes", "as the registry's metadata declares it; not verified");
    json_out_end_object(j);
}

static void write_card(struct json_out *j, const struct model *m)
{
    struct span task = bom_metadata(m, "type"), family = bom_metadata(m, "family");
    const struct metadata *data = bom_each(m->metadata, "datasets");
    if (!task.len && !family.len && !data)
        return;
    json_out_object(j, "modelCard");
    json_out_object(j, "modelParameters");
    if (task.len)
        json_out_shown(j, "task", task);
    if (family.len)
        json_out_shown(j, "architectureFamily", family);
    if (data) {
        json_out_list(j, "datasets");
        for (; data; data = bom_each(data->next, "datasets")) {
            json_out_object(j, NULL);
            json_out_text(j, "type", "dataset");
            json_out_shown(j, "name", data->value);
            json_out_text(j, "description", "declared, not verified");
            json_out_end_object(j);
        }
        json_out_end_list(j);
    }
    json_out_end_object(j);
    json_out_end_object(j);
}

static void write_references(struct json_out *j, const struct model *m)
{
    struct buffer url;
    buffer_init(&url, PURL_MAX);
    if (bom_origin_counts(m) && bom_location(&m->origin, &url)) {
        json_out_list(j, "externalReferences");
        json_out_object(j, NULL);
        json_out_text(j, "type", "distribution");
        json_out_shown(j, "url", buffer_span(&url));
        json_out_end_object(j);
        json_out_end_list(j);
    }
    buffer_free(&url);
}

static void write_properties(struct json_out *j, const struct model *m)
{
    const struct origin *o = &m->origin;
    json_out_list(j, "properties");
    cyclonedx_property(j, "assay:target", m->target);
    cyclonedx_property(j, "assay:identity", m->identity);
    property_text(j, "assay:verdict", verdict_name(m->verdict));
    property_text(j, "assay:trust", trust_name(m->trust));
    property_text(j, "assay:origin:basis", basis_name(o->basis));
    property_if(j, "assay:origin:registry", span_of_text(o->registry));
    property_if(j, "assay:origin:evidence", o->evidence);
    for (const struct provenance_check *c = m->checks; c; c = c->next) {
        json_out_object(j, NULL);
        json_out_string_begin(j, "name");
        fputs("assay:check:", j->file);
        escape_for(j->file, ESCAPE_STRING, span_of_text(c->id));
        json_out_string_end(j);
        json_out_text(j, "value", check_result_name(c->result));
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

void cyclonedx_model(struct json_out *j, const struct model *m, size_t number)
{
    char ref[CYCLONEDX_REF];
    struct bom_name name = bom_name(m);
    struct span author = bom_metadata(m, "author");
    struct span version =
        m->origin.revision.len ? m->origin.revision : bom_metadata(m, "version");
    cyclonedx_ref(number, 0, ref);
    json_out_object(j, NULL);
    json_out_text(j, "type", "machine-learning-model");
    json_out_text(j, "bom-ref", ref);
    if (author.len) {
        json_out_object(j, "supplier");
        json_out_shown(j, "name", author);
        json_out_end_object(j);
    }
    if (name.group.len)
        json_out_shown(j, "group", name.group);
    json_out_shown(j, "name", name.name);
    if (version.len)
        json_out_shown(j, "version", version);
    write_licenses(j, m);
    write_purl(j, m, false);
    write_references(j, m);
    write_ancestors(j, m);
    write_purl(j, m, true);
    write_card(j, m);
    write_files(j, m, number);
    write_properties(j, m);
    json_out_end_object(j);
}
