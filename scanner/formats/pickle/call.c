/* Everything in a pickle that can run code. */
#include "formats/pickle/run.h"

#include <stdlib.h>

enum { ARGUMENTS_SEEN = 8 };

static void report(struct pickle_machine *m, const struct pickle_call *call)
{
    if (value_tag(call->callee) == PICKLE_GLOBAL) {
        struct pickle_global *g = &m->globals[value_global(call->callee)];
        bool write = call->kind >= CALL_BUILD && call->kind <= CALL_SETITEM;
        uint32_t *counter = write ? &g->writes : &g->calls;
        if (*counter < UINT32_MAX)
            ++*counter;
    }
    if (m->sink->call)
        m->sink->call(m->sink->self, m, call);
}

/* Literals cannot be called: every loader raises TypeError. */
static bool callable(pickle_value v)
{
    return value_tag(v) >= PICKLE_GLOBAL;
}

/* Arguments that one unpickler at least can spread: the Python one takes any iterable. */
static bool iterable(pickle_value v)
{
    enum pickle_tag tag = value_tag(v);
    return v == value_atom(ATOM_BUFFER) ||
           (tag != PICKLE_ATOM && tag != PICKLE_INT && tag != PICKLE_NUMBER);
}

/* A call whose result the machine knows, or that changes the machine. */
static bool evaluate(struct pickle_machine *m, const struct pickle_call *call,
                     pickle_value *ret_result)
{
    pickle_value args[ARGUMENTS_SEEN];
    size_t n = 0;
    if (value_tag(call->callee) != PICKLE_GLOBAL ||
        !pickle_items(m, call->args, args, ARGUMENTS_SEEN, &n))
        return true;
    if ((n == 2 || n == 3) && run_is(m, call->callee, "builtins", "getattr")) {
        pickle_value v = run_attribute(m, args[0], args[1], call->offset);
        if (v)
            *ret_result = v;
    }
    if (n == 1 && (run_is(m, call->callee, "dill._dill", "_load_type") ||
                   run_is(m, call->callee, "dill.dill", "_load_type"))) {
        pickle_value v = run_builtin(m, args[0], call->offset);
        if (v)
            *ret_result = v;
    }
    return run_registry_call(m, call->callee, args, n);
}

/* Report the call and push what it gives. */
static bool call_and_push(struct pickle_machine *m, const struct pickle_call *call,
                          enum pickle_tag tag)
{
    uint32_t index = value_has_global(call->callee) ? value_global(call->callee) : 0;
    pickle_value result = value_of_global(tag, index, call->offset);
    report(m, call);
    if (!evaluate(m, call, &result))
        return false;
    if (run_is(m, call->callee, "numpy", "dtype"))
        joblib_dtype_called(m, result, call->args);
    return run_push(m, result);
}

bool run_reduce(struct pickle_machine *m, const struct pickle_instruction *i)
{
    if (!run_has(m, 2))
        return run_fails(m, "the stack is empty");
    pickle_value args = m->stack[--m->depth], callee = m->stack[--m->depth];
    if (!callable(callee))
        return run_fails(m, "a call of something that cannot be called");
    if (!iterable(args))
        return run_fails(m, "a call without a tuple of arguments");
    struct pickle_call call = {
        .kind = CALL_REDUCE, .offset = i->offset, .callee = callee, .args = args
    };
    return call_and_push(m, &call, PICKLE_RESULT);
}

/* Call with what lies at and above `base` as arguments; they are popped. */
static bool call_with_slice(struct pickle_machine *m, enum pickle_call_kind kind,
                            size_t offset, pickle_value callee, size_t base)
{
    struct pickle_call call = { .kind = kind, .offset = offset, .callee = callee };
    call.args = store_new(&m->store, PICKLE_TUPLE, m->stack + base, m->depth - base);
    m->depth = base;
    return call_and_push(m, &call, PICKLE_RESULT);
}

bool run_inst(struct pickle_machine *m, const struct pickle_instruction *i)
{
    size_t base;
    if (!run_global(m, i))
        return false;
    pickle_value callee = m->stack[--m->depth];
    return run_mark(m, &base) && call_with_slice(m, CALL_INST, i->offset, callee, base);
}

