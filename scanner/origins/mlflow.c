/* MLflow: the MLmodel file of a saved model, and the file store's note of a registered
 * version, mlruns/models/NAME/version-N/meta.yaml.
 * Sources: mlflow, models/model.py, store/model_registry/file_store.py. */
#include "origins/reading.h"

enum { FLAVORS_SHOWN = 8 };

static struct span reference(struct origin_reading *r, const char *scheme,
                             struct span name, struct span rest)
{
    struct span safe = origin_escape(r, name);
    if (rest.len == 0)
        return arena_printf(r->arena, "%s:/%.*s", scheme, (int)safe.len, safe.ptr);
    return arena_printf(r->arena, "%s:/%.*s/%.*s", scheme, (int)safe.len, safe.ptr,
                        (int)rest.len, rest.ptr);
}

/* "flavors: python_function, sklearn; created 2026-01-01 …" */
static struct span describe(struct origin_reading *r, const struct node *model)
{
    struct buffer text;
    size_t shown = 0;
    buffer_init(&text, STATEMENT_TEXT_MAX);
    buffer_add_text(&text, "flavors:");
    const struct node *flavors = node_find(model, "flavors");
    for (const struct node *f = flavors->first; f && shown < FLAVORS_SHOWN; f = f->next) {
        buffer_add_text(&text, shown++ ? ", " : " ");
        buffer_add(&text, span_slice(f->key, 0, 64));
    }
    struct span time = node_text_at(model, "utc_time_created");
    if (time.len) {
        buffer_add_text(&text, "; created ");
        buffer_add(&text, span_slice(time, 0, 64));
    }
    struct span note = arena_copy(r->arena, buffer_span(&text));
    buffer_free(&text);
    return note;
}

static bool is_logged_model(struct span id)
{
    return span_starts(id, "m-") && origin_is_hex(span_slice(id, 2, id.len), 32);
}

static void read_model(struct origin_reading *r)
{
    const struct node *model = origin_yaml(r);
    if (!model)
        return;
    if (!node_is(node_find(model, "flavors"), NODE_MAP)) {
        origin_malformed(r, "an MLmodel has flavors");
        return;
    }
    struct span id = node_text_at(model, "model_id");
    struct span run = node_text_at(model, "run_id");
    struct span path = node_text_at(model, "artifact_path");
    struct span uuid = node_text_at(model, "model_uuid");
    struct statement claim = { .kind = STATEMENT_CLAIM,
                               .registry = span_of_text("mlflow"),
                               .note = describe(r, model) };
    bool plain =
        path.len && !span_starts(path, "/") && span_find(path, ":", 0) == SIZE_MAX;
    if (is_logged_model(id)) {
        claim.reference = reference(r, "models", id, (struct span){ 0 });
    } else if (origin_is_hex(run, 32) && plain) {
        claim.reference = reference(r, "runs", run, origin_escape(r, path));
    } else if (uuid.len) {
        claim.name = arena_printf(r->arena, "model_uuid %.*s",
                                  (int)span_slice(uuid, 0, 64).len, uuid.ptr);
    }
    origin_say(r, claim);
}

/* Where a version's files lie below mlruns/: its location is a URI of the writer's
 * machine, of which only the end is the same here. */
static bool find_files(struct origin_reading *r, const struct node *meta,
                       struct span *ret_path)
{
    struct span where = node_text_at(meta, "storage_location");
    if (where.len == 0)
        where = node_text_at(meta, "source");
    size_t store = span_find_last(where, "/mlruns/", where.len);
    if (store != SIZE_MAX)
        return origin_path(r, (struct span){ 0 },
                           span_slice(where, store + strlen("/mlruns/"), where.len),
                           ret_path);
    struct span run = node_text_at(meta, "run_id");
    if (!origin_is_hex(run, 32))
        return false;
    char inner[40];
    (void)snprintf(inner, sizeof inner, "/%.32s/", run.ptr);
    size_t at = span_find_last(where, inner, where.len);
    if (at == SIZE_MAX)
        return false;
    size_t experiment = origin_directory(span_slice(where, 0, at)).len;
    return origin_path(r, (struct span){ 0 },
                       span_slice(where, experiment + 1, where.len), ret_path);
}

static void read_version(struct origin_reading *r)
{
    const struct node *meta = origin_yaml(r);
    if (!meta)
        return;
    struct span folder = origin_directory(r->source.path);
    struct span number = origin_base_name(folder);
    struct span name = origin_base_name(origin_directory(folder));
    struct span files;
    number = span_slice(number, strlen("version-"), number.len);
    if (span_compare(node_text_at(meta, "name"), name) != 0 ||
        span_compare(node_text_at(meta, "version"), number) != 0) {
        origin_malformed(r, "name and version are not those of its folder");
        return;
    }
    if (find_files(r, meta, &files))
        origin_say(r,
                   (struct statement){ .kind = STATEMENT_CLAIM,
                                       .path = files,
                                       .registry = span_of_text("mlflow"),
                                       .reference = reference(r, "models", name, number),
                                       .name = name,
                                       .revision = number });
}

static void read_one(struct origin_reading *r)
{
    if (r->source.kind == ORIGIN_MLMODEL)
        read_model(r);
    else
        read_version(r);
}

const struct origin_parser mlflow_origin = { .read = read_one };
