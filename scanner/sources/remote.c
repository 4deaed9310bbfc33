#include "sources/remote_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REMOTE_ARENA_MAX = 1 << 30, AUTH_METHODS_MAX = 8 };

bool remote_is_reference(const struct registries *registries, const char *target)
{
    struct reference ref;
    struct error error = { 0 };
    if (registries_resolve(registries, target, &ref, &error)) {
        reference_free(&ref);
        return true;
    }
    return strstr(target, "://") != NULL;
}

/* ---- where to ask, and as whom ------------------------------------------------------- */

static bool open_auth(struct remote *r, struct error *error)
{
    struct auth_method methods[AUTH_METHODS_MAX];
    const struct auth_place place = { r->options->environment, r->options->home };
    const json_t *list = registry_auth(r->reference.registry);
    size_t n = 0, i;
    json_t *element;
    json_array_foreach(list, i, element) if (n < AUTH_METHODS_MAX)
    {
        if (!auth_method_read(element, r->arena, &methods[n], error))
            return false;
        n++;
    }
    /* a server that the reference names never sees what the operator's would */
    if (!r->own)
        return true;
    r->auth = auth_open(methods, n, &place, r->endpoint, true, error);
    return r->auth != NULL;
}

static bool open_endpoint(struct remote *r, struct error *error)
{
    environment_lookup *env = r->options->environment;
    return reference_fill(&r->reference, env, error) &&
           registry_endpoint(&r->reference, env, r->arena, &r->endpoint, &r->own,
                             error) &&
           open_auth(r, error);
}

/* ---- asking --------------------------------------------------------------------------- */

bool remote_ask_json_rest(struct remote *r, const struct rest_session *s,
                          enum rest_refusal *ret_refusal, struct error *error)
{
    return rest_resolve(s, r->arena, &r->answers, ret_refusal, error);
}

static remote_driver *driver_of(const struct registry *registry)
{
    static const struct {
        const char *name;
        remote_driver *ask;
    } drivers[] = {
#define DRIVER(name, function) { name, function },
#include "sources/sources.def"
#undef DRIVER
    };
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (strcmp(drivers[i].name, registry->driver) == 0)
            return drivers[i].ask;
    return NULL;
}

static enum error_code code_of(enum rest_refusal refusal, enum error_code otherwise)
{
    switch (refusal) {
    case REST_NOT_FOUND:
    case REST_REVISION_NOT_FOUND:
        return ERROR_NOT_FOUND;
    case REST_ANSWERED:
    case REST_NOT_ASKED:
        return otherwise;
    default:
        return ERROR_NETWORK;
    }
}

static bool ask(struct remote *r, bool *ret_retryable, struct error *error)
{
    const struct registry *registry = r->reference.registry;
    remote_driver *driver = driver_of(registry);
    enum rest_refusal refusal = REST_ANSWERED;
    const struct rest_session session = {
        .reference = &r->reference,
        .endpoint = r->endpoint,
        .own = r->own,
        .trust = reference_trust(&r->reference, r->options->environment, NULL),
        .now = (int64_t)time(NULL),
        .transport = remote_transport,
        .self = r,
    };
    if (!driver)
        return error_set(error, ERROR_USAGE,
                         "%s: this version does not fetch from %s; download it and scan the "
                         "directory with --origin",
                         r->reference.name, registry->name);
    if (driver(r, &session, &refusal, error))
        return true;
    *ret_retryable = refusal == REST_RATE_LIMITED || refusal == REST_SERVER_ERROR ||
                     refusal == REST_UNREACHABLE;
    error->code = code_of(refusal, error->code);
    return false;
}

/* ---- the files -------------------------------------------------------------------------- */

/* Does the reference ask for this file: the one it names, or what lies below it? */
static bool asked_for(const char *wanted, const char *path)
{
    size_t n = wanted ? strlen(wanted) : 0;
    while (n > 0 && wanted[n - 1] == '/')
        n--;
    return n == 0 || (strncmp(path, wanted, n) == 0 && (path[n] == '\0' || path[n] == '/'));
}

