/* result.h: the parts of a result in JSON, for one document or for lines.  All but
 * json_result_run() write members into an object that is open. */
#ifndef JSON_RESULT_H
#define JSON_RESULT_H

#include "core/result.h"
#include "reports/json/out.h"

void json_result_head(struct json_out *j,
                      const struct result *r); /* tool, policy, gate */
void json_result_verdict(struct json_out *j, const struct result *r); /* and summary */
bool json_result_model(struct json_out *j, const struct model *m); /* false: no memory */
void json_result_checks(struct json_out *j, const struct provenance_check *first);
void json_result_error(struct json_out *j, const struct scan_error *e);
void json_result_run(struct json_out *j, const struct result *r); /* the object "run" */

#endif
