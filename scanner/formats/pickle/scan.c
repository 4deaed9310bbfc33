#include "formats/pickle/scan.h"

#include "formats/pickle/detail.h"
#include "formats/pickle/probe.h"

enum { PROBE_RESYNC = 4096, PROBE_BLOCK = 4096 };

bool pickle_scan_begin(struct pickle_scan *s, struct inspection *in)
{
    *s = (struct pickle_scan){ .in = in, .at = pickle_skip_blanks(in->bytes, 0) };
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
    pickle_prober_free(s->judge.prober);
    s->judge.prober = NULL;
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
        if (s.ptr[at] != 0 && !pickle_is_blank(s.ptr[at]))
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
    return pickle_begins_with_protocol(s, at) || memchr(first, s.ptr[at], sizeof first);
}

/* The next place at or after s->at where a pickle begins, or SIZE_MAX. */
static size_t resync(struct pickle_scan *s)
{
    struct span bytes = s->in->bytes;
    struct pickle_prober *p = pickle_prober_new(s->in->pickle_rules);
    size_t found = SIZE_MAX, first = pickle_skip_blanks(bytes, s->at);
    for (size_t at = first; at < bytes.len && found == SIZE_MAX; at++) {
        if ((at - first) % PROBE_BLOCK == 0 &&
            !inspection_spend(s->in, BUDGET_PROBE_BYTES, PROBE_BLOCK))
            break;
        bool adjacent = at == first && s->stopped;
        if (adjacent ? !pickle_opcodes[bytes.ptr[at]].name : !can_begin(bytes, at))
            continue;
        enum pickle_place place = adjacent ? PLACE_ADJACENT : PLACE_INSIDE;
        if (pickle_prober_run(p, bytes, at, PROBE_RESYNC, place) != CLAIM_NONE)
            found = at;
        else if (!inspection_spend(s->in, BUDGET_PICKLE_OPCODES, pickle_prober_work(p)))
            break;
    }
    pickle_prober_free(p);
    return found;
}

void pickle_scan_rest(struct pickle_scan *s)
{
    struct span bytes = s->in->bytes;
    while (s->at < bytes.len && !only_padding(bytes, s->at)) {
        size_t gap = s->at, next = resync(s);
        if (next == SIZE_MAX || pickle_skip_blanks(bytes, gap) < next)
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
