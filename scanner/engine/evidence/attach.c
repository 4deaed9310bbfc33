/* From what was said to findings of files and origins of models. */
#include "engine/evidence/private.h"

#include "engine/units.h"
#include "trust/store.h"

#include <inttypes.h>

enum { CLAIMS_PER_SCOPE = 16, FIRST_CAPACITY = 64 };

/* What models show of files that another one counts, in all. */
static const uint64_t shared_bytes_max = UINT64_C(256) << 20;

/* ---- what went wrong with a voice ------------------------------------------------ */

static void add_finding(struct artifact *a, enum rule_id rule, struct span message,
                        struct span evidence)
{
    finding_add(&a->findings, a->arena, &rules[rule], 0, message, evidence);
}

static void report_problem(const struct voice *v, const struct statement *s)
{
    struct artifact *a = v->job->file->artifact;
    switch (s->problem) {
    case PROBLEM_MALFORMED:
        add_finding(a, RULE_TRUST_MALFORMED, s->note, (struct span){ 0 });
        break;
    case PROBLEM_PATH:
        add_finding(a, RULE_TRUST_PATH,
                    span_of_text("the path is not followed, whatever lies there"),
                    s->note);
        break;
    default:
        artifact_lower(a, STATUS_INCOMPLETE, "what it says of an origin: %.*s",
                       (int)s->note.len, (const char *)s->note.ptr);
    }
}

static void report_missing(const struct voice *v)
{
    struct artifact *a = v->job->file->artifact;
    struct span names = buffer_span(&v->missing);
    struct span message =
        arena_printf(a->arena, "it names %" PRIu64 " file%s that %s not there: %.*s%s",
                     v->missing_count, v->missing_count == 1 ? "" : "s",
                     v->missing_count == 1 ? "is" : "are", (int)names.len,
                     (const char *)names.ptr, v->missing.truncated ? "…" : "");
    add_finding(a, RULE_INTEGRITY_MISSING, message, (struct span){ 0 });
}

static void report_bundle(struct evidence *e, const struct bundle *b)
{
    for (size_t i = 0; i < b->voice_count; i++) {
        const struct voice *v = &b->voices[i];
        if (!v->job)
            continue;
        if (v->unheard)
            artifact_lower(v->job->file->artifact, STATUS_INCOMPLETE,
                           "too large to be read for what it says of an origin "
                           "(--max-origin-bytes)");
        if (b->reason[0])
            artifact_lower(v->job->file->artifact, STATUS_INCOMPLETE,
                           "what it says of an origin was not read: %s", b->reason);
        if (v->overlapped)
            artifact_lower(v->job->file->artifact, STATUS_INCOMPLETE,
                           "it names directories that overlap again and again: the "
                           "digests of some were not compared");
        if (v->crowded)
            artifact_lower(v->job->file->artifact, STATUS_INCOMPLETE,
                           "so many different digests or sizes are named for one file "
                           "that not all were compared");
        if (v->missing_count)
            report_missing(v);
    }
    for (size_t i = 0; i < b->said_count; i++) {
        const struct voice *v = &b->voices[b->said[i].source];
        if (b->said[i].kind == STATEMENT_PROBLEM && v->job)
            report_problem(v, &b->said[i]);
        if (b->said[i].kind == STATEMENT_LISTING && !v->overlapped)
            listing_check(e, b, &b->said[i]);
    }
}

/* ---- claims ---------------------------------------------------------------------- */

/* How much a claim weighs; the nearer to the model, the more. */
enum weight {
    WEIGHT_STATED,
    WEIGHT_LAYOUT, /* names along the path */
    WEIGHT_INSIDE,
    WEIGHT_AROUND,
    WEIGHT_NAMELESS,  /* a registry, but not which model of it */
    WEIGHT_UNRESOLVED /* no registry knows it */
};

/* A claim and the reference that it owns; claim.reference is set when it is used. */
struct resolved {
    const struct source_list *list;
    struct span scope; /* a file or directory of the list; empty: all of it */
    struct claim claim;
    struct reference reference;
    bool has_reference;
};

/* One claim that is about one model. */
struct link {
    struct model *model;
    enum weight weight;
    size_t order;
    struct claim claim;
};

