#include "formats/pickle/run.h"

#include <stdlib.h>

#include "formats/pickle/short.h"

enum {
    STACK_FIRST = 256,
    STACK_MAX = 1 << 24,
    MARKS_MAX = 1 << 22,
    HUGE_MEMO = 1 << 20,
    TEXT_MAX = 1 << 20,
    PIECES_MAX = 4096,
    BIG_INDEXES_MAX = 1024,
    SLOTS_KEPT = 1024
};
#define HUGE_LENGTH (UINT64_C(1) << 30)

bool run_fails(struct pickle_machine *m, const char *reason)
{
    m->status = PICKLE_MALFORMED;
    m->reason = reason;
    return false;
}

bool run_limit(struct pickle_machine *m, const char *reason)
{
    m->status = PICKLE_LIMIT;
    m->reason = reason;
    return false;
}

static bool underflow(struct pickle_machine *m)
{
    return run_fails(m, "the stack is empty");
}

static bool grow_stack(struct pickle_machine *m)
{
    if (m->capacity >= STACK_MAX)
        return run_limit(m, "the stack is full");
    size_t capacity = m->capacity ? m->capacity * 2 : STACK_FIRST;
    pickle_value *stack = realloc(m->stack, capacity * sizeof *stack);
    if (!stack)
        return run_limit(m, "out of memory");
    m->stack = stack;
    m->capacity = capacity;
    return true;
}

static inline bool push(struct pickle_machine *m, pickle_value v)
{
    if (m->depth == m->capacity && !grow_stack(m))
        return false;
    m->stack[m->depth++] = v;
    return true;
}

bool run_push(struct pickle_machine *m, pickle_value v)
{
    return push(m, v);
}

static inline bool has(const struct pickle_machine *m, size_t n)
{
    return m->depth - m->fence >= n;
}

bool run_has(const struct pickle_machine *m, size_t n)
{
    return has(m, n);
}

static bool mark(struct pickle_machine *m)
{
    if (m->mark_count == m->mark_capacity) {
        if (m->mark_capacity >= MARKS_MAX)
            return run_limit(m, "too many open marks");
        size_t capacity = m->mark_capacity ? m->mark_capacity * 2 : 64;
        size_t *marks = realloc(m->marks, capacity * sizeof *marks);
        if (!marks)
            return run_limit(m, "out of memory");
        m->marks = marks;
        m->mark_capacity = capacity;
    }
    m->marks[m->mark_count++] = m->depth;
    m->fence = m->depth;
    return true;
}

bool run_mark(struct pickle_machine *m, size_t *ret_base)
{
    if (m->mark_count == 0)
        return run_fails(m, "there is no mark");
    *ret_base = m->marks[--m->mark_count];
    m->fence = m->mark_count ? m->marks[m->mark_count - 1] : 0;
    return true;
}

/* Replace what lies at and above `base` by one container. */
static bool gather(struct pickle_machine *m, enum pickle_tag tag, size_t base)
{
    size_t n = m->depth - base;
    /* before the first push there is no stack to point into */
    pickle_value v = store_new(&m->store, tag, n ? m->stack + base : NULL, n);
    if (tag == PICKLE_DICT && n && m->sink->items)
        m->sink->items(m->sink->self, m, m->stack + base, n);
    m->depth = base;
    return push(m, v);
}

static bool gather_marked(struct pickle_machine *m, enum pickle_tag tag)
{
    size_t base;
    if (!run_mark(m, &base))
        return false;
    if (tag == PICKLE_DICT && (m->depth - base) % 2 != 0)
        return run_fails(m, "a dict with an odd number of items");
    return gather(m, tag, base);
}

static bool gather_top(struct pickle_machine *m, size_t n)
{
    if (!has(m, n))
        return underflow(m);
    return gather(m, PICKLE_TUPLE, m->depth - n);
}

/* POP takes the mark off when it lies on top. */
static bool pop(struct pickle_machine *m)
{
    size_t base;
    if (m->mark_count > 0 && m->marks[m->mark_count - 1] == m->depth)
        return run_mark(m, &base);
    if (!has(m, 1))
        return underflow(m);
    m->depth--;
    return true;
}

static void anomaly(struct pickle_machine *m, enum pickle_anomaly what, size_t offset)
{
    if (m->sink->anomaly)
        m->sink->anomaly(m->sink->self, m, what, offset);
}

