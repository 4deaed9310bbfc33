/* statement.h: an in-toto statement: some subjects, by digest, and something said of
 * them.
 *
 * Read only after the signature over the same bytes was verified.  Spans point into the
 * tree that the statement owns.  Source: in-toto attestation, spec/v1/statement.md. */
#ifndef STATEMENT_H
#define STATEMENT_H

#include "core/arena.h"
#include "integrity/signature_check.h"

#include <jansson.h>

#define STATEMENT_V1   "https://in-toto.io/Statement/v1"
#define STATEMENT_V0_1 "https://in-toto.io/Statement/v0.1"

enum {
    STATEMENT_SUBJECTS_MAX = 1024,
    STATEMENT_BYTES_MAX = 48 << 20,
    STATEMENT_VALUES_MAX = 8 << 20 /* of the JSON: a million resources */
};

struct statement_subject {
    struct span name;                   /* advisory */
    struct span sha256, sha384, sha512; /* as written: hex; empty: not given */
};

struct statement {
    json_t *root;      /* owned; statement_free() */
    json_t *predicate; /* in root; NULL when absent */
    struct span type, predicate_type;
    struct statement_subject *subjects; /* in the arena */
    size_t count;
};

/* SC_STATEMENT when it is none; *ret_statement is then untouched. */
bool statement_parse(struct arena *arena, struct span payload,
                     struct statement *ret_statement, struct signature_failure *failure);
void statement_free(struct statement *s); /* idempotent */

/* A subject has that digest (raw bytes, hex in any case); name does not count. */
bool statement_covers(const struct statement *s, struct span sha256, struct span sha384,
                      struct span sha512);

#endif
