#include "reports/decision.h"

#include "reports/text/model.h"

#include <inttypes.h>
#include <stdlib.h>

enum rank rank_of(const struct model *m)
{
    enum severity worst = SEVERITY_INFO;
    bool found = text_model_has_findings(m, &worst);
    switch (m->verdict) {
    case VERDICT_FAIL:
        return RANK_FAIL + (found ? (unsigned)(SEVERITY_CRITICAL - worst) : 5U);
    case VERDICT_INCOMPLETE:
        return RANK_INCOMPLETE;
    case VERDICT_PASS:
        return found ? RANK_FOUND : RANK_QUIET;
    case VERDICT_EMPTY:
        break;
    }
    return RANK_EMPTY;
}

struct decision decision_of(const struct result *r)
{
    struct decision d = { 0 };
    enum rank worst = RANK_COUNT;
    for (const struct model *m = r->models; m; m = m->next) {
        enum rank rank = rank_of(m);
        d.models++;
        d.verdicts[m->verdict]++;
        d.ranks[rank]++;
        if (rank < worst) {
            worst = rank;
            d.worst = m;
        }
    }
    for (const struct scan_error *e = r->errors; e; e = e->next)
        d.errors++;
    return d;
}

static void say_one(struct text_out *t, const struct result *r)
{
    static const char *const words[] = {
        [VERDICT_PASS] = "passes gate",
        [VERDICT_FAIL] = "violates gate",
        [VERDICT_INCOMPLETE] = "could not be read to the end; nothing read violates gate",
    };
    text_model_name(t, r->models);
    if (r->models->verdict == VERDICT_EMPTY)
        text_out_add(t, ": nothing to scan, no model was found");
    else
        text_out_add(t, " %s \"%s\"", words[r->models->verdict], r->gate);
}

static void say_many(struct text_out *t, const struct result *r, const struct decision *d)
{
    uint64_t fail = d->verdicts[VERDICT_FAIL], pass = d->verdicts[VERDICT_PASS];
    switch (r->verdict) {
    case VERDICT_FAIL:
        text_out_add(t, "%" PRIu64 " of %" PRIu64 " models violate%s gate \"%s\"", fail,
                     d->models, fail == 1 ? "s" : "", r->gate);
        break;
    case VERDICT_INCOMPLETE:
        text_out_add(t, "nothing that was read violates gate \"%s\"", r->gate);
        if (d->models)
            text_out_add(t, "; %" PRIu64 " of %" PRIu64 " models not read to the end",
                         d->verdicts[VERDICT_INCOMPLETE], d->models);
        break;
    case VERDICT_PASS:
        text_out_add(t, "%" PRIu64 " model%s pass%s gate \"%s\"", pass, text_plural(pass),
                     pass == 1 ? "es" : "", r->gate);
        break;
    case VERDICT_EMPTY:
        text_out_add(t, "nothing to scan: no model was found");
        break;
    }
}

void decision_say(struct text_out *t, const struct result *r, const struct decision *d)
{
    bool open = r->verdict == VERDICT_FAIL || r->verdict == VERDICT_INCOMPLETE;
    if (d->models == 1)
        say_one(t, r);
    else
        say_many(t, r, d);
    if (d->errors)
        text_out_add(t, "; %" PRIu64 " target%s could not be scanned", d->errors,
                     text_plural(d->errors));
    text_out_add(t, " (exit code %d)", r->exit_code);
    if (r->exit_code == 0 && open)
        text_out_add(t, ": this gate only reports");
}

const struct model **decision_order(const struct result *r, const struct decision *d)
{
    const struct model **order = calloc((size_t)d->models + 1, sizeof *order);
    size_t next[RANK_COUNT] = { 0 };
    if (!order)
        return NULL;
    for (int rank = 1; rank < RANK_COUNT; rank++)
        next[rank] = next[rank - 1] + (size_t)d->ranks[rank - 1];
    for (const struct model *m = r->models; m; m = m->next)
        order[next[rank_of(m)]++] = m;
    return order;
}
