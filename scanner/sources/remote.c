#include "sources/remote_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REMOTE_ARENA_MAX = 1 << 30, AUTH_METHODS_MAX = 8, MOVES_MAX = 3 };

/* ---- drivers --------------------------------------------------------------------- */

static const struct driver *const drivers[] = {
#define DRIVER(symbol) &symbol,
#include "sources/drivers.def"
#undef DRIVER
};
enum { DRIVERS = sizeof drivers / sizeof *drivers };

const struct driver *remote_storage_driver(const char *address)
{
    const char *colon = strchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : 0;
    for (size_t i = 0; i < DRIVERS; i++)
        for (const char *const *s = drivers[i]->schemes; s && *s; s++)
            if (drivers[i]->list && strlen(*s) == n && strncmp(*s, address, n) == 0)
                return drivers[i];
    return NULL;
}

static const struct driver *driver_of(const struct registry *registry)
{
    for (size_t i = 0; i < DRIVERS; i++)
        if (drivers[i]->name && drivers[i]->ask &&
            strcmp(drivers[i]->name, registry->driver) == 0)
            return drivers[i];
    return NULL;
}

struct driver_call *remote_call(struct remote *r, const struct driver *driver)
{
    for (size_t i = 0; i < r->driver_count; i++)
        if (r->drivers[i].driver == driver)
            return &r->drivers[i].call;
    if (r->driver_count == REMOTE_CALLS_MAX)
        return NULL;
    struct driver_call *call = &r->drivers[r->driver_count].call;
    r->drivers[r->driver_count++].driver = driver;
    *call = (struct driver_call){
        .options = r->options,
        .reference = &r->reference,
        .arena = r->arena,
        .http = r->http,
        .auth = r->auth,
        .cache = r->cache,
        .session = {.reference = &r->reference,
                    .endpoint = r->endpoint,
                    .own = r->own,
                    .trust = r->answers.trust,
                    .now = (int64_t)time(NULL),
                    .transport = driver_transport,
                    .self = call},
    };
    return call;
}

static void end_drivers(struct remote *r)
{
    for (size_t i = 0; i < r->driver_count; i++)
        if (r->drivers[i].driver->end)
            r->drivers[i].driver->end(&r->drivers[i].call);
    r->driver_count = 0;
}

bool remote_is_reference(const struct registries *registries, const char *target)
{
    return registries_claim(registries, target) || remote_storage_driver(target);
}

/* ---- where to ask, and as whom --------------------------------------------------- */

