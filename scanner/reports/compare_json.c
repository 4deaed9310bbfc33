/* `assay diff` for machines, assay-diff/1 (docs/diff.schema.json). */
#include "reports/compare.h"
#include "reports/json/out.h"
#include "reports/stamp.h"

enum { PATH_SIZE_MAX = 1 << 20 };

static void write_side(struct json_out *j, const char *key, const struct result *r)
{
    json_out_object(j, key);
    json_out_text(j, "version", stamp_version(r));
    json_out_text(j, "rules_digest", r->rules_digest);
    json_out_text(j, "gate", r->gate);
    json_out_text(j, "policy_digest", r->policy_digest);
    json_out_text(j, "verdict", verdict_name(r->verdict));
    json_out_uint(j, "exit_code", (uint64_t)r->exit_code);
    json_out_end_object(j);
}

static void write_file_side(struct json_out *j, const char *key, const struct file *f)
{
    if (!f) {
        json_out_text(j, key, NULL);
        return;
    }
    json_out_object(j, key);
    json_out_uint(j, "size", f->artifact->size);
    json_out_bytes(j, "sha256", f->sha256);
    json_out_text(j, "status", status_name(artifact_worst(f->artifact)));
    json_out_end_object(j);
}

static const char *change_name(bool before, bool after)
{
    return !before ? "added" : !after ? "gone" : "changed";
}

static void write_files(struct json_out *j, const struct model_change *m)
{
    json_out_list(j, "files");
    for (struct file_pair p = { 0 }; file_pair_next(m, &p);) {
        if (!file_pair_differs(&p))
            continue;
        json_out_object(j, NULL);
        json_out_text(j, "change", change_name(p.before, p.after));
        json_out_bytes(j, "path", (p.after ? p.after : p.before)->artifact->name);
        write_file_side(j, "before", p.before);
        write_file_side(j, "after", p.after);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

static bool write_findings(struct json_out *j, const struct spots *s, const bool *which,
                           const char *change)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct spot *spot = &s->all[i];
        char fingerprint[FINGERPRINT_HEX + 1];
        struct buffer member;
        if (!which[i])
            continue;
        if (!finding_fingerprint(spot->finding, spot->artifact, spot->model->identity,
                                 fingerprint))
            return false;
        json_out_object(j, NULL);
        json_out_text(j, "change", change);
        json_out_text(j, "rule", spot->finding->rule->id);
        json_out_text(j, "severity", severity_name(spot->finding->rule->severity));
        buffer_init(&member, PATH_SIZE_MAX);
        if (spot->artifact)
            artifact_path(spot->artifact, &member);
        json_out_bytes(j, "path", buffer_span(&member));
        buffer_free(&member);
        json_out_bytes(j, "message", spot->finding->message);
        json_out_bytes(j, "evidence", spot->finding->evidence);
        json_out_bool(j, "suppressed", spot->finding->suppressed.len > 0);
        json_out_text(j, "fingerprint", fingerprint);
        json_out_end_object(j);
    }
    return true;
}

static void write_change(struct json_out *j, const char *key, const char *before,
                         const char *after)
{
    json_out_object(j, key);
    json_out_text(j, "before", before);
    json_out_text(j, "after", after);
    json_out_end_object(j);
}

static void write_signature(struct json_out *j, const char *key, const struct model *m)
{
    const struct signature *s = comparison_signature(m);
    if (!s) {
        json_out_text(j, key, NULL);
        return;
    }
    json_out_object(j, key);
    json_out_text(j, "kind", s->kind);
    json_out_text(j, "state", signature_state_name(s->state));
    json_out_bytes(j, "identity", s->identity);
    json_out_end_object(j);
}

static bool write_model(struct json_out *j, const struct model_change *m)
{
    const struct model *was = m->before, *is = m->after;
    json_out_object(j, NULL);
    json_out_text(j, "change", change_name(was, is));
    json_out_bytes(j, "identity", (is ? is : was)->identity);
    write_change(j, "verdict", was ? verdict_name(was->verdict) : NULL,
                 is ? verdict_name(is->verdict) : NULL);
    write_change(j, "trust", was ? trust_name(was->trust) : NULL,
                 is ? trust_name(is->trust) : NULL);
    json_out_object(j, "signature");
    write_signature(j, "before", was);
    write_signature(j, "after", is);
    json_out_end_object(j);
    write_files(j, m);
    json_out_list(j, "findings");
    bool ok = write_findings(j, &m->is, m->fresh, "new") &&
              write_findings(j, &m->was, m->fixed, "fixed");
    json_out_end_list(j);
    json_out_uint(j, "findings_unchanged", m->same_count);
    json_out_end_object(j);
    return ok;
}

static void write_summary(struct json_out *j, const struct comparison *c)
{
    json_out_object(j, "summary");
    json_out_object(j, "models");
    json_out_uint(j, "added", c->added);
    json_out_uint(j, "gone", c->gone);
    json_out_uint(j, "changed", c->changed);
    json_out_uint(j, "same", c->count - c->added - c->gone - c->changed);
    json_out_end_object(j);
    json_out_object(j, "findings");
    json_out_uint(j, "new", c->fresh);
    json_out_uint(j, "fixed", c->fixed);
    json_out_uint(j, "same", c->same);
    json_out_end_object(j);
    json_out_end_object(j);
}

bool comparison_write_json(FILE *out, const void *self)
{
    const struct comparison_report *r = self;
    const struct comparison *c = r->comparison;
    struct json_out j = json_out_to(out);
    bool ok = true;
    json_out_object(&j, NULL);
    json_out_text(&j, "schema", "assay-diff/1");
    json_out_bool(&j, "differs", c->differs);
    write_side(&j, "before", c->before);
    write_side(&j, "after", c->after);
    write_summary(&j, c);
    json_out_list(&j, "models");
    for (size_t i = 0; ok && i < c->count; i++)
        if (c->models[i].differs)
            ok = write_model(&j, &c->models[i]);
    json_out_end_list(&j);
    json_out_end_object(&j);
    json_out_finish(&j);
    return ok;
}
