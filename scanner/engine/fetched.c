#include "engine/fetched.h"

#include "engine/promises.h"
#include "sources/deliver.h"
#include "sources/remote.h"
#include "trust/disagree.h"

#include <inttypes.h>

/* An address that no registry claims has a name and nothing else. */
static const char *title_of(const struct remote *remote)
{
    const struct reference *ref = remote_reference(remote);
    return ref->registry ? ref->registry->name : ref->name;
}

/* ---- promises -------------------------------------------------------------------- */

static bool promise_digest(struct job *job, enum digest_algorithm algorithm,
                           const char *hex, struct span source, struct arena *arena)
{
    struct promise *p = arena_alloc(arena, sizeof *p);
    if (!p)
        return false;
    *p = (struct promise){ .source = source,
                           .by = BY_REGISTRY,
                           .algorithm = algorithm,
                           .digits = span_of_text(hex) };
    promise_add(job, p);
    return true;
}

static bool promise_size(struct job *job, uint64_t size, struct span source,
                         struct arena *arena)
{
    struct promise *p = arena_alloc(arena, sizeof *p);
    if (!p)
        return false;
    *p = (struct promise){
        .source = source, .by = BY_REGISTRY, .has_size = true, .size = size
    };
    promise_add(job, p);
    return true;
}

bool fetched_promise(const struct source_list *list, struct job *jobs, size_t count,
                     struct arena *arena)
{
    struct span source = span_of_text(title_of(list->remote));
    for (size_t i = 0; i < count; i++) {
        const struct rest_file *file = remote_file(list->remote, jobs[i].source->number);
        for (const struct rest_hash *h = file->hashes; h; h = h->next) {
            enum digest_algorithm a;
            if (remote_digest(h, &a) &&
                !promise_digest(&jobs[i], a, h->value, source, arena))
                return false;
        }
        if (file->size_known && !promise_size(&jobs[i], file->size, source, arena))
            return false;
    }
    return true;
}

void fetched_want(const struct job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (jobs[i].list->remote)
            remote_want(jobs[i].list->remote, jobs[i].source->number,
                        job_digests(&jobs[i]));
}

/* ---- loading --------------------------------------------------------------------- */

static void add_finding(struct job *job, enum rule_id rule, struct span message,
                        struct span evidence)
{
    struct artifact *a = job->file->artifact;
    finding_add(&a->findings, a->arena, &rules[rule], 0, message, evidence);
}

/* The bytes that came are not kept, so that nothing can take them for the model. */
static void report_mismatch(struct job *job, const struct rest_file *file,
                            const struct download_result *d)
{
    struct arena *arena = job->file->arena;
    const struct rest_hash *h = file->hashes;
    enum digest_algorithm a;
    for (size_t i = 0; h; h = h->next)
        if (remote_digest(h, &a) && i++ == d->mismatch)
            break;
    if (d->mismatch == SIZE_MAX || !h)
        add_finding(job, RULE_INTEGRITY_MISMATCH,
                    arena_printf(arena,
                                 "the registry names %" PRIu64
                                 " bytes, but its server sent %s%" PRIu64,
                                 file->size, d->size > file->size ? "at least " : "",
                                 d->size),
                    (struct span){ 0 });
    else
        add_finding(job, RULE_INTEGRITY_MISMATCH,
                    arena_printf(arena,
                                 "the registry names %s %s, but what its server sent "
                                 "has %s",
                                 h->algorithm, h->value, d->actual),
                    span_of_text(d->actual));
}

/* Digests that the download's own headers name, where the list had none. */
static void promise_headers(struct job *job, struct remote *remote, size_t i)
{
    struct arena *arena = job->file->arena;
    struct header_digest found[HEADER_DIGESTS_MAX];
    size_t count = remote_header_digests(remote, i, found);
    for (size_t n = 0; n < count; n++) {
        const struct promise *p = job->promises;
        while (p && !(p->by == BY_REGISTRY && p->digits.len &&
                      p->algorithm == found[n].algorithm))
            p = p->next;
        struct span hex =
            p ? (struct span){ 0 } : arena_copy(arena, span_of_text(found[n].hex));
        if (hex.len)
            (void)promise_digest(job, found[n].algorithm, (const char *)hex.ptr,
                                 span_of_text("a header of the download"), arena);
    }
}

