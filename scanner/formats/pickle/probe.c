#include "formats/pickle/probe.h"

#include <stdlib.h>

#include "formats/pickle/machine.h"

enum {
    PROBE_FIRST = 64,
    PROBE_LONG = 1 << 20,
    PROBE_FIND = 4096,
    INSIDE = 8,       /* instructions of a stream that ends, found anywhere, */
    PROTO_INSIDE = 4, /* and of one that begins with PROTO */
    PROTO_PROOF = 2,  /* PROTO and one more instruction are believed */
    PROBE_NAMES = 1 << 20,
    LINE_INSIDE = 4096,
    TEXT_WORK = 64
};

struct trial {
    const struct pickle_rules *lists;
    unsigned imports, known, calls;
};

struct pickle_prober {
    struct trial trial;
    struct pickle_sink sink;
    struct arena *names;
    struct pickle_machine *machine;
};

static void trial_import(void *self, struct pickle_machine *m, uint32_t index,
                         size_t offset)
{
    struct trial *t = self;
    const struct pickle_global *g = &m->globals[index];
    (void)offset;
    t->imports++;
    t->known += g->verdict.class != PICKLE_UNKNOWN ||
                pickle_rules_know_module(t->lists, g->module);
}

static void trial_call(void *self, struct pickle_machine *m, const struct pickle_call *c)
{
    struct trial *t = self;
    (void)m; /* of something imported: random bytes call persistent ids and the like */
    t->calls += value_has_global(c->callee) && value_global(c->callee) != 0;
}

bool pickle_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

size_t pickle_skip_blanks(struct span s, size_t at)
{
    while (at < s.len && pickle_is_blank(s.ptr[at]))
        at++;
    return at;
}

bool pickle_begins_with_protocol(struct span s, size_t at)
{
    return s.len - at >= 2 && s.ptr[at] == OP_PROTO && s.ptr[at + 1] <= 5;
}

static enum claim believe(const struct pickle_machine *m, const struct trial *t,
                          bool protocol, enum pickle_place place)
{
    bool stopped = m->status == PICKLE_STOPPED;
    if (t->calls > 0 || t->known > 0 || (protocol && t->imports > 0))
        return protocol ? CLAIM_MAGIC : CLAIM_LIKELY;
    if (place == PLACE_INSIDE)
        return stopped && m->instructions >= (protocol ? PROTO_INSIDE : INSIDE)
                   ? CLAIM_LIKELY
                   : CLAIM_NONE;
    if (protocol)
        return m->status != PICKLE_MALFORMED || m->instructions >= PROTO_PROOF
                   ? CLAIM_MAGIC
                   : CLAIM_NONE;
    if (stopped && m->instructions > 1)
        return place == PLACE_ADJACENT || m->end == m->bytes.len ? CLAIM_LIKELY
                                                                 : CLAIM_NONE;
    return m->status == PICKLE_LIMIT ? CLAIM_LIKELY : CLAIM_NONE;
}

struct pickle_prober *pickle_prober_new(const struct pickle_rules *lists)
{
    struct pickle_prober *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->trial.lists = lists;
    p->sink = (struct pickle_sink){ .self = &p->trial,
                                    .import = trial_import,
                                    .call = trial_call };
    p->names = arena_new(PROBE_NAMES);
    if (p->names)
        p->machine = pickle_machine_new((struct span){ 0 }, p->names, lists, &p->sink);
    if (p->machine)
        return p;
    pickle_prober_free(p);
    return NULL;
}

void pickle_prober_free(struct pickle_prober *p)
{
    if (!p)
        return;
    pickle_machine_free(p->machine);
    arena_free(p->names);
    free(p);
}

uint64_t pickle_prober_work(const struct pickle_prober *p)
{
    const struct pickle_machine *m = p ? p->machine : NULL;
    return m ? m->instructions + (m->reach - m->start) / TEXT_WORK : 0;
}

enum claim pickle_prober_run(struct pickle_prober *p, struct span bytes, size_t at,
                             uint64_t most, enum pickle_place place)
{
    if (!p)
        return CLAIM_LIKELY;
    struct pickle_machine *m = p->machine;
    bool protocol = pickle_begins_with_protocol(bytes, at);
    uint64_t limit = PROBE_FIRST < most ? PROBE_FIRST : most;
    for (;; limit = most) {
        struct arena_mark mark = arena_mark(p->names);
        p->trial = (struct trial){ .lists = p->trial.lists };
        pickle_machine_reuse(m, bytes, p->names);
        m->max_instructions = limit;
        m->strict = !protocol || place == PLACE_INSIDE;
        m->line_max = place == PLACE_INSIDE ? LINE_INSIDE : 0;
        (void)pickle_machine_run(m, at);
        enum claim claim = believe(m, &p->trial, protocol, place);
        arena_release(p->names, mark);
        if (claim != CLAIM_NONE || m->status != PICKLE_SPENT)
            return claim;
        if (limit == most)
            return CLAIM_LIKELY;
    }
}

/* Most texts end here: their first byte is no opcode, or one that takes something off
 * the empty stack, or one with an argument that is longer than the text. */
static bool can_start(struct span bytes, size_t at)
{
    static const uint8_t taking[] = { OP_POP,      OP_POP_MARK,    OP_DUP,    OP_STOP,
                                      OP_APPEND,   OP_APPENDS,     OP_TUPLE,  OP_LIST,
                                      OP_DICT,     OP_SETITEM,     OP_OBJ,    OP_SETITEMS,
                                      OP_BUILD,    OP_REDUCE,      OP_BINPUT, OP_PUT,
                                      OP_TUPLE1,   OP_LONG_BINPUT, OP_BINGET, OP_GET,
                                      OP_BINPERSID };
    struct reader r = reader_of(bytes, 0);
    struct pickle_instruction first;
    reader_seek(&r, at);
    return pickle_begins_with_protocol(bytes, at) ||
           (pickle_decode(&r, &first) == DECODED &&
            !memchr(taking, first.code, sizeof taking));
}

enum claim pickle_prober_claim(struct pickle_prober *p, struct span bytes)
{
    size_t at = pickle_skip_blanks(bytes, 0);
    return can_start(bytes, at) ? pickle_prober_run(p, bytes, at, PROBE_LONG, PLACE_START)
                                : CLAIM_NONE;
}

enum claim pickle_probe(struct span bytes, const struct pickle_rules *lists)
{
    if (!can_start(bytes, pickle_skip_blanks(bytes, 0)))
        return CLAIM_NONE;
    struct pickle_prober *p = pickle_prober_new(lists);
    enum claim claim = pickle_prober_claim(p, bytes);
    pickle_prober_free(p);
    return claim;
}

size_t pickle_prober_find(struct pickle_prober *p, struct span bytes)
{
    for (size_t at = 1; p && at < bytes.len; at++) {
        const uint8_t *hit = memchr(bytes.ptr + at, OP_PROTO, bytes.len - at);
        if (!hit)
            break;
        at = (size_t)(hit - bytes.ptr);
        if (pickle_begins_with_protocol(bytes, at) &&
            pickle_prober_run(p, bytes, at, PROBE_FIND, PLACE_INSIDE) != CLAIM_NONE &&
            (p->trial.calls > 0 || p->trial.known > 0))
            return at;
    }
    return SIZE_MAX;
}
