#include "fuzz_archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum format_id tried[2] = { FORMAT_ZIP, FORMAT_TORCH_ZIP };
    fuzz_archive("model.zip", tried, data, size);
    return 0;
}