static void dispute(struct pickle_machine *m, enum pickle_reading reading, size_t offset)
{
    m->disputed |= reading;
    if (m->fork == SIZE_MAX)
        m->fork = offset;
}

static bool memo_store(struct pickle_machine *m, uint64_t index, size_t offset)
{
    if (!has(m, 1))
        return underflow(m);
    if (index >= HUGE_MEMO && index > m->instructions)
        anomaly(m, ANOMALY_HUGE_MEMO, offset);
    bool sparse = m->reading & READING_SPARSE;
    bool far = places_far(&m->places, index, sparse ? m->places.count : m->memo.count);
    pickle_value v = m->stack[m->depth - 1], old;
    bool stored = memo_put(&m->memo, index, v, &old);
    if (stored && old != 0 && old != v && value_tag(v) == PICKLE_STR) {
        pickle_value plain;
        stored = memo_put(&m->memo, index, v | PICKLE_OVERWRITTEN, &plain);
    }
    if (stored && sparse)
        stored = places_put(&m->places, index, far, old);
    return stored ? true : run_limit(m, "the memo is full");
}

static bool memoize(struct pickle_machine *m, size_t offset)
{
    if (m->places.has_far)
        dispute(m, READING_SPARSE, offset);
    bool sparse = m->reading & READING_SPARSE;
    return memo_store(m, sparse ? m->places.count : m->memo.count, offset);
}

static bool memo_fetch(struct pickle_machine *m, uint64_t index)
{
    pickle_value v = memo_get(&m->memo, index);
    return v ? push(m, v) : run_fails(m, "a memo entry that does not exist");
}

/* Python's memo is a dict: any integer will do.  Give each that does not fit a number
 * from the top. */
static bool big_index(struct pickle_machine *m, struct span line, uint64_t *ret)
{
    struct span digits = pickle_significant(line);
    for (size_t i = 0; i < m->big_index_count; i++)
        if (span_equal(m->big_indexes[i], digits)) {
            *ret = UINT64_MAX - i;
            return true;
        }
    if (!m->big_indexes)
        m->big_indexes = calloc(BIG_INDEXES_MAX, sizeof *m->big_indexes);
    if (!m->big_indexes || m->big_index_count == BIG_INDEXES_MAX)
        return run_limit(m, "too many huge memo indexes");
    m->big_indexes[m->big_index_count] = digits;
    *ret = UINT64_MAX - m->big_index_count++;
    return true;
}

/* GET and PUT of the text protocol */
static bool memo_index(struct pickle_machine *m, struct span line, uint64_t *ret)
{
    int64_t n;
    bool fits;
    if (!pickle_integer(line, 10, &n, &fits) || n < 0)
        return run_fails(m, "a memo index that is no number");
    *ret = (uint64_t)n;
    return fits || big_index(m, line, ret);
}

static bool push_integer(struct pickle_machine *m, bool fits, int64_t n, size_t offset)
{
    pickle_value v;
    if (!fits || !value_int(n, &v))
        v = value_make(PICKLE_NUMBER, offset);
    return push(m, v);
}

/* LONG1, LONG4 */
static bool push_long(struct pickle_machine *m, const struct pickle_instruction *i)
{
    int64_t n = 0;
    bool fits = pickle_long(i->text, &n);
    return push_integer(m, fits, n, i->offset);
}

static bool text_integer(struct pickle_machine *m, const struct pickle_instruction *i)
{
    struct span s = i->text;
    int64_t n = 0;
    bool fits = true;
    if (i->code == OP_INT) {
        if (span_is(s, "00") || span_is(s, "01"))
            return push(m, value_atom(span_is(s, "01") ? ATOM_TRUE : ATOM_FALSE));
        if (s.len && s.ptr[0] == 0) /* strtol() finds nothing, and is content */
            return push_integer(m, true, 0, i->offset);
    } else {
        const uint8_t *nul = s.len ? memchr(s.ptr, 0, s.len) : NULL;
        if (!nul && s.len && s.ptr[s.len - 1] == 'L')
            s = span_slice(s, 0, s.len - 1);
    }
    if (!pickle_integer(s, 0, &n, &fits))
        return run_fails(m, "an integer that is none");
    return push_integer(m, fits, n, i->offset);
}

