/* rule_help.h: the pages docs/rules/FAMILY/NAME.md of the installation, in parts, for
 * reports that carry help.  Pages are ours; an id may come from anywhere. */
#ifndef RULE_HELP_H
#define RULE_HELP_H

#include "core/span.h"

struct rule_help {
    char *text;                 /* the whole page; NULL: there is none */
    struct span finds, matters; /* "What it finds", "Why it matters" */
    struct span to_do, wrong;   /* "What to do", "False positives" */
    struct span body;           /* from "## What it finds" to the end, in Markdown */
};

/* `rules_dir` is docs/rules, or NULL.  Always fills *ret, with empty parts when there is
 * no page; end it with rule_help_free(). */
void rule_help_read(const char *rules_dir, const char *id, struct rule_help *ret);
void rule_help_free(struct rule_help *h);

#endif
