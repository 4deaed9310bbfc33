#include "engine/signatures/private.h"

#include "core/base64.h"
#include "engine/shards.h"
#include "integrity/sums.h"

#include <time.h>
#include <unistd.h>

enum { ARENA_MAX = 1 << 30, NAMES_SHOWN = 5 };

/* Whom the lockfile accepts of one target, besides those of the operator's options. */
struct locked_signers {
    const struct source_list *list;
    struct signers signers; /* shares what the options gave; owns its further keys */
    size_t shared_keys;
};

/* ---- finding ---------------------------------------------------------------------- */

/* A look at the first bytes, compared and not read. */
static bool starts_like_one(const struct source_list *list, const struct source_file *f)
{
    uint8_t head[SIGNATURE_HEAD];
    struct error ignored;
    int fd = source_file_open(list, f, &ignored);
    if (fd < 0)
        return false;
    ssize_t n = pread(fd, head, sizeof head, 0);
    (void)close(fd);
    return n > 0 && signature_file_starts(span_of(head, (size_t)n));
}

static bool make_room(struct signatures *s, size_t capacity)
{
    struct sealed *grown = reallocarray(s->list, capacity + 1, sizeof *grown);
    if (!grown)
        return false;
    s->list = grown;
    s->capacity = capacity;
    return true;
}

static bool add(struct signatures *s, const struct source_list *list,
                const struct source_file *f)
{
    if (s->count == s->capacity && !make_room(s, s->capacity ? 2 * s->capacity : 8))
        return false;
    s->list[s->count++] = (struct sealed){ .list = list, .source = f };
    return true;
}

/* In a fetched model by name only: others are met while its files are worked off. */
static bool find(struct signatures *s, const struct source_list *list)
{
    for (const struct source_file *f = list->files; f; f = f->next)
        if (!f->problem.len && f->size > 0 &&
            (((f->size <= SIGNATURE_FILE_MAX || !list->remote) &&
              signature_file_named(f->path)) ||
             (!list->remote && starts_like_one(list, f))) &&
            !add(s, list, f))
            return false;
    return true;
}

bool sealed_read(struct sealed *one, uint64_t size, int fd, struct crew_hand *h,
                 struct error *error)
{
    struct error problem;
    bool alive = true;
    one->arena = arena_new(ARENA_MAX);
    buffer_init(&one->missing_names, MESSAGE_MAX);
    if (!one->arena)
        (void)snprintf(one->reason, sizeof one->reason, "memory is short");
    else if (size > SIGNATURE_FILE_MAX)
        (void)snprintf(one->reason, sizeof one->reason,
                       "it is too large for a signature");
    else if (fd >= 0 && !worker_signature(h->worker, fd, one->arena, &one->file,
                                          one->reason, &problem))
        alive = crew_hand_replace(h, error);
    return alive;
}

static bool read_one(void *self, size_t item, struct crew_hand *h, struct error *error)
{
    struct signatures *s = self;
    struct sealed *one = &s->list[item];
    struct error ignored;
    int fd = source_file_open(one->list, one->source, &ignored);
    if (fd >= 0)
        (void)fstat(fd, &one->seen);
    bool alive = sealed_read(one, one->source->size, fd, h, error);
    if (fd >= 0)
        (void)close(fd);
    return alive;
}

struct signatures *signatures_read(const struct scan_options *o,
                                   const struct source_list *lists, size_t list_count,
                                   struct crew *crew, struct error *error)
{
    struct signatures *s = calloc(1, sizeof *s);
    bool ok = s != NULL;
    size_t fetched = 0;
    if (s)
        pthread_mutex_init(&s->lock, NULL);
    for (size_t i = 0; ok && i < list_count; i++) {
        ok = find(s, &lists[i]);
        fetched += lists[i].remote ? lists[i].count : 0;
        s->images |= signatures_have_images(&lists[i]);
    }
    ok = ok && make_room(s, s->count + fetched);
    if (!ok)
        (void)error_set(error, ERROR_MEMORY, "out of memory");
    if (ok) {
        s->options = o;
        s->verifier = verifier_new(&o->worker, (int64_t)time(NULL));
        s->lists = lists;
        s->list_count = list_count;
        s->locked = calloc(list_count + 1, sizeof *s->locked);
        ok =
            (s->verifier && s->locked) || error_set(error, ERROR_MEMORY, "out of memory");
        s->named = s->count;
        ok = ok && crew_run(crew, s->count, read_one, s, error);
    }
    if (ok)
        return s;
    signatures_free(s);
    return NULL;
}

