/* `assay diff` for people: what got worse first, then what got better. */
#include "reports/compare.h"
#include "reports/stamp.h"
#include "reports/text/model.h"

#include <inttypes.h>
#include <string.h>

enum { FINDINGS_SHOWN = 20, FILES_SHOWN = 20 };

static bool same_text(const char *a, const char *b)
{
    return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

/* -- the whole --------------------------------------------------------------------- */

static void write_head(struct text_out *t, const struct comparison *c)
{
    const struct result *was = c->before, *is = c->after;
    if (c->differs)
        text_out_add(t,
                     "%zu model%s changed, %zu added, %zu gone; findings: %zu new, %zu "
                     "fixed, %zu unchanged",
                     c->changed, text_plural(c->changed), c->added, c->gone, c->fresh,
                     c->fixed, c->same);
    else
        text_out_add(t, "%zu model%s, %zu finding%s: nothing changed", c->count,
                     text_plural(c->count), c->same, text_plural(c->same));
    text_out_item(t, c->differs ? STYLE_YELLOW : STYLE_GREEN,
                  c->differs ? "CHANGED" : "SAME", TEXT_LABEL);
    text_out_add(t, "%s (exit code %d), was %s (exit code %d)", verdict_name(is->verdict),
                 is->exit_code, verdict_name(was->verdict), was->exit_code);
    text_out_item(t, STYLE_BOLD, "Verdict", TEXT_LABEL);
    if (!same_text(was->rules_digest, is->rules_digest) ||
        strcmp(stamp_version(was), stamp_version(is)) != 0) {
        text_out_add(t,
                     "the rules or the version differ: findings may come and go without "
                     "a change of the files");
        text_out_item(t, STYLE_YELLOW, "NOTE", TEXT_LABEL);
    }
    if (!same_text(was->gate, is->gate) ||
        !same_text(was->policy_digest, is->policy_digest)) {
        text_out_add(t, "judged by different gates or policies: %s, was %s",
                     is->gate ? is->gate : "none", was->gate ? was->gate : "none");
        text_out_item(t, STYLE_YELLOW, "NOTE", TEXT_LABEL);
    }
}

/* -- a model ----------------------------------------------------------------------- */

static void write_files(struct text_out *t, const struct model_change *m)
{
    size_t shown = 0, differing = 0;
    for (struct file_pair p = { 0 }; file_pair_next(m, &p);) {
        if (!m->before || !m->after || !file_pair_differs(&p) ||
            differing++ >= FILES_SHOWN)
            continue;
        text_out_add(t, "%s ", !p.before ? "added" : !p.after ? "gone" : "changed");
        if (p.after)
            text_name(t, p.after->artifact->name);
        else if (p.before)
            text_name(t, p.before->artifact->name);
        text_out_item(t, STYLE_PLAIN, shown++ == 0 ? "Files" : "", TEXT_LABEL);
        if (!p.before || !p.after)
            continue;
        text_out_add(t, "%s, was %s; sha256 %.16s, was %.16s",
                     status_name(artifact_worst(p.after->artifact)),
                     status_name(artifact_worst(p.before->artifact)),
                     p.after->sha256.len ? (const char *)p.after->sha256.ptr : "unknown",
                     p.before->sha256.len ? (const char *)p.before->sha256.ptr
                                          : "unknown");
        text_out_item(t, STYLE_PLAIN, "", TEXT_LABEL + 2);
    }
    if (differing > FILES_SHOWN) {
        text_out_add(t, "and %zu more files", differing - FILES_SHOWN);
        text_out_item(t, STYLE_PLAIN, "", TEXT_LABEL);
    }
}

static void write_findings(struct text_out *t, const struct spots *s, const bool *which,
                           const char *label, enum style style)
{
    size_t shown = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct spot *spot = &s->all[i];
        if (!which[i] || shown++ >= FINDINGS_SHOWN)
            continue;
        text_out_add(t, "%s %s", severity_name(spot->finding->rule->severity),
                     spot->finding->rule->id);
        if (spot->artifact) {
            text_out_add(t, " in ");
            text_path(t, NULL, spot->artifact);
        }
        text_out_add(t, ": ");
        text_out_bytes(t, spot->finding->evidence.len ? spot->finding->evidence
                                                      : spot->finding->message);
        if (spot->finding->suppressed.len)
            text_out_add(t, " (suppressed)");
        text_out_item(t, style, label, TEXT_LABEL);
    }
    if (shown > FINDINGS_SHOWN) {
        text_out_add(t, "and %zu more (JSON has all)", shown - FINDINGS_SHOWN);
        text_out_item(t, STYLE_PLAIN, "", TEXT_LABEL);
    }
}

static void add_signature(struct text_out *t, const struct model *m)
{
    const struct signature *s = comparison_signature(m);
    text_out_add(t, "%s", s ? signature_state_name(s->state) : "none");
    if (s && s->identity.len) {
        text_out_add(t, " (");
        text_name(t, s->identity);
        text_out_add(t, ")");
    }
}

static void write_model(struct text_out *t, const struct model_change *m)
{
    const struct model *was = m->before, *is = m->after;
    text_out_blank(t);
    text_model_name(t, is ? is : was);
    text_out_item(t, STYLE_BOLD, !was ? "ADDED" : !is ? "GONE" : "CHANGED", TEXT_LABEL);
    if (is) {
        text_out_add(t, "%s", verdict_name(is->verdict));
        if (was && was->verdict != is->verdict)
            text_out_add(t, ", was %s", verdict_name(was->verdict));
        text_out_item(t, STYLE_BOLD, "Verdict", TEXT_LABEL);
        text_out_add(t, "%s", trust_name(is->trust));
        if (was && was->trust != is->trust)
            text_out_add(t, ", was %s", trust_name(was->trust));
        text_out_item(t, STYLE_BOLD, "Trust", TEXT_LABEL);
    }
    if (was && is && comparison_signature_differs(m)) {
        add_signature(t, is);
        text_out_add(t, ", was ");
        add_signature(t, was);
        text_out_item(t, STYLE_BOLD, "Signature", TEXT_LABEL);
    }
    write_files(t, m);
    write_findings(t, &m->is, m->fresh, "NEW", STYLE_RED);
    write_findings(t, &m->was, m->fixed, is ? "FIXED" : "WAS", STYLE_GREEN);
    if (was && is) {
        text_out_add(t, "%zu finding%s", m->same_count, text_plural(m->same_count));
        text_out_item(t, STYLE_BOLD, "Unchanged", TEXT_LABEL);
    }
}

bool comparison_write_text(FILE *out, const void *self)
{
    const struct comparison_report *r = self;
    const struct comparison *c = r->comparison;
    struct text_out t;
    text_out_init(&t, out, r->options->width, r->options->colour);
    write_head(&t, c);
    for (size_t i = 0; i < c->count; i++) /* what has new findings comes first */
        if (c->models[i].differs && c->models[i].fresh_count > 0)
            write_model(&t, &c->models[i]);
    for (size_t i = 0; i < c->count; i++)
        if (c->models[i].differs && c->models[i].fresh_count == 0)
            write_model(&t, &c->models[i]);
    bool ok = !t.failed;
    text_out_free(&t);
    return ok;
}
