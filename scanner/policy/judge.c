/* policy_judge().  Each clause looks at one model, says whether it is broken, and then
 * gives one reason: the evidence, worst first, the clause, the next step. */
#include "policy/policy.h"

#include "core/formats.h"

#include <inttypes.h>
#include <string.h>

enum {
    EVIDENCE_SHOWN = 5,
    QUOTE_MAX = 100,
    PATH_MAX_SAID = 300,
    SENTENCE_MAX = 64 << 10
};

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* At most `max` bytes of hostile text, never cut inside a UTF-8 sequence. */
static void cut(struct buffer *b, struct span text, size_t max)
{
    size_t end = text.len;
    if (end > max) {
        end = max;
        while (end > max - 4 && (text.ptr[end] & 0xc0) == 0x80)
            end--;
    }
    buffer_add(b, span_slice(text, 0, end));
    if (end < text.len)
        buffer_add_text(b, "...");
}

static void quote(struct buffer *b, struct span text)
{
    cut(b, text, QUOTE_MAX);
}

static void say_path(struct buffer *b, const struct artifact *a)
{
    struct buffer path;
    buffer_init(&path, SENTENCE_MAX);
    artifact_path(a, &path);
    cut(b, buffer_span(&path), PATH_MAX_SAID);
    buffer_free(&path);
}

/* "high, medium or internal" */
static void trust_words(struct buffer *b, unsigned set)
{
    static const enum trust order[] = { TRUST_HIGH, TRUST_MEDIUM, TRUST_LOW,
                                        TRUST_INTERNAL, TRUST_UNKNOWN };
    size_t left = 0, met = 0;
    for (size_t i = 0; i < TRUST_COUNT; i++)
        left += (set >> order[i]) & 1;
    for (size_t i = 0; i < TRUST_COUNT; i++) {
        if (!((set >> order[i]) & 1))
            continue;
        left--;
        buffer_add_text(b, met++ == 0 ? "" : left == 0 ? " or " : ", ");
        buffer_add_text(b, trust_name(order[i]));
    }
}

/* -- findings ----------------------------------------------------------------- */

/* The findings of one rule, and the first of them. */
struct group {
    const struct rule *rule;
    const struct artifact *artifact; /* NULL: of the model as a whole */
    const struct finding *finding;
    uint64_t count;
};

/* The worst few rules met so far, worst first.  A rule that was pushed out or refused
 * never comes back, since the least severe one kept only grows: counts are exact. */
struct tally {
    enum severity least;
    struct group groups[EVIDENCE_SHOWN];
    size_t used;
    uint64_t by_severity[SEVERITY_COUNT], total, unlisted;
};

static void tally_group(struct tally *t, const struct artifact *a,
                        const struct finding *f)
{
    for (size_t i = 0; i < t->used; i++)
        if (strcmp(t->groups[i].rule->id, f->rule->id) == 0) {
            t->groups[i].count++;
            return;
        }
    size_t at = t->used;
    while (at > 0 && t->groups[at - 1].rule->severity < f->rule->severity)
        at--;
    if (at == EVIDENCE_SHOWN)
        return;
    if (t->used < EVIDENCE_SHOWN)
        t->used++;
    for (size_t i = t->used - 1; i > at; i--)
        t->groups[i] = t->groups[i - 1];
    t->groups[at] = (struct group){ f->rule, a, f, 1 };
}

static void tally_list(struct tally *t, const struct artifact *a,
                       const struct finding_list *list)
{
    for (const struct finding *f = list->first; f; f = f->next) {
        if (f->rule->severity < t->least)
            continue;
        t->by_severity[f->rule->severity]++;
        t->total++;
        tally_group(t, a, f);
    }
    /* past its cap a list only counts, but it still knows how bad the worst one was */
    if (list->dropped > 0 && list->worst >= t->least)
        t->unlisted += list->dropped;
}

static struct tally tally_model(const struct model *m, enum severity least)
{
    struct tally t = { .least = least };
    tally_list(&t, NULL, &m->findings);
    for (const struct file *f = m->files; f; f = f->next)
        for (const struct artifact *a = f->artifact; a; a = artifact_walk(f->artifact, a))
            tally_list(&t, a, &a->findings);
    return t;
}

