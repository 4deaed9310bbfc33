#include "reports/rule_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 64 << 10, PATH_SIZE = 4096 + 256 };

/* "family/name": nothing that walks elsewhere. */
static bool plain_id(const char *id)
{
    const char *slash = strchr(id, '/');
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return slash && slash != id && slash[1] &&
           strspn(id, letters) == (size_t)(slash - id) &&
           slash[1 + strspn(slash + 1, letters)] == '\0';
}

/* What stands between this heading and the next. */
static struct span section(struct span page, const char *heading)
{
    size_t at = span_find(page, heading, 0);
    if (at == SIZE_MAX)
        return (struct span){ 0 };
    at += strlen(heading);
    struct span text = span_slice(page, at, span_find(page, "\n## ", at));
    while (text.len && text.ptr[0] == '\n')
        text = span_slice(text, 1, text.len);
    while (text.len && text.ptr[text.len - 1] == '\n')
        text.len--;
    return text;
}

void rule_help_read(const char *rules_dir, const char *id, struct rule_help *ret)
{
    char path[PATH_SIZE];
    *ret = (struct rule_help){ 0 };
    if (!rules_dir || !plain_id(id))
        return;
    int n = snprintf(path, sizeof path, "%s/%s.md", rules_dir, id);
    FILE *in = n > 0 && (size_t)n < sizeof path ? fopen(path, "re") : NULL;
    if (!in)
        return;
    ret->text = calloc(1, PAGE_MAX + 1);
    struct span page = { 0 };
    if (ret->text)
        page = span_of(ret->text, fread(ret->text, 1, PAGE_MAX, in));
    (void)fclose(in);
    ret->finds = section(page, "\n## What it finds\n");
    ret->matters = section(page, "\n## Why it matters\n");
    ret->to_do = section(page, "\n## What to do\n");
    ret->wrong = section(page, "\n## False positives\n");
    size_t body = span_find(page, "\n## ", 0);
    ret->body =
        body == SIZE_MAX ? (struct span){ 0 } : span_slice(page, body + 1, page.len);
}

void rule_help_free(struct rule_help *h)
{
    free(h->text);
    *h = (struct rule_help){ 0 };
}
