/* PyTorch checkpoints, TorchScript and packages in a ZIP, as torch.load reads them:
 * miniz, the central directory alone, names without regard to case, the last of equal
 * names.  zip.c has inspected the members; here it is judged what PyTorch makes of
 * them.  Layout: caffe2/serialize/inline_container.h. */
#include "formats/expansion.h"
#include "formats/torchscript.h"
#include "formats/zip_member.h"

#include <inttypes.h>

enum {
    CODE_MAX = 16 << 20, /* source text of one file that is looked at */
    SMALL_RECORD_MAX = 64,
    HEAD = 1024 /* enough to know a program by */
};

enum record {
    RECORD_DATA,      /* what torch.load unpickles */
    RECORD_CONSTANTS, /* makes torch.load call torch.jit.load */
    RECORD_BYTECODE,  /* mobile TorchScript */
    RECORD_VERSION,
    RECORD_BYTEORDER,
    RECORD_EXTERN, /* torch.package */
    RECORD_COUNT
};
static const char *const record_names[RECORD_COUNT] = {
    [RECORD_DATA] = "data.pkl",         [RECORD_CONSTANTS] = "constants.pkl",
    [RECORD_BYTECODE] = "bytecode.pkl", [RECORD_VERSION] = "version",
    [RECORD_BYTEORDER] = "byteorder",   [RECORD_EXTERN] = ".data/extern_modules",
};

struct torch_zip {
    struct inspection *in; /* NULL while identifying */
    struct zip_directory directory;
    struct span top; /* of the first entry: "archive" */
    uint64_t entries, found[RECORD_COUNT], strays;
    struct zip_entry last[RECORD_COUNT]; /* the one that PyTorch takes */
    struct span stray;
    bool has_code;
};

static bool equal_nocase(struct span a, const char *b)
{
    return a.len == strlen(b) && span_ends_nocase(a, b);
}

static bool spans_equal_nocase(struct span a, struct span b)
{
    struct reader ra = reader_of(a, 0), rb = reader_of(b, 0);
    bool equal = a.len == b.len;
    while (equal && reader_left(&ra) > 0) {
        uint8_t x = reader_u8(&ra), y = reader_u8(&rb);
        equal = x == y || ((x ^ y) == 0x20 && (x | 0x20) >= 'a' && (x | 0x20) <= 'z');
    }
    return equal;
}

/* The name below the archive's top directory; false for a member elsewhere. */
static bool record_name(const struct torch_zip *t, struct span name, struct span *ret)
{
    struct span top = span_slice(name, 0, t->top.len);
    struct span rest = span_slice(name, t->top.len, name.len);
    if (!spans_equal_nocase(top, t->top) || !span_starts(rest, "/"))
        return false;
    *ret = span_slice(rest, 1, rest.len);
    return true;
}

/* The directory that miniz finds: that of the last end record, at the offset it says. */
static bool find_directory(struct span file, struct zip_directory *ret)
{
    uint64_t at;
    if (!span_starts(file, "PK\x03\x04") || !zip_previous_end(file, file.len, &at))
        return false;
    struct zip_directory list[ZIP_INTERPRETATIONS_MAX];
    size_t n = zip_read_end(file, at, list);
    for (size_t i = 0; i < n; i++)
        if (list[i].start == list[i].said) {
            *ret = list[i];
            return true;
        }
    return false;
}

/* Read the names; false when this is no archive of PyTorch's. */
static bool read_records(struct span file, struct torch_zip *t)
{
    struct zip_entry e;
    if (!find_directory(file, &t->directory))
        return false;
    struct reader r = zip_directory_open(file, &t->directory);
    while (zip_directory_next(&r, &t->directory, &e)) {
        if (t->entries++ == 0) {
            size_t slash = span_find(e.name, "/", 0);
            if (slash == SIZE_MAX)
                return false; /* PyTorch wants a directory */
            t->top = span_slice(e.name, 0, slash);
        }
        struct span name;
        if (!record_name(t, e.name, &name)) {
            if (t->strays++ == 0)
                t->stray = e.name;
            continue;
        }
        t->has_code |= span_starts(name, "code/");
        for (int n = 0; n < RECORD_COUNT; n++)
            if (equal_nocase(name, record_names[n])) {
                t->found[n]++;
                t->last[n] = e;
            }
    }
    return t->found[RECORD_DATA] > 0 || t->found[RECORD_CONSTANTS] > 0 ||
           t->found[RECORD_BYTECODE] > 0 || t->found[RECORD_EXTERN] > 0;
}

static bool is_preview(struct span file)
{
    return span_starts(file, "PYTORCH1");
}

static enum claim claim(const struct inspection *in)
{
    struct torch_zip t = { 0 };
    if (is_preview(in->bytes) || read_records(in->bytes, &t))
        return CLAIM_MAGIC;
    return CLAIM_NONE;
}

/* ---- records ---- */

static void check_pickle_record(struct torch_zip *t, enum record n)
{
    const struct zip_entry *e = &t->last[n];
    if (t->found[n] > 1)
        inspection_finding(t->in, RULE_TORCH_DUPLICATE_RECORD, e->header, e->name,
                           "%" PRIu64 " records answer to %s, and loaders disagree which "
                           "one is meant",
                           t->found[n], record_names[n]);
    if (t->found[n] > 0 && !span_ends(e->name, record_names[n]))
        inspection_finding(t->in, RULE_TORCH_DISGUISED_RECORD, e->header, e->name,
                           "'%.*s' is %s to PyTorch", ZIP_SHOW(e->name), record_names[n]);
}

