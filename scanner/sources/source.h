/* source.h: from targets on the command line to files that can be opened.
 *
 * Local files and directories: a walk that follows no link out of the root, refuses
 * FIFOs, devices and sockets, survives directory loops and gives a stable order. */
#ifndef SOURCE_H
#define SOURCE_H

#include "core/error.h"
#include "core/result.h"

/* One file to look at.  Strings live in the list's arena. */
struct source_file {
    struct span path; /* relative to the target; the target's own name for a file */
    struct span real; /* for a link: what it points at, relative to the target */
    uint64_t size;
    struct span problem; /* not empty: it must be reported as failed, with this reason */
    struct source_file *next;
};

struct source_list {
    struct arena *arena;
    struct span target; /* as the operator named it */
    int root_fd;        /* O_PATH of the directory, or of the parent of a single file */
    bool directory;
    struct source_file *files; /* sorted by path, bytewise */
    uint64_t excluded;         /* files that --exclude took out */
};

struct source_options {
    const char *const *exclude; /* NULL-terminated globs on the relative path, or NULL */
};

/* ERROR_NOT_FOUND when the target does not exist. */
bool source_open(const char *target, const struct source_options *o,
                 struct source_list *ret_list, struct error *error);
void source_close(struct source_list *list);

/* A read-only descriptor of one file of the list: never follows a link that leaves
 * the root, never blocks, always a regular file.  -1 with the reason otherwise. */
int source_file_open(const struct source_list *list, const struct source_file *file,
                     struct error *error);

#endif
