/* Globals that are safe with some arguments and dangerous with others. */
#include "formats/pickle/judge.h"
#include "formats/pickle/run.h"

enum { ARGUMENTS = 6, RECURSION_MAX = 4, WEIGHED = 64, STATE_ITEMS = 256 };
enum { WEIGHED_IN_ALL = WEIGHED * WEIGHED }; /* of one call: containers may be shared */

struct question {
    struct pickle_judge *judge;
    struct pickle_machine *m;
    const struct pickle_call *call;
    pickle_value args[ARGUMENTS];
    size_t n;       /* how many of them there are, at most ARGUMENTS */
    unsigned depth; /* of calls that call their arguments */
    unsigned weighed;
    uint32_t *class; /* out: for OPINION_CLASS */
    const char **why;
};

static enum pickle_opinion because(struct question *q, enum pickle_opinion opinion,
                                   const char *why)
{
    *q->why = why;
    return opinion;
}

static const struct pickle_global *global_of(const struct question *q, pickle_value v)
{
    return value_tag(v) == PICKLE_GLOBAL ? pickle_global(q->m, v) : NULL;
}

/* Something that is used as a class or function without being called right now. */
static enum pickle_opinion mention(struct question *q, pickle_value v)
{
    const struct pickle_global *g = global_of(q, v);
    if (!g || g->computed)
        return because(q, OPINION_UNKNOWN, "what it wraps is not known");
    if (g->verdict.class == PICKLE_DANGEROUS)
        return because(q, OPINION_DANGEROUS, "it wraps a dangerous name");
    if (g->verdict.class == PICKLE_CHECK && !pickle_check_is_class(g->verdict.check))
        return because(q, OPINION_UNKNOWN, "what it wraps depends on later arguments");
    return OPINION_FINE; /* an unknown one adds up as an unknown import */
}

/* A class that an object is made of. */
static enum pickle_opinion instantiate(struct question *q, pickle_value v)
{
    const struct pickle_global *g = global_of(q, v);
    enum pickle_opinion opinion = mention(q, v);
    if (opinion != OPINION_FINE || g->verdict.class != PICKLE_UNKNOWN)
        return opinion;
    *q->class = value_global(v);
    return OPINION_CLASS;
}

/* Only names that an attribute of a plain object has: no dunder, no path. */
static bool plain_name(const struct question *q, pickle_value v)
{
    struct buffer scratch;
    bool plain = value_tag(v) == PICKLE_STR;
    buffer_init(&scratch, 4096);
    struct span s = plain ? pickle_text(q->m, v, &scratch) : (struct span){ 0 };
    plain &= s.len > 0 && !span_starts(s, "__");
    for (size_t i = 0; i < s.len && plain; i++)
        plain = s.ptr[i] != '.' && s.ptr[i] > ' ';
    buffer_free(&scratch);
    return plain;
}

/* Methods of arrays, tables, models, paths and buffers that write files, evaluate text or
 * call what they are given.  No honest object keeps one of them. */
static bool acting_method(const struct question *q, pickle_value name)
{
    static const char *const methods[] = {
        "agg",        "aggregate",  "apply",       "applymap",     "chmod",
        "dump",       "eval",       "hardlink_to", "load_model",   "load_state_dict",
        "mkdir",      "open",       "pipe",        "query",        "read_bytes",
        "read_text",  "rename",     "rmdir",       "save",         "save_config",
        "save_model", "savez",      "symlink_to",  "to_clipboard", "to_csv",
        "to_excel",   "to_feather", "to_file",     "to_gbq",       "to_hdf",
        "to_html",    "to_json",    "to_latex",    "to_markdown",  "to_parquet",
        "to_pickle",  "to_sql",     "to_stata",    "to_string",    "to_xml",
        "tofile",     "touch",      "unlink",      "write_bytes",  "write_text",
    };
    bool found = false;
    for (size_t i = 0; i < sizeof methods / sizeof *methods && !found; i++)
        found = pickle_is_text(q->m, name, methods[i]);
    return found;
}

/* Is v an object that a known class or function of data gave? */
static bool is_data(const struct question *q, pickle_value v)
{
    return (value_tag(v) == PICKLE_RESULT || value_tag(v) == PICKLE_INSTANCE) &&
           pickle_global(q->m, v)->verdict.class != PICKLE_UNKNOWN;
}

