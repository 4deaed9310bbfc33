#include "formats/pickle/detail.h"

#include "formats/pickle/listing.h"
#include "formats/torch/tensors.h"

/* A list that may take its share of the budget of facts: a long stream leaves some for
 * those that follow it. */
struct share {
    struct fact *list;
    uint64_t left, dropped;
};

struct detail {
    struct inspection *in;
    struct share lines, statements;
    struct torch_tensors *tensors;
};

static bool take(struct detail *d, struct share *s)
{
    if (s->left > 0 && budget_take(d->in->budget, BUDGET_FACTS, 1)) {
        s->left--;
        return true;
    }
    s->dropped++;
    return false;
}

static void on_line(void *self, const struct pickle_line *line)
{
    struct detail *d = self;
    struct arena *a = d->in->arena;
    if (!take(d, &d->lines))
        return;
    struct fact *f = fact_object(a, d->lines.list, "");
    fact_uint(a, f, "offset", line->offset);
    fact_text(a, f, "opcode", span_of_text(line->opcode));
    if (line->operand.len)
        fact_text(a, f, "operand", line->operand);
    if (line->note.len)
        fact_text(a, f, "note", line->note);
}

static void on_statement(void *self, struct span text)
{
    struct detail *d = self;
    if (take(d, &d->statements))
        fact_text(d->in->arena, d->statements.list, "", text);
}

static void on_call(void *self, struct pickle_machine *m, const struct pickle_call *call)
{
    struct detail *d = self;
    torch_tensors_call(d->tensors, m, call);
}

static void on_end(void *self, struct pickle_machine *m)
{
    struct detail *d = self;
    torch_tensors_note(d->tensors, m);
}

void pickle_detail(struct inspection *in, struct fact *stream,
                   const struct pickle_machine *m)
{
    uint64_t most = m->status == PICKLE_SPENT ? m->max_instructions : UINT64_MAX;
    struct arena *a = in->arena;
    uint64_t left = in->budget->left[BUDGET_FACTS];
    struct detail d = { .in = in, .tensors = torch_tensors_new(in) };
    const struct pickle_listener listener = { .self = &d,
                                              .line = on_line,
                                              .statement = on_statement,
                                              .call = on_call,
                                              .ended = on_end };
    d.statements =
        (struct share){ .list = fact_list(a, stream, "decompilation"), .left = left / 4 };
    d.lines =
        (struct share){ .list = fact_list(a, stream, "disassembly"), .left = left / 2 };
    if (!d.tensors || !pickle_list(in->bytes, m->start, m->joblib, most, &listener))
        inspection_incomplete(in, "out of memory");
    if (d.statements.dropped)
        fact_uint(a, stream, "decompilation_dropped", d.statements.dropped);
    if (d.lines.dropped)
        fact_uint(a, stream, "disassembly_dropped", d.lines.dropped);
    torch_tensors_free(d.tensors);
}
