#include "formats/pickle_scan.h"

#include "formats/pickle_detail.h"

enum {
    PROBE_FIRST = 64,
    PROBE_LONG = 1 << 20,
    PROBE_RESYNC = 4096,
    PROBE_BLOCK = 4096,
    INSIDE = 8,       /* instructions of a stream that ends, found anywhere, */
    PROTO_INSIDE = 4, /* and of one that begins with PROTO */
    PROTO_PROOF = 2,  /* PROTO and one more instruction are believed */
    PROBE_NAMES = 1 << 20
};

/* ---- identification ---- */

struct trial {
    const struct pickle_rules *lists;
    unsigned imports, known, calls;
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

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_blanks(struct span s, size_t at)
{
    while (at < s.len && is_blank(s.ptr[at]))
        at++;
    return at;
}

static bool begins_with_protocol(struct span s, size_t at)
{
    return s.len - at >= 2 && s.ptr[at] == OP_PROTO && s.ptr[at + 1] <= 5;
}

/* Where a trial begins decides how much it has to show. */
enum place {
    PLACE_START,    /* of a file: one that begins like a pickle is meant to be one */
    PLACE_ADJACENT, /* behind a STOP: as there, and any that ends is believed */
    PLACE_INSIDE    /* anywhere: random bytes begin like a pickle, too */
};

static enum claim believe(const struct pickle_machine *m, const struct trial *t,
                          bool protocol, enum place place)
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

/* For trial runs: a machine that only counts. */
struct prober {
    struct trial trial;
    struct pickle_sink sink;
    struct arena *names;
    struct pickle_machine *machine; /* NULL: out of memory */
};

static void prober_open(struct prober *p, struct span bytes,
                        const struct pickle_rules *lists)
{
    *p = (struct prober){ .trial.lists = lists, .names = arena_new(PROBE_NAMES) };
    p->sink = (struct pickle_sink){ .self = &p->trial,
                                    .import = trial_import,
                                    .call = trial_call };
    if (p->names)
        p->machine = pickle_machine_new(bytes, p->names, lists, &p->sink);
}

static void prober_close(struct prober *p)
{
    pickle_machine_free(p->machine);
    arena_free(p->names);
}

/* Run at most `most` instructions from `at`; one that goes on so long is a pickle. */
static enum claim prober_run(struct prober *p, size_t at, uint64_t most, enum place place)
{
    struct pickle_machine *m = p->machine;
    if (!m)
        return CLAIM_LIKELY; /* fail closed: the inspector will say what is missing */
    bool protocol = begins_with_protocol(m->bytes, at);
    enum claim claim = CLAIM_NONE;
    uint64_t limit = PROBE_FIRST < most ? PROBE_FIRST : most;
    for (;; limit = most) {
        p->trial = (struct trial){ .lists = p->trial.lists };
        pickle_machine_reuse(m, m->bytes, p->names);
        m->max_instructions = limit;
        m->strict = !protocol || place == PLACE_INSIDE;
        (void)pickle_machine_run(m, at);
        claim = believe(m, &p->trial, protocol, place);
        if (claim != CLAIM_NONE || m->status != PICKLE_SPENT)
            return claim;
        if (limit == most)
            return CLAIM_LIKELY;
    }
}

enum claim pickle_probe(struct span bytes, const struct pickle_rules *lists)
{
    size_t at = skip_blanks(bytes, 0);
    if (at >= bytes.len || !pickle_opcodes[bytes.ptr[at]].name)
        return CLAIM_NONE;
    struct prober p;
    prober_open(&p, bytes, lists);
    enum claim claim = prober_run(&p, at, PROBE_LONG, PLACE_START);
    prober_close(&p);
    return claim;
}

size_t pickle_probe_inside(struct span bytes, const struct pickle_rules *lists)
{
    struct prober p;
    size_t found = SIZE_MAX;
    prober_open(&p, bytes, lists);
    for (size_t at = 1; at < bytes.len && found == SIZE_MAX; at++) {
        const uint8_t *hit = memchr(bytes.ptr + at, OP_PROTO, bytes.len - at);
        if (!hit)
            break;
        at = (size_t)(hit - bytes.ptr);
        if (begins_with_protocol(bytes, at) &&
            prober_run(&p, at, PROBE_RESYNC, PLACE_INSIDE) != CLAIM_NONE &&
            (p.trial.calls > 0 || p.trial.known > 0))
            found = at;
    }
    prober_close(&p);
    return found;
}

/* ---- reading ---- */

bool pickle_scan_begin(struct pickle_scan *s, struct inspection *in)
{
    *s = (struct pickle_scan){ .in = in, .at = skip_blanks(in->bytes, 0) };
    judge_init(&s->judge, in);
    s->machine =
        pickle_machine_new(in->bytes, in->arena, in->pickle_rules, &s->judge.sink);
    if (!s->machine)
        inspection_incomplete(in, "out of memory");
    return s->machine != NULL;
}

void pickle_scan_end(struct pickle_scan *s)
{
    judge_finish(&s->judge, s->machine);
    pickle_machine_free(s->machine);
    s->machine = NULL;
}

static enum pickle_end run(struct pickle_scan *s)
{
    struct pickle_machine *m = s->machine;
    m->max_instructions = s->in->budget->left[BUDGET_PICKLE_OPCODES];
    enum pickle_end end = pickle_machine_run(m, s->at);
    uint64_t done =
        m->instructions < m->max_instructions ? m->instructions : m->max_instructions;
    (void)budget_take(s->in->budget, BUDGET_PICKLE_OPCODES, done);
    return end;
}

/* Where unpicklers disagree (an instruction crosses the end of its frame, the memo has
 * holes), read it in each way.  What the first run ended with counts, unless only a later
 * one came to an end. */
static enum pickle_end run_each_reading(struct pickle_scan *s)
{
    struct pickle_machine *m = s->machine;
    enum pickle_end end = run(s);
    size_t at = m->end, fork = m->fork, heard = at;
    const char *reason = m->reason;
    unsigned disputed = m->disputed;
    while (end != PICKLE_SPENT && pickle_machine_next_reading(m, disputed)) {
        s->judge.silent_until = fork;
        s->judge.heard_until = heard;
        enum pickle_end other = run(s);
        if (other == PICKLE_SPENT || (other == PICKLE_STOPPED && end != PICKLE_STOPPED)) {
            end = other;
            at = m->end;
            reason = m->reason;
        }
        disputed |= m->disputed;
        fork = m->fork < fork ? m->fork : fork;
        heard = m->end > heard ? m->end : heard;
    }
    m->reading = 0;
    m->status = end;
    m->end = at;
    m->reason = reason;
    return end;
}

/* A stream with array wrappers is read twice: joblib.load skips the bytes of the arrays,
 * pickle.load would execute them.  Both runs are the same up to the first wrapper. */
enum pickle_end pickle_scan_stream(struct pickle_scan *s)
{
    struct pickle_machine *m = s->machine;
    struct pickle_judge *j = &s->judge;
    s->in->artifact->executes = true;
    s->streams++;
    judge_stream(j, s->at);
    m->joblib = false;
    j->wrapper = &m->wrapper_offset;
    enum pickle_end end = run_each_reading(s);
    j->wrapper = NULL;
    if (m->wrapper_offset != SIZE_MAX && end != PICKLE_SPENT) {
        j->silent_until = m->wrapper_offset + 1;
        j->heard_until = m->end;
        m->joblib = true;
        end = run_each_reading(s);
    }
    judge_stream_end(j, m);
    if (s->in->detail)
        pickle_detail(s->in, j->stream, m);
    s->at = m->end;
    s->stopped = end == PICKLE_STOPPED;
    return end;
}

/* Zero bytes or blanks up to the end are padding. */
static bool only_padding(struct span s, size_t at)
{
    for (; at < s.len; at++)
        if (s.ptr[at] != 0 && !is_blank(s.ptr[at]))
            return false;
    return true;
}

/* Can a stream that matters begin with this byte?  One that begins otherwise is data
 * only, or has its calls behind bytes that would stand alone as well. */
static bool can_begin(struct span s, size_t at)
{
    static const uint8_t first[] = { OP_GLOBAL,           OP_MARK,
                                     OP_SHORT_BINUNICODE, OP_BINUNICODE,
                                     OP_EMPTY_LIST,       OP_EMPTY_DICT,
                                     OP_EMPTY_TUPLE,      OP_STRING,
                                     OP_UNICODE,          OP_SHORT_BINSTRING };
    return begins_with_protocol(s, at) || memchr(first, s.ptr[at], sizeof first);
}

/* The next place at or after s->at where a pickle begins, or SIZE_MAX. */
static size_t resync(struct pickle_scan *s)
{
    struct span bytes = s->in->bytes;
    struct prober p;
    size_t found = SIZE_MAX, first = skip_blanks(bytes, s->at);
    prober_open(&p, bytes, s->in->pickle_rules);
    for (size_t at = first; at < bytes.len && found == SIZE_MAX; at++) {
        if ((at - first) % PROBE_BLOCK == 0 &&
            !inspection_spend(s->in, BUDGET_PROBE_BYTES, PROBE_BLOCK))
            break;
        bool adjacent = at == first && s->stopped;
        if (adjacent ? !pickle_opcodes[bytes.ptr[at]].name : !can_begin(bytes, at))
            continue;
        enum place place = adjacent ? PLACE_ADJACENT : PLACE_INSIDE;
        if (prober_run(&p, at, PROBE_RESYNC, place) != CLAIM_NONE)
            found = at;
        else if (p.machine &&
                 !inspection_spend(s->in, BUDGET_PICKLE_OPCODES, p.machine->instructions))
            break;
    }
    prober_close(&p);
    return found;
}

void pickle_scan_rest(struct pickle_scan *s)
{
    struct span bytes = s->in->bytes;
    while (s->at < bytes.len && !only_padding(bytes, s->at)) {
        size_t gap = s->at, next = resync(s);
        if (next == SIZE_MAX || skip_blanks(bytes, gap) < next)
            inspection_incomplete(s->in, "%zu bytes at offset %zu are no pickle",
                                  (next == SIZE_MAX ? bytes.len : next) - gap, gap);
        if (next == SIZE_MAX)
            return;
        s->at = next;
        if (pickle_scan_stream(s) == PICKLE_SPENT)
            return;
        if (!s->stopped) /* go on behind the instruction that it broke at */
            s->at = (s->at > next ? s->at : next) + 1;
    }
}
