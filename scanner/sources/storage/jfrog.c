/* jfrog://HOST/REPOSITORY/PATH, https://HOST/artifactory/REPOSITORY/PATH: Artifactory.
 * Source: JFrog Artifactory REST API, "File info", "File list". */
#include "sources/storage/storage.h"

#include <stdlib.h>
#include <string.h>

/* ---- where it is ----------------------------------------------------------------- */

/* The credentials are for the server in JF_URL (or JFROG_URL), and for no other. */
static struct place *open_place(struct storage *s, struct span host, struct error *error)
{
    static const char *const tokens[] = { "JF_ACCESS_TOKEN", "JFROG_ACCESS_TOKEN", NULL };
    static const char *const keys[] = { "JFROG_API_KEY", NULL };
    static const char *const none[] = { NULL };
    const struct auth_method methods[] = {
        {.kind = AUTH_BEARER,  .env = tokens, .files = none  },
        { .kind = AUTH_HEADER, .env = keys,   .files = none,   .header = "X-JFrog-Art-Api" },
        { .kind = AUTH_NONE,                   .env = none,               .files = none},
    };
    const char *configured = storage_env(s, "JF_URL");
    if (!configured)
        configured = storage_env(s, "JFROG_URL");
    const char *scheme = strncmp(s->uri, "http:", 5) == 0 ? "http" : "https";
    struct span endpoint = arena_printf(s->arena, "%s://%.*s", scheme, (int)host.len,
                                        (const char *)host.ptr);
    if (!configured || arena_exhausted(s->arena))
        return storage_place(s, (const char *)endpoint.ptr, s->typed, NULL, 0, error);
    struct place its = { .endpoint = storage_endpoint(s, configured) };
    struct url url = { 0 };
    struct error ignored;
    if (strncmp(s->uri, "jfrog:", 6) == 0 && url_parse(its.endpoint, &url, &ignored)) {
        char text[URL_ORIGIN_MAX + 1];
        web_origin_text(&url.origin, text);
        if (span_is(host, strstr(text, "://") + 3)) /* http is the operator's choice */
            endpoint = arena_copy(s->arena, span_of(text, strlen(text) + 1));
        url_free(&url);
    }
    bool own = place_holds(&its, (const char *)endpoint.ptr);
    return storage_place(s, (const char *)endpoint.ptr, own || s->typed, methods,
                         own ? sizeof methods / sizeof *methods : 0, error);
}

static const char *url_of(struct storage *s, const struct place *p, const char *kind,
                          const char *path, const char *query)
{
    struct buffer url;
    buffer_init(&url, URL_MAX);
    buffer_printf(&url, "%s/artifactory/%s", p->endpoint, kind);
    place_add_path(&url, path);
    buffer_add_text(&url, query);
    const char *copy = url.truncated ? NULL : arena_text(s->arena, buffer_span(&url));
    buffer_free(&url);
    return copy;
}

/* ---- files ----------------------------------------------------------------------- */

static void read_size(const json_t *size, struct rest_file *f)
{
    const char *text = json_string_value(size);
    char *end = NULL;
    if (json_is_integer(size) && json_integer_value(size) >= 0) {
        f->size = (uint64_t)json_integer_value(size);
        f->size_known = true;
    } else if (text && *text >= '0' && *text <= '9') {
        f->size = strtoull(text, &end, 10);
        f->size_known = *end == '\0';
    }
}

static void add_hash(struct storage *s, struct rest_file *f, enum digest_algorithm a,
                     const json_t *hex)
{
    listing_hash(s->arena, f, a, LISTING_HEX, span_of_text(json_string_value(hex)));
}

static bool add_file(struct storage *s, const struct place *p, const char *path,
                     const json_t *info, struct error *error)
{
    const json_t *sums = json_object_get(info, "checksums");
    const char *slash = strrchr(path, '/');
    const char *theirs = json_string_value(
        json_object_get(json_object_get(info, "originalChecksums"), "sha256"));
    const char *ours = json_string_value(json_object_get(sums, "sha256"));
    struct rest_file f = { .path = slash ? slash + 1 : path,
                           .url = url_of(s, p, "", path, ""),
                           .credentials = true };
    if (theirs && ours && strcmp(theirs, ours) != 0)
        return error_set(error, ERROR_NETWORK,
                         "the server has another SHA-256 than whoever uploaded the file");
    read_size(json_object_get(info, "size"), &f);
    add_hash(s, &f, DIGEST_MD5, json_object_get(sums, "md5"));
    add_hash(s, &f, DIGEST_SHA256, json_object_get(sums, "sha256"));
    if (!f.hashes)
        add_hash(s, &f, DIGEST_SHA1, json_object_get(sums, "sha1"));
    if (json_is_string(json_object_get(info, "createdBy")))
        (void)storage_tell(
            s, "author",
            span_of_text(json_string_value(json_object_get(info, "createdBy"))));
    return listing_add(&s->listing, &f, error);
}

static bool add_folder(struct storage *s, const struct place *p, const char *path,
                       const json_t *list, struct error *error)
{
    const json_t *files = json_object_get(list, "files");
    bool ok = json_is_array(files) ||
              error_set(error, ERROR_NETWORK, "the server lists no files");
    for (size_t i = 0; ok && i < json_array_size(files); i++) {
        const json_t *one = json_array_get(files, i);
        const char *uri = json_string_value(json_object_get(one, "uri"));
        const json_t *folder = json_object_get(one, "folder");
        const char *word = json_string_value(folder);
        if (json_is_true(folder) || (word && strcmp(word, "true") == 0))
            continue;
        if (!uri || *uri != '/')
            return error_set(error, ERROR_NETWORK,
                             "the server lists a file without a path");
        struct span full = arena_printf(s->arena, "%s%s", path, uri);
        struct rest_file f = { .path = uri + 1, .credentials = true };
        f.url = full.len ? url_of(s, p, "", (const char *)full.ptr, "") : NULL;
        read_size(json_object_get(one, "size"), &f);
        add_hash(s, &f, DIGEST_SHA256, json_object_get(one, "sha2"));
        if (!f.hashes)
            add_hash(s, &f, DIGEST_SHA1, json_object_get(one, "sha1"));
        ok = listing_add(&s->listing, &f, error);
    }
    return ok;
}

bool storage_list_jfrog(struct storage *s, enum rest_refusal *ret_refusal,
                        struct error *error)
{
    struct span host;
    const char *path;
    *ret_refusal = REST_NOT_ASKED;
    if (!storage_split(s, &host, &path, error))
        return false;
    if (strncmp(path, "artifactory/", 12) == 0)
        path += 12;
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] == '/')
        n--;
    path = arena_text(s->arena, span_of(path, n));
    if (!path || !path_clean(path) || strpbrk(path, "?#%"))
        return error_set(error, ERROR_USAGE,
                         "%.200s: jfrog://HOST/REPOSITORY/PATH is expected", s->uri);
    struct place *p = open_place(s, host, error);
    json_t *info =
        p ? storage_json(s, p, url_of(s, p, "api/storage/", path, ""), ret_refusal, error)
          : NULL;
    if (!info)
        return false;
    bool ok;
    if (json_object_get(info, "checksums")) {
        ok = add_file(s, p, path, info, error);
    } else {
        json_t *list = storage_json(
            s, p, url_of(s, p, "api/storage/", path, "?list&deep=1&listFolders=0"),
            ret_refusal, error);
        ok = list && add_folder(s, p, path, list, error);
        json_decref(list);
    }
    json_decref(info);
    return ok;
}
