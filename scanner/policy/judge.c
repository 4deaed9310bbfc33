/* policy_judge().  Each clause looks at one model, says whether it is broken, and then
 * gives one reason: the evidence, worst first, the clause, the next step. */
#include "policy/judge.h"

#include "policy/keys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Demands on a model as a whole; asked only where there is a model artifact. */
static clause *const of_models[] = { trust_violates,    source_violates,  people_violate,
                                     revision_violates, license_violates, age_violates,
                                     checks_violate };

/* One model in judgement. */
struct judgement {
    struct model *model;
    struct buffer reason;
    bool violated, unfinished;
};

/* Several scopes may lead to one and the same sentence. */
static bool said(const struct model *m, struct span text)
{
    for (const struct reason *r = m->reasons; r; r = r->next)
        if (span_equal(r->text, text))
            return true;
    return false;
}

static void give_reason(struct judgement *j)
{
    struct buffer *text = &j->reason;
    if (text->len && text->text[0] >= 'a' && text->text[0] <= 'z')
        text->text[0] = (char)(text->text[0] - 'a' + 'A');
    if (!said(j->model, buffer_span(text)))
        model_add_reason_text(j->model, buffer_span(text));
    buffer_clear(text);
}

static void ask(struct judgement *j, const struct view *v, clause *violates)
{
    if (!violates(v, &j->reason))
        return;
    j->violated = true;
    give_reason(j);
}

static void judge_view(struct judgement *j, const struct view *v)
{
    ask(j, v, findings_violate);
    for (texts name = v->demands->formats_deny; name && *name; name++)
        if (denied_format(v, *name, &j->reason)) {
            j->violated = true;
            give_reason(j);
        }
    ask(j, v, unallowed_format);
    for (size_t i = 0; v->artifacts && i < sizeof of_models / sizeof *of_models; i++)
        ask(j, v, of_models[i]);
    if (v->artifacts) {
        ask(j, v, hash_violates);
        ask(j, v, signature_violates);
    }
    if (incomplete(v, &j->reason)) {
        j->violated |= v->demands->on_incomplete == INCOMPLETE_FAILS;
        j->unfinished |= v->demands->on_incomplete == INCOMPLETE_EXITS_2;
        give_reason(j);
    }
}

/* ---- a model, scope by scope ----------------------------------------------------- */

struct sorted_files {
    const struct file **files; /* in the order of their scopes */
    size_t *starts;            /* of each scope; one more for the end */
};

/* NULL: no memory. */
static struct sorted_files *sort_files(const struct policy *p, const struct model *m)
{
    size_t count = 0, at = 0;
    for (const struct file *f = m->files; f; f = f->next)
        count++;
    struct sorted_files *s = calloc(1, sizeof *s);
    size_t *scopes = calloc(count + 1, sizeof *scopes);
    if (s) {
        s->files = calloc(count + 1, sizeof *s->files);
        s->starts = calloc(p->scope_count + 1, sizeof *s->starts);
    }
    bool ok = s && scopes && s->files && s->starts;
    for (const struct file *f = m->files; ok && f; f = f->next)
        scopes[at++] = p->scope_count > 1 ? scope_of(p, m, f) : 0;
    for (size_t scope = 0, n = 0; ok && scope < p->scope_count; scope++) {
        s->starts[scope] = n;
        at = 0;
        for (const struct file *f = m->files; f; f = f->next)
            if (scopes[at++] == scope)
                s->files[n++] = f;
        s->starts[scope + 1] = n;
    }
    free(scopes);
    if (ok)
        return s;
    if (s) {
        free(s->files);
        free(s->starts);
    }
    free(s);
    return NULL;
}

static struct view view_of(const struct policy *p, const struct model *m,
                           const struct sorted_files *s, size_t scope,
                           const char *sentence)
{
    struct view v = { .policy = p,
                      .scope = &p->scopes[scope],
                      .demands = &p->scopes[scope].demands,
                      .model = m,
                      .files = s->files + s->starts[scope],
                      .count = s->starts[scope + 1] - s->starts[scope],
                      .excuse = sentence };
    for (size_t i = 0; i < v.count; i++)
        v.artifacts |= file_is_artifact(v.files[i]);
    return v;
}

static void judge_files(struct judgement *j, const struct policy *p, const char *sentence)
{
    struct sorted_files *s = sort_files(p, j->model);
    if (!s) {
        j->unfinished = true;
        model_add_reason(j->model, "Memory ran out while the model was judged.");
        return;
    }
    for (size_t i = 0; i < p->scope_count; i++) {
        struct view v = view_of(p, j->model, s, i, sentence);
        if (v.count > 0 || (i == 0 && !j->model->files))
            judge_view(j, &v);
    }
    free(s->files);
    free(s->starts);
    free(s);
}

