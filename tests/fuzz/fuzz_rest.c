/* Answers to the requests of an entry.  The first byte chooses the entry, the rest are
 * the answers, one after the other, each behind a byte for status and headers and two for
 * its length; then they come again.  Whatever they hold: the level never rises, no check
 * on what is unknown passes for want of it, paths are clean.  Run from the source
 * directory. */
#include "registry/driver.h"
#include "registry/rest.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct registries *table;

static const char *everything_set(const char *name)
{
    if (strstr(name, "REGION"))
        return "us-east-1";
    return strstr(name, "URL") || strstr(name, "URI") || strstr(name, "HOST") ||
                   strstr(name, "ENDPOINT")
               ? "https://acme.example"
               : "acme";
}

static void require(bool condition)
{
    if (!condition)
        abort();
}

struct answers {
    const uint8_t *data;
    size_t size, at, sent;
};

static bool answer(void *self, const struct rest_request *request, struct arena *arena,
                   struct rest_answer *ret_answer, struct error *error)
{
    static const int statuses[] = { 200, 200, 200, 200, 404, 401, 429, 301 };
    static const struct rest_header headers[] = {
        {"Link",          "</next>; rel=\"next\""            },
        { "Location",     "https://www.kaggle.com/models/a/b"},
        { "RateLimit",    "\"api\";r=0;t=55"                 },
        { "Retry-After",  "Wed, 21 Oct 2099 07:28:00 GMT"    },
        { "X-Error-Code", "GatedRepo"                        }
    };
    struct answers *a = self;
    (void)arena;
    require(strncmp(request->url, "https://", 8) == 0);
    for (const char *c = request->url; *c; c++)
        require((unsigned char)*c > 0x20 && (unsigned char)*c < 0x7f);
    if (a->sent++ > 40)
        return error_set(error, ERROR_IO, "enough");
    if (a->at + 3 > a->size)
        a->at = 1;
    if (a->at + 3 > a->size)
        return error_set(error, ERROR_IO, "nothing");
    uint8_t kind = a->data[a->at];
    size_t n = (size_t)(a->data[a->at + 1] << 8 | a->data[a->at + 2]);
    a->at += 3;
    n = n < a->size - a->at ? n : a->size - a->at;
    *ret_answer = (struct rest_answer){
        .status = statuses[kind & 7],
        .body = {a->data + a->at, n},
        .headers = headers,
        .header_count = (kind >> 3) % 6
    };
    a->at += n;
    return true;
}

static void require_clean(const struct rest_result *r, enum trust before)
{
    size_t files = 0;
    require(r->trust <= before);
    for (const struct rest_file *f = r->files; f; f = f->next, files++) {
        if (f->storage)
            continue;
        require(f->url && f->path[0] && f->path[0] != '/' && !strchr(f->path, '\\'));
        require(strncmp(f->path, "../", 3) != 0 && !strstr(f->path, "/../"));
        require(!f->next || strcmp(f->path, f->next->path) < 0 || f->next->storage);
        for (const struct rest_hash *h = f->hashes; h; h = h->next)
            require(strspn(h->value, "0123456789abcdef") == strlen(h->value));
    }
    require(files == r->file_count);
    require(r->listed != (r->why_unlisted != NULL) || r->rematch);
    for (const struct provenance_check *c = r->checks; c; c = c->next) {
        require(c->evidence.len > 0 && c->evidence.len <= EVIDENCE_MAX);
        require(!(c->result == CHECK_PASS && strcmp(c->id, "file-hash") == 0) ||
                r->listed);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = { .code = ERROR_NONE };
    enum rest_refusal refusal = REST_ANSWERED;
    struct rest_result result = { 0 };
    struct reference ref;
    if (!table) {
        const char *const directories[] = { "registries.d", NULL };
        table = registries_load(directories, &error);
        require(table && registries_count(table) > 0);
    }
    if (size < 2)
        return 0;
    const struct registry *r = registries_at(table, data[0] % registries_count(table));
    struct arena *arena = arena_new((size_t)16 << 20);
    struct answers a = { .data = data, .size = size, .at = 1 };
    require(arena && registries_resolve(table, r->examples[0], &ref, &error));
    struct rest_session s = { .reference = &ref,
                              .trust = reference_trust(&ref, everything_set, NULL),
                              .now = 1790000000,
                              .transport = answer,
                              .self = &a };
    require(reference_fill(&ref, everything_set, &error) &&
            registry_endpoint(&ref, everything_set, arena, &s.endpoint, &s.own, &error));
    bool rest = strcmp(r->driver, "json-rest") == 0;
    struct rest_root roots[] = {
        {"manifest",       { data, size }, true },
        { "config",        { data, size }, true },
        { "layer.license", { data, size }, false},
        { "out",           { data, size }, true },
        { "commit",        { data, size }, true }
    };
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        roots[i].body = (struct span){ data + 1, size - 1 };
    bool ok = rest ? rest_resolve(&s, arena, &result, &refusal, &error)
                   : rest_describe(&s, roots, sizeof roots / sizeof *roots, arena,
                                   &result, &error);
    if (ok)
        require_clean(&result, s.trust);
    else
        require(error.code != ERROR_NONE && error.message[0]);
    reference_free(&ref);
    arena_free(arena);
    return 0;
}
