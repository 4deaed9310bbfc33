/* Models against their accepted signatures, and what all of them mean for the result. */
#include "engine/signatures/private.h"

#include "core/base64.h"
#include "engine/shards.h"

/* An index names manifests, these name layers. */
enum { LISTS_DEEP = 4 };

/* ---- a model against its accepted signature -------------------------------------- */

static void invalid(struct sealed *one, const char *check, struct span path,
                    const char *what)
{
    if (one->signature.state == SIGNATURE_VERIFIED) /* the first reason stays */
        sealed_set(one, SIGNATURE_INVALID, check,
                   span_is(path, ".")
                       ? arena_printf(one->arena, "the file that it is of %s", what)
                       : arena_printf(one->arena, "%.*s %s", (int)path.len,
                                      (const char *)path.ptr, what));
}

/* Of a file in ranges: were they all there?  The list that begins with this one. */
static const struct shards *shards_from(const struct job *job,
                                        const struct manifest_entry *e)
{
    const struct shards *s = job->shards;
    while (s && s->entries != e)
        s = s->next;
    return s;
}

static bool has_digest(const struct job *job, const struct manifest_entry *e)
{
    const struct shards *s = shards_from(job, e);
    return e->end == WHOLE_FILE ? span_equal(job->digests[e->algorithm], e->digest)
                                : s && shards_hold(s);
}

/* What a range's file is expected to be: the digest over those of its ranges. */
static void expect_shards(const struct sealed *one, struct job *job,
                          const struct manifest_entry *e)
{
    const struct shards *s = shards_from(job, e);
    char root[DIGEST_HEX_MAX + 1] = "";
    struct expectation *x = s ? arena_alloc(job->file->arena, sizeof *x) : NULL;
    const struct manifest ranges = { (struct manifest_entry *)(uintptr_t)e,
                                     s ? s->count : 0 };
    if (!x || !oms_root(&ranges, root))
        return;
    bool holds = shards_hold(s);
    *x = (struct expectation){ .by = BY_SIGNATURE,
                               .source = arena_copy(job->file->arena, one->source->path),
                               .algorithm = "sha256-of-shards",
                               .value = arena_copy(job->file->arena, span_of_text(root)),
                               .state = holds ? EXPECT_VERIFIED : EXPECT_MISMATCH,
                               .next = job->file->expected };
    job->file->expected = x;
    struct artifact *a = job->file->artifact;
    if (!holds)
        finding_add(&a->findings, a->arena, &rules[RULE_INTEGRITY_MISMATCH], 0,
                    arena_printf(a->arena, "%.*s names other digests of its ranges",
                                 (int)one->source->path.len,
                                 (const char *)one->source->path.ptr),
                    (struct span){ 0 });
}

/* The signature of one file, whatever its name is now, vouches for no directory. */
static bool is_of_one_file(const struct sealed *one)
{
    const struct manifest *m = one->files;
    return m->count > 0 && span_is(m->entries[m->count - 1].path, ".");
}

/* Where no name tells which file it is of, its digest does. */
static void find_file(struct sealed *one)
{
    const struct manifest_entry *e = &one->files->entries[0];
    struct span digest;
    if (!sealed_entry_job(one, e) && hex_decode(one->arena, e->digest, &digest))
        one->subject = sealed_digest_job(one, e->algorithm, digest);
    if (!sealed_entry_job(one, e))
        sealed_set(one, SIGNATURE_INVALID, "file-missing",
                   span_of_text("no file that is here has the digest that was signed"));
}

