/* Weights & Biases: the manifest of an artifact, wandb_manifest.json, names each file by
 * the base64 of its md5, or, where an entry says so in extra.alg, of another digest
 * (XXH128), which is not compared.  Source: wandb, sdk/artifacts/artifact_manifests,
 * sdk/artifacts/artifact_manifest_entry.py. */
#include "origins/reading.h"

enum { MD5_BASE64 = 24 };

static int value_of(uint8_t c)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

/* 22 digits and "==" → 32 hexadecimal ones. */
static bool md5_of_base64(struct span text, char ret_hex[33])
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t n = 0;
    if (text.len != MD5_BASE64 || !span_ends(text, "=="))
        return false;
    for (size_t i = 0; i < MD5_BASE64 - 2; i++) {
        int value = value_of(text.ptr[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8 && n < 16) {
            held -= 8;
            (void)snprintf(ret_hex + 2 * n++, 3, "%02x", bits >> held & 0xff);
        }
    }
    return n == 16;
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
    char hex[33];
    uint64_t size;
    if (!origin_path(r, (struct span){ 0 }, entry->key, &path) || node_find(entry, "ref"))
        return; /* a reference's digest is whatever its store calls an ETag */
    if (!is_tagged(entry)) {
        if (!md5_of_base64(node_text_at(entry, "digest"), hex)) {
            origin_malformed(r, "a digest is not the base64 of an md5");
            return;
        }
        digest = span_of_text(hex);
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
