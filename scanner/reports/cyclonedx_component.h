/* cyclonedx_component.h: a model and its files as components of a CycloneDX BOM. */
#ifndef CYCLONEDX_COMPONENT_H
#define CYCLONEDX_COMPONENT_H

#include "core/result.h"
#include "reports/json/out.h"

/* References within the BOM: "model:1", "model:1/file:2"; both count from 1, and file 0
 * is the model. */
enum { CYCLONEDX_REF = 64 };
void cyclonedx_ref(size_t model, size_t file, char ret_ref[CYCLONEDX_REF]);

/* {"name": "assay:…", "value": …} in the list that is open. */
void cyclonedx_property(struct json_out *j, const char *name, struct span value);
void cyclonedx_count(struct json_out *j, const char *name, uint64_t n);

void cyclonedx_model(struct json_out *j, const struct model *m, size_t number);

#endif
