/* artifact.h: a file or member in JSON, the same in every report. */
#ifndef JSON_ARTIFACT_H
#define JSON_ARTIFACT_H

#include "core/artifact.h"
#include "reports/json/out.h"

/* Into an open object, which is then closed: size, formats, executes, status and
 * reason (the worst in it), how many findings it has itself, facts, members_total, and
 * the members that have something to say, nested. */
void json_artifact_end(struct json_out *j, const struct artifact *a);

#endif