struct attaching {
    struct evidence *e;
    struct resolved *claims; /* what voices said */
    size_t claim_count, claim_capacity;
    struct link *links;
    size_t link_count, link_capacity;
    struct resolved **owned; /* claims of single files: layouts, URLs */
    size_t owned_count, owned_capacity;
    bool failed;
};

static void *grow(struct attaching *t, void *array, size_t count, size_t *capacity,
                  size_t size)
{
    if (count < *capacity)
        return array;
    size_t wanted = *capacity ? 2 * *capacity : FIRST_CAPACITY;
    void *grown = reallocarray(array, wanted, size);
    t->failed |= grown == NULL;
    if (!grown)
        return array;
    *capacity = wanted;
    return grown;
}

/* A reference that a registry claims; else whatever is known without. */
static void resolve(const struct attaching *t, struct span text, const char *registry,
                    struct resolved *r)
{
    const struct registries *registries = t->e->options->registries;
    struct error ignored;
    char *copy = text.len && !memchr(text.ptr, '\0', text.len)
                     ? arena_text(t->e->arena, text)
                     : NULL;
    r->claim.basis = BASIS_DECLARED;
    if (copy && registries_resolve(registries, copy, &r->reference, &ignored)) {
        r->has_reference = true;
        r->claim.registry = r->reference.registry;
        r->claim.name = span_of_text(r->reference.name);
        if (r->reference.revision)
            r->claim.revision = span_of_text(r->reference.revision);
    } else if (registry) {
        r->claim.registry = registries_find(registries, registry);
    }
    if (!r->claim.registry && r->claim.name.len == 0)
        r->claim.name = text;
}

static struct span describe(struct arena *arena, struct span path, struct span note)
{
    if (note.len == 0)
        return path;
    return arena_printf(arena, "%.*s (%.*s)", (int)path.len, (const char *)path.ptr,
                        (int)note.len, (const char *)note.ptr);
}

static void add_said(struct attaching *t, const struct voice *v,
                     const struct statement *s)
{
    struct evidence *e = t->e;
    t->claims = grow(t, t->claims, t->claim_count, &t->claim_capacity, sizeof *t->claims);
    if (t->failed)
        return;
    struct resolved r = { .list = v->list };
    r.scope = s->path.len ? voice_path(e->arena, v, s->path)
                          : span_slice(v->file->path, 0, v->base ? v->base - 1 : 0);
    r.claim.name = s->name;
    r.claim.revision = s->revision;
    const char *registry = s->registry.len ? arena_text(e->arena, s->registry) : NULL;
    resolve(t, s->reference, registry, &r);
    /* what is checked out is known better than what the reference says */
    if (s->revision.len && r.claim.registry)
        r.claim.revision = s->revision;
    r.claim.evidence = describe(e->arena, v->file->path, s->note);
    t->claims[t->claim_count++] = r;
}

static struct claim claim_of(const struct resolved *r)
{
    struct claim c = r->claim;
    c.reference = r->has_reference ? &r->reference : NULL;
    return c;
}

static int compare_scopes(const void *a, const void *b)
{
    const struct resolved *left = a, *right = b;
    if (left->list != right->list)
        return left->list < right->list ? -1 : 1;
    int order = span_compare(left->scope, right->scope);
    return order ? order : span_compare(left->claim.evidence, right->claim.evidence);
}

static bool same_scope(const struct resolved *a, const struct resolved *b)
{
    return a->list == b->list && span_compare(a->scope, b->scope) == 0;
}

/* ---- which models a claim is about ----------------------------------------------- */

static void add_link(struct attaching *t, struct model *m, enum weight weight,
                     struct claim c)
{
    if (!c.registry)
        weight = WEIGHT_UNRESOLVED;
    else if (weight != WEIGHT_STATED && !c.reference && c.name.len == 0)
        weight = WEIGHT_NAMELESS;
    t->links = grow(t, t->links, t->link_count, &t->link_capacity, sizeof *t->links);
    if (!t->failed) {
        t->links[t->link_count] = (struct link){ m, weight, t->link_count, c };
        t->link_count++;
    }
}

