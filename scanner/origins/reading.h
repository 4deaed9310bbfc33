/* reading.h: what the parsers of origins share.  One store, one file, one
 * `const struct origin_parser NAME_origin`, rows in origins.def. */
#ifndef READING_H
#define READING_H

#include "origins/document.h"
#include "origins/origins.h"

struct origin_reading {
    struct arena *arena;
    struct budget *budget;
    statement_sink *say;
    void *self;
    struct origin_source source; /* the one that statements are attributed to */
    void *state;                 /* of this parser, for one bundle; zeroed at first */
    bool spent;                  /* the budget of statements */
    const char *malformed;       /* what was said last to be wrong, and of which source */
    uint32_t malformed_source;
};

struct origin_parser {
    size_t state_size;
    void (*read)(struct origin_reading *r);   /* r->source */
    void (*finish)(struct origin_reading *r); /* after the last one, or NULL */
};

/* Say something of the current source; texts are cut to STATEMENT_TEXT_MAX. */
void origin_say(struct origin_reading *r, struct statement s);
void origin_malformed(struct origin_reading *r, const char *why);

/* `algorithm`'s whole digest when it has that many digits, else its beginning; what is
 * not hexadecimal is malformed, and an empty digest is none. */
void origin_expect(struct origin_reading *r, struct span path,
                   enum digest_algorithm algorithm, struct span digits,
                   const uint64_t *size);

/* `text` from the directory `dir` (both relative to the base) without "." and "..".  A
 * path that is absolute, holds NUL, is too long or leaves the base is said to be a
 * problem, and false is returned. */
bool origin_path(struct origin_reading *r, struct span dir, struct span text,
                 struct span *ret_path);

/* "a/b/c" → "a/b" and "c"; "" when there is no '/'. */
struct span origin_directory(struct span path);
struct span origin_base_name(struct span path);

/* The current source as a document whose root is a map or list; says what is wrong. */
const struct node *origin_json(struct origin_reading *r);
const struct node *origin_yaml(struct origin_reading *r);

/* A URL without user names, queries and fragments: they may be secrets. */
struct span origin_public_url(struct origin_reading *r, struct span url);

/* As a reference needs a name: percent-encoded but for letters, digits, "._-/". */
struct span origin_escape(struct origin_reading *r, struct span name);

bool origin_is_hex(struct span text, size_t length); /* lower case */
/* The next line of a text, whose last one may lack its '\n'. */
struct span origin_line(struct reader *lines);

struct span origin_trim(struct span text); /* white space at both ends */

#endif
