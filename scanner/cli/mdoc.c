#include "cli/mdoc.h"

enum { TEXT_MAX = 256 << 10, WIDTH = 78 };

/* The day of the version; a page must not depend on when it was made. */
static const char day[] = "November 21, 2026";

/* ---- escapes --------------------------------------------------------------------- */

static void add_escaped(struct buffer *b, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] == '\\')
            buffer_add_text(b, "\\e");
        else
            buffer_add(b, span_slice(bytes, i, i + 1));
    }
}

/* `end` behind the closing mark, or SIZE_MAX: then it is no mark. */
static size_t marked(struct buffer *b, struct span s, const char *mark, const char *font)
{
    size_t n = strlen(mark);
    size_t close = span_starts(s, mark) ? span_find(s, mark, n) : SIZE_MAX;
    if (close == SIZE_MAX || close == n)
        return SIZE_MAX;
    buffer_add_text(b, font);
    add_escaped(b, span_slice(s, n, close));
    buffer_add_text(b, "\\fR");
    return close + n;
}

/* [text](address): the text, and an address that a reader of a manual can follow. */
static size_t linked(struct buffer *b, struct span s)
{
    size_t middle = span_starts(s, "[") ? span_find(s, "](", 0) : SIZE_MAX;
    size_t close = middle == SIZE_MAX ? SIZE_MAX : span_find(s, ")", middle);
    if (close == SIZE_MAX)
        return SIZE_MAX;
    struct span address = span_slice(s, middle + 2, close);
    add_escaped(b, span_slice(s, 1, middle));
    if (span_starts(address, "http")) {
        buffer_add_text(b, " <");
        add_escaped(b, address);
        buffer_add_text(b, ">");
    }
    return close + 1;
}

/* *text*: no list of patterns, "* and **". */
static size_t stressed(struct buffer *b, struct span s)
{
    bool opens = s.len > 2 && s.ptr[0] == '*' && !strchr(" *", s.ptr[1]);
    return opens ? marked(b, s, "*", "\\fI") : SIZE_MAX;
}

static void add_marked(struct buffer *b, struct span s)
{
    for (size_t i = 0; i < s.len;) {
        struct span rest = span_slice(s, i, s.len);
        size_t n = linked(b, rest);
        n = n == SIZE_MAX ? marked(b, rest, "`", "\\fB") : n;
        n = n == SIZE_MAX ? marked(b, rest, "**", "\\fB") : n;
        n = n == SIZE_MAX ? stressed(b, rest) : n;
        if (n == SIZE_MAX) {
            bool escaped = rest.ptr[0] == '\\' && rest.len > 1; /* "\|" in a table */
            add_escaped(b, span_slice(rest, escaped, (size_t)escaped + 1));
            n = (size_t)escaped + 1;
        }
        i += n;
    }
}

/* ---- lines ----------------------------------------------------------------------- */

static void put_line(struct mdoc *m, struct span line)
{
    bool control = line.len && (line.ptr[0] == '.' || line.ptr[0] == '\'');
    fprintf(m->out, "%s%.*s\n", control ? "\\&" : "", (int)line.len,
            line.len ? (const char *)line.ptr : "");
}

/* A word behind which a sentence ends. */
static bool ends_sentence(struct span word)
{
    size_t n = word.len;
    if (span_is(word, "e.g.") || span_is(word, "i.e."))
        return false;
    while (n > 1 && strchr(")\"'", word.ptr[n - 1]))
        n--;
    return n > 1 && strchr(".!?", word.ptr[n - 1]) != NULL;
}

/* As lint counts: a character beyond ASCII is written \[uXXXX]. */
static size_t width(struct span s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] < 0x80 ? 1 : s.ptr[i] >= 0xC0 ? 8 : 0;
    return n;
}

/* One sentence a line, lines of at most WIDTH where words allow it. */
static void fill(struct mdoc *m, struct span text)
{
    size_t start = 0, end = 0; /* of the line */
    bool sentence = false;
    for (size_t at = 0; at < text.len;) {
        size_t space = span_find(text, " ", at);
        size_t word_end = space == SIZE_MAX ? text.len : space;
        if (word_end > at) {
            struct span longer = span_slice(text, start, word_end);
            if (end > start && (sentence || width(longer) > WIDTH)) {
                put_line(m, span_slice(text, start, end));
                start = at;
            } else if (end <= start) {
                start = at;
            }
            end = word_end;
            sentence = ends_sentence(span_slice(text, at, end));
        }
        at = word_end + 1;
    }
    if (end > start)
        put_line(m, span_slice(text, start, end));
}

