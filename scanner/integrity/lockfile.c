#include "integrity/lockfile.h"

#include "core/json.h"
#include "registry/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 256 << 20, SHA256_DIGITS = 64 };

struct lockfile {
    char *path;
    struct arena *arena;
    json_t *root; /* keeps the texts of references */
    struct locked_target *targets;
    size_t count;
};

/* What reading needs besides. */
struct reading {
    struct lockfile *lock;
    const struct registries *registries;
    struct error *error;
};

/* The line is looked up in the file again: jansson forgets it. */
static bool refuse(struct reading *r, const struct place *at, const char *what)
{
    struct buffer name, text;
    char piece[4096];
    size_t n;
    FILE *in = fopen(r->lock->path, "re");
    buffer_init(&text, JSON_FILE_MAX);
    buffer_init(&name, 256);
    while (in && (n = fread(piece, 1, sizeof piece, in)) > 0)
        buffer_add(&text, span_of(piece, n));
    if (in)
        (void)fclose(in);
    place_name(at, &name);
    error_set(r->error, ERROR_CONFIG, "%s:%zu: %s%s%s", r->lock->path,
              place_line(buffer_span(&text), at), name.text ? name.text : "",
              name.len ? ": " : "", what);
    buffer_free(&text);
    buffer_free(&name);
    return false;
}

static bool only_keys(struct reading *r, const json_t *object, const struct place *at,
                      const char *const *known)
{
    const char *key = json_is_object(object) ? json_unknown_key(object, known) : NULL;
    if (!json_is_object(object))
        return refuse(r, at, "must be an object");
    struct place inner = place_member(at, key ? key : "");
    return !key || refuse(r, &inner, "no such key");
}

static const char *text_at(struct reading *r, const json_t *object, const char *key,
                           const struct place *at)
{
    const json_t *value = json_object_get(object, key);
    struct place inner = place_member(at, key);
    if (json_is_string(value))
        return json_string_value(value);
    (void)refuse(r, value ? &inner : at, value ? "must be a text" : "a key is missing");
    return NULL;
}

/* ---- paths ------------------------------------------------------------------------ */

/* Back from the reports' notation (reports/escape.h) to bytes: in front of xHH a run of
 * 2n backslashes is n of them and text, one of 2n + 1 is n of them and the byte. */
static struct span bytes_of(struct arena *arena, const char *text)
{
    char *out = arena_alloc(arena, strlen(text) + 1);
    size_t n = 0;
    if (!out)
        return (struct span){ 0 };
    for (const char *c = text; *c;) {
        size_t run = strspn(c, "\\");
        const char *behind = c + run;
        bool hex = run > 0 && behind[0] == 'x';
        int high = hex ? span_hex_digit((uint8_t)behind[1]) : -1;
        int low = high >= 0 ? span_hex_digit((uint8_t)behind[2]) : -1;
        bool escape = low >= 0;
        if (run == 0) {
            out[n++] = *c++;
            continue;
        }
        memset(out + n, '\\', escape ? run / 2 : run);
        n += escape ? run / 2 : run;
        c = behind;
        if (escape && run % 2 == 1) {
            out[n++] = (char)(16 * high + low);
            c += 3;
        }
    }
    return span_of(out, n);
}

struct span lockfile_target_name(struct span target)
{
    while (span_starts(target, "./") && target.len > 2)
        target = span_slice(target, 2, target.len);
    while (target.len > 1 && span_ends(target, "/"))
        target = span_slice(target, 0, target.len - 1);
    return target;
}

/* ---- reading ---------------------------------------------------------------------- */

static bool is_sha256(const char *text)
{
    return strlen(text) == SHA256_DIGITS &&
           strspn(text, "0123456789abcdef") == SHA256_DIGITS;
}

