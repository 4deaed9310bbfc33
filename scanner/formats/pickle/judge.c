#include "formats/pickle/judge.h"

#include "formats/pickle/render.h"
#include "formats/pickle/run.h"

enum {
    REPORTS_EACH = 16,    /* findings for calls to one global */
    SAFE_CALLS_SHOWN = 3, /* facts for calls to one safe global */
    OTHER_CALLS_SHOWN = 64,
    ANOMALIES_EACH = 8,
    TEXT_MARGIN = 256
};

static bool silent(const struct pickle_judge *j, size_t offset)
{
    return offset < j->silent_until;
}

static struct span rendered(const struct pickle_machine *m,
                            const struct pickle_call *call, struct buffer *text)
{
    buffer_init(text, EVIDENCE_MAX);
    pickle_render_call(m, call, STYLE_EVIDENCE, text);
    return buffer_span(text);
}

/* In a second run over the same bytes: was this said before? */
static bool repeated(const struct pickle_judge *j, enum rule_id rule, size_t offset)
{
    const struct finding *f =
        offset < j->heard_until ? j->in->artifact->findings.first : NULL;
    while (f && (f->rule != &rules[rule] || f->offset != offset))
        f = f->next;
    return f != NULL;
}

/* `count`: findings of the same origin, so that one stream cannot fill the report. */
static void report_counted(struct pickle_judge *j, const struct pickle_machine *m,
                           const struct pickle_call *call, enum rule_id rule,
                           const char *why, unsigned *count)
{
    struct buffer text;
    if ((*count & MENTION_COUNT) >= REPORTS_EACH || repeated(j, rule, call->offset))
        return;
    ++*count;
    struct span evidence = rendered(m, call, &text);
    inspection_finding(j->in, rule, call->offset, evidence, "%s", why);
    buffer_free(&text);
}

static void report(struct pickle_judge *j, const struct pickle_machine *m,
                   const struct pickle_call *call, enum rule_id rule, const char *why)
{
    bool named = value_has_global(call->callee) && value_global(call->callee);
    report_counted(j, m, call, rule, why,
                   named ? &m->globals[value_global(call->callee)].mentioned
                         : &j->indirect);
}

/* ---- facts ---- */

static struct fact *add_fact(struct pickle_judge *j, struct fact *list)
{
    if (!list || !budget_take(j->in->budget, BUDGET_FACTS, 1))
        return NULL;
    return fact_object(j->in->arena, list, "");
}

static void note_call(struct pickle_judge *j, const struct pickle_machine *m,
                      const struct pickle_call *call)
{
    const struct pickle_global *g = pickle_global(m, call->callee);
    uint32_t limit =
        g->verdict.class == PICKLE_SAFE ? SAFE_CALLS_SHOWN : OTHER_CALLS_SHOWN;
    uint32_t seen = g->calls > g->writes ? g->calls : g->writes;
    if (!value_has_global(call->callee))
        seen = call->kind == CALL_PERSISTENT ? UINT32_MAX : 0;
    if (call->offset < j->heard_until)
        return;
    struct fact *f = seen > limit ? NULL : add_fact(j, j->calls);
    if (!f) {
        j->calls_dropped++;
        return;
    }
    struct buffer text;
    fact_uint(j->in->arena, f, "offset", call->offset);
    fact_text(j->in->arena, f, "rendered", rendered(m, call, &text));
    buffer_free(&text);
}

void judge_stream(struct pickle_judge *j, size_t offset)
{
    struct arena *a = j->in->arena;
    struct fact *root = artifact_facts(j->in->artifact);
    struct fact *streams = NULL;
    for (struct fact *f = root ? root->first : NULL; f; f = f->next)
        if (strcmp(f->name, "pickle") == 0)
            streams = f;
    if (!streams)
        streams = fact_list(a, root, "pickle");
    j->stream = add_fact(j, streams);
    fact_uint(a, j->stream, "offset", offset);
    j->calls = fact_list(a, j->stream, "calls");
    j->calls_dropped = 0;
    j->stream_number++;
    j->risky = false;
    j->harm = NULL;
    j->untold_pairs = false;
    j->silent_until = j->heard_until = 0;
    j->wrapper = NULL;
}

