/* The list of files: paths that no file may have are refused, hashes brought to one
 * form. */
#include "core/base64.h"
#include "registry/template.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES_MAX = 1024 };

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

bool path_clean(const char *path)
{
    size_t length = strlen(path), start = 0;
    if (length == 0 || length > PATH_BYTES_MAX || (length > 1 && path[1] == ':'))
        return false;
    for (size_t i = 0; i <= length; i++) {
        unsigned char c = (unsigned char)path[i];
        if (c != '\0' && (c < 0x20 || c == 0x7f || c == '\\'))
            return false;
        if (c != '/' && c != '\0')
            continue;
        size_t n = i - start;
        if (n == 0 || (n == 1 && path[start] == '.') ||
            (n == 2 && path[start] == '.' && path[start + 1] == '.'))
            return false;
        start = i + 1;
    }
    return true;
}

/* ---- hashes -------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t least, most; /* hexadecimal digits */
    bool weak;
} algorithms[] = {
    {"sha512",         128, 128, false}, /* strongest first */
    { "sha256",        64,  64,  false},
    { "blake3",        64,  64,  false},
    { "sha256-prefix", 8,   64,  true }, /* as names of PyTorch checkpoints have it */
    { "sha1",          40,  40,  true },
    { "git-sha1",      40,  40,  true },
    { "md5",           32,  32,  true },
    { "crc64nvme",     16,  16,  true },
    { "crc32c",        8,   8,   true },
    { "crc32",         8,   8,   true },
};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

static size_t algorithm_of(const char *name)
{
    size_t i = 0;
    while (i < ALGORITHMS && strcmp(algorithms[i].name, name) != 0)
        i++;
    return i;
}

bool hash_algorithm_known(const char *name)
{
    return algorithm_of(name) < ALGORITHMS;
}

/* The value in lower-case hex; empty when it is not written as the encoding wants. */
static struct span hash_hex(struct arena *arena, struct span text, bool is_base64)
{
    const struct span none = { NULL, 0 };
    struct span bytes;
    if (is_base64)
        return base64_decode(arena, text, &bytes) ? hex_encode(arena, bytes) : none;
    char *hex = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; hex && i < text.len; i++) {
        int digit = span_hex_digit(text.ptr[i]);
        if (digit < 0)
            return none;
        hex[i] = "0123456789abcdef"[digit];
    }
    return span_of(hex, hex ? text.len : 0);
}

/* Does another answer, which has an object of elements by their names, say of this one
 * that its hash is of another kind?  Without that answer: perhaps. */
static bool is_other_kind(struct scope *s, const json_t *where)
{
    const char *pointer = json_string_value(json_array_get(where, 2));
    json_t *ignored = NULL;
    if (!where)
        return false;
    struct value object = value_of(s, json_array_get(where, 0));
    struct value name = value_of(s, json_array_get(where, 1));
    const char *key = name.state == VALUE_KNOWN ? json_string_value(name.json) : NULL;
    json_t *element = key ? json_object_get(object.json, key) : NULL;
    bool other = object.state == VALUE_UNKNOWN ||
                 (element && pointer_get(element, pointer, &ignored) == VALUE_KNOWN);
    value_free(&object);
    value_free(&name);
    return other;
}

/* One of "hashes" for the element at hand, or NULL: then it is not known. */
static struct rest_hash *read_hash(struct scope *s, const json_t *how)
{
    const char *unless = text_of(how, "unless"), *enc = text_of(how, "enc");
    const char *strip = text_of(how, "strip");
    size_t a = algorithm_of(text_of(how, "alg"));
    json_t *ignored = NULL;
    if ((unless && pointer_get(s->item, unless, &ignored) == VALUE_KNOWN) ||
        is_other_kind(s, json_object_get(how, "unless_in")))
        return NULL;
    struct value v = value_of(s, json_object_get(how, "ptr"));
    struct buffer raw;
    struct span hex = { NULL, 0 };
    struct rest_hash *hash = NULL;
    buffer_init(&raw, 512);
    if (value_text(&v, &raw)) {
        struct span text = buffer_span(&raw);
        if (strip && span_starts(text, strip))
            text = span_slice(text, strlen(strip), text.len);
        hex = hash_hex(s->arena, text, enc && strcmp(enc, "base64") == 0);
        if (hex.len >= algorithms[a].least && hex.len <= algorithms[a].most)
            hash = arena_alloc(s->arena, sizeof *hash);
    }
    if (hash)
        *hash = (struct rest_hash){ .algorithm = algorithms[a].name,
                                    .value = arena_text(s->arena, hex),
                                    .weak = algorithms[a].weak };
    buffer_free(&raw);
    value_free(&v);
    return hash && hash->value ? hash : NULL;
}

