/* source.h: from targets on the command line to files that can be opened.
 *
 * Local files and directories: a walk that follows no link out of the target (or out of
 * the model store that the target lies in), refuses FIFOs, devices and sockets, survives
 * directory loops and gives a stable order.  Needs openat2 (Linux 5.6).
 * References: their registry is asked, and files are loaded when they are opened. */
#ifndef SOURCE_H
#define SOURCE_H

#include "core/arena.h"
#include "core/error.h"

/* One file to look at.  Spans live in the list's arena. */
struct source_file {
    struct span path; /* relative to the target; a single file's own name */
    struct span link; /* not empty: it is a link, and this is its text */
    uint64_t size;
    struct span problem; /* not empty: it cannot be scanned, and why */
    size_t number;       /* of a remote's file */
    struct source_file *next;
};

struct source_list {
    struct arena *arena;
    struct span target; /* as the operator named it */
    struct span real;   /* its real, absolute path */
    bool directory;
    int anchor_fd;      /* the directory no path may leave */
    struct span prefix; /* from the anchor to the target: "" or "snapshots/4f1c…/" */
    struct source_file *files;           /* sorted by path, bytewise */
    struct source_file *directory_links; /* to directories of the target: not followed */
    size_t count;
    uint64_t bytes;
    uint64_t excluded;     /* entries that --exclude took out */
    struct remote *remote; /* where the files come from; NULL: from this machine */
};

struct remote_options;

struct source_options {
    const char *const *exclude; /* globs, or NULL: without '/' they match any name */
    const struct remote_options
        *remote; /* NULL, or one without registries: references are paths */
};

/* ERROR_NOT_FOUND when the target does not exist; of a reference also what remote_open()
 * says. */
bool source_open(const char *target, const struct source_options *o,
                 struct source_list *ret_list, struct error *error);
void source_close(struct source_list *list);

/* A read-only descriptor of one file of the list: beneath the anchor whatever its
 * links say, never blocking, always a regular file.  -1 with the reason otherwise. */
int source_file_open(const struct source_list *list, const struct source_file *file,
                     struct error *error);
void source_file_release(const struct source_list *list, const struct source_file *file);

#endif
