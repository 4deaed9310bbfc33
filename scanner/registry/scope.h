/* scope.h: what the expressions of an entry can speak of; inside registry/ only.
 *
 * A scope holds the reference's variables and the answers so far, by the names that the
 * entry gave them ("roots"). */
#ifndef SCOPE_H
#define SCOPE_H

#include "registry/entry.h"
#include "registry/rest.h"
#include "registry/value.h"

enum {
    ROOTS_MAX = 32,
    VARIABLES_MAX = 48,
    FIELDS_MAX = 64,
    PAGES_MAX = 1000, /* that an entry may ask for */
    PAGES_DEFAULT = 64,
    REQUESTS_MAX = 2000,
    FILES_MAX = 200000
};

struct root {
    const char *name;
    enum rest_refusal refusal; /* REST_ANSWERED: the rest counts */
    const char *reason;        /* of a refusal, raw */
    bool wanted;       /* it was asked for, or would have been: what it says is missing */
    json_t *body;      /* owned; NULL: text only */
    struct span bytes; /* of the first page */
    const struct rest_header *headers;
    size_t header_count;
};

struct scope {
    const struct rest_session *session;
    const json_t *entry; /* the entry's root */
    struct arena *arena;
    struct root roots[ROOTS_MAX];
    size_t root_count;
    struct {
        const char *key, *value;
    } variables[VARIABLES_MAX];
    size_t variable_count;
    struct mapped {
        const char *key;
        struct value value;
    } fields[FIELDS_MAX]; /* "map", in its order */
    size_t field_count;
    json_t *item;     /* the element of a list that "/pointers" are relative to */
    const char *path; /* … and the {path} it came to */
    struct rest_result *result;
    size_t requests, values; /* used so far */
    char missing[80];        /* what the last template that failed lacked */
};

bool scope_init(struct scope *s, const struct rest_session *session, struct arena *arena,
                struct rest_result *result);
void scope_free(struct scope *s);
const char *scope_variable(const struct scope *s, const char *key);     /* or NULL */
bool scope_set(struct scope *s, const char *key, struct span value);    /* clean text */
struct root *scope_root(struct scope *s, const char *name, size_t len); /* or NULL */
struct root *scope_add_root(struct scope *s, const char *name);         /* NULL: full */
bool scope_holds(struct scope *s, const char *name); /* variable, root or expression */
const struct mapped *scope_field(const struct scope *s, const char *key);

/* rest_value.c: an expression, "root#/ptr", {"ptr": …, "as": …}, a list of them … */
struct value value_of(struct scope *s, const json_t *expression);

/* rest_page.c: one request with all its pages and directories.  Fills `root` with the
 * answer, or with the refusal and its reason. */
void request_run(struct scope *s, const json_t *request, struct root *root);
void root_refuse(struct scope *s, struct root *root, enum rest_refusal refusal,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* rest_answer.c */
enum rest_refusal answer_refusal(const struct scope *s, const char *id,
                                 const struct rest_answer *answer, json_t *body);
void answer_text(const struct scope *s, const struct rest_answer *answer, json_t *body,
                 struct buffer *out);
const char *header_find(const struct rest_header *headers, size_t count,
                        const char *name);

/* rest_files.c: false only when memory is short */
bool files_gather(struct scope *s, struct error *error);
bool hash_algorithm_known(const char *name);

/* rest_checks.c */
void trust_lower(struct scope *s);
void checks_run(struct scope *s);
bool field_computed(const char *name);
char operator_operand(const char *name); /* its kind as a letter; '\0': no operator */

#endif