static bool open_auth(struct remote *r, struct error *error)
{
    struct auth_method methods[AUTH_METHODS_MAX];
    const struct auth_place place = { r->options->environment, r->options->home };
    const json_t *list = registry_auth(r->reference.registry);
    size_t n = json_array_size(list);
    /* a server that the reference names never sees what the operator's would */
    if (!r->own)
        return true;
    if (n > AUTH_METHODS_MAX)
        n = AUTH_METHODS_MAX;
    for (size_t i = 0; i < n; i++)
        if (!auth_method_read(json_array_get(list, i), r->arena, &methods[i], error))
            return false;
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

/* ---- asking ---------------------------------------------------------------------- */

/* A model may be private where a mirror sent the question on to. */
static void tell_deputy(const struct driver_call *c, struct error *error)
{
    size_t n = strlen(error->message);
    if (c->answered_by)
        (void)snprintf(error->message + n, sizeof error->message - n,
                       " (says %s, which gets no credential of %s)", c->answered_by,
                       c->session.endpoint);
}

static bool refused(const struct driver_call *c, enum rest_refusal refusal,
                    struct error *error)
{
    tell_deputy(c, error);
    if (error->code == ERROR_MEMORY || error->code == ERROR_USAGE ||
        error->code == ERROR_CONFIG)
        return false; /* ours, or the operator's */
    error->retryable = refusal == REST_RATE_LIMITED || refusal == REST_SERVER_ERROR ||
                       refusal == REST_UNREACHABLE;
    error->code = refusal == REST_NOT_FOUND || refusal == REST_REVISION_NOT_FOUND
                      ? ERROR_NOT_FOUND
                      : ERROR_NETWORK;
    return false;
}

static enum trust lower(enum trust a, enum trust b)
{
    return a < b ? a : b;
}

/* The registry that claims `text`, asked once. */
static bool ask_registry(struct remote *r, enum trust ceiling, struct error *error)
{
    const struct registry *registry = r->reference.registry;
    const struct driver *driver = driver_of(registry);
    enum rest_refusal refusal = REST_ANSWERED;
    const char *why = NULL;
    if (!driver)
        return error_set(error, ERROR_USAGE,
                         "%s: this version does not fetch from %s; download it and scan "
                         "the directory with --origin",
                         r->reference.name, registry->name);
    enum trust start = reference_trust(&r->reference, r->options->environment, &why);
    r->answers = (struct rest_result){ .trust = lower(start, ceiling) };
    struct driver_call *call = remote_call(r, driver);
    if (!driver->ask(call, &r->answers, &refusal, error))
        return refused(call, refusal, error);
    r->answers.trust = lower(r->answers.trust, call->session.trust);
    if (r->answers.trust < registry->trust && !r->why_lower)
        r->why_lower = r->answers.why ? r->answers.why : why;
    return true;
}

static void forget_reference(struct remote *r)
{
    end_drivers(r);
    auth_free(r->auth);
    r->auth = NULL;
    r->own = false;
    reference_free(&r->reference);
    r->reference = (struct reference){ 0 };
}

/* The reference, and where its registry says that the model lies now. */
static bool ask(struct remote *r, const char *text, struct error *error)
{
    enum trust ceiling = TRUST_INTERNAL;
    for (unsigned moves = 0; moves <= MOVES_MAX; moves++) {
        if (!registries_resolve(r->options->registries, text, &r->reference, error) ||
            !open_endpoint(r, error) || !ask_registry(r, ceiling, error)) {
            if (moves > 0 && error->code == ERROR_USAGE)
                error->code = ERROR_NETWORK; /* an answer led here, not the operator */
            return false;
        }
        if (!r->answers.rematch)
            return true;
        ceiling = r->answers.trust;
        r->moved_from = r->moved_from
                            ? r->moved_from
                            : (const char *)arena_copy(r->arena, span_of_text(text)).ptr;
        text = r->answers.rematch;
        forget_reference(r);
    }
    return error_set(error, ERROR_NETWORK, "%s: moved more than %d times",
                     r->moved_from ? r->moved_from : text, MOVES_MAX);
}

/* An address that no registry claims: what is there, and nobody's word for it. */
static bool ask_storage(struct remote *r, const char *text, const struct driver *driver,
                        struct error *error)
{
    enum rest_refusal refusal = REST_ANSWERED;
    r->endpoint = "";
    r->reference.name = strdup(text);
    r->answers = (struct rest_result){ .trust = TRUST_UNKNOWN };
    struct driver_call *call = remote_call(r, driver);
    if (!r->reference.name)
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (!driver->list(call, text, &r->answers, &refusal, error))
        return refused(call, refusal, error);
    r->answers.trust = TRUST_UNKNOWN;
    return true;
}

/* ---- life ------------------------------------------------------------------------ */

static struct remote *remote_new(const struct remote_options *o)
{
    struct remote *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->opening, NULL);
    pthread_cond_init(&r->loaded, NULL);
    pthread_cond_init(&r->room, NULL);
    r->options = o;
    r->http_options = o->http;
    r->http_options.stop = &r->stop;
    r->arena = arena_new(REMOTE_ARENA_MAX);
    return r;
}

static bool has_entry(struct remote *r, const char *text)
{
    struct reference ref;
    struct error ignored;
    if (!registries_resolve(r->options->registries, text, &ref, &ignored))
        return false;
    reference_free(&ref);
    return true;
}

