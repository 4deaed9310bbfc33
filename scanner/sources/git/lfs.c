#include "sources/git/lfs.h"

#include "core/reader.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- pointers -------------------------------------------------------------------- */

static bool is_sha256(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!((text.ptr[i] >= '0' && text.ptr[i] <= '9') ||
              (text.ptr[i] >= 'a' && text.ptr[i] <= 'f')))
            return false;
    return text.len == 64;
}

bool lfs_pointer_read(struct span blob, struct lfs_object *ret_object)
{
    static const char version[] = "version https://git-lfs.github.com/spec/v1";
    static const char oid[] = "oid sha256:", size[] = "size ";
    struct reader r = reader_of(blob, 0);
    struct lfs_object o = { .oid = "" };
    bool sized = false;
    if (blob.len > LFS_POINTER_MAX || !span_is(reader_line(&r, 200), version))
        return false;
    while (reader_left(&r)) {
        struct span line = reader_line(&r, 200);
        if (span_starts(line, oid)) {
            struct span hex = span_slice(line, sizeof oid - 1, line.len);
            if (is_sha256(hex))
                memcpy(o.oid, hex.ptr, hex.len);
        } else if (span_starts(line, size)) {
            char digits[24] = "", *end;
            struct span text = span_slice(line, sizeof size - 1, line.len);
            if (text.len < sizeof digits)
                memcpy(digits, text.ptr, text.len);
            o.size = strtoull(digits, &end, 10);
            sized = *digits >= '0' && *digits <= '9' && *end == '\0';
        }
    }
    if (!*o.oid || !sized)
        return false;
    *ret_object = o;
    return true;
}

/* ---- the batch API --------------------------------------------------------------- */

static bool add_question(struct buffer *body, struct lfs_object *const *objects,
                         size_t count)
{
    buffer_add_text(body, "{\"operation\":\"download\",\"transfers\":[\"basic\"],"
                          "\"hash_algo\":\"sha256\",\"objects\":[");
    for (size_t i = 0; i < count; i++)
        buffer_printf(body, "%s{\"oid\":\"%s\",\"size\":%llu}", i ? "," : "",
                      objects[i]->oid, (unsigned long long)objects[i]->size);
    buffer_add_text(body, "]}");
    return !body->truncated;
}

/* What a storage may need to let us in; the server cannot set anything else. */
static bool header_allowed(const char *name)
{
    return strcasecmp(name, "Authorization") == 0 || strcasecmp(name, "Accept") == 0 ||
           strncasecmp(name, "x-amz-", 6) == 0 || strncasecmp(name, "x-ms-", 5) == 0 ||
           strncasecmp(name, "x-goog-", 7) == 0;
}

static const char *const *read_headers(json_t *headers, struct arena *arena)
{
    const char **lines = arena_array(arena, LFS_HEADERS_MAX + 1, sizeof *lines);
    const char *name;
    json_t *value;
    size_t n = 0;
    json_object_foreach(headers, name, value)
    {
        if (lines && n < LFS_HEADERS_MAX && header_allowed(name) && json_is_string(value))
            lines[n++] = (const char *)arena_printf(arena, "%s: %s", name,
                                                    json_string_value(value))
                             .ptr;
    }
    return n ? lines : NULL;
}

static void read_object(const json_t *answer, struct lfs_object **objects, size_t count,
                        struct arena *arena)
{
    const char *oid = json_string_value(json_object_get(answer, "oid"));
    const json_t *action =
        json_object_get(json_object_get(answer, "actions"), "download");
    const char *href = json_string_value(json_object_get(action, "href"));
    for (size_t i = 0; oid && href && i < count; i++) {
        if (strcmp(objects[i]->oid, oid) != 0)
            continue;
        objects[i]->url = arena_text(arena, span_of_text(href));
        objects[i]->headers = read_headers(json_object_get(action, "header"), arena);
    }
}

static bool ask_batch(const struct place *place, const char *url,
                      struct lfs_object **objects, size_t count, struct arena *arena,
                      enum rest_refusal *ret_refusal, struct error *error)
{
    static const char *const headers[] = { "Accept: application/vnd.git-lfs+json",
                                           "Content-Type: application/vnd.git-lfs+json",
                                           NULL };
    struct buffer body;
    struct http_response r;
    struct error why = { .code = ERROR_NONE };
    size_t values = 0;
    buffer_init(&body, 64 << 10);
    const struct http_request q = { .method = HTTP_POST,
                                    .url = url,
                                    .headers = headers,
                                    .body = add_question(&body, objects, count)
                                                ? buffer_span(&body)
                                                : span_of(NULL, 0) };
    bool ok = place_ask(place, &q, &r, ret_refusal, error);
    json_t *answer = ok ? answer_parse(buffer_span(&r.body), &values, &why) : NULL;
    const json_t *list = json_object_get(answer, "objects");
    if (ok && !json_is_array(list)) {
        *ret_refusal = REST_MALFORMED;
        ok = error_set(error, ERROR_NETWORK, "the LFS server does not answer as one");
    }
    for (size_t i = 0; i < json_array_size(list) && i < LFS_BATCH_MAX; i++)
        read_object(json_array_get(list, i), objects, count, arena);
    json_decref(answer);
    http_response_free(&r);
    buffer_free(&body);
    return ok;
}

bool lfs_locate(const struct place *place, const char *url, struct lfs_object **objects,
                size_t count, struct arena *arena, enum rest_refusal *ret_refusal,
                struct error *error)
{
    bool dot = span_ends(span_of_text(url), ".git");
    const char *batch = (const char *)arena_printf(arena, "%s%s/info/lfs/objects/batch",
                                                   url, dot ? "" : ".git")
                            .ptr;
    if (!batch)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (size_t at = 0; at < count; at += LFS_BATCH_MAX) {
        size_t n = count - at < LFS_BATCH_MAX ? count - at : LFS_BATCH_MAX;
        if (!ask_batch(place, batch, objects + at, n, arena, ret_refusal, error))
            return false;
    }
    return true;
}
