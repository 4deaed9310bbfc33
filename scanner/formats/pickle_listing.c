#include "formats/pickle_listing.h"

#include <inttypes.h>

#include "formats/pickle_render.h"

enum { LINE_MAX_BYTES = 4096, NAMES_MAX = 16 << 20 };

/* ---- disassembly ---- */

static bool is_bytes(uint8_t code)
{
    return code == OP_BINBYTES || code == OP_SHORT_BINBYTES || code == OP_BINBYTES8 ||
           code == OP_BYTEARRAY8;
}

static void add_argument(struct buffer *out, const struct pickle_instruction *i)
{
    double d;
    switch (pickle_opcodes[i->code].argument) {
    case ARGUMENT_NONE:
        break;
    case ARGUMENT_I4:
        buffer_printf(out, "%" PRId64, (int64_t)i->number);
        break;
    case ARGUMENT_F8:
        memcpy(&d, &i->number, sizeof d);
        buffer_printf(out, "%.17g", d);
        break;
    case ARGUMENT_LINE:
        pickle_render_text(i->text, false, out);
        break;
    case ARGUMENT_LINES:
        pickle_render_text(i->text, false, out);
        buffer_add_text(out, " ");
        pickle_render_text(i->second, false, out);
        break;
    case ARGUMENT_BYTES1:
    case ARGUMENT_BYTES4:
    case ARGUMENT_BYTES8:
        pickle_render_text(
            i->text, is_bytes(i->code) || i->code == OP_LONG1 || i->code == OP_LONG4,
            out);
        break;
    default:
        buffer_printf(out, "%" PRIu64, i->number);
    }
}

size_t pickle_disassemble(struct span bytes, size_t start, pickle_line *line, void *self)
{
    struct pickle_instruction i = { 0 };
    struct reader r = reader_of(bytes, 0);
    struct buffer text;
    enum pickle_decoded decoded = DECODED;
    size_t end = start;
    buffer_init(&text, LINE_MAX_BYTES);
    reader_seek(&r, start);
    for (i.code = 0; i.code != OP_STOP; end = r.pos) {
        decoded = pickle_decode(&r, &i);
        if (decoded != DECODED)
            break;
        buffer_clear(&text);
        buffer_printf(&text, "%8zu  %-16s", i.offset, pickle_opcodes[i.code].name);
        add_argument(&text, &i);
        while (text.len > 0 && text.text[text.len - 1] == ' ')
            text.len--;
        line(self, buffer_span(&text));
    }
    if (decoded != DECODED) {
        buffer_clear(&text);
        buffer_printf(&text, "%8zu  %s", end,
                      decoded == DECODED_INVALID     ? "no such opcode"
                      : decoded == DECODED_TRUNCATED ? "the input ends in an argument"
                                                     : "the input ends");
        line(self, buffer_span(&text));
    }
    buffer_free(&text);
    return end;
}

/* ---- decompilation ---- */

struct decompiler {
    pickle_line *line;
    void *self;
    struct buffer text;
};

static void finish_line(struct decompiler *d)
{
    d->line(d->self, buffer_span(&d->text));
    buffer_clear(&d->text);
}

static void on_import(void *self, struct pickle_machine *m, uint32_t index, size_t offset)
{
    struct decompiler *d = self;
    const struct pickle_global *g = &m->globals[index];
    (void)offset;
    if (g->imports > 1)
        return;
    buffer_add_text(&d->text, "from ");
    pickle_render_name(g->module, &d->text);
    buffer_add_text(&d->text, " import ");
    pickle_render_name(g->name, &d->text);
    finish_line(d);
}

static void on_call(void *self, struct pickle_machine *m, const struct pickle_call *call)
{
    struct decompiler *d = self;
    bool statement = call->kind >= CALL_BUILD && call->kind <= CALL_SETITEM;
    if (!statement)
        buffer_printf(&d->text, "v%zu = ", call->offset);
    pickle_render_call(m, call, STYLE_LISTING, &d->text);
    finish_line(d);
}

bool pickle_decompile(struct span bytes, size_t start, pickle_line *line, void *self,
                      size_t *ret_end)
{
    struct decompiler d = { .line = line, .self = self };
    struct pickle_sink sink = { .self = &d, .import = on_import, .call = on_call };
    struct arena *names = arena_new(NAMES_MAX);
    struct pickle_machine *m =
        names ? pickle_machine_new(bytes, names, NULL, &sink) : NULL;
    bool ok = m != NULL;
    buffer_init(&d.text, LINE_MAX_BYTES);
    if (ok) {
        if (pickle_machine_run(m, start) == PICKLE_STOPPED) {
            buffer_add_text(&d.text, "return ");
            pickle_render_value(m, m->result, STYLE_LISTING, &d.text);
        } else {
            buffer_printf(&d.text, "# breaks at %zu: %s", m->end,
                          m->reason ? m->reason : "the input ends without STOP");
        }
        finish_line(&d);
        *ret_end = m->end;
    }
    buffer_free(&d.text);
    pickle_machine_free(m);
    arena_free(names);
    return ok;
}
