/* rule_table.h: the rules that the worker has loaded beside those of core/rules.def.
 *
 * The zygote names them before it has seen a byte of any target, so a child can only
 * refer to them: it can invent neither an id nor a severity.  Ids are yara/NAME for
 * the pack and user/NAME for the operator's own. */
#ifndef RULE_TABLE_H
#define RULE_TABLE_H

#include "core/finding.h"

enum { RULE_TABLE_MAX = 50000, RULE_NAME_MAX = 128, RULE_TITLE_MAX = 160 };

/* Rules and their texts lie in an arena of its own. */
struct rule_table {
    struct arena *arena;
    struct rule *list; /* by id once sorted */
    size_t count, capacity;
};

void rule_table_free(struct rule_table *t); /* of a zeroed one too */

/* False when it is not a rule that a worker may name, or memory is short.  CWE 0: none
 * fits.  Texts are copied; control characters of a title become spaces. */
bool rule_table_add(struct rule_table *t, struct span id, struct span title,
                    unsigned severity, unsigned cwe);

/* After the last one; false when two have the same id. */
bool rule_table_sort(struct rule_table *t);

const struct rule *rule_table_find(const struct rule_table *t, struct span id);

#endif
