/* input.h: stored reports read strictly, field by field, from hostile JSON.
 *
 * An object is read by a table of its fields.  A field that is missing, of another type,
 * given twice or out of range is an error, and so is a text of ours (an id, a title) that
 * would not print as it is.  Fields that no table knows are passed over: a later version
 * may write more.  The first error stays, and everything after it fails. */
#ifndef INPUT_H
#define INPUT_H

#include "core/arena.h"
#include "core/error.h"
#include "core/tokens.h"

struct input {
    const char *name;    /* of the file, for errors */
    uint64_t line;       /* of a report in lines; 0: not in lines */
    struct arena *arena; /* where what is read goes */
    struct tokens *tokens;
    struct token token; /* the value to be read now */
    struct buffer undone;
    struct error *error;
    bool failed;
};

struct field;
typedef bool read_value(struct input *in, void *to);

enum field_kind {
    FIELD_SPAN,    /* struct span: any bytes, escapes undone */
    FIELD_TEXT,    /* const char *: ours, prints as it is; never NULL */
    FIELD_TEXT0,   /* the same, or null */
    FIELD_UINT,    /* uint64_t */
    FIELD_BOOL,    /* bool */
    FIELD_OBJECT,  /* by `read`, to which the member's address is given */
    FIELD_OPTIONAL /* the same, and it may be missing */
};

struct field {
    const char *key;
    enum field_kind kind;
    size_t offset; /* of the member in the struct */
    read_value *read;
};

/* Rows of a table; the last two give the reader the whole struct. */
#define INPUT_ROW(key, kind, type, member, read)                                         \
    {                                                                                    \
        key, FIELD_##kind, offsetof(struct type, member), read                           \
    }
#define INPUT_SPAN(key, type, member)         INPUT_ROW(key, SPAN, type, member, NULL)
#define INPUT_TEXT(key, type, member)         INPUT_ROW(key, TEXT, type, member, NULL)
#define INPUT_TEXT0(key, type, member)        INPUT_ROW(key, TEXT0, type, member, NULL)
#define INPUT_UINT(key, type, member)         INPUT_ROW(key, UINT, type, member, NULL)
#define INPUT_BOOL(key, type, member)         INPUT_ROW(key, BOOL, type, member, NULL)
#define INPUT_OBJECT(key, type, member, read) INPUT_ROW(key, OBJECT, type, member, read)
#define INPUT_OPTIONAL(key, type, member, read)                                          \
    INPUT_ROW(key, OPTIONAL, type, member, read)
#define INPUT_OBJECT_ALL(key, read)                                                      \
    {                                                                                    \
        key, FIELD_OBJECT, 0, read                                                       \
    }
#define INPUT_OPTIONAL_ALL(key, read)                                                    \
    {                                                                                    \
        key, FIELD_OPTIONAL, 0, read                                                     \
    }
#define INPUT_LENGTH(table) (sizeof(table) / sizeof(table)[0])

enum { INPUT_TEXT_MAX = 4 << 20 };

/* Always false: "NAME: byte N: …". */
bool input_error(struct input *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

bool input_open(struct input *in, struct span bytes, uint64_t origin);
void input_close(struct input *in); /* idempotent */
bool input_next(struct input *in);  /* the next token, which is no error */
bool input_end(struct input *in);   /* and nothing follows */

/* The value at hand. */
bool input_object(struct input *in, const struct field *fields, size_t count, void *to);
bool input_list(struct input *in, read_value *each, void *to);
bool input_span(struct input *in, struct span *ret);
bool input_text(struct input *in, const char **ret, bool may_be_null);
bool input_uint(struct input *in, uint64_t *ret);
bool input_bool(struct input *in, bool *ret);

/* A text that is one of name(0), …, name(count - 1). */
bool input_name(struct input *in, const char *(*name)(int), int count, int *ret);

void *input_new(struct input *in,
                size_t size); /* zeroed; NULL: out of memory, an error */

#endif
