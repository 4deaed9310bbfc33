#include "engine/verifying/image_referrers.h"

#include "core/base64.h"
#include "core/digest.h"

enum { REFERRER_ARENA_MAX = 256 << 20 };

static void set(const struct verify_context *c, struct signature *s,
                enum signature_state state, const char *check, struct span reason)
{
    signature_set(c->arena, s, state, check, "");
    s->reason = arena_copy(c->arena, reason);
}

/* ---- one signature ----------------------------------------------------------------- */

void image_bundle_verify(const struct verify_context *c, const struct bundle *b,
                         struct span sha256, struct span bytes, const char *kind,
                         struct signature *ret_signature)
{
    const struct verify_target target = { .sha256 = sha256, .bytes = bytes };
    struct signature s = { .kind = kind };
    struct verification v;
    verifier_bundle(c, b, &target, &v);
    signature_from(c->arena, &v, &s);
    if (s.state == SIGNATURE_VERIFIED &&
        (c->signers->builder || b->content == CONTENT_ENVELOPE))
        verify_provenance(c, &v, &s);
    *ret_signature = s;
}

/* The first that verifies counts, else what is wrong with the first. */
static void keep_better(struct signature *best, const struct signature *s)
{
    if (!best->kind ||
        (best->state != SIGNATURE_VERIFIED && s->state == SIGNATURE_VERIFIED))
        *best = *s;
}

static void verify_bundles(const struct verify_context *c, const struct signature_file *f,
                           struct span image, struct signature *ret)
{
    for (size_t i = 0; i < f->bundle_count; i++) {
        const struct bundle *b = &f->bundles[i];
        struct signature s;
        image_bundle_verify(c, b, image, span_of(NULL, 0),
                            b->content == CONTENT_ENVELOPE ? "in-toto" : "sigstore", &s);
        keep_better(ret, &s);
    }
}

static const struct image_payload *payload_of(const struct verify_context *c,
                                              const struct image_referrer *r,
                                              struct span sha256)
{
    struct span hex = hex_encode(c->arena, sha256);
    const struct image_payload *p = r->payloads;
    while (p && !(span_starts(span_of_text(p->digest), "sha256:") &&
                  span_is(hex, p->digest + strlen("sha256:"))))
        p = p->next;
    return p;
}

/* A manifest of cosign's on its way, and the layer of it that was taken apart last:
 * signatures are often over the same. */
struct annotated {
    const struct verify_context *check;
    const struct image_referrer *referrer;
    struct span image;
    const struct image_payload *payload;
    struct signature_file layer;
    char reason[REASON_MAX];
};

/* The layer that a signature is over, or, of attestations, that it is in; false with what
 * is wrong in *s. */
static bool take_payload(struct annotated *a, const struct bundle *b,
                         enum signature_file_kind kind, struct signature *s)
{
    const struct verify_context *c = a->check;
    const struct image_payload *payload = payload_of(c, a->referrer, b->digest);
    if (!payload) {
        set(c, s, SIGNATURE_UNSUPPORTED, "readable",
            span_of_text("what it is over could not be loaded"));
        return false;
    }
    if (payload != a->payload)
        verifier_take(c->verifier, payload->bytes, c->arena, &a->layer, a->reason);
    a->payload = payload;
    if (a->reason[0])
        set(c, s, SIGNATURE_UNSUPPORTED, "readable", span_of_text(a->reason));
    else if (a->layer.check)
        set(c, s, a->layer.state, a->layer.check, a->layer.reason);
    else if (a->layer.kind != kind)
        set(c, s, SIGNATURE_UNSUPPORTED, "signature-kind",
            span_of_text("what it is over does not say of which image it is"));
    else
        return true;
    return false;
}