static enum pickle_opinion check_getattr(struct question *q)
{
    if (q->n < 2)
        return OPINION_UNKNOWN;
    if (!plain_name(q, q->args[1]))
        return because(q, OPINION_DANGEROUS,
                       "it reaches a private or computed attribute");
    if (is_data(q, q->args[0]) && acting_method(q, q->args[1]))
        return because(q, OPINION_UNKNOWN, "it reaches a method that acts");
    const struct pickle_global *g = global_of(q, q->args[0]);
    if (!g)
        return value_tag(q->args[0]) == PICKLE_OTHER
                   ? because(q, OPINION_UNKNOWN, "the object is not known")
                   : OPINION_FINE; /* if it is called, that is a computed call */
    if (g->verdict.class == PICKLE_DANGEROUS)
        return because(q, OPINION_DANGEROUS, "it takes an attribute of a dangerous name");
    if (g->attribute && span_find(g->name, ".", 0) != SIZE_MAX &&
        g->verdict.class == PICKLE_UNKNOWN)
        return because(q, OPINION_DANGEROUS, "it walks through a chain of attributes");
    return OPINION_FINE;
}

/* partial(function, …), and its state (function, args, keywords, dict) */
static enum pickle_opinion check_partial(struct question *q)
{
    if (q->n == 0)
        return OPINION_UNKNOWN;
    return mention(q, q->args[0]);
}

/* _reconstructor(class, base, state): base.__new__(class, state); base.__init__(…) */
static enum pickle_opinion check_reconstructor(struct question *q)
{
    if (q->n != 3)
        return OPINION_UNKNOWN;
    const struct pickle_global *base = global_of(q, q->args[1]);
    if (!base || !span_is(base->module, "builtins") || base->verdict.class != PICKLE_SAFE)
        if (!base || !span_is(base->module, "builtins") || !span_is(base->name, "object"))
            return because(q, OPINION_UNKNOWN, "the base is no built-in class");
    return instantiate(q, q->args[0]);
}

static enum pickle_opinion check_newobj(struct question *q)
{
    return q->n ? instantiate(q, q->args[0]) : OPINION_UNKNOWN;
}

static enum pickle_opinion ask(struct question *q);

/* _rebuild_from_type_v2(function, type, args, state) calls function(*args). */
static enum pickle_opinion check_rebuild(struct question *q)
{
    if (q->n < 3)
        return OPINION_UNKNOWN;
    const struct pickle_global *function = global_of(q, q->args[0]);
    enum pickle_opinion type = instantiate(q, q->args[1]);
    if (!function || function->verdict.class == PICKLE_UNKNOWN)
        return because(q, OPINION_UNKNOWN, "it calls a function that no list knows");
    if (function->verdict.class == PICKLE_DANGEROUS)
        return because(q, OPINION_DANGEROUS, "it calls a dangerous function");
    if (function->verdict.class == PICKLE_SAFE || type > OPINION_CLASS)
        return type;
    struct pickle_call call = { .kind = CALL_REDUCE,
                                .offset = q->call->offset,
                                .callee = q->args[0],
                                .args = q->args[2] };
    struct question inner = *q;
    inner.call = &call;
    inner.depth++;
    enum pickle_opinion opinion = ask(&inner);
    return opinion > type ? opinion : type;
}

/* The bytes are a literal, or what protocol 2 makes of one. */
static bool is_bytes(const struct question *q, pickle_value v)
{
    if (value_tag(v) == PICKLE_BYTES || value_tag(v) == PICKLE_STR)
        return true;
    if (value_tag(v) != PICKLE_RESULT)
        return false;
    return pickle_global(q->m, v)->verdict.check == PICKLE_CHECK_CODECS_ENCODE;
}

static enum pickle_opinion check_load_from_bytes(struct question *q)
{
    if (q->n == 0 || !is_bytes(q, q->args[0]))
        return because(q, OPINION_UNKNOWN, "it loads bytes that are not in the stream");
    return OPINION_FINE; /* every literal is inspected as a file of its own */
}