/* A text or bytes literal: only its place is kept.  Whoever listens gets to see it. */
static bool literal(struct pickle_machine *m, enum pickle_tag tag,
                    const struct pickle_instruction *i)
{
    pickle_value v = value_make(tag, i->offset);
    if (i->text.len >= PICKLE_LITERAL_MIN && m->sink->literal)
        m->sink->literal(m->sink->self, m, v, i->text);
    return push(m, v);
}

static bool utf8_literal(struct pickle_machine *m, const struct pickle_instruction *i)
{
    return pickle_utf8(i->text) ? literal(m, PICKLE_STR, i)
                                : run_fails(m, "a text that is not UTF-8");
}

static bool protocol(struct pickle_machine *m, const struct pickle_instruction *i)
{
    if (i->number > 5)
        return run_fails(m, "a protocol that does not exist");
    bool first = m->instructions == 1;
    if (!first && i->number != m->protocol)
        anomaly(m, ANOMALY_PROTOCOL, i->offset);
    m->protocol = (uint8_t)i->number;
    return true;
}

static void crossing(struct pickle_machine *m, size_t offset)
{
    dispute(m, READING_FRAMED, offset);
    if (!(m->reading & READING_FRAMED))
        anomaly(m, ANOMALY_FRAME, offset);
}

static bool frame(struct pickle_machine *m, const struct pickle_instruction *i,
                  struct reader *r)
{
    if (i->number > INT64_MAX)
        return run_fails(m, "a frame longer than memory");
    if (m->frame_end != SIZE_MAX && r->pos < m->frame_end) { /* inside another one */
        if (i->number <= m->frame_end - r->pos)
            return true;
        crossing(m, i->offset);
        if (m->reading & READING_FRAMED)
            reader_seek(r, m->frame_end);
    }
    m->frame_end = i->number > reader_left(r) ? SIZE_MAX : r->pos + (size_t)i->number;
    return true;
}

static bool stop(struct pickle_machine *m)
{
    if (!has(m, 1))
        return underflow(m);
    m->result = m->stack[--m->depth];
    m->status = PICKLE_STOPPED;
    return false;
}

static bool append_one(struct pickle_machine *m, size_t offset)
{
    if (!has(m, 2))
        return underflow(m);
    return run_append(m, offset, m->depth - 1, false);
}

static bool append_marked(struct pickle_machine *m, size_t offset, bool to_set)
{
    size_t base;
    if (!run_mark(m, &base))
        return false;
    if (base <= m->fence)
        return underflow(m);
    return run_append(m, offset, base, to_set);
}

static bool setitems(struct pickle_machine *m, const struct pickle_instruction *i)
{
    size_t base;
    if (i->code == OP_SETITEM) {
        if (!has(m, 3))
            return underflow(m);
        base = m->depth - 2;
    } else if (!run_mark(m, &base)) {
        return false;
    } else if (base <= m->fence) {
        return underflow(m);
    }
    return run_setitems(m, i->offset, base);
}

static bool has_control(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < ' ' && s.ptr[i] != '\r' && s.ptr[i] != '\t')
            return true;
    return false;
}