static bool read_file(struct reading *r, const json_t *value, const struct place *at,
                      struct locked_file *ret_file)
{
    static const char *const known[] = { "path", "size", "sha256", NULL };
    if (!only_keys(r, value, at, known))
        return false;
    const char *path = text_at(r, value, "path", at);
    const char *sha256 = path ? text_at(r, value, "sha256", at) : NULL;
    const json_t *size = json_object_get(value, "size");
    struct place inner = place_member(at, "size");
    if (!sha256)
        return false;
    if (!json_is_integer(size) || json_integer_value(size) < 0)
        return refuse(r, size ? &inner : at, "size must be a number of bytes");
    inner = place_member(at, "sha256");
    if (!is_sha256(sha256))
        return refuse(r, &inner, "must be 64 hexadecimal digits in lower case");
    inner = place_member(at, "path");
    if (!*path)
        return refuse(r, &inner, "must not be empty");
    ret_file->path = bytes_of(r->lock->arena, path);
    ret_file->sha256 = span_of_text(sha256);
    ret_file->size = (uint64_t)json_integer_value(size);
    return true;
}

static int compare_files(const void *a, const void *b)
{
    const struct locked_file *left = a, *right = b;
    return span_compare(left->path, right->path);
}

static bool read_files(struct reading *r, const json_t *list, const struct place *at,
                       struct locked_target *t)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list))
        return refuse(r, at, "must be a list");
    t->files = arena_array(r->lock->arena, count + 1, sizeof *t->files);
    if (!t->files)
        return error_set(r->error, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) {
        struct place element = place_element(at, i);
        if (!read_file(r, json_array_get(list, i), &element, &t->files[i]))
            return false;
    }
    t->count = count;
    if (count)
        qsort(t->files, count, sizeof *t->files, compare_files);
    for (size_t i = 1; i < count; i++)
        if (compare_files(&t->files[i - 1], &t->files[i]) == 0)
            return refuse(r, at, "names a path twice");
    return true;
}

static bool read_origin(struct reading *r, const json_t *value, const struct place *at,
                        struct locked_target *t)
{
    static const char *const known[] = { "reference", "registry", "name", "revision",
                                         NULL };
    struct error why;
    if (!value || json_is_null(value))
        return true;
    if (!only_keys(r, value, at, known))
        return false;
    const char *text = text_at(r, value, "reference", at);
    struct place inner = place_member(at, "reference");
    if (!text)
        return false;
    if (!registries_resolve(r->registries, text, &t->reference, &why))
        return refuse(r, &inner, why.message);
    t->text = text;
    t->revision = span_of_text(json_string_value(json_object_get(value, "revision")));
    return true;
}

/* A text that may be left out or null. */
static bool optional_text(struct reading *r, const json_t *object, const char *key,
                          const struct place *at, const char **ret_text)
{
    const json_t *value = json_object_get(object, key);
    struct place inner = place_member(at, key);
    *ret_text = json_is_string(value) ? json_string_value(value) : NULL;
    return !value || json_is_null(value) || (*ret_text && **ret_text) ||
           refuse(r, &inner, "must be a text, or null");
}

static bool read_signer(struct reading *r, const json_t *value, const struct place *at,
                        struct locked_signer *ret_signer)
{
    static const char *const known[] = { "identity", "issuer", "key", NULL };
    struct locked_signer s = { NULL, NULL, NULL };
    if (!only_keys(r, value, at, known) ||
        !(s.identity = text_at(r, value, "identity", at)) ||
        !optional_text(r, value, "issuer", at, &s.issuer) ||
        !optional_text(r, value, "key", at, &s.key))
        return false;
    if (!*s.identity)
        return refuse(r, at, "an identity must not be empty");
    s.identity = arena_text(r->lock->arena, bytes_of(r->lock->arena, s.identity));
    if (!s.identity)
        return error_set(r->error, ERROR_MEMORY, "out of memory");
    *ret_signer = s;
    return true;
}

static bool read_signers(struct reading *r, const json_t *list, const struct place *at,
                         struct locked_target *t)
{
    size_t count = json_array_size(list);
    if (!list)
        return true;
    if (!json_is_array(list) || count > LOCKED_SIGNERS_MAX)
        return refuse(r, at, "must be a list of at most 16");
    t->signers = arena_array(r->lock->arena, count + 1, sizeof *t->signers);
    if (!t->signers)
        return error_set(r->error, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) {
        struct place element = place_element(at, i);
        if (!read_signer(r, json_array_get(list, i), &element, &t->signers[i]))
            return false;
    }
    t->signer_count = count;
    return true;
}

