#include "sources/source.h"

#include "sources/local.h"
#include "sources/remote.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <unistd.h>

enum { LIST_ARENA_MAX = 1 << 30 };

bool source_excluded(const struct source_options *o, const char *path)
{
    const char *const *glob = o ? o->exclude : NULL;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    for (; glob && *glob; glob++) {
        bool whole = strchr(*glob, '/') != NULL;
        if (fnmatch(*glob, whole ? path : name, whole ? FNM_PATHNAME : 0) == 0)
            return true;
    }
    return false;
}

/* ---- a remote as a list of files ------------------------------------------------- */

static bool list_remote(struct source_list *list, const struct source_options *o)
{
    struct source_file **tail = &list->files;
    for (size_t i = 0; i < remote_count(list->remote); i++) {
        const struct rest_file *from = remote_file(list->remote, i);
        if (source_excluded(o, from->path)) {
            list->excluded++;
            remote_release(list->remote, i);
            continue;
        }
        struct source_file *f = arena_alloc(list->arena, sizeof *f);
        if (!f)
            return false;
        *f = (struct source_file){ .path = span_of_text(from->path), .number = i };
        f->size = from->size_known ? from->size : 0;
        f->problem = span_of_text(remote_file_problem(list->remote, i));
        *tail = f;
        tail = &f->next;
        list->count++;
        list->bytes += f->size;
    }
    return !arena_exhausted(list->arena);
}

static bool open_remote(const char *target, const struct source_options *o,
                        struct source_list *ret_list, struct error *error)
{
    struct source_list list = { .anchor_fd = -1, .directory = true };
    list.remote = remote_open(target, o->remote, error);
    if (!list.remote)
        return false;
    list.arena = arena_new(LIST_ARENA_MAX);
    list.target = list.real =
        list.arena ? arena_copy(list.arena, span_of_text(target)) : (struct span){ 0 };
    if (list.arena && list_remote(&list, o)) {
        *ret_list = list;
        return true;
    }
    source_close(&list);
    return error_set(error, ERROR_MEMORY, "%s: too many files", target);
}

static int open_loaded(const struct source_list *list, const struct source_file *file,
                       struct error *error)
{
    const struct download_result *d = remote_load(list->remote, file->number);
    if (d->state == DOWNLOAD_DONE)
        return download_open(d, error);
    *error = d->error;
    return -1;
}

/* ---- either kind ----------------------------------------------------------------- */

bool source_open(const char *target, const struct source_options *o,
                 struct source_list *ret_list, struct error *error)
{
    if (o && o->remote && o->remote->registries &&
        remote_is_reference(o->remote->registries, target))
        return open_remote(target, o, ret_list, error);
    return local_open(target, o, ret_list, error);
}

int source_file_open(const struct source_list *list, const struct source_file *file,
                     struct error *error)
{
    return list->remote ? open_loaded(list, file, error)
                        : local_file_open(list, file, error);
}

void source_file_release(const struct source_list *list, const struct source_file *file)
{
    if (list->remote)
        remote_release(list->remote, file->number);
}

void source_close(struct source_list *list)
{
    if (list->anchor_fd >= 0)
        close(list->anchor_fd);
    remote_close(list->remote);
    arena_free(list->arena);
    *list = (struct source_list){ .anchor_fd = -1 };
}
