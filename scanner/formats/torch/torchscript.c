/* TorchScript: a PyTorch archive that torch.load hands to torch.jit.load.  code/ in it
 * holds a subset of Python that is compiled while loading.  It can call only registered
 * operators, written torch.NAME(...) or ops.NAMESPACE.NAME(...); a few of those read or
 * write files (CVE-2025-32434).  zip.c judges the archive itself. */
#include "formats/expansion.h"
#include "formats/torch/archive.h"
#include "formats/zip_member.h"

enum { CODE_MAX = 16 << 20 }; /* source text of one file that is looked at */

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

struct source {
    struct inspection *in;
    const struct zip_entry *entry;
};

static void report(const struct source *s, enum rule_id rule, size_t offset,
                   struct span name)
{
    inspection_finding(s->in, rule, s->entry->header, name, "'%.*s' at byte %zu: %.*s",
                       ZIP_SHOW(s->entry->name), offset, ZIP_SHOW(name));
}

static void judge_name(const struct source *s, struct span name, size_t offset)
{
    bool torch = span_starts(name, "torch."), ops = span_starts(name, "ops.");
    if (!torch && !ops)
        return;
    struct span operator_name = leading_parts(name, torch ? 2 : 3);
    if (LISTED(operator_name, dangerous)) {
        report(s, RULE_TORCH_DANGEROUS_OPERATOR, offset, operator_name);
        return;
    }
    if (torch)
        return;
    struct span space = leading_parts(span_slice(name, 4, name.len), 1);
    if (LISTED(space, dangerous_spaces))
        report(s, RULE_TORCH_DANGEROUS_OPERATOR, offset, operator_name);
    else if (!LISTED(space, known_spaces))
        report(s, RULE_TORCH_CUSTOM_OPERATOR, offset, operator_name);
}

/* Every dotted name that stands outside of texts and comments. */
static void scan_source(const struct source *s, struct span text)
{
    struct reader r = reader_of(text, 0);
    while (reader_left(&r) > 0) {
        size_t length = dotted_length(r);
        size_t offset = (size_t)reader_where(&r);
        if (length > 0) {
            judge_name(s, reader_bytes(&r, length), offset);
            continue;
        }
        uint8_t c = reader_u8(&r);
        if (c == '"' || c == '\'')
            skip_string(&r, c);
        else if (c == '#')
            skip_line(&r);
    }
}

static enum claim claim(const struct inspection *in)
{
    struct torch_archive t;
    return torch_archive_read(in->bytes, &t) && torch_archive_is_script(&t) ? CLAIM_MAGIC
                                                                            : CLAIM_NONE;
}

static void inspect(struct inspection *in)
{
    struct torch_archive t;
    struct zip_entry e;
    struct span record;
    if (!torch_archive_read(in->bytes, &t))
        return;
    struct reader r = zip_directory_open(t.file, &t.directory);
    while (zip_directory_next(&r, &t.directory, &e)) {
        if (!torch_archive_record(&t, e.name, &record) ||
            !torch_archive_is_source(record))
            continue;
        struct source s = { .in = in, .entry = &e };
        struct expansion *expansion;
        struct span text = zip_member_content(in, &e, CODE_MAX, &expansion);
        scan_source(&s, text);
        if (e.expanded > text.len)
            inspection_incomplete(in, "'%.*s' was not read to its end", ZIP_SHOW(e.name));
        expansion_close(expansion);
    }
}

const struct inspector torchscript_inspector = {
    .format = FORMAT_TORCHSCRIPT,
    .claim = claim,
    .inspect = inspect,
};
