#include "engine/verifying/image_layout.h"

#include "core/base64.h"
#include "core/file_state.h"
#include "engine/hashing.h"
#include "engine/verifying/image_referrers.h"
#include "integrity/signature_file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* An index names indexes at most, these name manifests, these name layers. */
enum { DEEP = 4, IMAGES_MAX = 256 };

struct layout {
    const struct verify_request *request;
    const struct source_list *list;
    struct arena *arena;
    struct error *error;
    struct verify_report *report;
    uint64_t covered;
};

/* Something that index.json names, taken apart. */
struct part {
    const struct manifest_entry *entry;
    struct signature_file file;
    struct span digest; /* raw */
    bool holds_signatures;
};

static const struct source_file *find_file(const struct source_list *list,
                                           struct span path)
{
    const struct source_file *f = list->files;
    while (f && !span_equal(f->path, path))
        f = f->next;
    return f;
}

bool image_layout_is(const struct source_list *list)
{
    return list->directory && find_file(list, span_of_text("oci-layout")) &&
           find_file(list, span_of_text("index.json"));
}

static void say(struct layout *l, struct signature *s, enum signature_state state,
                const char *check, struct span path, const char *what)
{
    s->state = state;
    s->check = span_of_text(check);
    s->reason =
        arena_printf(l->arena, "%.*s %s", (int)path.len, (const char *)path.ptr, what);
}

/* ---- blobs ------------------------------------------------------------------------ */

/* False with what is wrong with it in *s: it is not there, unreadable, or another. */
static bool blob_holds(struct layout *l, const struct manifest_entry *e,
                       struct signature *s)
{
    struct error ignored;
    const struct source_file *f = find_file(l->list, e->path);
    struct hash_item item = { .file = f,
                              .end = UINT64_MAX,
                              .algorithms = DIGEST_BIT(DIGEST_SHA256) };
    if (!f) {
        say(l, s, SIGNATURE_INVALID, "file-missing", e->path, "is not there");
        return false;
    }
    bool read = !f->problem.len && hash_items(l->list, &item, 1, 1, &ignored) && item.hex;
    bool same = read && span_is(e->digest, item.hex);
    if (!read)
        say(l, s, SIGNATURE_UNSUPPORTED, "file-readable", e->path, "cannot be read");
    else if (!same)
        say(l, s, SIGNATURE_INVALID, "file-digest", e->path, "has not the signed digest");
    if (!f->problem.len)
        hash_items_free(&item, 1);
    return same;
}

/* Taken apart by the worker; false: the world, or the worker, failed. */
static bool take(struct layout *l, struct span path, struct signature_file *ret_file)
{
    char reason[REASON_MAX];
    const struct source_file *f = find_file(l->list, path);
    *ret_file = (struct signature_file){ .kind = SIGNATURE_FILE_UNKNOWN };
    if (!f || f->problem.len || f->size > SIGNATURE_FILE_MAX)
        return true;
    int fd = source_file_open(l->list, f, l->error);
    struct worker *w = verifier_worker(l->request->verifier, l->error);
    bool ok =
        fd >= 0 && w && worker_signature(w, fd, l->arena, ret_file, reason, l->error);
    if (fd >= 0)
        (void)close(fd);
    if (ok && reason[0])
        *ret_file = (struct signature_file){ .kind = SIGNATURE_FILE_UNKNOWN };
    return ok;
}

static struct manifest_entry blob_of(struct layout *l, struct span digest)
{
    struct span hex = hex_encode(l->arena, digest);
    return (struct manifest_entry){
        .path = arena_printf(l->arena, "blobs/sha256/%.*s", (int)hex.len,
                             (const char *)hex.ptr),
        .digest = hex,
    };
}

static bool is_manifest(const struct signature_file *f)
{
    return f->kind == SIGNATURE_FILE_MANIFEST && !f->check;
}

/* Everything below a manifest whose digest is signed. */
static bool check_below(struct layout *l, const struct signature_file *m, int depth,
                        struct signature *s)
{
    for (size_t i = 0; i < m->sums.count && s->state == SIGNATURE_VERIFIED; i++) {
        const struct manifest_entry *e = &m->sums.entries[i];
        struct signature_file file;
        if (!blob_holds(l, e, s))
            return true;
        l->covered++;
        if (!m->index)
            continue;
        if (!take(l, e->path, &file))
            return false;
        if (depth == 0 || !is_manifest(&file))
            say(l, s, SIGNATURE_UNSUPPORTED, "signature-kind", e->path,
                "is no manifest that can be followed");
        else if (!check_below(l, &file, depth - 1, s))
            return false;
    }
    return true;
}

