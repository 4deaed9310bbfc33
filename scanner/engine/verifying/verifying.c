#include "engine/verifying/verifying.h"

#include "core/base64.h"
#include "engine/hashing.h"
#include "engine/verifying/bare_signature.h"
#include "engine/verifying/image_layout.h"
#include "engine/verifying/image_referrers.h"
#include "integrity/gpg.h"
#include "integrity/signature_file.h"
#include "sources/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARENA_MAX = 1 << 30 };

static struct verify_context context(const struct verify_request *r,
                                     const struct verify_report *report)
{
    return (struct verify_context){ r->verifier, r->signers, r->method, report->arena };
}

/* ---- the signature file ----------------------------------------------------------- */

static bool take_apart(const struct verify_request *r, const char *path,
                       struct arena *arena, struct signature_file *ret_file,
                       struct error *error)
{
    char reason[REASON_MAX];
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(error, ERROR_IO, "%s", path);
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (!ok)
        (void)error_set(error, ERROR_IO, "%s: not a regular file", path);
    else if (st.st_size > SIGNATURE_FILE_MAX)
        ok = error_set(error, ERROR_IO, "%s: too large for a signature", path);
    struct worker *w = ok ? verifier_worker(r->verifier, error) : NULL;
    ok = w && worker_signature(w, fd, arena, ret_file, reason, error);
    if (ok && reason[0])
        ok = error_set(error, ERROR_IO, "%.200s: %.250s", path, reason);
    (void)close(fd);
    return ok;
}

/* ---- a signature of a model ------------------------------------------------------- */

static bool compare_model(const struct verify_request *r, const struct source_list *list,
                          const struct oms_manifest *m, struct verify_report *report,
                          struct error *error)
{
    struct signed_options options;
    struct arena *arena = report->arena;
    struct signature *s = &report->signature;
    const char *check = NULL;
    if (!model_signed_options(list, &r->files, r->signature, arena, &options, error) ||
        !signed_files_compare(list, m, &options, arena, &report->files, error))
        return false;
    report->has_files = true;
    const struct signed_file *bad =
        signed_files_worst(&report->files, options.ignore_unsigned, &check);
    if (bad) {
        bool unreadable = bad->status == SIGNED_UNREADABLE;
        struct span reason = arena_printf(
            arena, "%.*s: %s", (int)bad->path.len, (const char *)bad->path.ptr,
            bad->note.len ? (const char *)arena_text(arena, bad->note)
                          : "it is there, and was not signed");
        signature_set(arena, s, unreadable ? SIGNATURE_UNSUPPORTED : SIGNATURE_INVALID,
                      check, "");
        s->reason = reason;
    }
    size_t named = 0;
    for (size_t i = 0; i < m->files.count; i++) /* ranges of one are neighbours */
        named +=
            i == 0 || !span_equal(m->files.entries[i].path, m->files.entries[i - 1].path);
    s->covers = arena_printf(arena, "%zu file%s, %llu of them as signed", named,
                             named == 1 ? "" : "s",
                             (unsigned long long)report->files.counts[SIGNED_SAME]);
    return true;
}

static bool verify_model(const struct verify_request *r, const struct source_list *list,
                         const struct bundle *b, struct verify_report *report,
                         struct error *error)
{
    const struct verify_context c = context(r, report);
    const struct verify_target any = { .any_subject = true };
    struct verification v;
    struct oms_manifest m;
    struct refusal why;
    report->signature.kind = "oms";
    verifier_bundle(&c, b, &any, &v);
    signature_from(report->arena, &v, &report->signature);
    report->legacy = v.legacy;
    report->material = v.method == VERIFY_KEY           ? "key"
                       : v.method == VERIFY_CERTIFICATE ? "certificate"
                       : v.method == VERIFY_KEYLESS     ? "sigstore"
                                                        : "";
    if (v.state != SIGNATURE_VERIFIED)
        return true;
    if (!oms_parse(v.payload, report->arena, NULL, &m, &why)) {
        signature_set(report->arena, &report->signature, why.state, why.check,
                      why.reason);
        return true;
    }
    return compare_model(r, list, &m, report, error);
}

/* ---- a signature of one file ------------------------------------------------------ */

struct blob {
    const char *path; /* NULL: only its digest is known */
    const struct source_list *list;
    struct verify_target target;
    struct span blake2b;
};

