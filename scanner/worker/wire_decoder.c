#include "worker/wire.h"

enum { FRAME_HEADER = 5, FIRST_CAPACITY = 16 };

bool wire_decoder_init(struct wire_decoder *d, struct artifact *root,
                       const struct budget *budget)
{
    *d = (struct wire_decoder){ .capacity = FIRST_CAPACITY,
                                .members_max = budget->left[BUDGET_MEMBERS],
                                .depth_max = budget->left[BUDGET_DEPTH] };
    d->known = calloc(FIRST_CAPACITY, sizeof *d->known);
    if (!d->known)
        return false;
    d->known[0].artifact = root;
    d->count = 1;
    return true;
}

void wire_decoder_free(struct wire_decoder *d)
{
    free(d->known);
    free(d->kept);
    d->known = NULL;
    d->kept = NULL;
}

bool wire_plain_name(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'))
            return false;
    }
    return true;
}

/* Both give the outcome that ends the file. */
static enum wire_outcome malformed(struct wire_decoder *d)
{
    return d->outcome = WIRE_MALFORMED;
}

static enum wire_outcome no_memory(struct wire_decoder *d)
{
    return d->outcome = WIRE_NO_MEMORY;
}

/* An artifact that may still be spoken of; NULL when there is none of this id. */
static struct wire_entry *entry(struct wire_decoder *d, uint32_t id)
{
    return id < d->count && !d->known[id].closed ? &d->known[id] : NULL;
}

/* What is known of the artifact by now.  It only ever adds; whoever holds something
 * that executes, executes. */
static bool add_head(struct artifact *a, uint64_t known_formats, uint8_t executes)
{
    if (known_formats >= FORMAT_BIT(FORMAT_COUNT) || executes > 1)
        return false;
    a->formats |= known_formats;
    for (; executes && a && !a->executes; a = a->parent)
        a->executes = true;
    return true;
}

static struct wire_entry *read_head(struct wire_decoder *d, struct reader *r)
{
    struct wire_entry *e = entry(d, reader_u32le(r));
    uint64_t known_formats = reader_u64le(r);
    uint8_t executes = reader_u8(r);
    return reader_ok(r) && e && add_head(e->artifact, known_formats, executes) ? e : NULL;
}

static bool grow(struct wire_decoder *d)
{
    if (d->count < d->capacity)
        return true;
    struct wire_entry *known = reallocarray(d->known, d->capacity, 2 * sizeof *known);
    if (!known)
        return false;
    d->known = known;
    d->capacity *= 2;
    return true;
}

static enum wire_outcome read_artifact(struct wire_decoder *d, struct reader *r)
{
    uint32_t id = reader_u32le(r);
    uint64_t known_formats = reader_u64le(r);
    uint8_t executes = reader_u8(r);
    const struct wire_entry *parent = entry(d, reader_u32le(r));
    uint64_t offset = reader_u64le(r), size = reader_u64le(r);
    struct span name = reader_rest(r);
    if (!reader_ok(r) || id != d->count || id > d->members_max || !parent ||
        parent->depth >= d->depth_max || name.len > NAME_MAX_BYTES)
        return malformed(d);
    uint64_t depth = parent->depth + 1;
    struct artifact *child = artifact_child(parent->artifact, name, offset, size);
    if (!child || !grow(d))
        return no_memory(d);
    child->id = id;
    child->announced = true;
    d->known[d->count++] = (struct wire_entry){ .artifact = child, .depth = depth };
    return add_head(child, known_formats, executes) ? WIRE_MORE : malformed(d);
}

