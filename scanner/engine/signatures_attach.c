#include "engine/signatures_private.h"

#include "core/file_state.h"
#include "engine/bare_signature.h"
#include "engine/shards.h"
#include "integrity/crypto/base64.h"
#include "integrity/gpg.h"
#include "integrity/statement/slsa.h"

#include <unistd.h>

/* An index names manifests, these name layers. */
enum { LISTS_DEEP = 4 };

/* ---- detached signatures, when their files are hashed ------------------------------ */

/* As one whole: digests of a file that changed meanwhile are those of no file. */
static bool is_hashed(const struct job *job)
{
    return job && job->file->sha256.len && !job->changed;
}

static struct span raw(struct sealed *one, const struct job *job, enum digest_algorithm a)
{
    struct span bytes = { 0 };
    (void)hex_decode(one->arena, job->digests[a], &bytes);
    return bytes;
}

static struct verify_target target_of(struct sealed *one, const struct job *job)
{
    return (struct verify_target){
        .sha256 = raw(one, job, DIGEST_SHA256),
        .sha384 = raw(one, job, DIGEST_SHA384),
        .sha512 = raw(one, job, DIGEST_SHA512),
    };
}

/* The file of the target that has this digest, or NULL. */
static struct job *job_of(const struct sealed *one, enum digest_algorithm a,
                          struct span digest)
{
    struct span hex = hex_encode(one->arena, digest);
    for (size_t i = 0; hex.len && i < one->job_count; i++)
        if (is_hashed(&one->jobs[i]) && span_equal(one->jobs[i].digests[a], hex))
            return &one->jobs[i];
    return NULL;
}

static struct job *job_with(const struct sealed *one, struct span sha256)
{
    return job_of(one, DIGEST_SHA256, sha256);
}

/* Names are advice: a statement by somebody accepted is of whatever has its digests. */
static struct job *subject_by_digest(struct signatures *s, struct sealed *one,
                                     const struct bundle *b)
{
    const struct verify_target any = { .any_subject = true };
    enum digest_algorithm algorithm;
    struct verification v;
    size_t count;
    if (b->content == CONTENT_MESSAGE)
        return sealed_digest(b, &algorithm) ? job_of(one, algorithm, b->digest) : NULL;
    verifier_bundle(s->verifier, one->signers, VERIFY_ANY, one->arena, b, &any, &v);
    signature_from(one->arena, &v, &one->signature);
    one->signature.kind = "in-toto";
    if (v.state != SIGNATURE_VERIFIED)
        return NULL;
    const struct span *subjects = slsa_subjects(one->arena, v.payload, &count);
    for (size_t i = 0; i < count; i++) {
        struct job *job = subjects[i].len ? job_with(one, subjects[i]) : NULL;
        if (job)
            return job;
    }
    one->signature = (struct signature){ 0 };
    return NULL;
}

static void verify_bundle_of(struct signatures *s, struct sealed *one,
                             const struct bundle *b, const struct job *job,
                             struct signature *ret_signature)
{
    const struct verify_target target = target_of(one, job);
    struct signature found = { 0 };
    struct verification v;
    found.kind = b->content == CONTENT_ENVELOPE            ? "in-toto"
                 : one->file.kind == SIGNATURE_FILE_BUNDLE ? "sigstore"
                                                           : "cosign";
    verifier_file(s->verifier, one->signers, VERIFY_ANY, one->arena, b, &target,
                  job->list, job->source, &v);
    signature_from(one->arena, &v, &found);
    if (found.state == SIGNATURE_VERIFIED && b->content == CONTENT_ENVELOPE)
        verify_provenance(one->signers, one->arena, &v, &found);
    *ret_signature = found;
}

/* The first that verifies counts, else what is wrong with the first. */
static void verify_bundles(struct signatures *s, struct sealed *one)
{
    struct job *named = one->subject;
    for (size_t i = 0; i < one->file.bundle_count; i++) {
        const struct bundle *b = &one->file.bundles[i];
        struct signature before = one->signature, found;
        struct job *job = named ? named : subject_by_digest(s, one, b);
        found = one->signature; /* by somebody nobody accepts */
        if (is_hashed(job))
            verify_bundle_of(s, one, b, job, &found);
        bool better = i == 0 || found.state == SIGNATURE_VERIFIED;
        one->signature = better ? found : before;
        if (better && job && found.kind)
            one->subject = job;
        if (found.kind && found.state == SIGNATURE_VERIFIED)
            return;
    }
}

/* ---- images ------------------------------------------------------------------------ */

/* What a payload says, which has this digest and was read by a worker. */
static const struct sealed *payload_of(const struct signatures *s,
                                       const struct sealed *one, struct span sha256)
{
    const struct job *job = job_with(one, sha256);
    for (size_t i = 0; job && i < s->count; i++)
        if (s->list[i].self == job && s->list[i].file.kind == SIGNATURE_FILE_PAYLOAD &&
            !s->list[i].reason[0] && !s->list[i].file.check)
            return &s->list[i];
    return NULL;
}