static bool execute(struct pickle_machine *m, const struct pickle_instruction *i,
                    struct reader *r)
{
    uint64_t index;
    switch ((enum pickle_op)i->code) {
    case OP_MARK:
        return mark(m);
    case OP_STOP:
        return stop(m);
    case OP_POP:
        return pop(m);
    case OP_POP_MARK: {
        size_t base;
        if (!run_mark(m, &base))
            return false;
        m->depth = base;
        return true;
    }
    case OP_DUP:
        return has(m, 1) ? push(m, m->stack[m->depth - 1]) : underflow(m);

    case OP_NONE:
        return push(m, value_atom(ATOM_NONE));
    case OP_NEWTRUE:
        return push(m, value_atom(ATOM_TRUE));
    case OP_NEWFALSE:
        return push(m, value_atom(ATOM_FALSE));
    case OP_NEXT_BUFFER:
        return push(m, value_atom(ATOM_BUFFER));
    case OP_READONLY_BUFFER:
        return has(m, 1) ? true : underflow(m);

    case OP_INT:
    case OP_LONG:
        return text_integer(m, i);
    case OP_BININT:
    case OP_BININT1:
    case OP_BININT2:
        return push_integer(m, true, (int64_t)i->number, i->offset);
    case OP_LONG4:
    case OP_LONG1:
        return push_long(m, i);
    case OP_FLOAT:
        return pickle_float(i->text) ? push(m, value_make(PICKLE_NUMBER, i->offset))
                                     : run_fails(m, "a float that is none");
    case OP_BINFLOAT:
        return push(m, value_make(PICKLE_NUMBER, i->offset));

    case OP_STRING:
        return pickle_quoted(i->text) ? literal(m, PICKLE_STR, i)
                                      : run_fails(m, "a string without quotes");
    case OP_UNICODE:
        return pickle_raw_unicode_valid(i->text) ? literal(m, PICKLE_STR, i)
                                                 : run_fails(m, "a broken \\u escape");
    case OP_BINSTRING:
    case OP_SHORT_BINSTRING:
        return literal(m, PICKLE_STR, i);
    case OP_BINUNICODE:
    case OP_SHORT_BINUNICODE:
    case OP_BINUNICODE8:
        return utf8_literal(m, i);
    case OP_BINBYTES:
    case OP_SHORT_BINBYTES:
    case OP_BINBYTES8:
    case OP_BYTEARRAY8:
        return literal(m, PICKLE_BYTES, i);

    case OP_EMPTY_TUPLE:
        return gather(m, PICKLE_TUPLE, m->depth);
    case OP_TUPLE1:
        return gather_top(m, 1);
    case OP_TUPLE2:
        return gather_top(m, 2);
    case OP_TUPLE3:
        return gather_top(m, 3);
    case OP_TUPLE:
        return gather_marked(m, PICKLE_TUPLE);
    case OP_EMPTY_LIST:
        return gather(m, PICKLE_LIST, m->depth);
    case OP_LIST:
        return gather_marked(m, PICKLE_LIST);
    case OP_EMPTY_DICT:
        return gather(m, PICKLE_DICT, m->depth);
    case OP_DICT:
        return gather_marked(m, PICKLE_DICT);
    case OP_EMPTY_SET:
        return gather(m, PICKLE_SET, m->depth);
    case OP_FROZENSET:
        return gather_marked(m, PICKLE_FROZENSET);

    case OP_APPEND:
        return append_one(m, i->offset);
    case OP_APPENDS:
        return append_marked(m, i->offset, false);
    case OP_ADDITEMS:
        return append_marked(m, i->offset, true);
    case OP_SETITEM:
    case OP_SETITEMS:
        return setitems(m, i);

    case OP_GET:
        return memo_index(m, i->text, &index) && memo_fetch(m, index);
    case OP_BINGET:
    case OP_LONG_BINGET:
        return memo_fetch(m, i->number);
    case OP_PUT:
        return memo_index(m, i->text, &index) && memo_store(m, index, i->offset);
    case OP_BINPUT:
    case OP_LONG_BINPUT:
        return memo_store(m, i->number, i->offset);
    case OP_MEMOIZE:
        return memoize(m, i->offset);

    case OP_PROTO:
        return protocol(m, i);
    case OP_FRAME:
        return frame(m, i, r);

    case OP_GLOBAL:
        return run_global(m, i);
    case OP_STACK_GLOBAL:
        return run_stack_global(m, i);
    case OP_EXT1:
    case OP_EXT2:
    case OP_EXT4:
        return run_extension(m, i);
    case OP_REDUCE:
        return run_reduce(m, i);
    case OP_INST:
        return run_inst(m, i);
    case OP_OBJ:
        return run_obj(m, i);
    case OP_NEWOBJ:
    case OP_NEWOBJ_EX:
        return run_newobj(m, i);
    case OP_BUILD:
        return run_build(m, i, r);
    case OP_PERSID:
        if (m->strict && has_control(i->text)) /* a ZIP archive begins like one */
            return run_fails(m, "a persistent id that is none");
        return run_persistent(m, i->offset, value_make(PICKLE_STR, i->offset));
    case OP_BINPERSID:
        if (!has(m, 1))
            return underflow(m);
        return run_persistent(m, i->offset, m->stack[--m->depth]);
    }
    return run_fails(m, "no such opcode");
}

/* The input ends inside an argument.  Some loaders allocate before they notice. */
static void truncated(struct pickle_machine *m, const struct pickle_instruction *i)
{
    enum pickle_argument a = pickle_opcodes[i->code].argument;
    m->status = PICKLE_TRUNCATED;
    if (i->code == OP_LONG4 && i->number > INT32_MAX)
        (void)run_fails(m, "a negative length");
    else if ((a == ARGUMENT_BYTES4 || a == ARGUMENT_BYTES8) && i->number >= HUGE_LENGTH)
        anomaly(m, ANOMALY_HUGE_LENGTH, i->offset);
}

