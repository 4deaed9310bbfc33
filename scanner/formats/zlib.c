/* zlib, as joblib.dump(compress=True) writes it, also in the older form: "ZF", the
 * expanded length in hexadecimal, padded to 19 bytes. */
#include <zlib.h>

#include "formats/wrapper.h"

enum { ZFILE_HEADER = 21 };

void *wrapper_inflate_open(int window_bits)
{
    z_stream *z = calloc(1, sizeof *z);
    if (z && inflateInit2(z, window_bits) != Z_OK) {
        free(z);
        z = NULL;
    }
    return z;
}

void wrapper_inflate_close(void *self)
{
    (void)inflateEnd(self);
    free(self);
}

enum wrapper_step wrapper_inflate_step(void *self, struct span *in, uint8_t *out,
                                       size_t room, size_t *ret_len)
{
    z_stream *z = self;
    z->next_in = (z_const Bytef *)(uintptr_t)in->ptr;
    z->avail_in = (uInt)in->len;
    z->next_out = out;
    z->avail_out = (uInt)room;
    int status = inflate(z, Z_NO_FLUSH);
    *in = span_slice(*in, in->len - z->avail_in, in->len);
    *ret_len = room - z->avail_out;
    return status == Z_STREAM_END                    ? WRAPPER_END
           : status == Z_OK || status == Z_BUF_ERROR ? WRAPPER_MORE
                                                     : WRAPPER_BROKEN;
}

static void *open_zlib(void)
{
    return wrapper_inflate_open(MAX_WBITS);
}

const struct wrapper_codec zlib_codec = { .open = open_zlib,
                                          .close = wrapper_inflate_close,
                                          .step = wrapper_inflate_step };

static size_t zfile_header(struct span s)
{
    return span_starts(s, "ZF0x") && s.len > ZFILE_HEADER ? ZFILE_HEADER : 0;
}

/* No magic number: two bytes that are a multiple of 31, and deflate behind them. */
static enum claim claim(const struct inspection *in)
{
    size_t start = zfile_header(in->bytes);
    struct reader r = reader_of(span_slice(in->bytes, start, in->bytes.len), start);
    uint8_t method = reader_u8(&r), flags = reader_u8(&r);
    bool header = (method & 0x8f) == 0x08 && (method * 256U + flags) % 31 == 0;
    if (!reader_ok(&r) || !header ||
        !wrapper_trial(span_slice(in->bytes, start, in->bytes.len), &zlib_codec))
        return CLAIM_NONE;
    return start ? CLAIM_MAGIC : CLAIM_LIKELY;
}

static void inspect(struct inspection *in)
{
    wrapper_inspect(in, &zlib_codec, NULL, zfile_header(in->bytes));
}

const struct inspector zlib_inspector = {
    .format = FORMAT_ZLIB,
    .claim = claim,
    .inspect = inspect,
};
