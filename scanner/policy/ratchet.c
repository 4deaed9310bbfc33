/* policy_ratchet(): what there is today is let through, by its sha256 and for a while;
 * whatever comes later is held to the gate. */
#include "policy/date.h"
#include "policy/judge.h"
#include "policy/keys.h"

#include <stdlib.h>
#include <string.h>

enum {
    OVERRIDES_MADE_MAX = 200,
    DIGESTS_MAX = LIST_MAX,
    SUPPRESSIONS_MADE_MAX = 5000,
    GLOB_PATH_MAX = 200
};

struct ratchet {
    const struct policy *policy;
    json_t *overrides, *suppressions;
    char expires[DATE_TEXT];
    unsigned trust; /* levels met */
};

/* The path as a pattern for itself.  What JSON or a pattern cannot hold becomes '?', a
 * path that is too long becomes "**": the sha256 beside it says what is meant. */
static json_t *path_pattern(struct span path)
{
    struct buffer b;
    buffer_init(&b, 4 * GLOB_PATH_MAX);
    for (size_t i = 0; i < path.len; i++) {
        char c = (char)path.ptr[i];
        if (path.ptr[i] < 0x20 || path.ptr[i] >= 0x7f)
            buffer_add_text(&b, "?");
        else
            buffer_printf(&b, "%s%c", strchr("*?[\\", c) ? "\\" : "", c);
    }
    json_t *text = b.len == 0 || b.len > GLOB_PATH_MAX || b.truncated || b.text[0] == '/'
                       ? json_string("**")
                       : json_stringn(b.text, b.len);
    buffer_free(&b);
    return text;
}

static json_t *hex_json(struct span hex)
{
    return json_stringn((const char *)hex.ptr, hex.len);
}

/* ---- findings ---------------------------------------------------------------------- */

static void suppress_finding(struct ratchet *k, const struct finding *f,
                             const struct file *file, struct span identity)
{
    json_t *s = json_object();
    json_object_set_new(s, "rule", json_string(f->rule->id));
    json_object_set_new(s, "path", path_pattern(file ? file->artifact->name : identity));
    if (file && file->sha256.len)
        json_object_set_new(s, "sha256", hex_json(file->sha256));
    json_object_set_new(s, "reason",
                        json_string("there when this policy was made; to be reviewed"));
    json_object_set_new(s, "expires", json_string(k->expires));
    bool known = false;
    for (size_t i = 0; i < json_array_size(k->suppressions) && !known; i++)
        known = json_equal(json_array_get(k->suppressions, i), s);
    if (known)
        json_decref(s);
    else
        json_array_append_new(k->suppressions, s);
}

static bool counts(const struct demands *d, const struct finding *f)
{
    return (int)f->rule->severity >= d->fail_on && !f->suppressed.len;
}

/* False when a list only counted some: those cannot be named. */
static bool suppress_list_of(struct ratchet *k, const struct demands *d,
                             const struct finding_list *list, const struct file *file,
                             struct span identity)
{
    for (const struct finding *f = list->first; f; f = f->next)
        if (counts(d, f))
            suppress_finding(k, f, file, identity);
    return list->dropped == 0 || (int)list->worst < d->fail_on;
}

/* ---- files ------------------------------------------------------------------------- */

static bool any_of(const struct artifact *root, const char *name)
{
    for (const struct artifact *a = root; a; a = artifact_walk(root, a))
        if (format_is(a, name))
            return true;
    return false;
}

/* What must be demanded of this file in place of what is, or an empty object. */
static json_t *relaxed(const struct demands *d, const struct file *f, bool nameable)
{
    json_t *demand = json_object(), *left = json_array();
    bool denied = false;
    for (texts name = d->formats_deny; name && *name; name++)
        if (any_of(f->artifact, *name))
            denied = true;
        else
            json_array_append_new(left, json_string(*name));
    if (denied) {
        json_t *formats = json_object();
        json_object_set_new(formats, "deny", left);
        json_object_set_new(demand, "formats", formats);
    } else {
        json_decref(left);
    }
    if (file_is_incomplete(f) && d->on_incomplete != INCOMPLETE_ACCEPTED)
        json_object_set_new(demand, "on_incomplete", json_string("accept"));
    if (!nameable)
        json_object_set_new(demand, "fail_on", json_string("never"));
    return demand;
}