/* The worst group with its first evidence; the others by name. */
static void say_group(struct buffer *b, const struct group *g, bool worst)
{
    buffer_add_text(b, g->rule->id);
    if (g->count > 1)
        buffer_printf(b, " (%" PRIu64 " times)", g->count);
    if (!worst)
        return;
    if (g->artifact) {
        buffer_add_text(b, " in ");
        say_path(b, g->artifact);
        buffer_printf(b, " at offset %" PRIu64, g->finding->offset);
    }
    struct span what =
        g->finding->evidence.len ? g->finding->evidence : g->finding->message;
    if (what.len) {
        buffer_add_text(b, ": ");
        quote(b, what);
    }
}

static void say_counts(struct buffer *b, const struct tally *t)
{
    const char *between = "";
    for (int s = SEVERITY_COUNT; s-- > 0;)
        if (t->by_severity[s]) {
            buffer_printf(b, "%s%" PRIu64 " %s", between, t->by_severity[s],
                          severity_name((enum severity)s));
            between = ", ";
        }
    buffer_printf(b, " finding%s", plural(t->total));
    if (t->unlisted)
        buffer_printf(b, " and %" PRIu64 " that were only counted", t->unlisted);
}

/* No finding may be as bad as fail_on. */
static bool findings_violate(const struct policy *p, const struct model *m,
                             struct buffer *ret_reason)
{
    struct tally t = tally_model(m, p->fail_on);
    if (t.total == 0 && t.unlisted == 0)
        return false;
    say_counts(ret_reason, &t);
    buffer_printf(ret_reason, ", and the gate fails on %s%s. ", severity_name(p->fail_on),
                  p->fail_on < SEVERITY_CRITICAL ? " or worse" : "");
    uint64_t shown = 0;
    for (size_t i = 0; i < t.used; i++) {
        buffer_add_text(ret_reason, i == 0 ? "" : i == 1 ? "; also " : ", ");
        say_group(ret_reason, &t.groups[i], i == 0);
        shown += t.groups[i].count;
    }
    if (t.total > shown)
        buffer_printf(ret_reason, " and %" PRIu64 " more", t.total - shown);
    buffer_add_text(ret_reason, ". Do not load the model before each is explained.");
    return true;
}

/* -- trust -------------------------------------------------------------------- */

static void say_origin(struct buffer *b, const struct model *m)
{
    const struct origin *o = &m->origin;
    if (o->basis == BASIS_NONE) {
        buffer_add_text(b, "nothing says where it comes from");
        return;
    }
    if (o->title || o->registry)
        buffer_add_text(b, o->title ? o->title : o->registry);
    else
        buffer_add_text(b, "an origin that no registry matches");
    if (o->name.len) {
        buffer_add_text(b, ", ");
        quote(b, o->name);
    }
    buffer_printf(b, ", %s", basis_name(o->basis));
}

/* The effective level must be in the allowed set. */
static bool trust_violates(const struct policy *p, const struct model *m,
                           struct buffer *ret_reason)
{
    if (p->trust_allowed == POLICY_ANY_TRUST || (p->trust_allowed >> m->trust & 1))
        return false;
    buffer_printf(ret_reason, "trust is %s (", trust_name(m->trust));
    say_origin(ret_reason, m);
    buffer_add_text(ret_reason, "), and the gate allows ");
    trust_words(ret_reason, p->trust_allowed);
    if (m->trust == TRUST_UNKNOWN && m->origin.basis == BASIS_DECLARED &&
        (p->trust_allowed >> m->origin.trust & 1))
        buffer_add_text(ret_reason,
                        ". The target only declares its origin: confirm it and "
                        "state it with --origin, or accept such claims with "
                        "--accept-declared.");
    else if (m->trust == TRUST_UNKNOWN)
        buffer_add_text(ret_reason,
                        ". If you know where it comes from, state it with --origin.");
    else
        buffer_add_text(ret_reason, ". Take the model from a registry that is allowed.");
    return true;
}

