#include <zlib.h>

#include "formats/wrapper.h"

static void *open_gzip(void)
{
    return wrapper_inflate_open(MAX_WBITS + 16);
}

static const struct wrapper_codec codec = { .open = open_gzip,
                                            .close = wrapper_inflate_close,
                                            .step = wrapper_inflate_step };

static const char *const extensions[] = { ".gz", ".tgz", NULL };

static enum claim claim(const struct inspection *in)
{
    return span_starts(in->bytes, "\x1f\x8b\x08") ? CLAIM_MAGIC : CLAIM_NONE;
}

static void inspect(struct inspection *in)
{
    wrapper_inspect(in, &codec, extensions, 0);
}

const struct inspector gzip_inspector = {
    .format = FORMAT_GZIP,
    .extensions = extensions,
    .claim = claim,
    .inspect = inspect,
};
