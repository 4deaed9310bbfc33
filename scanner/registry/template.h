/* template.h: "{variable|filter}" and "{root#/pointer}" in texts; inside registry/ only.
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include "registry/scope.h"

/* As text, or percent-encoded for an address.  False: s->missing says what there was
 * not, or what does not fit into an address. */
enum encoding { AS_TEXT, AS_URL };
bool template_expand(struct scope *s, const char *template, enum encoding as,
                     struct buffer *out);

/* Every "{name|filter}" of a template, for a validator.  NULL, or what is wrong. */
typedef void template_part(void *self, struct span name, struct span filter);
const char *template_walk(const char *template, template_part *part, void *self);
bool filter_known(struct span filter);

/* "root#/pointer", "root@Header", "root!sha256"; false when it is none of these.  `text`
 * must end in a NUL. */
struct origin_of {
    struct span root;
    char kind; /* '#', '@', '!' */
    const char *rest;
};
bool expression_split(struct span text, struct origin_of *ret);

bool same_origin(const char *a, const char *b); /* scheme, host and port */

#endif