/* All models that have a file at or below the claim's scope. */
static void link_scope(struct attaching *t, const struct resolved *r)
{
    const struct range *range = &t->e->ranges[r->list - t->e->lists];
    struct job *exact = r->scope.len ? range_find(range, r->scope) : NULL;
    if (exact) {
        add_link(t, exact->model, WEIGHT_INSIDE, claim_of(r));
        return;
    }
    struct range below = range_below(range, t->e->arena, r->scope);
    const struct model *latest = NULL;
    for (size_t i = 0; i < below.count; i++) {
        const struct job *job = &below.jobs[i];
        if (job->model == latest)
            continue;
        latest = job->model;
        bool inside = job->unit.len <= r->scope.len;
        add_link(t, job->model, inside ? WEIGHT_INSIDE : WEIGHT_AROUND, claim_of(r));
    }
}

static void link_said(struct attaching *t)
{
    struct evidence *e = t->e;
    size_t in_scope = 0;
    for (size_t i = 0; i < e->bundle_count && !t->failed; i++) {
        const struct bundle *b = &e->bundles[i];
        for (size_t k = 0; k < b->said_count && !t->failed; k++)
            if (b->said[k].kind == STATEMENT_CLAIM)
                add_said(t, &b->voices[b->said[k].source], &b->said[k]);
    }
    if (t->claim_count)
        qsort(t->claims, t->claim_count, sizeof *t->claims, compare_scopes);
    for (size_t i = 0; i < t->claim_count && !t->failed; i++) {
        bool again = i > 0 && same_scope(&t->claims[i - 1], &t->claims[i]);
        in_scope = again ? in_scope + 1 : 0;
        if (in_scope < CLAIMS_PER_SCOPE) /* more could only contradict once more */
            link_scope(t, &t->claims[i]);
    }
}

static struct resolved *own(struct attaching *t)
{
    struct resolved *r = arena_alloc(t->e->arena, sizeof *r);
    t->owned = grow(t, t->owned, t->owned_count, &t->owned_capacity, sizeof *t->owned);
    t->failed |= r == NULL;
    if (t->failed)
        return NULL;
    t->owned[t->owned_count++] = r;
    return r;
}

/* The place in a store that a file's path names; one link a model is enough. */
static void link_layout(struct attaching *t, const struct job *job, struct buffer *real,
                        const struct model **latest, struct store_entry *known)
{
    struct store_entry found;
    units_real_path(job->list, job->source, real);
    if (!store_entry_find(buffer_span(real), &found))
        return;
    /* a file of the same entry says the same again */
    if (*latest == job->model && strcmp(known->reference, found.reference) == 0 &&
        strcmp(known->name, found.name) == 0)
        return;
    *latest = job->model;
    *known = found;
    struct resolved *r = own(t);
    if (!r)
        return;
    r->claim.name = arena_copy(t->e->arena, span_of_text(found.name));
    r->claim.revision = arena_copy(t->e->arena, found.revision);
    r->claim.evidence = span_of_text(found.evidence);
    resolve(t, span_of_text(found.reference), found.registry, r);
    add_link(t, job->model, WEIGHT_LAYOUT, claim_of(r));
}

/* Without what may be a secret: user names, queries, fragments. */
static struct span public_url(struct attaching *t, struct span url)
{
    size_t scheme = span_find(url, "://", 0);
    size_t host = scheme == SIZE_MAX ? 0 : scheme + 3, end = host;
    while (end < url.len && url.ptr[end] != '?' && url.ptr[end] != '#')
        end++;
    size_t slash = span_find(span_slice(url, 0, end), "/", host);
    size_t at = span_find_last(span_slice(url, 0, slash < end ? slash : end), "@", end);
    size_t from = at == SIZE_MAX || at < host ? host : at + 1;
    return arena_printf(t->e->arena, "%.*s%.*s", (int)host, (const char *)url.ptr,
                        (int)(end - from), (const char *)url.ptr + from);
}

static void link_url(struct attaching *t, const struct job *job)
{
    struct resolved *r = job->url.len ? own(t) : NULL;
    if (!r)
        return;
    r->claim.name = public_url(t, job->url);
    r->claim.evidence =
        arena_printf(t->e->arena, "user.xdg.origin.url of %.*s",
                     (int)job->source->path.len, (const char *)job->source->path.ptr);
    resolve(t, job->url, NULL, r);
    add_link(t, job->model, WEIGHT_INSIDE, claim_of(r));
}

/* ---- all claims of each model ---------------------------------------------------- */

