/* entry.h: one file of registries.d, parsed; inside registry/ only.
 *
 * Texts are borrowed from `root`, lists live in the table's arena.  An entry exists only
 * after entry_check() found nothing, so whoever reads `root` need not check again. */
#ifndef ENTRY_H
#define ENTRY_H

#include "core/arena.h"
#include "core/json.h"
#include "registry/registry.h"

#include <regex.h>

enum part { PART_REST, PART_PATH, PART_FRAGMENT };

/* One of "query": what a parameter of a URL holds. */
struct parameter {
    const char *name;
    const char *variable;      /* of all of it, an identifier; NULL: */
    const char *expression;    /* POSIX ERE; the parameter must be there and match */
    const char *const *groups; /* as in a pattern */
};

/* One element of "match". */
struct pattern {
    const char *scheme;        /* "hf", for what follows "hf:[//]"; NULL: a URL */
    const char *const *hosts;  /* of a URL: "name", "*.suffix", or "*" for any host */
    enum part part;            /* what `expression` is matched with */
    const char *expression;    /* POSIX ERE; must match all of the part */
    const char *form;          /* for people: "hf:[//]ORG/MODEL[@REVISION]" */
    const char *const *groups; /* variable of each group; "" is not kept */
    const struct parameter *parameters;
    size_t parameter_count;
};

struct entry {
    struct registry registry; /* first: a registry is its entry */
    json_t *root;
    struct pattern *patterns;
    size_t pattern_count;
    const char *const *shared; /* hosts that many organisations share */
};

struct registries {
    struct arena *arena;
    struct entry **entries; /* by id */
    size_t count;
};

const struct entry *entry_of(const struct registry *r);

/* Everything about a file that can be said without compiling a pattern or resolving a
 * reference.  Problems as registry_check() tells them. */
bool entry_check(const char *path, json_t *root, struct buffer *report);

/* `root` with what it leaves to the entry that it extends; a new reference. */
json_t *entry_extended(json_t *root, json_t *base);

/* Borrows `root`, which entry_check() has passed.  NULL when out of memory. */
struct entry *entry_new(struct arena *arena, const char *path, json_t *root);

/* The problem as "path:line: place: text\n"; reads the file once more for the line. */
struct place;
void entry_problem(struct buffer *report, const char *path, const struct place *at,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

bool host_matches(const char *host, const char *const *patterns);
bool host_listed(const char *host, const char *const *patterns); /* not counting "*" */

/* registries_resolve(), telling which pattern matched. */
bool resolve_pattern(const struct registries *r, const char *text,
                     struct reference *ret_reference, const struct pattern **ret_pattern,
                     struct error *error);

/* A bounded POSIX ERE: no back-references, no large or
 * nested repeats, anchored at both ends.
 * False with the reason in ret_why; else the caller regfree()s. */
enum { EXPRESSION_MAX = 512, REPEAT_MAX = 255 };
bool expression_compile(const char *expression, regex_t *ret_compiled,
                        struct error *ret_why);
bool expression_matches(const char *expression, const char *text); /* false if broken */

#endif
