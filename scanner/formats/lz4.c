#include <lz4frame.h>

#include "formats/wrapper.h"

static void *open_lz4(void)
{
    LZ4F_dctx *context = NULL;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
        return NULL;
    return context;
}

static void close_lz4(void *self)
{
    (void)LZ4F_freeDecompressionContext(self);
}

static enum wrapper_step step(void *self, struct span *in, uint8_t *out, size_t room,
                              size_t *ret_len)
{
    size_t taken = in->len, made = room;
    size_t status = LZ4F_decompress(self, out, &made, in->ptr, &taken, NULL);
    if (LZ4F_isError(status))
        return WRAPPER_BROKEN;
    *in = span_slice(*in, taken, in->len);
    *ret_len = made;
    return status == 0 ? WRAPPER_END : WRAPPER_MORE;
}

static const struct wrapper_codec codec = { .open = open_lz4,
                                            .close = close_lz4,
                                            .step = step };

static const char *const extensions[] = { ".lz4", NULL };

static enum claim claim(const struct inspection *in)
{
    return span_starts(in->bytes, "\x04\x22\x4d\x18") ? CLAIM_MAGIC : CLAIM_NONE;
}

static void inspect(struct inspection *in)
{
    wrapper_inspect(in, &codec, extensions, 0);
}

const struct inspector lz4_inspector = {
    .format = FORMAT_LZ4,
    .extensions = extensions,
    .claim = claim,
    .inspect = inspect,
};
