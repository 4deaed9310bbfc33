#include "reports/json/result.h"

#include "reports/escape.h"
#include "reports/json/artifact.h"
#include "reports/spots.h"
#include "reports/stamp.h"

/* -- files -------------------------------------------------------------------- */

/* What a registry says, in its own order; a key may come more than once. */
static void write_metadata(struct json_out *j, const struct metadata *first)
{
    json_out_list(j, "metadata");
    for (const struct metadata *m = first; m; m = m->next) {
        json_out_object(j, NULL);
        json_out_text(j, "key", m->key);
        json_out_bytes(j, "value", m->value);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

static void write_expected(struct json_out *j, const struct expectation *expected)
{
    json_out_list(j, "expected");
    for (const struct expectation *e = expected; e; e = e->next) {
        json_out_object(j, NULL);
        json_out_text(j, "by", expectation_by_name(e->by));
        json_out_bytes(j, "source", e->source);
        json_out_text(j, "algorithm", e->algorithm);
        json_out_bytes(j, "value", e->value);
        json_out_text(j, "state", expectation_name(e->state));
        json_out_bool(j, "weak", e->weak);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

/* Which of the model's signatures vouches for the file; a file that another model shares
 * may have one of that model's. */
static void write_signature_of(struct json_out *j, const struct model *m,
                               const struct file *f)
{
    uint64_t index = 0;
    const struct signature *s = m->signatures;
    for (; s && s != f->signature; s = s->next)
        index++;
    json_out_bool(j, "signed", f->signature != NULL);
    if (s)
        json_out_uint(j, "signature", index);
    else
        json_out_text(j, "signature", NULL);
}

static void write_file(struct json_out *j, const struct model *m, const struct file *f)
{
    json_out_object(j, NULL);
    json_out_bytes(j, "path", f->artifact->name);
    json_out_object(j, "digests");
    if (f->sha256.len)
        json_out_bytes(j, "sha256", f->sha256);
    json_out_end_object(j);
    write_expected(j, f->expected);
    write_metadata(j, f->metadata);
    write_signature_of(j, m, f);
    json_out_bool(j, "shared", f->shared);
    json_artifact_end(j, f->artifact);
}

/* -- findings ----------------------------------------------------------------- */

/* "archive/data.pkl!inner": the names below the root; a '!' of a name is \x21. */
static void write_member_path(struct json_out *j, const struct artifact *a)
{
    size_t levels = 0;
    for (const struct artifact *up = a; up->parent; up = up->parent)
        levels++;
    if (levels == 0) {
        json_out_text(j, "member", NULL);
        return;
    }
    json_out_string_begin(j, "member");
    for (; levels > 0; levels--) {
        const struct artifact *part = a;
        for (size_t up = 1; up < levels; up++)
            part = part->parent;
        escape_json(j->file, part->name, '!');
        if (levels > 1)
            fputc('!', j->file);
    }
    json_out_string_end(j);
}

static bool write_finding(struct json_out *j, const struct spot *s)
{
    const struct finding *f = s->finding;
    char fingerprint[FINGERPRINT_HEX + 1];
    if (!finding_fingerprint(f, s->artifact, s->model->identity, fingerprint))
        return false;
    json_out_object(j, NULL);
    json_out_text(j, "rule", f->rule->id);
    json_out_text(j, "title", f->rule->title);
    json_out_text(j, "severity", severity_name(f->rule->severity));
    if (f->rule->cwe)
        json_out_uint(j, "cwe", f->rule->cwe);
    else
        json_out_text(j, "cwe", NULL);
    if (s->artifact) {
        json_out_bytes(j, "path", s->file->artifact->name);
        write_member_path(j, s->artifact);
        json_out_uint(j, "offset", f->offset);
    } else { /* of the model as a whole */
        json_out_text(j, "path", NULL);
        json_out_text(j, "member", NULL);
        json_out_text(j, "offset", NULL);
    }
    json_out_bytes(j, "message", f->message);
    json_out_bytes(j, "evidence", f->evidence);
    json_out_text(j, "fingerprint", fingerprint);
    json_out_bool(j, "suppressed", f->suppressed.len > 0);
    if (f->suppressed.len)
        json_out_bytes(j, "suppression", f->suppressed);
    json_out_end_object(j);
    return true;
}

static bool write_findings(struct json_out *j, const struct model *m)
{
    uint64_t dropped = m->findings.dropped;
    bool ok = true;
    json_out_list(j, "findings");
    for (struct spot s = { .model = m }; ok && spots_next(&s);)
        ok = write_finding(j, &s);
    json_out_end_list(j);
    for (const struct file *f = m->files; f; f = f->next)
        for (const struct artifact *a = f->artifact; a; a = artifact_walk(f->artifact, a))
            dropped += a->findings.dropped;
    json_out_uint(j, "findings_dropped", dropped);
    return ok;
}

/* -- models ------------------------------------------------------------------- */

static void write_origin_fields(struct json_out *j, const struct origin *o)
{
    json_out_text(j, "registry", o->registry);
    json_out_text(j, "title", o->title);
    json_out_bytes(j, "name", o->name);
    json_out_bytes(j, "revision", o->revision);
    json_out_text(j, "trust", trust_name(o->trust));
    json_out_text(j, "basis", basis_name(o->basis));
    json_out_bytes(j, "evidence", o->evidence);
    json_out_text(j, "advice", o->advice);
    json_out_bool(j, "pinned", o->pinned);
    json_out_bool(j, "agrees", o->agrees);
}

static void write_origins(struct json_out *j, const struct model *m)
{
    json_out_object(j, "origin");
    write_origin_fields(j, &m->origin);
    json_out_end_object(j);
    json_out_list(j, "other_origins");
    for (const struct origin *o = m->origin.next; o; o = o->next) {
        json_out_object(j, NULL);
        write_origin_fields(j, o);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

static void write_reasons(struct json_out *j, const char *key, const struct reason *first)
{
    json_out_list(j, key);
    for (const struct reason *r = first; r; r = r->next)
        json_out_bytes(j, NULL, r->text);
    json_out_end_list(j);
}

void json_result_checks(struct json_out *j, const struct provenance_check *first)
{
    json_out_list(j, "provenance");
    for (const struct provenance_check *c = first; c; c = c->next) {
        json_out_object(j, NULL);
        json_out_text(j, "check", c->id);
        json_out_text(j, "result", check_result_name(c->result));
        json_out_text(j, "severity", severity_name(c->severity));
        json_out_bytes(j, "evidence", c->evidence);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

static void write_signatures(struct json_out *j, const struct signature *first)
{
    json_out_list(j, "signatures");
    for (const struct signature *s = first; s; s = s->next) {
        json_out_object(j, NULL);
        json_out_text(j, "kind", s->kind);
        json_out_text(j, "state", signature_state_name(s->state));
        json_out_bytes(j, "path", s->path);
        json_out_bytes(j, "identity", s->identity);
        json_out_bytes(j, "issuer", s->issuer);
        json_out_bytes(j, "root", s->root);
        json_out_bytes(j, "time", s->time);
        json_out_bytes(j, "covers", s->covers);
        json_out_bytes(j, "builder", s->builder);
        json_out_bytes(j, "check", s->check);
        json_out_bytes(j, "reason", s->reason);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

bool json_result_model(struct json_out *j, const struct model *m)
{
    json_out_bytes(j, "target", m->target);
    json_out_bytes(j, "identity", m->identity);
    write_origins(j, m);
    json_out_text(j, "trust", trust_name(m->trust));
    json_out_text(j, "verdict", verdict_name(m->verdict));
    write_reasons(j, "reasons", m->reasons);
    write_metadata(j, m->metadata);
    json_result_checks(j, m->checks);
    write_signatures(j, m->signatures);
    json_out_list(j, "files");
    for (const struct file *f = m->files; f; f = f->next)
        write_file(j, m, f);
    json_out_end_list(j);
    return write_findings(j, m);
}

/* -- the whole ---------------------------------------------------------------- */

void json_result_head(struct json_out *j, const struct result *r)
{
    json_out_object(j, "tool");
    json_out_text(j, "name", "assay");
    json_out_text(j, "version", stamp_version(r));
    json_out_text(j, "rules_digest", r->rules_digest);
    json_out_end_object(j);
    json_out_object(j, "policy");
    json_out_text(j, "name", r->gate);
    json_out_text(j, "digest", r->policy_digest);
    json_out_text(j, "fail_on",
                  r->fail_on < SEVERITY_COUNT ? severity_name(r->fail_on) : NULL);
    write_reasons(j, "clauses", r->clauses);
    write_reasons(j, "warnings", r->warnings);
    json_out_end_object(j);
    json_out_text(j, "gate", r->gate);
    json_out_bool(j, "confined", !stamp_unconfined(r));
}

static void write_summary(struct json_out *j, const struct summary *s)
{
    json_out_object(j, "summary");
    json_out_uint(j, "models", s->models);
    json_out_object(j, "files");
    for (int i = 0; i < STATUS_COUNT; i++)
        json_out_uint(j, status_name((enum artifact_status)i), s->files[i]);
    json_out_end_object(j);
    json_out_object(j, "findings");
    for (int i = SEVERITY_COUNT; i-- > 0;)
        json_out_uint(j, severity_name((enum severity)i), s->findings[i]);
    json_out_end_object(j);
    json_out_uint(j, "bytes", s->bytes);
    json_out_end_object(j);
}

void json_result_verdict(struct json_out *j, const struct result *r)
{
    json_out_text(j, "verdict", verdict_name(r->verdict));
    json_out_uint(j, "exit_code", (uint64_t)r->exit_code);
    write_summary(j, &r->summary);
}

void json_result_error(struct json_out *j, const struct scan_error *e)
{
    json_out_bytes(j, "target", e->target);
    json_out_text(j, "code", error_name(e->code));
    json_out_bytes(j, "message", e->message);
    json_out_bool(j, "retryable", e->retryable);
}

void json_result_run(struct json_out *j, const struct result *r)
{
    char started[STAMP_TIME];
    stamp_text(r->run.started, started);
    json_out_object(j, "run");
    json_out_text(j, "started", started);
    json_out_seconds(j, "seconds", r->run.seconds);
    json_out_text(j, "sandbox", r->run.sandbox);
    json_out_uint(j, "jobs", r->run.jobs);
    json_out_end_object(j);
}
