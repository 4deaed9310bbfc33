/* SLSA verification summaries v1 (docs/reports.md, "VSA"): one in-toto statement a line
 * for each model, in a DSSE envelope when there is a key.  PASSED is said of a model only
 * when it met the policy and every file in it was read to its end. */
#include "reports/bom.h"
#include "reports/escape.h"
#include "reports/stamp.h"

#include <stdlib.h>
#include <string.h>

/* Readers bound the subjects of a statement; a model with more files has more statements
 * that say the same. */
enum { SUBJECTS_MAX = 1024, PURL_MAX = 64 << 10 };

/* -- what may be said ---------------------------------------------------------------- */

static bool passed(const struct model *m)
{
    return m->verdict == VERDICT_PASS && !bom_unread(m);
}

static bool without_findings(const struct model *m)
{
    uint64_t count = m->findings.count;
    for (const struct file *f = m->files; f; f = f->next)
        for (const struct artifact *a = f->artifact; a; a = artifact_walk(f->artifact, a))
            count += a->findings.count;
    return count == 0;
}

static bool without_code(const struct model *m)
{
    for (const struct file *f = m->files; f; f = f->next)
        for (const struct artifact *a = f->artifact; a; a = artifact_walk(f->artifact, a))
            if (a->executes)
                return false;
    return m->files != NULL;
}

/* Somebody outside of the target expected exactly these bytes. */
static bool digest_verified(const struct file *f)
{
    bool verified = false;
    for (const struct expectation *e = f->expected; e; e = e->next) {
        if (e->state == EXPECT_MISMATCH || e->state == EXPECT_INCONSISTENT)
            return false;
        verified |= e->state == EXPECT_VERIFIED && !e->weak;
    }
    return verified;
}

static bool all_digests_verified(const struct model *m)
{
    for (const struct file *f = m->files; f; f = f->next)
        if (!digest_verified(f))
            return false;
    return m->files != NULL;
}

/* A signature does not cover the file that it is in. */
static bool is_signature(const struct model *m, const struct file *f)
{
    for (const struct signature *s = m->signatures; s; s = s->next)
        if (s->path.len && span_equal(s->path, f->artifact->name))
            return true;
    return false;
}

static bool all_signed(const struct model *m)
{
    bool any = false;
    for (const struct file *f = m->files; f; f = f->next) {
        if (is_signature(m, f))
            continue;
        if (!f->signature || f->signature->state != SIGNATURE_VERIFIED)
            return false;
        any = true;
    }
    return any;
}

static void write_levels(struct json_out *j, const struct model *m)
{
    static const char *const trust[TRUST_COUNT] = {
        [TRUST_LOW] = "ASSAY_TRUST_LOW",
        [TRUST_MEDIUM] = "ASSAY_TRUST_MEDIUM",
        [TRUST_HIGH] = "ASSAY_TRUST_HIGH",
        [TRUST_INTERNAL] = "ASSAY_TRUST_INTERNAL",
    };
    json_out_list(j, "verifiedLevels");
    if (passed(m)) {
        json_out_text(j, NULL, "ASSAY_POLICY_PASSED");
        if (without_findings(m))
            json_out_text(j, NULL, "ASSAY_NO_FINDINGS");
        if (without_code(m))
            json_out_text(j, NULL, "ASSAY_NO_CODE_EXECUTION");
        if (all_digests_verified(m))
            json_out_text(j, NULL, "ASSAY_DIGESTS_VERIFIED");
        if (all_signed(m))
            json_out_text(j, NULL, "ASSAY_SIGNATURE_VERIFIED");
        if (trust[m->trust])
            json_out_text(j, NULL, trust[m->trust]);
    } else {
        json_out_text(j, NULL, "FAILED");
    }
    json_out_end_list(j);
}

/* -- the statement ------------------------------------------------------------------- */

static void write_digest(struct json_out *j, struct span sha256)
{
    json_out_object(j, "digest");
    json_out_shown(j, "sha256", sha256);
    json_out_end_object(j);
}

/* From *next on; *next is then the file to go on with. */
static void write_subjects(struct json_out *j, const struct file **next)
{
    const struct file *f = *next;
    json_out_list(j, "subject");
    for (size_t n = 0; f && n < SUBJECTS_MAX; f = f->next) {
        if (!f->sha256.len)
            continue;
        json_out_object(j, NULL);
        json_out_shown(j, "name", f->artifact->name);
        write_digest(j, f->sha256);
        json_out_end_object(j);
        n++;
    }
    while (f && !f->sha256.len)
        f = f->next;
    json_out_end_list(j);
    *next = f;
}

