#include "sources/listing.h"

#include "core/base64.h"

#include <stdlib.h>
#include <string.h>

static void refuse(struct listing *l, const char *path, const char *why)
{
    struct span message = arena_printf(l->arena, "the server lists a file that %s", why);
    l->refused++;
    (void)finding_add(&l->findings, l->arena, &rules[RULE_TRUST_LISTING], 0, message,
                      span_of_text(path));
}

static bool make_room(struct listing *l)
{
    if (l->count < l->capacity)
        return true;
    size_t more = l->capacity ? l->capacity * 2 : 64;
    struct rest_file **grown = realloc(l->files, more * sizeof(struct rest_file *));
    if (!grown)
        return false;
    l->files = grown;
    l->capacity = more;
    return true;
}

bool listing_add(struct listing *l, const struct rest_file *file, struct error *error)
{
    if (!path_clean(file->path)) {
        refuse(l, file->path, "has a path that no file may have");
        return true;
    }
    if (l->count + l->refused >= LISTING_MAX)
        return error_set(error, ERROR_NETWORK, "the server lists more than %d files",
                         LISTING_MAX);
    struct rest_file *copy = arena_alloc(l->arena, sizeof *copy);
    if (!copy || !make_room(l))
        return error_set(error, ERROR_MEMORY,
                         "the list of files needs more memory than allowed");
    *copy = *file;
    copy->path = arena_text(l->arena, span_of_text(file->path));
    copy->next = NULL;
    if (!copy->path)
        return error_set(error, ERROR_MEMORY,
                         "the list of files needs more memory than allowed");
    l->files[l->count++] = copy;
    return true;
}

/* ---- digests ----------------------------------------------------------------------- */

static struct span lower_hex(struct arena *arena, struct span text)
{
    char *copy = arena_text(arena, text);
    for (char *c = copy; c && *c; c++) {
        if (*c >= 'A' && *c <= 'F')
            *c = (char)(*c - 'A' + 'a');
        if (!((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'f')))
            return span_of(NULL, 0);
    }
    return span_of_text(copy);
}

void listing_hash(struct arena *arena, struct rest_file *file,
                  enum digest_algorithm algorithm, enum listing_encoding encoding,
                  struct span text)
{
    struct span bytes, hex = { 0 };
    if (text.len == 0 || text.len > DIGEST_HEX_MAX)
        return;
    if (encoding == LISTING_HEX)
        hex = lower_hex(arena, text);
    else if (base64_decode(arena, text, &bytes))
        hex = hex_encode(arena, bytes);
    if (hex.len != digest_digits(algorithm))
        return;
    struct rest_hash *hash = arena_alloc(arena, sizeof *hash);
    if (!hash)
        return;
    *hash = (struct rest_hash){ .algorithm = digest_name(algorithm),
                                .value = arena_text(arena, hex),
                                .weak = digest_weak(algorithm),
                                .next = file->hashes };
    if (hash->value)
        file->hashes = hash;
}

/* ---- the end --------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const struct rest_file *const *left = a, *const *right = b;
    return strcmp((*left)->path, (*right)->path);
}

/* The same contents under one name, by size and every digest that both have. */
static bool alike(const struct rest_file *a, const struct rest_file *b)
{
    const struct rest_hash *left = a->hashes, *right = b->hashes;
    for (; left && right; left = left->next, right = right->next)
        if (strcmp(left->algorithm, right->algorithm) != 0 ||
            strcmp(left->value, right->value) != 0)
            return false;
    return a->hashes && !left && !right && a->size_known == b->size_known &&
           a->size == b->size;
}

/* Is it a directory of other files, too?  They need not stand next to it: "a-b" comes
 * between "a" and "a/b". */
static bool in_the_way(const struct listing *l, size_t at)
{
    const char *path = l->files[at]->path;
    size_t n = strlen(path), low = at + 1, high = l->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *other = l->files[middle]->path;
        int order = strncmp(other, path, n);
        if (order < 0 || (order == 0 && (unsigned char)other[n] < '/'))
            low = middle + 1;
        else
            high = middle;
    }
    return low < l->count && strncmp(l->files[low]->path, path, n) == 0 &&
           l->files[low]->path[n] == '/';
}

static void append(struct rest_result *result, struct rest_file *file)
{
    struct rest_file **end = &result->files;
    while (*end)
        end = &(*end)->next;
    *end = file;
}

/* What is there twice and not the same is refused. */
static struct rest_file *link_files(struct listing *l, size_t *ret_count)
{
    struct rest_file *first = NULL, **end = &first;
    *ret_count = 0;
    for (size_t i = 0, next; i < l->count; i = next) {
        bool same = true;
        for (next = i + 1;
             next < l->count && strcmp(l->files[i]->path, l->files[next]->path) == 0;
             next++)
            same = same && alike(l->files[i], l->files[next]);
        if (!same) {
            refuse(l, l->files[i]->path,
                   "is there more than once, each time with other contents");
            continue;
        }
        if (in_the_way(l, i)) {
            refuse(l, l->files[i]->path, "is a directory of other files, too");
            continue;
        }
        *end = l->files[i];
        end = &l->files[i]->next;
        ++*ret_count;
    }
    *end = NULL;
    return first;
}

static void add_findings(struct rest_result *result, const struct listing *l)
{
    for (const struct finding *f = l->findings.first; f; f = f->next)
        (void)finding_add(&result->findings, l->arena, f->rule, f->offset, f->message,
                          f->evidence);
    uint64_t rest = l->findings.dropped;
    result->findings.count += rest;
    result->findings.dropped += rest;
}

bool listing_finish(struct listing *l, struct rest_result *result, struct error *error)
{
    size_t count;
    if (l->count)
        qsort(l->files, l->count, sizeof(struct rest_file *), compare);
    struct rest_file *files = link_files(l, &count);
    if (arena_exhausted(l->arena))
        return error_set(error, ERROR_MEMORY,
                         "the list of files needs more memory than allowed");
    append(result, files);
    result->file_count += count;
    result->refused_files += l->refused;
    add_findings(result, l);
    result->listed = result->why_unlisted == NULL && l->refused == 0;
    if (l->refused && !result->why_unlisted)
        result->why_unlisted = "the list names files that may not exist";
    return true;
}

void listing_free(struct listing *l)
{
    free(l->files);
    l->files = NULL;
    l->count = l->capacity = 0;
}
