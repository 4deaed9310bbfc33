/* assay explain RULE: its page, laid out for a terminal. */
#include "cli/rule_pages.h"
#include "core/suggest.h"
#include "policy/policy.h"
#include "reports/text/out.h"

static const char usage[] =
    "Usage: assay explain RULE\n"
    "\n"
    "What a rule finds, why it matters, what to do, when it is wrong.  `assay rules`\n"
    "lists the rules; a report names them, as in pickle/dangerous-call.\n"
    "\n"
    "  -h, --help  this text\n";

/* ---- Markdown, as much of it as the pages use ---------------------------------- */

/* Text of a paragraph without its marks: **bold**, `code`, [text](address), <address>. */
static void add_inline(struct text_out *t, struct span line)
{
    for (size_t i = 0; i < line.len;) {
        struct span rest = span_slice(line, i, line.len);
        size_t close = span_starts(rest, "[") ? span_find(rest, "](", 0) : SIZE_MAX;
        size_t end = close == SIZE_MAX ? SIZE_MAX : span_find(rest, ")", close);
        if (end != SIZE_MAX) {
            struct span address = span_slice(rest, close + 2, end);
            text_out_bytes(t, span_slice(rest, 1, close));
            if (span_starts(address, "http"))
                text_out_add(t, " (%.*s)", (int)address.len, (const char *)address.ptr);
            i += end + 1;
        } else if (span_starts(rest, "**")) {
            i += 2;
        } else {
            if (!strchr("`<>", rest.ptr[0]))
                text_out_add(t, "%c", rest.ptr[0]);
            i++;
        }
    }
}

static void end_paragraph(struct text_out *t, const char *label, size_t indent)
{
    text_out_item(t, STYLE_PLAIN, label, indent);
}

struct layout {
    struct text_out *t;
    bool item;   /* inside one of a list */
    bool fenced; /* inside ``` */
};

static void close_block(struct layout *l)
{
    end_paragraph(l->t, l->item ? "- " : "", l->item ? 2 : 0);
    l->item = false;
}

static void add_line(struct layout *l, struct span line)
{
    struct text_out *t = l->t;
    if (span_starts(line, "```")) {
        close_block(l);
        l->fenced = !l->fenced;
    } else if (l->fenced) {
        text_out_add(t, "%.*s", (int)line.len, line.len ? (const char *)line.ptr : "");
        text_out_line(t, STYLE_PLAIN, 4);
    } else if (span_starts(line, "#")) {
        close_block(l);
        size_t at = span_find(line, " ", 0);
        add_inline(t, span_slice(line, at + 1, line.len));
        text_out_line(t, STYLE_BOLD, 0);
    } else if (line.len == 0) {
        bool open = t->words.len > 0;
        close_block(l);
        if (open)
            text_out_blank(t);
    } else {
        bool item = span_starts(line, "- ") || span_starts(line, "* ");
        if (item)
            close_block(l);
        else if (t->words.len > 0)
            text_out_add(t, " ");
        l->item |= item;
        size_t start = item ? 2 : 0;
        while (start < line.len && line.ptr[start] == ' ')
            start++;
        add_inline(t, span_slice(line, start, line.len));
    }
}

static bool print_page(const char *text)
{
    struct text_out t;
    struct layout l = { .t = &t };
    struct span page = span_of_text(text);
    text_out_init(&t, stdout, 80, wants_colour());
    for (size_t at = 0; at < page.len;) {
        size_t end = span_find(page, "\n", at);
        add_line(&l, span_slice(page, at, end));
        at = end == SIZE_MAX ? page.len : end + 1;
    }
    close_block(&l);
    bool ok = !t.failed;
    text_out_free(&t);
    return ok;
}

/* ---- the command --------------------------------------------------------------- */

static bool known(const struct rule_pages *p, const char *id)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->list[i].id, id) == 0)
            return true;
    return false;
}

static int unknown(const struct rule_pages *p, const char *id)
{
    struct error error;
    struct suggestion near = suggestion_for(id);
    for (size_t i = 0; i < p->count; i++)
        suggestion_offer(&near, p->list[i].id);
    for (size_t i = 0; i < p->count && !near.best; i++) /* without its family */
        if (strcmp(strchr(p->list[i].id, '/') + 1, id) == 0)
            near.best = p->list[i].id;
    if (near.best)
        (void)error_set(&error, ERROR_USAGE, "no rule is called %s; did you mean %s?", id,
                        near.best);
    else
        (void)error_set(&error, ERROR_USAGE,
                        "no rule is called %s (\"assay rules\" lists them)", id);
    return complain(&error);
}

static int explain(const struct installation *i, const struct rule_pages *p,
                   const char *id)
{
    struct error error;
    if (!known(p, id))
        return unknown(p, id);
    char *text = rule_page_read(i, id, &error);
    if (!text)
        return complain(&error);
    bool ok = print_page(text);
    free(text);
    return ok && fflush(stdout) == 0 ? EXIT_PASS : EXIT_INCOMPLETE;
}

int command_explain(int argc, char **argv)
{
    struct installation installation;
    struct rule_pages pages;
    struct error error;
    int code = usage_printed(argc, argv, 1, 1, usage);
    if (code >= 0)
        return code;
    if (!installation_find(&installation, &error) ||
        !rule_pages_load(&installation, &pages, &error))
        return complain(&error);
    code = explain(&installation, &pages, argv[1]);
    rule_pages_free(&pages);
    return code;
}
