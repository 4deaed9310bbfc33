#include <bzlib.h>

#include "formats/wrapper.h"

static void *open_bzip2(void)
{
    bz_stream *z = calloc(1, sizeof *z);
    if (z && BZ2_bzDecompressInit(z, 0, 0) != BZ_OK) {
        free(z);
        z = NULL;
    }
    return z;
}

static void close_bzip2(void *self)
{
    (void)BZ2_bzDecompressEnd(self);
    free(self);
}

static enum wrapper_step step(void *self, struct span *in, uint8_t *out, size_t room,
                              size_t *ret_len)
{
    bz_stream *z = self;
    z->next_in = (char *)(uintptr_t)in->ptr;
    z->avail_in = (unsigned)in->len;
    z->next_out = (char *)out;
    z->avail_out = (unsigned)room;
    int status = BZ2_bzDecompress(z);
    *in = span_slice(*in, in->len - z->avail_in, in->len);
    *ret_len = room - z->avail_out;
    return status == BZ_STREAM_END ? WRAPPER_END
           : status == BZ_OK       ? WRAPPER_MORE
                                   : WRAPPER_BROKEN;
}

static const struct wrapper_codec codec = { .open = open_bzip2,
                                            .close = close_bzip2,
                                            .step = step };

static const char *const extensions[] = { ".bz2", NULL };

static enum claim claim(const struct inspection *in)
{
    struct span level = span_slice(in->bytes, 3, 4);
    bool magic = span_starts(in->bytes, "BZh") && level.len && level.ptr[0] >= '1' &&
                 level.ptr[0] <= '9' && in->bytes.len > 4 &&
                 (in->bytes.ptr[4] == 0x31 || in->bytes.ptr[4] == 0x17);
    return magic ? CLAIM_MAGIC : CLAIM_NONE;
}

static void inspect(struct inspection *in)
{
    wrapper_inspect(in, &codec, extensions, 0);
}

const struct inspector bzip2_inspector = {
    .format = FORMAT_BZIP2,
    .extensions = extensions,
    .claim = claim,
    .inspect = inspect,
};
