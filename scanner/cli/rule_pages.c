#include "cli/rule_pages.h"

#include "core/finding.h"

#include <dirent.h>
#include <errno.h>

enum { PAGE_MAX = 64 << 10, PAGES_MAX = 4096, ARENA_MAX = 4 << 20 };

void rule_pages_free(struct rule_pages *p)
{
    arena_free(p->arena);
    *p = (struct rule_pages){ 0 };
}

char *rule_page_read(const struct installation *i, const char *id, struct error *error)
{
    char path[sizeof i->data_dir + 256];
    int n = snprintf(path, sizeof path, "%s/docs/rules/%s.md", i->data_dir, id);
    FILE *in = n > 0 && (size_t)n < sizeof path ? fopen(path, "re") : NULL;
    if (!in) {
        (void)error_set(error, ERROR_CONFIG, "there is no page about %s: %s", id,
                        strerror(errno));
        return NULL;
    }
    char *text = calloc(1, PAGE_MAX + 1);
    if (text)
        text[fread(text, 1, PAGE_MAX, in)] = '\0';
    else
        (void)error_set(error, ERROR_MEMORY, "out of memory");
    (void)fclose(in);
    return text;
}

/* ---- the list ------------------------------------------------------------------ */

static bool add(struct rule_pages *p, const struct rule_page *page)
{
    if (p->count == PAGES_MAX || !page->id || !page->title || !page->severity)
        return false;
    p->list[p->count++] = *page;
    return true;
}

/* The line that begins with `start`, without that; "" when there is none. */
static struct span line_after(struct span text, const char *start)
{
    for (size_t at = 0; at < text.len;) {
        size_t end = span_find(text, "\n", at);
        struct span line = span_slice(text, at, end);
        if (span_starts(line, start))
            return span_slice(line, strlen(start), line.len);
        at = end == SIZE_MAX ? text.len : end + 1;
    }
    return (struct span){ 0 };
}

/* "# id", an empty line, the title, …, "**Severity** high - …" */
static bool add_page(struct rule_pages *p, const char *id, const char *text)
{
    struct span page = span_of_text(text);
    struct span severity = line_after(page, "**Severity** ");
    size_t start = span_find(page, "\n\n", 0);
    size_t end = start == SIZE_MAX ? SIZE_MAX : span_find(page, "\n", start + 2);
    struct span title =
        end != SIZE_MAX ? span_slice(page, start + 2, end) : (struct span){ 0 };
    if (span_ends(title, "."))
        title = span_slice(title, 0, title.len - 1);
    severity = span_slice(severity, 0, span_find(severity, " ", 0));
    struct rule_page found = { .id = arena_text(p->arena, span_of_text(id)),
                               .severity = arena_text(p->arena, severity),
                               .title = arena_text(p->arena, title) };
    return add(p, &found);
}

static int is_page(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && span_ends(span_of_text(entry->d_name), ".md");
}

/* The byte rules are data: their pages name them. */
static bool add_byte_rules(const struct installation *i, struct rule_pages *p,
                           struct error *error)
{
    char path[sizeof i->data_dir + 32], id[300];
    struct dirent **entries = NULL;
    (void)snprintf(path, sizeof path, "%s/docs/rules/yara", i->data_dir);
    int n = scandir(path, &entries, is_page, alphasort);
    bool ok = true;
    for (int k = 0; k < n; k++) {
        const char *name = entries[k]->d_name;
        (void)snprintf(id, sizeof id, "yara/%.*s", (int)(strlen(name) - 3), name);
        char *text = ok ? rule_page_read(i, id, error) : NULL;
        if (ok)
            ok = text && (add_page(p, id, text) ||
                          error_set(error, ERROR_MEMORY, "too many rules"));
        free(text);
        free(entries[k]);
    }
    free(entries);
    return ok;
}

bool rule_pages_load(const struct installation *i, struct rule_pages *ret,
                     struct error *error)
{
    struct rule_pages p = { .arena = arena_new(ARENA_MAX) };
    p.list = p.arena ? arena_array(p.arena, PAGES_MAX, sizeof *p.list) : NULL;
    if (!p.list) {
        rule_pages_free(&p);
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    for (size_t k = 0; k < RULE_COUNT; k++) {
        struct rule_page page = { .id = rules[k].id,
                                  .severity = severity_name(rules[k].severity),
                                  .title = rules[k].title,
                                  .cwe = rules[k].cwe };
        (void)add(&p, &page);
    }
    if (!add_byte_rules(i, &p, error)) {
        rule_pages_free(&p);
        return false;
    }
    *ret = p;
    return true;
}
