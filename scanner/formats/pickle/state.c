/* What giving an object a state does beyond giving it attributes. */
#include "formats/pickle/judge.h"

#include <stdlib.h>

enum { STATE_FEW = 256, LONGEST_NAME = 64 };

static const char method_harm[] =
    "it gives the object a method that is called while loading";
static const char array_harm[] =
    "it makes NumPy take any address of memory for an array, or call what it names";

/* Is the key, a text, one of the names? */
static bool is_one_of(const struct pickle_machine *m, pickle_value key,
                      const char *const *names, size_t n)
{
    struct buffer scratch;
    bool found = false;
    if (value_tag(key) != PICKLE_STR && value_tag(key) != PICKLE_BYTES)
        return false;
    buffer_init(&scratch, LONGEST_NAME);
    struct span text = pickle_text(m, key, &scratch);
    for (size_t i = 0; i < n && !found; i++)
        found = span_is(text, names[i]);
    buffer_free(&scratch);
    return found;
}

/* A dict is often built long before it is known to be a state.  A key that is computed
 * may be any; honest dicts have such keys (numbers of NumPy's), honest states do not. */
static const char *item_harm(const struct pickle_machine *m, pickle_value key,
                             pickle_value value, bool is_state)
{
    static const char *const methods[] = { "append",       "extend",        "add",
                                           "__setstate__", "__reduce_ex__", "__reduce__",
                                           "__deepcopy__" };
    static const char *const arrays[] = {
        "__array_interface__", "__array_struct__",         "__array__", "__array_wrap__",
        "__array_prepare__",   "__cuda_array_interface__", "typestr"
    };
    enum pickle_tag tag = value_tag(value);
    bool typestr = !is_state && tag == PICKLE_STR;
    bool function =
        (tag == PICKLE_GLOBAL || tag == PICKLE_RESULT || tag == PICKLE_OTHER) &&
        pickle_global(m, value)->verdict.class != PICKLE_SAFE;
    if (value_tag(key) >= PICKLE_RESULT) {
        bool text = is_state || span_is(pickle_global(m, key)->module, "builtins");
        return function && tag == PICKLE_GLOBAL ? method_harm
               : text && tag == PICKLE_DICT     ? array_harm
                                                : NULL;
    }
    if (function && is_one_of(m, key, methods, sizeof methods / sizeof *methods))
        return method_harm;
    /* a vocabulary may hold these words, with a number each */
    if ((tag >= PICKLE_TUPLE || typestr) &&
        is_one_of(m, key, arrays, sizeof arrays / sizeof *arrays))
        return array_harm;
    return NULL;
}

const char *judge_items(const struct pickle_machine *m, const pickle_value *items,
                        size_t n, bool is_state)
{
    const char *harm = NULL;
    for (size_t i = 0; i + 1 < n && !harm; i += 2)
        harm = item_harm(m, items[i], items[i + 1], is_state);
    return harm;
}

/* A dict that is no literal, or that the machine has forgotten: what any dict of this
 * stream held counts. */
static const char *dict_harm(const struct pickle_judge *j, const struct pickle_machine *m,
                             pickle_value dict)
{
    pickle_value few[STATE_FEW], *items = few;
    size_t n = 0, total = 0;
    const char *harm = j->harm;
    if (value_tag(dict) < PICKLE_TUPLE)
        return NULL;
    if (!harm && j->untold_pairs && judge_is_dict(m, dict))
        return array_harm;
    if (value_tag(dict) != PICKLE_DICT || !store_count(&m->store, dict, &total))
        return harm;
    if (total > STATE_FEW)
        items = reallocarray(NULL, total, sizeof *items);
    if (items && pickle_items(m, dict, items, total, &n))
        harm = judge_items(m, items, n, true);
    if (items != few)
        free(items);
    return harm;
}

const char *judge_state(const struct pickle_judge *j, const struct pickle_machine *m,
                        pickle_value state)
{
    pickle_value pair[2];
    size_t n = 0;
    if (value_tag(state) != PICKLE_TUPLE)
        return dict_harm(j, m, state);
    if (!pickle_items(m, state, pair, 2, &n))
        return store_forgot(&m->store, state) ? j->harm : NULL;
    const char *harm = n == 2 ? dict_harm(j, m, pair[0]) : NULL;
    return n == 2 && !harm ? dict_harm(j, m, pair[1]) : harm;
}

static bool is_dict_class(const struct pickle_global *g)
{
    return (span_is(g->module, "builtins") && span_is(g->name, "dict")) ||
           ((span_is(g->module, "collections") || span_is(g->module, "_collections")) &&
            g->verdict.class == PICKLE_SAFE);
}

bool judge_is_dict(const struct pickle_machine *m, pickle_value v)
{
    return value_has_global(v) && is_dict_class(pickle_global(m, v));
}

void judge_pairs(struct pickle_judge *j, const struct pickle_machine *m,
                 pickle_value args)
{
    pickle_value list[3], pair[2], *pairs;
    size_t n = 0, total = 0, two = 0;
    bool told = pickle_items(m, args, list, 3, &n);
    pickle_value last = told && n ? list[n - 1] : 0; /* defaultdict(factory, pairs) */
    if (value_tag(last) < PICKLE_TUPLE || value_tag(last) > PICKLE_FROZENSET)
        last = 0;
    told = told && (!last || store_count(&m->store, last, &total));
    j->untold_pairs |= !told;
    if (!told || (value_tag(last) != PICKLE_LIST && value_tag(last) != PICKLE_TUPLE))
        return;
    pairs = total ? reallocarray(NULL, total, sizeof *pairs) : NULL;
    if (pairs && pickle_items(m, last, pairs, total, &n))
        for (size_t i = 0; i < n && !j->harm; i++)
            if (pickle_items(m, pairs[i], pair, 2, &two) && two == 2)
                j->harm = item_harm(m, pair[0], pair[1], false);
    free(pairs);
}
