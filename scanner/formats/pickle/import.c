/* Names: GLOBAL, STACK_GLOBAL, and the table of globals. */
#include "formats/pickle/names.h"
#include "formats/pickle/run.h"

#include <stdlib.h>

enum { GLOBALS_FIRST = 64, PLAUSIBLE_MAX = 512, LOOKUP_MAX = 4096 };

static uint64_t hash(struct span module, struct span name, unsigned flags)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ flags;
    for (size_t i = 0; i < module.len; i++)
        h = (h ^ module.ptr[i]) * UINT64_C(0x100000001b3);
    h = (h ^ 0xff) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < name.len; i++)
        h = (h ^ name.ptr[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 31;
}

static unsigned flags_of(const struct pickle_global *g)
{
    return (g->computed ? 1U : 0U) | (g->dotted ? 2U : 0U) | (g->attribute ? 4U : 0U);
}

static uint64_t hash_of(const struct pickle_global *g)
{
    return hash(g->raw_module, g->raw_name, flags_of(g));
}

static bool same(const struct pickle_global *a, const struct pickle_global *b)
{
    return flags_of(a) == flags_of(b) && span_equal(a->raw_module, b->raw_module) &&
           span_equal(a->raw_name, b->raw_name) && span_equal(a->module, b->module) &&
           span_equal(a->name, b->name);
}

/* The slot that holds the global's index, or the empty (0) one where it belongs. */
static uint32_t *find_slot(const struct pickle_machine *m, const struct pickle_global *g)
{
    size_t mask = m->global_slot_count - 1;
    size_t at = (size_t)hash_of(g) & mask;
    while (m->global_slots[at] && !same(&m->globals[m->global_slots[at]], g))
        at = (at + 1) & mask;
    return &m->global_slots[at];
}

static bool grow(struct pickle_machine *m)
{
    uint32_t capacity = m->global_capacity ? m->global_capacity * 2 : GLOBALS_FIRST;
    struct pickle_global *globals = realloc(m->globals, capacity * sizeof *globals);
    if (!globals)
        return false;
    m->globals = globals;
    m->global_capacity = capacity;
    uint32_t *slots = calloc((size_t)capacity * 2, sizeof *slots);
    if (!slots)
        return false;
    free(m->global_slots);
    m->global_slots = slots;
    m->global_slot_count = (size_t)capacity * 2;
    for (uint32_t i = 1; i < m->global_count; i++)
        *find_slot(m, &m->globals[i]) = i;
    return true;
}

/* A name inside the input stays there; a decoded one lies in scratch and is copied. */
static struct span keep(struct pickle_machine *m, struct span s)
{
    uintptr_t at = (uintptr_t)s.ptr, base = (uintptr_t)m->bytes.ptr;
    bool inside = at >= base && at - base <= m->bytes.len;
    return inside || s.len == 0 ? s : arena_copy(m->arena, s);
}

/* What the lists say of the resolved name, or of the written one where that is worse:
 * loaders with fix_imports off use it. */
static struct pickle_verdict verdict(const struct pickle_machine *m,
                                     const struct pickle_global *g)
{
    struct pickle_verdict v = pickle_rules_find(m->rules, g->module, g->name);
    if (!span_equal(g->module, g->raw_module) || !span_equal(g->name, g->raw_name)) {
        struct pickle_verdict raw =
            pickle_rules_find(m->rules, g->raw_module, g->raw_name);
        if (raw.class == PICKLE_DANGEROUS && v.class != PICKLE_DANGEROUS)
            v = raw;
    }
    return v;
}

/* Index of the global, entered when it is new; 0 when the table is full. */
static uint32_t enter(struct pickle_machine *m, const struct pickle_global *wanted)
{
    if (m->global_count + 1 >= m->global_capacity &&
        (m->global_capacity > GLOBAL_INDEX_MAX || !grow(m)))
        return 0;
    if (m->global_count == 0)
        m->global_count = 1; /* 0 stands for none */
    uint32_t *slot = find_slot(m, wanted);
    if (*slot == 0) {
        if (m->global_count > GLOBAL_INDEX_MAX)
            return 0;
        struct pickle_global *g = &m->globals[m->global_count];
        *g = *wanted;
        g->raw_module = keep(m, wanted->raw_module);
        g->raw_name = keep(m, wanted->raw_name);
        g->module = span_equal(wanted->module, wanted->raw_module)
                        ? g->raw_module
                        : keep(m, wanted->module);
        g->name = span_equal(wanted->name, wanted->raw_name) ? g->raw_name
                                                             : keep(m, wanted->name);
        g->verdict = verdict(m, g);
        *slot = m->global_count++;
    }
    return *slot;
}

/* A file that is a pickle by accident has names that are too long, or that no module
 * and no attribute has: paths, lists, sentences. */
static bool plausible(struct span s)
{
    static const char foreign[] = "/\\,;:=()[]{}\"'#%&*!?@|~^`$+";
    if (s.len > PLAUSIBLE_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((s.ptr[i] <= ' ' && s.ptr[i] != '\r') || s.ptr[i] == 0x7f ||
            strchr(foreign, s.ptr[i]))
            return false;
    return true;
}

static bool import(struct pickle_machine *m, struct span module, struct span name,
                   bool computed, size_t offset, pickle_value *ret)
{
    struct pickle_global g = { .module = module,
                               .name = name,
                               .raw_module = module,
                               .raw_name = name,
                               .offset = offset,
                               .computed = computed };
    if (m->strict && (!plausible(module) || !plausible(name)))
        return run_fails(m, "a name that is none");
    if (m->protocol < 3)
        (void)pickle_python3_name(module, name, &g.module, &g.name);
    g.dotted = m->protocol >= 4 && name.len && memchr(name.ptr, '.', name.len);
    uint32_t index = enter(m, &g);
    if (index == 0)
        return run_limit(m, "too many different globals");
    if (m->globals[index].imports < UINT32_MAX)
        m->globals[index].imports++;
    *ret = value_of_global(PICKLE_GLOBAL, index, offset);
    m->sink->import(m->sink->self, m, index, offset);
    return true;
}

bool run_global(struct pickle_machine *m, const struct pickle_instruction *i)
{
    pickle_value v;
    if (!pickle_utf8(i->text) || !pickle_utf8(i->second))
        return run_fails(m, "a name that is not UTF-8");
    return import(m, i->text, i->second, false, i->offset, &v) && run_push(m, v);
}

/* Can this be a text at run time, though it is no literal? */
static bool may_be_text(pickle_value v)
{
    return value_tag(v) >= PICKLE_GLOBAL;
}

static struct span operand(struct pickle_machine *m, pickle_value v, int which)
{
    return value_tag(v) == PICKLE_STR ? pickle_text(m, v, &m->scratch[which])
                                      : span_of_text("?");
}

bool run_import(struct pickle_machine *m, pickle_value module, pickle_value name,
                size_t offset, pickle_value *ret)
{
    bool literal = value_tag(name) == PICKLE_STR && value_tag(module) == PICKLE_STR;
    return import(m, operand(m, module, 0), operand(m, name, 1), !literal, offset, ret);
}

bool run_stack_global(struct pickle_machine *m, const struct pickle_instruction *i)
{
    if (!run_has(m, 2))
        return run_fails(m, "the stack is empty");
    pickle_value name = m->stack[--m->depth], module = m->stack[--m->depth], v;
    bool literal = value_tag(name) == PICKLE_STR && value_tag(module) == PICKLE_STR;
    if (!literal && (!(may_be_text(name) || value_tag(name) == PICKLE_STR) ||
                     !(may_be_text(module) || value_tag(module) == PICKLE_STR)))
        return run_fails(m, "an import by something that is no text");
    if (!literal && m->sink->anomaly)
        m->sink->anomaly(m->sink->self, m, ANOMALY_COMPUTED_NAME, i->offset);
    bool overwritten = (value_tag(name) == PICKLE_STR && (name & PICKLE_OVERWRITTEN)) ||
                       (value_tag(module) == PICKLE_STR && (module & PICKLE_OVERWRITTEN));
    if (overwritten && m->sink->anomaly)
        m->sink->anomaly(m->sink->self, m, ANOMALY_OVERWRITTEN, i->offset);
    return run_import(m, module, name, i->offset, &v) && run_push(m, v);
}

bool run_is(const struct pickle_machine *m, pickle_value v, const char *module,
            const char *name)
{
    if (value_tag(v) != PICKLE_GLOBAL)
        return false;
    const struct pickle_global *g = pickle_global(m, v);
    return !g->computed && span_is(g->module, module) && span_is(g->name, name);
}

bool run_names_data_type(const struct pickle_machine *m, pickle_value v)
{
    static const char *const types[] = { "bool",  "bytearray", "bytes",     "complex",
                                         "dict",  "float",     "frozenset", "int",
                                         "list",  "object",    "range",     "set",
                                         "slice", "str",       "tuple" };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (value_tag(v) == PICKLE_STR && pickle_is_text(m, v, types[i]))
            return true;
    return false;
}

pickle_value run_builtin(struct pickle_machine *m, pickle_value name, size_t offset)
{
    if (!run_names_data_type(m, name))
        return 0;
    struct span module = span_of_text("builtins");
    struct span text = arena_copy(m->arena, pickle_text(m, name, &m->scratch[1]));
    struct pickle_global g = { .module = module,
                               .name = text,
                               .raw_module = module,
                               .raw_name = text,
                               .offset = offset,
                               .attribute = true };
    uint32_t index = text.len ? enter(m, &g) : 0;
    return index ? value_of_global(PICKLE_GLOBAL, index, offset) : 0;
}

pickle_value run_attribute(struct pickle_machine *m, pickle_value object,
                           pickle_value name, size_t offset)
{
    if (value_tag(object) != PICKLE_GLOBAL || value_tag(name) != PICKLE_STR)
        return 0;
    struct pickle_global base = *pickle_global(m, object);
    struct span attribute = pickle_text(m, name, &m->scratch[1]);
    if (base.name.len + attribute.len > LOOKUP_MAX)
        return 0;
    struct span joined = arena_printf(m->arena, "%.*s.%.*s", (int)base.name.len,
                                      (const char *)base.name.ptr, (int)attribute.len,
                                      attribute.len ? (const char *)attribute.ptr : "");
    struct pickle_global g = { .module = base.module,
                               .name = joined,
                               .raw_module = base.module,
                               .raw_name = joined,
                               .offset = offset,
                               .computed = base.computed,
                               .attribute = true };
    uint32_t index = enter(m, &g);
    return index ? value_of_global(PICKLE_GLOBAL, index, offset) : 0;
}
