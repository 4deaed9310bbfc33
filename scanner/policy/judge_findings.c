/* The clause about findings: none that counts may be as bad as fail_on. */
#include "policy/judge.h"

#include <inttypes.h>
#include <string.h>

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
    int least;
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
        if ((int)f->rule->severity < t->least || f->suppressed.len)
            continue;
        t->by_severity[f->rule->severity]++;
        t->total++;
        tally_group(t, a, f);
    }
    /* past its cap a list only counts, but it still knows how bad the worst one was */
    if (list->dropped > 0 && (int)list->worst >= t->least)
        t->unlisted += list->dropped;
}

static struct tally tally_view(const struct view *v)
{
    struct tally t = { .least = v->demands->fail_on };
    tally_list(&t, NULL, &v->model->findings);
    for (size_t i = 0; i < v->count; i++) {
        const struct artifact *root = v->files[i]->artifact;
        for (const struct artifact *a = root; a; a = artifact_walk(root, a))
            tally_list(&t, a, &a->findings);
    }
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
        say_quote(b, what);
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

bool findings_violate(const struct view *v, struct buffer *ret_reason)
{
    int fail_on = v->demands->fail_on;
    if (fail_on == NEVER)
        return false;
    struct tally t = tally_view(v);
    if (t.total == 0 && t.unlisted == 0)
        return false;
    say_counts(ret_reason, &t);
    buffer_printf(ret_reason, ", and the %s fails on %s%s", noun_of(v->policy),
                  severity_name((enum severity)fail_on),
                  fail_on < SEVERITY_CRITICAL ? " or worse" : "");
    say_where(ret_reason, v->scope, POLICY_FAIL_ON);
    buffer_add_text(ret_reason, ". ");
    uint64_t shown = 0;
    for (size_t i = 0; i < t.used; i++) {
        buffer_add_text(ret_reason, i == 0 ? "" : i == 1 ? "; also " : ", ");
        say_group(ret_reason, &t.groups[i], i == 0);
        shown += t.groups[i].count;
    }
    if (t.total > shown)
        buffer_printf(ret_reason, " and %" PRIu64 " more", t.total - shown);
    buffer_add_text(ret_reason, ". Do not load the model before each is explained.");
    if (v->excuse)
        buffer_printf(ret_reason, " %s", v->excuse);
    return true;
}