/* The override of the same demand that has room for one more, or a new one. */
static json_t *override_for(struct ratchet *k, json_t *demand, const char *by)
{
    for (size_t i = 0; i < json_array_size(k->overrides); i++) {
        json_t *o = json_array_get(k->overrides, i);
        json_t *list = json_object_get(json_object_get(o, "match"), by);
        if (list && json_array_size(list) < DIGESTS_MAX &&
            json_equal(json_object_get(o, "demand"), demand))
            return list;
    }
    json_t *o = json_object(), *match = json_object(), *list = json_array();
    json_object_set_new(match, by, list);
    json_object_set_new(o, "match", match);
    json_object_set(o, "demand", demand);
    json_object_set_new(o, "reason",
                        json_string("there when this policy was made; to be reviewed"));
    json_object_set_new(o, "expires", json_string(k->expires));
    json_array_append_new(k->overrides, o);
    return list;
}

static void let_through(struct ratchet *k, const struct model *m, const struct file *f)
{
    const struct scope *s = &k->policy->scopes[scope_of(k->policy, m, f)];
    bool nameable = true;
    for (const struct artifact *a = f->artifact; a; a = artifact_walk(f->artifact, a))
        nameable &= suppress_list_of(k, &s->demands, &a->findings, f, m->identity);
    json_t *demand = relaxed(&s->demands, f, nameable);
    if (json_object_size(demand) > 0) {
        bool hashed = f->sha256.len > 0;
        json_t *list = override_for(k, demand, hashed ? "sha256" : "path");
        json_array_append_new(list, hashed ? hex_json(f->sha256)
                                           : path_pattern(f->artifact->name));
    }
    json_decref(demand);
}

/* ---- the whole --------------------------------------------------------------------- */

/* What the base already allows, and the levels that were met. */
static json_t *trust_json(const struct ratchet *k)
{
    json_t *trust = json_object(), *levels = json_array();
    unsigned set = k->policy->scopes[0].demands.trust_allow | k->trust;
    for (int t = 0; t < TRUST_COUNT; t++)
        if (set >> t & 1)
            json_array_append_new(levels, json_string(trust_name((enum trust)t)));
    json_object_set_new(trust, "allow", levels);
    return trust;
}

static json_t *ratchet_json(const struct ratchet *k)
{
    const struct demands *d = &k->policy->scopes[0].demands;
    json_t *root = json_object();
    json_object_set_new(root, "schema", json_string("assay-policy/1"));
    json_object_set_new(root, "name", json_string("ratchet"));
    json_object_set_new(root, "summary",
                        json_string("lets through what was there, and nothing worse"));
    json_object_set_new(root, "extends", json_string(k->policy->name));
    if (d->trust_asked && (k->trust & ~d->trust_allow))
        json_object_set_new(root, "trust", trust_json(k));
    if (json_array_size(k->overrides))
        json_object_set(root, "overrides", k->overrides);
    if (json_array_size(k->suppressions))
        json_object_set(root, "suppressions", k->suppressions);
    return root;
}

bool policy_ratchet(const struct policy *p, const struct result *r, struct buffer *out,
                    struct error *error)
{
    struct ratchet k = { .policy = p,
                         .overrides = json_array(),
                         .suppressions = json_array() };
    date_text(p->today + RATCHET_DAYS, k.expires);
    for (const struct model *m = r->models; m; m = m->next) {
        if (m->verdict != VERDICT_EMPTY)
            k.trust |= 1U << m->trust;
        (void)suppress_list_of(&k, &p->scopes[0].demands, &m->findings, NULL,
                               m->identity);
        for (const struct file *f = m->files; f; f = f->next)
            let_through(&k, m, f);
    }
    bool fits = json_array_size(k.overrides) <= OVERRIDES_MADE_MAX &&
                json_array_size(k.suppressions) <= SUPPRESSIONS_MADE_MAX;
    json_t *root = ratchet_json(&k);
    char *text = fits ? json_dumps(root, JSON_INDENT(4)) : NULL;
    if (text)
        buffer_printf(out, "%s\n", text);
    free(text);
    json_decref(root);
    json_decref(k.overrides);
    json_decref(k.suppressions);
    if (!fits)
        return error_set(error, ERROR_CONFIG,
                         "too much to let through: a policy would need more than %d "
                         "overrides or %d suppressions; `assay baseline create` records "
                         "any number of findings",
                         OVERRIDES_MADE_MAX, SUPPRESSIONS_MADE_MAX);
    return !out->truncated || error_set(error, ERROR_MEMORY, "out of memory");
}
