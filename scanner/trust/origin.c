#include "trust/origin.h"

enum { CLAIMS_SHOWN = 16 }; /* differing ones; a target could make up any number */

static void report(struct model *m, enum rule_id rule, struct span message,
                   struct span evidence)
{
    finding_add(&m->findings, m->arena, &rules[rule], 0, message, evidence);
}

static bool equal(struct span a, struct span b)
{
    return a.len == b.len && span_compare(a, b) == 0;
}

/* The level that it would count for if it were believed.  A registry of the operator's
 * own is known by its endpoint, which only a whole reference can name. */
static enum trust level_of(const struct claim *c, environment_lookup *env)
{
    if (c->level)
        return *c->level;
    if (c->reference)
        return reference_trust(c->reference, env, NULL);
    if (!c->registry || c->registry->trust == TRUST_INTERNAL)
        return TRUST_UNKNOWN;
    return c->registry->trust;
}

/* A whole commit or digest; and what else the registry says is as good. */
static bool is_pinned(const struct claim *c)
{
    if (c->basis == BASIS_FETCHED) /* what a tag names today is no pin */
        return c->reference && c->reference->pinned;
    bool hex = c->revision.len == 40 || c->revision.len == 64;
    for (size_t i = 0; hex && i < c->revision.len; i++)
        hex = (c->revision.ptr[i] >= '0' && c->revision.ptr[i] <= '9') ||
              (c->revision.ptr[i] >= 'a' && c->revision.ptr[i] <= 'f');
    return hex || (c->reference && c->reference->pinned &&
                   span_is(c->revision, c->reference->revision));
}

static struct origin make_origin(struct model *m, const struct claim *c,
                                 environment_lookup *env)
{
    const struct registry *r = c->registry;
    return (struct origin){
        .registry = r ? r->id : NULL,
        .title = r ? r->name : NULL,
        .advice = r ? r->advice : NULL,
        .trust = level_of(c, env),
        .basis = c->basis,
        .name = arena_copy(m->arena, c->name),
        .revision = arena_copy(m->arena, c->revision),
        .evidence = arena_copy(m->arena, c->evidence),
        .pinned = is_pinned(c),
    };
}

/* ---- agreement ------------------------------------------------------------------ */

/* Do two references name a part that they share differently?  "models:/fraud/3" and
 * "runs:/2f1d…/model" share none and may well be one model. */
static bool parts_differ(const struct reference *a, const struct reference *b)
{
    for (size_t i = 0; i < a->variable_count; i++) {
        const char *other = reference_variable(b, a->variables[i].key);
        if (other && strcmp(a->variables[i].value, other) != 0)
            return true;
    }
    return false;
}

static bool names_differ(const struct claim *a, const struct claim *b)
{
    if (a->name.len == 0 || b->name.len == 0 || equal(a->name, b->name))
        return false;
    return !a->reference || !b->reference || parts_differ(a->reference, b->reference);
}

static bool contradict(const struct claim *a, const struct claim *b)
{
    if (a->registry != b->registry || names_differ(a, b))
        return true;
    return equal(a->name, b->name) && a->revision.len && b->revision.len &&
           !equal(a->revision, b->revision);
}

/* What agrees may know more; but what is only declared completes nothing that is stated.
 */
static void complete(struct claim *known, const struct claim *more)
{
    if (known->basis != more->basis)
        return;
    if (!known->reference && more->reference) {
        known->reference = more->reference;
        known->name = more->name;
    }
    if (known->name.len == 0)
        known->name = more->name;
    if (known->revision.len == 0 &&
        (more->name.len == 0 || equal(known->name, more->name)))
        known->revision = more->revision;
}

/* ---- all claims ------------------------------------------------------------------- */

static void report_conflict(struct model *m, const struct origin *counts,
                            const struct origin *other)
{
    struct span message =
        arena_printf(m->arena, "%s says %.*s (%s), but %.*s says %.*s (%s)",
                     basis_name(counts->basis), (int)counts->name.len, counts->name.ptr,
                     counts->title ? counts->title : "no known registry",
                     (int)other->evidence.len, other->evidence.ptr, (int)other->name.len,
                     other->name.ptr, other->title ? other->title : "no known registry");
    report(m, RULE_TRUST_CONFLICT, message, other->evidence);
}

/* Does it say nothing that `known` does not? */
static bool says_the_same(const struct claim *known, const struct claim *c)
{
    return !contradict(known, c) && (c->name.len == 0 || equal(known->name, c->name));
}

static void add_further(struct model *m, const struct claim *c, bool agrees,
                        environment_lookup *env)
{
    struct origin *other = arena_alloc(m->arena, sizeof *other);
    struct origin **last = &m->origin.next;
    if (!other)
        return;
    *other = make_origin(m, c, env);
    other->agrees = agrees;
    while (*last)
        last = &(*last)->next;
    *last = other;
    if (!agrees)
        report_conflict(m, &m->origin, other);
}

void origin_attribute(struct model *m, const struct claim *claims, size_t count,
                      environment_lookup *env)
{
    struct claim further[CLAIMS_SHOWN];
    size_t shown = 0;
    if (count == 0)
        return;
    struct claim first = claims[0];
    for (size_t i = 1; i < count; i++)
        if (!contradict(&first, &claims[i]))
            complete(&first, &claims[i]);
    for (size_t i = 1; i < count && shown < CLAIMS_SHOWN; i++) {
        bool known = says_the_same(&first, &claims[i]);
        for (size_t k = 0; k < shown && !known; k++)
            known = says_the_same(&further[k], &claims[i]);
        if (!known)
            further[shown++] = claims[i];
    }
    m->origin = make_origin(m, &first, env);
    for (size_t i = 0; i < shown; i++)
        add_further(m, &further[i], !contradict(&first, &further[i]), env);
}

/* ---- the level -------------------------------------------------------------------- */

static enum trust settled(const struct model *m, bool accept_declared)
{
    const struct origin *first = &m->origin;
    if (first->basis == BASIS_NONE ||
        (first->basis == BASIS_DECLARED && !accept_declared))
        return TRUST_UNKNOWN;
    /* What the operator states stands above the target's own words; where two of one
     * kind contradict each other, nobody knows. */
    enum trust level = first->trust;
    for (const struct origin *o = first->next; o; o = o->next)
        if (o->basis == first->basis && (!o->agrees || o->trust != level))
            level = TRUST_UNKNOWN;
    return level;
}

void origin_settle(struct model *m, bool accept_declared)
{
    m->trust = settled(m, accept_declared);
    /* A low level is believed whoever names it: a claim may lower trust. */
    for (const struct origin *o = &m->origin; o; o = o->next) {
        if (o->trust != TRUST_LOW || o->basis == BASIS_NONE)
            continue;
        struct span message = arena_printf(
            m->arena, "what it takes from %s is of low trust: %s", o->title, o->advice);
        report(m, RULE_TRUST_LOW, message, o->name);
        if (m->trust != TRUST_UNKNOWN)
            m->trust = TRUST_LOW;
        break;
    }
}
