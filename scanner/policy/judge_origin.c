/* Clauses about where a model comes from, and what its registry says of it. */
#include "policy/date.h"
#include "policy/glob.h"
#include "policy/judge.h"

#include <inttypes.h>
#include <string.h>

bool origin_counts(const struct policy *p, const struct model *m)
{
    return m->origin.basis > BASIS_DECLARED ||
           (m->origin.basis == BASIS_DECLARED && policy_accepts_declared(p));
}

void origin_source(const struct origin *o, struct buffer *out)
{
    if (o->basis == BASIS_NONE || !o->registry)
        return;
    buffer_printf(out, "%s:", o->registry);
    buffer_add(out, o->name);
}

static const char *first_match(texts patterns, struct span text, bool fold)
{
    for (; patterns && *patterns; patterns++)
        if (glob_matches(*patterns, text, fold))
            return *patterns;
    return NULL;
}

/* ---- trust ------------------------------------------------------------------------ */

bool trust_violates(const struct view *v, struct buffer *ret_reason)
{
    const struct model *m = v->model;
    unsigned allowed = v->demands->trust_allow;
    if (!v->demands->trust_asked || (allowed >> m->trust & 1))
        return false;
    buffer_printf(ret_reason, "trust is %s (", trust_name(m->trust));
    say_origin(ret_reason, m);
    buffer_printf(ret_reason, "), and the %s allows ", noun_of(v->policy));
    say_levels(ret_reason, allowed);
    say_where(ret_reason, v->scope, POLICY_TRUST_ALLOW);
    if (m->trust == TRUST_UNKNOWN && m->origin.basis == BASIS_DECLARED &&
        (allowed >> m->origin.trust & 1))
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

/* ---- sources and registries ------------------------------------------------------- */

static bool listed(texts list, const char *id)
{
    for (; id && list && *list; list++)
        if (strcmp(*list, id) == 0)
            return true;
    return false;
}

static bool source_denied(const struct view *v, struct buffer *ret_reason)
{
    const struct demands *d = v->demands;
    for (const struct origin *o = &v->model->origin; o; o = o->next) {
        struct buffer source;
        buffer_init(&source, SENTENCE_MAX);
        origin_source(o, &source);
        const char *by = source.len && d->sources_deny
                             ? first_match(d->sources_deny, buffer_span(&source), false)
                             : NULL;
        bool registry = listed(d->registries_deny, o->registry);
        if (by || registry) {
            buffer_add_text(ret_reason, "it comes from ");
            say_quote(ret_reason, buffer_span(&source));
            buffer_printf(ret_reason, " (%s), and the %s denies %s", basis_name(o->basis),
                          noun_of(v->policy), by ? by : o->registry);
            say_where(ret_reason, v->scope,
                      by ? POLICY_SOURCES_DENY : POLICY_REGISTRIES_DENY);
            buffer_add_text(ret_reason, ". Take the model from another source.");
        }
        buffer_free(&source);
        if (by || registry)
            return true;
    }
    return false;
}

/* What the operator or a registry says stands above further claims of the target. */
static bool source_not_allowed(const struct view *v, texts allowed, enum policy_key key,
                               struct buffer *ret_reason)
{
    struct buffer source;
    bool registries = key == POLICY_REGISTRIES_ALLOW;
    const struct origin *o = &v->model->origin;
    if (!allowed)
        return false;
    buffer_init(&source, SENTENCE_MAX);
    origin_source(o, &source);
    bool ok = origin_counts(v->policy, v->model) &&
              (registries ? listed(allowed, o->registry)
                          : first_match(allowed, buffer_span(&source), false) != NULL);
    if (!ok) {
        buffer_add_text(ret_reason, "its source is not one that is allowed (");
        say_origin(ret_reason, v->model);
        buffer_printf(ret_reason, "): the %s wants ", noun_of(v->policy));
        say_texts(ret_reason, allowed);
        say_where(ret_reason, v->scope, key);
        buffer_add_text(ret_reason,
                        o->basis == BASIS_DECLARED && !policy_accepts_declared(v->policy)
                            ? ". The target only declares its origin: confirm "
                              "it and state it with --origin."
                            : ". Take the model from there.");
    }
    buffer_free(&source);
    return !ok;
}

bool source_violates(const struct view *v, struct buffer *ret_reason)
{
    const struct demands *d = v->demands;
    return source_denied(v, ret_reason) ||
           source_not_allowed(v, d->registries_allow, POLICY_REGISTRIES_ALLOW,
                              ret_reason) ||
           source_not_allowed(v, d->sources_allow, POLICY_SOURCES_ALLOW, ret_reason);
}

/* ---- authors and organizations ----------------------------------------------------- */

/* One value against both lists.  `what` is "author"; an empty value is unknown. */
struct person {
    const char *what;
    struct span value;
    texts allowed, denied;
    enum policy_key allow_key, deny_key;
};

static bool person_violates(const struct view *v, const struct person *p,
                            struct buffer *ret_reason)
{
    const char *by =
        p->value.len && p->denied ? first_match(p->denied, p->value, true) : NULL;
    if (by) {
        buffer_printf(ret_reason, "its %s is ", p->what);
        say_quote(ret_reason, p->value);
        buffer_printf(ret_reason, ", and the %s denies %s", noun_of(v->policy), by);
        say_where(ret_reason, v->scope, p->deny_key);
        buffer_add_text(ret_reason, ". Take a model of somebody else.");
        return true;
    }
    if (!p->allowed || (p->value.len && first_match(p->allowed, p->value, true)))
        return false;
    buffer_printf(ret_reason, "its %s is ", p->what);
    say_quote(ret_reason, p->value.len ? p->value : span_of_text("unknown"));
    buffer_printf(ret_reason, ", and the %s allows ", noun_of(v->policy));
    say_texts(ret_reason, p->allowed);
    say_where(ret_reason, v->scope, p->allow_key);
    buffer_add_text(ret_reason, p->value.len
                                    ? ". Take a model of an author that is allowed."
                                    : ". Only a registry that is asked can tell it: name "
                                      "the model by its reference.");
    return true;
}

/* "acme" of "acme/bert"; of what is only declared, only for what is denied. */
static struct span organization(const struct model *m)
{
    struct span name = m->origin.name;
    size_t slash = span_find_last(name, "/", SIZE_MAX);
    return slash == SIZE_MAX ? (struct span){ 0 } : span_slice(name, 0, slash);
}

bool people_violate(const struct view *v, struct buffer *ret_reason)
{
    const struct demands *d = v->demands;
    struct person who = { .what = "author",
                          .allowed = d->authors_allow,
                          .denied = d->authors_deny,
                          .allow_key = POLICY_AUTHORS_ALLOW,
                          .deny_key = POLICY_AUTHORS_DENY };
    const struct metadata *author = metadata_find(v->model->metadata, "author");
    if (!author && person_violates(v, &who, ret_reason))
        return true;
    for (; author; author = metadata_find(author->next, "author")) {
        who.value = author->value;
        if (person_violates(v, &who, ret_reason))
            return true;
    }
    struct person group = { .what = "organization",
                            .value = organization(v->model),
                            .denied = d->organizations_deny,
                            .allow_key = POLICY_ORGANIZATIONS_ALLOW,
                            .deny_key = POLICY_ORGANIZATIONS_DENY };
    if (person_violates(v, &group, ret_reason))
        return true;
    if (!origin_counts(v->policy, v->model))
        group.value = (struct span){ 0 };
    group.allowed = d->organizations_allow;
    return person_violates(v, &group, ret_reason);
}

/* ---- revision, license, age, checks ------------------------------------------------ */

bool revision_violates(const struct view *v, struct buffer *ret_reason)
{
    const struct origin *o = &v->model->origin;
    if (!v->demands->revision_pinned ||
        (origin_counts(v->policy, v->model) && o->pinned && o->revision.len))
        return false;
    if (o->basis == BASIS_NONE) {
        buffer_add_text(ret_reason, "nothing says which revision it is");
    } else if (!origin_counts(v->policy, v->model)) {
        buffer_add_text(ret_reason, "its revision is only declared by the target");
    } else {
        buffer_add_text(ret_reason, "its revision is ");
        say_quote(ret_reason, o->revision.len ? o->revision : span_of_text("not named"));
    }
    buffer_printf(ret_reason, ", and the %s wants one that is pinned",
                  noun_of(v->policy));
    say_where(ret_reason, v->scope, POLICY_REVISION_PINNED);
    buffer_add_text(ret_reason, ". Name the commit, as in hf:org/model@COMMIT; tags and "
                                "branches may mean something else tomorrow.");
    return true;
}

bool license_violates(const struct view *v, struct buffer *ret_reason)
{
    const struct demands *d = v->demands;
    const struct metadata *l = metadata_find(v->model->metadata, "license");
    bool unknown = !l;
    if (!d->licenses_allow && !d->licenses_deny)
        return false;
    for (; l; l = metadata_find(l->next, "license")) {
        const char *by =
            d->licenses_deny ? first_match(d->licenses_deny, l->value, true) : NULL;
        bool missing =
            d->licenses_allow && !first_match(d->licenses_allow, l->value, true);
        if (l->value.len == 0) {
            unknown = true;
            continue;
        }
        if (!by && !missing)
            continue;
        buffer_add_text(ret_reason, "its license is ");
        say_quote(ret_reason, l->value);
        buffer_printf(ret_reason, ", and the %s %s ", noun_of(v->policy),
                      by ? "denies" : "allows");
        if (by)
            buffer_add_text(ret_reason, by);
        else
            say_texts(ret_reason, d->licenses_allow);
        say_where(ret_reason, v->scope,
                  by ? POLICY_LICENSES_DENY : POLICY_LICENSES_ALLOW);
        buffer_add_text(ret_reason, ". Ask whoever decides on licenses.");
        return true;
    }
    if (!unknown || d->licenses_unknown)
        return false;
    buffer_printf(ret_reason, "its license is unknown, and the %s asks for one",
                  noun_of(v->policy));
    say_where(ret_reason, v->scope,
              d->licenses_allow ? POLICY_LICENSES_ALLOW : POLICY_LICENSES_DENY);
    buffer_add_text(ret_reason, ". Only a registry that is asked can tell it: name the "
                                "model by its reference, or set licenses.unknown.");
    return true;
}

/* Since when this version is public: the day of its last update, else of its making. */
static bool public_since(const struct model *m, int64_t *ret_day)
{
    static const char *const keys[] = { "updated", "created" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct metadata *row = metadata_find(m->metadata, keys[i]);
        if (row)
            return date_of_time(row->value, ret_day);
    }
    return false;
}

bool age_violates(const struct view *v, struct buffer *ret_reason)
{
    const struct demands *d = v->demands;
    char day[DATE_TEXT];
    int64_t since;
    if (d->age_min == DAYS_NOT_ASKED && d->age_max == DAYS_NOT_ASKED)
        return false;
    if (!public_since(v->model, &since)) {
        buffer_printf(ret_reason, "its age is unknown, and the %s asks for it",
                      noun_of(v->policy));
        say_where(ret_reason, v->scope,
                  d->age_min != DAYS_NOT_ASKED ? POLICY_AGE_MIN : POLICY_AGE_MAX);
        buffer_add_text(ret_reason, ". Only a registry that is asked can tell it: name "
                                    "the model by its reference.");
        return true;
    }
    int64_t age = v->policy->today - since;
    bool young = d->age_min != DAYS_NOT_ASKED && age < d->age_min;
    bool old = d->age_max != DAYS_NOT_ASKED && age > d->age_max;
    if (!young && !old)
        return false;
    date_text(since, day);
    buffer_printf(ret_reason,
                  "it is from %s, %" PRId64 " days ago, and the %s wants at %s %" PRId64,
                  day, age, noun_of(v->policy), young ? "least" : "most",
                  young ? d->age_min : d->age_max);
    say_where(ret_reason, v->scope, young ? POLICY_AGE_MIN : POLICY_AGE_MAX);
    buffer_add_text(ret_reason, young ? ". Wait: what is wrong with a version is often "
                                        "found in its first days."
                                      : ". Look for a version that is maintained.");
    return true;
}

bool checks_violate(const struct view *v, struct buffer *ret_reason)
{
    for (texts id = v->demands->checks_require; id && *id; id++) {
        const struct provenance_check *c = v->model->checks;
        while (c && strcmp(c->id, *id) != 0)
            c = c->next;
        if (c && c->result == CHECK_PASS)
            continue;
        buffer_printf(ret_reason, "the check \"%s\" %s", *id,
                      !c                        ? "was not made"
                      : c->result == CHECK_FAIL ? "failed"
                                                : "could not be decided");
        if (c && c->evidence.len) {
            buffer_add_text(ret_reason, " (");
            say_quote(ret_reason, c->evidence);
            buffer_add_text(ret_reason, ")");
        }
        buffer_printf(ret_reason, ", and the %s requires that it passes",
                      noun_of(v->policy));
        say_where(ret_reason, v->scope, POLICY_CHECKS_REQUIRE);
        buffer_add_text(ret_reason,
                        c ? ". Look at the model's page."
                          : ". Only a registry that is asked is checked: name "
                            "the model by its reference.");
        return true;
    }
    return false;
}
