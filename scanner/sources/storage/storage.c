#include "sources/storage/storage.h"

#include <string.h>

static const struct {
    const char *scheme;
    storage_driver *list;
} drivers[] = {
#define STORAGE(scheme, function) { scheme, function },
#include "sources/storage/storage.def"
#undef STORAGE
};

static storage_driver *driver_of(const char *uri)
{
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        size_t n = strlen(drivers[i].scheme);
        if (strncmp(uri, drivers[i].scheme, n) == 0 && strncmp(uri + n, "://", 3) == 0)
            return drivers[i].list;
    }
    return NULL;
}

bool storage_list(struct storage *s, enum rest_refusal *ret_refusal, struct error *error)
{
    storage_driver *list = driver_of(s->uri);
    s->listing.arena = s->arena;
    s->metadata_end = &s->metadata;
    *ret_refusal = REST_NOT_ASKED;
    if (!list)
        return error_set(error, ERROR_USAGE,
                         "%.200s: there is no driver for this storage", s->uri);
    for (const char *c = s->uri; *c; c++)
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f || *c == '\\')
            return error_set(error, ERROR_USAGE, "%.200s: not the address of a storage",
                             s->uri);
    if (!list(s, ret_refusal, error))
        return false;
    if (s->direct && !s->base)
        return error_set(error, ERROR_USAGE, "%.200s: objects there cannot be named",
                         s->uri);
    *ret_refusal = REST_NOT_FOUND;
    if (!s->direct && s->listing.count == 0 && s->listing.refused == 0)
        return error_set(error, ERROR_NOT_FOUND, "%.200s: there are no files", s->uri);
    *ret_refusal = REST_ANSWERED;
    return true;
}

void storage_free(struct storage *s)
{
    for (struct place *p = s->places; p; p = p->next)
        auth_free(p->auth);
    s->places = NULL;
    listing_free(&s->listing);
}

const char *storage_object(struct storage *s, const char *name)
{
    struct buffer url;
    const char *copy = NULL;
    buffer_init(&url, URL_MAX);
    buffer_add_text(&url, s->base);
    if (s->slashes_encoded)
        place_add(&url, name);
    else
        place_add_path(&url, name);
    buffer_add_text(&url, s->tail);
    if (!url.truncated)
        copy = arena_text(s->arena, buffer_span(&url));
    buffer_free(&url);
    return copy;
}

bool storage_sign(const struct storage *s, struct download *job)
{
    for (const struct place *p = s->places; p; p = p->next)
        if (place_holds(p, job->url)) {
            job->auth = p->auth;
            job->private_ok = job->plain_ok = p->own;
            return true;
        }
    return false;
}

/* ---- for drivers ----------------------------------------------------------------- */

struct place *storage_place(struct storage *s, const char *endpoint, bool own,
                            const struct auth_method *methods, size_t method_count,
                            struct error *error)
{
    struct place *p = arena_alloc(s->arena, sizeof *p);
    if (!p || !endpoint) {
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    *p = (struct place){
        .http = s->http, .endpoint = endpoint, .own = own, .offline = s->offline
    };
    if (method_count) {
        p->auth = auth_open(methods, method_count, s->secrets, endpoint, own, error);
        if (!p->auth)
            return NULL;
    }
    p->next = s->places;
    s->places = p;
    return p;
}

const char *storage_endpoint(struct storage *s, const char *text)
{
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == '/')
        n--;
    bool bare = !strstr(text, "://"); /* emulators are configured so */
    return (const char *)arena_printf(s->arena, "%s%.*s", bare ? "http://" : "", (int)n,
                                      text)
        .ptr;
}

struct span storage_unquoted(const char *etag)
{
    struct span s = span_of_text(etag);
    return s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"'
               ? span_slice(s, 1, s.len - 1)
               : s;
}

const char *storage_env(const struct storage *s, const char *name)
{
    const char *value = s->secrets->env ? s->secrets->env(name) : NULL;
    return value && *value ? value : NULL;
}

bool storage_tell(struct storage *s, const char *key, struct span value)
{
    struct metadata *row = arena_alloc(s->arena, sizeof *row);
    if (!row)
        return false;
    row->key = key;
    row->value = arena_copy(s->arena, value);
    *s->metadata_end = row;
    s->metadata_end = &row->next;
    return true;
}

bool storage_split(const struct storage *s, struct span *ret_authority,
                   const char **ret_path, struct error *error)
{
    const char *at = strstr(s->uri, "://") + 3;
    size_t n = strcspn(at, "/?#");
    if (n == 0 || n > URL_HOST_MAX)
        return error_set(error, ERROR_USAGE, "%.200s: it names no bucket or server",
                         s->uri);
    *ret_authority = span_of(at, n);
    *ret_path = at[n] == '/' ? at + n + 1 : at + n;
    return true;
}

const char *storage_below(const char *prefix, const char *name)
{
    size_t n = strlen(prefix);
    if (strncmp(name, prefix, n) != 0)
        return NULL;
    if (name[n] == '\0' && n > 0) {
        const char *slash = strrchr(name, '/');
        return slash ? slash + 1 : name;
    }
    if (n == 0 || prefix[n - 1] == '/')
        return name + n;
    return name[n] == '/' ? name + n + 1 : NULL;
}

json_t *storage_json(struct storage *s, const struct place *p, const char *url,
                     enum rest_refusal *ret_refusal, struct error *error)
{
    struct http_request q = {
        .url = url, .anchored = true, .compressed = true, .body_max = REST_ANSWER_MAX
    };
    struct http_response r;
    struct error why = { 0 };
    json_t *json = NULL;
    if (place_ask(p, &q, &r, ret_refusal, error)) {
        json = answer_parse(buffer_span(&r.body), &s->values, &why);
        if (!json) {
            *ret_refusal = REST_MALFORMED;
            (void)error_set(error, ERROR_NETWORK, "the answer is not JSON: %.300s",
                            why.message);
        }
    }
    http_response_free(&r);
    return json;
}

bool storage_direct(struct storage *s, const char *base, const char *prefix, bool slashes,
                    const char *tail, struct error *error)
{
    struct buffer text;
    size_t n = strlen(prefix);
    while (n > 0 && prefix[n - 1] == '/')
        n--;
    const char *bare = arena_text(s->arena, span_of(prefix, n));
    buffer_init(&text, URL_MAX);
    buffer_add_text(&text, base);
    if (bare && slashes)
        place_add(&text, bare);
    else if (bare)
        place_add_path(&text, bare);
    if (n > 0)
        buffer_add_text(&text, slashes ? "%2F" : "/");
    s->base = text.truncated || !bare ? NULL : arena_text(s->arena, buffer_span(&text));
    s->tail = tail;
    s->slashes_encoded = slashes;
    buffer_free(&text);
    return s->base || error_set(error, ERROR_MEMORY, "out of memory");
}
