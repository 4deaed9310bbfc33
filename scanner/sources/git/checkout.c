#include "sources/git/checkout.h"
#include "core/descriptor.h"

#include "core/digest.h"

#include <stdlib.h>
#include <string.h>

static bool no_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "out of memory");
}

bool checkout_below(const char *path, const char *above)
{
    size_t n = strlen(above);
    return n == 0 ||
           (strncmp(path, above, n) == 0 && (path[n] == '\0' || path[n] == '/'));
}

/* ---- the commit ------------------------------------------------------------------ */

static bool keep_file(void *self, const struct git_tree_entry *e)
{
    struct checkout *c = self;
    if (c->count == c->capacity) {
        size_t more = c->capacity ? c->capacity * 2 : 256;
        struct checkout_file *grown = realloc(c->files, more * sizeof *grown);
        if (!grown)
            return false;
        c->files = grown;
        c->capacity = more;
    }
    struct checkout_file *f = &c->files[c->count++];
    *f = (struct checkout_file){ .path = e->path, .mode = e->mode };
    memcpy(f->oid, e->oid, sizeof f->oid);
    return true;
}

static bool read_commit(struct checkout *c, struct error *error)
{
    const struct git_object *o = git_pack_find(&c->pack, c->commit);
    uint8_t tree[GIT_OID_SIZE];
    if (!o || o->type != GIT_COMMIT || !span_starts(o->bytes, "tree ") ||
        !git_oid_parse(span_slice(o->bytes, 5, 5 + GIT_OID_HEX), tree))
        return error_set(error, ERROR_NETWORK, "the git server did not send the commit");
    c->header = o->bytes;
    return git_tree_walk(&c->pack, tree, CHECKOUT_FILES_MAX, keep_file, c, c->arena,
                         error);
}

bool checkout_open(struct checkout *c, const char *url, const char *revision,
                   enum rest_refusal *ret_refusal, struct error *error)
{
    char hex[GIT_OID_HEX + 1];
    c->git = (struct git_remote){ .place = &c->place, .arena = c->arena, .url = url };
    if (!git_remote_open(&c->git, ret_refusal, error) ||
        !git_remote_resolve(&c->git, revision, c->commit, &c->ref, ret_refusal, error) ||
        !git_remote_fetch(&c->git, c->commit, CHECKOUT_BLOB_MAX, &c->pack, ret_refusal,
                          error))
        return false;
    *ret_refusal = REST_MALFORMED;
    git_oid_write(c->commit, hex);
    c->revision = arena_text(c->arena, span_of_text(hex));
    return c->revision ? read_commit(c, error) : no_memory(error);
}

void checkout_close(struct checkout *c)
{
    free(c->files);
    free(c->lfs);
    c->files = NULL;
    c->lfs = NULL;
    c->count = c->capacity = c->lfs_count = 0;
}

bool checkout_read(struct checkout *c, const uint8_t oid[GIT_OID_SIZE],
                   struct span *ret_bytes, enum rest_refusal *ret_refusal,
                   struct error *error)
{
    const struct git_object *o = git_pack_find(&c->pack, oid);
    struct git_pack more = { 0 };
    if (!o) {
        if (!git_remote_fetch(&c->git, oid, 0, &more, ret_refusal, error))
            return false;
        o = git_pack_find(&more, oid);
    }
    *ret_refusal = REST_MALFORMED;
    if (!o || o->type != GIT_BLOB)
        return error_set(error, ERROR_NETWORK,
                         "the git server does not have a file of the "
                         "commit");
    *ret_bytes = o->bytes;
    return true;
}

/* ---- files ----------------------------------------------------------------------- */

static void note_unread(struct checkout *c, const char *path, const char *why)
{
    if (!c->unread)
        c->unread = (const char *)arena_printf(c->arena, "%.200s is %s", path, why).ptr;
}

/* A pointer is small, so it came with the commit. */
static struct lfs_object *pointer_of(struct checkout *c, const struct checkout_file *f)
{
    const struct git_object *o = git_pack_find(&c->pack, f->oid);
    struct lfs_object found, *copy;
    uint32_t kind = f->mode & 0170000;
    if (kind == GIT_MODE_LINK || kind == GIT_MODE_MODULE || !o || o->type != GIT_BLOB ||
        !lfs_pointer_read(o->bytes, &found) ||
        !(copy = arena_alloc(c->arena, sizeof *copy)))
        return NULL;
    *copy = found;
    return copy;
}

static bool note_pointer(struct checkout *c, struct lfs_object *object)
{
    struct lfs_object **grown =
        realloc(c->lfs, (c->lfs_count + 1) * sizeof(struct lfs_object *));
    if (!grown)
        return false;
    c->lfs = grown;
    c->lfs[c->lfs_count++] = object;
    return true;
}