static void read_hashes(struct scope *s, const json_t *list, struct rest_file *f)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct rest_hash *hash = read_hash(s, json_array_get(list, i));
        struct rest_hash **at = &f->hashes;
        if (!hash)
            continue;
        while (*at && algorithm_of((*at)->algorithm) <= algorithm_of(hash->algorithm))
            at = &(*at)->next;
        hash->next = *at;
        *at = hash;
    }
}

/* ---- one file ------------------------------------------------------------------ */

static const char *read_text(struct scope *s, const json_t *how)
{
    struct buffer text;
    const char *copy = NULL;
    if (!how)
        return NULL;
    buffer_init(&text, URL_MAX);
    struct value v = value_of(s, how);
    if (value_text(&v, &text) && !text.truncated)
        copy = arena_text(s->arena, buffer_span(&text));
    value_free(&v);
    buffer_free(&text);
    return copy;
}

static void read_size(struct scope *s, const json_t *how, struct rest_file *f)
{
    static const char as_int[] = "{\"as\":\"int\"}";
    if (!how)
        return;
    json_t *convert = json_loads(as_int, 0, NULL);
    struct value v = value_convert(convert, value_of(s, how));
    f->size_known = v.state == VALUE_KNOWN && json_is_integer(v.json) &&
                    json_integer_value(v.json) >= 0;
    if (f->size_known)
        f->size = (uint64_t)json_integer_value(v.json);
    value_free(&v);
    json_decref(convert);
}

static bool url_fit(const struct scope *s, const char *url)
{
    for (const char *c = url; *c; c++)
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f)
            return false;
    return strncmp(url, "https://", 8) == 0 || same_origin(url, s->session->endpoint);
}

static void refuse_file(struct scope *s, const char *path, const char *why)
{
    struct rest_result *r = s->result;
    struct span message =
        arena_printf(s->arena, "the registry lists a file that %s", why);
    r->refused_files++;
    (void)finding_add(&r->findings, s->arena, &rules[RULE_TRUST_LISTING], 0, message,
                      span_of_text(path));
}

static bool read_url(struct scope *s, const json_t *stanza, struct rest_file *f)
{
    const char *template = text_of(stanza, "url");
    const json_t *from = json_object_get(stanza, "url_ptr");
    if (template) {
        struct buffer url;
        buffer_init(&url, URL_MAX);
        if (template_expand(s, template, AS_URL, &url))
            f->url = arena_text(s->arena, buffer_span(&url));
        buffer_free(&url);
    } else if (from) {
        f->url = read_text(s, from);
    }
    if (!f->url || !url_fit(s, f->url))
        return false;
    f->credentials = s->session->own && same_origin(f->url, s->session->endpoint);
    return true;
}

static bool wanted(struct scope *s, const json_t *where)
{
    json_t *found = NULL;
    if (!where)
        return true;
    return pointer_get(s->item, json_string_value(json_array_get(where, 0)), &found) ==
               VALUE_KNOWN &&
           (json_array_size(where) == 1 || json_equal(found, json_array_get(where, 1)));
}

struct gathering {
    struct scope *s;
    struct rest_file **files; /* grown by doubling */
    size_t count, capacity;
    size_t elements; /* of all lists, those refused too */
};

static bool keep(struct gathering *g, struct rest_file *f)
{
    if (g->count == g->capacity) {
        size_t more = g->capacity ? g->capacity * 2 : 64;
        struct rest_file **grown = realloc(g->files, more * sizeof(struct rest_file *));
        if (!grown)
            return false;
        g->files = grown;
        g->capacity = more;
    }
    g->files[g->count++] = f;
    return true;
}

/* Always true: an unknown list is an answer, and the first reason is told. */
__attribute__((format(printf, 2, 3))) static bool unlisted(struct scope *s,
                                                           const char *format, ...)
{
    struct buffer text;
    va_list args;
    if (s->result->why_unlisted)
        return true;
    va_start(args, format);
    buffer_init(&text, URL_MAX);
    buffer_vprintf(&text, format, args);
    va_end(args);
    s->result->why_unlisted = arena_text(s->arena, buffer_span(&text));
    buffer_free(&text);
    return true;
}

