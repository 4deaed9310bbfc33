/* A signature of one file or image, against the digests of what it is of. */
#include "engine/signatures/private.h"

#include "core/base64.h"
#include "core/file_state.h"
#include "engine/verifying/bare_signature.h"
#include "engine/verifying/image_referrers.h"
#include "integrity/gpg.h"
#include "integrity/statement/slsa.h"

#include <unistd.h>

/* ---- bundles ----------------------------------------------------------------------- */

/* As one whole: digests of a file that changed meanwhile are those of no file. */
bool job_is_hashed(const struct job *job)
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

struct job *sealed_digest_job(const struct sealed *one, enum digest_algorithm a,
                              struct span digest)
{
    struct span hex = hex_encode(one->arena, digest);
    for (size_t i = 0; hex.len && i < one->job_count; i++)
        if (job_is_hashed(&one->jobs[i]) && span_equal(one->jobs[i].digests[a], hex))
            return &one->jobs[i];
    return NULL;
}

static struct job *job_with(const struct sealed *one, struct span sha256)
{
    return sealed_digest_job(one, DIGEST_SHA256, sha256);
}

/* Names are advice: a statement by somebody accepted is of whatever has its digests.
 * NULL: with what is wrong with it, or nothing, when none of that is here. */
static struct job *subject_by_digest(struct signatures *s, struct sealed *one,
                                     const struct bundle *b,
                                     struct signature *ret_signature)
{
    struct signature found = { .kind = "in-toto" };
    const struct verify_context c = sealed_context(s, one);
    const struct verify_target any = { .any_subject = true };
    enum digest_algorithm algorithm;
    struct verification v;
    size_t count;
    if (b->content == CONTENT_MESSAGE)
        return sealed_digest(b, &algorithm) ? sealed_digest_job(one, algorithm, b->digest)
                                            : NULL;
    verifier_bundle(&c, b, &any, &v);
    signature_from(one->arena, &v, &found);
    if (v.state != SIGNATURE_VERIFIED) {
        *ret_signature = found;
        return NULL;
    }
    const struct span *subjects = slsa_subjects(one->arena, v.payload, &count);
    for (size_t i = 0; i < count; i++) {
        struct job *job = subjects[i].len ? job_with(one, subjects[i]) : NULL;
        if (job)
            return job;
    }
    return NULL;
}

static void verify_bundle_of(struct signatures *s, struct sealed *one,
                             const struct bundle *b, const struct job *job,
                             struct signature *ret_signature)
{
    const struct verify_context c = sealed_context(s, one);
    const struct verify_target target = target_of(one, job);
    struct signature found = { 0 };
    struct verification v;
    found.kind = b->content == CONTENT_ENVELOPE            ? "in-toto"
                 : one->file.kind == SIGNATURE_FILE_BUNDLE ? "sigstore"
                                                           : "cosign";
    verifier_file(&c, b, &target, job->list, job->source, &v);
    signature_from(one->arena, &v, &found);
    if (found.state == SIGNATURE_VERIFIED && b->content == CONTENT_ENVELOPE)
        verify_provenance(&c, &v, &found);
    *ret_signature = found;
}

/* The first that verifies counts, else what is wrong with the first. */
static void verify_bundles(struct signatures *s, struct sealed *one)
{
    struct job *named = one->subject;
    for (size_t i = 0; i < one->file.bundle_count; i++) {
        const struct bundle *b = &one->file.bundles[i];
        struct signature found = { 0 };
        struct job *job = named ? named : subject_by_digest(s, one, b, &found);
        if (job_is_hashed(job))
            verify_bundle_of(s, one, b, job, &found);
        bool verified = found.kind && found.state == SIGNATURE_VERIFIED;
        if (i == 0 || verified)
            one->signature = found;
        if ((i == 0 || verified) && job && found.kind)
            one->subject = job;
        if (verified)
            return;
    }
}

/* ---- images ------------------------------------------------------------------------ */

static bool is_read(const struct sealed *one, enum signature_file_kind kind)
{
    return one->file.kind == kind && !one->reason[0] && !one->file.check;
}

/* The layer of that kind which has this digest and was read by a worker. */
static const struct sealed *layer_of(const struct signatures *s, const struct sealed *one,
                                     struct span sha256, enum signature_file_kind kind)
{
    const struct job *job = job_with(one, sha256);
    for (size_t i = 0; job && i < s->count; i++)
        if (s->list[i].self == job && is_read(&s->list[i], kind))
            return &s->list[i];
    return NULL;
}

