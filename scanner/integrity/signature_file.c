#include "integrity/signature_file.h"

#include "core/base64.h"
#include "integrity/image_manifest.h"
#include "integrity/sigstore/cosign.h"
#include "integrity/sums.h"

enum { BARE_MAX = 4 << 10, BARE_LEAST = 64 };

/* ---- recognising ------------------------------------------------------------------ */

/* Endings of detached signatures; what stands in front is the name of what they sign. */
static const char *const endings[] = { ".sigstore.json", ".sigstore", ".minisig", ".asc",
                                       ".sig",           ".gpg",      ".bundle" };
/* Endings of lists of digests, maybe of one file only, which has the name in front. */
static const char *const list_endings[] = {
    ".sha256", ".sha256sum", ".sha256sums", ".sha512",  ".sha512sum", ".sha512sums",
    ".sha384", ".sha384sum", ".sha1",       ".sha1sum", ".md5",       ".md5sum",
    ".b2sum",  ".blake2b",   ".b3sum",      ".blake3",
};
/* Names of such lists, or their ends; ".txt" may follow. */
static const char *const list_names[] = {
    "SHA256SUMS", "SHA512SUMS", "SHA384SUMS", "SHA224SUMS", "SHA1SUMS",  "MD5SUMS",
    "B2SUMS",     "B3SUMS",     "SHASUMS256", "sha256sum",  "sha512sum", "md5sum",
};
/* Names, or ends of names, of other files that vouch for some. */
static const char *const names[] = {
    ".intoto.jsonl", ".intoto.json", ".dsse",        ".dsse.json",      ".att",
    "checksums.txt", "CHECKSUMS",    "signing.json", "provenance.json", ".pem",
    ".crt",          ".cert",
};

static const char *list_ending(struct span path)
{
    for (size_t i = 0; i < sizeof list_endings / sizeof *list_endings; i++)
        if (span_ends_nocase(path, list_endings[i]))
            return list_endings[i];
    return NULL;
}

bool signature_file_lists(struct span path)
{
    if (list_ending(path))
        return true;
    if (span_ends_nocase(path, ".txt"))
        path.len -= strlen(".txt");
    for (size_t i = 0; i < sizeof list_names / sizeof *list_names; i++)
        if (span_ends_nocase(path, list_names[i]))
            return true;
    return false;
}

bool signature_file_named(struct span path)
{
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (span_ends(path, endings[i]))
            return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (span_ends(path, names[i]))
            return true;
    return signature_file_lists(path);
}

static bool is_pgp(struct span head)
{
    return span_starts(head, "-----BEGIN PGP SIGNATURE-----");
}

/* With the text inside, which gpgv would check and nobody compares with a file. */
static bool is_pgp_message(struct span head)
{
    return span_starts(head, "-----BEGIN PGP SIGNED MESSAGE-----") ||
           span_starts(head, "-----BEGIN PGP MESSAGE-----");
}

/* A DSSE envelope of JSON; its payload may come before the type, and be long. */
static bool is_envelope(struct span head)
{
    return (span_starts(head, "{") && span_find(head, "\"payloadType\"", 0) != SIZE_MAX &&
            span_find(head, "\"application/vnd.in-toto+json\"", 0) != SIZE_MAX) ||
           span_starts(head, "{\"payload\":\"eyJ") ||
           span_starts(head, "{\"payload\": \"eyJ");
}

bool signature_file_starts(struct span head)
{
    return bundle_claims(head) || cosign_blob_claims(head) || cosign_image_claims(head) ||
           cosign_attestations_claims(head) || is_envelope(head) ||
           cosign_payload_claims(head) || cosign_entry_claims(head) ||
           minisign_claims(head) || is_pgp(head) || is_pgp_message(head);
}

struct span signature_file_subject(struct span path)
{
    const char *ending = list_ending(path);
    for (size_t i = 0; !ending && i < sizeof endings / sizeof *endings; i++)
        if (span_ends(path, endings[i]))
            ending = endings[i];
    size_t len = ending ? path.len - strlen(ending) : 0;
    return len && path.ptr[len - 1] != '/' ? span_slice(path, 0, len)
                                           : (struct span){ 0 };
}

/* A signature packet, not armored.  Source: RFC 4880, section 4.2. */
static bool is_pgp_packet(struct span bytes)
{
    return bytes.len > 2 && ((bytes.ptr[0] & 0xfc) == 0x88 || bytes.ptr[0] == 0xc2);
}

/* ---- reading ---------------------------------------------------------------------- */