void signatures_free(struct signatures *s)
{
    for (size_t i = 0; s && i < s->count; i++) {
        buffer_free(&s->list[i].missing_names);
        arena_free(s->list[i].arena);
    }
    for (size_t i = 0; s && i < s->locked_count; i++)
        signers_free_keys(&s->locked[i].signers, s->locked[i].shared_keys);
    verifier_free(s ? s->verifier : NULL);
    arena_free(s ? s->arena : NULL);
    if (s && s->own_ready)
        signers_free(&s->own);
    if (s)
        pthread_mutex_destroy(&s->lock);
    free(s ? s->locked : NULL);
    free(s ? s->list : NULL);
    free(s);
}

/* ---- what they speak of ------------------------------------------------------------ */

static int compare_to_job(const void *key, const void *element)
{
    const struct job *job = element;
    return span_compare(*(const struct span *)key, job->source->path);
}

struct job *sealed_job(const struct sealed *one, struct span path)
{
    return bsearch(&path, one->jobs, one->job_count, sizeof *one->jobs, compare_to_job);
}

static struct span joined(const struct sealed *one, struct span base, struct span path)
{
    return arena_printf(one->arena, "%.*s%.*s", (int)base.len, (const char *)base.ptr,
                        (int)path.len, (const char *)path.ptr);
}

/* "a/b/model.sig" → "a/b/"; Kaggle keeps signatures one directory further down. */
static struct span directory_of(struct span path)
{
    size_t slash = span_find_last(path, "/", path.len);
    struct span base = span_slice(path, 0, slash == SIZE_MAX ? 0 : slash + 1);
    if (span_is(base, ".kaggle/") || span_ends(base, "/.kaggle/"))
        base.len -= strlen(".kaggle/");
    return base;
}

/* A model's signature lies in the model, or, as model_signing writes it, beside it. */
static struct span base_of(const struct sealed *one, const struct manifest *m,
                           struct span subject)
{
    struct span base = directory_of(one->source->path);
    if (m->count == 0 || sealed_job(one, joined(one, base, m->entries[0].path)) ||
        name_problem(subject))
        return base;
    struct span inner =
        arena_printf(one->arena, "%.*s%.*s/", (int)base.len, (const char *)base.ptr,
                     (int)subject.len, (const char *)subject.ptr);
    return sealed_job(one, joined(one, inner, m->entries[0].path)) ? inner : base;
}

/* The file that an entry names: of a model that is one file, the one it was signed as. */
struct job *sealed_entry_job(const struct sealed *one, const struct manifest_entry *e)
{
    if (!span_is(e->path, "."))
        return sealed_job(one, joined(one, one->base, e->path));
    struct job *job = one->subject;
    bool alone = one->job_count == 2 && one->file.kind != SIGNATURE_FILE_SUMS;
    return job || !alone                ? job
           : one->self == &one->jobs[0] ? &one->jobs[1]
                                        : &one->jobs[0];
}

static void note_missing(struct sealed *one, struct span path)
{
    if (one->missing++ >= NAMES_SHOWN)
        return;
    buffer_add_text(&one->missing_names, one->missing > 1 ? ", " : "");
    buffer_add(&one->missing_names, path);
}

/* Only ranges that were signed by somebody accepted are worth the time. */
static bool add_shards(struct sealed *one, struct job *job,
                       const struct manifest_entry *first)
{
    struct shards *s = arena_alloc(one->arena, sizeof *s);
    size_t before = (size_t)(first - one->files->entries), n = 1;
    if (!s)
        return false;
    while (before + n < one->files->count && first[n].start > 0 &&
           span_equal(first[n].path, first->path))
        n++;
    *s = (struct shards){ .entries = first, .count = n, .next = job->shards };
    job->shards = s;
    return true;
}

