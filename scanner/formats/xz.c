/* The format of .xz files. */
#include "formats/liblzma.h"

static void *open_xz(void)
{
    lzma_stream *z = calloc(1, sizeof *z);
    if (z && lzma_stream_decoder(z, LIBLZMA_MEMORY_MAX, 0) != LZMA_OK) {
        free(z);
        z = NULL;
    }
    return z;
}

static const struct wrapper_codec codec = { .open = open_xz,
                                            .close = liblzma_close,
                                            .step = liblzma_step };

static const char *const extensions[] = { ".xz", NULL };

static enum claim claim(const struct inspection *in)
{
    struct span magic = span_slice(in->bytes, 0, 6);
    return span_equal(magic, span_of("\xfd\x37zXZ\0", 6)) ? CLAIM_MAGIC : CLAIM_NONE;
}

static void inspect(struct inspection *in)
{
    wrapper_inspect(in, &codec, extensions, 0);
}

const struct inspector xz_inspector = {
    .format = FORMAT_XZ,
    .extensions = extensions,
    .claim = claim,
    .inspect = inspect,
};
