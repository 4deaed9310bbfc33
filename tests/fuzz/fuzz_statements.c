/* The parsers of a model's statement, of lists of digests, of minisign, of what cosign
 * wrote and of what gpgv says, each with all of the input. */
#include "integrity/gpg.h"
#include "integrity/minisign.h"
#include "integrity/sigstore/cosign.h"
#include "integrity/statement/oms.h"
#include "integrity/statement/slsa.h"
#include "integrity/sums.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* What was read can be written, and then says the same. */
static void require_round_trip(struct arena *arena, const struct oms_manifest *m)
{
    struct buffer text;
    struct oms_manifest again;
    struct refusal why = { .check = "" };
    struct oms_manifest sorted = *m;
    buffer_init(&text, OMS_PAYLOAD_MAX);
    if (m->legacy || !oms_root(&m->files, sorted.root)) /* sorted: another order */
        return;
    oms_write(&text, &sorted);
    if (!text.truncated && oms_parse(buffer_span(&text), arena, NULL, &again, &why))
        require(again.files.count == m->files.count && again.method == m->method &&
                again.ignore_count == m->ignore_count &&
                again.allow_symlinks == m->allow_symlinks);
    else
        require(text.truncated || arena_exhausted(arena));
    buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_of(data, size), image, builder;
    struct refusal why = { .check = "" };
    struct signature_failure failure = { .check = SC_NONE };
    struct oms_manifest model;
    struct manifest sums;
    struct minisign signature;
    struct minisign_key key;
    struct bundle bundles[4];
    size_t count;
    struct arena *arena = arena_new(64 << 20);
    if (!arena)
        return 0;
    if (oms_parse(bytes, arena, NULL, &model, &why))
        require_round_trip(arena, &model);
    else
        require(why.check[0] && why.reason[0]);
    if (sums_parse(arena, bytes, &sums, &why))
        require(sums.count > 0 && sums_claims(bytes));
    if (minisign_parse(arena, bytes, &signature, &why))
        require(signature.key_id.len == MINISIGN_KEY_ID &&
                signature.signature.len == MINISIGN_SIGNATURE);
    (void)minisign_key_parse(arena, bytes, &key);
    if (cosign_blob_parse(arena, bytes, bundles, &failure))
        require(bundles[0].signature.len > 0);
    if (cosign_image_parse(arena, bytes, size % 2, bundles, 4, &count, &failure))
        require(count > 0 && count <= 4 && bundles[0].digest.len == SHA256_LEN);
    if (cosign_payload_parse(arena, bytes, &image, &failure))
        require(image.len == SHA256_LEN);
    struct signature gpg = { .kind = "gpg" };
    gpg_judge(bytes, arena, &gpg);
    require(gpg.state == SIGNATURE_VERIFIED || gpg.reason.len || arena_exhausted(arena));
    (void)slsa_builder(arena, bytes, &builder, &why);
    (void)slsa_subjects(arena, bytes, &count);
    arena_free(arena);
    return 0;
}
