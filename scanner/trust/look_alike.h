/* look_alike.h: names that are nearly those of well-known publishers.
 *
 * The list is data, rules/trust/publishers.json.  A name on it is nobody's look-alike;
 * any other is one when it is written with letters that look the same (0 and o, rn and
 * m, a Cyrillic a), or is a slip or two away from a long name. */
#ifndef LOOK_ALIKE_H
#define LOOK_ALIKE_H

#include "core/error.h"
#include "core/finding.h"
#include "registry/registry.h"

struct publishers;

/* NULL with an error that names file and line. */
struct publishers *publishers_load(const char *path, struct error *error);
void publishers_free(struct publishers *p); /* NULL is fine */

/* The publisher that `name` is nearly, owned by `p`; NULL: none. */
const char *publisher_like(const struct publishers *p, struct span name);

/* trust/look-alike-name, when the reference's publisher is one. */
void look_alike_report(const struct publishers *p, const struct reference *ref,
                       struct finding_list *findings, struct arena *arena);

#endif