static enum pickle_opinion check_numpy_scalar(struct question *q)
{
    if (q->n == 0 || !value_has_global(q->args[0]))
        return OPINION_UNKNOWN;
    if (q->n > 1 && !is_bytes(q, q->args[1]) && value_tag(q->args[1]) >= PICKLE_OTHER)
        return because(q, OPINION_UNKNOWN, "its bytes are not in the stream");
    return OPINION_FINE;
}

static enum pickle_opinion check_numpy_dtype(struct question *q)
{
    if (q->n == 0)
        return OPINION_UNKNOWN;
    return value_tag(q->args[0]) == PICKLE_GLOBAL ? instantiate(q, q->args[0])
                                                  : OPINION_FINE;
}

static enum pickle_opinion check_codecs_encode(struct question *q)
{
    static const char *const plain[] = { "latin1",     "latin-1",   "latin_1",
                                         "iso-8859-1", "iso8859-1", "utf-8",
                                         "utf8",       "ascii",     "us-ascii" };
    if (q->n == 0 || value_tag(q->args[0]) != PICKLE_STR)
        return because(q, OPINION_UNKNOWN, "what it encodes is not in the stream");
    bool known = q->n == 1;
    for (size_t i = 0; q->n > 1 && i < sizeof plain / sizeof *plain; i++)
        known |= pickle_is_text(q->m, q->args[1], plain[i]);
    if (!known)
        return because(q, OPINION_UNKNOWN, "it transforms data with an unusual codec");
    struct buffer scratch;
    buffer_init(&scratch, 1 << 20);
    judge_latin1(q->judge, value_offset(q->args[0]),
                 pickle_text(q->m, q->args[0], &scratch));
    buffer_free(&scratch);
    return OPINION_FINE;
}

/* The worst that is said of a value, containers included. */
/* NOLINTNEXTLINE(misc-no-recursion): RECURSION_MAX deep */
static enum pickle_opinion weigh(struct question *q, pickle_value v, unsigned depth)
{
    pickle_value items[WEIGHED];
    size_t n = 0, total = 0;
    enum pickle_tag tag = value_tag(v);
    const struct pickle_global *g = pickle_global(q->m, v);
    if (value_has_global(v) && g->verdict.class == PICKLE_DANGEROUS)
        return because(q, OPINION_DANGEROUS, "it is handed a dangerous name");
    if (tag == PICKLE_GLOBAL && g->verdict.check == PICKLE_CHECK_SAFE_ARGUMENTS)
        q->m->globals[value_global(v)].mentioned |= MENTION_ACCOUNTED;
    else if (tag == PICKLE_GLOBAL && g->verdict.class != PICKLE_SAFE)
        return because(q, OPINION_UNKNOWN, "it is handed a name that no list knows");
    if (tag < PICKLE_TUPLE || tag > PICKLE_FROZENSET)
        return OPINION_FINE;
    if (depth == RECURSION_MAX || !store_count(&q->m->store, v, &total) ||
        total > WEIGHED || (q->weighed += (unsigned)total) > WEIGHED_IN_ALL ||
        !pickle_items(q->m, v, items, WEIGHED, &n))
        return because(q, OPINION_UNKNOWN, "its arguments are not known");
    enum pickle_opinion worst = OPINION_FINE;
    for (size_t i = 0; i < n; i++) {
        enum pickle_opinion opinion = weigh(q, items[i], depth + 1);
        worst = opinion > worst ? opinion : worst;
    }
    return worst;
}

static enum pickle_opinion check_safe_arguments(struct question *q)
{
    return weigh(q, q->call->args, 0);
}

static enum pickle_opinion check_one_argument(struct question *q)
{
    return q->n == 1 ? OPINION_FINE
                     : because(q, OPINION_UNKNOWN, "it calls its first argument");
}

/* _ufunc_reconstruct(module, name): import the module, take the attribute */
static enum pickle_opinion check_ufunc(struct question *q)
{
    static const char *const modules[] = { "numpy", "numpy.core._multiarray_umath",
                                           "numpy._core._multiarray_umath",
                                           "scipy.special._ufuncs", "scipy.special" };
    bool known = false;
    for (size_t i = 0; q->n == 2 && i < sizeof modules / sizeof *modules; i++)
        known |= pickle_is_text(q->m, q->args[0], modules[i]);
    return known && plain_name(q, q->args[1])
               ? OPINION_FINE
               : because(q, OPINION_DANGEROUS, "it imports a module by name");
}

