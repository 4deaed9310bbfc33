/* The inspector of raw pickles: pickle.dump, joblib.dump, and all that is like them. */
#include "formats/pickle/probe.h"
#include "formats/pickle/scan.h"

static enum claim claim(const struct inspection *in)
{
    return pickle_probe(in->bytes, in->pickle_rules);
}

static void inspect(struct inspection *in)
{
    struct pickle_scan scan;
    if (in->artifact->formats & FORMAT_BIT(FORMAT_TORCH_LEGACY))
        return; /* it reads the same streams, and the tensors behind them */
    if (!pickle_scan_begin(&scan, in))
        return;
    if (pickle_scan_stream(&scan) != PICKLE_SPENT)
        pickle_scan_rest(&scan);
    pickle_scan_end(&scan);
}

static const char *const extensions[] = { ".pkl",  ".pickle", ".p",
                                          ".dill", ".joblib", NULL };

const struct inspector pickle_inspector = {
    .format = FORMAT_PICKLE,
    .extensions = extensions,
    .claim = claim,
    .inspect = inspect,
};
