/* value.h: values of hostile answers, and JSON pointers into them; inside registry/ only.
 *
 * A value is unknown until an answer that could hold it was there and had the right
 * shape; absent when such an answer does not have it. */
#ifndef VALUE_H
#define VALUE_H

#include "core/json.h"

enum {
    VALUES_MAX = 2000000, /* JSON values of all answers together */
    ANSWER_DEPTH_MAX = 64,
    URL_MAX = 8192,
    VALUE_TEXT_MAX = 1 << 20
};

enum value_state { VALUE_UNKNOWN, VALUE_ABSENT, VALUE_KNOWN };
struct value {
    enum value_state state;
    json_t *json;    /* owned; NULL unless known; never null, "", [] or {} */
    bool empty_list; /* absent, but a list was there and has nothing in it */
};
void value_free(struct value *v);
struct value value_of_json(json_t *stolen);                 /* empty ones are absent */
bool value_text(const struct value *v, struct buffer *out); /* scalars only */
bool json_scalar_text(const json_t *json, struct buffer *out);

/* What "as" does; `how` holds it and its arguments.  Takes over `v`. */
struct value value_convert(const json_t *how, struct value v);
bool conversion_known(const char *name);
bool time_parse(const char *text, int64_t *ret_seconds); /* ISO 8601 */
void time_write(int64_t seconds, struct buffer *out);    /* RFC 3339 */

/* RFC 6901; *ret_json is borrowed. */
enum value_state pointer_get(json_t *json, const char *pointer, json_t **ret_json);
bool pointer_valid(const char *pointer);
/* Set what `pointer` names in an object made of objects; adds the last member. */
bool pointer_set(json_t *json, const char *pointer, json_t *stolen);

#endif
