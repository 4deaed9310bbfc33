/* dvc_file.h: what a DVC repository tracks, and where its bytes are kept.
 *
 * Of files that a git server sent, so hostile.  Paths come out relative to the
 * repository, with ".." taken back; what leaves it is refused.  Source: dvc, schema.py,
 * config_schema.py; dvc-data, hashfile. */
#ifndef DVC_FILE_H
#define DVC_FILE_H

#include "core/arena.h"
#include "core/error.h"

struct dvc_out {
    const char *path;   /* "models/a.pkl" */
    const char *md5;    /* 32 digits; of a directory that of the list of its files */
    const char *remote; /* NULL: the default one */
    const char *root;   /* directory of the file that says so: "" or "sub" */
    bool directory;
    bool legacy; /* before 3.0: line ends of a text do not count, no "files/md5/" */
    bool frozen, sized;
    uint64_t size;
    struct dvc_out *next;
};

/* The outputs of a .dvc file or dvc.lock at `file`, in front of *ret_outs.  Outputs that
 * DVC does not keep by MD5 are passed over and counted.  False: malformed, with the
 * reason. */
bool dvc_outs_read(struct span text, const char *file, struct arena *arena,
                   struct dvc_out **ret_outs, size_t *ret_passed, struct error *error);

/* What dvc.yaml at `file` says of the artifact at `path`; false: nothing, or unreadable.
 */
struct dvc_artifact {
    struct span type, desc, labels; /* labels: joined by a comma */
};
bool dvc_artifact_find(struct span text, const char *file, const char *path,
                       struct arena *arena, struct dvc_artifact *ret_artifact);

/* The URL of a remote (NULL: of the default one) in .dvc/config, and its endpointurl;
 * empty: there is none. */
struct dvc_remote {
    struct span name, url, endpoint;
};
struct dvc_remote dvc_remote_find(struct span config, const char *name);

/* Where an object is below its remote: "files/md5/ab/cdef…[.dir]". */
const char *dvc_object_path(struct arena *arena, const char *md5, bool directory,
                            bool legacy);

/* "a/b" below "sub" → "sub/a/b"; NULL: it leaves the repository, or is absolute. */
const char *dvc_path(struct arena *arena, const char *directory, struct span path);

#endif
