/* What `assay inspect` prints: for the file and each member with something to say a
 * block of its own.  Listings are not wrapped: a line of a stream is a line. */
#include "core/formats.h"
#include "reports/escape.h"
#include "reports/inspection.h"
#include "reports/text/model.h"

#include <inttypes.h>
#include <string.h>

enum { LABEL = 14, INDENT = 2, NAME_COLUMNS = 48, OPERAND_COLUMN = 28, NOTE_COLUMN = 44 };

static void item(struct text_out *t, const char *label)
{
    text_out_item(t, STYLE_BOLD, label, LABEL);
}

static const struct fact *find(const struct fact *f, const char *name)
{
    return fact_find(f, name);
}

static uint64_t number(const struct fact *object, const char *name)
{
    const struct fact *f = find(object, name);
    return f && f->type == FACT_UINT ? f->number : 0;
}

static struct span text(const struct fact *object, const char *name)
{
    const struct fact *f = find(object, name);
    return f && f->type == FACT_TEXT ? f->text : (struct span){ 0 };
}

static bool is_true(const struct fact *object, const char *name)
{
    const struct fact *f = find(object, name);
    return f && f->type == FACT_BOOL && f->number != 0;
}

/* A fact's text, which was cut when it is exactly as long as facts may be. */
static void add_text(struct text_out *t, struct span s)
{
    text_out_bytes(t, s);
    if (s.len == FACT_TEXT_MAX)
        text_out_add(t, " ... (cut at %d bytes)", FACT_TEXT_MAX);
}

/* A text that pickle_render made: Python's notation, with its own escapes. */
static void add_rendered(struct text_out *t, struct span s)
{
    escape_rendered(&t->words, s);
    if (s.len == FACT_TEXT_MAX)
        text_out_add(t, " ... (cut at %d bytes)", FACT_TEXT_MAX);
}

/* Fill up with blanks to `columns`, with one at least. */
static void pad(struct text_out *t, size_t columns)
{
    size_t len = escape_width(buffer_span(&t->words));
    text_out_add(t, "%*s", (int)(columns > len ? columns - len : 1), "");
}

static void add_more(struct text_out *t, const struct fact *object, const char *name,
                     const char *what)
{
    uint64_t n = number(object, name);
    if (n == 0)
        return;
    text_out_add(t, "%" PRIu64 " more %s%s not shown (--max-facts)", n, what,
                 n == 1 ? " is" : "s are");
    text_out_line(t, STYLE_YELLOW, INDENT);
}

static void title(struct text_out *t, const char *words)
{
    text_out_blank(t);
    text_out_add(t, "%s", words);
    text_out_line(t, STYLE_BOLD, 0);
}

/* ---- pickle -------------------------------------------------------------------- */

static void write_decompilation(struct text_out *t, const struct fact *stream)
{
    const struct fact *list = find(stream, "decompilation");
    if (!list)
        return;
    title(t, "What it does");
    for (const struct fact *f = list->first; f; f = f->next) {
        add_rendered(t, f->text);
        text_out_line(t, span_starts(f->text, "#") ? STYLE_YELLOW : STYLE_PLAIN, INDENT);
    }
    add_more(t, stream, "decompilation_dropped", "statement");
}

/* Only when statements are missing: the judge has kept the calls that matter. */
static void write_calls(struct text_out *t, const struct fact *stream)
{
    const struct fact *list = find(stream, "calls");
    if (!list || !list->first || number(stream, "decompilation_dropped") == 0)
        return;
    title(t, "Calls");
    for (const struct fact *f = list->first; f; f = f->next) {
        text_out_add(t, "%8" PRIu64 "  ", number(f, "offset"));
        add_rendered(t, text(f, "rendered"));
        text_out_line(t, STYLE_PLAIN, INDENT);
    }
    add_more(t, stream, "calls_dropped", "call");
}

static void write_imports(struct text_out *t, const struct fact *stream)
{
    const struct fact *list = find(stream, "globals");
    if (!list || !list->first)
        return;
    title(t, "Imports");
    for (const struct fact *f = list->first; f; f = f->next) {
        bool dangerous = span_is(text(f, "class"), "dangerous");
        text_out_add(t, "%8" PRIu64 "  ", number(f, "offset"));
        text_out_bytes(t, text(f, "class"));
        pad(t, 21);
        add_text(t, text(f, "module"));
        text_out_add(t, ".");
        add_text(t, text(f, "name"));
        text_out_add(t, "%s", is_true(f, "called") ? "  (called)" : "");
        text_out_line(t, dangerous ? STYLE_RED : STYLE_PLAIN, INDENT);
    }
    add_more(t, stream, "globals_dropped", "import");
}

