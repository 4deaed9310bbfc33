/* PyTorch checkpoints, TorchScript and packages in a ZIP.  zip.c has inspected the
 * members; here it is judged what PyTorch makes of them. */
#include "formats/expansion.h"
#include "formats/torch/archive.h"
#include "formats/zip_member.h"

#include <inttypes.h>

enum {
    SMALL_RECORD_MAX = 64,
    HEAD = 1024 /* enough to know a program by */
};

/* No released PyTorch reads what the preview release wrote. */
static bool is_preview(struct span file)
{
    return span_starts(file, "PYTORCH1");
}

static enum claim claim(const struct inspection *in)
{
    struct torch_archive t;
    return is_preview(in->bytes) || torch_archive_read(in->bytes, &t) ? CLAIM_MAGIC
                                                                      : CLAIM_NONE;
}

static void check_pickle_record(struct inspection *in, const struct torch_archive *t,
                                enum torch_record n)
{
    const struct zip_entry *e = &t->last[n], *disguised = &t->disguised[n];
    if (t->found[n] > 1)
        inspection_finding(in, RULE_TORCH_DUPLICATE_RECORD, e->header, e->name,
                           "%" PRIu64 " records answer to %s, and loaders disagree which "
                           "one is meant",
                           t->found[n], torch_record_name(n));
    if (disguised->name.len > 0)
        inspection_finding(in, RULE_TORCH_DISGUISED_RECORD, disguised->header,
                           disguised->name, "'%.*s' is %s to PyTorch",
                           ZIP_SHOW(disguised->name), torch_record_name(n));
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

/* A native library by its name, or a program by its first bytes. */
static bool is_native(struct inspection *in, const struct zip_entry *e,
                      struct span record)
{
    if (span_ends_nocase(record, ".so") || span_ends_nocase(record, ".dll") ||
        span_ends_nocase(record, ".dylib"))
        return true;
    if (span_starts(record, "data/")) /* any bytes can start a tensor */
        return false;
    struct expansion *expansion;
    bool program = is_program(zip_member_content(in, e, HEAD, &expansion));
    expansion_close(expansion);
    return program;
}

static void check_members(struct inspection *in, const struct torch_archive *t)
{
    struct reader r = zip_directory_open(t->file, &t->directory);
    struct zip_entry e;
    while (zip_directory_next(&r, &t->directory, &e)) {
        struct span record = e.name;
        (void)torch_archive_record(t, e.name, &record);
        if (span_ends_nocase(record, ".py") && !torch_archive_is_source(record))
            inspection_finding(in, RULE_TORCH_PACKAGED_CODE, e.header, e.name,
                               "'%.*s' is Python source outside of TorchScript's",
                               ZIP_SHOW(e.name));
        else if (is_native(in, &e, record))
            inspection_finding(in, RULE_TORCH_NATIVE_CODE, e.header, e.name,
                               "'%.*s' is a native library or program", ZIP_SHOW(e.name));
    }
    if (t->strays > 0)
        inspection_finding(in, RULE_TORCH_STRAY_RECORD, t->directory.start, t->stray,
                           "%" PRIu64 " members lie outside of '%.*s/', the first is "
                           "'%.*s'",
                           t->strays, ZIP_SHOW(t->top), ZIP_SHOW(t->stray));
}

/* A fact that is the content of a small record. */
static void add_record_fact(struct inspection *in, const struct torch_archive *t,
                            struct fact *facts, enum torch_record n)
{
    if (t->found[n] == 0)
        return;
    struct expansion *expansion;
    struct span text = zip_member_content(in, &t->last[n], SMALL_RECORD_MAX, &expansion);
    while (span_ends(text, "\n"))
        text = span_slice(text, 0, text.len - 1);
    fact_text(in->arena, facts, torch_record_name(n), text);
    expansion_close(expansion);
}

static void inspect(struct inspection *in)
{
    struct torch_archive t;
    struct fact *facts = fact_object(in->arena, artifact_facts(in->artifact), "torch");
    in->artifact->executes = true;
    if (!torch_archive_read(in->bytes, &t)) {
        inspection_incomplete(in, "an archive of PyTorch's preview release, which no "
                                  "released PyTorch reads");
        return;
    }
    const char *kind = torch_archive_is_script(&t) ? "torchscript"
                       : t.found[TORCH_EXTERN] > 0 ? "package"
                                                   : "checkpoint";
    fact_text(in->arena, facts, "kind", span_of_text(kind));
    fact_uint(in->arena, facts, "records", t.entries);
    add_record_fact(in, &t, facts, TORCH_VERSION);
    add_record_fact(in, &t, facts, TORCH_BYTEORDER);
    check_pickle_record(in, &t, TORCH_DATA);
    check_pickle_record(in, &t, TORCH_CONSTANTS);
    check_pickle_record(in, &t, TORCH_BYTECODE);
    check_members(in, &t);
}

const struct inspector torch_zip_inspector = {
    .format = FORMAT_TORCH_ZIP,
    .claim = claim,
    .inspect = inspect,
};
