#include "trust/origin.h"

static void report(struct model *m, enum rule_id rule, struct span message,
                   struct span evidence)
{
    finding_add(&m->findings, m->arena, &rules[rule], 0, message, evidence);
}

static bool same_origin(const struct origin *o, const char *registry, struct span name,
                        struct span revision)
{
    bool same_registry = o->registry == registry ||
                         (o->registry && registry && strcmp(o->registry, registry) == 0);
    bool same_revision = o->revision.len == 0 || revision.len == 0 ||
                         span_equal(o->revision, revision);
    return same_registry && same_revision && span_equal(o->name, name);
}

static struct origin make_origin(struct model *m, const struct registry *r,
                                 enum basis basis, struct span name, struct span revision,
                                 struct span evidence)
{
    return (struct origin){
        .registry = r ? r->id : NULL,
        .title = r ? r->name : NULL,
        .advice = r ? r->advice : NULL,
        .trust = r ? r->trust : TRUST_UNKNOWN,
        .basis = basis,
        .name = arena_copy(m->arena, name),
        .revision = arena_copy(m->arena, revision),
        .evidence = arena_copy(m->arena, evidence),
    };
}

static void report_conflict(struct model *m, const struct origin *counts,
                            const struct origin *other)
{
    struct span message = arena_printf(
        m->arena, "%s says %.*s (%s), but %.*s says %.*s (%s)", basis_name(counts->basis),
        (int)counts->name.len, counts->name.ptr, counts->title ? counts->title : "?",
        (int)other->evidence.len, other->evidence.ptr, (int)other->name.len,
        other->name.ptr, other->title ? other->title : "?");
    report(m, RULE_TRUST_CONFLICT, message, other->evidence);
}

void origin_declare(struct model *m, const struct registry *r, struct span name,
                    struct span revision, struct span evidence)
{
    if (m->origin.basis == BASIS_NONE) {
        m->origin = make_origin(m, r, BASIS_DECLARED, name, revision, evidence);
        return;
    }
    for (const struct origin *o = &m->origin; o; o = o->next)
        if (same_origin(o, r ? r->id : NULL, name, revision))
            return;
    struct origin *other = arena_alloc(m->arena, sizeof *other);
    if (!other)
        return;
    *other = make_origin(m, r, BASIS_DECLARED, name, revision, evidence);
    other->next = m->origin.next;
    m->origin.next = other;
    report_conflict(m, &m->origin, other);
}

void origin_state(struct model *m, const struct reference *ref, environment_lookup *env,
                  struct span text)
{
    struct origin *declared = NULL;
    struct span name = span_of_text(ref->name), revision = span_of_text(ref->revision);
    if (m->origin.basis != BASIS_NONE &&
        !same_origin(&m->origin, ref->registry->id, name, revision)) {
        declared = arena_alloc(m->arena, sizeof *declared);
        if (declared)
            *declared = m->origin;
    }
    m->origin = make_origin(m, ref->registry, BASIS_STATED, name, revision, text);
    m->origin.trust = reference_trust(ref, env, NULL); /* this reference's own level */
    m->origin.next = declared;
    if (declared)
        report_conflict(m, &m->origin, declared);
}

/* Of all claims that count, the lowest level; unknown when one of them is unknown. */
static enum trust counted(const struct origin *o, const struct registries *registries,
                          environment_lookup *env, bool accept_declared)
{
    const struct registry *r = o->registry ? registries_find(registries, o->registry) : NULL;
    if (!r || o->basis == BASIS_NONE || (o->basis == BASIS_DECLARED && !accept_declared))
        return TRUST_UNKNOWN;
    return o->basis == BASIS_DECLARED ? registry_trust(r, env) : o->trust;
}

void origin_settle(struct model *m, const struct registries *registries,
                   environment_lookup *env, bool accept_declared)
{
    m->trust = counted(&m->origin, registries, env, accept_declared);
    for (const struct origin *o = m->origin.next; o; o = o->next) {
        if (m->origin.basis != BASIS_DECLARED)
            break; /* what the operator states stands above the target's own words */
        if (counted(o, registries, env, accept_declared) != m->trust)
            m->trust = TRUST_UNKNOWN;
    }
    /* A low level is believed whoever names it: a claim may lower trust. */
    for (const struct origin *o = &m->origin; o; o = o->next) {
        if (o->trust != TRUST_LOW || o->basis == BASIS_NONE)
            continue;
        struct span message =
            arena_printf(m->arena, "what it takes from %s is of low trust: %s", o->title, o->advice);
        report(m, RULE_TRUST_LOW, message, o->name);
        if (m->trust != TRUST_UNKNOWN)
            m->trust = TRUST_LOW;
        break;
    }
}