static void begin(struct pickle_machine *m, size_t start)
{
    m->start = start;
    m->status = PICKLE_TRUNCATED;
    m->reason = NULL;
    m->protocol = 0;
    m->instructions = 0;
    m->result = 0;
    m->wrapper_offset = SIZE_MAX;
    m->textless = start;
    m->depth = m->fence = m->mark_count = 0;
    m->disputed = 0;
    m->frame_end = m->fork = SIZE_MAX;
    m->piece_count = m->big_index_count = 0;
    memo_clear(&m->memo);
    m->memo.store = &m->store;
    places_clear(&m->places);
}

/* The next instruction when frames are windows of their own. */
static enum pickle_decoded next_framed(struct pickle_machine *m, struct reader *r,
                                       struct pickle_instruction *i)
{
    bool crossed = false;
    enum pickle_decoded decoded = pickle_decode_framed(r, &m->frame_end, i, &crossed);
    if (!crossed || decoded != DECODED)
        return decoded;
    crossing(m, i->offset);
    if (!m->pieces)
        m->pieces = calloc(PIECES_MAX, sizeof *m->pieces);
    if (m->pieces && m->piece_count < PIECES_MAX) {
        m->pieces[m->piece_count++] = *i;
        return decoded;
    }
    (void)run_limit(m, "too many instructions cross the end of a frame");
    return DECODED_END;
}

/* Behind the end of the frame now; did the instruction begin before it? */
static void past_frame(struct pickle_machine *m, size_t offset)
{
    if (m->frame_end != SIZE_MAX && offset < m->frame_end)
        crossing(m, offset);
    m->frame_end = SIZE_MAX;
}

/* The run of instructions without a text ends at `end`; the next begins at `next`. */
static void end_textless(struct pickle_machine *m, size_t end, size_t next)
{
    if (end - m->textless >= PICKLE_TEXTLESS_MIN && m->sink->textless &&
        m->reading == 0 && m->fork == SIZE_MAX)
        m->sink->textless(m->sink->self, m, m->textless, end);
    m->textless = next;
}

/* Trials at every offset would search for the same newline again and again. */
static bool line_too_long(const struct pickle_machine *m, const struct reader *r)
{
    struct span rest = reader_peek(r, m->line_max);
    if (rest.len < m->line_max)
        return false;
    enum pickle_argument kind = pickle_opcodes[rest.ptr[0]].argument;
    size_t newline =
        kind == ARGUMENT_LINE || kind == ARGUMENT_LINES ? span_find(rest, "\n", 1) : 0;
    if (kind == ARGUMENT_LINES && newline != SIZE_MAX)
        newline = span_find(rest, "\n", newline + 1);
    return newline == SIZE_MAX;
}

static enum pickle_decoded next(struct pickle_machine *m, struct reader *r,
                                struct pickle_instruction *i)
{
    if (m->reading & READING_FRAMED)
        return next_framed(m, r, i);
    if (pickle_decode_short(r, i)) {
        if (r->pos > m->frame_end)
            past_frame(m, i->offset);
        return DECODED;
    }
    if (m->line_max && line_too_long(m, r)) {
        i->offset = r->pos;
        return DECODED_INVALID;
    }
    enum pickle_decoded decoded = pickle_decode(r, i);
    if (decoded == DECODED && pickle_opcodes[i->code].argument >= ARGUMENT_LINE)
        end_textless(m, i->offset, r->pos);
    /* an argument that runs past the end of the stream runs past the frame's, too */
    if (r->pos > m->frame_end || decoded == DECODED_TRUNCATED)
        past_frame(m, i->offset);
    return decoded;
}

enum pickle_end pickle_machine_run(struct pickle_machine *m, size_t start)
{
    struct pickle_instruction i = { 0 };
    struct reader r = reader_of(m->bytes, 0);
    enum pickle_decoded decoded;
    reader_seek(&r, start);
    begin(m, start);
    if (m->capacity == 0 && !grow_stack(m)) {
        m->end = m->reach = start;
        return m->status;
    }
    while ((decoded = next(m, &r, &i)) == DECODED) {
        if (m->instructions++ >= m->max_instructions) {
            m->status = PICKLE_SPENT;
            break;
        }
        if (!execute(m, &i, &r))
            break;
    }
    if (decoded == DECODED_INVALID)
        (void)run_fails(m, "no such opcode");
    else if (decoded == DECODED_TRUNCATED)
        truncated(m, &i);
    m->end = m->status == PICKLE_STOPPED ? r.pos
             : decoded == DECODED_END    ? m->bytes.len
                                         : i.offset;
    m->reach = r.pos;
    end_textless(m, m->end, m->end);
    return m->status;
}