/* Without arguments INST and OBJ make an object of a class without calling it. */
static enum pickle_opinion check_instance(struct question *q)
{
    enum pickle_call_kind kind = q->call->kind;
    bool made = kind == CALL_NEWOBJ || kind == CALL_NEWOBJ_EX ||
                ((kind == CALL_INST || kind == CALL_OBJ) && q->n == 0);
    return made ? OPINION_FINE
                : because(q, OPINION_UNKNOWN,
                          "the constructor of this class does more "
                          "than to make an object");
}

/* "def _parse_args(self, a, b, loc=0, scale=1):", "    return (a, b,), loc, scale, 1":
 * nothing in these lines but names, commas and the parentheses of the template. */
static bool template_line(struct span line)
{
    static const char *const heads[] = {
        "def _parse_args(self,",          "def _parse_args_rvs(self,",
        "def _parse_args_stats(self,",    "    return (",
        "    return self._argcheck_rvs(",
    };
    size_t at = SIZE_MAX;
    for (size_t i = 0; i < sizeof heads / sizeof *heads && at == SIZE_MAX; i++)
        if (span_starts(line, heads[i]))
            at = strlen(heads[i]);
    if (at == SIZE_MAX)
        return line.len == 0;
    unsigned closed = 0;
    for (; at < line.len; at++) {
        uint8_t c = line.ptr[at];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                    (c >= 'A' && c <= 'Z') || c == '_';
        closed += c == ')';
        if (!word && !(c && strchr(" ,='):", c)))
            return false;
    }
    return closed == 1;
}

static bool template_text(const struct question *q, pickle_value v)
{
    struct buffer scratch;
    buffer_init(&scratch, 1 << 16);
    bool fine = value_tag(v) == PICKLE_STR;
    struct reader r =
        reader_of(fine ? pickle_text(q->m, v, &scratch) : (struct span){ 0 }, 0);
    while (fine && reader_left(&r) > 0) {
        struct span rest = reader_peek(&r, reader_left(&r));
        size_t newline = span_find(rest, "\n", 0);
        size_t n = newline == SIZE_MAX ? rest.len : newline;
        fine = template_line(span_slice(rest, 0, n));
        reader_skip(&r, newline == SIZE_MAX ? n : n + 1);
    }
    buffer_free(&scratch);
    return fine;
}

/* All of a state that is a dict with texts as keys; false when that is not known. */
static bool state_items(struct question *q, pickle_value *ret, size_t *ret_n)
{
    size_t total = 0;
    if (value_tag(q->call->args) != PICKLE_DICT ||
        !store_count(&q->m->store, q->call->args, &total) || total > STATE_ITEMS ||
        !pickle_items(q->m, q->call->args, ret, STATE_ITEMS, ret_n))
        return false;
    for (size_t i = 0; i + 1 < *ret_n; i += 2)
        if (value_tag(ret[i]) != PICKLE_STR)
            return false;
    return true;
}

/* __setstate__ of a scipy distribution executes state['_parse_arg_template']. */
static enum pickle_opinion check_distribution(struct question *q)
{
    pickle_value items[STATE_ITEMS];
    size_t n = 0;
    if (q->call->kind != CALL_BUILD)
        return check_instance(q);
    if (!state_items(q, items, &n))
        return because(q, OPINION_UNKNOWN, "it executes a text that is not known");
    for (size_t i = 0; i + 1 < n; i += 2)
        if (pickle_is_text(q->m, items[i], "_parse_arg_template") &&
            !template_text(q, items[i + 1]))
            return because(q, OPINION_DANGEROUS, "it executes a text of its state");
    return OPINION_FINE;
}