/* -- formats ------------------------------------------------------------------ */

/* What makes this artifact fall under the denied name, or NULL. */
static const char *denied_as(const struct artifact *a, const char *denied)
{
    for (int id = 0; id < FORMAT_COUNT; id++)
        if ((a->formats & FORMAT_BIT(id)) && (strcmp(formats[id].name, denied) == 0 ||
                                              strcmp(formats[id].family, denied) == 0))
            return formats[id].name;
    if (a->executes && strcmp(denied, "pickle") == 0)
        return "runs code when loaded";
    return NULL;
}

/* No artifact, at any depth, may be of this format or family. */
static bool format_violates(const char *denied, const struct model *m,
                            struct buffer *ret_reason)
{
    uint64_t files = 0;
    for (const struct file *f = m->files; f; f = f->next)
        for (const struct artifact *a = f->artifact; a;
             a = artifact_walk(f->artifact, a)) {
            const char *as = denied_as(a, denied);
            if (!as)
                continue;
            if (files == 0)
                buffer_printf(ret_reason, "the gate denies %s: ", denied);
            if (files < EVIDENCE_SHOWN) {
                buffer_add_text(ret_reason, files == 0 ? "" : ", ");
                say_path(ret_reason, a);
                buffer_printf(ret_reason, " (%s)", as);
            }
            files++;
            break; /* one member is enough to name its file */
        }
    if (files == 0)
        return false;
    if (files > EVIDENCE_SHOWN)
        buffer_printf(ret_reason, " and %" PRIu64 " more files", files - EVIDENCE_SHOWN);
    buffer_add_text(ret_reason, strcmp(denied, "pickle") == 0
                                    ? ". Ask the publisher for safetensors weights."
                                    : ". Ask the publisher for another format.");
    return true;
}

/* -- completeness ------------------------------------------------------------- */

static bool not_complete(enum artifact_status s)
{
    return s == STATUS_INCOMPLETE || s == STATUS_FAILED;
}

static bool file_incomplete(const struct file *f)
{
    return not_complete(artifact_worst(f->artifact)) ||
           (f->arena && arena_exhausted(f->arena));
}

/* Every file must have been understood to its end. */
static bool incomplete(const struct policy *p, const struct model *m,
                       struct buffer *ret_reason)
{
    bool memory = arena_exhausted(m->arena);
    uint64_t files = 0;
    for (const struct file *f = m->files; f; f = f->next)
        files += file_incomplete(f);
    if (files == 0 && !memory)
        return false;
    if (files == 0)
        buffer_add_text(ret_reason, "memory ran out while the model was judged");
    else
        buffer_printf(ret_reason,
                      "%" PRIu64 " file%s could not be analysed to the end: ", files,
                      plural(files));
    uint64_t shown = 0;
    for (const struct file *f = m->files; f && shown < EVIDENCE_SHOWN; f = f->next) {
        if (!file_incomplete(f))
            continue;
        const struct artifact *part = artifact_worst_part(f->artifact);
        buffer_add_text(ret_reason, shown++ == 0 ? "" : "; ");
        say_path(ret_reason, part);
        buffer_add_text(ret_reason, " (");
        quote(ret_reason, part->reason.len ? part->reason
                                           : span_of_text(not_complete(part->status)
                                                              ? status_name(part->status)
                                                              : "memory ran out"));
        buffer_add_text(ret_reason, ")");
    }
    if (files > shown)
        buffer_printf(ret_reason, "; and %" PRIu64 " more", files - shown);
    buffer_add_text(ret_reason, p->incomplete_fails
                                    ? ". The gate fails on anything incomplete: "
                                    : ". What the rest holds is unknown: ");
    buffer_add_text(ret_reason, "get an intact copy, or lift the limit that is named.");
    return true;
}

/* -- verdict ------------------------------------------------------------------ */

static void give_reason(struct model *m, struct buffer *reason)
{
    if (reason->len && reason->text[0] >= 'a' && reason->text[0] <= 'z')
        reason->text[0] = (char)(reason->text[0] - 'a' + 'A');
    model_add_reason_text(m, buffer_span(reason));
    buffer_clear(reason);
}

