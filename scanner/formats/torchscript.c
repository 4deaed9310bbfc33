#include "formats/torchscript.h"

#include "core/reader.h"

/* Operators that touch files or the network: "torch.NAME" or "ops.NAMESPACE.NAME";
 * aten's are reached under both spellings. */
static const char *const dangerous[] = {
    "torch.save",           "torch.load",        "torch.from_file",
    "torch.fromfile",       "ops.aten.save",     "ops.aten.load",
    "ops.aten.from_file",   "ops.aten.fromfile", "ops.image.read_file",
    "ops.image.write_file", "torch._C",          "ops.torchaudio.sox_io_save_audio_file",
};

/* Namespaces all of whose operators reach other machines. */
static const char *const dangerous_spaces[] = { "rpc", "c10d", "dist_autograd" };

/* Namespaces that PyTorch itself, or torchvision and torchaudio, register. */
static const char *const known_spaces[] = {
    "aten",
    "prim",
    "prims",
    "quantized",
    "_quantized",
    "prepacked",
    "sparse",
    "mkldnn",
    "mkldnn_prepacked",
    "xnnpack",
    "metal",
    "metal_prepacked",
    "vulkan",
    "vulkan_prepacked",
    "onednn",
    "nvprims",
    "static_runtime",
    "torchvision",
    "image",
    "torchaudio",
    "profiler",
    "inductor",
    "_caffe2",
    "cuda",
    "mkl",
};

static bool listed(struct span name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(name, list[i]))
            return true;
    return false;
}
#define LISTED(name, list) listed(name, list, sizeof list / sizeof *list)

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c >= 0x80;
}

/* After the opening quote: past the closing one, or the end of a line. */
static void skip_string(struct reader *r, uint8_t quote)
{
    while (reader_left(r) > 0) {
        uint8_t c = reader_u8(r);
        if (c == '\\')
            reader_skip(r, reader_left(r) > 0);
        else if (c == quote || c == '\n')
            return;
    }
}

static void skip_line(struct reader *r)
{
    while (reader_left(r) > 0 && reader_u8(r) != '\n')
        ;
}

/* How many bytes from here on are a name with its dots. */
static size_t dotted_length(struct reader look)
{
    size_t n = 0;
    while (reader_left(&look) > 0) {
        uint8_t c = reader_u8(&look);
        if (!is_name_byte(c) && c != '.')
            break;
        n++;
    }
    return n;
}

/* The first `parts` parts of a dotted name, without the dot behind. */
static struct span leading_parts(struct span name, unsigned parts)
{
    size_t end = 0;
    for (; parts > 0; parts--) {
        size_t dot = span_find(name, ".", end);
        if (dot == SIZE_MAX)
            return name;
        if (parts == 1)
            return span_slice(name, 0, dot);
        end = dot + 1;
    }
    return name;
}

static void judge_name(struct span name, size_t offset, torchscript_report *report,
                       void *self)
{
    bool torch = span_starts(name, "torch."), ops = span_starts(name, "ops.");
    if (!torch && !ops)
        return;
    struct span operator_name = leading_parts(name, torch ? 2 : 3);
    if (LISTED(operator_name, dangerous)) {
        report(self, TORCHSCRIPT_DANGEROUS, offset, operator_name);
        return;
    }
    if (torch)
        return;
    struct span space = leading_parts(span_slice(name, 4, name.len), 1);
    if (LISTED(space, dangerous_spaces))
        report(self, TORCHSCRIPT_DANGEROUS, offset, operator_name);
    else if (!LISTED(space, known_spaces))
        report(self, TORCHSCRIPT_CUSTOM, offset, operator_name);
}

void torchscript_scan(struct span text, torchscript_report *report, void *self)
{
    struct reader r = reader_of(text, 0);
    while (reader_left(&r) > 0) {
        size_t length = dotted_length(r);
        size_t offset = (size_t)reader_where(&r);
        if (length > 0) {
            judge_name(reader_bytes(&r, length), offset, report, self);
            continue;
        }
        uint8_t c = reader_u8(&r);
        if (c == '"' || c == '\'')
            skip_string(&r, c);
        else if (c == '#')
            skip_line(&r);
    }
}