static bool raw_digest(struct arena *arena, const struct hash_item *item,
                       enum digest_algorithm a, struct span *ret)
{
    char hex[DIGEST_HEX_MAX + 1];
    return digester_hex(item->all, a, hex) && hex_decode(arena, span_of_text(hex), ret);
}

static bool hash_blob(const struct source_list *list, bool minisign, struct arena *arena,
                      struct blob *b, struct error *error)
{
    struct hash_item item = {
        .file = list->files,
        .end = UINT64_MAX,
        .algorithms = DIGEST_BIT(DIGEST_SHA256) |
                      (minisign ? DIGEST_BIT(DIGEST_BLAKE2B)
                                : DIGEST_BIT(DIGEST_SHA384) | DIGEST_BIT(DIGEST_SHA512)),
    };
    if (list->files->problem.len)
        return error_set(error, ERROR_IO, "%s: %s", b->path,
                         (const char *)list->files->problem.ptr);
    if (!hash_items(list, &item, 1, 1, error))
        return false;
    bool ok = item.problem[0] == '\0' ||
              error_set(error, ERROR_IO, "%.200s: %s", b->path, item.problem);
    ok = ok && raw_digest(arena, &item, DIGEST_SHA256, &b->target.sha256) &&
         (minisign ? raw_digest(arena, &item, DIGEST_BLAKE2B, &b->blake2b)
                   : raw_digest(arena, &item, DIGEST_SHA384, &b->target.sha384) &&
                         raw_digest(arena, &item, DIGEST_SHA512, &b->target.sha512));
    hash_items_free(&item, 1);
    return ok;
}

/* The best of several: verified, else the first that says why not. */
static void verify_bundles(const struct verify_request *r,
                           const struct signature_file *file, const struct blob *b,
                           struct verify_report *report)
{
    const struct verify_context c = context(r, report);
    for (size_t i = 0; i < file->bundle_count; i++) {
        struct signature s = { .kind = "sigstore" };
        struct verification v;
        verifier_file(&c, &file->bundles[i], &b->target, b->list,
                      b->list ? b->list->files : NULL, &v);
        if (file->bundles[i].content == CONTENT_ENVELOPE)
            s.kind = "in-toto";
        else if (file->kind == SIGNATURE_FILE_OLD_BUNDLE)
            s.kind = "cosign";
        signature_from(report->arena, &v, &s);
        if (s.state == SIGNATURE_VERIFIED &&
            (r->signers->builder || file->bundles[i].content == CONTENT_ENVELOPE))
            verify_provenance(&c, &v, &s);
        if (i == 0 || s.state == SIGNATURE_VERIFIED)
            report->signature = s;
        if (s.state == SIGNATURE_VERIFIED)
            break;
    }
}

static void verify_minisign(const struct verify_request *r,
                            const struct signature_file *file, const struct blob *b,
                            struct verify_report *report)
{
    struct signature *s = &report->signature;
    struct refusal why;
    char id[MINISIGN_ID_TEXT + 1];
    minisign_id_text(file->minisign.key_id.ptr, id);
    s->identity = arena_printf(report->arena, "minisign:%s", id);
    bool ok = signers_minisign(r->signers, &file->minisign, b->blake2b, &why);
    signature_set(report->arena, s, ok ? SIGNATURE_VERIFIED : why.state,
                  ok ? "" : why.check, ok ? "" : why.reason);
}

/* Beside the file or beside the signature, as it is commonly named. */
static const char *find_certificate(const struct verify_request *r, struct arena *arena)
{
    static const char *const ends[] = { ".pem", ".crt", ".cert" };
    struct span stem = signature_file_subject(span_of_text(r->signature));
    for (size_t i = 0; stem.len && i < sizeof ends / sizeof *ends; i++) {
        struct span path =
            arena_printf(arena, "%.*s%s", (int)stem.len, (const char *)stem.ptr, ends[i]);
        if (path.len && access((const char *)path.ptr, F_OK) == 0)
            return (const char *)path.ptr;
    }
    return NULL;
}

/* A file that stands apart; *ret_file is NULL when none was named.  One that was found
 * and is something else does not count. */
