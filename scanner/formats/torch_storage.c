#include "formats/torch_storage.h"

uint64_t torch_element_size(struct span class_name)
{
    static const struct {
        const char *name;
        uint64_t size;
    } sizes[] = {
        {"DoubleStorage",         8 },
        { "FloatStorage",         4 },
        { "HalfStorage",          2 },
        { "BFloat16Storage",      2 },
        { "LongStorage",          8 },
        { "IntStorage",           4 },
        { "ShortStorage",         2 },
        { "CharStorage",          1 },
        { "ByteStorage",          1 },
        { "BoolStorage",          1 },
        { "ComplexDoubleStorage", 16},
        { "QInt8Storage",         1 },
        { "QUInt8Storage",        1 },
        { "ComplexFloatStorage",  8 },
        { "QInt32Storage",        4 },
        { "QUInt4x2Storage",      1 },
        { "QUInt2x4Storage",      1 },
        { "UntypedStorage",       1 },
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (span_is(class_name, sizes[i].name))
            return sizes[i].size;
    return 0;
}