void mdoc_line(struct mdoc *m, const char *macro)
{
    mdoc_paragraph(m);
    fprintf(m->out, "%s\n", macro);
}

/* An argument of a macro that must stay one, and no macro. */
static void put_argument(struct mdoc *m, struct span words)
{
    struct buffer b;
    buffer_init(&b, TEXT_MAX);
    add_marked(&b, words);
    fputs(" \"", m->out);
    for (size_t i = 0; i < b.len; i++)
        fprintf(m->out, b.text[i] == '"' ? "\\(dq" : "%c", b.text[i]);
    fputs("\"", m->out);
    buffer_free(&b);
}

/* ---- blocks ---------------------------------------------------------------------- */

static void open_block(struct mdoc *m, enum mdoc_block block)
{
    if (m->block == MDOC_LITERAL && block != MDOC_LITERAL) {
        fputs(".Ed\n", m->out);
        m->block = m->item ? MDOC_LIST : MDOC_TEXT;
        m->separate = true;
    }
    if (block == MDOC_LITERAL && m->block != MDOC_LITERAL) {
        fputs(".Bd -literal -offset indent\n", m->out);
        m->block = MDOC_LITERAL;
    }
}

void mdoc_paragraph(struct mdoc *m)
{
    if (m->text.len == 0)
        return;
    open_block(m, MDOC_TEXT);
    if (m->separate)
        fputs(".Pp\n", m->out);
    fill(m, buffer_span(&m->text));
    buffer_clear(&m->text);
    m->separate = true;
}

void mdoc_text(struct mdoc *m, struct span words)
{
    if (m->text.len)
        buffer_add_text(&m->text, " ");
    add_marked(&m->text, words);
}

void mdoc_literal(struct mdoc *m, struct span line)
{
    struct buffer b;
    mdoc_paragraph(m);
    open_block(m, MDOC_LITERAL);
    buffer_init(&b, TEXT_MAX);
    add_escaped(&b, line);
    put_line(m, buffer_span(&b));
    buffer_free(&b);
}

void mdoc_item_open(struct mdoc *m)
{
    mdoc_paragraph(m);
    open_block(m, MDOC_LIST);
    if (!m->item)
        fputs(".Bl -tag -width Ds\n", m->out);
    m->item = true;
    m->block = MDOC_LIST;
    m->separate = false;
    fputs(".It", m->out);
}

void mdoc_item(struct mdoc *m, struct span tag)
{
    mdoc_item_open(m);
    put_argument(m, tag);
    fputs("\n", m->out);
}

void mdoc_list_end(struct mdoc *m)
{
    mdoc_paragraph(m);
    open_block(m, MDOC_TEXT);
    if (m->item)
        fputs(".El\n", m->out);
    m->separate |= m->item;
    m->item = false;
    m->block = MDOC_TEXT;
}

static void heading(struct mdoc *m, const char *macro, struct span title, bool capitals)
{
    mdoc_list_end(m);
    fprintf(m->out, "%s ", macro);
    for (size_t i = 0; i < title.len; i++) {
        char c = (char)title.ptr[i];
        if (c != '`' && c != '*')
            fputc(capitals && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c, m->out);
    }
    fputs("\n", m->out);
    m->separate = false;
}

void mdoc_section(struct mdoc *m, struct span title)
{
    heading(m, ".Sh", title, true);
}

void mdoc_subsection(struct mdoc *m, struct span title)
{
    heading(m, ".Ss", title, false);
}

void mdoc_begin(struct mdoc *m, FILE *out, const char *name, const char *section,
                const char *what)
{
    *m = (struct mdoc){ .out = out };
    buffer_init(&m->text, TEXT_MAX);
    fprintf(out, ".\\\" Made by `assay manual %s`.\n.Dd %s\n.Dt ", name, day);
    for (const char *c = name; *c; c++)
        fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, out);
    fprintf(out, " %s\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n", section, name, what);
}

void mdoc_end(struct mdoc *m)
{
    mdoc_list_end(m);
    buffer_free(&m->text);
}