static void note_globals(struct pickle_judge *j, const struct pickle_machine *m)
{
    struct arena *a = j->in->arena;
    struct fact *list = fact_list(a, j->stream, "globals");
    uint64_t dropped = 0;
    for (uint32_t i = 1; i < m->global_count; i++) {
        const struct pickle_global *g = &m->globals[i];
        if (g->stream != j->stream_number)
            continue;
        struct fact *f = add_fact(j, list);
        if (!f) {
            dropped++;
            continue;
        }
        fact_text(a, f, "module", g->module);
        fact_text(a, f, "name", g->name);
        fact_uint(a, f, "offset", g->offset);
        fact_text(a, f, "class", span_of_text(pickle_class_name(g->verdict.class)));
        fact_bool(a, f, "called", g->calls > 0);
    }
    if (dropped)
        fact_uint(a, j->stream, "globals_dropped", dropped);
    if (j->calls_dropped)
        fact_uint(a, j->stream, "calls_dropped", j->calls_dropped);
}

/* ---- imports ---- */

static bool exactly_listed(const struct pickle_global *g)
{
    return g->verdict.exact && g->verdict.class != PICKLE_UNKNOWN;
}

static void on_import(void *self, struct pickle_machine *m, uint32_t index, size_t offset)
{
    struct pickle_judge *j = self;
    struct pickle_global *g = &m->globals[index];
    g->stream = j->stream_number;
    if (silent(j, offset) || (g->mentioned & MENTION_DOTTED) || !g->dotted ||
        exactly_listed(g))
        return;
    struct buffer text;
    g->mentioned |= MENTION_DOTTED;
    j->risky = true;
    buffer_init(&text, EVIDENCE_MAX);
    pickle_render_global(g, &text);
    inspection_finding(j->in, RULE_PICKLE_DOTTED_NAME, offset, buffer_span(&text),
                       "a dotted name reaches whatever the module itself has imported");
    buffer_free(&text);
}

static void on_anomaly(void *self, struct pickle_machine *m, enum pickle_anomaly what,
                       size_t offset)
{
    static const struct {
        enum rule_id rule;
        const char *why;
    } table[] = {
        [ANOMALY_COMPUTED_NAME] = {RULE_PICKLE_COMPUTED_IMPORT,
                                   "what is imported depends on the result of a call"  },
        [ANOMALY_EXTENSION] = { RULE_PICKLE_EXTENSION,
                                   "the name lies in a table outside of the stream"    },
        [ANOMALY_PROTOCOL] = { RULE_PICKLE_PROTOCOL_SWITCH,
                                   "names mean something else before and after"        },
        [ANOMALY_OVERWRITTEN] = { RULE_PICKLE_MEMO_OVERWRITE,
                                   "a reader of the stream sees another name"          },
        [ANOMALY_HUGE_MEMO] = { RULE_PICKLE_RESOURCE,
                                   "the memo index is far beyond the number of objects"},
        [ANOMALY_HUGE_LENGTH] = { RULE_PICKLE_RESOURCE,
                                   "the length is far beyond the end of the file"      },
        [ANOMALY_FRAME] = { RULE_PICKLE_FRAME,
                                   "the two unpicklers of Python disagree on this"     },
    };
    struct pickle_judge *j = self;
    (void)m;
    bool hypothetical = j->wrapper && offset > *j->wrapper;
    if (silent(j, offset) || (hypothetical && what != ANOMALY_COMPUTED_NAME) ||
        repeated(j, table[what].rule, offset) || j->anomalies[what]++ >= ANOMALIES_EACH)
        return;
    j->risky |= what == ANOMALY_COMPUTED_NAME || what == ANOMALY_EXTENSION;
    inspection_finding(j->in, table[what].rule, offset,
                       span_slice(j->in->bytes, offset, offset + 32), "%s",
                       table[what].why);
}

/* ---- calls ---- */

