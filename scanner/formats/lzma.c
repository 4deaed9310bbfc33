/* The format before xz: no magic number, only its usual properties byte. */
#include "formats/liblzma.h"

static void *open_lzma(void)
{
    lzma_stream *z = calloc(1, sizeof *z);
    if (z && lzma_alone_decoder(z, LIBLZMA_MEMORY_MAX) != LZMA_OK) {
        free(z);
        z = NULL;
    }
    return z;
}

static const struct wrapper_codec codec = { .open = open_lzma,
                                            .close = liblzma_close,
                                            .step = liblzma_step };

static const char *const extensions[] = { ".lzma", NULL };

static enum claim claim(const struct inspection *in)
{
    struct span head = span_slice(in->bytes, 0, 3);
    bool properties = span_equal(head, span_of("\x5d\0\0", 3));
    return properties && wrapper_trial(in->bytes, &codec) ? CLAIM_LIKELY : CLAIM_NONE;
}

static void inspect(struct inspection *in)
{
    wrapper_inspect(in, &codec, extensions, 0);
}

const struct inspector lzma_inspector = {
    .format = FORMAT_LZMA,
    .extensions = extensions,
    .claim = claim,
    .inspect = inspect,
};
