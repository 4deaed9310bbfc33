/* Lists what lies at a storage URI (sources/storage/storage.h); tests/net/test_storage.py
 * and tests/interop read its JSON.
 *
 *   storage [--ca-file F] [--connect-to H:P:H:P]... [--home DIR] [--named]
 *           [--load --cache DIR] URI
 *
 * --named: the URI is what a registry said, not what the operator typed; --load: also
 * load the files, with the credentials that belong to them.  Sleeping costs nothing. */
#include "sources/storage/storage.h"
#include "net/download.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIST_MAX = 64 };

static struct {
    struct http_options http;
    const char *connect_to[LIST_MAX], *home, *cache;
    size_t connect_count;
    bool named, load;
} settings;

static int64_t real_now(void *self)
{
    (void)self;
    return clock_system.now(clock_system.self);
}

static void no_sleep(void *self, unsigned milliseconds)
{
    (void)self;
    (void)milliseconds;
}

static uint32_t no_random(void *self)
{
    (void)self;
    return 0;
}

static const struct clock fast = { real_now, no_sleep, no_random, NULL };

static const char *variable(const char *name)
{
    return getenv(name);
}

static json_t *text(const char *t)
{
    json_t *value = json_string(t ? t : "");
    return value ? value : json_string("(not UTF-8)");
}

static json_t *span_json(struct span s)
{
    json_t *value = json_stringn((const char *)s.ptr, s.len);
    return value ? value : json_string("(not UTF-8)");
}

static struct auth *auth_for(const struct storage *s, const char *url, bool *ret_own)
{
    for (const struct place *p = s->places; p; p = p->next)
        if (place_holds(p, url)) {
            *ret_own = p->own;
            return p->auth;
        }
    *ret_own = false;
    return NULL;
}

static void load(const struct storage *s, const struct rest_file *f, json_t *out)
{
    static const char *const states[] = { "done",   "mismatch", "status",
                                          "failed", "large",    "offline" };
    struct error error = { 0 };
    struct cache *cache = cache_open(settings.cache, 0, &error);
    struct downloader d = { .http = &settings.http, .cache = cache };
    struct download_result r;
    bool own;
    struct download job = { .url = f->url,
                            .size = f->size_known ? f->size : DOWNLOAD_SIZE_UNKNOWN };
    job.auth = auth_for(s, f->url, &own);
    job.private_ok = job.plain_ok = own;
    for (const struct rest_hash *h = f->hashes; h; h = h->next)
        for (int a = 0; a < DIGEST_COUNT; a++)
            if (strcmp(digest_name((enum digest_algorithm)a), h->algorithm) == 0)
                job.expected[job.expected_count++] =
                    (struct download_digest){ (enum digest_algorithm)a, h->value };
    download_file(&d, s->http, &job, &r);
    (void)json_object_set_new(out, "state", text(states[r.state]));
    (void)json_object_set_new(out, "sha256", text(r.sha256));
    (void)json_object_set_new(out, "load_error", text(r.error.message));
    download_result_free(&r);
    cache_close(cache);
}

static json_t *files_json(const struct storage *s, const struct rest_result *result)
{
    json_t *list = json_array();
    for (const struct rest_file *f = result->files; f; f = f->next) {
        json_t *one = json_object(), *hashes = json_object();
        for (const struct rest_hash *h = f->hashes; h; h = h->next)
            (void)json_object_set_new(hashes, h->algorithm, text(h->value));
        (void)json_object_set_new(one, "path", text(f->path));
        (void)json_object_set_new(one, "url", text(f->url));
        (void)json_object_set_new(one, "role", text(f->role));
        (void)json_object_set_new(
            one, "size", f->size_known ? json_integer((json_int_t)f->size) : json_null());
        (void)json_object_set_new(one, "hashes", hashes);
        if (settings.load)
            load(s, f, one);
        (void)json_array_append_new(list, one);
    }
    return list;
}

static int list(const char *uri)
{
    const struct auth_place secrets = { variable, settings.home };
    struct error error = { 0 };
    enum rest_refusal refusal;
    struct rest_result result = { 0 };
    struct arena *arena = arena_new((size_t)1 << 30);
    struct storage s = { .uri = uri,
                         .arena = arena,
                         .http = http_new(&settings.http, &error),
                         .secrets = &secrets,
                         .typed = !settings.named };
    if (!s.http || !arena)
        return 2;
    bool ok =
        storage_list(&s, &refusal, &error) && listing_finish(&s.listing, &result, &error);
    json_t *out = json_object(), *metadata = json_object(), *findings = json_array();
    for (const struct metadata *m = s.metadata; m; m = m->next)
        (void)json_object_set_new(metadata, m->key, span_json(m->value));
    for (const struct finding *f = result.findings.first; f; f = f->next)
        (void)json_array_append_new(
            findings, json_pack("[o,o]", text(f->rule->id), span_json(f->evidence)));
    (void)json_object_set_new(out, "ok", json_boolean(ok));
    (void)json_object_set_new(out, "refusal", text(rest_refusal_name(refusal)));
    (void)json_object_set_new(out, "error", text(error.message));
    (void)json_object_set_new(out, "revision", span_json(s.revision));
    (void)json_object_set_new(out, "listed", json_boolean(result.listed));
    (void)json_object_set_new(out, "refused",
                              json_integer((json_int_t)result.refused_files));
    (void)json_object_set_new(out, "files", files_json(&s, &result));
    (void)json_object_set_new(out, "metadata", metadata);
    (void)json_object_set_new(out, "findings", findings);
    char *line = json_dumps(out, JSON_COMPACT | JSON_SORT_KEYS);
    puts(line);
    free(line);
    json_decref(out);
    http_free(s.http);
    storage_free(&s);
    arena_free(arena);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"ca-file",     1, NULL, 'c'},
        { "connect-to", 1, NULL, 't'},
        { "home",       1, NULL, 'h'},
        { "cache",      1, NULL, 'd'},
        { "named",      0, NULL, 'n'},
        { "load",       0, NULL, 'l'},
        { NULL,         0, NULL, 0  },
    };
    int option;
    settings.http.clock = &fast;
    settings.http.connect_to = settings.connect_to;
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (option == 'c')
            settings.http.ca_file = optarg;
        else if (option == 't' && settings.connect_count < LIST_MAX - 1)
            settings.connect_to[settings.connect_count++] = optarg;
        else if (option == 'h')
            settings.home = optarg;
        else if (option == 'd')
            settings.cache = optarg;
        else if (option == 'n')
            settings.named = true;
        else if (option == 'l')
            settings.load = true;
        else
            return 2;
    }
    return optind + 1 == argc ? list(argv[optind]) : 2;
}