static void judge_dangerous(struct pickle_judge *j, const struct pickle_machine *m,
                            const struct pickle_call *call, const char *why)
{
    const struct pickle_global *g = pickle_global(m, call->callee);
    char message[MESSAGE_MAX];
    bool code = g->verdict.category == PICKLE_EMBEDDED_CODE;
    if (!why) {
        (void)snprintf(message, sizeof message, "it %s",
                       pickle_category_what(g->verdict.category));
        why = message;
    }
    report(j, m, call, code ? RULE_PICKLE_EMBEDDED_CODE : RULE_PICKLE_DANGEROUS_CALL,
           why);
}

static void judge_class(struct pickle_judge *j, const struct pickle_machine *m,
                        uint32_t index)
{
    j->risky = true;
    m->globals[index].mentioned |= MENTION_INSTANTIATED;
}

static void judge_checked(struct pickle_judge *j, struct pickle_machine *m,
                          const struct pickle_call *call)
{
    uint32_t class = 0;
    const char *why = NULL;
    switch (judge_check(j, m, call, &class, &why)) {
    case OPINION_FINE:
        return;
    case OPINION_CLASS:
        judge_class(j, m, class);
        return;
    case OPINION_UNKNOWN:
        report(j, m, call, RULE_PICKLE_UNKNOWN_CALL,
               why ? why : "what it does depends on arguments that are not known");
        break;
    case OPINION_DANGEROUS:
        judge_dangerous(j, m, call, why ? why : "its arguments make it dangerous");
        break;
    }
    j->risky = true;
}

static bool makes_object(enum pickle_call_kind kind)
{
    return kind == CALL_NEWOBJ || kind == CALL_NEWOBJ_EX;
}

static void judge_global_call(struct pickle_judge *j, struct pickle_machine *m,
                              const struct pickle_call *call)
{
    const struct pickle_global *g = pickle_global(m, call->callee);
    switch (g->verdict.class) {
    case PICKLE_SAFE:
        return;
    case PICKLE_CHECK:
        judge_checked(j, m, call);
        return;
    case PICKLE_DANGEROUS:
        j->risky = true;
        judge_dangerous(j, m, call, NULL);
        return;
    case PICKLE_UNKNOWN:
        break;
    }
    if (makes_object(call->kind) && !g->computed && !g->dotted) {
        judge_class(j, m, value_global(call->callee));
        return;
    }
    j->risky = true;
    report(j, m, call, RULE_PICKLE_UNKNOWN_CALL, "no list knows this function");
}

static bool is_write(enum pickle_call_kind kind)
{
    return kind >= CALL_BUILD && kind <= CALL_SETITEM;
}

/* Globals whose objects do something with the state that they are given. */
static bool judges_state(const struct pickle_global *g)
{
    return g->verdict.class == PICKLE_CHECK &&
           (g->verdict.check == PICKLE_CHECK_PARTIAL ||
            g->verdict.check == PICKLE_CHECK_DISTRIBUTION ||
            g->verdict.check == PICKLE_CHECK_NO_FORMULA);
}

/* joblib up to 0.9 kept each array in a file of its own. */
static bool is_array_file(const struct pickle_global *g)
{
    return span_starts(joblib_module(g->module), "joblib.numpy_pickle") &&
           (span_is(g->name, "NDArrayWrapper") || span_is(g->name, "ZNDArrayWrapper"));
}

/* No array or table is filled item by item, and pandas calls a key that can be called. */
static bool is_array_or_table(const struct pickle_global *g)
{
    return span_starts(g->module, "numpy") || span_starts(g->module, "pandas");
}

/* Objects that a call does not make but look up, so that all who ask for them share one.
 */
static bool is_shared(const struct pickle_global *g)
{
    return (span_is(g->module, "logging") && span_is(g->name, "getLogger")) ||
           (span_is(g->module, "builtins") && span_is(g->name, "getattr"));
}

static bool is_dtype(const struct pickle_global *g)
{
    return span_is(g->module, "numpy.dtypes") ||
           (g->verdict.class == PICKLE_CHECK &&
            g->verdict.check == PICKLE_CHECK_NUMPY_DTYPE);
}