/* A signature is over a payload, which must be about this image. */
static void verify_payload(struct annotated *a, const struct bundle *b,
                           struct signature *ret)
{
    const struct verify_context *c = a->check;
    ret->kind = "cosign";
    if (!take_payload(a, b, SIGNATURE_FILE_PAYLOAD, ret))
        return;
    if (span_equal(a->layer.image, a->image))
        image_bundle_verify(c, b, b->digest, a->payload->bytes, "cosign", ret);
    else
        set(c, ret, SIGNATURE_INVALID, "subject",
            arena_printf(c->arena, "it is of the image sha256:%s, not of this one",
                         arena_text(c->arena, hex_encode(c->arena, a->layer.image))));
}

bool image_attestation(const struct bundle *b, const struct signature_file *layer,
                       struct bundle *ret_bundle)
{
    if (layer->kind != SIGNATURE_FILE_ENVELOPE || layer->check ||
        layer->bundle_count != 1 || layer->bundles[0].content != CONTENT_ENVELOPE)
        return false;
    *ret_bundle = *b;
    ret_bundle->content = CONTENT_ENVELOPE;
    ret_bundle->envelope = layer->bundles[0].envelope;
    ret_bundle->signature = layer->bundles[0].signature;
    return true;
}

static void verify_attestation(struct annotated *a, const struct bundle *b,
                               struct signature *ret)
{
    struct bundle whole;
    ret->kind = "in-toto";
    if (!take_payload(a, b, SIGNATURE_FILE_ENVELOPE, ret))
        return;
    if (image_attestation(b, &a->layer, &whole))
        image_bundle_verify(a->check, &whole, a->image, span_of(NULL, 0), "in-toto", ret);
    else
        set(a->check, ret, SIGNATURE_INVALID, "envelope-signatures",
            span_of_text("a layer holds more than one envelope"));
}

static void verify_annotated(const struct verify_context *c,
                             const struct image_referrer *r,
                             const struct signature_file *f, struct span image,
                             struct signature *ret)
{
    struct annotated a = { .check = c, .referrer = r, .image = image };
    for (size_t i = 0; i < f->bundle_count; i++) {
        struct signature s = { 0 };
        if (f->kind == SIGNATURE_FILE_IMAGE)
            verify_payload(&a, &f->bundles[i], &s);
        else
            verify_attestation(&a, &f->bundles[i], &s);
        keep_better(ret, &s);
    }
}

static void verify_referrer(const struct verify_context *c,
                            const struct image_referrer *r, struct span image,
                            struct signature *ret)
{
    struct signature_file f = { .kind = SIGNATURE_FILE_UNKNOWN };
    char reason[REASON_MAX];
    struct signature s = { .kind = NULL };
    verifier_take(c->verifier, r->bytes, c->arena, &f, reason);
    bool read = !reason[0] && !f.check, bundle = f.kind == SIGNATURE_FILE_BUNDLE;
    if (read && bundle)
        verify_bundles(c, &f, image, &s);
    else if (read &&
             (f.kind == SIGNATURE_FILE_IMAGE || f.kind == SIGNATURE_FILE_ATTESTATIONS))
        verify_annotated(c, r, &f, image, &s);
    if (!s.kind) {
        s.kind = bundle ? "sigstore" : "cosign";
        if (reason[0])
            set(c, &s, SIGNATURE_UNSUPPORTED, "readable", span_of_text(reason));
        else if (f.check)
            set(c, &s, f.state, f.check, f.reason);
        else
            set(c, &s, SIGNATURE_UNSUPPORTED, "signature-kind",
                span_of_text("it is no kind of signature that Assay knows"));
    }
    *ret = s;
}

/* ---- those of an image ------------------------------------------------------------- */

/* A copy, for nothing of it may lie in another arena, nor in the registry's answers. */
static bool add(const struct verify_context *c, struct signature ***end,
                const struct signature *s, const char *path)
{
    struct signature *copy = signature_copy(c->arena, s, span_of_text(path));
    if (!copy)
        return false;
    **end = copy;
    *end = &copy->next;
    return true;
}