/* ---- signatures ------------------------------------------------------------------- */

/* The better of what was found and this. */
static void consider(struct layout *l, const struct bundle *b, struct span sha256,
                     const char *kind, struct span path, struct signature *best)
{
    const struct verify_request *r = l->request;
    const struct verify_context c = { .verifier = r->verifier,
                                      .signers = r->signers,
                                      .method = r->method,
                                      .arena = l->arena };
    struct signature s;
    image_bundle_verify(&c, b, sha256, span_of(NULL, 0), kind, &s);
    s.path = path;
    if (best->state == SIGNATURE_UNSIGNED ||
        (best->state != SIGNATURE_VERIFIED && s.state == SIGNATURE_VERIFIED))
        *best = s;
}

/* Over a payload, which names the image; or in it, an envelope that does. */
static bool try_payloads(struct layout *l, const struct part *from,
                         const struct part *image, struct signature *best)
{
    for (size_t i = 0; i < from->file.bundle_count; i++) {
        const struct bundle *b = &from->file.bundles[i];
        struct manifest_entry blob = blob_of(l, b->digest);
        struct signature_file payload;
        struct bundle whole;
        struct signature ignored = { 0 };
        if (!blob_holds(l, &blob, &ignored))
            continue;
        if (!take(l, blob.path, &payload))
            return false;
        if (from->file.kind == SIGNATURE_FILE_ATTESTATIONS) {
            if (image_attestation(b, &payload, &whole))
                consider(l, &whole, image->digest, "in-toto", from->entry->path, best);
        } else if (payload.kind == SIGNATURE_FILE_PAYLOAD && !payload.check &&
                   span_equal(payload.image, image->digest)) {
            consider(l, b, b->digest, "cosign", from->entry->path, best);
        }
    }
    return true;
}

/* Bundles whose statements are about the image. */
static bool try_bundles(struct layout *l, const struct part *from,
                        const struct part *image, struct signature *best)
{
    for (size_t i = 0; i < from->file.sums.count; i++) {
        struct signature_file f;
        struct span path = from->file.sums.entries[i].path;
        if (!take(l, path, &f))
            return false;
        for (size_t k = 0;
             f.kind == SIGNATURE_FILE_BUNDLE && !f.check && k < f.bundle_count; k++)
            consider(l, &f.bundles[k], image->digest, "in-toto", path, best);
    }
    return true;
}

/* Signatures or attestations as cosign wrote them first. */
static bool is_annotated(const struct signature_file *f)
{
    return f->kind == SIGNATURE_FILE_IMAGE || f->kind == SIGNATURE_FILE_ATTESTATIONS;
}

/* Is the blob, by what it holds too, one of the payloads that the manifest has signatures
 * of? */
static bool is_payload(const struct part *p, struct span hex,
                       const struct signature_file *blob, struct arena *arena)
{
    if (blob->check ||
        blob->kind != (p->file.kind == SIGNATURE_FILE_IMAGE ? SIGNATURE_FILE_PAYLOAD
                                                            : SIGNATURE_FILE_ENVELOPE))
        return false;
    for (size_t i = 0; i < p->file.bundle_count; i++)
        if (span_equal(hex_encode(arena, p->file.bundles[i].digest), hex))
            return true;
    return false;
}

/* A manifest that holds signatures, and nothing that somebody could load. */
static bool holds_signatures(struct layout *l, const struct part *p, bool *ret_holds)
{
    const struct signature_file *f = &p->file;
    bool old = is_annotated(f) && !f->check;
    bool holds = old || (is_manifest(f) && f->image.len);
    for (size_t i = 0; holds && i < f->sums.count; i++) {
        const struct manifest_entry *e = &f->sums.entries[i];
        struct signature_file blob;
        if (span_equal(e->digest, f->config))
            continue;
        if (!take(l, e->path, &blob))
            return false;
        holds = old ? is_payload(p, e->digest, &blob, l->arena)
                    : blob.kind == SIGNATURE_FILE_BUNDLE && !blob.check;
    }
    *ret_holds = holds;
    return true;
}

static bool find_signatures(struct layout *l, const struct part *parts, size_t count,
                            const struct part *image, struct signature *best)
{
    for (size_t i = 0; i < count; i++) {
        const struct part *p = &parts[i];
        bool old = is_annotated(&p->file);
        if (p->holds_signatures && (old ? !try_payloads(l, p, image, best)
                                        : span_equal(p->file.image, image->digest) &&
                                              !try_bundles(l, p, image, best)))
            return false;
    }
    return true;
}

