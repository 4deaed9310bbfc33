#include "reports/spots.h"

#include <stdlib.h>
#include <string.h>

/* -- one after the other ------------------------------------------------------- */

/* The list that follows the one of `s`: the model's own, then each artifact's. */
static const struct finding_list *next_list(struct spot *s)
{
    if (!s->file) {
        s->file = s->model->files;
        s->artifact = s->file ? s->file->artifact : NULL;
    } else {
        s->artifact = artifact_walk(s->file->artifact, s->artifact);
        if (!s->artifact) {
            s->file = s->file->next;
            s->artifact = s->file ? s->file->artifact : NULL;
        }
    }
    return s->artifact ? &s->artifact->findings : NULL;
}

bool spots_next(struct spot *s)
{
    bool begun = s->finding != NULL;
    const struct finding *f = begun ? s->finding->next : s->model->findings.first;
    while (!f) {
        const struct finding_list *list = next_list(s);
        if (!list)
            return false;
        f = list->first;
    }
    s->finding = f;
    s->order += begun;
    return true;
}

/* -- gathered ------------------------------------------------------------------ */

static uint64_t dropped_of(const struct model *m)
{
    uint64_t dropped = m->findings.dropped;
    for (const struct file *f = m->files; f; f = f->next)
        for (const struct artifact *a = f->artifact; a; a = artifact_walk(f->artifact, a))
            dropped += a->findings.dropped;
    return dropped;
}

/* Counts when s->all is NULL, else fills it, which has room for them. */
static void gather(const struct model *m, enum severity least, struct spots *s)
{
    for (struct spot spot = { .model = m }; spots_next(&spot);) {
        if (spot.finding->rule->severity < least) {
            s->hidden++;
            continue;
        }
        if (s->all) {
            s->all[s->count] = spot;
            s->all[s->count].order = s->count;
        }
        s->count++;
    }
    s->dropped += dropped_of(m);
}

static int compare(const void *left, const void *right)
{
    const struct spot *a = left, *b = right;
    const struct rule *one = a->finding->rule, *other = b->finding->rule;
    if (one->severity != other->severity)
        return one->severity > other->severity ? -1 : 1;
    int by_rule = one == other ? 0 : strcmp(one->id, other->id);
    if (by_rule != 0)
        return by_rule;
    return (a->order > b->order) - (a->order < b->order);
}

/* `end` is where to stop: the model behind the last. */
static bool gather_models(const struct model *first, const struct model *end,
                          enum severity least, struct spots *ret)
{
    struct spots s = { 0 };
    for (const struct model *m = first; m != end; m = m->next)
        gather(m, least, &s);
    struct spot *all = calloc(s.count + 1, sizeof *all);
    if (!all)
        return false;
    s = (struct spots){ .all = all };
    for (const struct model *m = first; m != end; m = m->next)
        gather(m, least, &s);
    qsort(s.all, s.count, sizeof *s.all, compare);
    *ret = s;
    return true;
}

bool spots_of_model(const struct model *m, enum severity least, struct spots *ret)
{
    return gather_models(m, m->next, least, ret);
}

bool spots_of_result(const struct result *r, enum severity least, struct spots *ret)
{
    return gather_models(r->models, NULL, least, ret);
}

void spots_free(struct spots *s)
{
    free(s->all);
    *s = (struct spots){ 0 };
}

bool spots_set_apart(struct spots *s, struct spots *ret)
{
    struct spots apart = { .all = calloc(s->count + 1, sizeof *apart.all) };
    size_t kept = 0;
    if (!apart.all)
        return false;
    for (size_t i = 0; i < s->count; i++)
        if (s->all[i].finding->suppressed.len)
            apart.all[apart.count++] = s->all[i];
        else
            s->all[kept++] = s->all[i];
    s->count = kept;
    *ret = apart;
    return true;
}

size_t spots_group(const struct spots *s, size_t at)
{
    size_t end = at;
    while (end < s->count &&
           (s->all[end].finding->rule == s->all[at].finding->rule ||
            strcmp(s->all[end].finding->rule->id, s->all[at].finding->rule->id) == 0))
        end++;
    return end;
}

static bool looks_alike(const struct spot *a, const struct spot *b, bool places)
{
    return (!places || a->artifact == b->artifact) &&
           span_equal(a->finding->evidence, b->finding->evidence) &&
           span_equal(a->finding->message, b->finding->message);
}

size_t spots_different(const struct spot *group, size_t count, bool places,
                       const struct spot **ret_shown, size_t most)
{
    size_t used = 0;
    for (size_t i = 0; i < count && used < most; i++) {
        bool seen = false;
        for (size_t k = 0; k < used && !seen; k++)
            seen = looks_alike(ret_shown[k], &group[i], places);
        if (!seen)
            ret_shown[used++] = &group[i];
    }
    return used;
}

/* -- names --------------------------------------------------------------------- */

struct sorted {
    struct spot_id *id;
    size_t order;
};

static int compare_sorted(const void *left, const void *right)
{
    const struct sorted *a = left, *b = right;
    int by_name = strcmp(a->id->fingerprint, b->id->fingerprint);
    return by_name != 0 ? by_name : (a->order > b->order) - (a->order < b->order);
}

struct spot_id *spots_identify(const struct spots *s)
{
    struct spot_id *ids = calloc(s->count + 1, sizeof *ids);
    struct sorted *sorted = calloc(s->count + 1, sizeof *sorted);
    bool ok = ids && sorted;
    for (size_t i = 0; ok && i < s->count; i++) {
        const struct spot *spot = &s->all[i];
        ok = finding_fingerprint(spot->finding, spot->artifact, spot->model->identity,
                                 ids[i].fingerprint);
        sorted[i] = (struct sorted){ &ids[i], spot->order };
    }
    if (ok) {
        qsort(sorted, s->count, sizeof *sorted, compare_sorted);
        for (size_t i = 0; i < s->count; i++) {
            bool same = i > 0 && strcmp(sorted[i].id->fingerprint,
                                        sorted[i - 1].id->fingerprint) == 0;
            sorted[i].id->repeat = same ? sorted[i - 1].id->repeat + 1 : 1;
        }
    } else {
        free(ids);
    }
    free(sorted);
    return ok ? ids : NULL;
}
