/* From what a registry lists to what can be loaded. */
#include "sources/remote_private.h"

#include "core/base64.h"
#include "registry/uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A list that grows; what it points at lives in the remote's arena. */
struct listing {
    struct remote *remote;
    struct remote_file *files;
    size_t count, capacity;
    const char *wanted; /* the file or directory that the reference names, or NULL */
    size_t references;  /* files that the registry keeps elsewhere, one by one */
    const char *const *headers;
};

/* ---- one file -------------------------------------------------------------------- */

/* Does the reference ask for this file: the one it names, or what lies below it? */
static bool asked_for(const char *wanted, const char *path)
{
    size_t n = wanted ? strlen(wanted) : 0;
    while (n > 0 && wanted[n - 1] == '/')
        n--;
    return n == 0 ||
           (strncmp(path, wanted, n) == 0 && (path[n] == '\0' || path[n] == '/'));
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

static bool add_file(struct listing *l, const struct rest_file *f,
                     const struct driver *driver, struct driver_call *call)
{
    struct remote *r = l->remote;
    bool here = f->url && driver_at_endpoint(call, f->url);
    if (l->count == l->capacity) {
        size_t more = l->capacity ? l->capacity * 2 : 64;
        struct remote_file *grown = reallocarray(l->files, more, sizeof *grown);
        if (!grown)
            return false;
        l->files = grown;
        l->capacity = more;
    }
    l->files[l->count++] = (struct remote_file){
        .remote = r,
        .file = f,
        .driver = driver,
        .call = call,
        .identity = identity_of(r, f),
        .headers = l->headers,
        .auth = f->credentials && here ? r->auth : NULL,
        .private_ok = r->own && here,
        .plain_ok = r->own && here,
        .state = f->url ? FILE_WAITING : FILE_ELSEWHERE,
    };
    return true;
}

/* ---- storage --------------------------------------------------------------------- */

static void refuse(struct remote *r, const char *path, const char *why)
{
    struct span message = arena_printf(r->arena, "the storage lists a file that %s", why);
    (void)finding_add(&r->answers.findings, r->arena, &rules[RULE_TRUST_LISTING], 0,
                      message, span_of_text(path));
    r->answers.refused_files++;
}

static void unlist(struct remote *r, const char *why)
{
    r->answers.listed = false;
    if (!r->answers.why_unlisted)
        r->answers.why_unlisted = why ? why : "the storage does not list its files";
}

/* What was found out while a storage was listed, said of the model; its images. */
static void take_findings(struct remote *r, const struct rest_result *found)
{
    struct finding_list *to = &r->answers.findings;
    struct image **images = &r->answers.images;
    for (const struct finding *f = found->findings.first; f; f = f->next)
        (void)finding_add(to, r->arena, f->rule, f->offset, f->message, f->evidence);
    to->count += found->findings.dropped;
    to->dropped += found->findings.dropped;
    r->answers.refused_files += found->refused_files;
    while (*images)
        images = &(*images)->next;
    *images = found->images;
}

/* A storage, as it is asked what lies at an address. */
struct storage_question {
    const struct driver *driver;
    struct driver_call *call; /* NULL: nobody here reads such an address, or no memory */
    struct rest_result found;
};

static struct storage_question storage_open(struct remote *r, const char *address)
{
    struct storage_question q = { .driver = remote_storage_driver(address),
                                  .found = { .trust = r->answers.trust } };
    q.call = q.driver ? remote_call(r, q.driver) : NULL;
    return q;
}

static bool storage_ask(struct storage_question *q, const char *address,
                        struct error *error)
{
    enum rest_refusal refusal = REST_ANSWERED; /* the error says it as well */
    return q->driver->list(q->call, address, &q->found, &refusal, error);
}

/* What lies at the address that the registry named, in its place. */
static bool list_storage(struct listing *l, const struct rest_file *at,
                         struct error *error)
{
    struct remote *r = l->remote;
    struct storage_question q = storage_open(r, at->storage);
    struct error why;
    if (!q.call)
        return add_file(l, at, NULL, &r->drivers[0].call) ||
               error_set(error, ERROR_MEMORY, "out of memory");
    if (!storage_ask(&q, at->storage, &why)) {
        if (why.code == ERROR_MEMORY)
            return error_set(error, ERROR_MEMORY, "out of memory");
        unlist(r, (const char *)arena_printf(r->arena, "%s", why.message).ptr);
        return true;
    }
    take_findings(r, &q.found);
    if (!q.found.listed)
        unlist(r, q.found.why_unlisted);
    for (const struct rest_file *f = q.found.files; f; f = f->next) {
        if (!path_clean(f->path))
            refuse(r, f->path, "has a path that no file may have");
        else if (asked_for(l->wanted, f->path) && !add_file(l, f, q.driver, q.call))
            return error_set(error, ERROR_MEMORY, "out of memory");
    }
    return true;
}

/* ---- one file in a storage -------------------------------------------------------- */

enum { REFERENCES_MAX = 1000 };

static void unlist_reference(struct remote *r, const struct rest_file *at,
                             const char *why)
{
    unlist(r, (const char *)arena_printf(r->arena, "%.200s, which is kept in %.200s, %s",
                                         at->path, at->storage, why)
                  .ptr);
}

/* Is it called as the last part of the address: the object itself, and none below it? */
static bool named_by(const char *uri, const char *path)
{
    struct span rest = span_of(uri, strcspn(uri, "?#"));
    struct buffer name;
    size_t from = rest.len;
    while (from > 0 && rest.ptr[from - 1] != '/')
        from--;
    rest = span_slice(rest, from, rest.len);
    if (span_is(rest, path))
        return true;
    buffer_init(&name, URL_MAX);
    bool named = !uri_decode(rest, &name) && span_is(buffer_span(&name), path);
    buffer_free(&name);
    return named;
}

/* What lies there, if it is the one file that the registry noted, and is still the same.
 */
static const struct rest_file *same_as_noted(struct remote *r, const struct rest_file *at,
                                             const struct rest_result *found)
{
    const struct rest_file *f = found->files;
    const char *why = NULL;
    if (!f || f->next || !f->url || !found->listed || !named_by(at->storage, f->path))
        why = "is no single file there";
    else if (at->size_known && f->size_known && at->size != f->size)
        why = "has another size there than the registry noted";
    else if (at->etag && f->etag && strcmp(at->etag, f->etag) != 0)
        why = "is another file there than the one that the registry noted";
    if (why)
        unlist_reference(r, at, why);
    return why ? NULL : f;
}

static bool list_reference(struct listing *l, const struct rest_file *at,
                           struct error *error)
{
    struct remote *r = l->remote;
    struct storage_question q = storage_open(r, at->storage);
    struct rest_file *f = arena_alloc(r->arena, sizeof *f);
    struct error why;
    if (!f)
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (!q.call || l->references++ >= REFERENCES_MAX) {
        unlist_reference(r, at, q.call ? "is one of too many" : "cannot be read there");
        return true;
    }
    if (!storage_ask(&q, at->storage, &why)) {
        unlist_reference(r, at, why.message);
        return why.code != ERROR_MEMORY ||
               error_set(error, ERROR_MEMORY, "out of memory");
    }
    const struct rest_file *there = same_as_noted(r, at, &q.found);
    if (!there)
        return true;
    *f = *at;
    f->url = there->url;
    f->storage = NULL;
    f->credentials = there->credentials;
    if (!f->hashes)
        f->hashes = there->hashes;
    if (!f->size_known) {
        f->size_known = there->size_known;
        f->size = there->size;
    }
    return add_file(l, f, q.driver, q.call) ||
           error_set(error, ERROR_MEMORY, "out of memory");
}

/* ---- all of them ----------------------------------------------------------------- */

static const char *const *header_lines(struct remote *r)
{
    size_t n = r->rules.header_count;
    const char **lines = arena_array(r->arena, n + 1, sizeof *lines);
    for (size_t i = 0; lines && i < n; i++)
        lines[i] =
            (const char *)arena_printf(r->arena, "%s: %s", r->rules.headers[i].name,
                                       r->rules.headers[i].value)
                .ptr;
    return n ? lines : NULL;
}

static int compare_files(const void *a, const void *b)
{
    const struct remote_file *left = a, *right = b;
    return strcmp(left->file->path, right->file->path);
}

/* What two lists have under one path is refused, all of it. */
static void order_files(struct listing *l)
{
    size_t kept = 0;
    if (l->count)
        qsort(l->files, l->count, sizeof *l->files, compare_files);
    for (size_t i = 0, next; i < l->count; i = next) {
        for (next = i + 1; next < l->count && !l->files[i].file->storage &&
                           compare_files(&l->files[i], &l->files[next]) == 0;
             next++)
            ;
        if (next == i + 1)
            l->files[kept++] = l->files[i];
        else
            refuse(l->remote, l->files[i].file->path, "is there more than once");
    }
    if (kept < l->count)
        unlist(l->remote, "the list names files that may not exist");
    l->count = kept;
}

static bool make_results(struct remote *r)
{
    r->results = calloc(r->count + 1, sizeof *r->results);
    for (size_t i = 0; r->results && i < r->count; i++) {
        r->files[i].result = &r->results[i];
        if (r->files[i].state == FILE_ELSEWHERE)
            pool_fail(&r->files[i], "it was not loaded");
    }
    return r->results != NULL;
}

bool files_list(struct remote *r, struct error *error)
{
    struct listing l = { .remote = r,
                         .wanted = reference_variable(&r->reference, "file"),
                         .headers = header_lines(r) };
    size_t refused = r->answers.refused_files;
    bool ok = true;
    for (const struct rest_file *f = r->answers.files; ok && f; f = f->next) {
        if (f->storage && !*f->path)
            ok = list_storage(&l, f, error);
        else if (f->storage)
            ok = !asked_for(l.wanted, f->path) || list_reference(&l, f, error);
        else if (asked_for(l.wanted, f->path) &&
                 !add_file(&l, f, r->drivers[0].driver, &r->drivers[0].call))
            ok = error_set(error, ERROR_MEMORY, "out of memory");
    }
    if (ok)
        order_files(&l);
    if (r->answers.refused_files > refused)
        unlist(r, "the list names files that may not exist");
    r->files = l.files;
    r->count = l.count;
    ok = ok && (make_results(r) || error_set(error, ERROR_MEMORY, "out of memory"));
    if (ok && arena_exhausted(r->arena))
        ok = error_set(error, ERROR_MEMORY, "%s: too many files", r->reference.name);
    return ok && (r->count > 0 || !l.wanted ||
                  error_set(error, ERROR_NOT_FOUND, "%s has no file %s",
                            r->reference.name, l.wanted));
}

const char *remote_file_problem(const struct remote *r, size_t i)
{
    const struct remote_file *f = &r->files[i];
    if (f->file->url || (!f->file->storage && f->driver && f->driver->open))
        return NULL;
    return (const char *)arena_printf(
               r->arena, "its registry keeps it in %s, which this version does not read",
               f->file->storage ? f->file->storage : "a place that it does not tell")
        .ptr;
}

bool remote_digest(const struct rest_hash *hash, enum digest_algorithm *ret_algorithm)
{
    const char *name =
        strcmp(hash->algorithm, "sha256-prefix") == 0 ? "sha256" : hash->algorithm;
    for (int a = 0; a < DIGEST_COUNT; a++)
        if (strcmp(digest_name((enum digest_algorithm)a), name) == 0) {
            *ret_algorithm = (enum digest_algorithm)a;
            return true;
        }
    return false;
}

/* ---- what a download's headers say ------------------------------------------------ */

/* The value that the rule speaks of: all of a field, or "md5" of "crc32c=…,md5=…". */
static struct span header_value(const struct registry_hash_header *rule,
                                const struct fields *fields)
{
    for (size_t n = 0;; n++) {
        const char *text = fields_get(fields, rule->header, n);
        if (!text)
            return (struct span){ 0 };
        struct span value = span_of_text(text);
        if (!rule->key) {
            bool quoted =
                value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
            return quoted ? span_slice(value, 1, value.len - 1) : value;
        }
        size_t key = strlen(rule->key);
        for (const char *part = text; part; part = strchr(part, ',')) {
            part += strspn(part, ", ");
            if (strncmp(part, rule->key, key) == 0 && part[key] == '=')
                return span_of(part + key + 1, strcspn(part + key + 1, ", "));
        }
    }
}

/* As lower-case hex of the right length. */
static bool take_digest(const struct registry_hash_header *rule, struct span value,
                        struct header_digest *ret)
{
    const struct rest_hash named = { .algorithm = rule->algorithm };
    struct arena *arena = arena_new(4096);
    struct span hex = value, bytes;
    bool ok = arena && remote_digest(&named, &ret->algorithm) &&
              (!rule->digits || value.len == rule->digits);
    if (ok && rule->base64) {
        ok = base64_decode(arena, value, &bytes);
        hex = ok ? hex_encode(arena, bytes) : hex;
    } else {
        ok = ok && hex_decode(arena, value, &bytes);
    }
    ok = ok && hex.len == digest_digits(ret->algorithm);
    if (ok)
        (void)snprintf(ret->hex, sizeof ret->hex, "%.*s", (int)hex.len,
                       (const char *)hex.ptr);
    arena_free(arena);
    return ok;
}

static size_t header_digests(const struct remote *r, const struct fields *fields,
                             struct header_digest ret_digests[HEADER_DIGESTS_MAX])
{
    size_t count = 0;
    for (size_t n = 0; n < r->rules.hash_header_count && count < HEADER_DIGESTS_MAX;
         n++) {
        const struct registry_hash_header *rule = &r->rules.hash_headers[n];
        struct span value = header_value(rule, fields);
        if (value.len && take_digest(rule, value, &ret_digests[count]))
            count++;
    }
    return count;
}

size_t remote_header_digests(const struct remote *r, size_t i,
                             struct header_digest ret_digests[HEADER_DIGESTS_MAX])
{
    return header_digests(r, &r->files[i].result->http.fields, ret_digests);
}

unsigned files_header_algorithms(void *owner, const struct fields *fields)
{
    const struct remote_file *f = owner;
    struct header_digest found[HEADER_DIGESTS_MAX];
    unsigned bits = 0;
    for (size_t n = header_digests(f->remote, fields, found); n > 0; n--)
        bits |= DIGEST_BIT(found[n - 1].algorithm);
    return bits;
}