static bool take_part(const struct verify_request *r, const char *path, bool named,
                      enum signature_file_kind kind, const char *what,
                      struct verify_report *report,
                      const struct signature_file **ret_file, struct error *error)
{
    struct signature_file *file = arena_alloc(report->arena, sizeof *file);
    *ret_file = NULL;
    if (!path)
        return true;
    if (!file)
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (!take_apart(r, path, report->arena, file, error))
        return false;
    bool entry = kind == SIGNATURE_FILE_ENTRY && file->kind == SIGNATURE_FILE_OLD_BUNDLE;
    bool good = (file->kind == kind || entry) && !file->check && file->bundle_count == 1;
    if (good)
        *ret_file = file;
    return good || !named || error_set(error, ERROR_CONFIG, "%s: no %s", path, what);
}

static bool verify_apart(const struct verify_request *r,
                         const struct signature_file *file, const struct blob *b,
                         struct verify_report *report, struct error *error)
{
    const struct verify_context c = context(r, report);
    struct bare_signature bare = { .signature = file->bare };
    const char *certificate =
        r->certificate ? r->certificate : find_certificate(r, report->arena);
    if (!take_part(r, certificate, r->certificate != NULL, SIGNATURE_FILE_CERTIFICATE,
                   "certificate in PEM", report, &bare.certificate, error) ||
        !take_part(r, r->entry, true, SIGNATURE_FILE_ENTRY, "log entry", report,
                   &bare.entry, error))
        return false;
    verify_bare(&c, &bare, &b->target, b->list, b->list ? b->list->files : NULL,
                &report->signature);
    return true;
}

