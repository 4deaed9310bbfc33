/* Which override a file falls under, and which findings a suppression or the baseline
 * takes out of the gate.  They stay in every report. */
#include "policy/baseline.h"
#include "policy/date.h"
#include "policy/glob.h"
#include "policy/judge.h"

#include <inttypes.h>
#include <string.h>

static bool any_glob(texts patterns, struct span text)
{
    for (; *patterns; patterns++)
        if (glob_matches(*patterns, text, false))
            return true;
    return false;
}

/* Only an origin that counts: what a target declares must not choose its own rules. */
static bool source_matches(const struct policy *p, const struct model *m, texts patterns)
{
    struct buffer source;
    buffer_init(&source, SENTENCE_MAX);
    if (origin_counts(p, m))
        origin_source(&m->origin, &source);
    bool matches = source.len > 0 && any_glob(patterns, buffer_span(&source));
    buffer_free(&source);
    return matches;
}

static bool format_matches(const struct file *f, texts names)
{
    for (; *names; names++)
        if (format_is(f->artifact, *names))
            return true;
    return false;
}

static bool digest_matches(const struct file *f, texts digests)
{
    for (; *digests; digests++)
        if (f->sha256.len && span_is(f->sha256, *digests))
            return true;
    return false;
}

static bool scope_matches(const struct policy *p, const struct scope *s,
                          const struct model *m, const struct file *f)
{
    const struct match *want = &s->match;
    return p->today <= s->expires &&
           (!want->paths || any_glob(want->paths, f->artifact->name)) &&
           (!want->formats || format_matches(f, want->formats)) &&
           (!want->sha256 || digest_matches(f, want->sha256)) &&
           (!want->sources || source_matches(p, m, want->sources));
}

size_t scope_of(const struct policy *p, const struct model *m, const struct file *f)
{
    for (size_t i = 1; i < p->scope_count; i++)
        if (scope_matches(p, &p->scopes[i], m, f))
            return i;
    return 0;
}

/* ---- suppressions ----------------------------------------------------------------- */

/* A model's findings, with the file that each lies in; NULL: of the model as a whole. */
struct place_of {
    const struct policy *policy;
    struct model *model;
    const struct file *file;
};

static bool rule_and_place(const struct suppression *s, const struct finding *f,
                           const struct place_of *at)
{
    if (strcmp(s->rule, f->rule->id) != 0)
        return false;
    struct span path = at->file ? at->file->artifact->name : at->model->identity;
    if (!glob_matches(s->path, path, false))
        return false;
    const char *const source[] = { s->source, NULL };
    return !s->source || source_matches(at->policy, at->model, source);
}

static void excuse(struct buffer *b, const struct suppression *s, const char *why)
{
    if (b->len == 0)
        buffer_printf(b, "The suppression of %s at %s:%zu does not count: %s.", s->rule,
                      s->file, s->line, why);
}

/* Does it take this finding out of the gate?  If not, the reason why is kept. */
static bool suppresses(const struct suppression *s, const struct finding *f,
                       const struct place_of *at, struct suppression_use *use,
                       struct buffer *ret_excuse)
{
    char why[64], day[DATE_TEXT];
    if (!rule_and_place(s, f, at))
        return false;
    if (at->policy->today > s->expires) {
        use->expired++;
        date_text(s->expires, day);
        (void)snprintf(why, sizeof why, "it expired on %s", day);
        excuse(ret_excuse, s, why);
        return false;
    }
    if (s->sha256 &&
        !(at->file && at->file->sha256.len && span_is(at->file->sha256, s->sha256))) {
        use->changed++;
        excuse(ret_excuse, s, "it is for other bytes (sha256)");
        return false;
    }
    if (f->rule->severity == SEVERITY_CRITICAL && !s->sha256) {
        use->unsafe++;
        excuse(ret_excuse, s, "the rule is critical, and no sha256 says for which bytes");
        return false;
    }
    use->used++;
    return true;
}

static struct span suppressed_by(const struct place_of *at, const struct suppression *s)
{
    char day[DATE_TEXT];
    date_text(s->expires, day);
    return arena_printf(at->model->arena, "%s:%zu, until %s: %s", s->file, s->line, day,
                        s->reason);
}

static void suppress_list(const struct place_of *at, const struct artifact *a,
                          struct finding_list *list, struct suppression_use *uses,
                          struct buffer *ret_excuse)
{
    const struct policy *p = at->policy;
    for (struct finding *f = list->first; f; f = f->next) {
        for (size_t i = 0; i < p->suppression_count && !f->suppressed.len; i++)
            if (suppresses(&p->suppressions[i], f, at, &uses[i], ret_excuse))
                f->suppressed = suppressed_by(at, &p->suppressions[i]);
        if (p->baseline && !f->suppressed.len &&
            baseline_knows(p->baseline, f, a, at->file, at->model->identity))
            f->suppressed = arena_printf(at->model->arena, "in the baseline %s",
                                         baseline_path(p->baseline));
    }
}

void suppress(const struct policy *p, struct result *r, struct model *m,
              struct suppression_use *uses, struct buffer *ret_excuse)
{
    struct place_of at = { p, m, NULL };
    (void)r;
    if (p->suppression_count == 0 && !p->baseline)
        return;
    suppress_list(&at, NULL, &m->findings, uses, ret_excuse);
    for (const struct file *f = m->files; f; f = f->next) {
        at.file = f;
        for (struct artifact *a = f->artifact; a;
             a = (struct artifact *)(uintptr_t)artifact_walk(f->artifact, a))
            suppress_list(&at, a, &a->findings, uses, ret_excuse);
    }
}

void suppress_warn(const struct policy *p, struct result *r,
                   const struct suppression_use *uses)
{
    char day[DATE_TEXT];
    for (size_t i = 0; i < p->suppression_count; i++) {
        const struct suppression *s = &p->suppressions[i];
        const struct suppression_use *use = &uses[i];
        date_text(s->expires, day);
        if (p->today > s->expires)
            result_add_warning(r,
                               "%s:%zu: the suppression of %s expired on %s; %" PRIu64
                               " finding%s that it was for count%s",
                               s->file, s->line, s->rule, day, use->expired,
                               plural(use->expired), use->expired == 1 ? "s" : "");
        else if (use->used == 0 && use->changed > 0)
            result_add_warning(
                r,
                "%s:%zu: the suppression of %s is for other bytes: no file "
                "it names has that sha256",
                s->file, s->line, s->rule);
        else if (use->used == 0 && use->unsafe > 0)
            result_add_warning(r,
                               "%s:%zu: the suppression of %s does nothing: the rule is "
                               "critical, and no sha256 says for which bytes",
                               s->file, s->line, s->rule);
        else if (use->used == 0)
            result_add_warning(r, "%s:%zu: the suppression of %s matched nothing",
                               s->file, s->line, s->rule);
    }
    for (size_t i = 1; i < p->scope_count; i++)
        if (p->today > p->scopes[i].expires) {
            date_text(p->scopes[i].expires, day);
            result_add_warning(r, "%s:%zu: the override expired on %s", p->scopes[i].file,
                               p->scopes[i].line, day);
        }
}
