#include "sources/local.h"

#include "sources/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIST_ARENA_MAX = 1 << 30, LINK_TEXT_MAX = 4096 };

/* Directories still to be read, as paths relative to the target with a trailing '/'. */
struct pending {
    struct span path;
    struct pending *next;
};

struct walk {
    struct source_list *list;
    const struct source_options *options;
    struct pending *pending;
    struct source_file **tail;
};

static const char *text(struct span arena_span)
{
    return arena_span.ptr ? (const char *)arena_span.ptr : "";
}

/* ---- what is in a directory ------------------------------------------- */

static bool excluded(const struct walk *w, struct span path)
{
    return source_excluded(w->options, text(path));
}

static struct source_file *add_file(struct walk *w, struct span path)
{
    struct source_file *f = arena_alloc(w->list->arena, sizeof *f);
    if (!f)
        return NULL;
    f->path = path;
    *w->tail = f;
    w->tail = &f->next;
    w->list->count++;
    return f;
}

static void add_problem(struct walk *w, struct span path, const char *problem)
{
    struct source_file *f = add_file(w, path);
    if (f)
        f->problem = arena_copy(w->list->arena, span_of_text(problem));
}

static void add_regular(struct walk *w, struct span path, uint64_t size, struct span link)
{
    struct source_file *f = add_file(w, path);
    if (!f)
        return;
    f->size = size;
    f->link = link;
    w->list->bytes += size;
}

static const char *special_problem(mode_t mode)
{
    if (S_ISFIFO(mode))
        return "a FIFO is not opened";
    if (S_ISSOCK(mode))
        return "a socket is not opened";
    if (S_ISCHR(mode) || S_ISBLK(mode))
        return "a device is not opened";
    return "not a regular file";
}

static const char *link_problem(int error)
{
    switch (error) {
    case EXDEV:
        return "the link leaves the target";
    case ENOENT:
        return "the link points at nothing";
    case ELOOP:
        return "the link points at itself";
    default:
        return "the link cannot be followed";
    }
}

/* The walk meets that directory by itself; who must know of links asks for them. */
static void note_directory_link(struct source_list *list, struct span path)
{
    struct source_file *f = arena_alloc(list->arena, sizeof *f);
    if (!f)
        return;
    f->path = path;
    f->next = list->directory_links;
    list->directory_links = f;
}

/* A link counts as the file it leads to, if that lies beneath the anchor.  A link to a
 * directory beneath it is not followed: the walk meets that directory by itself. */
static void add_link(struct walk *w, int directory, const char *name, struct span path)
{
    struct source_list *list = w->list;
    char target[LINK_TEXT_MAX];
    struct stat st;
    ssize_t n = readlinkat(directory, name, target, sizeof target);
    struct span whole = arena_printf(list->arena, "%s%s", text(list->prefix), text(path));
    int fd = open_beneath(list->anchor_fd, text(whole), O_PATH, true);
    if (n <= 0 || fd < 0 || fstat(fd, &st) != 0)
        add_problem(w, path, link_problem(errno));
    else if (S_ISREG(st.st_mode))
        add_regular(w, path, (uint64_t)st.st_size,
                    arena_copy(list->arena, span_of(target, (size_t)n)));
    else if (!S_ISDIR(st.st_mode))
        add_problem(w, path, special_problem(st.st_mode));
    else if (list->prefix.len)
        add_problem(w, path, "a link to a directory outside the target");
    else
        note_directory_link(list, path);
    if (fd >= 0)
        close(fd);
}

static void add_entry(struct walk *w, int directory, const char *name, struct span parent)
{
    struct source_list *list = w->list;
    struct span path = arena_printf(list->arena, "%s%s", text(parent), name);
    struct stat st;
    if (excluded(w, path)) {
        list->excluded++;
        return;
    }
    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        add_problem(w, path, strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        struct pending *p = arena_alloc(list->arena, sizeof *p);
        if (!p)
            return;
        p->path = arena_printf(list->arena, "%s/", text(path));
        p->next = w->pending;
        w->pending = p;
    } else if (S_ISREG(st.st_mode)) {
        add_regular(w, path, (uint64_t)st.st_size, (struct span){ 0 });
    } else if (S_ISLNK(st.st_mode)) {
        add_link(w, directory, name, path);
    } else {
        add_problem(w, path, special_problem(st.st_mode));
    }
}

