/* json.h: strict JSON for files the operator wrote (registries, rule lists, policy).
 *
 * jansson underneath; // comments are allowed, duplicate keys, trailing text, deep
 * nesting and oversized files are not.  Errors read "FILE:LINE:COLUMN: text".  JSON
 * that lies inside a model is hostile: core/tokens.h reads that. */
#ifndef JSON_H
#define JSON_H

#include "core/error.h"
#include "core/span.h"

#include <jansson.h>

enum { JSON_FILE_MAX = 16 << 20, JSON_DEPTH_MAX = 64 };

/* NULL with ERROR_CONFIG (or ERROR_IO) on failure; the caller json_decref()s. */
json_t *json_read_file(const char *path, struct error *error);

/* The same for bytes in memory; `name` stands for the file in errors. */
json_t *json_read(struct span bytes, const char *name, struct error *error);

/* The file's bytes, for who tells of lines later (registry/place.h); the caller free()s.
 */
char *json_file_text(const char *path, size_t *ret_len, struct error *error);

/* The first key of `object` that `known` (NULL-terminated) does not list, or NULL. */
const char *json_unknown_key(const json_t *object, const char *const *known);

#endif
