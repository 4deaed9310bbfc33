#include "formats/inspector.h"

static enum claim claim(const struct inspection *in)
{
    (void)in;
    return CLAIM_NONE;
}

static void inspect(struct inspection *in)
{
    (void)in;
}

const struct inspector torch_legacy_inspector = {
    .format = FORMAT_TORCH_LEGACY,
    .claim = claim,
    .inspect = inspect,
};
