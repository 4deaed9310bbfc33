#include "formats/torch/archive.h"

static const char *const record_names[TORCH_RECORD_COUNT] = {
    [TORCH_DATA] = "data.pkl",         [TORCH_CONSTANTS] = "constants.pkl",
    [TORCH_BYTECODE] = "bytecode.pkl", [TORCH_VERSION] = "version",
    [TORCH_BYTEORDER] = "byteorder",   [TORCH_EXTERN] = ".data/extern_modules",
};

const char *torch_record_name(enum torch_record n)
{
    return record_names[n];
}

static bool equal_nocase(struct span a, struct span b)
{
    struct reader ra = reader_of(a, 0), rb = reader_of(b, 0);
    bool equal = a.len == b.len;
    while (equal && reader_left(&ra) > 0) {
        uint8_t x = reader_u8(&ra), y = reader_u8(&rb);
        equal = x == y || ((x ^ y) == 0x20 && (x | 0x20) >= 'a' && (x | 0x20) <= 'z');
    }
    return equal;
}

bool torch_archive_record(const struct torch_archive *t, struct span name,
                          struct span *ret_record)
{
    struct span top = span_slice(name, 0, t->top.len);
    struct span rest = span_slice(name, t->top.len, name.len);
    if (!equal_nocase(top, t->top) || !span_starts(rest, "/"))
        return false;
    *ret_record = span_slice(rest, 1, rest.len);
    return true;
}

bool torch_archive_is_source(struct span record)
{
    struct span where = span_of_text("code/__torch__");
    return span_ends_nocase(record, ".py") &&
           equal_nocase(span_slice(record, 0, where.len), where);
}

/* The directory that miniz finds: that of the last end record, at the offset it says. */
static bool find_directory(struct span file, struct zip_directory *ret_directory)
{
    uint64_t at;
    if (!span_starts(file, "PK\x03\x04") || !zip_previous_end(file, file.len, &at))
        return false;
    struct zip_directory list[ZIP_INTERPRETATIONS_MAX];
    size_t n = zip_read_end(file, at, list);
    for (size_t i = 0; i < n; i++)
        if (list[i].start == list[i].said) {
            *ret_directory = list[i];
            return true;
        }
    return false;
}

static void note_record(struct torch_archive *t, const struct zip_entry *e)
{
    struct span record;
    if (!torch_archive_record(t, e->name, &record)) {
        if (t->strays++ == 0)
            t->stray = e->name;
        return;
    }
    for (int n = 0; n < TORCH_RECORD_COUNT; n++)
        if (equal_nocase(record, span_of_text(record_names[n]))) {
            t->found[n]++;
            t->last[n] = *e;
            if (!span_is(record, record_names[n]))
                t->disguised[n] = *e;
        }
}

bool torch_archive_read(struct span file, struct torch_archive *ret_archive)
{
    struct torch_archive t = { .file = file };
    struct zip_entry e;
    if (!find_directory(file, &t.directory))
        return false;
    struct reader r = zip_directory_open(file, &t.directory);
    while (zip_directory_next(&r, &t.directory, &e)) {
        if (t.entries++ == 0) {
            size_t slash = span_find(e.name, "/", 0);
            if (slash == SIZE_MAX)
                return false; /* PyTorch wants a directory */
            t.top = span_slice(e.name, 0, slash);
        }
        note_record(&t, &e);
    }
    if (t.found[TORCH_DATA] == 0 && t.found[TORCH_EXTERN] == 0 &&
        !torch_archive_is_script(&t))
        return false;
    *ret_archive = t;
    return true;
}

bool torch_archive_is_script(const struct torch_archive *t)
{
    return t->found[TORCH_CONSTANTS] > 0 || t->found[TORCH_BYTECODE] > 0;
}