static void write_disassembly(struct text_out *t, const struct fact *stream)
{
    const struct fact *list = find(stream, "disassembly");
    if (!list)
        return;
    title(t, "Disassembly");
    for (const struct fact *f = list->first; f; f = f->next) {
        struct span operand = text(f, "operand"), note = text(f, "note");
        text_out_add(t, "%8" PRIu64 "  ", number(f, "offset"));
        text_out_bytes(t, text(f, "opcode"));
        if (operand.len) {
            pad(t, OPERAND_COLUMN);
            add_rendered(t, operand);
        }
        if (note.len) {
            pad(t, NOTE_COLUMN);
            text_out_add(t, "# ");
            add_rendered(t, note);
        }
        text_out_line(t, STYLE_PLAIN, INDENT);
    }
    add_more(t, stream, "disassembly_dropped", "instruction");
}

static void write_streams(struct text_out *t, const struct fact *list,
                          const struct inspection_view *v)
{
    for (const struct fact *f = list->first; f; f = f->next) {
        text_out_blank(t);
        text_out_add(t, "offset %" PRIu64 ", protocol %" PRIu64 ", %s",
                     number(f, "offset"), number(f, "protocol"),
                     is_true(f, "stopped") ? "read to its end" : "broken");
        item(t, "Pickle");
        write_decompilation(t, f);
        write_calls(t, f);
        write_imports(t, f);
        if (v->disassembly)
            write_disassembly(t, f);
    }
}

/* ---- tensors ------------------------------------------------------------------- */

static void write_tensor(struct text_out *t, const struct fact *f)
{
    struct span name = text(f, "name"), dtype = text(f, "dtype");
    const struct fact *shape = find(f, "shape");
    if (name.len)
        add_text(t, name);
    else
        text_out_add(t, "(unnamed)");
    pad(t, NAME_COLUMNS);
    text_out_bytes(t, dtype.len ? dtype : span_of_text("?"));
    pad(t, NAME_COLUMNS + 10);
    text_out_add(t, "[");
    for (const struct fact *d = shape ? shape->first : NULL; d; d = d->next)
        text_out_add(t, "%" PRIu64 "%s", d->number, d->next ? ", " : "");
    text_out_add(t, number(f, "dimensions") ? ", ...]" : "]");
    pad(t, NAME_COLUMNS + 30);
    if (find(f, "bytes"))
        text_out_add(t, "%" PRIu64, number(f, "bytes"));
    else
        text_out_add(t, "?");
    text_out_line(t, STYLE_PLAIN, INDENT);
}

static void write_tensors(struct text_out *t, const struct fact *facts)
{
    const struct fact *list = find(facts, "tensors");
    if (!list || list->type != FACT_LIST)
        return;
    title(t, "Tensors");
    text_out_add(t, "NAME");
    pad(t, NAME_COLUMNS);
    text_out_add(t, "DTYPE");
    pad(t, NAME_COLUMNS + 10);
    text_out_add(t, "SHAPE");
    pad(t, NAME_COLUMNS + 30);
    text_out_add(t, "BYTES");
    text_out_line(t, STYLE_DIM, INDENT);
    for (const struct fact *f = list->first; f; f = f->next)
        write_tensor(t, f);
    add_more(t, facts, "tensors_dropped", "tensor");
}

/* ---- any other facts ----------------------------------------------------------- */

static void add_scalar(struct text_out *t, const struct fact *f)
{
    if (f->type == FACT_TEXT)
        add_text(t, f->text);
    else if (f->type == FACT_BOOL)
        text_out_add(t, "%s", f->number ? "yes" : "no");
    else
        text_out_add(t, "%" PRIu64, f->number);
}

/* An object of one name and one value is a row of a table. */
static bool is_pair(const struct fact *f)
{
    return f->type == FACT_OBJECT && f->first && f->first->next == f->last &&
           find(f, "name") && find(f, "value");
}

