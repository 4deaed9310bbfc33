#include "formats/torch/storage.h"

/* clang-format off */
static const struct {
    const char *name;
    uint64_t size;
    const char *dtype;
} types[] = {
    {"DoubleStorage",         8,  "float64"   },
    { "FloatStorage",         4,  "float32"   },
    { "HalfStorage",          2,  "float16"   },
    { "BFloat16Storage",      2,  "bfloat16"  },
    { "LongStorage",          8,  "int64"     },
    { "IntStorage",           4,  "int32"     },
    { "ShortStorage",         2,  "int16"     },
    { "CharStorage",          1,  "int8"      },
    { "ByteStorage",          1,  "uint8"     },
    { "BoolStorage",          1,  "bool"      },
    { "ComplexDoubleStorage", 16, "complex128"},
    { "QInt8Storage",         1,  "qint8"     },
    { "QUInt8Storage",        1,  "quint8"    },
    { "ComplexFloatStorage",  8,  "complex64" },
    { "QInt32Storage",        4,  "qint32"    },
    { "QUInt4x2Storage",      1,  "quint4x2"  },
    { "QUInt2x4Storage",      1,  "quint2x4"  },
    { "UntypedStorage",       1,  NULL        },
};
/* clang-format on */
enum { TYPES = sizeof types / sizeof *types };

uint64_t torch_element_size(struct span class_name)
{
    for (size_t i = 0; i < TYPES; i++)
        if (span_is(class_name, types[i].name))
            return types[i].size;
    return 0;
}

const char *torch_dtype(struct span class_name)
{
    for (size_t i = 0; i < TYPES; i++)
        if (span_is(class_name, types[i].name))
            return types[i].dtype;
    return NULL;
}
