/* Pages of the documentation as manuals: headings, paragraphs, lists, tables, code. */
#include "cli/mdoc.h"

struct page {
    struct mdoc *m;
    bool fenced;
    size_t rows;      /* of the table */
    struct span head; /* its first row */
};

/* The cell from *at on, up to the next bar that is not escaped or in code. */
static struct span next_cell(struct span row, size_t *at)
{
    size_t start = *at, i = start;
    bool code = false;
    for (; i < row.len && (row.ptr[i] != '|' || code); i++) {
        code ^= row.ptr[i] == '`';
        i += row.ptr[i] == '\\';
    }
    *at = i + 1;
    return span_trim(span_slice(row, start, i), " ");
}

/* The first column is the item; of more than two, the head names the others. */
static void table_row(struct page *p, struct span line)
{
    struct mdoc *m = p->m;
    size_t at = 1, head_at = 1, column = 0;
    if (++p->rows == 1)
        p->head = line;
    if (p->rows <= 2)
        return;
    size_t head_count = 0;
    for (size_t k = 1; k < p->head.len; head_count++)
        (void)next_cell(p->head, &k);
    for (; at < line.len; column++) {
        struct span cell = next_cell(line, &at), head = next_cell(p->head, &head_at);
        if (column == 0) {
            mdoc_item(m, cell);
            continue;
        }
        if (head_count > 2 && head.len && cell.len) {
            mdoc_text(m, head);
            buffer_add_text(&m->text, ":");
        }
        mdoc_text(m, cell);
        if (head_count > 2 && cell.len && at < line.len)
            buffer_add_text(&m->text, ";");
    }
}

static size_t indent_of(struct span line)
{
    size_t n = 0;
    while (n < line.len && line.ptr[n] == ' ')
        n++;
    return n;
}

/* Behind "- ", "* " or "12. "; 0: it is no item. */
static size_t item_mark(struct span line)
{
    size_t n = 0;
    if (span_starts(line, "- ") || span_starts(line, "* "))
        return 2;
    while (n < line.len && line.ptr[n] >= '0' && line.ptr[n] <= '9')
        n++;
    return n && span_starts(span_slice(line, n, line.len), ". ") ? n + 2 : 0;
}

static void prose(struct page *p, struct span line)
{
    struct mdoc *m = p->m;
    size_t indent = indent_of(line);
    struct span rest = span_slice(line, indent, line.len);
    size_t mark = item_mark(rest);
    if (mark) {
        bool number = rest.ptr[0] >= '0' && rest.ptr[0] <= '9';
        mdoc_item(m, number ? span_slice(rest, 0, mark - 1) : span_of_text("\u2022"));
        mdoc_text(m, span_slice(rest, mark, rest.len));
    } else if (indent >= 4 && m->text.len == 0) {
        mdoc_literal(m, span_slice(line, 4, line.len));
    } else {
        if (indent == 0 && m->item && m->text.len == 0)
            mdoc_list_end(m);
        mdoc_text(m, rest);
    }
}

static void page_line(struct page *p, struct span line)
{
    struct mdoc *m = p->m;
    bool row = !p->fenced && span_starts(line, "|");
    if (!row && p->rows) {
        mdoc_list_end(m);
        p->rows = 0;
    }
    if (span_starts(line, "```")) {
        mdoc_paragraph(m);
        p->fenced = !p->fenced;
    } else if (p->fenced) {
        mdoc_literal(m, line);
    } else if (row) {
        table_row(p, line);
    } else if (span_starts(line, "## ")) {
        mdoc_section(m, span_slice(line, 3, line.len));
    } else if (span_starts(line, "### ")) {
        mdoc_subsection(m, span_slice(line, 4, line.len));
    } else if (line.len == 0) {
        mdoc_paragraph(m);
    } else if (!span_starts(line, "# ") && !span_starts(line, "<!--")) {
        prose(p, line);
    }
}

void mdoc_markdown(struct mdoc *m, struct span page)
{
    struct page p = { .m = m };
    for (size_t at = 0; at < page.len;) {
        size_t end = span_find(page, "\n", at);
        page_line(&p, span_slice(page, at, end));
        at = end == SIZE_MAX ? page.len : end + 1;
    }
    mdoc_list_end(m);
}
