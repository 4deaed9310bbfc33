#include <zstd.h>

#include "formats/wrapper.h"

enum { WINDOW_LOG_MAX = 27 };

static void *open_zstd(void)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (context)
        (void)ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    return context;
}

static void close_zstd(void *self)
{
    (void)ZSTD_freeDCtx(self);
}

static enum wrapper_step step(void *self, struct span *in, uint8_t *out, size_t room,
                              size_t *ret_len)
{
    ZSTD_inBuffer from = { .src = in->ptr, .size = in->len };
    ZSTD_outBuffer to = { .dst = out, .size = room };
    size_t status = ZSTD_decompressStream(self, &to, &from);
    *in = span_slice(*in, from.pos, in->len);
    *ret_len = to.pos;
    if (ZSTD_isError(status))
        return WRAPPER_BROKEN;
    return status == 0 ? WRAPPER_END : WRAPPER_MORE;
}

static const struct wrapper_codec codec = { .open = open_zstd,
                                            .close = close_zstd,
                                            .step = step };

static const char *const extensions[] = { ".zst", NULL };

static enum claim claim(const struct inspection *in)
{
    return span_starts(in->bytes, "\x28\xb5\x2f\xfd") ? CLAIM_MAGIC : CLAIM_NONE;
}

static void inspect(struct inspection *in)
{
    wrapper_inspect(in, &codec, extensions, 0);
}

const struct inspector zstd_inspector = {
    .format = FORMAT_ZSTD,
    .extensions = extensions,
    .claim = claim,
    .inspect = inspect,
};