static uint64_t artifacts_judged(const struct model *m)
{
    uint64_t n = 0;
    for (const struct file *f = m->files; f; f = f->next)
        n += file_is_artifact(f);
    return n;
}

static uint64_t suppressed_in(const struct finding_list *list)
{
    uint64_t n = 0;
    for (const struct finding *f = list->first; f; f = f->next)
        n += f->suppressed.len > 0;
    return n;
}

static void give_pass(const struct policy *p, struct model *m, uint64_t judged)
{
    uint64_t excused = suppressed_in(&m->findings);
    for (const struct file *f = m->files; f; f = f->next)
        for (const struct artifact *a = f->artifact; a; a = artifact_walk(f->artifact, a))
            excused += suppressed_in(&a->findings);
    if (excused)
        model_add_reason(
            m,
            "Every demand of the %s is met: %" PRIu64 " file%s analysed; %" PRIu64
            " finding%s known and not counted (suppressed or in the "
            "baseline).",
            noun_of(p), judged, plural(judged), excused, excused == 1 ? " is" : "s are");
    else
        model_add_reason(m, "Every demand of the %s is met: %" PRIu64 " file%s analysed.",
                         noun_of(p), judged, plural(judged));
}

static void judge_model(const struct policy *p, struct model *m, const char *sentence)
{
    struct judgement j = { .model = m };
    buffer_init(&j.reason, SENTENCE_MAX);
    uint64_t judged = artifacts_judged(m);
    judge_files(&j, p, sentence);
    if (j.violated) {
        m->verdict = VERDICT_FAIL;
    } else if (j.unfinished) {
        m->verdict = VERDICT_INCOMPLETE;
    } else if (judged == 0) {
        m->verdict = VERDICT_EMPTY;
        model_add_reason(m, "No model artifact in it: nothing was judged.");
    } else {
        m->verdict = VERDICT_PASS;
        give_pass(p, m, judged);
    }
    buffer_free(&j.reason);
}

/* ---- what is demanded, in words -------------------------------------------------- */

static void say_value(struct buffer *b, const json_t *value)
{
    size_t count = json_array_size(value);
    if (!json_is_array(value) ||
        (count > 0 && json_is_object(json_array_get(value, 0)))) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        buffer_add_text(b, text ? text : "");
        free(text);
        return;
    }
    if (count == 0)
        buffer_add_text(b, "none");
    for (size_t i = 0; i < count; i++)
        buffer_printf(b, "%s%s", i == 0 ? "" : ", ",
                      json_string_value(json_array_get(value, i)));
}

static void name_setting(struct result *r, const struct scope *s, enum policy_key key)
{
    struct buffer words;
    const struct key *k = &policy_keys[key];
    buffer_init(&words, 800);
    say_value(&words, s->settings[key].value);
    result_add_clause(r, "%s%s%s: %s", k->section, k->section[0] ? "." : "", k->name,
                      words.text ? words.text : "");
    buffer_free(&words);
}

/* The clauses that every gate has are sentences; the rest reads like the policy. */
static void name_clauses(const struct policy *p, struct result *r)
{
    const struct scope *s = &p->scopes[0];
    const struct demands *d = &s->demands;
    if (d->fail_on == NEVER)
        result_add_clause(r, "findings do not count");
    else
        result_add_clause(r, "no finding of severity %s%s",
                          severity_name((enum severity)d->fail_on),
                          d->fail_on < SEVERITY_CRITICAL ? " or worse" : "");
    if (d->trust_asked) {
        struct buffer words;
        buffer_init(&words, MESSAGE_MAX);
        say_levels(&words, d->trust_allow);
        result_add_clause(r, "trust is %s", words.text ? words.text : "");
        buffer_free(&words);
    }
    for (texts name = d->formats_deny; name && *name; name++)
        result_add_clause(r, "no %s at any depth", *name);
    if (d->on_incomplete == INCOMPLETE_FAILS)
        result_add_clause(r, "nothing incomplete");
    else if (d->on_incomplete == INCOMPLETE_ACCEPTED)
        result_add_clause(r, "what is incomplete is accepted");
    for (int k = 0; k < POLICY_KEYS; k++)
        if (s->settings[k].value && k != POLICY_FAIL_ON && k != POLICY_TRUST_ALLOW &&
            k != POLICY_FORMATS_DENY && k != POLICY_ON_INCOMPLETE && k != POLICY_ENFORCE)
            name_setting(r, s, (enum policy_key)k);
    if (p->scope_count > 1)
        result_add_clause(r, "other demands on what %zu override%s match%s",
                          p->scope_count - 1, plural(p->scope_count - 1),
                          p->scope_count == 2 ? "es" : "");
    if (p->baseline)
        result_add_clause(r, "findings count that are not in a baseline");
    if (!d->enforce)
        result_add_clause(r, "reports only: exit codes 1 and 2 become 0");
}

