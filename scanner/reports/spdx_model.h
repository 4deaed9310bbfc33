/* spdx_model.h: a model, its files, and what is declared and was verified of them, as
 * elements of an SPDX 3.0.1 graph. */
#ifndef SPDX_MODEL_H
#define SPDX_MODEL_H

#include "core/result.h"
#include "reports/json/out.h"
#include "reports/stamp.h"

#define SPDX_CREATION "_:creation"

struct spdx {
    struct json_out *j;
    char uuid[STAMP_UUID]; /* of the result: identifiers begin with it */
};

/* "urn:uuid:…#NAME"; names are ours and need no escape.  NULL as key: in a list. */
void spdx_id(const struct spdx *x, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* An element is begun: its type, identifier and creation. */
void spdx_element(const struct spdx *x, const char *type, const char *id);

/* An annotation of `subject`; the inside of its statement, a JSON string, comes between.
 */
void spdx_begin_note(const struct spdx *x, const char *id, const char *subject);
void spdx_end_note(const struct spdx *x);

/* Everything is known that the AI profile wants of a package. */
bool spdx_model_conforms(const struct model *m);

void spdx_model(const struct spdx *x, const struct model *m, size_t number);

#endif