static struct span digest_of(const struct verify_context *c, const struct image *image)
{
    struct span raw = { NULL, 0 }, text = span_of_text(image->digest);
    (void)hex_decode(c->arena, span_slice(text, strlen("sha256:"), text.len), &raw);
    return raw;
}

/* In memory of its own, so that no registry can use up what all of them need. */
static bool add_referrer(const struct verify_context *c, const struct image *image,
                         const struct image_referrer *r, struct signature ***end)
{
    struct verify_context own = *c;
    struct signature s = { .kind = "cosign" };
    own.arena = arena_new(REFERRER_ARENA_MAX);
    if (own.arena)
        verify_referrer(&own, r, digest_of(&own, image), &s);
    if (!own.arena || arena_exhausted(own.arena))
        set(c, &s, SIGNATURE_UNSUPPORTED, "resources",
            span_of_text("it takes too much memory"));
    s.covers = arena_printf(c->arena, "the image %s", image->digest);
    bool ok = add(c, end, &s, r->name);
    arena_free(own.arena);
    return ok;
}

struct signature *image_referrers_verify(const struct verify_context *c,
                                         const struct image *image)
{
    struct signature *first = NULL, **end = &first;
    bool ok = true;
    for (const struct image_referrer *r = image->referrers; ok && r; r = r->next)
        ok = r->bytes.len == 0 || add_referrer(c, image, r, &end);
    if (ok && image->problem) {
        struct signature s = { .kind = "cosign" };
        set(c, &s, SIGNATURE_UNSUPPORTED, "readable",
            arena_printf(c->arena,
                         "what else refers to the image could not be loaded: %s",
                         image->problem));
        (void)add(c, &end, &s, image->name);
    }
    return first;
}

const struct signature *image_signature(const struct signature *first)
{
    const struct signature *best = first;
    for (const struct signature *s = first; s; s = s->next)
        if (s->state < best->state) /* in this order */
            best = s;
    return best;
}

/* ---- what a manifest names ------------------------------------------------------- */

bool image_names(const struct verify_context *c, const struct image *image,
                 struct signature_file *ret_manifest)
{
    char reason[REASON_MAX];
    verifier_take(c->verifier, image->manifest, c->arena, ret_manifest, reason);
    return !reason[0] && ret_manifest->kind == SIGNATURE_FILE_MANIFEST &&
           !ret_manifest->check;
}

bool image_names_digest(const struct signature_file *manifest, struct span hex)
{
    char path[sizeof "blobs/sha256/" + DIGEST_HEX_MAX];
    size_t ignored;
    int n = snprintf(path, sizeof path, "blobs/sha256/%.*s", (int)hex.len,
                     (const char *)hex.ptr);
    return n > 0 && (size_t)n < sizeof path &&
           manifest_find(&manifest->sums, span_of(path, (size_t)n), &ignored);
}

/* ---- assay verify ---------------------------------------------------------------- */

/* Of one image: what counts, or that there is nothing. */
static struct signature judge(const struct verify_context *c, const struct image *image)
{
    const struct signature *s = image_signature(image_referrers_verify(c, image));
    struct signature none = { .kind = "none" };
    none.path = arena_copy(c->arena, span_of_text(image->name));
    set(c, &none, SIGNATURE_UNSIGNED, "signature-present",
        arena_printf(c->arena, "%s: no signature at the registry refers to it",
                     image->name));
    return s ? *s : none;
}

void image_reference_verify(const struct verify_context *c, const struct image *images,
                            struct verify_report *report)
{
    struct signature whole = judge(c, images);
    const struct image *i = images->next;
    size_t count = 0;
    /* an index that nobody signed is as good as the worst of its images */
    if (whole.state == SIGNATURE_UNSIGNED && i) {
        do {
            whole = judge(c, i);
            count++;
            i = i->next;
        } while (i && whole.state == SIGNATURE_VERIFIED);
        if (whole.state == SIGNATURE_VERIFIED)
            whole.covers = arena_printf(c->arena, "each of the %zu images of %s", count,
                                        images->digest);
    }
    report->signature = whole;
}
