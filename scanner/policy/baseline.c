#include "policy/baseline.h"

#include "core/fingerprint.h"
#include "core/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct row {
    char fingerprint[FINGERPRINT_HEX + 1], sha256[FINGERPRINT_HEX + 1];
};

struct baseline {
    char *path;
    struct row *rows; /* ordered by both */
    size_t count;
};

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct row));
}

static bool hex(const char *text)
{
    return text && strlen(text) == FINGERPRINT_HEX &&
           !text[strspn(text, "0123456789abcdef")];
}

static bool read_row(const json_t *from, struct row *ret_row)
{
    static const char *const known[] = { "fingerprint", "sha256", "rule", "path", NULL };
    const char *fingerprint = json_string_value(json_object_get(from, "fingerprint"));
    const char *sha256 = json_string_value(json_object_get(from, "sha256"));
    if (!json_is_object(from) || json_unknown_key(from, known) || !hex(fingerprint) ||
        (*(sha256 ? sha256 : "") && !hex(sha256)))
        return false;
    memcpy(ret_row->fingerprint, fingerprint, FINGERPRINT_HEX);
    if (sha256 && *sha256)
        memcpy(ret_row->sha256, sha256, FINGERPRINT_HEX);
    return true;
}

static bool read_rows(struct baseline *b, const json_t *root, struct error *error)
{
    static const char *const known[] = { "schema", "findings", NULL };
    const char *schema = json_string_value(json_object_get(root, "schema"));
    const json_t *list = json_object_get(root, "findings");
    const char *unknown = json_is_object(root) ? json_unknown_key(root, known) : NULL;
    if (!schema || strcmp(schema, "assay-baseline/1") != 0)
        return error_set(error, ERROR_CONFIG,
                         "%s:1:1: schema: must be \"assay-baseline/1\"", b->path);
    if (unknown || !json_is_array(list))
        return error_set(error, ERROR_CONFIG, "%s:1:1: %s: %s", b->path,
                         unknown ? unknown : "findings",
                         unknown ? "unknown key" : "must be a list");
    b->rows = calloc(json_array_size(list) + 1, sizeof *b->rows);
    if (!b->rows)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (; b->count < json_array_size(list); b->count++)
        if (!read_row(json_array_get(list, b->count), &b->rows[b->count]))
            return error_set(
                error, ERROR_CONFIG,
                "%s:1:1: findings[%zu]: must have a fingerprint and a sha256, "
                "as `assay baseline create` writes them",
                b->path, b->count);
    qsort(b->rows, b->count, sizeof *b->rows, compare);
    return true;
}

struct baseline *baseline_read(const char *path, struct error *error)
{
    struct baseline *b = calloc(1, sizeof *b);
    json_t *root = NULL;
    bool ok = b && (b->path = strdup(path)) != NULL;
    if (!ok)
        error_set(error, ERROR_MEMORY, "out of memory");
    ok = ok && (root = json_read_file(path, error)) != NULL;
    if (!ok && error->code == ERROR_IO)
        error->code = ERROR_CONFIG; /* the operator's, whatever the reason */
    ok = ok && read_rows(b, root, error);
    json_decref(root);
    if (ok)
        return b;
    baseline_free(b);
    return NULL;
}

void baseline_free(struct baseline *b)
{
    if (!b)
        return;
    free(b->rows);
    free(b->path);
    free(b);
}

const char *baseline_path(const struct baseline *b)
{
    return b->path;
}

bool baseline_knows(const struct baseline *b, const struct finding *finding,
                    const struct artifact *a, const struct file *f, struct span identity)
{
    struct row key = { 0 };
    size_t low = 0, high = b->count;
    if (!finding_fingerprint(finding, a, identity, key.fingerprint))
        return false;
    while (low < high) { /* the first row of that fingerprint */
        size_t middle = low + (high - low) / 2;
        if (strcmp(b->rows[middle].fingerprint, key.fingerprint) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < b->count; low++) {
        const struct row *row = &b->rows[low];
        if (strcmp(row->fingerprint, key.fingerprint) != 0)
            return false;
        if (finding->rule->severity < SEVERITY_CRITICAL ||
            (f && f->sha256.len && span_is(f->sha256, row->sha256)))
            return true;
    }
    return false;
}
