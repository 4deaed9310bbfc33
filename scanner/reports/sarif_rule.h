/* sarif_rule.h: a rule as SARIF describes it, with its page as help. */
#ifndef SARIF_RULE_H
#define SARIF_RULE_H

#include "core/finding.h"
#include "reports/json/out.h"

const char *sarif_level(enum severity s); /* "error", "warning", "note" */
void sarif_rule(struct json_out *j, const struct rule *rule, const char *rules_dir);

#endif
