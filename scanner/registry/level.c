/* Trust levels: what the table says, and what may lower it (DESIGN section 5). */
#include "registry/entry.h"
#include "registry/uri.h"

#include <string.h>

static bool any_set(const char *const *names, environment_lookup *env)
{
    for (size_t i = 0; names[i]; i++) {
        const char *value = env(names[i]);
        if (value && *value)
            return true;
    }
    return false;
}

enum trust registry_trust(const struct registry *r, environment_lookup *env)
{
    if (r->trust != TRUST_INTERNAL)
        return r->trust;
    bool configured =
        r->endpoint || any_set(r->endpoint_env, env) || any_set(r->scope_env, env);
    return configured ? TRUST_INTERNAL : TRUST_UNKNOWN;
}

/* Is `url` an endpoint of the operator's own that serves `authority` (NULL: whatever)?
 * One without a host, such as a local store, is the operator's as well. */
static bool endpoint_is_own(const struct entry *e, const char *url, const char *authority)
{
    char configured[URI_AUTHORITY_MAX + 1];
    if (!url || !*url)
        return false;
    if (!uri_authority_of(url, configured))
        return authority == NULL;
    return !host_matches(configured, e->shared) &&
           (authority == NULL || strcmp(configured, authority) == 0);
}

/* Without an authority in the reference, the first variable that is set is in force. */
static bool own_endpoint(const struct entry *e, const char *authority,
                         environment_lookup *env)
{
    for (size_t i = 0; e->registry.endpoint_env[i]; i++) {
        const char *value = env(e->registry.endpoint_env[i]);
        if (value && *value && (!authority || endpoint_is_own(e, value, authority)))
            return endpoint_is_own(e, value, authority);
    }
    return endpoint_is_own(e, e->registry.endpoint, authority);
}

/* On a service that many share: every part of the reference that names an account, a
 * project … must be the operator's.  A reference that names none goes to the
 * operator's own, provided there is one. */
static bool own_scope(const struct entry *e, const struct reference *ref,
                      environment_lookup *env)
{
    json_t *scope = json_object_get(json_object_get(e->root, "endpoint"), "scope"),
           *names;
    const char *variable;
    bool named = false;
    json_object_foreach(scope, variable, names)
    {
        const char *value = reference_variable(ref, variable);
        if (!value)
            continue;
        bool own = false;
        for (size_t i = 0; i < json_array_size(names); i++) {
            const char *mine = env(json_string_value(json_array_get(names, i)));
            own = own || (mine && *mine && strcmp(mine, value) == 0);
        }
        if (!own)
            return false;
        named = true;
    }
    return named ||
           (!reference_variable(ref, "host") && any_set(e->registry.scope_env, env));
}

static bool value_listed(const char *value, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_is_string(json_array_get(list, i)) &&
            strcmp(json_string_value(json_array_get(list, i)), value) == 0)
            return true;
    return false;
}

/* [variable, operator, value]; never holds for a variable the reference lacks.  What a
 * rule asks of answers holds only once there are some (rest.h). */
static bool condition_holds(const json_t *condition, const struct reference *ref)
{
    const char *value =
        reference_variable(ref, json_string_value(json_array_get(condition, 0)));
    const char *op = json_string_value(json_array_get(condition, 1));
    const json_t *with = json_array_get(condition, 2);
    const char *text = json_string_value(with);
    if (!value)
        return false;
    if (strcmp(op, "in") == 0)
        return value_listed(value, with);
    if (strcmp(op, "not_in") == 0)
        return !value_listed(value, with);
    if (strcmp(op, "matches") == 0)
        return expression_matches(text, value);
    if (strcmp(op, "eq") == 0)
        return text && strcmp(value, text) == 0;
    return strcmp(op, "ne") == 0 && text && strcmp(value, text) != 0;
}

/* The lowest level of all rules that hold; a rule that would raise it has no effect. */
static enum trust apply_rules(const struct entry *e, const struct reference *ref,
                              enum trust level, const char **why)
{
    const json_t *list = json_object_get(json_object_get(e->root, "trust"), "rules");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *rule = json_array_get(list, i);
        const json_t *conditions = json_object_get(rule, "if");
        enum trust lower;
        bool holds = true;
        for (size_t k = 0; k < json_array_size(conditions); k++)
            holds = holds && condition_holds(json_array_get(conditions, k), ref);
        if (holds &&
            trust_parse(json_string_value(json_object_get(rule, "level")), &lower) &&
            lower < level) {
            level = lower;
            *why = json_string_value(json_object_get(rule, "why"));
        }
    }
    return level;
}

enum trust reference_trust(const struct reference *ref, environment_lookup *env,
                           const char **ret_why)
{
    const struct entry *e = entry_of(ref->registry);
    const char *why = "the level of this registry in the trust table";
    enum trust level = registry_trust(&e->registry, env);
    const char *host = reference_variable(ref, "host");
    if (e->registry.trust == TRUST_INTERNAL) {
        if (level != TRUST_INTERNAL) {
            why = "internal needs an endpoint that you configured, and there is none";
        } else if (own_endpoint(e, host, env)) {
            why = "it lies at the endpoint that you configured";
        } else if (own_scope(e, ref, env)) {
            why = "it lies in the account or project that you configured";
        } else {
            level = TRUST_UNKNOWN;
            why =
                "it does not lie at the endpoint, account or project that you configured";
        }
    }
    level = apply_rules(e, ref, level, &why);
    if (ret_why)
        *ret_why = why;
    return level;
}
