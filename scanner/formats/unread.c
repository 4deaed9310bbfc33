/* What looks like a model and is not read yet: said aloud, never skipped in silence. */
#include "formats/inspector.h"

#include <string.h>

enum kind { MODEL, MODEL_AND_ZIP, WRAPPER, ARCHIVE, PROGRAM, CONTAINER, ANYTHING };

struct row {
    enum kind kind;
    const char *what;
    size_t offset; /* MAGIC */
    const char *bytes;
    size_t len;
    bool (*test)(struct span bytes); /* TEST */
    const char *suffix;              /* NAME */
};

static bool starts_at(struct span bytes, size_t offset, const void *magic, size_t len)
{
    return len > 0 &&
           span_equal(span_slice(bytes, offset, offset + len), span_of(magic, len));
}

static bool has_early(struct span bytes, const char *text, size_t within)
{
    return span_find(span_slice(bytes, 0, within), text, 0) != SIZE_MAX;
}

/* ---- tests for what has no plain magic number ---- */

/* The library looks at 0, 512, 1024, 2048, … (HDF5 format specification, II.A). */
static bool is_hdf5(struct span bytes)
{
    for (size_t at = 0; at < bytes.len; at = at ? at * 2 : 512)
        if (starts_at(bytes, at, "\x89HDF\r\n\x1a\n", 8))
            return true;
    return false;
}

static bool is_tensorflow_js(struct span bytes)
{
    return span_starts(bytes, "{") && has_early(bytes, "\"modelTopology\"", 4096);
}

static bool is_leveldb_table(struct span bytes)
{
    return bytes.len >= 48 &&
           starts_at(bytes, bytes.len - 8, "\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8);
}

enum { WIRE_VARINT, WIRE_FIXED64, WIRE_BYTES, WIRE_FIXED32 = 5 };
enum { PROTOBUF_FIELDS_MAX = 100000 };

/* ModelProto: ir_version (1) 1..14 and a graph (7), in any order, and the whole file one
 * well-formed message with no field number past 30. */
static bool is_onnx(struct span bytes)
{
    struct reader r = reader_of(bytes, 0);
    bool version = false, graph = false;
    for (unsigned n = 0; reader_left(&r) > 0 && n < PROTOBUF_FIELDS_MAX; n++) {
        uint64_t tag = reader_varint(&r), field = tag >> 3;
        if (field == 0 || field > 30)
            return false;
        switch (tag & 7) {
        case WIRE_VARINT: {
            uint64_t value = reader_varint(&r);
            version |= field == 1 && value >= 1 && value <= 14;
            break;
        }
        case WIRE_FIXED64:
            reader_skip(&r, 8);
            break;
        case WIRE_BYTES:
            graph |= field == 7;
            reader_skip(&r, reader_varint(&r));
            break;
        case WIRE_FIXED32:
            reader_skip(&r, 4);
            break;
        default:
            return false;
        }
    }
    return reader_ok(&r) && version && graph;
}

static bool is_openvino(struct span bytes)
{
    return span_starts(bytes, "<") && has_early(bytes, "<net ", 512) &&
           has_early(bytes, "<layers>", 2048);
}

static bool is_pmml(struct span bytes)
{
    return span_starts(bytes, "<") && has_early(bytes, "<PMML", 4096);
}

/* JSON {"learner":…}, the same in UBJSON, or the old binary form. */
static bool is_xgboost(struct span bytes)
{
    return span_starts(bytes, "binf") ||
           (span_starts(bytes, "{") && (has_early(bytes, "\"learner\":", 24) ||
                                        has_early(bytes, "\007learner", 24)));
}

/* "A", the version of the format, and that of R as a number such as 263168. */
static bool is_r_text(struct span bytes)
{
    struct reader r = reader_of(bytes, 0);
    bool starts = span_is(reader_line(&r, 1), "A");
    struct span format = reader_line(&r, 1), version = reader_line(&r, 6);
    struct reader digits = reader_of(version, 0);
    starts &= span_is(format, "2") || span_is(format, "3");
    while (reader_left(&digits) > 0) {
        uint8_t c = reader_u8(&digits);
        starts &= c >= '0' && c <= '9';
    }
    return starts && reader_ok(&r) && version.len >= 5;
}

static bool is_elf(struct span bytes)
{
    struct reader r = reader_of(bytes, 0);
    bool magic = span_is(reader_bytes(&r, 4), "\177ELF");
    uint8_t class = reader_u8(&r), order = reader_u8(&r), version = reader_u8(&r);
    reader_skip(&r, 45); /* the smallest header has 52 bytes */
    return magic && (class == 1 || class == 2) && (order == 1 || order == 2) &&
           version == 1 && reader_ok(&r);
}

static bool is_windows_program(struct span bytes)
{
    struct reader r = reader_of(bytes, 0);
    if (reader_u16le(&r) != 0x5a4d)
        return false;
    reader_seek(&r, 0x3c);
    reader_seek(&r, reader_u32le(&r));
    return reader_u32le(&r) == 0x4550 && reader_ok(&r);
}

/* Thin files by magic and a plausible type; fat ones share theirs with Java classes,
 * whose next field is at least 45. */
static bool is_mach_o(struct span bytes)
{
    struct reader r = reader_of(bytes, 0);
    uint32_t magic = reader_u32le(&r);
    if (magic == 0xbebafeca) {
        uint32_t architectures = reader_u32be(&r);
        return reader_ok(&r) && architectures > 0 && architectures < 30;
    }
    bool little = magic == 0xfeedface || magic == 0xfeedfacf;
    bool big = magic == 0xcefaedfe || magic == 0xcffaedfe;
    reader_skip(&r, 8);
    uint32_t type = big ? reader_u32be(&r) : reader_u32le(&r);
    return reader_ok(&r) && (little || big) && type > 0 && type < 16;
}

/* ---- the table ---- */

static const struct row contents[] = {
#define MAGIC(kind, offset, bytes, what)                                                 \
    { kind, what, offset, bytes, sizeof bytes - 1, NULL, NULL },
#define TEST(kind, function, what) { kind, what, 0, NULL, 0, function, NULL },
#define NAME(kind, suffix, what)
#include "formats/unread.def"
#undef MAGIC
#undef TEST
#undef NAME
};

static const struct row names[] = {
#define MAGIC(kind, offset, bytes, what)
#define TEST(kind, function, what)
#define NAME(kind, suffix, what) { kind, what, 0, NULL, 0, NULL, suffix },
#include "formats/unread.def"
#undef MAGIC
#undef TEST
#undef NAME
};

static const struct row *find_content(struct span bytes)
{
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        const struct row *row = &contents[i];
        if (row->test ? row->test(bytes)
                      : starts_at(bytes, row->offset, row->bytes, row->len))
            return row;
    }
    return NULL;
}

