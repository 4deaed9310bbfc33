#include "formats/pickle/render.h"

#include <inttypes.h>

enum { TEXT_SHOWN = 384, ITEMS_SHOWN = 24, DEPTH_SHOWN = 6 };

struct renderer {
    const struct pickle_machine *m;
    enum pickle_style style;
    struct buffer *out;
    unsigned depth;
};

static void render(struct renderer *r, pickle_value v);

/* Bytes of the UTF-8 sequence at `at` that can be shown as it is; 0: escape it. */
static size_t shown_sequence(struct span s, size_t at)
{
    for (size_t n = 2; n <= 4 && at + n <= s.len; n++)
        if (pickle_utf8(span_slice(s, at, at + n)))
            return s.ptr[at] == 0xed && s.ptr[at + 1] >= 0xa0 ? 0 : n; /* no surrogates */
    return 0;
}

void pickle_render_text(struct span s, bool bytes, struct buffer *out)
{
    struct span shown = span_slice(s, 0, TEXT_SHOWN);
    bool single = shown.len && memchr(shown.ptr, '\'', shown.len);
    bool twofold = shown.len && memchr(shown.ptr, '"', shown.len);
    uint8_t quote = single && !twofold ? '"' : '\'';
    buffer_printf(out, "%s%c", bytes ? "b" : "", quote);
    for (size_t i = 0; i < shown.len;) {
        uint8_t c = shown.ptr[i];
        size_t n = 1;
        if (c == quote || c == '\\')
            buffer_printf(out, "\\%c", c);
        else if (c == '\n' || c == '\r' || c == '\t')
            buffer_add_text(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        else if (c >= 0x20 && c < 0x7f)
            buffer_add(out, span_slice(shown, i, i + 1));
        else if (!bytes && c >= 0x80 && (n = shown_sequence(shown, i)) > 0)
            buffer_add(out, span_slice(shown, i, i + n));
        else
            buffer_printf(out, "\\x%02x", c);
        i += n ? n : 1;
    }
    buffer_printf(out, "%c%s", quote, s.len > shown.len ? "..." : "");
}

/* A module or attribute name: what could confuse a reader is escaped. */
void pickle_render_name(struct span s, struct buffer *out)
{
    struct span shown = span_slice(s, 0, TEXT_SHOWN);
    for (size_t i = 0; i < shown.len; i++) {
        uint8_t c = shown.ptr[i];
        if (c > 0x20 && c != 0x7f && c != '\\')
            buffer_add(out, span_slice(shown, i, i + 1));
        else
            buffer_printf(out, "\\x%02x", c);
    }
    if (s.len > shown.len)
        buffer_add_text(out, "...");
}

void pickle_render_global(const struct pickle_global *g, struct buffer *out)
{
    pickle_render_name(g->module, out);
    buffer_add_text(out, ".");
    pickle_render_name(g->name, out);
}

/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_SHOWN deep */
static void render_items(struct renderer *r, const pickle_value *items, size_t n,
                         bool pairs)
{
    size_t shown = n < ITEMS_SHOWN ? n : ITEMS_SHOWN;
    /* a tuple of tuples of the same tuples would go on long after the text is full */
    for (size_t i = 0; i < shown && !r->out->truncated; i++) {
        if (i > 0)
            buffer_add_text(r->out, pairs && i % 2 ? ": " : ", ");
        render(r, items[i]);
    }
    if (n > shown)
        buffer_add_text(r->out, ", ...");
}

/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_SHOWN deep */
static void render_container(struct renderer *r, pickle_value v)
{
    static const char *const brackets[][2] = {
        [PICKLE_TUPLE] = {"(",            ")" },
        [PICKLE_LIST] = { "[",           "]" },
        [PICKLE_DICT] = { "{",           "}" },
        [PICKLE_SET] = { "{",           "}" },
        [PICKLE_FROZENSET] = { "frozenset({", "})"},
    };
    enum pickle_tag tag = value_tag(v);
    pickle_value items[ITEMS_SHOWN + 1];
    size_t n = 0;
    buffer_add_text(r->out, brackets[tag][0]);
    if (r->depth >= DEPTH_SHOWN || !pickle_items(r->m, v, items, ITEMS_SHOWN + 1, &n)) {
        buffer_add_text(r->out, "...");
    } else {
        r->depth++;
        render_items(r, items, n, tag == PICKLE_DICT);
        r->depth--;
        if (tag == PICKLE_TUPLE && n == 1)
            buffer_add_text(r->out, ",");
    }
    buffer_add_text(r->out, brackets[tag][1]);
}

static void render_double(uint64_t bits, struct buffer *out)
{
    double d;
    char text[40];
    memcpy(&d, &bits, sizeof d);
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(text, sizeof text, "%.*g", precision, d);
        if (strtod(text, NULL) == d) /* NaN never is: it ends at 17 */
            break;
    }
    buffer_add_text(out, text);
    if (!strpbrk(text, ".eni"))
        buffer_add_text(out, ".0");
}

/* A literal that is no small integer and no text, read again where it stands. */
static void render_number(struct renderer *r, pickle_value v)
{
    struct pickle_instruction i;
    if (!pickle_instruction_of(r->m, v, &i)) {
        buffer_add_text(r->out, "...");
    } else if (i.code == OP_BINFLOAT) {
        render_double(i.number, r->out);
    } else if (i.code == OP_LONG1 || i.code == OP_LONG4) {
        buffer_add_text(r->out, "0x");
        struct span digits = span_slice(i.text, 0, TEXT_SHOWN);
        for (size_t at = digits.len; at > 0; at--)
            buffer_printf(r->out, "%02x", digits.ptr[at - 1]);
    } else if (pickle_opcodes[i.code].argument == ARGUMENT_LINE) {
        pickle_render_name(i.text, r->out);
    } else {
        buffer_printf(r->out, "%" PRId64, (int64_t)i.number);
    }
}