static bool promise_files(struct sealed *one, enum expectation_by by)
{
    for (size_t i = 0; i < one->files->count; i++) {
        const struct manifest_entry *e = &one->files->entries[i];
        struct job *job = sealed_entry_job(one, e);
        if (!job && !span_is(e->path, "."))
            note_missing(one, e->path);
        /* `sha256sum * > SHA256SUMS` lists the list, which cannot hold its own digest */
        if (!job || (job == one->self && one->file.kind == SIGNATURE_FILE_SUMS))
            continue;
        if (e->end != WHOLE_FILE) {
            if (e->start == 0 && one->model && !add_shards(one, job, e))
                return false;
            continue;
        }
        struct promise *p = arena_alloc(one->arena, sizeof *p);
        if (!p)
            return false;
        *p = (struct promise){ .source = one->source->path,
                               .by = by,
                               .algorithm = e->algorithm,
                               .digits = e->digest };
        promise_add(job, p);
    }
    return true;
}

/* ---- before files are hashed ------------------------------------------------------- */

void sealed_set(struct sealed *one, enum signature_state state, const char *check,
                struct span reason)
{
    signature_set(one->arena, &one->signature, state, check, "");
    one->signature.reason = arena_copy(one->arena, reason);
}

struct verify_context sealed_context(const struct signatures *s, const struct sealed *one)
{
    return (struct verify_context){ s->verifier, one->signers, VERIFY_ANY, one->arena };
}

static bool promise_model(struct signatures *s, struct sealed *one)
{
    const struct verify_context c = sealed_context(s, one);
    const struct verify_target any = { .any_subject = true };
    struct verification v;
    struct refusal why;
    one->signature.kind = "oms";
    verifier_bundle(&c, &one->file.bundles[0], &any, &v);
    signature_from(one->arena, &v, &one->signature);
    if (v.state == SIGNATURE_VERIFIED) {
        if (oms_parse(v.payload, one->arena, NULL, &one->verified, &why))
            one->model = &one->verified;
        else
            sealed_set(one, why.state, why.check, span_of_text(why.reason));
    }
    const struct oms_manifest *m = one->model            ? one->model
                                   : one->file.has_model ? &one->file.model
                                                         : NULL;
    if (!m)
        return true;
    if (one->model && m->files.count == 1 && span_is(m->files.entries[0].path, "."))
        for (size_t i = 0; i < one->job_count; i++) /* to find it by */
            one->jobs[i].also |= DIGEST_BIT(m->files.entries[0].algorithm);
    one->files = &m->files;
    one->base = base_of(one, &m->files, m->subject);
    return promise_files(one, one->model ? BY_SIGNATURE : BY_TARGET);
}

/* Which digests of the file a detached signature needs. */
static unsigned wanted(enum signature_file_kind kind)
{
    if (kind == SIGNATURE_FILE_MINISIGN)
        return DIGEST_BIT(DIGEST_BLAKE2B);
    return kind == SIGNATURE_FILE_BUNDLE || kind == SIGNATURE_FILE_ENVELOPE ||
                   kind == SIGNATURE_FILE_OLD_BUNDLE || kind == SIGNATURE_FILE_BARE
               ? DIGEST_BIT(DIGEST_SHA384) | DIGEST_BIT(DIGEST_SHA512)
               : 0;
}

