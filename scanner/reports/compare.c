#include "reports/compare.h"

#include <stdlib.h>
#include <string.h>

/* -- files ------------------------------------------------------------------------ */

bool file_pair_next(const struct model_change *m, struct file_pair *p)
{
    if (!p->begun) {
        p->begun = true;
        p->next_before = m->before ? m->before->files : NULL;
        p->next_after = m->after ? m->after->files : NULL;
    }
    const struct file *before = p->next_before, *after = p->next_after;
    int order = !before  ? 1
                : !after ? -1
                         : span_compare(before->artifact->name, after->artifact->name);
    p->before = order <= 0 ? before : NULL;
    p->after = order >= 0 ? after : NULL;
    if (p->before)
        p->next_before = before->next;
    if (p->after)
        p->next_after = after->next;
    return p->before || p->after;
}

bool file_pair_differs(const struct file_pair *p)
{
    return !p->before || !p->after || !span_equal(p->before->sha256, p->after->sha256) ||
           p->before->artifact->size != p->after->artifact->size ||
           artifact_worst(p->before->artifact) != artifact_worst(p->after->artifact);
}

/* -- findings --------------------------------------------------------------------- */

struct named {
    const struct spot_id *id;
    size_t index;
};

static int compare_ids(const struct spot_id *a, const struct spot_id *b)
{
    int order = strcmp(a->fingerprint, b->fingerprint);
    return order ? order : (a->repeat > b->repeat) - (a->repeat < b->repeat);
}

static int compare_named(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    return compare_ids(a->id, b->id);
}

static struct named *sorted(const struct spot_id *ids, size_t count)
{
    struct named *list = calloc(count + 1, sizeof *list);
    for (size_t i = 0; list && i < count; i++)
        list[i] = (struct named){ &ids[i], i };
    if (list)
        qsort(list, count, sizeof *list, compare_named);
    return list;
}

static void match(struct model_change *m, const struct named *was, const struct named *is)
{
    for (size_t i = 0, k = 0; i < m->was.count || k < m->is.count;) {
        int order = i == m->was.count  ? 1
                    : k == m->is.count ? -1
                                       : compare_ids(was[i].id, is[k].id);
        if (order == 0) {
            m->same_count++;
        } else if (order < 0) {
            m->fixed[was[i].index] = true;
            m->fixed_count++;
        } else {
            m->fresh[is[k].index] = true;
            m->fresh_count++;
        }
        i += order <= 0;
        k += order >= 0;
    }
}

static bool compare_findings(struct model_change *m)
{
    if ((m->before && !spots_of_model(m->before, SEVERITY_INFO, &m->was)) ||
        (m->after && !spots_of_model(m->after, SEVERITY_INFO, &m->is)))
        return false;
    struct spot_id *was_ids = spots_identify(&m->was), *is_ids = spots_identify(&m->is);
    struct named *was = was_ids ? sorted(was_ids, m->was.count) : NULL;
    struct named *is = is_ids ? sorted(is_ids, m->is.count) : NULL;
    m->fixed = calloc(m->was.count + 1, sizeof *m->fixed);
    m->fresh = calloc(m->is.count + 1, sizeof *m->fresh);
    bool ok = was && is && m->fixed && m->fresh;
    if (ok)
        match(m, was, is);
    free(was);
    free(is);
    free(was_ids);
    free(is_ids);
    return ok;
}

/* -- signatures ------------------------------------------------------------------- */

const struct signature *comparison_signature(const struct model *m)
{
    static const enum signature_state telling[] = { SIGNATURE_VERIFIED,
                                                    SIGNATURE_INVALID };
    for (size_t i = 0; m && i < sizeof telling / sizeof telling[0]; i++)
        for (const struct signature *s = m->signatures; s; s = s->next)
            if (s->state == telling[i])
                return s;
    return m ? m->signatures : NULL;
}

bool comparison_signature_differs(const struct model_change *m)
{
    const struct signature *was = comparison_signature(m->before);
    const struct signature *is = comparison_signature(m->after);
    if (!was || !is)
        return was != is;
    return was->state != is->state || !span_equal(was->identity, is->identity);
}

/* -- models ----------------------------------------------------------------------- */

static bool compare_model(struct model_change *m)
{
    if (!compare_findings(m))
        return false;
    for (struct file_pair p = { 0 }; file_pair_next(m, &p);) {
        m->files_added += !p.before;
        m->files_gone += !p.after;
        m->files_changed += p.before && p.after && file_pair_differs(&p);
    }
    m->differs = !m->before || !m->after || m->fixed_count + m->fresh_count > 0 ||
                 m->files_added + m->files_gone + m->files_changed > 0 ||
                 m->before->verdict != m->after->verdict ||
                 m->before->trust != m->after->trust || comparison_signature_differs(m);
    return true;
}

static int compare_identities(const void *left, const void *right)
{
    const struct model *const *a = left, *const *b = right;
    return span_compare((*a)->identity, (*b)->identity);
}

/* A report's models by identity; those of one name stay in their order. */
static const struct model **models_of(const struct result *r, size_t *ret_count)
{
    size_t count = 0;
    for (const struct model *m = r->models; m; m = m->next)
        count++;
    const struct model **list = calloc(count + 1, sizeof *list);
    if (!list)
        return NULL;
    count = 0;
    for (const struct model *m = r->models; m; m = m->next)
        list[count++] = m;
    qsort(list, count, sizeof *list, compare_identities);
    *ret_count = count;
    return list;
}

static void count_model(struct comparison *c, const struct model_change *m)
{
    c->added += !m->before;
    c->gone += !m->after;
    c->changed += m->before && m->after && m->differs;
    c->fixed += m->fixed_count;
    c->fresh += m->fresh_count;
    c->same += m->same_count;
    c->differs |= m->differs;
}

static bool pair_models(struct comparison *c, const struct model *const *was,
                        size_t was_count, const struct model *const *is, size_t is_count)
{
    for (size_t i = 0, k = 0; i < was_count || k < is_count;) {
        int order = i == was_count  ? 1
                    : k == is_count ? -1
                                    : span_compare(was[i]->identity, is[k]->identity);
        struct model_change *m = &c->models[c->count++];
        m->before = order <= 0 ? was[i++] : NULL;
        m->after = order >= 0 ? is[k++] : NULL;
        if (!compare_model(m))
            return false;
        count_model(c, m);
    }
    return true;
}

bool compare(const struct result *before, const struct result *after,
             struct comparison *ret)
{
    struct comparison c = { .before = before, .after = after };
    size_t was_count = 0, is_count = 0;
    const struct model **was = models_of(before, &was_count);
    const struct model **is = models_of(after, &is_count);
    c.models = calloc(was_count + is_count + 1, sizeof *c.models);
    bool ok = was && is && c.models && pair_models(&c, was, was_count, is, is_count);
    c.differs |= before->verdict != after->verdict;
    free(was);
    free(is);
    if (ok)
        *ret = c;
    else
        comparison_free(&c);
    return ok;
}

void comparison_free(struct comparison *c)
{
    for (size_t i = 0; i < c->count; i++) {
        spots_free(&c->models[i].was);
        spots_free(&c->models[i].is);
        free(c->models[i].fixed);
        free(c->models[i].fresh);
    }
    free(c->models);
    *c = (struct comparison){ 0 };
}