static void broken(struct arena *arena, struct signature_file *f, const struct refusal *r)
{
    if (f->check)
        return;
    f->check = r->check;
    f->state = r->state;
    f->reason = arena_copy(arena, span_of_text(r->reason));
}

static void broken_bundle(struct arena *arena, struct signature_file *f,
                          const struct signature_failure *failure)
{
    struct refusal r;
    (void)refuse(&r, signature_check_state(failure->check),
                 signature_check_name(failure->check), "%s", failure->reason);
    broken(arena, f, &r);
}

static bool read_envelope(struct arena *arena, struct span text, struct bundle *ret,
                          struct signature_failure *failure)
{
    struct dsse envelope;
    return dsse_parse(arena, text, &envelope, failure) &&
           bundle_of_envelope(&envelope, ret, failure);
}

/* One document, or one in each line. */
static void read_bundles(struct arena *arena, struct span bytes, struct signature_file *f)
{
    struct reader r = reader_of(bytes, 0);
    struct signature_failure failure = { 0 };
    bool lines = span_find(bytes, "}\n{", 0) != SIZE_MAX ||
                 span_find(bytes, "}\r\n{", 0) != SIZE_MAX;
    f->bundles = arena_array(arena, SIGNATURE_BUNDLES_MAX, sizeof *f->bundles);
    while (f->bundles && reader_left(&r) > 0 && !f->check) {
        struct span text = lines ? manifest_line(&r, bytes.len) : reader_rest(&r);
        if (text.len == 0)
            continue;
        bool ok = signature_require(
            &failure, SC_BUNDLE_LIMITS, f->bundle_count < SIGNATURE_BUNDLES_MAX,
            "the file holds more than %d signatures", SIGNATURE_BUNDLES_MAX);
        struct bundle *b = &f->bundles[f->bundle_count];
        ok = ok &&
             (f->kind == SIGNATURE_FILE_BUNDLE ? bundle_parse(arena, text, b, &failure)
                                               : read_envelope(arena, text, b, &failure));
        if (ok)
            f->bundle_count++;
        else
            broken_bundle(arena, f, &failure);
    }
}

static bool read_image(struct arena *arena, struct span bytes, struct signature_file *f,
                       struct signature_failure *failure)
{
    struct image_manifest m;
    if (!image_manifest_parse(arena, bytes, &m, failure))
        return false;
    f->sums = m.below;
    f->index = m.index;
    f->config = m.config;
    f->image = m.subject;
    return true;
}

static bool parse_one(struct arena *arena, struct span bytes, struct signature_file *f,
                      struct signature_failure *failure)
{
    return (f->kind == SIGNATURE_FILE_CERTIFICATE ? cosign_certificate_parse
            : f->kind == SIGNATURE_FILE_ENTRY
                ? cosign_entry_parse
                : cosign_blob_parse)(arena, bytes, f->bundles, failure);
}

/* What cosign wrote before there were bundles. */
static void read_cosign(struct arena *arena, struct span bytes, struct signature_file *f)
{
    struct signature_failure failure = { .check = SC_NONE };
    bool ok;
    if (f->kind == SIGNATURE_FILE_MANIFEST) {
        ok = read_image(arena, bytes, f, &failure);
    } else if (f->kind == SIGNATURE_FILE_PAYLOAD) {
        ok = cosign_payload_parse(arena, bytes, &f->image, &failure);
    } else {
        f->bundles = arena_array(arena, SIGNATURE_LAYERS_MAX, sizeof *f->bundles);
        ok = f->bundles != NULL;
        bool envelopes = f->kind == SIGNATURE_FILE_ATTESTATIONS;
        if (ok && (envelopes || f->kind == SIGNATURE_FILE_IMAGE))
            ok = cosign_image_parse(arena, bytes, envelopes, f->bundles,
                                    SIGNATURE_LAYERS_MAX, &f->bundle_count, &failure) &&
                 read_image(arena, bytes, f, &failure);
        else if (ok && (ok = parse_one(arena, bytes, f, &failure)))
            f->bundle_count = 1;
    }
    if (!ok && failure.check != SC_NONE)
        broken_bundle(arena, f, &failure);
}

static void read_model(struct arena *arena, struct budget *budget,
                       struct signature_file *f)
{
    const struct bundle *b = f->bundle_count ? &f->bundles[0] : NULL;
    struct refusal why = { 0 };
    if (!b || b->content != CONTENT_ENVELOPE)
        return;
    f->has_model = oms_parse(b->envelope.payload, arena, budget, &f->model, &why);
    if (f->has_model)
        return;
    f->model_check = why.check;
    f->model_state = why.state;
    f->model_reason = arena_copy(arena, span_of_text(why.reason));
}