static uint64_t artifacts_judged(const struct model *m)
{
    uint64_t n = 0;
    for (const struct file *f = m->files; f; f = f->next)
        n += artifact_worst(f->artifact) != STATUS_SKIPPED;
    return n;
}

static void judge_model(const struct policy *p, struct model *m)
{
    struct buffer reason;
    buffer_init(&reason, SENTENCE_MAX);
    uint64_t judged = artifacts_judged(m);
    bool violated = false;
    if (findings_violate(p, m, &reason)) {
        violated = true;
        give_reason(m, &reason);
    }
    for (size_t i = 0; p->deny_formats[i]; i++)
        if (format_violates(p->deny_formats[i], m, &reason)) {
            violated = true;
            give_reason(m, &reason);
        }
    if (judged > 0 && trust_violates(p, m, &reason)) {
        violated = true;
        give_reason(m, &reason);
    }
    bool unfinished = incomplete(p, m, &reason);
    if (unfinished) {
        violated |= p->incomplete_fails;
        give_reason(m, &reason);
    }
    if (violated) {
        m->verdict = VERDICT_FAIL;
    } else if (unfinished) {
        m->verdict = VERDICT_INCOMPLETE;
    } else if (judged == 0) {
        m->verdict = VERDICT_EMPTY;
        model_add_reason(m, "No model artifact in it: nothing was judged.");
    } else {
        m->verdict = VERDICT_PASS;
        model_add_reason(m,
                         "Every demand of the gate is met: %" PRIu64 " file%s analysed.",
                         judged, plural(judged));
    }
    buffer_free(&reason);
}

static void name_clauses(const struct policy *p, struct result *r)
{
    result_add_clause(r, "no finding of severity %s%s", severity_name(p->fail_on),
                      p->fail_on < SEVERITY_CRITICAL ? " or worse" : "");
    if (p->trust_allowed != POLICY_ANY_TRUST) {
        struct buffer words;
        buffer_init(&words, MESSAGE_MAX);
        trust_words(&words, p->trust_allowed);
        result_add_clause(r, "trust is %s",
                          words.text ? words.text : "none of the levels");
        buffer_free(&words);
    }
    for (size_t i = 0; p->deny_formats[i]; i++)
        result_add_clause(r, "no %s at any depth", p->deny_formats[i]);
    if (p->incomplete_fails)
        result_add_clause(r, "nothing incomplete");
    if (!p->fails)
        result_add_clause(r, "reports only: exit codes 1 and 2 become 0");
}

void policy_judge(const struct policy *p, struct result *r)
{
    bool seen[VERDICT_EMPTY + 1] = { false };
    r->gate = p->name;
    r->fail_on = p->fail_on;
    name_clauses(p, r);
    for (struct model *m = r->models; m; m = m->next) {
        judge_model(p, m);
        seen[m->verdict] = true;
    }
    /* what could not be scanned, or was lost for want of memory, was not judged */
    if (r->errors || arena_exhausted(r->arena))
        seen[VERDICT_INCOMPLETE] = true;

    bool judged = seen[VERDICT_FAIL] || seen[VERDICT_PASS];
    for (const struct model *m = r->models; m; m = m->next)
        judged |= m->verdict == VERDICT_INCOMPLETE;
    if (seen[VERDICT_FAIL]) {
        r->verdict = VERDICT_FAIL;
        r->exit_code = p->fails ? EXIT_VIOLATED : EXIT_PASS;
    } else if (seen[VERDICT_INCOMPLETE]) {
        r->verdict = VERDICT_INCOMPLETE;
        r->exit_code = p->fails ? EXIT_INCOMPLETE : judged ? EXIT_PASS : EXIT_EMPTY;
    } else if (seen[VERDICT_PASS]) {
        r->verdict = VERDICT_PASS;
        r->exit_code = EXIT_PASS;
    } else {
        r->verdict = VERDICT_EMPTY;
        r->exit_code = EXIT_EMPTY;
    }
}