static bool add_plain(struct checkout *c, const struct checkout_file *f,
                      struct listing *list, struct error *error)
{
    const struct git_object *o = git_pack_find(&c->pack, f->oid);
    char hex[GIT_OID_HEX + 1];
    struct rest_file file = { .path = f->path,
                              .size_known = o != NULL,
                              .size = o ? o->bytes.len : 0 };
    git_oid_write(f->oid, hex);
    listing_hash(c->arena, &file, DIGEST_GIT_SHA1, LISTING_HEX, span_of_text(hex));
    return file.hashes ? listing_add(list, &file, error) : no_memory(error);
}

static bool add_pointed(struct checkout *c, const struct checkout_file *f,
                        const struct lfs_object *object, struct listing *list,
                        struct error *error)
{
    struct rest_file file = { .path = f->path, .size_known = true, .size = object->size };
    file.url = object->url;
    listing_hash(c->arena, &file, DIGEST_SHA256, LISTING_HEX, span_of_text(object->oid));
    if (!object->url) {
        note_unread(c, f->path, "not on the LFS server");
        return true;
    }
    return listing_add(list, &file, error);
}

static bool wanted(const struct checkout_file *f, const char *path)
{
    return checkout_below(f->path, path);
}

/* Pointers are asked for together, so they are collected first. */
static bool collect_pointers(struct checkout *c, const char *path, size_t *ret_first,
                             enum rest_refusal *ret_refusal, struct error *error)
{
    *ret_first = c->lfs_count;
    for (size_t i = 0; i < c->count; i++) {
        const struct checkout_file *f = &c->files[i];
        struct lfs_object *o = wanted(f, path) ? pointer_of(c, f) : NULL;
        if (o && !note_pointer(c, o))
            return no_memory(error);
    }
    size_t n = c->lfs_count - *ret_first;
    return n == 0 || lfs_locate(&c->place, c->git.url, c->lfs + *ret_first, n, c->arena,
                                ret_refusal, error);
}

bool checkout_list(struct checkout *c, const char *path, struct listing *list,
                   enum rest_refusal *ret_refusal, struct error *error)
{
    size_t next;
    if (!collect_pointers(c, path, &next, ret_refusal, error))
        return false;
    *ret_refusal = REST_MALFORMED;
    for (size_t i = 0; i < c->count; i++) {
        const struct checkout_file *f = &c->files[i];
        struct lfs_object ignored;
        const struct git_object *o = git_pack_find(&c->pack, f->oid);
        if (!wanted(f, path))
            continue;
        if ((f->mode & 0170000) == GIT_MODE_LINK) {
            note_unread(c, f->path, "a link, which is not followed");
        } else if ((f->mode & 0170000) == GIT_MODE_MODULE) {
            note_unread(c, f->path, "another repository, which is not loaded");
        } else if (o && o->type == GIT_BLOB && lfs_pointer_read(o->bytes, &ignored)) {
            if (!add_pointed(c, f, c->lfs[next++], list, error))
                return false;
        } else if (!add_plain(c, f, list, error)) {
            return false;
        }
    }
    return true;
}

/* ---- for drivers ----------------------------------------------------------------- */

bool checkout_sign(const struct checkout *c, struct download *job)
{
    bool here = place_holds(&c->place, job->url);
    job->auth = here ? c->place.auth : NULL;
    job->private_ok = job->plain_ok = here && c->place.own;
    for (size_t i = 0; i < c->lfs_count; i++)
        if (c->lfs[i]->url && strcmp(c->lfs[i]->url, job->url) == 0) {
            /* the server's own credential for this object takes the place of ours */
            job->headers = c->lfs[i]->headers;
            job->auth = c->lfs[i]->headers ? NULL : job->auth;
            return true;
        }
    return here;
}

/* Bytes that are in memory anyway, as a file without a name. */
static int file_of(struct span bytes, struct error *error)
{
    int fd = descriptor_of(bytes);
    if (fd < 0)
        (void)error_errno(error, ERROR_IO,
                          "a file of the repository cannot be kept in memory");
    return fd;
}

int checkout_file_open(struct checkout *c, const struct rest_file *file,
                       struct error *error)
{
    const struct rest_hash *h = file->hashes;
    enum rest_refusal refusal;
    struct span bytes;
    uint8_t oid[GIT_OID_SIZE];
    while (h && strcmp(h->algorithm, digest_name(DIGEST_GIT_SHA1)) != 0)
        h = h->next;
    if (!h || !git_oid_parse(span_of_text(h->value), oid)) {
        (void)error_set(error, ERROR_NETWORK, "it is no file of the repository");
        return -1;
    }
    return checkout_read(c, oid, &bytes, &refusal, error) ? file_of(bytes, error) : -1;
}
