/* The parsers of what a target says about its origin.  The first byte picks one; the rest
 * is cut at 0xff into up to four files of one bundle, so that what belongs together
 * meets. Whatever is said must survive the wire: a parser cannot say what the main
 * process would take for the words of a hijacked child. */
#include "origins/bundle.h"
#include "worker/statement_wire.h"

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A name for each kind, as its row of origins.def wants it. */
static const char *const paths[ORIGIN_KINDS] = {
    [ORIGIN_GIT_CONFIG] = ".git/config",
    [ORIGIN_GIT_HEAD] = ".git/HEAD",
    [ORIGIN_GIT_PACKED_REFS] = ".git/packed-refs",
    [ORIGIN_GIT_BRANCH] = ".git/refs/heads/main",
    [ORIGIN_GIT_INDEX] = ".git/index",
    [ORIGIN_GIT_INFO_ATTRIBUTES] = ".git/info/attributes",
    [ORIGIN_GIT_ATTRIBUTES] = ".gitattributes",
    [ORIGIN_HUB_METADATA] = ".cache/huggingface/download/model.pkl.metadata",
    [ORIGIN_OLLAMA_MANIFEST] = "manifests/registry.ollama.ai/library/llama3/latest",
    [ORIGIN_OCI_INDEX] = "index.json",
    [ORIGIN_OCI_BLOB] = "blobs/sha256/00",
    [ORIGIN_OCI_BLOB_512] = "blobs/sha512/00",
    [ORIGIN_MLMODEL] = "MLmodel",
    [ORIGIN_MLRUNS_VERSION] = "models/fraud/version-3/meta.yaml",
    [ORIGIN_DVC_FILE] = "a/b/model.pkl.dvc",
    [ORIGIN_DVC_LOCK] = "a/dvc.lock",
    [ORIGIN_DVC_IGNORE] = "a/.dvcignore",
    [ORIGIN_DVC_DIRECTORY] = "files/md5/00/000000000000000000000000000000.dir",
    [ORIGIN_DVC_OLD_DIRECTORY] = ".dvc/cache/00/000000000000000000000000000000.dir",
    [ORIGIN_WANDB_MANIFEST] = "wandb_manifest.json",
    [ORIGIN_CIVITAI_INFO] = "model.civitai.info",
};

enum { FILES_MAX = 4, STATEMENTS = 1000 };

struct heard {
    struct statement_encoder *encoder;
    size_t count;
};

static void hear(void *self, const struct statement *s)
{
    struct heard *h = self;
    h->count++;
    assert(s->kind < STATEMENT_KINDS && s->source < FILES_MAX);
    statement_encode(h->encoder, s);
}

static void count(void *self, const struct statement *s)
{
    (void)s;
    ++*(size_t *)self;
}

static void make_bundle(struct buffer *bundle, size_t first, struct span rest)
{
    for (uint32_t number = 0; number < FILES_MAX && rest.len > 0; number++) {
        const uint8_t *cut = memchr(rest.ptr, 0xff, rest.len);
        struct span file = span_slice(rest, 0, cut ? (size_t)(cut - rest.ptr) : rest.len);
        enum origin_kind kind = (enum origin_kind)((first + number) % ORIGIN_KINDS);
        struct span path = span_of_text(paths[kind]);
        uint8_t head[BUNDLE_HEAD];
        bundle_head(head, kind, number, path, (uint32_t)file.len);
        buffer_add(bundle, span_of(head, sizeof head));
        buffer_add(bundle, path);
        buffer_add(bundle, file);
        rest = span_slice(rest, file.len + 1, rest.len);
    }
}

/* What the child wrote, as the main process reads it. */
static void decode_all(int fd, size_t expected)
{
    off_t size = lseek(fd, 0, SEEK_END);
    uint8_t *bytes = malloc((size_t)size + 1);
    assert(bytes && pread(fd, bytes, (size_t)size, 0) == size);
    size_t heard = 0, taken;
    struct statement_decoder d = {
        .say = count, .self = &heard, .sources = FILES_MAX, .left = UINT64_MAX
    };
    assert(statement_decode(&d, span_of(bytes, (size_t)size), &taken) == WIRE_ENDED);
    assert(heard == expected && taken == (size_t)size);
    free(bytes);
}

/* The decoder alone, on bytes of whoever has taken over a child. */
static void decode_hostile(struct span bytes)
{
    size_t heard = 0, taken;
    struct statement_decoder d = {
        .say = count, .self = &heard, .sources = 2, .left = STATEMENTS
    };
    (void)statement_decode(&d, bytes, &taken);
    assert(taken <= bytes.len && heard <= STATEMENTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct span rest = span_of(data + 1, size - 1);
    if (data[0] % (ORIGIN_KINDS + 1) == ORIGIN_KINDS) {
        decode_hostile(rest);
        return 0;
    }
    struct buffer bundle;
    struct statement_encoder encoder;
    struct budget budget = budget_default();
    struct arena *arena = arena_new(16 << 20);
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct heard heard = { .encoder = &encoder };
    assert(arena && fd >= 0);
    buffer_init(&bundle, SIZE_MAX / 2);
    make_bundle(&bundle, data[0], rest);
    statement_encoder_init(&encoder, fd);
    budget.left[BUDGET_ORIGIN_STATEMENTS] = STATEMENTS;
    origins_read(buffer_span(&bundle), arena, &budget, hear, &heard);
    assert(statement_encoder_end(&encoder));
    assert(heard.count <= STATEMENTS + 2 * FILES_MAX + 2);
    decode_all(fd, heard.count);
    statement_encoder_free(&encoder);
    buffer_free(&bundle);
    (void)close(fd);
    arena_free(arena);
    return 0;
}