static const struct row *find_name(struct span name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (span_ends_nocase(name, names[i].suffix))
            return &names[i];
    return NULL;
}

/* ---- the inspector ---- */

static enum claim claim(const struct inspection *in)
{
    const struct row *content = find_content(in->bytes);
    const struct row *named = find_name(in->artifact->name);
    if (content && content->kind != MODEL_AND_ZIP)
        return content->test ? CLAIM_LIKELY : CLAIM_MAGIC;
    if (content || (named && named->kind != ANYTHING))
        return CLAIM_BESIDE;
    return named ? CLAIM_NAME : CLAIM_NONE;
}

/* Does some inspector, or a row of ours, make the name that of a model? */
static bool has_model_name(struct span name)
{
    for (int id = 0; id < FORMAT_COUNT; id++) {
        const char *const *extension = inspectors[id]->extensions;
        for (; extension && *extension; extension++)
            if (strcmp(formats[id].family, "archive") != 0 &&
                span_ends_nocase(name, *extension))
                return true;
    }
    return find_name(name) != NULL;
}

static void inspect_content(struct inspection *in, const struct row *row)
{
    switch (row->kind) {
    case MODEL:
    case MODEL_AND_ZIP:
        inspection_incomplete(in, "%s is not read yet", row->what);
        break;
    case WRAPPER:
        inspection_incomplete(in, "%s data is not unpacked yet: what is in it is unknown",
                              row->what);
        break;
    case ARCHIVE:
        if (has_model_name(in->artifact->name))
            inspection_finding(in, RULE_FORMAT_DISGUISED_ARCHIVE, 0,
                               span_slice(in->bytes, 0, 16),
                               "a %s under the name of a model", row->what);
        inspection_incomplete(in, "%s is not read yet", row->what);
        break;
    case PROGRAM:
        inspection_finding(in,
                           in->artifact->parent ? RULE_FORMAT_EMBEDDED_EXECUTABLE
                                                : RULE_FORMAT_EXECUTABLE,
                           0, span_slice(in->bytes, 0, 16), "%s", row->what);
        inspection_incomplete(in, "%s: native code is not analysed", row->what);
        break;
    case CONTAINER:
    case ANYTHING:
        break; /* kinds of names */
    }
}

/* Only the name says so; `others` are the formats that the content shows. */
static void inspect_name(struct inspection *in, const struct row *row, uint64_t others)
{
    if (row->kind == CONTAINER) {
        inspection_incomplete(
            in, "%s (by its name): what is special to it is not read yet", row->what);
    } else if (!others) {
        inspection_incomplete(in,
                              in->bytes.len ? "%s (by its name) is not read yet"
                                            : "%s by its name, but the file is empty",
                              row->what);
    } else {
        in->artifact->formats = others; /* the name was wrong */
        if (!(others & FORMAT_BIT(FORMAT_LFS_POINTER)))
            inspection_finding(in, RULE_FORMAT_MISMATCH, 0, span_slice(in->bytes, 0, 16),
                               "the name promises %s, the content is another format",
                               row->what);
    }
}

static void inspect(struct inspection *in)
{
    const struct row *content = find_content(in->bytes);
    const struct row *named = find_name(in->artifact->name);
    if (content)
        inspect_content(in, content);
    else if (named)
        inspect_name(in, named, in->artifact->formats & ~FORMAT_BIT(FORMAT_UNREAD));
}

const struct inspector unread_inspector = {
    .format = FORMAT_UNREAD,
    .claim = claim,
    .inspect = inspect,
};