bool signature_file_is_model(const struct signature_file *f)
{
    return f->bundle_count && f->bundles[0].content == CONTENT_ENVELOPE &&
           (f->has_model ||
            (f->model_check && strcmp(f->model_check, "predicate-type") != 0));
}

/* Nothing but base64, with white space behind it. */
static bool read_bare(struct arena *arena, struct span bytes, struct span *ret)
{
    while (bytes.len && strchr(" \t\r\n", bytes.ptr[bytes.len - 1]) &&
           bytes.ptr[bytes.len - 1])
        bytes.len--;
    return bytes.len <= BARE_MAX && base64_decode(arena, bytes, ret) &&
           ret->len >= BARE_LEAST;
}

/* The manifest of an image may name the media type of a bundle, and is none. */
static bool names_bundle(struct span bytes)
{
    return span_find(bytes, "\"" BUNDLE_MEDIA_PREFIX, 0) != SIZE_MAX &&
           span_find(bytes, "\"application/vnd.oci.image.manifest.v1+json\"", 0) ==
               SIZE_MAX;
}

static enum signature_file_kind kind_of(struct span bytes)
{
    if (minisign_claims(bytes))
        return SIGNATURE_FILE_MINISIGN;
    if (is_pgp(bytes) || is_pgp_packet(bytes) || is_pgp_message(bytes))
        return SIGNATURE_FILE_PGP;
    if (cosign_certificate_claims(bytes))
        return SIGNATURE_FILE_CERTIFICATE;
    if (span_starts(bytes, "{"))
        return cosign_image_claims(bytes)          ? SIGNATURE_FILE_IMAGE
               : cosign_attestations_claims(bytes) ? SIGNATURE_FILE_ATTESTATIONS
               : image_manifest_claims(bytes)      ? SIGNATURE_FILE_MANIFEST
               : names_bundle(bytes)               ? SIGNATURE_FILE_BUNDLE
               : span_find(bytes, "\"payloadType\"", 0) != SIZE_MAX
                   ? SIGNATURE_FILE_ENVELOPE
               : cosign_blob_claims(bytes)    ? SIGNATURE_FILE_OLD_BUNDLE
               : cosign_payload_claims(bytes) ? SIGNATURE_FILE_PAYLOAD
               : cosign_entry_claims(bytes)   ? SIGNATURE_FILE_ENTRY
                                              : SIGNATURE_FILE_UNKNOWN;
    return sums_claims(bytes) ? SIGNATURE_FILE_SUMS : SIGNATURE_FILE_UNKNOWN;
}

void signature_file_read(struct arena *arena, struct span bytes, struct budget *budget,
                         struct signature_file *ret_file)
{
    struct signature_file f = { .kind = kind_of(bytes) };
    struct refusal why = { 0 };
    bool ok = true;
    switch (f.kind) {
    case SIGNATURE_FILE_BUNDLE:
    case SIGNATURE_FILE_ENVELOPE:
        read_bundles(arena, bytes, &f);
        read_model(arena, budget, &f);
        break;
    case SIGNATURE_FILE_OLD_BUNDLE:
    case SIGNATURE_FILE_IMAGE:
    case SIGNATURE_FILE_ATTESTATIONS:
    case SIGNATURE_FILE_PAYLOAD:
    case SIGNATURE_FILE_MANIFEST:
    case SIGNATURE_FILE_CERTIFICATE:
    case SIGNATURE_FILE_ENTRY:
        read_cosign(arena, bytes, &f);
        break;
    case SIGNATURE_FILE_MINISIGN:
        ok = minisign_parse(arena, bytes, &f.minisign, &why);
        break;
    case SIGNATURE_FILE_PGP:
        ok = !is_pgp_message(bytes) ||
             refuse(&why, SIGNATURE_UNSUPPORTED, "gpg-form",
                    "it holds a text with its signature; only a detached signature, as "
                    "`gpg --detach-sign` makes it, says something of a file");
        break;
    case SIGNATURE_FILE_SUMS:
        ok = sums_parse(arena, bytes, &f.sums, &why);
        break;
    case SIGNATURE_FILE_UNKNOWN:
        if (read_bare(arena, bytes, &f.bare))
            f.kind = SIGNATURE_FILE_BARE;
        break;
    default:
        break;
    }
    if (ok && arena_exhausted(arena))
        ok = refuse(&why, SIGNATURE_UNSUPPORTED, "memory", "it needs too much memory");
    if (!ok)
        broken(arena, &f, &why);
    *ret_file = f;
}