static void render_text(struct renderer *r, pickle_value v)
{
    struct buffer scratch;
    buffer_init(&scratch, 4 * (size_t)TEXT_SHOWN);
    pickle_render_text(pickle_text(r->m, v, &scratch), value_tag(v) == PICKLE_BYTES,
                       r->out);
    buffer_free(&scratch);
}

static void render_other(struct renderer *r, pickle_value v)
{
    struct span code = span_slice(r->m->bytes, value_offset(v), value_offset(v) + 1);
    bool persistent =
        code.len && (code.ptr[0] == OP_PERSID || code.ptr[0] == OP_BINPERSID);
    if (r->style == STYLE_LISTING)
        buffer_printf(r->out, "v%" PRIu64, value_offset(v));
    else
        buffer_add_text(r->out, persistent ? "persistent_load(...)" : "extension(...)");
}

/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_SHOWN deep */
static void render(struct renderer *r, pickle_value v)
{
    static const char *const atoms[] = { "None", "False", "True", "buffer" };
    switch (value_tag(v)) {
    case PICKLE_ATOM:
        buffer_add_text(r->out, atoms[value_payload(v) & 3]);
        break;
    case PICKLE_INT:
        buffer_printf(r->out, "%" PRId64, value_int_of(v));
        break;
    case PICKLE_NUMBER:
        render_number(r, v);
        break;
    case PICKLE_STR:
    case PICKLE_BYTES:
        render_text(r, v);
        break;
    case PICKLE_TUPLE:
    case PICKLE_LIST:
    case PICKLE_DICT:
    case PICKLE_SET:
    case PICKLE_FROZENSET:
        render_container(r, v);
        break;
    case PICKLE_GLOBAL:
        pickle_render_global(pickle_global(r->m, v), r->out);
        break;
    case PICKLE_RESULT:
    case PICKLE_INSTANCE:
        if (r->style == STYLE_LISTING) {
            buffer_printf(r->out, "v%" PRIu64, value_offset(v));
            break;
        }
        pickle_render_global(pickle_global(r->m, v), r->out);
        buffer_add_text(r->out, "(...)");
        break;
    case PICKLE_OTHER:
        render_other(r, v);
        break;
    default:
        buffer_add_text(r->out, "...");
    }
}

/* The arguments as they stand between the parentheses of a call. */
static void render_arguments(struct renderer *r, const struct pickle_call *call,
                             const char *before)
{
    pickle_value items[ITEMS_SHOWN + 1];
    size_t n = 0;
    bool known = value_tag(call->args) == PICKLE_TUPLE &&
                 pickle_items(r->m, call->args, items, ITEMS_SHOWN + 1, &n);
    buffer_add_text(r->out, before);
    if (*before && (!known || n > 0))
        buffer_add_text(r->out, ", ");
    if (known) {
        render_items(r, items, n, false);
    } else {
        buffer_add_text(r->out, "*");
        render(r, call->args);
    }
    if (call->keywords) {
        buffer_add_text(r->out, n || *before ? ", **" : "**");
        render(r, call->keywords);
    }
}

static void render_method(struct renderer *r, const struct pickle_call *call,
                          const char *method, const char *close)
{
    buffer_add_text(r->out, method);
    if (call->kind == CALL_BUILD)
        render(r, call->args);
    else
        render_items(r, call->items, call->count, false);
    buffer_add_text(r->out, close);
}

static void render_assignments(struct renderer *r, const struct pickle_call *call)
{
    for (size_t i = 0; i + 1 < call->count && i < ITEMS_SHOWN; i += 2) {
        if (i > 0) {
            buffer_add_text(r->out, "; ");
            render(r, call->callee);
        }
        buffer_add_text(r->out, "[");
        render(r, call->items[i]);
        buffer_add_text(r->out, "] = ");
        render(r, call->items[i + 1]);
    }
}

void pickle_render_call(const struct pickle_machine *m, const struct pickle_call *call,
                        enum pickle_style style, struct buffer *out)
{
    struct renderer r = { .m = m, .style = style, .out = out };
    bool bare = value_tag(call->callee) == PICKLE_GLOBAL;
    if (call->kind == CALL_PERSISTENT) {
        buffer_add_text(out, "persistent_load(");
        render(&r, call->args);
        buffer_add_text(out, ")");
        return;
    }
    render(&r, call->callee);
    switch (call->kind) {
    case CALL_BUILD:
        render_method(&r, call, bare ? ".__dict__.update(" : ".__setstate__(", ")");
        break;
    case CALL_APPEND:
        render_method(&r, call, ".extend([", "])");
        break;
    case CALL_ADD:
        render_method(&r, call, ".add(", ")");
        break;
    case CALL_SETITEM:
        render_assignments(&r, call);
        break;
    case CALL_NEWOBJ:
    case CALL_NEWOBJ_EX:
        buffer_add_text(out, ".__new__(");
        render_arguments(&r, call, "cls");
        buffer_add_text(out, ")");
        break;
    default:
        buffer_add_text(out, "(");
        render_arguments(&r, call, "");
        buffer_add_text(out, ")");
    }
}

void pickle_render_value(const struct pickle_machine *m, pickle_value v,
                         enum pickle_style style, struct buffer *out)
{
    struct renderer r = { .m = m, .style = style, .out = out };
    render(&r, v);
}
