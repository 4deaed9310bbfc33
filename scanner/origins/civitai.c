/* NAME.civitai.info, which downloaders write beside NAME.safetensors: Civitai's answer
 * about one version of a model.  Hashes: SHA256 whole, AutoV2 its first ten digits, CRC32
 * in either byte order.  BLAKE3, AutoV1 and AutoV3 are not computed here.
 * Source: Civitai, REST API reference, model-versions. */
#include "origins/reading.h"

static const char suffix[] = ".civitai.info";

/* "name.safetensors" → "name" */
static struct span stem_of(struct span name)
{
    size_t dot = span_find_last(name, ".", name.len);
    return span_slice(name, 0, dot == SIZE_MAX ? name.len : dot);
}

/* Which of the version's files lies here: the one of this name, else the primary one. */
static const struct node *choose(const struct node *files, struct span stem)
{
    const struct node *primary = NULL;
    for (const struct node *f = node_is(files, NODE_LIST) ? files->first : NULL; f;
         f = f->next) {
        if (span_compare(stem_of(node_text_at(f, "name")), stem) == 0)
            return f;
        if (!primary || span_is(node_text_at(f, "primary"), "true"))
            primary = f;
    }
    return primary;
}

static void expect_hashes(struct origin_reading *r, const struct node *hashes,
                          struct span path)
{
    origin_expect(r, path, DIGEST_SHA256, node_text_at(hashes, "SHA256"), NULL);
    origin_expect(r, path, DIGEST_SHA256, node_text_at(hashes, "AutoV2"), NULL);
    origin_expect(r, path, DIGEST_CRC32, node_text_at(hashes, "CRC32"), NULL);
}

static bool is_number(const struct node *n)
{
    uint64_t ignored;
    return node_uint(n, &ignored);
}

static void read_info(struct origin_reading *r)
{
    static const char *const extensions[] = { ".safetensors", ".ckpt", ".pt",
                                              ".pth",         ".bin",  ".gguf" };
    const struct node *info = origin_json(r);
    if (!info)
        return;
    const struct node *model = node_find(info, "modelId"),
                      *version = node_find(info, "id");
    struct span stem = span_slice(r->source.path, 0, r->source.path.len - strlen(suffix));
    struct statement claim = { .kind = STATEMENT_CLAIM,
                               .registry = span_of_text("civitai") };
    if (is_number(model)) {
        bool pinned = is_number(version);
        claim.reference = arena_printf(
            r->arena, "civitai:%.*s%s%.*s", (int)node_text(model).len,
            node_text(model).ptr, pinned ? "@" : "",
            pinned ? (int)node_text(version).len : 0, node_text(version).ptr);
    }
    const struct node *file = choose(node_find(info, "files"), stem);
    struct span name = node_text_at(file, "name");
    struct span extension = span_slice(name, stem_of(name).len, name.len);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        claim.path =
            arena_printf(r->arena, "%.*s%s", (int)stem.len, stem.ptr, extensions[i]);
        origin_say(r, claim);
    }
    struct span here = arena_printf(r->arena, "%.*s%.*s", (int)stem.len, stem.ptr,
                                    (int)extension.len, extension.ptr);
    if (extension.len && origin_path(r, (struct span){ 0 }, here, &here))
        expect_hashes(r, node_find(file, "hashes"), here);
}

const struct origin_parser civitai_origin = { .read = read_info };