/* May the entry's model lie there? */
static bool place_allowed(const json_t *stanza, const char *uri)
{
    const json_t *schemes = json_object_get(stanza, "schemes");
    bool allowed = false;
    for (size_t i = 0; i < json_array_size(schemes); i++) {
        const char *scheme = json_string_value(json_array_get(schemes, i));
        size_t n = strlen(scheme);
        allowed = allowed || (strncmp(uri, scheme, n) == 0 && uri[n] == ':');
    }
    for (const char *c = uri; *c; c++)
        allowed = allowed && (unsigned char)*c > 0x20 && (unsigned char)*c < 0x7f;
    return allowed;
}

/* One file that lies elsewhere, as it was when its version or ETag was noted. */
static bool read_reference(struct gathering *g, const json_t *stanza, struct rest_file *f)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    struct scope *s = g->s;
    const char *uri = read_text(s, json_object_get(stanza, "ref"));
    const char *version = read_text(s, json_object_get(stanza, "version"));
    f->etag = read_text(s, json_object_get(stanza, "etag"));
    if (!uri || !place_allowed(stanza, uri))
        return unlisted(s, "%.120s is where this entry does not allow: %.120s", f->path,
                        uri ? uri : "nowhere");
    if (f->etag && strcmp(f->etag, uri) == 0)
        f->etag = NULL; /* nothing was noted but the place */
    f->storage = uri;
    if (version && *version && strncmp(uri, "s3://", 5) == 0) {
        if (strchr(uri, '?') || version[strspn(version, plain)])
            return unlisted(s, "%.120s is of a version that has no name: %.120s", f->path,
                            uri);
        f->storage =
            (const char *)arena_printf(s->arena, "%s?versionId=%s", uri, version).ptr;
    }
    return keep(g, f);
}

/* The element at hand; `name`: its key in an object of files. */
static bool read_file(struct gathering *g, const json_t *stanza, const char *name)
{
    struct scope *s = g->s;
    if (!wanted(s, json_object_get(stanza, "where")))
        return true;
    struct rest_file *f = arena_alloc(s->arena, sizeof *f);
    g->elements++;
    if (!f)
        return false;
    f->path = name ? arena_text(s->arena, span_of_text(name))
                   : read_text(s, json_object_get(stanza, "path"));
    if (!f->path || !path_clean(f->path)) {
        refuse_file(s, f->path ? f->path : "",
                    f->path ? "has a path that no file may have" : "has no path");
        return true;
    }
    s->path = f->path;
    read_size(s, json_object_get(stanza, "size"), f);
    f->role = read_text(s, json_object_get(stanza, "role"));
    f->format = read_text(s, json_object_get(stanza, "format"));
    f->scan = read_text(s, json_object_get(stanza, "scan"));
    read_hashes(s, json_object_get(stanza, "hashes"), f);
    bool ref = json_object_get(stanza, "ref");
    bool url = !ref && read_url(s, stanza, f);
    s->path = NULL;
    if (ref)
        return read_reference(g, stanza, f);
    if (!url) {
        refuse_file(s, f->path, "has no address that may be fetched");
        return true;
    }
    return keep(g, f);
}

/* ---- a stanza ------------------------------------------------------------------ */

/* An answer that is missing though it was asked for; that there is none is an answer. */
static bool missing(const struct root *root)
{
    return root->wanted && root->refusal != REST_ANSWERED &&
           root->refusal != REST_NOT_FOUND && root->refusal != REST_REVISION_NOT_FOUND;
}

/* The first of them: ": one: HTTP 500"; "". */
static const char *reason_of_any(struct scope *s)
{
    for (size_t i = 0; i < s->root_count; i++) {
        const struct root *root = &s->roots[i];
        struct span text = { 0 };
        if (missing(root))
            text = arena_printf(s->arena, ": %s: %s", root->name,
                                root->reason ? root->reason
                                             : rest_refusal_name(root->refusal));
        if (text.len)
            return (const char *)text.ptr;
    }
    return "";
}