static void read_directory(struct walk *w, struct span path)
{
    struct source_list *list = w->list;
    struct span whole =
        arena_printf(list->arena, "%s%s.", text(list->prefix), text(path));
    int fd = open_beneath(list->anchor_fd, text(whole), O_RDONLY | O_DIRECTORY, false);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory) {
        add_problem(w, path.len ? path : span_of_text("."), strerror(errno));
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *e; (e = readdir(directory)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            add_entry(w, fd, e->d_name, path);
    closedir(directory);
}

static int compare_files(const void *a, const void *b)
{
    const struct source_file *const *left = a, *const *right = b;
    return span_compare((*left)->path, (*right)->path);
}

static bool sort_files(struct source_list *list)
{
    struct source_file **order =
        arena_array(list->arena, list->count, sizeof(struct source_file *));
    size_t n = 0;
    if (!order)
        return false;
    for (struct source_file *f = list->files; f; f = f->next)
        order[n++] = f;
    qsort(order, n, sizeof *order, compare_files);
    for (size_t i = 0; i < n; i++)
        order[i]->next = i + 1 < n ? order[i + 1] : NULL;
    list->files = n ? order[0] : NULL;
    return true;
}

/* ---- where a walk may go ----------------------------------------------- */

/* Length of the part of a real path that is a Hugging Face model store
 * (…/models--org--name), when the path goes on inside its snapshots; else 0. */
static size_t store_length(struct span real)
{
    size_t start = span_find(real, "/models--", 0);
    for (size_t last = start; last != SIZE_MAX;
         last = span_find(real, "/models--", last + 1))
        start = last;
    if (start == SIZE_MAX)
        return 0;
    size_t end = span_find(real, "/", start + 1);
    if (end == SIZE_MAX || !span_starts(span_slice(real, end, real.len), "/snapshots/"))
        return 0;
    return end;
}

static bool open_directory(struct source_list *list, const struct source_options *o,
                           struct error *error)
{
    struct walk w = { .list = list, .options = o, .tail = &list->files };
    size_t store = store_length(list->real);
    struct span anchor = store ? span_slice(list->real, 0, store) : list->real;
    list->directory = true;
    if (store)
        list->prefix = arena_printf(list->arena, "%s/", text(list->real) + store + 1);
    list->anchor_fd =
        open(text(arena_copy(list->arena, anchor)), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (list->anchor_fd < 0)
        return error_errno(error, ERROR_IO, "%s", text(list->target));
    read_directory(&w, (struct span){ 0 });
    while (w.pending) {
        struct pending *p = w.pending;
        w.pending = p->next;
        read_directory(&w, p->path);
    }
    if (!sort_files(list) || arena_exhausted(list->arena))
        return error_set(error, ERROR_MEMORY, "%s: too many files", text(list->target));
    return true;
}

static struct span last_component(struct span path)
{
    const char *slash = strrchr(text(path), '/');
    return slash && slash[1] ? span_of_text(slash + 1) : path;
}

static void open_problem(struct source_list *list, int reason)
{
    struct walk w = { .list = list, .tail = &list->files };
    add_problem(&w, last_component(list->target), strerror(reason));
    list->real = list->target;
}

static void open_single(struct source_list *list, const struct stat *st)
{
    struct walk w = { .list = list, .tail = &list->files };
    char target[LINK_TEXT_MAX];
    struct span name = last_component(list->target);
    ssize_t n = readlink(text(list->target), target, sizeof target);
    if (S_ISREG(st->st_mode))
        add_regular(&w, name, (uint64_t)st->st_size,
                    n > 0 ? arena_copy(list->arena, span_of(target, (size_t)n))
                          : (struct span){ 0 });
    else
        add_problem(&w, name, special_problem(st->st_mode));
}

bool local_open(const char *target, const struct source_options *o,
                struct source_list *ret_list, struct error *error)
{
    struct stat st;
    char *real = NULL;
    struct source_list list = { .anchor_fd = -1, .arena = arena_new(LIST_ARENA_MAX) };
    bool ok = false;
    if (!list.arena)
        return error_set(error, ERROR_MEMORY, "out of memory");
    list.target = arena_copy(list.arena, span_of_text(target));
    if (stat(target, &st) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        error_errno(error, ERROR_NOT_FOUND, "%s", target);
        goto out;
    }
    real = stat(target, &st) == 0 ? realpath(target, NULL) : NULL;
    if (!real) { /* it exists and cannot be reached: reported like any other file */
        open_problem(&list, errno);
        ok = true;
        goto out;
    }
    list.real = arena_copy(list.arena, span_of_text(real));
    if (S_ISDIR(st.st_mode)) {
        ok = open_directory(&list, o, error);
    } else {
        open_single(&list, &st);
        ok = !arena_exhausted(list.arena) ||
             error_set(error, ERROR_MEMORY, "out of memory");
    }
out:
    free(real);
    if (ok)
        *ret_list = list;
    else
        source_close(&list);
    return ok;
}

int local_file_open(const struct source_list *list, const struct source_file *file,
                    struct error *error)
{
    const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct buffer path;
    struct stat st;
    buffer_init(&path, SIZE_MAX / 2);
    buffer_add(&path, list->prefix);
    buffer_add(&path, file->path);
    int fd = list->directory
                 ? open_beneath(list->anchor_fd, path.text, flags, file->link.len > 0)
                 : open(text(list->target), flags);
    buffer_free(&path);
    if (fd < 0) {
        error_errno(error, ERROR_IO, "cannot be opened");
        return -1;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        error_set(error, ERROR_IO, "no longer a regular file");
        close(fd);
        return -1;
    }
    return fd;
}