struct remote *remote_open(const char *text, const struct remote_options *o,
                           struct error *error)
{
    struct remote *r = remote_new(o);
    const struct driver *storage = remote_storage_driver(text);
    if (!r) {
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    bool ok = r->arena || error_set(error, ERROR_MEMORY, "out of memory");
    ok = ok && (r->http = http_new(&r->http_options, error)) != NULL;
    ok = ok && (r->cache = cache_open(o->cache, 0, error)) != NULL;
    if (ok && storage && !has_entry(r, text))
        ok = ask_storage(r, text, storage, error);
    else
        ok = ok && ask(r, text, error);
    if (ok && r->reference.registry &&
        !registry_download(r->reference.registry, r->arena, &r->rules))
        ok = error_set(error, ERROR_MEMORY, "out of memory");
    if (ok && files_list(r, error))
        return r;
    remote_close(r);
    return NULL;
}

void remote_close(struct remote *r)
{
    if (!r)
        return;
    pool_stop(r);
    forget_reference(r);
    free(r->files);
    free(r->results);
    http_free(r->http);
    cache_close(r->cache);
    arena_free(r->arena);
    pthread_cond_destroy(&r->loaded);
    pthread_cond_destroy(&r->room);
    pthread_mutex_destroy(&r->opening);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- what it is ------------------------------------------------------------------ */

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

const char *remote_credential(const struct remote *r)
{
    return r->auth && !auth_anonymous(r->auth) ? auth_source(r->auth) : NULL;
}

const char *remote_answered_by(const struct remote *r)
{
    for (size_t i = 0; i < r->driver_count; i++)
        if (r->drivers[i].call.answered_by)
            return r->drivers[i].call.answered_by;
    return NULL;
}

const char *remote_moved_from(const struct remote *r)
{
    return r->moved_from;
}

const char *remote_why_lower(const struct remote *r)
{
    return r->why_lower;
}

size_t remote_count(const struct remote *r)
{
    return r->count;
}

const struct rest_file *remote_file(const struct remote *r, size_t i)
{
    return r->files[i].file;
}

/* Does a place that the model itself names lead on to another?  A bucket may have moved
 * to another region. */
static bool leaves_place(const struct http_response *http, size_t hop)
{
    static const char s3[] = ".amazonaws.com";
    struct span from = span_of_text(http->hops[0].origin);
    struct span to = span_of_text(http->hops[hop].origin);
    return !span_equal(from, to) && !(span_ends(from, s3) && span_ends(to, s3));
}

/* The first hop from `from` on that is not known to be the registry's; NULL: all are. */
static const char *foreign_from(const struct remote *r, size_t i, size_t from)
{
    const struct remote_file *f = &r->files[i];
    const struct http_response *http = &f->result->http;
    bool elsewhere = f->file->storage || (f->driver && f->driver->elsewhere);
    for (size_t k = from; r->reference.registry && k < http->hop_count; k++)
        if (elsewhere ? leaves_place(http, k)
                      : !registry_download_host(r->reference.registry, r->endpoint,
                                                http->hops[k].origin))
            return http->hops[k].origin;
    return NULL;
}

const char *remote_foreign_host(const struct remote *r, size_t i)
{
    return foreign_from(r, i, 0);
}

void remote_distrust_strayed(struct remote *r, size_t i)
{
    bool strong = false;
    for (const struct rest_hash *h = r->files[i].file->hashes; h; h = h->next)
        strong = strong || !h->weak;
    if (strong || !foreign_from(r, i, 1))
        return;
    pthread_mutex_lock(&r->lock);
    r->answers.trust = TRUST_UNKNOWN;
    r->why_lower = "a file of which no strong digest is promised came from a host that "
                   "the registry is not known to use";
    pthread_mutex_unlock(&r->lock);
}