/* Would a name of an "if" perhaps hold, had every answer come? */
static bool hidden(struct scope *s, const char *name)
{
    struct origin_of origin;
    const struct root *root = NULL;
    if (scope_holds(s, name))
        return false;
    if (expression_split(span_of_text(name), &origin)) {
        root = scope_root(s, (const char *)origin.root.ptr, origin.root.len);
        return root && missing(root);
    }
    const json_t *requests = json_object_get(s->entry, "requests");
    for (size_t i = 0; i < json_array_size(requests); i++) {
        const json_t *request = json_array_get(requests, i);
        const char *id = text_of(request, "id");
        if (json_object_get(json_object_get(request, "set"), name) &&
            (root = scope_root(s, id, strlen(id))) && missing(root))
            return true;
    }
    return false;
}

/* "uri" names a place that a storage driver lists. */
static bool read_storage(struct gathering *g, const json_t *stanza)
{
    struct scope *s = g->s;
    const char *uri = read_text(s, json_object_get(stanza, "storage"));
    struct rest_file *f = arena_alloc(s->arena, sizeof *f);
    if (!f)
        return false;
    if (!uri)
        return unlisted(s, "the registry does not say where the files are%s",
                        reason_of_any(s));
    if (!place_allowed(stanza, uri))
        return unlisted(s, "the files are where this entry does not allow: %.120s", uri);
    f->path = "";
    f->storage = uri;
    read_hashes(s, json_object_get(stanza, "hashes"), f);
    return keep(g, f);
}

static bool read_elements(struct gathering *g, const json_t *stanza, json_t *from,
                          bool by_name)
{
    struct scope *s = g->s;
    const char *name;
    json_t *element;
    size_t n = json_is_array(from) ? json_array_size(from) : 1;
    bool ok = true;
    if (by_name ? json_object_size(from) > FILES_MAX : n + g->count > FILES_MAX)
        return unlisted(s, "the registry lists more than %d files", FILES_MAX);
    if (by_name) {
        json_object_foreach(from, name, element)
        {
            s->item = element;
            ok = ok && read_file(g, stanza, name);
        }
    } else {
        for (size_t i = 0; ok && i < n; i++) {
            s->item = json_is_array(from) ? json_array_get(from, i) : from;
            ok = read_file(g, stanza, NULL);
        }
    }
    s->item = NULL;
    return ok;
}

/* Is the stanza about this model?  One that an answer which did not come could have made
 * so, or not, leaves the list unknown. */
static bool applies(struct scope *s, const json_t *stanza)
{
    const json_t *all = json_object_get(stanza, "if");
    const json_t *none = json_object_get(stanza, "unless");
    bool holds = true, known = true;
    for (size_t i = 0; i < json_array_size(all); i++)
        holds = scope_holds(s, json_string_value(json_array_get(all, i))) && holds;
    for (size_t i = 0; i < json_array_size(none); i++)
        holds = !scope_holds(s, json_string_value(json_array_get(none, i))) && holds;
    for (size_t i = 0; !holds && i < json_array_size(all); i++)
        known = !hidden(s, json_string_value(json_array_get(all, i))) && known;
    for (size_t i = 0; holds && i < json_array_size(none); i++)
        known = !hidden(s, json_string_value(json_array_get(none, i))) && known;
    if (!known)
        (void)unlisted(s, "the registry did not tell of its files%s", reason_of_any(s));
    return holds;
}

/* Why the answer that a list is from is not there: ": more than 64 pages". */
static const char *reason_of(struct scope *s, const json_t *from)
{
    struct origin_of origin;
    if (!json_is_string(from) ||
        !expression_split(span_of_text(json_string_value(from)), &origin))
        return "";
    const struct root *root =
        scope_root(s, (const char *)origin.root.ptr, origin.root.len);
    if (!root || root->refusal == REST_ANSWERED || !root->reason)
        return "";
    struct span text = arena_printf(s->arena, ": %s", root->reason);
    return text.len ? (const char *)text.ptr : "";
}

/* The registry may say elsewhere how many files there are: fewer in the list are not all
 * of them.  "others": what the entry knows of those. */
static bool check_count(struct scope *s, const json_t *stanza, size_t listed)
{
    const json_t *count = json_object_get(stanza, "count");
    const char *others = text_of(stanza, "others");
    if (!count)
        return true;
    struct value v = value_of(s, count);
    json_int_t told = v.state == VALUE_KNOWN ? json_integer_value(v.json) : 0;
    bool ok = told < 0 || (uint64_t)told <= listed ||
              unlisted(s, "the registry counts %lld files and lists %zu%s%s",
                       (long long)told, listed, others ? ": " : "", others ? others : "");
    value_free(&v);
    return ok;
}