/* The tree outlives the worker, so a loaded rule is copied into it, once. */
static const struct rule *keep_rule(struct wire_decoder *d, struct arena *arena,
                                    const struct rule *rule)
{
    size_t index = (size_t)(rule - d->loaded->list);
    if (!d->kept)
        d->kept = calloc(d->loaded->count, sizeof(struct rule *));
    if (!d->kept || d->kept[index])
        return d->kept ? d->kept[index] : NULL;
    struct rule *copy = arena_alloc(arena, sizeof *copy);
    const char *id = arena_text(arena, span_of_text(rule->id));
    const char *title = arena_text(arena, span_of_text(rule->title));
    if (!copy || !id || !title)
        return NULL;
    *copy = (struct rule){ id, rule->severity, rule->cwe, title };
    return d->kept[index] = copy;
}

/* NULL, and the outcome is set, when there is none of this id. */
static const struct rule *find_rule(struct wire_decoder *d, struct arena *arena,
                                    struct span id)
{
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (span_is(id, rules[i].id))
            return &rules[i];
    const struct rule *loaded = d->loaded ? rule_table_find(d->loaded, id) : NULL;
    const struct rule *kept = loaded ? keep_rule(d, arena, loaded) : NULL;
    if (!kept)
        (void)(loaded ? no_memory(d) : malformed(d));
    return kept;
}

static enum wire_outcome read_finding(struct wire_decoder *d, struct reader *r)
{
    const struct wire_entry *in = read_head(d, r);
    uint64_t offset = reader_u64le(r);
    struct span id = reader_bytes(r, reader_u8(r));
    struct span message = reader_bytes(r, reader_u16le(r));
    struct span evidence = reader_rest(r);
    if (!reader_ok(r) || !in || message.len > MESSAGE_MAX || evidence.len > EVIDENCE_MAX)
        return malformed(d);
    struct artifact *a = in->artifact;
    const struct rule *rule = find_rule(d, a->arena, id);
    if (!rule)
        return d->outcome;
    (void)finding_add(&a->findings, a->arena, rule, offset, message, evidence);
    return WIRE_MORE;
}

/* A fact's name, which must outlive the record.  There are few, and each comes often. */
static const char *keep_name(struct wire_decoder *d, struct arena *arena,
                             struct span name)
{
    for (size_t i = 0; i < d->name_count; i++)
        if (span_is(name, d->names[i]))
            return d->names[i];
    const char *kept = arena_text(arena, name);
    if (kept && d->name_count < WIRE_NAMES)
        d->names[d->name_count++] = kept;
    return kept;
}

static struct fact *add_fact(struct arena *arena, struct fact *parent, const char *name,
                             uint8_t type, struct reader *r)
{
    switch (type) {
    case FACT_OBJECT:
        return fact_object(arena, parent, name);
    case FACT_LIST:
        return fact_list(arena, parent, name);
    case FACT_TEXT:
        return fact_text(arena, parent, name, reader_rest(r));
    case FACT_UINT:
        return fact_uint(arena, parent, name, reader_u64le(r));
    default:
        return fact_bool(arena, parent, name, reader_u8(r) != 0);
    }
}

/* Depth 0: the root of this artifact's facts, once.  Deeper: below the latest fact of
 * the level above, which must be able to hold others. */
static enum wire_outcome read_fact(struct wire_decoder *d, struct reader *r)
{
    uint32_t id = reader_u32le(r);
    const struct wire_entry *in = entry(d, id);
    uint8_t depth = reader_u8(r), type = reader_u8(r);
    struct span name = reader_bytes(r, reader_u8(r));
    if (!reader_ok(r) || !in || depth > FACT_DEPTH_MAX || type > FACT_BOOL ||
        !wire_plain_name(name))
        return malformed(d);
    struct artifact *a = in->artifact;
    struct fact *fact = NULL;
    if (depth == 0) {
        if (a->facts || type != FACT_OBJECT || name.len > 0)
            return malformed(d);
        d->facts_of = id;
        fact = artifact_facts(a);
    } else {
        struct fact *parent = d->facts_of == id ? d->open[depth - 1] : NULL;
        if (!parent || parent->type > FACT_LIST)
            return malformed(d);
        const char *kept = keep_name(d, a->arena, name);
        fact = kept ? add_fact(a->arena, parent, kept, type, r) : NULL;
    }
    if (!fact)
        return no_memory(d);
    if (!reader_ok(r) || reader_left(r) > 0)
        return malformed(d);
    d->open[depth] = fact;
    for (size_t below = depth + 1U; below <= FACT_DEPTH_MAX; below++)
        d->open[below] = NULL;
    return WIRE_MORE;
}