/* A signature is over a payload, which names an image by the digest of its manifest. */
static void verify_image(struct signatures *s, struct sealed *one)
{
    one->signature.kind = "cosign";
    sealed_set(one, SIGNATURE_UNSUPPORTED, "subject-present",
               span_of_text("the image that it is of, or its payload, is not here"));
    for (size_t i = 0; i < one->file.bundle_count; i++) {
        const struct bundle *b = &one->file.bundles[i];
        const struct sealed *payload = payload_of(s, one, b->digest);
        struct job *image = payload ? job_with(one, payload->file.image) : NULL;
        struct signature found;
        if (!image)
            continue;
        verify_bundle_of(s, one, b, payload->self, &found);
        if (!one->subject || found.state == SIGNATURE_VERIFIED) {
            one->signature = found;
            one->subject = image;
        }
        if (found.state == SIGNATURE_VERIFIED)
            return;
    }
}

/* ---- other kinds --------------------------------------------------------------------
 */

static void verify_minisign(struct sealed *one, const struct job *job)
{
    struct refusal why;
    char id[MINISIGN_ID_TEXT + 1];
    minisign_id_text(one->file.minisign.key_id.ptr, id);
    one->signature.kind = "minisign";
    one->signature.identity = arena_printf(one->arena, "minisign:%s", id);
    if (signers_minisign(one->signers, &one->file.minisign, raw(one, job, DIGEST_BLAKE2B),
                         &why))
        sealed_set(one, SIGNATURE_VERIFIED, "", (struct span){ 0 });
    else
        sealed_set(one, why.state, why.check, span_of_text(why.reason));
}

/* The certificate of a bare signature has the name of what was signed, and an ending. */
static bool is_certificate_of(const struct sealed *part, const struct sealed *one)
{
    static const char *const ends[] = { ".pem", ".crt", ".cert" };
    struct span path = part->source->path, stem = one->subject->source->path;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (span_ends(path, ends[i]) &&
            span_equal(span_slice(path, 0, path.len - strlen(ends[i])), stem))
            return part->file.kind == SIGNATURE_FILE_CERTIFICATE;
    return false;
}

/* The log's entry says which signature it is of. */
static bool is_entry_of(const struct sealed *part, const struct sealed *one)
{
    const struct signature_file *f = &part->file;
    return (f->kind == SIGNATURE_FILE_ENTRY || f->kind == SIGNATURE_FILE_OLD_BUNDLE) &&
           f->bundle_count && f->bundles[0].entry_count &&
           span_equal(f->bundles[0].entries[0].body.signature, one->file.bare);
}

static void verify_apart(struct signatures *s, struct sealed *one, const struct job *job)
{
    const struct verify_target target = target_of(one, job);
    struct bare_signature bare = { .signature = one->file.bare };
    for (size_t i = 0; i < s->count; i++) {
        const struct sealed *part = &s->list[i];
        if (part->list != one->list || part->reason[0] || part->file.check)
            continue;
        if (is_certificate_of(part, one))
            bare.certificate = &part->file;
        else if (is_entry_of(part, one))
            bare.entry = &part->file;
    }
    verify_bare(s->verifier, one->signers, VERIFY_ANY, one->arena, &bare, &target,
                job->list, job->source, &one->signature);
}

static bool is_as_hashed(int fd, const struct job *job)
{
    struct stat now;
    return fstat(fd, &now) == 0 && file_state_equal(&job->hashed, &now);
}

/* gpgv reads the file once more: what it says is of the bytes that were hashed only when
 * nobody has touched them since. */
static void verify_pgp(struct sealed *one, const struct job *job)
{
    struct error error;
    one->signature.kind = "gpg";
    if (job->list->remote) {
        sealed_set(one, SIGNATURE_UNSUPPORTED, "gpgv",
                   span_of_text("gpgv needs the file itself, which is not kept: `assay "
                                "fetch` it, and scan that"));
        return;
    }
    int signature = source_file_open(one->list, one->source, &error);
    int file = signature >= 0 ? source_file_open(job->list, job->source, &error) : -1;
    bool ran = file >= 0 && gpg_verify(one->signers->keyring, signature, file, one->arena,
                                       &one->signature, &error);
    if (!ran)
        sealed_set(one, SIGNATURE_UNSUPPORTED, "gpgv", span_of_text(error.message));
    else if (!is_as_hashed(file, job))
        sealed_set(one, SIGNATURE_INVALID, "file-changed",
                   span_of_text("the file is no longer the one that was hashed"));
    if (signature >= 0)
        (void)close(signature);
    if (file >= 0)
        (void)close(file);
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
    g->kind = one->file.kind == SIGNATURE_FILE_MINISIGN  ? "minisign"
              : one->file.kind == SIGNATURE_FILE_PGP     ? "gpg"
              : one->file.kind == SIGNATURE_FILE_UNKNOWN ? "unknown"
                                                         : "sigstore";
    if (one->reason[0])
        sealed_set(one, SIGNATURE_UNSUPPORTED, "readable", span_of_text(one->reason));
    else if (one->file.check)
        sealed_set(one, one->file.state, one->file.check, one->file.reason);
    else if (one->file.kind == SIGNATURE_FILE_UNKNOWN)
        sealed_set(one, SIGNATURE_UNSUPPORTED, "signature-kind",
                   span_of_text("it is no kind of signature that Assay knows"));
    else if (one->subject && !is_hashed(one->subject))
        sealed_set(one, SIGNATURE_UNSUPPORTED, "file-readable",
                   span_of_text("the file that it is of could not be read, or changed "
                                "meanwhile"));
    else
        sealed_set(one, SIGNATURE_UNSUPPORTED, "subject-present",
                   span_of_text("the file that it is of is not known by its name; "
                                "`assay verify` takes both"));
}