static const char *const *header_lines(struct remote *r)
{
    size_t n = r->rules.header_count;
    const char **lines = arena_alloc(r->arena, (n + 1) * sizeof *lines);
    for (size_t i = 0; lines && i < n; i++)
        lines[i] = (const char *)arena_printf(r->arena, "%s: %s", r->rules.headers[i].name,
                                              r->rules.headers[i].value)
                       .ptr;
    return n ? lines : NULL;
}

/* Two revisions, or two endpoints, never share an identity. */
static const char *identity_of(struct remote *r, const struct rest_file *f)
{
    struct span revision = r->answers.revision;
    return (const char *)arena_printf(r->arena, "%s %s@%.*s/%s %s", r->endpoint,
                                      r->reference.name, (int)revision.len,
                                      (const char *)revision.ptr, f->path,
                                      f->url ? f->url : "")
        .ptr;
}

static bool list_files(struct remote *r, struct error *error)
{
    const char *wanted = reference_variable(&r->reference, "file");
    const char *const *headers = header_lines(r);
    r->files = calloc(r->answers.file_count + 1, sizeof *r->files);
    if (!r->files)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (const struct rest_file *f = r->answers.files; f; f = f->next) {
        bool here = f->url && remote_at_endpoint(r, f->url);
        if (!asked_for(wanted, f->path))
            continue;
        r->files[r->count++] = (struct remote_file){
            .remote = r,
            .file = f,
            .identity = identity_of(r, f),
            .headers = headers,
            .auth = f->credentials && here ? r->auth : NULL,
            .private_ok = r->own && here,
            .plain_ok = r->own && here,
            .result = { .fd = -1,
                        .state = DOWNLOAD_FAILED,
                        .error = { ERROR_NETWORK, "it was not loaded" } },
        };
    }
    if (arena_exhausted(r->arena))
        return error_set(error, ERROR_MEMORY, "%s: too many files", r->reference.name);
    return r->count > 0 || !wanted ||
           error_set(error, ERROR_NOT_FOUND, "%s has no file %s", r->reference.name, wanted);
}

/* ---- life --------------------------------------------------------------------------------- */

static struct remote *remote_new(const struct remote_options *o)
{
    struct remote *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    r->options = o;
    r->http_options = o->http;
    r->http_options.stop = &r->stop;
    r->arena = arena_new(REMOTE_ARENA_MAX);
    return r;
}

struct remote *remote_open(const char *text, const struct remote_options *o,
                           bool *ret_retryable, struct error *error)
{
    struct remote *r = remote_new(o);
    *ret_retryable = false;
    if (!r || !r->arena) {
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        goto failed;
    }
    if (!registries_resolve(o->registries, text, &r->reference, error) ||
        !open_endpoint(r, error))
        goto failed;
    r->http = http_new(&r->http_options, error);
    r->cache = r->http ? cache_open(o->cache, o->cache_budget, error) : NULL;
    if (!r->cache || !ask(r, ret_retryable, error))
        goto failed;
    if (!registry_download(r->reference.registry, r->arena, &r->rules)) {
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        goto failed;
    }
    if (list_files(r, error))
        return r;
failed:
    remote_close(r);
    return NULL;
}

void remote_close(struct remote *r)
{
    if (!r)
        return;
    pool_stop(r);
    free(r->files);
    http_free(r->http);
    auth_free(r->auth);
    cache_close(r->cache);
    reference_free(&r->reference);
    arena_free(r->arena);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

const struct reference *remote_reference(const struct remote *r)
{
    return &r->reference;
}

const struct rest_result *remote_answers(const struct remote *r)
{
    return &r->answers;
}

const char *remote_endpoint(const struct remote *r)
{
    return r->endpoint;
}

bool remote_anonymous(const struct remote *r)
{
    return !r->auth || auth_anonymous(r->auth);
}

size_t remote_count(const struct remote *r)
{
    return r->count;
}

const struct rest_file *remote_file(const struct remote *r, size_t i)
{
    return r->files[i].file;
}

const char *remote_foreign_host(const struct remote *r, size_t i)
{
    const struct http_response *http = &r->files[i].result.http;
    for (size_t k = 0; k < http->hop_count; k++)
        if (!registry_download_host(r->reference.registry, r->endpoint,
                                    http->hops[k].origin))
            return http->hops[k].origin;
    return NULL;
}