/* A signature is over a payload, which names an image by the digest of its manifest. */
static struct job *verify_payload(struct signatures *s, struct sealed *one,
                                  const struct bundle *b, struct signature *ret_signature)
{
    const struct sealed *payload = layer_of(s, one, b->digest, SIGNATURE_FILE_PAYLOAD);
    struct job *image = payload ? job_with(one, payload->file.image) : NULL;
    if (image)
        verify_bundle_of(s, one, b, payload->self, ret_signature);
    return image;
}

/* An attestation is in an envelope, whose certificate the manifest has. */
static struct job *verify_attestation(struct signatures *s, struct sealed *one,
                                      const struct bundle *b,
                                      struct signature *ret_signature)
{
    const struct sealed *layer = layer_of(s, one, b->digest, SIGNATURE_FILE_ENVELOPE);
    struct bundle whole;
    if (!layer || !image_attestation(b, &layer->file, &whole))
        return NULL;
    struct job *image = subject_by_digest(s, one, &whole, ret_signature);
    if (image)
        verify_bundle_of(s, one, &whole, image, ret_signature);
    return image;
}

/* The first that verifies counts, else what is wrong with the first. */
static void verify_image(struct signatures *s, struct sealed *one)
{
    bool attestations = one->file.kind == SIGNATURE_FILE_ATTESTATIONS, any = false;
    one->signature.kind = attestations ? "in-toto" : "cosign";
    sealed_set(one, SIGNATURE_UNSUPPORTED, "subject-present",
               span_of_text("the image that it is of, or its payload, is not here"));
    for (size_t i = 0; i < one->file.bundle_count; i++) {
        const struct bundle *b = &one->file.bundles[i];
        struct signature found = { 0 };
        struct job *image = attestations ? verify_attestation(s, one, b, &found)
                                         : verify_payload(s, one, b, &found);
        if (!found.kind || (any && found.state != SIGNATURE_VERIFIED))
            continue;
        any = true;
        one->signature = found;
        one->subject = image;
        if (found.state == SIGNATURE_VERIFIED)
            return;
    }
}

/* Such an envelope is verified with what the manifest says of it. */
static bool is_attestation_layer(const struct signatures *s, struct sealed *one)
{
    if (one->file.kind != SIGNATURE_FILE_ENVELOPE || !job_is_hashed(one->self))
        return false;
    struct span sha256 = raw(one, one->self, DIGEST_SHA256);
    for (size_t i = 0; i < s->count; i++) {
        const struct sealed *m = &s->list[i];
        if (m->list != one->list || !is_read(m, SIGNATURE_FILE_ATTESTATIONS))
            continue;
        for (size_t k = 0; k < m->file.bundle_count; k++)
            if (span_equal(m->file.bundles[k].digest, sha256))
                return true;
    }
    return false;
}

/* ---- other kinds ----------------------------------------------------------------- */

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
    const struct verify_context c = sealed_context(s, one);
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
    verify_bare(&c, &bare, &target, job->list, job->source, &one->signature);
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
    else if (one->subject && !job_is_hashed(one->subject))
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
        return !signature_file_lists(one->source->path);
    if (kind == SIGNATURE_FILE_UNKNOWN)
        return promises_signature(one->source->path) ||
               (one->subject && !signature_file_lists(one->source->path));
    /* a list is no signature, a payload only what one is over, and others are parts of
     * one; a list that cannot be read is reported as incomplete */
    return kind != SIGNATURE_FILE_SUMS && kind != SIGNATURE_FILE_PAYLOAD &&
           kind != SIGNATURE_FILE_MANIFEST && kind != SIGNATURE_FILE_CERTIFICATE &&
           kind != SIGNATURE_FILE_ENTRY;
}

static void verify_detached(struct signatures *s, struct sealed *one)
{
    const struct job *job = one->subject;
    bool hashed = job_is_hashed(job);
    switch (one->file.kind) {
    case SIGNATURE_FILE_BUNDLE:
    case SIGNATURE_FILE_ENVELOPE:
    case SIGNATURE_FILE_OLD_BUNDLE:
        verify_bundles(s, one);
        break;
    case SIGNATURE_FILE_IMAGE:
    case SIGNATURE_FILE_ATTESTATIONS:
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

void sealed_verify(struct signatures *s, struct sealed *one)
{
    if (one->signature.kind || !one->arena || !worth_showing(one) ||
        is_attestation_layer(s, one))
        return;
    if (!one->reason[0] && !one->file.check)
        verify_detached(s, one);
    if (!one->signature.kind)
        explain_rest(one);
}