static int compare_links(const void *a, const void *b)
{
    const struct link *left = a, *right = b;
    if (left->model != right->model)
        return (uintptr_t)left->model < (uintptr_t)right->model ? -1 : 1;
    if (left->weight != right->weight)
        return left->weight < right->weight ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

/* A nameless claim ("kept in DVC") and one that no registry knows fill a gap, but say
 * nothing against another. */
static bool counts(const struct link *l, const struct link *first)
{
    if (l == first || l->weight < WEIGHT_NAMELESS)
        return true;
    return l->weight == WEIGHT_NAMELESS && l->claim.registry == first->claim.registry;
}

static void attribute(struct attaching *t)
{
    struct claim *claims = calloc(t->link_count + 1, sizeof *claims);
    t->failed |= claims == NULL;
    if (t->link_count)
        qsort(t->links, t->link_count, sizeof *t->links, compare_links);
    for (size_t i = 0; i < t->link_count && !t->failed;) {
        const struct link *first = &t->links[i];
        size_t n = 0;
        for (; i < t->link_count && t->links[i].model == first->model; i++)
            if (counts(&t->links[i], first))
                claims[n++] = t->links[i].claim;
        origin_attribute(first->model, claims, n, t->e->options->environment);
    }
    free(claims);
}

static void link_stated(struct attaching *t, const struct range *range,
                        const struct source_list *list,
                        const struct stated_claims *stated)
{
    struct claim claims[STATED_CLAIMS_MAX];
    size_t n = stated->of(stated->self, list, claims);
    for (size_t i = 0; i < n; i++) {
        const struct model *latest = NULL;
        for (size_t k = 0; k < range->count; k++) {
            struct model *m = range->jobs[k].model;
            if (m != latest)
                add_link(t, m, WEIGHT_STATED, claims[i]);
            latest = m;
        }
    }
}

static void free_attaching(struct attaching *t)
{
    for (size_t i = 0; i < t->claim_count; i++)
        if (t->claims[i].has_reference)
            reference_free(&t->claims[i].reference);
    for (size_t i = 0; i < t->owned_count; i++)
        if (t->owned[i]->has_reference)
            reference_free(&t->owned[i]->reference);
    free(t->claims);
    free(t->owned);
    free(t->links);
}

/* ---- files of more than one model ------------------------------------------------ */

static int compare_shares(const void *a, const void *b)
{
    const struct share *x = a, *y = b;
    if (x->job != y->job)
        return x->job < y->job ? -1 : 1;
    return (x->manifest > y->manifest) - (x->manifest < y->manifest);
}

/* Each copy is shown with all that was found in it, so a large one in thousands of
 * models would be a report without end. */
static bool show_shares(struct evidence *e)
{
    uint64_t left = shared_bytes_max;
    bool ok = true;
    if (e->share_count)
        qsort(e->shares, e->share_count, sizeof *e->shares, compare_shares);
    for (size_t i = 0; ok && i < e->share_count; i++) {
        const struct share *s = &e->shares[i];
        struct model *other = s->manifest->model;
        if (s->job->model == other || (i > 0 && compare_shares(s - 1, s) == 0))
            continue;
        uint64_t size = arena_used(s->job->file->arena);
        if (size > left) {
            artifact_lower(s->manifest->file->artifact, STATUS_INCOMPLETE,
                           "not all of its files are shown with it: too many models "
                           "share them");
            continue;
        }
        left -= size;
        ok = model_share_file(other, s->job->file);
    }
    return ok;
}

bool evidence_attach(struct evidence *e, const struct stated_claims *stated)
{
    struct attaching t = { .e = e };
    struct buffer real;
    buffer_init(&real, SIZE_MAX / 2);
    for (size_t i = 0; i < e->bundle_count; i++)
        report_bundle(e, &e->bundles[i]);
    t.failed = !show_shares(e);
    for (size_t i = 0; i < e->list_count; i++) {
        const struct range *range = &e->ranges[i];
        const struct model *latest = NULL;
        struct store_entry known = { 0 };
        link_stated(&t, range, &e->lists[i], stated);
        for (size_t k = 0; k < range->count && !t.failed; k++) {
            link_layout(&t, &range->jobs[k], &real, &latest, &known);
            link_url(&t, &range->jobs[k]);
        }
    }
    link_said(&t);
    attribute(&t);
    buffer_free(&real);
    free_attaching(&t);
    return !t.failed && !arena_exhausted(e->arena);
}