static void keep_claim(struct job *job, const struct rest_file *file)
{
    struct arena *arena = job->file->arena;
    struct metadata *m = file->scan ? arena_alloc(arena, sizeof *m) : NULL;
    if (!m)
        return;
    *m = (struct metadata){ .key = "scan.status",
                            .value = arena_copy(arena, span_of_text(file->scan)) };
    job->file->metadata = m;
}

void fetched_check(struct job *job)
{
    struct remote *remote = job->list->remote;
    size_t i = job->source->number;
    const struct rest_file *file = remote_file(remote, i);
    const struct download_result *d = remote_load(remote, i);
    const char *foreign = remote_foreign_host(remote, i);
    if (d->state == DOWNLOAD_MISMATCH)
        report_mismatch(job, file, d);
    else if (d->state == DOWNLOAD_DONE && !foreign)
        promise_headers(job, remote, i);
    if (foreign) {
        remote_distrust_strayed(remote, i);
        add_finding(job, RULE_TRUST_FOREIGN_HOST,
                    span_of_text("the download was redirected to a host that the "
                                 "registry's entry does not name"),
                    span_of_text(foreign));
    }
    keep_claim(job, file);
}

const struct digester *fetched_digests(const struct job *job, const struct stat *now)
{
    return download_digests(remote_load(job->list->remote, job->source->number), now);
}

void fetched_let_go(struct job *job, int keep)
{
    struct remote *remote = job->list->remote;
    size_t i = job->source->number;
    struct error error;
    if (keep >= 0 && remote_load(remote, i)->state == DOWNLOAD_DONE &&
        !deliver_file(remote, i, keep, &error))
        artifact_lower(job->file->artifact, STATUS_INCOMPLETE, "it could not be kept: %s",
                       error.message);
    source_file_release(job->list, job->source);
}

/* ---- the registry's word and ours ------------------------------------------------ */

/* About what a file does when it is loaded, not whose it is or whether it came whole. */
static bool about_content(const struct rule *rule)
{
    return strncmp(rule->id, "integrity/", 10) != 0 &&
           strncmp(rule->id, "trust/", 6) != 0;
}

static const struct artifact *worst_artifact(const struct artifact *root)
{
    for (const struct artifact *a = root; a; a = artifact_walk(root, a))
        for (const struct finding *x = a->findings.first; x; x = x->next)
            if (x->rule->severity >= SEVERITY_HIGH && about_content(x->rule))
                return a;
    return NULL;
}

/* Of a file; true when they differ. */
static bool compare_file(const char *registry, struct file *f)
{
    struct artifact *root = f->artifact;
    const struct metadata *word = metadata_find(f->metadata, "scan.status");
    const struct artifact *a = word ? worst_artifact(root) : NULL;
    if (!a)
        return false;
    uint64_t before = root->findings.count;
    disagreement_report(registry, word->value, &a->findings, &root->findings, f->arena);
    return root->findings.count > before;
}

/* What is said of a model is said of all its files. */
static void compare_words(const char *registry, struct model *m)
{
    static const char *const keys[] = { "scan.status", "scan.pickle", "scan.virus" };
    const struct artifact *worst = NULL;
    bool told = false;
    for (struct file *f = m->files; f; f = f->next) {
        told = compare_file(registry, f) || told;
        worst = worst ? worst : worst_artifact(f->artifact);
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !told && worst; i++) {
        const struct metadata *word = metadata_find(m->metadata, keys[i]);
        uint64_t before = m->findings.count;
        if (word)
            disagreement_report(registry, word->value, &worst->findings, &m->findings,
                                m->arena);
        told = m->findings.count > before;
    }
}

/* ---- the model ------------------------------------------------------------------- */

