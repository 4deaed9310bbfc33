#include "formats/liblzma.h"

void liblzma_close(void *self)
{
    lzma_end(self);
    free(self);
}

enum wrapper_step liblzma_step(void *self, struct span *in, uint8_t *out, size_t room,
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
