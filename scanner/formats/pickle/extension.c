/* EXT1, EXT2, EXT4: imports by number, through the registry in copyreg, that a stream can
 * fill itself.  An import is cached under its code; copyreg's functions and the items of
 * its dictionaries change both. */
#include "formats/pickle/run.h"

#include <math.h>
#include <stdlib.h>

enum { SLOTS_FIRST = 16, CODES_MAX = 65536, NUMBER_TEXT = 64 };

struct extension {
    int64_t code;
    bool used, registered;
    pickle_value module, name; /* when registered */
    pickle_value object;       /* what was cached … */
    uint64_t age;              /* … and when; an old one is forgotten */
};

struct extension_table {
    struct extension *slots; /* by hash of the code */
    size_t slot_count, count;
    uint64_t age; /* how often the cache was cleared */
};

void extensions_free(struct pickle_machine *m)
{
    if (m->extensions)
        free(m->extensions->slots);
    free(m->extensions);
    m->extensions = NULL;
}

void extensions_reset(struct pickle_machine *m)
{
    extensions_free(m);
}

/* The slot that holds the code, or the free one where it belongs. */
static struct extension *slot_of(const struct extension_table *t, int64_t code)
{
    size_t mask = t->slot_count - 1;
    size_t at = (size_t)((uint64_t)code * UINT64_C(0x9e3779b97f4a7c15) >> 20) & mask;
    while (t->slots[at].used && t->slots[at].code != code)
        at = (at + 1) & mask;
    return &t->slots[at];
}

static struct extension *find(const struct pickle_machine *m, int64_t code)
{
    struct extension *e = m->extensions ? slot_of(m->extensions, code) : NULL;
    return e && e->used ? e : NULL;
}

static bool grow(struct extension_table *t)
{
    struct extension_table wider = *t;
    wider.slot_count = t->slot_count ? t->slot_count * 2 : SLOTS_FIRST;
    wider.slots = calloc(wider.slot_count, sizeof *wider.slots);
    if (!wider.slots)
        return false;
    for (size_t i = 0; i < t->slot_count; i++)
        if (t->slots[i].used)
            *slot_of(&wider, t->slots[i].code) = t->slots[i];
    free(t->slots);
    *t = wider;
    return true;
}

/* The entry of a code, made when there is none; NULL: the run ends. */
static struct extension *entry(struct pickle_machine *m, int64_t code)
{
    struct extension *e = find(m, code);
    if (e)
        return e;
    if (!m->extensions)
        m->extensions = calloc(1, sizeof *m->extensions);
    struct extension_table *t = m->extensions;
    if (t && t->count == CODES_MAX) {
        (void)run_limit(m, "too many extension codes");
        return NULL;
    }
    if (!t || (t->count * 2 >= t->slot_count && !grow(t))) {
        (void)run_limit(m, "out of memory");
        return NULL;
    }
    t->count++;
    e = slot_of(t, code);
    *e = (struct extension){ .used = true, .code = code };
    return e;
}

/* The float that pushed v; NaN when that is none. */
static double float_of(const struct pickle_machine *m, pickle_value v)
{
    struct pickle_instruction i;
    struct buffer text;
    double d = NAN;
    if (!pickle_instruction_of(m, v, &i))
        return NAN;
    buffer_init(&text, NUMBER_TEXT);
    buffer_add(&text, i.text);
    if (i.code == OP_BINFLOAT)
        memcpy(&d, &i.number, sizeof d);
    else if (i.code == OP_FLOAT && text.len > 0)
        d = strtod(text.text, NULL);
    buffer_free(&text);
    return d;
}

/* A code, as a key of a dictionary: 7, 7.0 and True are keys like any integer.
 * `convert`: as int() gives it, which also takes the text '7'. */