static bool is_program(struct span head)
{
    struct reader r = reader_of(head, 0);
    if (span_starts(head, "\x7f"
                          "ELF")) {
        reader_skip(&r, 4);
        uint8_t width = reader_u8(&r), order = reader_u8(&r), version = reader_u8(&r);
        return (width == 1 || width == 2) && (order == 1 || order == 2) && version == 1;
    }
    if (span_starts(head, "MZ")) {
        reader_seek(&r, 0x3c); /* where the real header lies */
        reader_seek(&r, reader_u32le(&r));
        return reader_u32be(&r) == 0x50450000; /* "PE" */
    }
    uint32_t magic = reader_u32be(&r);
    return magic == 0xfeedface || magic == 0xfeedfacf || magic == 0xcefaedfe ||
           magic == 0xcffaedfe;
}

static void check_native_code(struct torch_zip *t, const struct zip_entry *e,
                              struct span name)
{
    bool library = span_ends_nocase(name, ".so") || span_ends_nocase(name, ".dll") ||
                   span_ends_nocase(name, ".dylib");
    /* any four bytes can start a tensor */
    if (!library && !span_starts(name, "data/")) {
        struct expansion *expansion;
        struct span head = zip_member_content(t->in, e, HEAD, &expansion);
        library = is_program(head);
        expansion_close(expansion);
    }
    if (library)
        inspection_finding(t->in, RULE_TORCH_NATIVE_CODE, e->header, e->name,
                           "'%.*s' is a native library or program", ZIP_SHOW(e->name));
}

/* ---- TorchScript ---- */

struct source {
    struct torch_zip *torch;
    const struct zip_entry *entry;
};

static void report_operator(void *self, enum torchscript_call kind, size_t offset,
                            struct span name)
{
    const struct source *s = self;
    bool dangerous = kind == TORCHSCRIPT_DANGEROUS;
    inspection_finding(s->torch->in,
                       dangerous ? RULE_TORCH_DANGEROUS_OPERATOR
                                 : RULE_TORCH_CUSTOM_OPERATOR,
                       s->entry->header, name, "'%.*s' at byte %zu: %.*s",
                       ZIP_SHOW(s->entry->name), offset, ZIP_SHOW(name));
}

static void check_source(struct torch_zip *t, const struct zip_entry *e, struct span name)
{
    /* miniz would find these in any case */
    struct span start = span_slice(name, 0, strlen("code/__torch__"));
    if (!equal_nocase(start, "code/__torch__")) {
        inspection_finding(t->in, RULE_TORCH_PACKAGED_CODE, e->header, e->name,
                           "'%.*s' is Python source outside of TorchScript's",
                           ZIP_SHOW(e->name));
        return;
    }
    struct source s = { .torch = t, .entry = e };
    struct expansion *expansion;
    struct span text = zip_member_content(t->in, e, CODE_MAX, &expansion);
    torchscript_scan(text, report_operator, &s);
    if (e->expanded > text.len)
        inspection_incomplete(t->in, "'%.*s' was not read to its end", ZIP_SHOW(e->name));
    expansion_close(expansion);
}

/* ---- the whole ---- */

static void check_members(struct torch_zip *t)
{
    struct reader r = zip_directory_open(t->in->bytes, &t->directory);
    struct zip_entry e;
    while (zip_directory_next(&r, &t->directory, &e)) {
        struct span name;
        if (!record_name(t, e.name, &name))
            name = e.name;
        if (span_ends_nocase(name, ".py"))
            check_source(t, &e, name);
        else
            check_native_code(t, &e, name);
    }
    if (t->strays > 0)
        inspection_finding(t->in, RULE_TORCH_STRAY_RECORD, t->directory.start, t->stray,
                           "%" PRIu64 " members lie outside of '%.*s/', the first is "
                           "'%.*s'",
                           t->strays, ZIP_SHOW(t->top), ZIP_SHOW(t->stray));
}

static void add_text_fact(struct torch_zip *t, struct fact *facts, enum record n)
{
    if (t->found[n] == 0)
        return;
    struct expansion *expansion;
    struct span text =
        zip_member_content(t->in, &t->last[n], SMALL_RECORD_MAX, &expansion);
    while (span_ends(text, "\n"))
        text = span_slice(text, 0, text.len - 1);
    fact_text(t->in->arena, facts, record_names[n], text);
    expansion_close(expansion);
}

static void inspect(struct inspection *in)
{
    struct torch_zip t = { .in = in };
    struct fact *facts = fact_object(in->arena, artifact_facts(in->artifact), "torch");
    in->artifact->executes = true;
    if (is_preview(in->bytes)) {
        inspection_incomplete(in, "an archive of PyTorch's preview release, which no "
                                  "released PyTorch reads");
        return;
    }
    (void)read_records(in->bytes, &t);
    bool script = t.found[RECORD_CONSTANTS] > 0 || t.found[RECORD_BYTECODE] > 0;
    const char *kind = script                       ? "torchscript"
                       : t.found[RECORD_EXTERN] > 0 ? "package"
                                                    : "checkpoint";
    fact_text(in->arena, facts, "kind", span_of_text(kind));
    fact_uint(in->arena, facts, "records", t.entries);
    add_text_fact(&t, facts, RECORD_VERSION);
    add_text_fact(&t, facts, RECORD_BYTEORDER);
    check_pickle_record(&t, RECORD_DATA);
    check_pickle_record(&t, RECORD_CONSTANTS);
    check_pickle_record(&t, RECORD_BYTECODE);
    check_members(&t);
}

const struct inspector torch_zip_inspector = {
    .format = FORMAT_TORCH_ZIP,
    .claim = claim,
    .inspect = inspect,
};
