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

const struct inspector tar_inspector = {
    .format = FORMAT_TAR,
    .claim = claim,
    .inspect = inspect,
};