static bool verify_pgp(const struct verify_request *r, const struct blob *b,
                       struct verify_report *report, struct error *error)
{
    int file = source_file_open(b->list, b->list->files, error);
    int signature = open(r->signature, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool ok = file >= 0 &&
              (signature >= 0 || error_errno(error, ERROR_IO, "%s", r->signature)) &&
              gpg_verify(r->signers->keyring, signature, file, report->arena,
                         &report->signature, error);
    if (file >= 0)
        (void)close(file);
    if (signature >= 0)
        (void)close(signature);
    return ok;
}

static bool verify_blob(const struct verify_request *r, const struct signature_file *file,
                        struct blob *b, struct verify_report *report, struct error *error)
{
    struct signature *s = &report->signature;
    switch (file->kind) {
    case SIGNATURE_FILE_BUNDLE:
    case SIGNATURE_FILE_ENVELOPE:
    case SIGNATURE_FILE_OLD_BUNDLE:
        verify_bundles(r, file, b, report);
        return true;
    case SIGNATURE_FILE_MINISIGN:
        s->kind = "minisign";
        if (!b->path)
            return error_set(error, ERROR_USAGE,
                             "a signature of minisign is verified with the file itself");
        verify_minisign(r, file, b, report);
        return true;
    case SIGNATURE_FILE_BARE:
        return verify_apart(r, file, b, report, error);
    case SIGNATURE_FILE_IMAGE:
    case SIGNATURE_FILE_ATTESTATIONS:
        s->kind = "cosign";
        signature_set(report->arena, s, SIGNATURE_UNSUPPORTED, "signature-kind",
                      "it is of a container image: name the OCI layout that holds both");
        return true;
    case SIGNATURE_FILE_PGP:
        s->kind = "gpg";
        if (!b->path)
            return error_set(error, ERROR_USAGE,
                             "a signature of PGP is verified with the file itself");
        return verify_pgp(r, b, report, error);
    default:
        s->kind = "unknown";
        signature_set(report->arena, s, SIGNATURE_UNSUPPORTED, "signature-kind",
                      "it is no kind of signature that Assay knows");
        return true;
    }
}

/* ---- targets ---------------------------------------------------------------------- */

static bool digest_target(const char *text, struct arena *arena, struct blob *ret)
{
    struct span hex = span_slice(span_of_text(text), strlen("sha256:"), SIZE_MAX);
    return digest_canonical(hex, DIGEST_SHA256) &&
           hex_decode(arena, hex, &ret->target.sha256);
}

/* The endings under which a signature is looked for, the first that is there counts. */
static bool find_signature(const char *target, bool directory, struct arena *arena,
                           const char **ret_path)
{
    static const char *const inside[] = { "/model.sig", "/model.sigstore.json",
                                          "/.kaggle/signing.json" };
    static const char *const beside[] = { ".sigstore.json", ".sig", ".sigstore",
                                          ".minisig",       ".asc", ".gpg" };
    const char *const *ends = directory ? inside : beside;
    size_t count =
        directory ? sizeof inside / sizeof *inside : sizeof beside / sizeof *beside;
    for (size_t i = 0; i < count; i++) {
        struct span path = arena_printf(arena, "%s%s", target, ends[i]);
        if (path.len && access((const char *)path.ptr, F_OK) == 0) {
            *ret_path = (const char *)path.ptr;
            return true;
        }
    }
    return false;
}

static bool verify_path(const struct verify_request *r, const struct source_list *list,
                        const struct signature_file *file, struct verify_report *report,
                        struct error *error)
{
    struct blob b = { .path = r->target, .list = list };
    if (signature_file_is_model(file) && (list->directory || file->has_model))
        return verify_model(r, list, &file->bundles[0], report, error);
    if (list->directory) {
        report->signature.kind = "unknown";
        signature_set(report->arena, &report->signature, SIGNATURE_UNSUPPORTED,
                      "signature-kind", "it is no signature of a model's directory");
        return true;
    }
    if (!hash_blob(list, file->kind == SIGNATURE_FILE_MINISIGN, report->arena, &b, error))
        return false;
    return verify_blob(r, file, &b, report, error);
}

static bool verify_with(const struct verify_request *r, struct source_list *list,
                        struct verify_report *report, struct error *error)
{
    struct signature_file file;
    struct blob b = { .path = NULL };
    bool digest = strncmp(r->target, "sha256:", 7) == 0;
    if (digest && !digest_target(r->target, report->arena, &b))
        return error_set(error, ERROR_USAGE, "%s: not sha256: and 64 lower-case digits",
                         r->target);
    if (!take_apart(r, r->signature, report->arena, &file, error))
        return false;
    report->signature.path = arena_copy(report->arena, span_of_text(r->signature));
    if (file.check) {
        report->signature.kind = "unknown";
        signature_set(report->arena, &report->signature, file.state, file.check, "");
        report->signature.reason = file.reason;
        return true;
    }
    return digest ? verify_blob(r, &file, &b, report, error)
                  : verify_path(r, list, &file, report, error);
}

/* An image at a registry: what is signed is its manifest, so its layers stay there. */
static bool verify_remote(const struct verify_request *r, const struct source_list *list,
                          struct verify_report *report, struct error *error)
{
    const struct image *images = remote_answers(list->remote)->images;
    const struct verify_context c = context(r, report);
    if (!images)
        return error_set(error, ERROR_USAGE, "%.300s: is no image of a registry",
                         r->target);
    if (r->signature)
        return error_set(error, ERROR_USAGE,
                         "%.300s: the signatures of an image come from its registry, and "
                         "not from %.200s",
                         r->target, r->signature);
    image_reference_verify(&c, images, report);
    return !arena_exhausted(report->arena) ||
           error_set(error, ERROR_MEMORY, "out of memory");
}

/* The signature is not named, or lies where it is looked for. */
static bool verify_local(struct verify_request *r, struct source_list *list,
                         struct verify_report *report, struct error *error)
{
    if (r->signature ||
        find_signature(r->target, list->directory, report->arena, &r->signature))
        return verify_with(r, list, report, error);
    if (image_layout_is(list))
        return image_layout_verify(r, list, report, error);
    signature_set(report->arena, &report->signature, SIGNATURE_UNSIGNED,
                  "signature-present",
                  "no signature was named, and none lies where one is looked for");
    return true;
}

bool verify_target(const struct verify_request *request, struct verify_report *ret_report,
                   struct error *error)
{
    struct verify_request r = *request;
    struct verify_report report = { .arena = arena_new(ARENA_MAX), .material = "" };
    struct source_list list = { .anchor_fd = -1 };
    r.verifier = verifier_new(&r.worker, r.now);
    bool ok =
        (report.arena && r.verifier) || error_set(error, ERROR_MEMORY, "out of memory");
    report.signature.kind = "none";
    if (ok && strncmp(r.target, "sha256:", 7) != 0)
        ok = source_open(r.target, r.source, &list, error);
    ok = ok && (list.remote ? verify_remote(&r, &list, &report, error)
                            : verify_local(&r, &list, &report, error));
    if (list.arena)
        source_close(&list);
    verifier_free(r.verifier);
    if (ok)
        *ret_report = report;
    else
        arena_free(report.arena);
    return ok;
}

void verify_report_free(struct verify_report *r)
{
    arena_free(r->arena);
    *r = (struct verify_report){ 0 };
}
