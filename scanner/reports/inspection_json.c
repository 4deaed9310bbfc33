/* assay-inspection/1 (docs/inspect.md). */
#include "reports/escape.h"
#include "reports/inspection.h"
#include "reports/json/artifact.h"
#include "reports/location.h"

const struct artifact *inspection_member(const struct artifact *root, struct span path)
{
    const struct artifact *found = NULL;
    struct buffer raw, shown;
    buffer_init(&raw, 1 << 20);
    buffer_init(&shown, 4 << 20);
    for (const struct artifact *a = root; a && !found; a = artifact_walk(root, a)) {
        buffer_clear(&raw);
        buffer_clear(&shown);
        location_member(a, &raw);
        escape_terminal(&shown, buffer_span(&raw));
        if (a != root && (span_equal(buffer_span(&raw), path) ||
                          span_equal(buffer_span(&shown), path)))
            found = a;
    }
    buffer_free(&raw);
    buffer_free(&shown);
    return found;
}

bool inspection_write_json(FILE *out, const struct artifact *part,
                           const struct inspection_view *v)
{
    struct json_out j = json_out_to(out);
    const struct artifact *root = part;
    struct buffer path;
    (void)v;
    while (root->parent)
        root = root->parent;
    json_out_object(&j, NULL);
    json_out_text(&j, "schema", "assay-inspection/1");
    json_out_object(&j, "tool");
    json_out_text(&j, "name", "assay");
    json_out_text(&j, "version", ASSAY_VERSION);
    json_out_end_object(&j);
    json_out_bytes(&j, "path", root->name);
    if (part != root) {
        buffer_init(&path, 1 << 20);
        location_member(part, &path);
        json_out_bytes(&j, "member", buffer_span(&path));
        buffer_free(&path);
    }
    json_artifact_end(&j, part);
    json_out_finish(&j);
    return true;
}
