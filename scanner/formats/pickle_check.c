/* Globals that are safe with some arguments and dangerous with others. */
#include "formats/pickle_judge.h"

enum { ARGUMENTS = 6, RECURSION_MAX = 4 };

struct question {
    struct pickle_judge *judge;
    struct pickle_machine *m;
    const struct pickle_call *call;
    pickle_value args[ARGUMENTS];
    size_t n;        /* how many of them there are, at most ARGUMENTS */
    unsigned depth;  /* of calls that call their arguments */
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
    if (g->verdict.class == PICKLE_CHECK)
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

static enum pickle_opinion check_getattr(struct question *q)
{
    if (q->n < 2)
        return OPINION_UNKNOWN;
    if (!plain_name(q, q->args[1]))
        return because(q, OPINION_DANGEROUS,
                       "it reaches a private or computed attribute");
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

static enum pickle_opinion check_attribute_names(struct question *q)
{
    for (size_t i = 0; i < q->n; i++)
        if (value_tag(q->args[i]) == PICKLE_STR ? !plain_name(q, q->args[i])
                                                : value_tag(q->args[i]) > PICKLE_NUMBER)
            return because(q, OPINION_UNKNOWN, "it reaches more than plain attributes");
    return q->n == ARGUMENTS ? OPINION_UNKNOWN : OPINION_FINE;
}

static enum pickle_opinion check_first_argument(struct question *q)
{
    const struct pickle_global *g = q->n ? global_of(q, q->args[0]) : NULL;
    if (!g || g->verdict.class == PICKLE_UNKNOWN || g->verdict.class == PICKLE_CHECK)
        return because(q, OPINION_UNKNOWN, "it is handed a function that no list knows");
    return g->verdict.class == PICKLE_DANGEROUS
               ? because(q, OPINION_DANGEROUS, "it is handed a dangerous function")
               : OPINION_FINE;
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
        [PICKLE_CHECK_ATTRIBUTE_NAMES] = check_attribute_names,
        [PICKLE_CHECK_FIRST_ARGUMENT] = check_first_argument,
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