static void check_named(struct sealed *one)
{
    for (size_t i = 0; i < one->files->count; i++) {
        const struct manifest_entry *e = &one->files->entries[i];
        if (e->end != WHOLE_FILE && e->start > 0)
            continue; /* judged with the first range */
        struct job *job = sealed_entry_job(one, e);
        if (!job)
            invalid(one, "file-missing", e->path, "is not there");
        else if (!job->file->sha256.len)
            invalid(one, "file-readable", e->path, "could not be read");
        else if (job->changed)
            invalid(one, "file-changed", e->path, "changed while it was hashed");
        else if (!has_digest(job, e))
            invalid(one, "file-digest", e->path, "has not the signed digest");
        else if (job->source->link.len && !one->model->allow_symlinks &&
                 !span_starts(job->source->link, "../../blobs/"))
            invalid(one, "file-link", e->path, "is a symbolic link");
        one->covered++;
        if (e->end != WHOLE_FILE && job_is_hashed(job))
            expect_shards(one, job, e);
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
            s->list[i].file.kind != SIGNATURE_FILE_MANIFEST &&
            s->list[i].file.kind != SIGNATURE_FILE_CERTIFICATE &&
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
        name_ignored(path, git, OMS_GIT_PATHS) || is_signature(s, job) ||
        (one->model->method == OMS_SHARDS && job->source->size == 0))
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

static bool is_below(const struct job *job, struct span base)
{
    struct span path = job->source->path;
    return path.len > base.len && span_equal(span_slice(path, 0, base.len), base);
}

static void check_model(struct signatures *s, struct sealed *one)
{
    bool alone = is_of_one_file(one);
    if (alone)
        find_file(one);
    check_named(one);
    for (size_t i = 0; i < one->job_count && !alone; i++)
        if (is_below(&one->jobs[i], one->base))
            check_extra(s, one, &one->jobs[i]);
    one->signature.covers = arena_printf(one->arena, "%zu file%s", one->covered,
                                         one->covered == 1 ? "" : "s");
}

/* ---- into the result ------------------------------------------------------------- */

const struct signature *signature_show(struct model *m, const struct signature *from,
                                       struct span path)
{
    struct signature *g = signature_copy(m->arena, from, path), **last = &m->signatures;
    if (!g)
        return NULL;
    for (; *last; last = &(*last)->next)
        if (span_equal((*last)->path, g->path)) /* it has it already */
            return *last;
    *last = g;
    return g;
}

static const struct signature *copy_to(struct model *m, const struct sealed *one)
{
    return signature_show(m, &one->signature,
                          one->path.len ? one->path : one->source->path);
}

static bool vouch(const struct sealed *one, struct job *job)
{
    const struct signature *g = job && job->model ? copy_to(job->model, one) : NULL;
    if (g && g->state == SIGNATURE_VERIFIED && job_is_hashed(job))
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
    if (!g->kind && one->file.check && one->file.kind == SIGNATURE_FILE_SUMS)
        artifact_lower(a, STATUS_INCOMPLETE, "its list of digests was not read: %.*s",
                       (int)one->file.reason.len, (const char *)one->file.reason.ptr);
    else if (!g->kind && one->reason[0])
        artifact_lower(a, STATUS_INCOMPLETE, "its list of digests was not read: %s",
                       one->reason);
    else if (!g->kind && one->file.kind == SIGNATURE_FILE_UNKNOWN &&
             signature_file_lists(one->source->path))
        finding_add(&a->findings, a->arena, &rules[RULE_INTEGRITY_UNREAD], 0,
                    span_of_text("its name promises digests of files, and its first line "
                                 "is none"),
                    (struct span){ 0 });
    if (!one->model && one->missing)
        finding_add(&a->findings, a->arena, &rules[RULE_INTEGRITY_MISSING], 0,
                    arena_printf(a->arena, "it names %llu that %s not there: %s",
                                 (unsigned long long)one->missing,
                                 one->missing == 1 ? "is" : "are",
                                 one->missing_names.text),
                    (struct span){ 0 });
}

/* ---- what signed lists say of other files ---------------------------------------- */

/* The file itself, whose bytes somebody accepted has signed; or NULL. */
static const struct signature *vouched(const struct sealed *one, struct span path)
{
    const struct job *job = path.len ? sealed_job(one, path) : NULL;
    const struct signature *g = job && job->file ? job->file->signature : NULL;
    return g && g->state == SIGNATURE_VERIFIED ? g : NULL;
}

static bool pass_on(const struct sealed *one, struct job *job)
{
    bool changed = false;
    for (struct expectation *e = job->file->expected; e; e = e->next) {
        const struct signature *g =
            e->by == BY_TARGET && !e->weak ? vouched(one, e->source) : NULL;
        if (!g)
            continue;
        bool kept = e->state == EXPECT_CONSISTENT;
        e->by = BY_SIGNATURE;
        e->state = kept ? EXPECT_VERIFIED : EXPECT_MISMATCH;
        if (kept && !job->file->signature && job->model) {
            struct sealed shown = *one;
            shown.signature = *g;
            shown.path = g->path;
            job->file->signature = copy_to(job->model, &shown);
        }
        changed = true;
    }
    return changed;
}

/* A SHA256SUMS file or an image's manifest that was signed speaks for its signer: what
 * it names is signed too, by whole digests that nobody can forge. */
static void pass_on_all(struct signatures *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct sealed *one = &s->list[i];
        bool first = i == 0 || one->list != s->list[i - 1].list, changed = first;
        for (int round = 0; changed && round < LISTS_DEEP; round++) {
            changed = false;
            for (size_t k = 0; k < one->job_count; k++)
                changed |= one->jobs[k].file && pass_on(one, &one->jobs[k]);
        }
    }
}

bool signatures_attach(struct signatures *s)
{
    bool ok = true;
    for (size_t i = 0; ok && i < s->count; i++) {
        struct sealed *one = &s->list[i];
        sealed_verify(s, one);
        if (one->model)
            check_model(s, one);
        report(one);
        if (!one->signature.kind)
            continue;
        if (one->self && one->self->model)
            ok = copy_to(one->self->model, one) != NULL;
        if (signature_file_is_model(&one->file))
            for (size_t k = 0; ok && one->files && k < one->files->count; k++)
                ok = vouch(one, sealed_entry_job(one, &one->files->entries[k]));
        else
            ok = ok && vouch(one, one->subject);
    }
    if (ok)
        pass_on_all(s);
    return ok && signatures_attach_images(s);
}