bool pickle_machine_next_reading(struct pickle_machine *m, unsigned disputed)
{
    while (++m->reading <= READING_ALL)
        if ((m->reading & ~disputed) == 0)
            return true;
    m->reading = 0;
    return false;
}

struct pickle_machine *pickle_machine_new(struct span bytes, struct arena *arena,
                                          const struct pickle_rules *rules,
                                          const struct pickle_sink *sink)
{
    struct pickle_machine *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->rules = rules;
    m->sink = sink;
    m->max_instructions = UINT64_MAX;
    buffer_init(&m->scratch[0], TEXT_MAX);
    buffer_init(&m->scratch[1], TEXT_MAX);
    pickle_machine_reuse(m, bytes, arena);
    return m;
}

void pickle_machine_reuse(struct pickle_machine *m, struct span bytes,
                          struct arena *arena)
{
    m->bytes = bytes;
    m->arena = arena;
    m->store.head = 0;
    extensions_reset(m);
    if (m->global_slot_count >
        SLOTS_KEPT) { /* clearing them again and again takes long */
        free(m->globals);
        free(m->global_slots);
        m->globals = NULL;
        m->global_slots = NULL;
        m->global_slot_count = m->global_capacity = 0;
    } else if (m->global_count > 0) {
        memset(m->global_slots, 0, m->global_slot_count * sizeof *m->global_slots);
    }
    m->global_count = 0;
    joblib_reset(m);
}

void pickle_machine_free(struct pickle_machine *m)
{
    if (!m)
        return;
    memo_clear(&m->memo);
    places_clear(&m->places);
    store_free(&m->store);
    joblib_free(m);
    buffer_free(&m->scratch[0]);
    buffer_free(&m->scratch[1]);
    free(m->stack);
    free(m->marks);
    free(m->globals);
    free(m->global_slots);
    extensions_free(m);
    free(m->pieces);
    free(m->big_indexes);
    free(m);
}

const struct pickle_global *pickle_global(const struct pickle_machine *m, pickle_value v)
{
    static const struct pickle_global none = { .computed = true };
    uint32_t index = value_has_global(v) ? value_global(v) : 0;
    return index ? &m->globals[index] : &none;
}

bool pickle_instruction_of(const struct pickle_machine *m, pickle_value v,
                           struct pickle_instruction *ret)
{
    struct reader r = reader_of(m->bytes, 0);
    for (size_t i = m->piece_count; i > 0; i--)
        if (m->pieces[i - 1].offset == value_offset(v)) {
            *ret = m->pieces[i - 1];
            return true;
        }
    *ret = (struct pickle_instruction){ 0 };
    reader_seek(&r, value_offset(v));
    return pickle_decode(&r, ret) == DECODED;
}

struct span pickle_text(const struct pickle_machine *m, pickle_value v,
                        struct buffer *scratch)
{
    struct pickle_instruction i;
    if (!pickle_instruction_of(m, v, &i))
        return (struct span){ 0 };
    if (i.code != OP_STRING && i.code != OP_UNICODE)
        return i.text;
    bool ok = i.code == OP_STRING ? pickle_unquote(i.text, scratch)
                                  : pickle_raw_unicode(i.text, scratch);
    return ok ? buffer_span(scratch) : (struct span){ 0 };
}

bool pickle_is_text(const struct pickle_machine *m, pickle_value v, const char *text)
{
    if (value_tag(v) != PICKLE_STR && value_tag(v) != PICKLE_BYTES)
        return false;
    struct buffer scratch;
    buffer_init(&scratch, strlen(text) + 1);
    bool same = span_is(pickle_text(m, v, &scratch), text);
    buffer_free(&scratch);
    return same;
}

bool pickle_items(const struct pickle_machine *m, pickle_value v, pickle_value *ret,
                  size_t max, size_t *ret_n)
{
    enum pickle_tag tag = value_tag(v);
    return tag >= PICKLE_TUPLE && tag <= PICKLE_FROZENSET &&
           store_items(&m->store, v, ret, max, ret_n);
}
