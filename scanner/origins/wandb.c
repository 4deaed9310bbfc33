/* Weights & Biases: the manifest of an artifact, wandb_manifest.json, names each file by
 * the base64 of its md5, or, where an entry says so in extra.alg, of another digest
 * (XXH128), which is not compared.  Source: wandb, sdk/artifacts/artifact_manifests,
 * sdk/artifacts/artifact_manifest_entry.py. */
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

/* With another algorithm than md5. */
static bool is_tagged(const struct node *entry)
{
    const struct node *extra = node_find(entry, "extra");
    struct span algorithm = node_text_at(extra, "alg");
    return algorithm.len && !span_is(algorithm, "MD5");
}

static void read_entry(struct origin_reading *r, const struct node *entry)
{
    struct span path, digest = { NULL, 0 };
    uint64_t size;
    if (!origin_path(r, (struct span){ 0 }, entry->key, &path) || node_find(entry, "ref"))
        return; /* a reference's digest is whatever its store calls an ETag */
    if (!is_tagged(entry)) {
        digest = md5_of_base64(r->arena, node_text_at(entry, "digest"));
        if (digest.len == 0) {
            origin_malformed(r, "a digest is not the base64 of an md5");
            return;
        }
    }
    bool sized = node_uint(node_find(entry, "size"), &size);
    origin_expect(r, path, DIGEST_MD5, digest, sized ? &size : NULL);
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