static bool code_of(const struct pickle_machine *m, pickle_value v, bool convert,
                    int64_t *ret)
{
    double d;
    bool fits = true, known = false;
    struct buffer scratch;
    switch (value_tag(v)) {
    case PICKLE_INT:
        *ret = value_int_of(v);
        return true;
    case PICKLE_ATOM:
        *ret = v == value_atom(ATOM_TRUE);
        return v == value_atom(ATOM_TRUE) || v == value_atom(ATOM_FALSE);
    case PICKLE_NUMBER:
        d = float_of(m, v);
        if (!(d >= INT32_MIN && d <= INT32_MAX) || (!convert && d != (double)(int32_t)d))
            return false;
        *ret = (int64_t)d;
        return true;
    case PICKLE_STR:
    case PICKLE_BYTES:
        buffer_init(&scratch, NUMBER_TEXT);
        known = convert && pickle_integer(pickle_text(m, v, &scratch), 10, ret, &fits) &&
                fits;
        buffer_free(&scratch);
        return known;
    default:
        return false;
    }
}

static bool put_name(struct pickle_machine *m, int64_t code, pickle_value module,
                     pickle_value name)
{
    struct extension *e = entry(m, code);
    if (!e)
        return false;
    e->registered = true;
    e->module = module;
    e->name = name;
    return true;
}

static bool put_object(struct pickle_machine *m, int64_t code, pickle_value object)
{
    struct extension *e = entry(m, code);
    if (!e)
        return false;
    e->object = object;
    e->age = m->extensions->age;
    return true;
}

bool run_registry_call(struct pickle_machine *m, pickle_value callee,
                       const pickle_value *args, size_t n)
{
    int64_t code;
    struct extension *e;
    if (n == 3 && run_is(m, callee, "copyreg", "add_extension")) {
        if (!code_of(m, args[2], true, &code))
            return true;
        e = find(m, code);
        /* a second one raises ValueError */
        return (e && e->registered) || put_name(m, code, args[0], args[1]);
    }
    if (n == 3 && run_is(m, callee, "copyreg", "remove_extension") &&
        code_of(m, args[2], false, &code) && (e = find(m, code)) != NULL) {
        e->registered = false;
        e->object = 0;
    }
    if (n == 0 && m->extensions && run_is(m, callee, "copyreg", "clear_extension_cache"))
        m->extensions->age++;
    return true;
}

/* The pair (module, name) that an item registers; no texts make a computed name. */
static bool put_pair(struct pickle_machine *m, int64_t code, pickle_value item)
{
    pickle_value pair[2] = { 0, 0 };
    size_t n = 0;
    bool known = pickle_items(m, item, pair, 2, &n);
    return (known && n != 2) || put_name(m, code, pair[0], pair[1]);
}

bool run_registry_items(struct pickle_machine *m, pickle_value target,
                        const pickle_value *items, size_t n)
{
    bool registry = run_is(m, target, "copyreg", "_inverted_registry");
    bool cache = run_is(m, target, "copyreg", "_extension_cache");
    for (size_t i = 0; (registry || cache) && i + 1 < n; i += 2) {
        int64_t code;
        if (code_of(m, items[i], false, &code) &&
            !(cache ? put_object(m, code, items[i + 1])
                    : put_pair(m, code, items[i + 1])))
            return false;
    }
    return true;
}

bool run_extension(struct pickle_machine *m, const struct pickle_instruction *i)
{
    int64_t code = (int64_t)i->number;
    const struct extension *e = find(m, code);
    pickle_value v = value_make(PICKLE_OTHER, i->offset);
    if (m->sink->anomaly)
        m->sink->anomaly(m->sink->self, m, ANOMALY_EXTENSION, i->offset);
    if (e && e->object && e->age == m->extensions->age)
        return run_push(m, e->object);
    if (e && e->registered)
        return run_import(m, e->module, e->name, i->offset, &v) &&
               put_object(m, code, v) && run_push(m, v);
    return code > 0 ? run_push(m, v)
                    : run_fails(m, "an extension code that cannot exist");
}
