#include "fuzz_archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum format_id tried[2] = { FORMAT_TAR, FORMAT_TORCH_TAR };
    fuzz_archive("model.tar", tried, data, size);
    return 0;
}
