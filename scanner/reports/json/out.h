/* out.h: streaming JSON, two spaces an indent and one member a line, or compact: all
 * in one line.
 *
 * Values are written as they come; nothing is kept but the depth.  Inside a list the
 * key is NULL.  Write errors stay in the FILE: ask ferror() at the end. */
#ifndef JSON_OUT_H
#define JSON_OUT_H

#include "core/span.h"

#include <stdio.h>

struct json_out {
    FILE *file;
    unsigned depth;
    bool filled; /* the innermost container has a member already */
    bool compact;
};

struct json_out json_out_to(FILE *file);
struct json_out json_out_compact_to(FILE *file);

void json_out_object(struct json_out *j, const char *key);
void json_out_list(struct json_out *j, const char *key);
void json_out_end_object(struct json_out *j);
void json_out_end_list(struct json_out *j);

void json_out_bytes(struct json_out *j, const char *key, struct span bytes); /* escaped */
void json_out_shown(struct json_out *j, const char *key, struct span bytes); /* as a
                             sentence for people: controls are \xHH too, as in text */
void json_out_text(struct json_out *j, const char *key,
                   const char *text); /* NULL: null */
void json_out_uint(struct json_out *j, const char *key, uint64_t n);
void json_out_bool(struct json_out *j, const char *key, bool truth);
void json_out_seconds(struct json_out *j, const char *key, double seconds); /* to 1 ms */

/* A string made of several pieces: begin, escape_json() or escape_for(…, ESCAPE_STRING,
 * …) to j->file, end. */
void json_out_string_begin(struct json_out *j, const char *key);
void json_out_string_end(struct json_out *j);

/* A newline after the last value. */
void json_out_finish(struct json_out *j);

#endif