static bool verify_image(struct layout *l, const struct part *parts, size_t count,
                         const struct part *image, struct signature *ret)
{
    struct signature s = { .kind = "none" }, broken = { .kind = "cosign" };
    say(l, &s, SIGNATURE_UNSIGNED, "signature-present", image->entry->path,
        "is an image, and no signature here is of it");
    if (!find_signatures(l, parts, count, image, &s))
        return false;
    if (!blob_holds(l, image->entry, &broken))
        s = broken;
    else if (s.state == SIGNATURE_VERIFIED && !is_manifest(&image->file))
        say(l, &s, SIGNATURE_UNSUPPORTED, "signature-kind", image->entry->path,
            "is no manifest that can be followed");
    else if (s.state == SIGNATURE_VERIFIED && !check_below(l, &image->file, DEEP, &s))
        return false;
    *ret = s;
    return true;
}

/* ---- the layout ------------------------------------------------------------------- */

/* All images; the first that is not verified speaks for the whole. */
static bool verify_images(struct layout *l, const struct part *parts, size_t count)
{
    size_t images = 0;
    struct signature *whole = &l->report->signature, one;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].holds_signatures)
            continue;
        if (!verify_image(l, parts, count, &parts[i], &one))
            return false;
        if (images++ == 0 || one.state != SIGNATURE_VERIFIED)
            *whole = one;
        if (one.state != SIGNATURE_VERIFIED)
            return true;
    }
    if (images == 0)
        say(l, whole, SIGNATURE_UNSUPPORTED, "subject-present",
            span_of_text("the layout"), "has no image");
    else
        whole->covers =
            arena_printf(l->arena, "%zu image%s, %llu blobs below", images,
                         images == 1 ? "" : "s", (unsigned long long)l->covered);
    return true;
}

static bool verify_index(struct layout *l)
{
    struct signature_file index;
    struct part *parts = arena_array(l->arena, IMAGES_MAX, sizeof *parts);
    struct signature *whole = &l->report->signature;
    whole->kind = "cosign";
    if (!parts)
        return error_set(l->error, ERROR_MEMORY, "out of memory");
    if (!take(l, span_of_text("index.json"), &index))
        return false;
    if (!is_manifest(&index) || !index.index || index.sums.count > IMAGES_MAX) {
        say(l, whole, SIGNATURE_UNSUPPORTED, "signature-kind", span_of_text("index.json"),
            "is no index of images, or one with too many");
        return true;
    }
    for (size_t i = 0; i < index.sums.count; i++) {
        parts[i].entry = &index.sums.entries[i];
        if (!take(l, parts[i].entry->path, &parts[i].file) ||
            !holds_signatures(l, &parts[i], &parts[i].holds_signatures))
            return false;
        (void)hex_decode(l->arena, parts[i].entry->digest, &parts[i].digest);
    }
    return verify_images(l, parts, index.sums.count);
}

/* Parts are read, and hashed once more: nobody may touch them in between. */
static void look_at_all(const struct source_list *list, struct stat *states)
{
    struct error ignored;
    size_t i = 0;
    for (const struct source_file *f = list->files; f; f = f->next, i++) {
        int fd = f->problem.len ? -1 : source_file_open(list, f, &ignored);
        if (fd >= 0) {
            (void)fstat(fd, &states[i]);
            (void)close(fd);
        }
    }
}

static void compare_all(struct layout *l, const struct stat *before,
                        const struct stat *after)
{
    size_t i = 0;
    for (const struct source_file *f = l->list->files; f; f = f->next, i++)
        if (!file_state_equal(&before[i], &after[i])) {
            say(l, &l->report->signature, SIGNATURE_INVALID, "file-changed", f->path,
                "changed while it was verified");
            return;
        }
}

bool image_layout_verify(const struct verify_request *r, const struct source_list *list,
                         struct verify_report *report, struct error *error)
{
    struct layout l = { .request = r,
                        .list = list,
                        .arena = report->arena,
                        .error = error,
                        .report = report };
    struct stat *before = calloc(2 * list->count + 1, sizeof *before);
    struct stat *after = before ? before + list->count : NULL;
    if (!before)
        return error_set(error, ERROR_MEMORY, "out of memory");
    look_at_all(list, before);
    bool ok = verify_index(&l);
    if (ok && report->signature.state == SIGNATURE_VERIFIED) {
        look_at_all(list, after);
        compare_all(&l, before, after);
    }
    free(before);
    if (ok && !report->signature.path.len)
        report->signature.path = span_of_text("index.json");
    return ok;
}