/* ---- the whole ------------------------------------------------------------------- */

static void judge_models(const struct policy *p, struct result *r,
                         struct suppression_use *uses)
{
    for (struct model *m = r->models; m; m = m->next) {
        struct buffer sentence;
        buffer_init(&sentence, MESSAGE_MAX);
        suppress(p, r, m, uses, &sentence);
        judge_model(p, m, sentence.len ? sentence.text : NULL);
        buffer_free(&sentence);
    }
}

static void settle(const struct demands *d, struct result *r)
{
    bool seen[VERDICT_EMPTY + 1] = { false };
    for (const struct model *m = r->models; m; m = m->next)
        seen[m->verdict] = true;
    bool judged = seen[VERDICT_FAIL] || seen[VERDICT_PASS] || seen[VERDICT_INCOMPLETE];
    /* what could not be scanned, or was lost for want of memory, was not judged */
    if (r->errors || arena_exhausted(r->arena))
        seen[VERDICT_INCOMPLETE] = true;
    int empty = d->allow_empty ? EXIT_PASS : EXIT_EMPTY;
    if (seen[VERDICT_FAIL]) {
        r->verdict = VERDICT_FAIL;
        r->exit_code = d->enforce ? EXIT_VIOLATED : EXIT_PASS;
    } else if (seen[VERDICT_INCOMPLETE]) {
        r->verdict = VERDICT_INCOMPLETE;
        r->exit_code = d->enforce ? EXIT_INCOMPLETE : judged ? EXIT_PASS : empty;
    } else if (seen[VERDICT_PASS]) {
        r->verdict = VERDICT_PASS;
        r->exit_code = EXIT_PASS;
    } else {
        r->verdict = VERDICT_EMPTY;
        r->exit_code = empty;
    }
}

void policy_judge(const struct policy *p, struct result *r)
{
    struct suppression_use *uses = calloc(p->suppression_count + 1, sizeof *uses);
    r->gate = arena_text(r->arena, span_of_text(p->name));
    if (p->digest[0])
        r->policy_digest = arena_text(r->arena, span_of_text(p->digest));
    r->fail_on = (enum severity)p->scopes[0].demands.fail_on; /* NEVER is their count */
    name_clauses(p, r);
    if (uses) {
        judge_models(p, r, uses);
        suppress_warn(p, r, uses);
    }
    settle(&p->scopes[0].demands, r);
    if (!uses) { /* nothing was judged */
        r->verdict = VERDICT_INCOMPLETE;
        r->exit_code = EXIT_INCOMPLETE;
    }
    free(uses);
}

/* ---- what counts for a model ----------------------------------------------------- */

static void explain_scope(const struct policy *p, const struct scope *s,
                          struct buffer *out)
{
    for (int k = 0; k < POLICY_KEYS; k++) {
        const struct setting *set = &s->settings[k];
        char name[64];
        if (!set->value || (policy_keys[k].top && s != p->scopes))
            continue;
        (void)snprintf(name, sizeof name, "%s%s%s", policy_keys[k].section,
                       policy_keys[k].section[0] ? "." : "", policy_keys[k].name);
        buffer_printf(out, "  %-24s ", name);
        say_value(out, set->value);
        if (set->line)
            buffer_printf(out, "  (%s:%zu)\n", set->file, set->line);
        else
            buffer_printf(out, "  (%s%s)\n", set->file[0] == '-' ? "" : "gate ",
                          set->file);
    }
}

void policy_explain(const struct policy *p, const struct model *m, struct buffer *out)
{
    struct sorted_files *s = sort_files(p, m);
    for (size_t i = 0; s && i < p->scope_count; i++) {
        struct view v = view_of(p, m, s, i, NULL);
        if (v.count == 0 && !(i == 0 && !m->files))
            continue;
        buffer_add(out, m->identity);
        if (i > 0)
            buffer_printf(out, ": override at %s:%zu (%s)", v.scope->file, v.scope->line,
                          v.scope->reason);
        buffer_printf(out, "\n  for %zu file%s:", v.count, plural(v.count));
        for (size_t f = 0; f < v.count && f < EVIDENCE_SHOWN; f++) {
            buffer_add_text(out, f == 0 ? " " : ", ");
            say_quote(out, v.files[f]->artifact->name);
        }
        buffer_add_text(out, v.count > EVIDENCE_SHOWN ? ", …\n" : "\n");
        explain_scope(p, v.scope, out);
    }
    if (s) {
        free(s->files);
        free(s->starts);
    }
    free(s);
}
