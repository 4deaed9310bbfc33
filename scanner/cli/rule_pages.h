/* rule_pages.h: what is written about the rules, docs/rules/FAMILY/NAME.md of the
 * installation: the text behind `assay explain`, and the byte rules for `assay rules`. */
#ifndef RULE_PAGES_H
#define RULE_PAGES_H

#include "cli/command.h"
#include "core/arena.h"

struct rule_page {
    const char *id, *severity, *title;
    unsigned cwe; /* 0: none fits, or only its page says */
};

/* core/rules.def, then what else has a page, ordered by id within each. */
struct rule_pages {
    struct arena *arena;
    struct rule_page *list;
    size_t count;
};

bool rule_pages_load(const struct installation *i, struct rule_pages *ret,
                     struct error *error);
void rule_pages_free(struct rule_pages *p);

/* The page of a known rule as it is in its file; free() it.  NULL with *error. */
char *rule_page_read(const struct installation *i, const char *id, struct error *error);

#endif
