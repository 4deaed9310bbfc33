/* check.h: what a JSON object must look like, told as tables; for registries.d and
 * policies.
 *
 * A check is told a value and where it is.  It returns nothing: what is wrong goes to
 * the report with file and line, and checking goes on, so that one run tells all. */
#ifndef CHECK_H
#define CHECK_H

#include "core/json.h"
#include "registry/place.h"

struct check {
    const char *path;      /* of the file */
    struct span text;      /* its bytes, for columns; empty: read again, lines only */
    struct buffer *report; /* not owned */
    const json_t *root;
    size_t problems;
    size_t requests_known; /* how many requests may be spoken of; SIZE_MAX: all */
    bool in_files;         /* "/pointer" and {path} are of a file */
};

typedef void field_check(struct check *c, json_t *value, const struct place *at);

struct field {
    const char *key; /* NULL ends a table */
    bool required;
    field_check *check;
};

enum { TEXT_MAX = 500, LIST_MAX = 64 };

void check_problem(struct check *c, const struct place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Every key known, every required one there, every value as its own check wants it. */
void check_object(struct check *c, json_t *object, const struct place *at,
                  const struct field *fields);
void check_list(struct check *c, json_t *list, const struct place *at,
                field_check *check);
/* An object with keys of the author's choosing. */
void check_map(struct check *c, json_t *map, const struct place *at,
               field_check *check_key, field_check *check);

void check_text(struct check *c, json_t *value, const struct place *at);
void check_boolean(struct check *c, json_t *value, const struct place *at);
/* Text of those characters only; `what` ends the sentence "must be ...". */
void check_characters(struct check *c, json_t *value, const struct place *at,
                      const char *allowed, const char *what);

#endif