/* What NumPy, which believes it, does with the state of an array or a dtype. */
static const char *array_harm(const struct pickle_machine *m,
                              const struct pickle_call *call,
                              const struct pickle_global *g)
{
    bool array = span_starts(g->module, "numpy") &&
                 (span_is(g->name, "_reconstruct") || span_is(g->name, "_mareconstruct"));
    if (is_dtype(g) && !joblib_dtype_sound(m, call->callee, call->args))
        return "NumPy takes bytes for addresses when a dtype has this state";
    if (array && !joblib_array_sound(m, call->args))
        return "NumPy takes memory behind the list for the objects of this array";
    return NULL;
}

/* BUILD, APPEND, ADDITEMS, SETITEM on something that is no plain container. */
static void judge_write(struct pickle_judge *j, struct pickle_machine *m,
                        const struct pickle_call *call)
{
    const struct pickle_global *g = pickle_global(m, call->callee);
    const char *harm = NULL;
    switch (value_tag(call->callee)) {
    case PICKLE_GLOBAL:
        j->risky = true;
        report(j, m, call, RULE_PICKLE_GLOBAL_WRITE,
               call->kind == CALL_BUILD || call->kind == CALL_SETITEM
                   ? "an imported object is changed for the whole process"
                   : "a method of an imported object is called");
        return;
    case PICKLE_RESULT:
    case PICKLE_INSTANCE:
        if (call->kind == CALL_BUILD && is_array_file(g))
            report(j, m, call, RULE_PICKLE_ARRAY_FILE,
                   "joblib loads the array from that file, pickles in it included");
        if (call->kind == CALL_BUILD && judges_state(g))
            judge_checked(j, m, call);
        if (call->kind == CALL_BUILD)
            harm = array_harm(m, call, g);
        if (is_shared(g)) {
            j->risky = true;
            report(j, m, call, RULE_PICKLE_GLOBAL_WRITE,
                   "an object of the whole process is changed");
        }
        if (call->kind == CALL_BUILD && !harm)
            harm = judge_state(j, m, call->args);
        else if (call->kind == CALL_SETITEM)
            harm =
                judge_items(m, call->items, call->count, !judge_is_dict(m, call->callee));
        if (call->kind == CALL_SETITEM && is_array_or_table(g))
            harm = "it writes into an array or a table, whose keys may be called";
        if (harm && call->kind == CALL_SETITEM && judge_is_dict(m, call->callee)) {
            j->harm = harm;
        } else if (harm) {
            j->risky = true;
            report_counted(j, m, call, RULE_PICKLE_UNKNOWN_CALL, harm, &j->indirect);
        }
        return;
    default:
        j->risky = true;
        report(j, m, call, RULE_PICKLE_COMPUTED_CALL,
               "a method is called on something that is not known");
    }
}

static bool is_digits(const struct pickle_machine *m, pickle_value v)
{
    struct buffer scratch;
    buffer_init(&scratch, 64);
    struct span s = pickle_text(m, v, &scratch);
    bool digits = s.len > 0;
    for (size_t i = 0; i < s.len; i++)
        digits &= s.ptr[i] >= '0' && s.ptr[i] <= '9';
    buffer_free(&scratch);
    return digits;
}

/* ("storage", type, key, location, size[, view]), ("module", …), a number (tar). */
static bool torch_shape(const struct pickle_machine *m, pickle_value id)
{
    pickle_value parts[8];
    size_t n = 0;
    if (value_tag(id) == PICKLE_INT)
        return true;
    if (value_tag(id) == PICKLE_STR)
        return is_digits(m, id);
    if (value_tag(id) != PICKLE_TUPLE || !pickle_items(m, id, parts, 8, &n))
        return false;
    if (n == 4 && pickle_is_text(m, parts[0], "module"))
        return true;
    return n >= 5 && n <= 6 && pickle_is_text(m, parts[0], "storage") &&
           value_tag(parts[1]) >= PICKLE_GLOBAL;
}