static bool read_target(struct reading *r, const json_t *value, const struct place *at,
                        struct locked_target *t)
{
    static const char *const known[] = { "target", "origin", "signers", "files", NULL };
    if (!only_keys(r, value, at, known))
        return false;
    const char *name = text_at(r, value, "target", at);
    if (!name)
        return false;
    t->target = lockfile_target_name(bytes_of(r->lock->arena, name));
    struct place inner = place_member(at, "origin");
    if (!read_origin(r, json_object_get(value, "origin"), &inner, t))
        return false;
    inner = place_member(at, "signers");
    if (!read_signers(r, json_object_get(value, "signers"), &inner, t))
        return false;
    inner = place_member(at, "files");
    const json_t *files = json_object_get(value, "files");
    return files ? read_files(r, files, &inner, t) : refuse(r, at, "has no files");
}

static bool read_root(struct reading *r)
{
    static const char *const known[] = { "schema", "targets", NULL };
    struct lockfile *l = r->lock;
    if (!only_keys(r, l->root, NULL, known))
        return false;
    const char *schema = text_at(r, l->root, "schema", NULL);
    struct place at = place_member(NULL, "schema");
    if (!schema)
        return false;
    if (strcmp(schema, LOCKFILE_SCHEMA) != 0)
        return refuse(r, &at, "this version reads " LOCKFILE_SCHEMA);
    const json_t *targets = json_object_get(l->root, "targets");
    at = place_member(NULL, "targets");
    if (!json_is_array(targets))
        return refuse(r, targets ? &at : NULL, "targets must be a list");
    l->targets = arena_array(l->arena, json_array_size(targets) + 1, sizeof *l->targets);
    if (!l->targets)
        return error_set(r->error, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < json_array_size(targets); i++) {
        struct place element = place_element(&at, i);
        l->count = i + 1; /* so that what was resolved is freed */
        if (!read_target(r, json_array_get(targets, i), &element, &l->targets[i]))
            return false;
        for (size_t k = 0; k < i; k++)
            if (span_compare(l->targets[k].target, l->targets[i].target) == 0)
                return refuse(r, &element, "a target comes twice");
    }
    return true;
}

struct lockfile *lockfile_read(const char *path, const struct registries *registries,
                               struct error *error)
{
    struct lockfile *l = calloc(1, sizeof *l);
    struct reading r = { .lock = l, .registries = registries, .error = error };
    if (!l) {
        error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    l->path = strdup(path);
    l->arena = arena_new(ARENA_MAX);
    bool ok = l->path && l->arena;
    if (!ok)
        error_set(error, ERROR_MEMORY, "out of memory");
    l->root = ok ? json_read_file(path, error) : NULL;
    if (ok && !l->root && error->code == ERROR_IO)
        error->code = ERROR_CONFIG; /* the operator named it: nothing may be scanned */
    ok = l->root && read_root(&r);
    if (ok && arena_exhausted(l->arena))
        ok = error_set(error, ERROR_MEMORY, "%s: out of memory", path);
    if (!ok) {
        lockfile_free(l);
        return NULL;
    }
    return l;
}

void lockfile_free(struct lockfile *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++)
        if (l->targets[i].text)
            reference_free(&l->targets[i].reference);
    json_decref(l->root);
    arena_free(l->arena);
    free(l->path);
    free(l);
}

const char *lockfile_path(const struct lockfile *l)
{
    return l->path;
}

const struct locked_target *lockfile_find(const struct lockfile *l, struct span target,
                                          bool alone)
{
    struct span name = lockfile_target_name(target);
    for (size_t i = 0; i < l->count; i++)
        if (span_compare(l->targets[i].target, name) == 0)
            return &l->targets[i];
    return alone && l->count == 1 ? &l->targets[0] : NULL;
}