static bool read_stanza(struct gathering *g, const json_t *stanza)
{
    struct scope *s = g->s;
    const char *by_name = text_of(stanza, "manifest_object");
    const json_t *from = json_object_get(stanza, "from");
    const char *cut = text_of(stanza, "incomplete");
    if (json_object_get(stanza, "storage"))
        return read_storage(g, stanza);
    if (!from && !by_name)
        return read_file(g, stanza, NULL);
    if (cut) {
        json_t *flag = json_string(cut);
        struct value v = value_of(s, flag);
        bool whole = v.state != VALUE_KNOWN || json_is_false(v.json);
        json_decref(flag);
        value_free(&v);
        if (!whole)
            return unlisted(s, "the registry cut its list of files short");
    }
    struct value v =
        value_of(s, from ? from : json_object_get(stanza, "manifest_object"));
    bool ok = true;
    if (v.state == VALUE_UNKNOWN || (v.state == VALUE_ABSENT && !v.empty_list))
        ok = unlisted(s, "the registry did not list the files%s", reason_of(s, from));
    else if (v.state == VALUE_KNOWN && !json_is_array(v.json) &&
             ((!by_name && json_object_get(stanza, "where")) || !json_is_object(v.json)))
        ok = unlisted(s, "the list of files is none");
    else if (v.state == VALUE_KNOWN)
        ok = read_elements(g, stanza, v.json, by_name != NULL);
    value_free(&v);
    return ok;
}

/* ---- all of them --------------------------------------------------------------- */

static int compare_files(const void *a, const void *b)
{
    const struct rest_file *const *left = a, *const *right = b;
    return strcmp((*left)->path, (*right)->path);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_file(const struct rest_file *a, const struct rest_file *b)
{
    const struct rest_hash *left = a->hashes, *right = b->hashes;
    for (; left && right; left = left->next, right = right->next)
        if (strcmp(left->algorithm, right->algorithm) != 0 ||
            strcmp(left->value, right->value) != 0)
            return false;
    return !left && !right && a->size_known == b->size_known && a->size == b->size &&
           same_text(a->url, b->url) && same_text(a->storage, b->storage);
}

/* Into the result by path.  What is there twice and not the same is refused. */
static void link_files(struct gathering *g)
{
    struct rest_result *r = g->s->result;
    struct rest_file **end = &r->files;
    if (g->count)
        qsort(g->files, g->count, sizeof(struct rest_file *), compare_files);
    for (size_t i = 0, next; i < g->count; i = next) {
        bool alike = true, storage = g->files[i]->storage && !*g->files[i]->path;
        for (next = i + 1; next < g->count && !storage &&
                           strcmp(g->files[i]->path, g->files[next]->path) == 0;
             next++)
            alike = alike && same_file(g->files[i], g->files[next]);
        if (!alike) {
            refuse_file(g->s, g->files[i]->path,
                        "is there more than once, each time "
                        "with other contents");
            continue;
        }
        *end = g->files[i];
        end = &g->files[i]->next;
        r->file_count++;
    }
    *end = NULL;
}

bool files_gather(struct scope *s, struct error *error)
{
    const json_t *stanzas = json_object_get(s->entry, "files");
    struct gathering g = { .s = s };
    size_t applied = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < json_array_size(stanzas); i++) {
        const json_t *stanza = json_array_get(stanzas, i);
        if (!applies(s, stanza))
            continue;
        applied++;
        ok = read_stanza(&g, stanza);
    }
    for (size_t i = 0; ok && i < json_array_size(stanzas); i++)
        ok = check_count(s, json_array_get(stanzas, i), g.elements);
    if (ok)
        link_files(&g);
    free(g.files);
    if (!ok || arena_exhausted(s->arena))
        return error_set(error, ERROR_MEMORY,
                         "the list of files needs more memory than allowed");
    if (applied == 0) {
        const char *why = json_array_size(stanzas) ? reason_of_any(s) : "";
        (void)unlisted(s, "%s%s",
                       *why ? "the registry did not tell of its files"
                            : "this registry lists no files",
                       why);
    }
    if (s->result->refused_files)
        (void)unlisted(s, "the list names files that may not exist");
    s->result->listed = s->result->why_unlisted == NULL;
    return true;
}