/* __setstate__ of a statsmodels data object evaluates state['formula']. */
static enum pickle_opinion check_no_formula(struct question *q)
{
    pickle_value items[STATE_ITEMS];
    size_t n = 0;
    if (q->call->kind != CALL_BUILD)
        return check_instance(q);
    bool known = state_items(q, items, &n);
    for (size_t i = 0; known && i + 1 < n; i += 2)
        known = !pickle_is_text(q->m, items[i], "formula") ||
                items[i + 1] == value_atom(ATOM_NONE);
    return known ? OPINION_FINE
                 : because(q, OPINION_UNKNOWN, "it evaluates a formula as Python code");
}

static enum pickle_opinion check_builtin_type(struct question *q)
{
    return q->n == 1 && run_names_data_type(q->m, q->args[0])
               ? OPINION_FINE
               : because(q, OPINION_UNKNOWN, "it reaches a type by which code is made");
}

/* _create_array(function, args, state, dict): what numpy's own pickles do in two steps */
static enum pickle_opinion check_create_array(struct question *q)
{
    const struct pickle_global *function = q->n > 2 ? global_of(q, q->args[0]) : NULL;
    if (function && function->verdict.class == PICKLE_DANGEROUS)
        return because(q, OPINION_DANGEROUS, "it calls a dangerous function");
    if (!function || function->verdict.class != PICKLE_SAFE ||
        !span_starts(function->module, "numpy.") ||
        !span_is(function->name, "_reconstruct"))
        return because(q, OPINION_UNKNOWN, "it calls a function that makes no array");
    const char *harm = q->n > 3 ? judge_state(q->judge, q->m, q->args[3]) : NULL;
    if (harm)
        return because(q, OPINION_UNKNOWN, harm);
    return joblib_array_sound(q->m, q->args[2])
               ? OPINION_FINE
               : because(q, OPINION_UNKNOWN, "it has fewer objects than its shape says");
}

static enum pickle_opinion check_type_of(struct question *q)
{
    return q->n == 1 ? OPINION_FINE : because(q, OPINION_UNKNOWN, "it makes a new class");
}

static enum pickle_opinion ask(struct question *q)
{
    static enum pickle_opinion (*const checks[PICKLE_CHECK_COUNT])(struct question *) = {
        [PICKLE_CHECK_GETATTR] = check_getattr,
        [PICKLE_CHECK_PARTIAL] = check_partial,
        [PICKLE_CHECK_RECONSTRUCTOR] = check_reconstructor,
        [PICKLE_CHECK_NEWOBJ] = check_newobj,
        [PICKLE_CHECK_REBUILD_FROM_TYPE] = check_rebuild,
        [PICKLE_CHECK_LOAD_FROM_BYTES] = check_load_from_bytes,
        [PICKLE_CHECK_NUMPY_SCALAR] = check_numpy_scalar,
        [PICKLE_CHECK_NUMPY_DTYPE] = check_numpy_dtype,
        [PICKLE_CHECK_CODECS_ENCODE] = check_codecs_encode,
        [PICKLE_CHECK_SAFE_ARGUMENTS] = check_safe_arguments,
        [PICKLE_CHECK_ONE_ARGUMENT] = check_one_argument,
        [PICKLE_CHECK_UFUNC] = check_ufunc,
        [PICKLE_CHECK_INSTANCE] = check_instance,
        [PICKLE_CHECK_DISTRIBUTION] = check_distribution,
        [PICKLE_CHECK_NO_FORMULA] = check_no_formula,
        [PICKLE_CHECK_BUILTIN_TYPE] = check_builtin_type,
        [PICKLE_CHECK_CREATE_ARRAY] = check_create_array,
        [PICKLE_CHECK_TYPE_OF] = check_type_of,
    };
    if (q->depth > RECURSION_MAX ||
        !pickle_items(q->m, q->call->args, q->args, ARGUMENTS, &q->n))
        return because(q, OPINION_UNKNOWN, "its arguments are not known");
    enum pickle_check check = pickle_global(q->m, q->call->callee)->verdict.check;
    return checks[check] ? checks[check](q) : OPINION_UNKNOWN;
}

enum pickle_opinion judge_check(struct pickle_judge *j, struct pickle_machine *m,
                                const struct pickle_call *call, uint32_t *ret_class,
                                const char **ret_why)
{
    struct question q = {
        .judge = j, .m = m, .call = call, .class = ret_class, .why = ret_why
    };
    return ask(&q);
}
