#include "engine/signatures.h"

#include "engine/promises.h"
#include "engine/units.h"
#include "engine/verifying.h"
#include "integrity/base64.h"
#include "integrity/gpg.h"
#include "integrity/signature_file.h"

#include <time.h>
#include <unistd.h>

enum { ARENA_MAX = 1 << 30, NAMES_SHOWN = 5 };

/* One signature file of a target, on its way from a name to a verdict. */
struct sealed {
    const struct source_list *list;
    const struct source_file *source;
    struct arena *arena;
    struct signature_file file;
    char reason[REASON_MAX]; /* the worker could not read it; else empty */
    struct job *jobs;        /* of the list */
    size_t job_count;
    struct job *self, *subject;   /* its own job; what a detached one is of; or NULL */
    struct span base;             /* what its names are relative to, with its '/' */
    struct signature signature;   /* of what it is; kind NULL: nothing worth showing */
    const struct manifest *files; /* that it names; or NULL */
    const struct oms_manifest *model; /* verified; or NULL */
    struct oms_manifest verified;
    uint64_t missing;
    struct buffer missing_names;
};

struct signatures {
    const struct scan_options *options;
    struct signers own; /* when the operator named nobody */
    bool own_ready;
    const struct signers *signers;
    struct sealed *list;
    size_t count, capacity;
    int64_t now;
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

static bool add(struct signatures *s, const struct source_list *list,
                const struct source_file *f)
{
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 8;
        struct sealed *grown = reallocarray(s->list, capacity, sizeof *grown);
        if (!grown)
            return false;
        s->list = grown;
        s->capacity = capacity;
    }
    s->list[s->count++] = (struct sealed){ .list = list, .source = f };
    return true;
}

static bool find(struct signatures *s, const struct source_list *list)
{
    for (const struct source_file *f = list->files; f; f = f->next)
        if (!f->problem.len && f->size > 0 && f->size <= SIGNATURE_FILE_MAX &&
            (signature_file_named(f->path) || starts_like_one(list, f)) &&
            !add(s, list, f))
            return false;
    return true;
}

static bool read_one(void *self, size_t item, struct crew_hand *h, struct error *error)
{
    struct signatures *s = self;
    struct sealed *one = &s->list[item];
    struct error problem;
    bool alive = true;
    one->arena = arena_new(ARENA_MAX);
    int fd = source_file_open(one->list, one->source, &problem);
    if (!one->arena)
        (void)snprintf(one->reason, sizeof one->reason, "memory is short");
    else if (fd >= 0 && !worker_signature(h->worker, fd, one->arena, &one->file,
                                          one->reason, &problem))
        alive = crew_hand_replace(h, error);
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
    for (size_t i = 0; ok && i < list_count; i++)
        ok = find(s, &lists[i]);
    if (!ok)
        (void)error_set(error, ERROR_MEMORY, "out of memory");
    if (ok) {
        s->options = o;
        s->signers = o->signers;
        s->now = (int64_t)time(NULL);
        for (size_t i = 0; i < s->count; i++)
            buffer_init(&s->list[i].missing_names, MESSAGE_MAX);
        ok = crew_run(crew, s->count, read_one, s, error);
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
    if (s && s->own_ready)
        signers_free(&s->own);
    free(s ? s->list : NULL);
    free(s);
}

/* ---- what they speak of ------------------------------------------------------------ */

static int compare_to_job(const void *key, const void *element)
{
    const struct job *job = element;
    return span_compare(*(const struct span *)key, job->source->path);
}

static struct job *job_of(const struct sealed *one, struct span path)
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
    if (m->count == 0 || job_of(one, joined(one, base, m->entries[0].path)) ||
        name_problem(subject))
        return base;
    struct span inner =
        arena_printf(one->arena, "%.*s%.*s/", (int)base.len, (const char *)base.ptr,
                     (int)subject.len, (const char *)subject.ptr);
    return job_of(one, joined(one, inner, m->entries[0].path)) ? inner : base;
}