/* Files that only have a name or a beginning that may mean something. */
static bool worth_showing(const struct sealed *one)
{
    enum signature_file_kind kind = one->file.kind;
    if (one->reason[0])
        return true;
    if (kind == SIGNATURE_FILE_UNKNOWN)
        return promises_signature(one->source->path) ||
               (one->subject && !signature_file_lists(one->source->path));
    /* a list is no signature, a payload only what one is over, and others are parts of
     * one; a list that cannot be read is reported as incomplete */
    return kind != SIGNATURE_FILE_SUMS && kind != SIGNATURE_FILE_PAYLOAD &&
           kind != SIGNATURE_FILE_MANIFEST && kind != SIGNATURE_FILE_CERTIFICATE &&
           kind != SIGNATURE_FILE_ENTRY && kind != SIGNATURE_FILE_ATTESTATIONS;
}

static void verify_detached(struct signatures *s, struct sealed *one)
{
    const struct job *job = one->subject;
    bool hashed = is_hashed(job);
    switch (one->file.kind) {
    case SIGNATURE_FILE_BUNDLE:
    case SIGNATURE_FILE_ENVELOPE:
    case SIGNATURE_FILE_OLD_BUNDLE:
        verify_bundles(s, one);
        break;
    case SIGNATURE_FILE_IMAGE:
        verify_image(s, one);
        break;
    case SIGNATURE_FILE_MINISIGN:
        if (hashed)
            verify_minisign(one, job);
        break;
    case SIGNATURE_FILE_BARE:
        if (hashed)
            verify_apart(s, one, job);
        break;
    case SIGNATURE_FILE_PGP:
        if (hashed)
            verify_pgp(one, job);
        break;
    default:
        break;
    }
}

static void verify_rest(struct signatures *s, struct sealed *one)
{
    if (one->signature.kind || !one->arena || !worth_showing(one))
        return;
    if (!one->reason[0] && !one->file.check)
        verify_detached(s, one);
    if (!one->signature.kind)
        explain_rest(one);
}

/* ---- a model against its accepted signature -----------------------------------------
 */

static void invalid(struct sealed *one, const char *check, struct span path,
                    const char *what)
{
    if (one->signature.state == SIGNATURE_VERIFIED) /* the first reason stays */
        sealed_set(one, SIGNATURE_INVALID, check,
                   arena_printf(one->arena, "%.*s %s", (int)path.len,
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
        if (e->end != WHOLE_FILE && is_hashed(job))
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
    one->signature.covers = arena_printf(one->arena, "%zu file%s", one->covered,
                                         one->covered == 1 ? "" : "s");
}

/* ---- into the result ----------------------------------------------------------------
 */

const struct signature *signature_show(struct model *m, const struct signature *from,
                                       struct span path)
{
    struct signature *g = arena_alloc(m->arena, sizeof *g), **last = &m->signatures;
    if (!g)
        return NULL;
    *g = *from;
    struct span *const texts[] = { &g->identity, &g->issuer,  &g->root,  &g->time,
                                   &g->covers,   &g->builder, &g->check, &g->reason };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_copy(m->arena, *texts[i]);
    g->path = arena_copy(m->arena, path);
    g->next = NULL;
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
    if (g && g->state == SIGNATURE_VERIFIED && is_hashed(job))
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

/* ---- what signed lists say of other files -------------------------------------------
 */

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
        verify_rest(s, one);
        if (one->model)
            check_model(s, one);
        report(one);
        if (!one->signature.kind)
            continue;
        if (one->self && one->self->model)
            ok = copy_to(one->self->model, one) != NULL;
        if (sealed_is_model(&one->file))
            for (size_t k = 0; ok && one->files && k < one->files->count; k++)
                ok = vouch(one, sealed_entry_job(one, &one->files->entries[k]));
        else
            ok = ok && vouch(one, one->subject);
    }
    if (ok)
        pass_on_all(s);
    return ok && signatures_attach_images(s);
}