/* Containers below `root`, by their depth; no builder goes deeper than FACT_DEPTH_MAX. */
static void write_tree(struct text_out *t, const struct fact *root)
{
    const struct fact *open[FACT_DEPTH_MAX + 1] = { root->first };
    size_t depth = 0;
    title(t, root->name);
    for (;;) {
        const struct fact *f = open[depth];
        if (!f) {
            if (depth == 0)
                return;
            depth--;
            continue;
        }
        open[depth] = f->next;
        bool container = f->type == FACT_OBJECT || f->type == FACT_LIST;
        if (is_pair(f)) {
            text_out_bytes(t, text(f, "name"));
            pad(t, 24);
            add_text(t, text(f, "value"));
        } else if (container && !f->first) {
            continue;
        } else {
            text_out_add(t, "%s", f->name[0] ? f->name : "-");
            if (!container) {
                pad(t, 24);
                add_scalar(t, f);
            } else if (depth < FACT_DEPTH_MAX) {
                open[++depth] = f->first;
                text_out_line(t, STYLE_PLAIN, INDENT * depth);
                continue;
            }
        }
        text_out_line(t, STYLE_PLAIN, INDENT * (depth + 1));
    }
}

static void write_fact(struct text_out *t, const struct fact *f)
{
    if (f->type == FACT_OBJECT || f->type == FACT_LIST) {
        if (f->first)
            write_tree(t, f);
        return;
    }
    add_scalar(t, f);
    item(t, f->name);
}

static bool shown_elsewhere(const struct fact *f)
{
    return strcmp(f->name, "pickle") == 0 ||
           (strcmp(f->name, "tensors") == 0 && f->type == FACT_LIST) ||
           strcmp(f->name, "tensors_dropped") == 0;
}

/* ---- the file and its members -------------------------------------------------- */

static void add_formats(struct text_out *t, uint64_t set)
{
    bool first = true;
    for (int id = 0; id < FORMAT_COUNT; id++)
        if (set & FORMAT_BIT(id)) {
            text_out_add(t, "%s%s", first ? "" : ", ", formats[id].title);
            first = false;
        }
    if (first)
        text_out_add(t, "none that is known");
}

static void write_head(struct text_out *t, const struct artifact *a)
{
    text_path(t, NULL, a);
    text_out_line(t, STYLE_BOLD, 0);
    add_formats(t, a->formats);
    item(t, "Format");
    text_size(t, a->size);
    if (a->size >= 1024)
        text_out_add(t, " (%" PRIu64 " bytes)", a->size);
    if (a->parent)
        text_out_add(t, ", at offset %" PRIu64, a->offset);
    item(t, "Size");
    text_out_add(t, "%s%s", status_name(a->status), a->reason.len ? ": " : "");
    text_out_bytes(t, a->reason);
    item(t, "Status");
    if (a->executes) {
        text_out_add(t, "yes: loading it runs a pickle machine, or code that it holds");
        item(t, "Executes");
    }
}

static void write_members(struct text_out *t, const struct artifact *a)
{
    uint64_t listed = 0;
    if (a->members_total == 0)
        return;
    title(t, "Members");
    text_out_add(t, "%10s  %10s  NAME", "OFFSET", "SIZE");
    text_out_line(t, STYLE_DIM, INDENT);
    for (const struct artifact *m = a->first; m; m = m->next, listed++) {
        text_out_add(t, "%10" PRIu64 "  %10" PRIu64 "  ", m->offset, m->size);
        text_name(t, m->name);
        if (m->status == STATUS_INCOMPLETE || m->status == STATUS_FAILED)
            text_out_add(t, "  (%s)", status_name(m->status));
        text_out_line(t, STYLE_PLAIN, INDENT);
    }
    if (a->members_total > listed) {
        text_out_add(t, "%" PRIu64 " more members are not shown (--max-facts)",
                     a->members_total - listed);
        text_out_line(t, STYLE_YELLOW, INDENT);
    }
}

/* A member without facts or members of its own is a line in its parent's list. */
static bool has_block(const struct artifact *a)
{
    return (a->facts && a->facts->first) || a->members_total > 0 ||
           a->status == STATUS_INCOMPLETE || a->status == STATUS_FAILED;
}

static void write_block(struct text_out *t, const struct artifact *a,
                        const struct inspection_view *v)
{
    write_head(t, a);
    for (const struct fact *f = a->facts ? a->facts->first : NULL; f; f = f->next)
        if (!shown_elsewhere(f))
            write_fact(t, f);
    write_tensors(t, a->facts);
    write_members(t, a);
    const struct fact *streams = find(a->facts, "pickle");
    if (streams)
        write_streams(t, streams, v);
}

bool inspection_write_text(FILE *out, const struct artifact *part,
                           const struct inspection_view *v)
{
    struct text_out t;
    text_out_init(&t, out, v->width, v->colour);
    for (const struct artifact *a = part; a; a = artifact_walk(part, a)) {
        if (a != part && !has_block(a))
            continue;
        if (a != part)
            text_out_blank(&t);
        write_block(&t, a, v);
    }
    bool ok = !t.failed;
    text_out_free(&t);
    return ok;
}