static void write_verifier(struct json_out *j, const struct result *r)
{
    json_out_object(j, "verifier");
    json_out_text(j, "id", "urn:assay:scanner");
    json_out_object(j, "version");
    json_out_text(j, "assay", stamp_version(r));
    if (r->rules_digest)
        json_out_text(j, "rules", r->rules_digest);
    if (stamp_unconfined(r))
        json_out_text(j, "sandbox", "off");
    json_out_end_object(j);
    json_out_end_object(j);
}

/* The package's name when somebody outside of the target gave it, else where it lay. */
static void write_resource(struct json_out *j, const struct model *m)
{
    const struct origin *o = &m->origin;
    struct buffer purl;
    buffer_init(&purl, PURL_MAX);
    if (bom_origin_counts(m) && bom_purl(o->registry, o->name, o->revision, &purl)) {
        json_out_shown(j, "resourceUri", buffer_span(&purl));
    } else {
        json_out_string_begin(j, "resourceUri");
        fputs(span_starts(m->target, "/") ? "file:///" : "file:", j->file);
        escape_uri_path(j->file, m->target);
        if (!span_equal(m->identity, m->target)) {
            fputc('#', j->file);
            escape_uri_path(j->file, m->identity);
        }
        json_out_string_end(j);
    }
    buffer_free(&purl);
}

static void write_policy(struct json_out *j, const struct result *r)
{
    json_out_object(j, "policy");
    json_out_string_begin(j, "uri");
    fputs(r->policy_digest ? "urn:assay:policy:" : "urn:assay:gate:", j->file);
    escape_uri_path(j->file, span_of_text(r->gate));
    json_out_string_end(j);
    if (r->policy_digest)
        write_digest(j, span_of_text(r->policy_digest));
    json_out_object(j, "annotations");
    json_out_list(j, "clauses");
    for (const struct reason *c = r->clauses; c; c = c->next)
        json_out_shown(j, NULL, c->text);
    json_out_end_list(j);
    json_out_end_object(j);
    json_out_end_object(j);
}

/* Bundles that were verified, by their digests as files of the model. */
static void write_inputs(struct json_out *j, const struct model *m)
{
    json_out_list(j, "inputAttestations");
    for (const struct signature *s = m->signatures; s; s = s->next)
        for (const struct file *f = m->files; f; f = f->next) {
            if (s->state != SIGNATURE_VERIFIED || !f->sha256.len ||
                !span_equal(s->path, f->artifact->name))
                continue;
            json_out_object(j, NULL);
            json_out_string_begin(j, "uri");
            escape_uri_path(j->file, s->path);
            json_out_string_end(j);
            write_digest(j, f->sha256);
            json_out_end_object(j);
        }
    json_out_end_list(j);
}

static void write_statement(FILE *out, const struct result *r,
                            const struct report_options *o, const struct model *m,
                            const struct file **next)
{
    struct json_out at = json_out_compact_to(out), *j = &at;
    char time[STAMP_TIME];
    stamp_text(stamp_end(r, o), time);
    json_out_object(j, NULL);
    json_out_text(j, "_type", "https://in-toto.io/Statement/v1");
    write_subjects(j, next);
    json_out_text(j, "predicateType", "https://slsa.dev/verification_summary/v1");
    json_out_object(j, "predicate");
    write_verifier(j, r);
    json_out_text(j, "timeVerified", time);
    write_resource(j, m);
    write_policy(j, r);
    write_inputs(j, m);
    json_out_text(j, "verificationResult", passed(m) ? "PASSED" : "FAILED");
    write_levels(j, m);
    if (!o->signer)
        json_out_text(j, "assay_note",
                      "not signed: anybody could have written this; see --sign-key");
    json_out_end_object(j);
    json_out_end_object(j);
}

/* -- lines --------------------------------------------------------------------------- */

static bool write_signed(FILE *out, const struct result *r,
                         const struct report_options *o, const struct model *m,
                         const struct file **next)
{
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);
    if (!memory)
        return false;
    write_statement(memory, r, o, m, next);
    bool ok = !ferror(memory);
    ok = fclose(memory) == 0 && ok;
    ok = ok && o->signer->sign(o->signer, span_of(text, len), out);
    free(text);
    return ok;
}

bool report_write_vsa(FILE *out, const struct result *r, const struct report_options *o)
{
    bool ok = true;
    for (const struct model *m = r->models; m && ok; m = m->next) {
        const struct file *next = m->files;
        while (next && !next->sha256.len)
            next = next->next;
        while (next && ok) { /* without any digest there is nothing to speak of */
            if (o->signer)
                ok = write_signed(out, r, o, m, &next);
            else
                write_statement(out, r, o, m, &next);
            (void)fputc('\n', out);
        }
    }
    return ok;
}