static void judge_persistent(struct pickle_judge *j, struct pickle_machine *m,
                             const struct pickle_call *call)
{
    if (j->persistent)
        j->persistent(j->persistent_self, m, call->args);
    if (!torch_shape(m, call->args))
        report(j, m, call, RULE_PICKLE_PERSISTENT_ID,
               "what it gives is up to the program that loads the file");
}

static void on_call(void *self, struct pickle_machine *m, const struct pickle_call *call)
{
    struct pickle_judge *j = self;
    if (silent(j, call->offset))
        return;
    note_call(j, m, call);
    if (call->kind == CALL_PERSISTENT) {
        judge_persistent(j, m, call);
    } else if (is_write(call->kind)) {
        judge_write(j, m, call);
    } else if (value_tag(call->callee) == PICKLE_GLOBAL) {
        if (!j->harm && judge_is_dict(m, call->callee))
            judge_pairs(j, m, call->args);
        judge_global_call(j, m, call);
    } else {
        j->risky = true;
        report(j, m, call, RULE_PICKLE_COMPUTED_CALL,
               "the function is the result of another call");
    }
}

static void on_items(void *self, struct pickle_machine *m, const pickle_value *items,
                     size_t n)
{
    struct pickle_judge *j = self;
    if (!j->harm)
        j->harm = judge_items(m, items, n, false);
}

static void on_literal(void *self, struct pickle_machine *m, pickle_value v,
                       struct span bytes)
{
    struct pickle_judge *j = self;
    if (!silent(j, value_offset(v)))
        judge_literal(j, m, v, bytes);
}

static void on_skipped(void *self, struct pickle_machine *m, size_t offset, size_t end)
{
    const struct pickle_judge *j = self;
    (void)m;
    inspection_bulk(j->in, offset, end - offset);
}

/* Numbers are for byte rules what tensor bulk is; a little of what lies around the texts
 * stays, for rules that look at instructions.  Not behind an array of joblib's, where
 * loaders disagree on what the bytes are. */
static void on_textless(void *self, struct pickle_machine *m, size_t offset, size_t end)
{
    const struct pickle_judge *j = self;
    (void)m;
    if (j->wrapper && *j->wrapper == SIZE_MAX)
        inspection_bulk(j->in, offset + TEXT_MARGIN, end - offset - 2 * TEXT_MARGIN);
}

void judge_init(struct pickle_judge *j, struct inspection *in)
{
    *j = (struct pickle_judge){ .in = in };
    j->sink = (struct pickle_sink){ .self = j,
                                    .import = on_import,
                                    .call = on_call,
                                    .anomaly = on_anomaly,
                                    .items = on_items,
                                    .literal = on_literal,
                                    .skipped = on_skipped,
                                    .textless = on_textless };
}

void judge_stream_end(struct pickle_judge *j, const struct pickle_machine *m)
{
    struct arena *a = j->in->arena;
    fact_uint(a, j->stream, "protocol", m->protocol);
    fact_bool(a, j->stream, "stopped", m->status == PICKLE_STOPPED);
    note_globals(j, m);
    if (m->status == PICKLE_STOPPED)
        return;
    if (j->risky && (m->status == PICKLE_MALFORMED || m->status == PICKLE_TRUNCATED))
        inspection_finding(j->in, RULE_PICKLE_BROKEN_TAIL, m->end,
                           span_slice(m->bytes, m->end, m->end + 16),
                           "everything before this point has run when a loader fails");
    if (m->status == PICKLE_SPENT)
        (void)inspection_spend(j->in, BUDGET_PICKLE_OPCODES, UINT64_MAX);
    else
        inspection_incomplete(
            j->in, "the pickle at offset %zu is not readable at %zu: %s", m->start,
            m->end, m->status == PICKLE_TRUNCATED ? "it ends without STOP" : m->reason);
}

/* ---- what only adds up ---- */

static struct span package_of(const struct pickle_global *g)
{
    size_t dot = span_find(g->module, ".", 0);
    return span_slice(g->module, 0, dot);
}