static enum wire_outcome read_closed(struct wire_decoder *d, struct reader *r)
{
    struct wire_entry *e = read_head(d, r);
    uint8_t status = reader_u8(r);
    uint64_t members = reader_u64le(r), dropped = reader_u64le(r);
    uint8_t worst = reader_u8(r);
    struct span reason = reader_rest(r);
    if (!reader_ok(r) || !e || status >= STATUS_COUNT || worst >= SEVERITY_COUNT ||
        reason.len > REASON_MAX)
        return malformed(d);
    struct artifact *a = e->artifact;
    e->closed = true;
    if (status != STATUS_COMPLETE)
        artifact_lower(a, (enum artifact_status)status, "%.*s", (int)reason.len,
                       (const char *)reason.ptr);
    if (members > a->members_total)
        a->members_total = members;
    if (dropped > 0) {
        struct finding_list *list = &a->findings;
        if (list->count == 0 || worst > list->worst)
            list->worst = (enum severity)worst;
        if (!size_add(list->count, dropped, &list->count) ||
            !size_add(list->dropped, dropped, &list->dropped))
            return malformed(d);
    }
    return WIRE_MORE;
}

static enum wire_outcome read_end(struct wire_decoder *d, const struct reader *r)
{
    if (reader_left(r) > 0)
        return malformed(d);
    for (size_t id = 0; id < d->count; id++)
        if (!d->known[id].closed)
            return malformed(d);
    return d->outcome = WIRE_ENDED;
}

static enum wire_outcome read_record(struct wire_decoder *d, uint8_t type,
                                     struct reader *payload)
{
    switch (type) {
    case WIRE_ARTIFACT:
        return read_artifact(d, payload);
    case WIRE_FINDING:
        return read_finding(d, payload);
    case WIRE_FACT:
        return read_fact(d, payload);
    case WIRE_CLOSED:
        return read_closed(d, payload);
    case WIRE_END:
        return read_end(d, payload);
    default:
        return malformed(d);
    }
}

enum wire_outcome wire_decode(struct wire_decoder *d, struct span bytes,
                              size_t *ret_taken)
{
    struct reader r = reader_of(bytes, 0);
    size_t taken = 0;
    while (d->outcome == WIRE_MORE && reader_left(&r) >= FRAME_HEADER) {
        uint8_t type = reader_u8(&r);
        uint32_t length = reader_u32le(&r);
        d->bytes += FRAME_HEADER + (uint64_t)length;
        if (length > WIRE_RECORD_MAX || d->bytes > WIRE_TOTAL_MAX) {
            (void)malformed(d);
        } else if (reader_left(&r) < length) {
            d->bytes -= FRAME_HEADER + (uint64_t)length;
            break;
        } else {
            struct reader payload = reader_sub(&r, length);
            if (read_record(d, type, &payload) != WIRE_MALFORMED &&
                arena_exhausted(d->known[0].artifact->arena))
                (void)no_memory(d);
            taken = bytes.len - reader_left(&r);
        }
    }
    if (d->outcome == WIRE_ENDED && reader_left(&r) > 0)
        (void)malformed(d);
    *ret_taken = taken;
    return d->outcome;
}

void wire_decoder_abandon(struct wire_decoder *d, const char *reason)
{
    for (size_t id = 0; id < d->count; id++)
        if (!d->known[id].closed || id == 0)
            artifact_lower(d->known[id].artifact, STATUS_INCOMPLETE, "%s", reason);
}
