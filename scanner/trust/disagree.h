/* disagree.h: what a registry says about safety, beside what the scan found.  A pure
 * function of both; the registry's word never lowers a finding. */
#ifndef DISAGREE_H
#define DISAGREE_H

#include "core/finding.h"

/* How registries word it: "safe", "Success", "unsafe", "Danger", … */
enum safety { SAFETY_UNKNOWN, SAFETY_SAFE, SAFETY_UNSAFE };
enum safety safety_of(struct span word);

/* trust/registry-disagrees, when the registry calls safe what has findings of high or
 * worse that still count. */
void disagreement_report(const char *registry, struct span word,
                         const struct finding_list *found, struct finding_list *findings,
                         struct arena *arena);

#endif
