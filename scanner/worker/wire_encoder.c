#include "core/descriptor.h"
#include "worker/wire.h"

#include <assert.h>

enum { GATHER = 32 << 10, GATHER_MAX = GATHER + 2 * WIRE_RECORD_MAX };

void wire_encoder_init(struct wire_encoder *e, int fd)
{
    *e = (struct wire_encoder){ .fd = fd };
    buffer_init(&e->gathered, GATHER_MAX);
}

void wire_encoder_free(struct wire_encoder *e)
{
    buffer_free(&e->gathered);
}

static void flush(struct wire_encoder *e)
{
    if (!e->failed && !descriptor_write(e->fd, buffer_span(&e->gathered)))
        e->failed = true;
    buffer_clear(&e->gathered);
}

static void add_uint(struct wire_encoder *e, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    buffer_add(&e->gathered, span_of(bytes, size));
}

/* A text with its length in front, cut to what fits `max`. */
static void add_text(struct wire_encoder *e, struct span text, size_t length_size,
                     size_t max)
{
    text = span_slice(text, 0, max);
    add_uint(e, text.len, length_size);
    buffer_add(&e->gathered, text);
}

static void begin(struct wire_encoder *e, enum wire_type type)
{
    if (e->gathered.len >= GATHER)
        flush(e);
    add_uint(e, type, 1);
    e->start = e->gathered.len;
    add_uint(e, 0, 4);
}

/* The length was not known before: write it now into its place. */
static void end(struct wire_encoder *e)
{
    if (e->gathered.truncated) {
        e->failed = true;
        return;
    }
    size_t length = e->gathered.len - e->start - 4;
    assert(length <= WIRE_RECORD_MAX);
    for (size_t i = 0; i < 4; i++)
        e->gathered.text[e->start + i] = (char)(uint8_t)(length >> 8 * i);
}

static void add_head(struct wire_encoder *e, const struct artifact *a)
{
    add_uint(e, a->id, 4);
    add_uint(e, a->formats, 8);
    add_uint(e, a->executes, 1);
}

static void announce_one(struct wire_encoder *e, struct artifact *a)
{
    a->announced = true;
    if (!a->parent)
        return; /* the root is known */
    a->id = ++e->last_id;
    begin(e, WIRE_ARTIFACT);
    add_head(e, a);
    add_uint(e, a->parent->id, 4);
    add_uint(e, a->offset, 8);
    add_uint(e, a->size, 8);
    buffer_add(&e->gathered, a->name);
    end(e);
}

/* Ancestors first.  Levels are bounded by the budget, which may be large: no recursion.
 */
static void announce(struct wire_encoder *e, struct artifact *a)
{
    while (!a->announced) {
        struct artifact *highest = a;
        while (highest->parent && !highest->parent->announced)
            highest = highest->parent;
        announce_one(e, highest);
    }
}

static void on_finding(void *self, struct artifact *in, const struct finding *f)
{
    struct wire_encoder *e = self;
    if (e->failed)
        return;
    announce(e, in);
    begin(e, WIRE_FINDING);
    add_head(e, in);
    add_uint(e, f->offset, 8);
    add_text(e, span_of_text(f->rule->id), 1, UINT8_MAX);
    add_text(e, f->message, 2, MESSAGE_MAX);
    buffer_add(&e->gathered, span_slice(f->evidence, 0, EVIDENCE_MAX));
    end(e);
    flush(e);
}

static void add_fact(struct wire_encoder *e, uint32_t id, const struct fact *f,
                     size_t depth)
{
    assert(wire_plain_name(span_of_text(f->name)));
    begin(e, WIRE_FACT);
    add_uint(e, id, 4);
    add_uint(e, depth, 1);
    add_uint(e, f->type, 1);
    add_text(e, span_of_text(f->name), 1, UINT8_MAX);
    if (f->type == FACT_TEXT)
        buffer_add(&e->gathered, f->text);
    else if (f->type == FACT_UINT)
        add_uint(e, f->number, 8);
    else if (f->type == FACT_BOOL)
        add_uint(e, f->number, 1);
    end(e);
}

/* Depth first, without recursion: path[d] is the fact at depth d on the way down. */
static void add_facts(struct wire_encoder *e, const struct artifact *a)
{
    const struct fact *path[FACT_DEPTH_MAX + 1] = { a->facts };
    size_t depth = 0;
    while (!e->failed) {
        add_fact(e, a->id, path[depth], depth);
        if (path[depth]->first) {
            assert(depth < FACT_DEPTH_MAX);
            path[depth + 1] = path[depth]->first;
            depth++;
            continue;
        }
        while (depth > 0 && !path[depth]->next)
            depth--;
        if (depth == 0)
            return;
        path[depth] = path[depth]->next;
    }
}

static void on_closed(void *self, struct artifact *a)
{
    struct wire_encoder *e = self;
    if (e->failed || (a->parent && !a->announced && !artifact_worth_reporting(a)))
        return;
    announce(e, a);
    if (a->facts)
        add_facts(e, a);
    begin(e, WIRE_CLOSED);
    add_head(e, a);
    add_uint(e, a->status, 1);
    add_uint(e, a->members_total, 8);
    add_uint(e, a->findings.dropped, 8);
    add_uint(e, a->findings.worst, 1);
    buffer_add(&e->gathered, a->reason);
    end(e);
}

struct observer wire_observer(struct wire_encoder *e)
{
    return (struct observer){ .self = e, .finding = on_finding, .closed = on_closed };
}

bool wire_encoder_end(struct wire_encoder *e)
{
    begin(e, WIRE_END);
    end(e);
    flush(e);
    return !e->failed;
}
