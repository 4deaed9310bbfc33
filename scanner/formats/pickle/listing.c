#include "formats/pickle/listing.h"

#include <inttypes.h>

#include "formats/pickle/render.h"

enum { LINE_MAX_BYTES = 4000, NAMES_MAX = 16 << 20 }; /* a line fits one fact */

/* The machine's events arrive with the offset of their instruction: the disassembler
 * follows them, one instruction behind, so that each line knows what it did. */
struct listing {
    const struct pickle_listener *to;
    struct reader r;
    struct pickle_instruction pending; /* decoded, and not yet told */
    bool has_pending;
    bool broken;      /* nothing more can be decoded … */
    size_t broken_at; /* … from here on */
    struct buffer operand, note, statement;
};

/* ---- disassembly ---- */

static bool is_bytes(uint8_t code)
{
    return code == OP_BINBYTES || code == OP_SHORT_BINBYTES || code == OP_BINBYTES8 ||
           code == OP_BYTEARRAY8 || code == OP_LONG1 || code == OP_LONG4;
}

static void add_operand(struct buffer *out, const struct pickle_instruction *i)
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
        pickle_render_text(i->text, is_bytes(i->code), out);
        break;
    default:
        buffer_printf(out, "%" PRIu64, i->number);
    }
}

static void tell(struct listing *l, size_t offset, const char *opcode)
{
    struct pickle_line line = { .offset = offset,
                                .opcode = opcode,
                                .operand = buffer_span(&l->operand),
                                .note = buffer_span(&l->note) };
    l->to->line(l->to->self, &line);
    buffer_clear(&l->operand);
    buffer_clear(&l->note);
}

static void tell_pending(struct listing *l)
{
    if (!l->has_pending)
        return;
    l->has_pending = false;
    add_operand(&l->operand, &l->pending);
    tell(l, l->pending.offset, pickle_opcodes[l->pending.code].name);
}

/* Tell all instructions before `offset`, and make the one there the pending one. */
static void follow(struct listing *l, size_t offset)
{
    while (!l->broken &&
           (l->has_pending ? l->pending.offset < offset : l->r.pos <= offset)) {
        tell_pending(l);
        if (l->r.pos > offset)
            return;
        l->broken_at = l->r.pos;
        l->broken = pickle_decode(&l->r, &l->pending) != DECODED;
        l->has_pending = !l->broken;
    }
}

static void add_note(struct listing *l, struct span text)
{
    if (l->note.len)
        buffer_add_text(&l->note, "; ");
    buffer_add(&l->note, text);
}

/* ---- decompilation ---- */

static void finish_statement(struct listing *l)
{
    l->to->statement(l->to->self, buffer_span(&l->statement));
    buffer_clear(&l->statement);
}

static void on_import(void *self, struct pickle_machine *m, uint32_t index, size_t offset)
{
    struct listing *l = self;
    const struct pickle_global *g = &m->globals[index];
    follow(l, offset);
    pickle_render_global(g, &l->statement);
    add_note(l, buffer_span(&l->statement));
    buffer_clear(&l->statement);
    if (g->imports > 1)
        return;
    buffer_add_text(&l->statement, "import ");
    pickle_render_name(g->module, &l->statement);
    buffer_add_text(&l->statement, "  # ");
    pickle_render_name(g->name, &l->statement);
    finish_statement(l);
}

static void on_call(void *self, struct pickle_machine *m, const struct pickle_call *call)
{
    struct listing *l = self;
    bool changes = call->kind >= CALL_BUILD && call->kind <= CALL_SETITEM;
    follow(l, call->offset);
    if (l->to->call)
        l->to->call(l->to->self, m, call);
    if (!changes)
        buffer_printf(&l->statement, "v%zu = ", call->offset);
    pickle_render_call(m, call, STYLE_LISTING, &l->statement);
    add_note(l, buffer_span(&l->statement));
    finish_statement(l);
}

static void on_skipped(void *self, struct pickle_machine *m, size_t offset, size_t end)
{
    struct listing *l = self;
    (void)m;
    follow(l, offset - 1); /* BUILD, which asked for the bytes: one byte long */
    tell_pending(l);
    buffer_printf(&l->statement, "# %zu bytes of an array, from %zu", end - offset,
                  offset);
    buffer_printf(&l->note, "%zu bytes of an array", end - offset);
    tell(l, offset, "");
    finish_statement(l);
    reader_seek(&l->r, end);
}

static void end_stopped(struct listing *l, const struct pickle_machine *m)
{
    follow(l, m->end - 1);
    tell_pending(l);
    buffer_add_text(&l->statement, "return ");
    pickle_render_value(m, m->result, STYLE_LISTING, &l->statement);
    finish_statement(l);
}

static void end_broken(struct listing *l, const struct pickle_machine *m)
{
    const char *reason = m->reason                   ? m->reason
                         : m->status == PICKLE_SPENT ? "the budget of opcodes is spent"
                                                     : "the input ends without STOP";
    follow(l, m->end);
    if (l->has_pending && l->pending.offset == m->end) {
        buffer_printf(&l->statement, "breaks here: %s", reason);
        add_note(l, buffer_span(&l->statement));
        buffer_clear(&l->statement);
        tell_pending(l);
    } else {
        tell_pending(l);
        buffer_printf(&l->note, "breaks here: %s", reason);
        tell(l, l->broken ? l->broken_at : m->end, "");
    }
    buffer_printf(&l->statement, "# breaks at %zu: %s", m->end, reason);
    finish_statement(l);
}

bool pickle_list(struct span bytes, size_t start, bool joblib, uint64_t most,
                 const struct pickle_listener *to)
{
    struct listing l = { .to = to, .r = reader_of(bytes, 0) };
    struct pickle_sink sink = {
        .self = &l, .import = on_import, .call = on_call, .skipped = on_skipped
    };
    struct arena *names = arena_new(NAMES_MAX);
    struct pickle_machine *m =
        names ? pickle_machine_new(bytes, names, NULL, &sink) : NULL;
    buffer_init(&l.operand, LINE_MAX_BYTES);
    buffer_init(&l.note, LINE_MAX_BYTES);
    buffer_init(&l.statement, LINE_MAX_BYTES);
    reader_seek(&l.r, start);
    if (m) {
        m->joblib = joblib;
        m->max_instructions = most;
        if (pickle_machine_run(m, start) == PICKLE_STOPPED)
            end_stopped(&l, m);
        else
            end_broken(&l, m);
        if (to->ended)
            to->ended(to->self, m);
    }
    bool ok = m != NULL;
    buffer_free(&l.operand);
    buffer_free(&l.note);
    buffer_free(&l.statement);
    pickle_machine_free(m);
    arena_free(names);
    return ok;
}
