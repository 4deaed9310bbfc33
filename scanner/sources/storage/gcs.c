/* gs://BUCKET[/PREFIX]: Google Cloud Storage by its JSON API, or what answers behind
 * STORAGE_EMULATOR_HOST.  Source: Cloud Storage JSON API v1, Objects: list, get. */
#include "sources/storage/storage.h"

#include <stdlib.h>
#include <string.h>

enum { GCS_PAGES_MAX = 1000 };

static struct place *open_place(struct storage *s, struct error *error)
{
    static const char *const env[] = { "GOOGLE_APPLICATION_CREDENTIALS",
                                       "CLOUDSDK_AUTH_ACCESS_TOKEN",
                                       "GOOGLE_OAUTH_ACCESS_TOKEN", NULL };
    static const char *const none[] = { NULL };
    const struct auth_method methods[] = {
        {.kind = AUTH_GOOGLE, .env = env,  .files = none},
        { .kind = AUTH_NONE,  .env = none, .files = none},
    };
    const char *emulator = storage_env(s, "STORAGE_EMULATOR_HOST");
    const char *endpoint =
        emulator ? storage_endpoint(s, emulator) : "https://storage.googleapis.com";
    /* an emulator wants no credential, and shall not see one */
    return storage_place(s, endpoint, emulator != NULL, emulator ? methods + 1 : methods,
                         emulator ? 1 : 2, error);
}

static uint64_t decimal(const char *text, bool *ret_known)
{
    char *end = NULL;
    uint64_t n = text && *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    *ret_known = end && *end == '\0';
    return n;
}

static bool add_object(struct storage *s, const struct place *p, const char *bucket,
                       const char *prefix, const json_t *object, struct error *error)
{
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *generation = json_string_value(json_object_get(object, "generation"));
    const char *md5 = json_string_value(json_object_get(object, "md5Hash"));
    const char *crc32c = json_string_value(json_object_get(object, "crc32c"));
    const char *etag = json_string_value(json_object_get(object, "etag"));
    struct rest_file f = { .credentials = true };
    struct buffer url;
    bool pinned;
    if (!name)
        return error_set(error, ERROR_NETWORK, "the list has an object without a name");
    f.size = decimal(json_string_value(json_object_get(object, "size")), &f.size_known);
    f.path = storage_below(prefix, name);
    size_t n = strlen(name);
    if (!f.path || (n > 0 && name[n - 1] == '/' && f.size == 0))
        return true;
    buffer_init(&url, URL_MAX);
    buffer_printf(&url, "%s/storage/v1/b/%s/o/", p->endpoint, bucket);
    place_add(&url, name);
    buffer_add_text(&url, "?alt=media");
    (void)decimal(generation, &pinned);
    if (pinned) /* what was listed is what is loaded */
        buffer_printf(&url, "&generation=%s", generation);
    f.url = arena_text(s->arena, buffer_span(&url));
    f.etag = etag ? arena_text(s->arena, span_of_text(etag)) : NULL;
    buffer_free(&url);
    if (crc32c && !md5) /* of an object that was composed of others */
        listing_hash(s->arena, &f, DIGEST_CRC32C, LISTING_BASE64, span_of_text(crc32c));
    if (md5)
        listing_hash(s->arena, &f, DIGEST_MD5, LISTING_BASE64, span_of_text(md5));
    return listing_add(&s->listing, &f, error);
}

static bool list_page(struct storage *s, const struct place *p, const char *bucket,
                      const char *prefix, struct buffer *token,
                      enum rest_refusal *ret_refusal, struct error *error)
{
    struct buffer url;
    buffer_init(&url, URL_MAX);
    buffer_printf(
        &url,
        "%s/storage/v1/b/%s/o?fields=items(name%%2Csize%%2Cmd5Hash%%2Ccrc32c%%2Cetag%%2C"
        "generation)"
        "%%2CnextPageToken&prefix=",
        p->endpoint, bucket);
    place_add(&url, prefix);
    if (token->len) {
        buffer_add_text(&url, "&pageToken=");
        place_add(&url, token->text);
    }
    json_t *page = storage_json(s, p, url.text, ret_refusal, error);
    buffer_free(&url);
    if (!page)
        return false;
    const json_t *items = json_object_get(page, "items");
    const char *next = json_string_value(json_object_get(page, "nextPageToken"));
    bool ok = true;
    *ret_refusal = REST_MALFORMED;
    for (size_t i = 0; ok && i < json_array_size(items); i++)
        ok = add_object(s, p, bucket, prefix, json_array_get(items, i), error);
    if (ok && next && *next && span_is(buffer_span(token), next))
        ok = error_set(error, ERROR_NETWORK, "the list of the bucket does not go on");
    buffer_clear(token);
    buffer_add_text(token, next ? next : "");
    json_decref(page);
    return ok;
}

bool storage_list_gcs(struct storage *s, enum rest_refusal *ret_refusal,
                      struct error *error)
{
    struct span name;
    const char *prefix;
    struct buffer token;
    *ret_refusal = REST_NOT_ASKED;
    if (!storage_split(s, &name, &prefix, error))
        return false;
    const char *bucket = arena_text(s->arena, name);
    if (!bucket || strpbrk(prefix, "?#") ||
        bucket[strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789._-")])
        return error_set(error, ERROR_USAGE, "%.200s: gs://BUCKET[/PREFIX] is expected",
                         s->uri);
    struct place *p = open_place(s, error);
    if (!p)
        return false;
    if (s->direct) {
        struct span base =
            arena_printf(s->arena, "%s/storage/v1/b/%s/o/", p->endpoint, bucket);
        return storage_direct(s, (const char *)base.ptr, prefix, true, "?alt=media",
                              error);
    }
    buffer_init(&token, 4096);
    bool ok = true;
    size_t pages = 0;
    do {
        ok = list_page(s, p, bucket, prefix, &token, ret_refusal, error);
        if (ok && ++pages == GCS_PAGES_MAX)
            ok = error_set(error, ERROR_NETWORK, "the bucket lists more than %d pages",
                           GCS_PAGES_MAX);
    } while (ok && token.len);
    buffer_free(&token);
    return ok;
}
