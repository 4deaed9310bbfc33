#include <lzma.h>

#include "formats/wrapper.h"

#define MEMORY_MAX (UINT64_C(256) << 20)

static void *open_xz(void)
{
    lzma_stream *z = calloc(1, sizeof *z);
    if (z && lzma_stream_decoder(z, MEMORY_MAX, 0) != LZMA_OK) {
        free(z);
        z = NULL;
    }
    return z;
}

static void close_xz(void *self)
{
    lzma_end(self);
    free(self);
}

static enum wrapper_step step(void *self, struct span *in, uint8_t *out, size_t room,
                              size_t *ret_len)
{
    lzma_stream *z = self;
    z->next_in = in->ptr;
    z->avail_in = in->len;
    z->next_out = out;
    z->avail_out = room;
    lzma_ret status = lzma_code(z, LZMA_RUN);
    *in = span_slice(*in, in->len - z->avail_in, in->len);
    *ret_len = room - z->avail_out;
    return status == LZMA_STREAM_END                       ? WRAPPER_END
           : status == LZMA_OK || status == LZMA_BUF_ERROR ? WRAPPER_MORE
                                                           : WRAPPER_BROKEN;
}

static const struct wrapper_codec codec = { .open = open_xz,
                                            .close = close_xz,
                                            .step = step };

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