bool sealed_digest(const struct bundle *b, enum digest_algorithm *ret_algorithm)
{
    static const struct {
        const char *name;
        enum digest_algorithm algorithm;
        size_t len;
    } known[] = {
        {"SHA2_256",  DIGEST_SHA256, 32},
        { "SHA2_384", DIGEST_SHA384, 48},
        { "SHA2_512", DIGEST_SHA512, 64},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (b->content == CONTENT_MESSAGE && b->digest.len == known[i].len &&
            span_is(b->digest_algorithm, known[i].name)) {
            *ret_algorithm = known[i].algorithm;
            return true;
        }
    return false;
}

/* The file that it is of is found by that digest, so all must have it. */
static void want_digests(struct sealed *one)
{
    enum digest_algorithm algorithm;
    for (size_t i = 0; i < one->file.bundle_count; i++)
        for (size_t k = 0;
             sealed_digest(&one->file.bundles[i], &algorithm) && k < one->job_count; k++)
            one->jobs[k].also |= DIGEST_BIT(algorithm);
}

static bool promise_list(struct sealed *one)
{
    struct manifest *m = &one->file.sums;
    for (size_t i = 0; i < m->count; i++)
        if (span_is(m->entries[i].path, ".") && !one->subject) {
            one->file.check = "sums-form";
            one->file.reason = span_of_text("it holds a digest without a name, and its "
                                            "own does not tell of which file");
            return true;
        }
    sums_told(m, one->source->path);
    one->files = m;
    return promise_files(one, BY_TARGET);
}

static bool promise_one(struct signatures *s, struct sealed *one)
{
    one->base = directory_of(one->source->path);
    struct span subject = signature_file_subject(one->source->path);
    one->self = sealed_job(one, one->source->path);
    one->subject = subject.len ? sealed_job(one, subject) : NULL;
    if (one->reason[0] || one->file.check)
        return true;
    if (signature_file_is_model(&one->file))
        return promise_model(s, one);
    if (one->file.kind == SIGNATURE_FILE_SUMS)
        return promise_list(one);
    if (one->subject)
        one->subject->also |= wanted(one->file.kind);
    else
        want_digests(one);
    return true;
}

const struct signers *signatures_signers(const struct signatures *s,
                                         const struct source_list *list)
{
    for (size_t i = 0; i < s->locked_count; i++)
        if (s->locked[i].list == list)
            return &s->locked[i].signers;
    return &s->signers;
}

/* What the lockfile recorded is the operator's word, for that target alone. */
static bool add_locked(struct signatures *s, const struct source_list *list, bool alone,
                       struct error *error)
{
    for (size_t i = 0; i < s->locked_count; i++)
        if (s->locked[i].list == list)
            return true;
    const struct lockfile *lock = s->options->lockfile;
    const struct locked_target *t =
        lock ? lockfile_find(lock, list->target, alone) : NULL;
    if (!t || t->signer_count == 0)
        return true;
    struct locked_signers *l = &s->locked[s->locked_count++];
    *l = (struct locked_signers){ .list = list,
                                  .signers = s->signers,
                                  .shared_keys = s->signers.key_count };
    for (size_t i = 0; i < t->signer_count; i++) {
        const struct locked_signer *g = &t->signers[i];
        const struct verify_identity who = { .subject = g->identity,
                                             .issuer = g->issuer };
        if (g->issuer && !signers_add_identity(&l->signers, &who, error))
            return false;
        if (g->key && !signers_add_key_text(&l->signers, g->key, g->identity,
                                            lockfile_path(lock), error))
            return false;
    }
    return true;
}

static bool policy_accepts(const void *policy, struct span subject, struct span issuer)
{
    return policy_accepts_signer(policy, subject, issuer);
}

/* Even with nobody to accept, whether a signature is good can be told. */
static bool ready_signers(struct signatures *s, struct error *error)
{
    const struct scan_options *o = s->options;
    struct error ignored;
    if ((s->count == 0 && !s->images) || s->ready)
        return true;
    s->ready = true;
    if (!o->signers) {
        if (!signers_init(&s->own, error))
            return false;
        s->own_ready = true;
        if (o->trusted_root && access(o->trusted_root, R_OK) == 0)
            (void)signers_set_root(&s->own, o->trusted_root, &ignored);
    }
    s->signers = o->signers ? *o->signers : s->own;
    if (o->policy && policy_lists_signers(o->policy)) {
        s->signers.accepts = policy_accepts;
        s->signers.accepts_self = o->policy;
    }
    return true;
}

bool signatures_promise(struct signatures *s, struct job *jobs, size_t count,
                        struct error *error)
{
    s->jobs = jobs;
    s->job_count = count;
    if (!signatures_promise_from(s, 0, jobs, count, error))
        return false;
    for (size_t i = 0; i < s->list_count; i++)
        if (signatures_have_images(&s->lists[i]) &&
            !add_locked(s, &s->lists[i], s->list_count == 1, error))
            return false;
    return true;
}

bool signatures_promise_from(struct signatures *s, size_t from, struct job *jobs,
                             size_t count, struct error *error)
{
    bool ok = ready_signers(s, error);
    for (size_t i = from; ok && i < s->count; i++) {
        struct sealed *one = &s->list[i];
        if (!add_locked(s, one->list, s->list_count == 1, error))
            return false;
        one->signers = signatures_signers(s, one->list);
        size_t first = 0;
        while (first < count && jobs[first].list != one->list)
            first++;
        one->jobs = &jobs[first];
        while (first + one->job_count < count &&
               jobs[first + one->job_count].list == one->list)
            one->job_count++;
        if (one->arena)
            ok = promise_one(s, one) || error_set(error, ERROR_MEMORY, "out of memory");
    }
    return ok;
}
