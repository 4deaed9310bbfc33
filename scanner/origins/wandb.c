/* Weights & Biases: the manifest of an artifact, wandb_manifest.json, names each file by
 * the base64 of its md5.  Source: wandb, sdk/artifacts/artifact_manifests. */
#include "core/base64.h"
#include "origins/reading.h"

enum { MD5_BYTES = 16 };

/* In hex; empty when it is not the base64 of an md5. */
static struct span md5_of_base64(struct arena *arena, struct span text)
{
    struct span bytes;
    return base64_decode(arena, text, &bytes) && bytes.len == MD5_BYTES
               ? hex_encode(arena, bytes)
               : span_of(NULL, 0);
}

static void read_entry(struct origin_reading *r, const struct node *entry)
{
    struct span path;
    uint64_t size;
    if (!origin_path(r, (struct span){ 0 }, entry->key, &path) || node_find(entry, "ref"))
        return; /* a reference's digest is whatever its store calls an ETag */
    struct span hex = md5_of_base64(r->arena, node_text_at(entry, "digest"));
    if (hex.len == 0) {
        origin_malformed(r, "a digest is not the base64 of an md5");
        return;
    }
    bool sized = node_uint(node_find(entry, "size"), &size);
    origin_expect(r, path, DIGEST_MD5, hex, sized ? &size : NULL);
}

static void read_manifest(struct origin_reading *r)
{
    const struct node *manifest = origin_json(r);
    const struct node *contents = node_find(manifest, "contents");
    if (!manifest)
        return;
    if (!node_is(contents, NODE_MAP)) {
        origin_malformed(r, "a manifest has contents");
        return;
    }
    origin_say(r, (struct statement){ .kind = STATEMENT_CLAIM,
                                      .registry = span_of_text("wandb") });
    for (const struct node *e = contents->first; e; e = e->next)
        read_entry(r, e);
}

const struct origin_parser wandb_origin = { .read = read_manifest };