bool run_obj(struct pickle_machine *m, const struct pickle_instruction *i)
{
    size_t base;
    if (!run_mark(m, &base))
        return false;
    if (m->depth == base)
        return run_fails(m, "the stack is empty");
    pickle_value callee = m->stack[base];
    if (!callable(callee))
        return run_fails(m, "a call of something that cannot be called");
    struct pickle_call call = { .kind = CALL_OBJ, .offset = i->offset, .callee = callee };
    call.args =
        store_new(&m->store, PICKLE_TUPLE, m->stack + base + 1, m->depth - base - 1);
    m->depth = base;
    return call_and_push(m, &call, PICKLE_RESULT);
}

bool run_newobj(struct pickle_machine *m, const struct pickle_instruction *i)
{
    bool extended = i->code == OP_NEWOBJ_EX;
    if (!run_has(m, extended ? 3 : 2))
        return run_fails(m, "the stack is empty");
    struct pickle_call call = { .kind = extended ? CALL_NEWOBJ_EX : CALL_NEWOBJ,
                                .offset = i->offset };
    if (extended)
        call.keywords = m->stack[--m->depth];
    call.args = m->stack[--m->depth];
    call.callee = m->stack[--m->depth];
    if (!callable(call.callee))
        return run_fails(m, "a new object of something that is no class");
    if (!iterable(call.args))
        return run_fails(m, "a call without a tuple of arguments");
    return call_and_push(m, &call, PICKLE_INSTANCE);
}

bool run_build(struct pickle_machine *m, const struct pickle_instruction *i,
               struct reader *r)
{
    if (!run_has(m, 2))
        return run_fails(m, "the stack is empty");
    pickle_value state = m->stack[--m->depth], object = m->stack[m->depth - 1];
    if (!callable(object)) /* a literal has neither __setstate__ nor attributes */
        return true;
    struct pickle_call call = {
        .kind = CALL_BUILD, .offset = i->offset, .callee = object, .args = state
    };
    report(m, &call);
    if (value_tag(object) == PICKLE_RESULT)
        joblib_dtype_built(m, object, state);
    if (!joblib_is_wrapper(m, object))
        return true;
    if (m->wrapper_offset == SIZE_MAX)
        m->wrapper_offset = i->offset;
    return !m->joblib || joblib_skip(m, state, r);
}

/* The container lies below `base`, what is added at and above it. */
bool run_append(struct pickle_machine *m, size_t offset, size_t base, bool to_set)
{
    pickle_value target = m->stack[base - 1];
    size_t n = m->depth - base;
    if (value_tag(target) == PICKLE_LIST || value_tag(target) == PICKLE_SET) {
        store_add(&m->store, target, m->stack + base, n);
    } else if (callable(target)) {
        struct pickle_call call = { .kind = to_set ? CALL_ADD : CALL_APPEND,
                                    .offset = offset,
                                    .callee = target,
                                    .items = m->stack + base,
                                    .count = n };
        report(m, &call);
    }
    m->depth = base;
    return true;
}

bool run_setitems(struct pickle_machine *m, size_t offset, size_t base)
{
    pickle_value target = m->stack[base - 1];
    size_t n = m->depth - base;
    if (value_tag(target) == PICKLE_DICT) {
        store_add(&m->store, target, m->stack + base, n - n % 2);
        if (m->sink->items)
            m->sink->items(m->sink->self, m, m->stack + base, n);
    } else if (callable(target)) {
        struct pickle_call call = { .kind = CALL_SETITEM,
                                    .offset = offset,
                                    .callee = target,
                                    .items = m->stack + base,
                                    .count = n };
        report(m, &call);
        if (!run_registry_items(m, target, m->stack + base, n))
            return false;
    }
    m->depth = base;
    return n % 2 == 0 || run_fails(m, "an odd number of items");
}

bool run_persistent(struct pickle_machine *m, size_t offset, pickle_value id)
{
    struct pickle_call call = { .kind = CALL_PERSISTENT, .offset = offset, .args = id };
    pickle_value parts[4], result = value_make(PICKLE_OTHER, offset);
    size_t n = 0;
    report(m, &call);
    /* torch writes classes with their source as ("module", class, file, source) */
    if (pickle_items(m, id, parts, 4, &n) && n == 4 &&
        pickle_is_text(m, parts[0], "module") && value_tag(parts[1]) == PICKLE_GLOBAL)
        result = parts[1];
    return run_push(m, result);
}
