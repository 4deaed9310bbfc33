/* strict_json.h: JSON of a signature: one meaning, or none.
 *
 * jansson underneath, with what it does not do by itself: duplicate keys, comments, NUL
 * bytes, a byte order mark, trailing text, deep nesting, too many bytes or values are all
 * refused before a tree is built.  The getters take proto3's view: null is absent, a
 * 64-bit number may be written as a string.  Texts point into the tree and may hold
 * anything but NUL. */
#ifndef STRICT_JSON_H
#define STRICT_JSON_H

#include "core/span.h"

#include <jansson.h>

enum { STRICT_JSON_DEPTH_MAX = 32 };

/* NULL with *ret_reason, a sentence's end ("is not JSON: …" lives in `reason`). */
struct strict_json_reason {
    char text[192];
};
json_t *strict_json_read(struct span bytes, size_t bytes_max, size_t values_max,
                         struct strict_json_reason *ret_reason);

/* A field of an object: NULL when it is absent, null, or `object` is no object. */
json_t *strict_json_field(const json_t *object, const char *key);

/* False when the field is there and of another type.  Absent: an empty span, 0, NULL. */
bool strict_json_text(const json_t *object, const char *key, struct span *ret_text);
bool strict_json_int64(const json_t *object, const char *key, bool *ret_present,
                       int64_t *ret_number);
bool strict_json_object(const json_t *object, const char *key, json_t **ret_object);
bool strict_json_array(const json_t *object, const char *key, json_t **ret_array);

struct span strict_json_string(const json_t *string); /* with its length, not strlen */

/* UTF-8 as a string in quotes, for what we write ourselves. */
void strict_json_write(struct buffer *out, struct span text);

#endif
