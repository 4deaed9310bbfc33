/* NAME.civitai.info, which downloaders write beside NAME.safetensors: Civitai's answer
 * about one version of a model.  Hashes: SHA256 whole, AutoV2 its first ten digits, CRC32
 * in either byte order, BLAKE3; AutoV1 and AutoV3 are of parts (digest.h).
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

/* What tools write for AutoV1 and AutoV3 of a file that has no such part: the sha256 of
 * nothing, which says nothing. */
static bool is_of_nothing(struct span digits)
{
    static const char nothing[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    return digits.len > 0 && digits.len < sizeof nothing &&
           strncasecmp((const char *)digits.ptr, nothing, digits.len) == 0;
}

static void expect_hashes(struct origin_reading *r, const struct node *hashes,
                          struct span path)
{
    static const struct {
        const char *key;
        enum digest_algorithm algorithm;
        bool part; /* of the file only */
    } rows[] = {
        {"SHA256",  DIGEST_SHA256, false},
        { "AutoV2", DIGEST_SHA256, false},
        { "BLAKE3", DIGEST_BLAKE3, false},
        { "CRC32",  DIGEST_CRC32,  false},
        { "AutoV1", DIGEST_AUTOV1, true },
        { "AutoV3", DIGEST_AUTOV3, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span digits = node_text_at(hashes, rows[i].key);
        if (!rows[i].part || !is_of_nothing(digits))
            origin_expect(r, path, rows[i].algorithm, digits, NULL);
    }
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
