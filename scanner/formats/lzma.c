/* The format before xz: no magic number, only its usual properties byte. */
#include <lzma.h>

#include "formats/wrapper.h"

#define MEMORY_MAX (UINT64_C(256) << 20)

static void *open_lzma(void)
{
    lzma_stream *z = calloc(1, sizeof *z);
    if (z && lzma_alone_decoder(z, MEMORY_MAX) != LZMA_OK) {
        free(z);
        z = NULL;
    }
    return z;
}

static void close_lzma(void *self)
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

static const struct wrapper_codec codec = { .open = open_lzma,
                                            .close = close_lzma,
                                            .step = step };

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