static bool add_row(struct model *m, struct metadata ***tail, const char *key,
                    struct span value)
{
    struct metadata *copy = arena_alloc(m->arena, sizeof *copy);
    if (!copy)
        return false;
    *copy = (struct metadata){ arena_text(m->arena, span_of_text(key)),
                               arena_copy(m->arena, value), NULL };
    **tail = copy;
    *tail = &copy->next;
    return true;
}

static bool copy_metadata(struct model *m, const struct remote *remote)
{
    struct metadata **tail = &m->metadata;
    for (const struct metadata *from = remote_answers(remote)->metadata; from;
         from = from->next)
        if (!add_row(m, &tail, from->key, from->value))
            return false;
    const char *moved = remote_moved_from(remote), *why = remote_why_lower(remote);
    return (!moved || add_row(m, &tail, "moved.from", span_of_text(moved))) &&
           (!why || add_row(m, &tail, "trust.lowered", span_of_text(why)));
}

static bool copy_checks(struct model *m, const struct provenance_check *from)
{
    struct provenance_check **tail = &m->checks;
    for (; from; from = from->next) {
        struct provenance_check *copy = arena_alloc(m->arena, sizeof *copy);
        if (!copy)
            return false;
        *copy = *from;
        copy->next = NULL;
        copy->id = arena_text(m->arena, span_of_text(from->id));
        copy->evidence = arena_copy(m->arena, from->evidence);
        *tail = copy;
        tail = &copy->next;
    }
    return true;
}

/* What is not in the list was not scanned, and nobody may take that for clean. */
static void report_unlisted(const struct source_list *list, struct result *r)
{
    const struct rest_result *answers = remote_answers(list->remote);
    struct error error = { 0 };
    if (!answers->listed)
        (void)error_set(&error, ERROR_NETWORK,
                        "%s does not tell all files, so some were not scanned: %.300s",
                        title_of(list->remote),
                        answers->why_unlisted ? answers->why_unlisted : "");
    else if (list->count == 0 && list->excluded == 0)
        (void)error_set(&error, ERROR_NETWORK, "%s offers no file to scan",
                        title_of(list->remote));
    else
        return;
    result_add_error(r, list->target, &error, false);
}

bool fetched_attach(const struct source_list *list, struct job *jobs, size_t count,
                    const struct publishers *publishers, struct result *r)
{
    const struct rest_result *answers = remote_answers(list->remote);
    const struct reference *ref = remote_reference(list->remote);
    struct model *m =
        count ? jobs[0].model : result_add_model(r, list->target, list->target);
    if (!m)
        return false;
    report_unlisted(list, r);
    for (const struct finding *f = answers->findings.first; f; f = f->next)
        finding_add(&m->findings, m->arena, f->rule, f->offset, f->message, f->evidence);
    if (!copy_metadata(m, list->remote) || !copy_checks(m, answers->checks))
        return false;
    if (ref->registry) {
        compare_words(ref->registry->name, m);
        look_alike_report(publishers, ref, &m->findings, m->arena);
    }
    return true;
}

struct claim fetched_claim(const struct source_list *list, struct arena *arena)
{
    const struct reference *ref = remote_reference(list->remote);
    const struct rest_result *answers = remote_answers(list->remote);
    const char *credential = remote_credential(list->remote);
    const char *deputy = remote_answered_by(list->remote);
    struct span evidence = arena_printf(
        arena, "%.*s%s%s%s%s%s%s", (int)list->target.len, (const char *)list->target.ptr,
        ref->registry ? ", asked at " : "", remote_endpoint(list->remote),
        credential ? " with the credential of " : "", credential ? credential : "",
        deputy ? ", which sent questions on to " : "", deputy ? deputy : "");
    return (struct claim){ .basis = BASIS_FETCHED,
                           .registry = ref->registry,
                           .reference = ref,
                           .level = &answers->trust,
                           .name = span_of_text(ref->name),
                           .revision = answers->revision.len
                                           ? answers->revision
                                           : span_of_text(ref->revision),
                           .evidence = evidence };
}