/* The file that an entry names: of a model that is one file, the one it was signed as. */
static struct job *entry_job(const struct sealed *one, const struct manifest_entry *e)
{
    if (!span_is(e->path, "."))
        return job_of(one, joined(one, one->base, e->path));
    struct job *job = one->subject;
    return job || one->job_count != 2   ? job
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

static bool promise_files(struct sealed *one, enum expectation_by by)
{
    for (size_t i = 0; i < one->files->count; i++) {
        const struct manifest_entry *e = &one->files->entries[i];
        struct job *job = entry_job(one, e);
        if (!job)
            note_missing(one, e->path);
        if (!job || e->end != WHOLE_FILE)
            continue;
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

static void set(struct sealed *one, enum signature_state state, const char *check,
                struct span reason)
{
    one->signature.state = state;
    one->signature.check = arena_copy(one->arena, span_of_text(check));
    one->signature.reason = arena_copy(one->arena, reason);
}

static bool is_model(const struct signature_file *f)
{
    return f->bundle_count && f->bundles[0].content == CONTENT_ENVELOPE &&
           (f->has_model || (f->model_check && strcmp(f->model_check, "predicate-type")));
}

static bool promise_model(struct signatures *s, struct sealed *one)
{
    const struct verify_target any = { .any_subject = true };
    struct verification v;
    struct refusal why;
    one->signature.kind = "oms";
    verify_taken(s->signers, VERIFY_ANY, s->now, one->arena, &one->file.bundles[0], &any,
                 &v);
    signature_from(one->arena, &v, &one->signature);
    if (v.state == SIGNATURE_VERIFIED) {
        if (oms_parse(v.payload, one->arena, NULL, &one->verified, &why))
            one->model = &one->verified;
        else
            set(one, why.state, why.check, span_of_text(why.reason));
    }
    const struct oms_manifest *m = one->model            ? one->model
                                   : one->file.has_model ? &one->file.model
                                                         : NULL;
    if (!m)
        return true;
    one->files = &m->files;
    one->base = base_of(one, &m->files, m->subject);
    if (one->model && m->method == OMS_SHARDS) {
        one->model = NULL;
        set(one, SIGNATURE_UNSUPPORTED, "shards",
            span_of_text("it is signed in shards: `assay verify` compares those"));
    }
    return promise_files(one, one->model ? BY_SIGNATURE : BY_TARGET);
}

/* Which digests of the file a detached signature needs. */
static unsigned wanted(enum signature_file_kind kind)
{
    if (kind == SIGNATURE_FILE_MINISIGN)
        return DIGEST_BIT(DIGEST_BLAKE2B);
    return kind == SIGNATURE_FILE_BUNDLE || kind == SIGNATURE_FILE_ENVELOPE ||
                   kind == SIGNATURE_FILE_BARE
               ? DIGEST_BIT(DIGEST_SHA384) | DIGEST_BIT(DIGEST_SHA512)
               : 0;
}

static bool promise_one(struct signatures *s, struct sealed *one)
{
    one->base = directory_of(one->source->path);
    struct span subject = signature_file_subject(one->source->path);
    one->self = job_of(one, one->source->path);
    one->subject = subject.len ? job_of(one, subject) : NULL;
    if (one->reason[0] || one->file.check)
        return true;
    if (is_model(&one->file))
        return promise_model(s, one);
    if (one->file.kind == SIGNATURE_FILE_SUMS) {
        one->files = &one->file.sums;
        return promise_files(one, BY_TARGET);
    }
    if (one->subject)
        one->subject->also |= wanted(one->file.kind);
    return true;
}

/* Even with nobody to accept, whether a signature is good can be told. */
static bool ready_signers(struct signatures *s, struct error *error)
{
    if (s->signers || s->count == 0)
        return true;
    if (!signers_init(&s->own, error))
        return false;
    s->own_ready = true;
    s->signers = &s->own;
    struct error ignored;
    if (s->options->trusted_root && access(s->options->trusted_root, R_OK) == 0)
        (void)signers_set_root(&s->own, s->options->trusted_root, &ignored);
    return true;
}

bool signatures_promise(struct signatures *s, struct job *jobs, size_t count,
                        struct error *error)
{
    bool ok = ready_signers(s, error);
    for (size_t i = 0; ok && i < s->count; i++) {
        struct sealed *one = &s->list[i];
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

/* ---- detached signatures, when their files are hashed ------------------------------ */

static struct span raw(struct sealed *one, const struct job *job, enum digest_algorithm a)
{
    struct span bytes = { 0 };
    (void)hex_decode(one->arena, job->digests[a], &bytes);
    return bytes;
}

static void verify_bundles(struct signatures *s, struct sealed *one,
                           const struct job *job)
{
    const struct verify_target target = {
        .sha256 = raw(one, job, DIGEST_SHA256),
        .sha384 = raw(one, job, DIGEST_SHA384),
        .sha512 = raw(one, job, DIGEST_SHA512),
    };
    for (size_t i = 0; i < one->file.bundle_count; i++) {
        const struct bundle *b = &one->file.bundles[i];
        struct signature found = { 0 };
        struct verification v;
        struct span builder = { 0 };
        found.kind = b->content == CONTENT_ENVELOPE ? "in-toto" : "sigstore";
        verify_taken(s->signers, VERIFY_ANY, s->now, one->arena, b, &target, &v);
        signature_from(one->arena, &v, &found);
        if (found.state == SIGNATURE_VERIFIED && b->content == CONTENT_ENVELOPE)
            verify_provenance(s->signers, one->arena, &v, &found, &builder);
        if (i == 0 || found.state == SIGNATURE_VERIFIED)
            one->signature = found;
        if (found.state == SIGNATURE_VERIFIED)
            return;
    }
}

static void verify_minisign(struct signatures *s, struct sealed *one,
                            const struct job *job)
{
    struct refusal why = { .state = SIGNATURE_UNTRUSTED,
                           .check = "key-given",
                           .reason = "no key of minisign was given" };
    char id[MINISIGN_ID_TEXT + 1];
    struct span blake2b = raw(one, job, DIGEST_BLAKE2B);
    bool ok = false;
    minisign_id_text(one->file.minisign.key_id.ptr, id);
    one->signature.kind = "minisign";
    one->signature.identity = arena_printf(one->arena, "minisign:%s", id);
    for (size_t i = 0; !ok && i < s->signers->minisign_count; i++)
        ok = minisign_verify(s->signers->crypto, &one->file.minisign,
                             &s->signers->minisign[i], blake2b, &why);
    if (ok)
        set(one, SIGNATURE_VERIFIED, "", (struct span){ 0 });
    else
        set(one, why.state, why.check, span_of_text(why.reason));
}

static void verify_bare(struct signatures *s, struct sealed *one, const struct job *job)
{
    const struct verify_target target = { .sha256 = raw(one, job, DIGEST_SHA256) };
    struct bundle bare = { .version = BUNDLE_BARE,
                           .material = MATERIAL_KEY,
                           .content = CONTENT_MESSAGE,
                           .signature = one->file.bare };
    struct verification v;
    one->signature.kind = "cosign";
    verify_taken(s->signers, VERIFY_KEY, s->now, one->arena, &bare, &target, &v);
    signature_from(one->arena, &v, &one->signature);
}

static void verify_pgp(struct signatures *s, struct sealed *one, const struct job *job)
{
    struct buffer here, there;
    struct error error;
    buffer_init(&here, SIZE_MAX / 2);
    buffer_init(&there, SIZE_MAX / 2);
    units_real_path(one->list, one->source, &here);
    units_real_path(job->list, job->source, &there);
    one->signature.kind = "gpg";
    if (!gpg_verify(s->signers->keyring, here.text, there.text, one->arena,
                    &one->signature, &error))
        set(one, SIGNATURE_UNSUPPORTED, "gpgv", span_of_text(error.message));
    buffer_free(&here);
    buffer_free(&there);
}

static bool promises_signature(struct span path)
{
    return span_ends(path, ".sig") || span_ends(path, ".minisig") ||
           span_ends(path, ".sigstore") || span_ends(path, ".sigstore.json");
}

/* What it is when it could not be read, or is of no file that is here. */
static void explain_rest(struct sealed *one)
{
    struct signature *g = &one->signature;
    g->kind = one->file.kind == SIGNATURE_FILE_MINISIGN ? "minisign"
              : one->file.kind == SIGNATURE_FILE_PGP    ? "gpg"
                                                        : "sigstore";
    if (one->reason[0])
        set(one, SIGNATURE_UNSUPPORTED, "readable", span_of_text(one->reason));
    else if (one->file.check)
        set(one, one->file.state, one->file.check, one->file.reason);
    else if (one->file.kind == SIGNATURE_FILE_UNKNOWN)
        set(one, SIGNATURE_UNSUPPORTED, "signature-kind",
            span_of_text("it is no kind of signature that Assay knows"));
    else
        set(one, SIGNATURE_UNSUPPORTED, "subject-present",
            span_of_text("the file that it is of is not known by its name; "
                         "`assay verify` takes both"));
}

static void verify_rest(struct signatures *s, struct sealed *one)
{
    const struct job *job = one->subject;
    bool readable = one->arena && !one->reason[0] && !one->file.check;
    if (one->signature.kind || !one->arena)
        return;
    if (readable && one->file.kind == SIGNATURE_FILE_SUMS)
        return; /* a list is no signature */
    if (one->file.kind == SIGNATURE_FILE_UNKNOWN && !one->reason[0] &&
        !promises_signature(one->source->path))
        return; /* it only had a name that may mean something */
    if (one->file.kind == SIGNATURE_FILE_SUMS && one->file.check)
        return; /* promises nothing: reported as incomplete */
    if (!readable || !job || !job->file->sha256.len ||
        one->file.kind == SIGNATURE_FILE_UNKNOWN)
        explain_rest(one);
    else if (one->file.kind == SIGNATURE_FILE_MINISIGN)
        verify_minisign(s, one, job);
    else if (one->file.kind == SIGNATURE_FILE_BARE)
        verify_bare(s, one, job);
    else if (one->file.kind == SIGNATURE_FILE_PGP)
        verify_pgp(s, one, job);
    else
        verify_bundles(s, one, job);
}

/* ---- a model against its accepted signature -----------------------------------------
 */

static void invalid(struct sealed *one, const char *check, struct span path,
                    const char *what)
{
    if (one->signature.state == SIGNATURE_VERIFIED) /* the first reason stays */
        set(one, SIGNATURE_INVALID, check,
            arena_printf(one->arena, "%.*s %s", (int)path.len, (const char *)path.ptr,
                         what));
}

static void check_named(struct sealed *one)
{
    for (size_t i = 0; i < one->files->count; i++) {
        const struct manifest_entry *e = &one->files->entries[i];
        const struct job *job = entry_job(one, e);
        if (!job)
            invalid(one, "file-missing", e->path, "is not there");
        else if (!job->digests[e->algorithm].len)
            invalid(one, "file-readable", e->path, "could not be read");
        else if (!span_equal(job->digests[e->algorithm], e->digest))
            invalid(one, "file-digest", e->path, "has not the signed digest");
        else if (job->source->link.len && !one->model->allow_symlinks &&
                 !span_starts(job->source->link, "../../blobs/"))
            invalid(one, "file-link", e->path, "is a symbolic link");
    }
}

/* Does loading the model read it, or run it? */
static bool is_loadable(const struct file *f)
{
    static const char *const endings[] = {
        ".py", ".pyc", ".so", ".dll", ".dylib", ".js"
    };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (span_ends_nocase(f->artifact->name, endings[i]))
            return true;
    return f->artifact->executes || f->artifact->formats != 0;
}

static bool is_signature(const struct signatures *s, const struct job *job)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].self == job && s->list[i].file.kind != SIGNATURE_FILE_UNKNOWN &&
            !job->file->artifact->executes)
            return true;
    return false;
}

static void check_extra(struct signatures *s, struct sealed *one, struct job *job)
{
    struct span git[OMS_GIT_PATHS], path = job->source->path;
    size_t ignored;
    for (size_t i = 0; i < OMS_GIT_PATHS; i++)
        git[i] = span_of_text(oms_git_paths[i]);
    path = span_slice(path, one->base.len, path.len);
    if (manifest_find(one->files, path, &ignored) ||
        name_ignored(path, git, OMS_GIT_PATHS) || is_signature(s, job))
        return;
    bool agreed = name_ignored(path, one->model->ignore, one->model->ignore_count) ||
                  s->options->ignore_unsigned;
    bool loadable = is_loadable(job->file);
    struct artifact *a = job->file->artifact;
    if (!agreed)
        invalid(one, "file-unsigned", path, "is there and was not signed");
    if (!agreed || loadable)
        finding_add(
            &a->findings, a->arena,
            &rules[loadable ? RULE_INTEGRITY_UNSIGNED_CODE : RULE_INTEGRITY_UNSIGNED], 0,
            arena_printf(a->arena, "the accepted signature %.*s does not name it",
                         (int)one->source->path.len, (const char *)one->source->path.ptr),
            (struct span){ 0 });
}

static void check_model(struct signatures *s, struct sealed *one)
{
    check_named(one);
    for (size_t i = 0; i < one->job_count; i++)
        if (one->jobs[i].source->path.len > one->base.len &&
            memcmp(one->jobs[i].source->path.ptr,
                   one->base.ptr ? one->base.ptr : (const uint8_t *)"",
                   one->base.len) == 0 &&
            !(one->subject && one->files->count == 1 &&
              span_is(one->files->entries[0].path, ".")))
            check_extra(s, one, &one->jobs[i]);
    one->signature.covers = arena_printf(one->arena, "%zu file%s", one->files->count,
                                         one->files->count == 1 ? "" : "s");
}

/* ---- into the result ----------------------------------------------------------------
 */

static const struct signature *copy_to(struct model *m, const struct sealed *one)
{
    struct signature *g = arena_alloc(m->arena, sizeof *g), **last = &m->signatures;
    if (!g)
        return NULL;
    *g = one->signature;
    struct span *const texts[] = { &g->identity, &g->issuer, &g->root,  &g->time,
                                   &g->covers,   &g->check,  &g->reason };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_copy(m->arena, *texts[i]);
    g->path = arena_copy(m->arena, one->source->path);
    g->next = NULL;
    for (; *last; last = &(*last)->next)
        if (span_equal((*last)->path, g->path)) /* it has it already */
            return *last;
    *last = g;
    return g;
}

static bool vouch(const struct sealed *one, struct job *job)
{
    const struct signature *g = job && job->model ? copy_to(job->model, one) : NULL;
    if (g && g->state == SIGNATURE_VERIFIED && job->file->sha256.len)
        job->file->signature = g;
    return g || !job || !job->model;
}

/* A bad signature is the worst that can be said; a missing file of a claim is little. */
static void report(const struct sealed *one)
{
    struct artifact *a = one->self && one->self->file ? one->self->file->artifact : NULL;
    const struct signature *g = &one->signature;
    if (!a)
        return;
    if (g->kind && g->state == SIGNATURE_INVALID)
        finding_add(&a->findings, a->arena, &rules[RULE_INTEGRITY_SIGNATURE], 0,
                    g->reason, g->check);
    if (!g->kind && (one->reason[0] || one->file.check) &&
        one->file.kind == SIGNATURE_FILE_SUMS)
        artifact_lower(a, STATUS_INCOMPLETE, "its list of digests was not read: %.*s",
                       (int)one->file.reason.len, (const char *)one->file.reason.ptr);
    if (!one->model && one->missing)
        finding_add(&a->findings, a->arena, &rules[RULE_INTEGRITY_MISSING], 0,
                    arena_printf(a->arena, "it names %llu that %s not there: %s",
                                 (unsigned long long)one->missing,
                                 one->missing == 1 ? "is" : "are",
                                 one->missing_names.text),
                    (struct span){ 0 });
}

bool signatures_attach(struct signatures *s)
{
    bool ok = true;
    for (size_t i = 0; ok && i < s->count; i++) {
        struct sealed *one = &s->list[i];
        verify_rest(s, one);
        if (one->model)
            check_model(s, one);
        report(one);
        if (!one->signature.kind)
            continue;
        if (one->self && one->self->model)
            ok = copy_to(one->self->model, one) != NULL;
        if (is_model(&one->file))
            for (size_t k = 0; ok && one->files && k < one->files->count; k++)
                ok = vouch(one, entry_job(one, &one->files->entries[k]));
        else
            ok = ok && vouch(one, one->subject);
    }
    return ok;
}