static int by_package(const void *a, const void *b)
{
    const struct pickle_global *x = *(const struct pickle_global *const *)a;
    const struct pickle_global *y = *(const struct pickle_global *const *)b;
    int order = span_compare(package_of(x), package_of(y));
    if (order == 0)
        order = (x->offset > y->offset) - (x->offset < y->offset);
    return order;
}

static void report_package(struct pickle_judge *j, const struct pickle_global *const *g,
                           size_t n)
{
    struct buffer names;
    size_t made = 0;
    buffer_init(&names, EVIDENCE_MAX);
    for (size_t i = 0; i < n; i++) {
        made += (g[i]->mentioned & MENTION_INSTANTIATED) != 0;
        buffer_add_text(&names, i ? ", " : "");
        pickle_render_global(g[i], &names);
    }
    struct buffer package;
    buffer_init(&package, 128);
    pickle_render_text(package_of(g[0]), false, &package);
    const char *shown = package.len ? package.text : "";
    if (made > 0)
        inspection_finding(
            j->in, RULE_PICKLE_UNKNOWN_CLASS, g[0]->offset, buffer_span(&names),
            "package %s: %zu unknown names, objects made of %zu", shown, n, made);
    else
        inspection_finding(
            j->in, RULE_PICKLE_UNKNOWN_IMPORT, g[0]->offset, buffer_span(&names),
            "package %s: %zu unknown names imported, none called", shown, n);
    buffer_free(&package);
    buffer_free(&names);
}

/* A global that only adds up: not known, and not yet reported for a call. */
static bool adds_up(const struct pickle_global *g)
{
    if (g->computed || g->dotted || (g->mentioned & (MENTION_COUNT | MENTION_ACCOUNTED)))
        return false;
    if (g->verdict.class == PICKLE_CHECK) /* taken, to be called by something else? */
        return g->calls == 0 && !pickle_check_is_class(g->verdict.check);
    return g->verdict.class == PICKLE_UNKNOWN &&
           (!g->attribute || (g->mentioned & MENTION_INSTANTIATED));
}

/* torch.jit.load finds these in the archive itself, as TorchScript, which torchscript.c
 * reads; nothing is imported. */
static bool is_script_class(const struct pickle_judge *j, const struct pickle_global *g)
{
    const struct artifact *archive = j->in->artifact->parent;
    return archive && (archive->formats & FORMAT_BIT(FORMAT_TORCHSCRIPT)) &&
           (span_is(g->module, "__torch__") || span_starts(g->module, "__torch__."));
}

static void report_unknown(struct pickle_judge *j, const struct pickle_machine *m)
{
    size_t n = 0;
    const struct pickle_global **list = calloc(m->global_count + 1, sizeof *list);
    if (!list) {
        inspection_incomplete(j->in, "out of memory");
        return;
    }
    for (uint32_t i = 1; i < m->global_count; i++)
        if (adds_up(&m->globals[i]) && !is_script_class(j, &m->globals[i]))
            list[n++] = &m->globals[i];
    if (n > 0)
        qsort(list, n, sizeof *list, by_package);
    for (size_t start = 0, end; start < n; start = end) {
        for (end = start + 1; end < n; end++)
            if (!span_equal(package_of(list[start]), package_of(list[end])))
                break;
        report_package(j, list + start, end - start);
    }
    free(list);
}

void judge_finish(struct pickle_judge *j, const struct pickle_machine *m)
{
    for (uint32_t i = 1; i < m->global_count; i++) {
        const struct pickle_global *g = &m->globals[i];
        if (g->verdict.class != PICKLE_DANGEROUS || (g->mentioned & MENTION_COUNT))
            continue;
        struct buffer text;
        buffer_init(&text, EVIDENCE_MAX);
        pickle_render_global(g, &text);
        inspection_finding(j->in, RULE_PICKLE_DANGEROUS_IMPORT, g->offset,
                           buffer_span(&text), "it %s",
                           pickle_category_what(g->verdict.category));
        buffer_free(&text);
    }
    report_unknown(j, m);
}
