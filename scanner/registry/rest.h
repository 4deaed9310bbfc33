/* rest.h: asking a registry, as its entry says (docs/registries.md, "Asking a registry").
 *
 * The interpreter of the json-rest driver, and for all drivers the way from answers to
 * metadata, files, hashes, checks and a trust level.  Answers are hostile; whatever they
 * say, the level only falls, unknown is never pass, and work and memory are bounded.
 * Results live in the arena that was handed in. */
#ifndef REST_H
#define REST_H

#include "core/json.h"
#include "registry/image.h"
#include "registry/registry.h"
#include "registry/transport.h"

struct rest_session {
    const struct reference *reference;
    const char *endpoint; /* in force (registry_endpoint()), without a "/" at its end */
    bool own;             /* … and credentials may go there */
    enum trust trust;     /* reference_trust(): where the level starts */
    int64_t now;          /* seconds since 1970 */
    rest_transport *transport;
    void *self;
};

struct rest_hash {
    const char *algorithm; /* "sha256", "blake3", "sha256-prefix", "git-sha1", … */
    const char *value;     /* lower-case hex of the right length */
    bool weak;
    struct rest_hash *next;
};

/* Paths are relative and clean: no "..", no control characters, no duplicates. */
struct rest_file {
    const char *path;
    bool size_known;
    uint64_t size;
    const char *url; /* https (http only where the endpoint is); NULL: see storage */
    /* "s3://bucket/prefix": for a storage driver; path is "", or that of the one file */
    const char *storage;
    const char *etag; /* without quotes: of where it lies, or that it should have there */
    bool credentials; /* url is at the operator's endpoint */
    const char *role, *format; /* in the registry's words; NULL: it says nothing */
    const char *scan;          /* the registry's claim about its safety */
    struct rest_hash *hashes;  /* strongest first */
    struct rest_file *next;
};

struct rest_result {
    struct span id, revision;  /* as the registry tells them; empty: it does not */
    struct metadata *metadata; /* in the order of "map" */
    bool listed;               /* the list of files is known and whole … */
    const char *why_unlisted;  /* … or why not, raw: then the model is incomplete */
    struct rest_file *files;   /* by path */
    size_t file_count, refused_files; /* refused: paths that no file may have */
    enum trust trust;                 /* never above the session's */
    const char *why;                  /* NULL: nothing lowered it */
    struct provenance_check *checks;
    struct finding_list findings; /* trust/renamed, trust/unsafe-path, … */
    struct image *images; /* of a registry of images: the one that is named, then those
                             that it is an index of; each with its signatures */
    const char *rematch;  /* the registry says that the model lies at this URL now */
    uint64_t wait;        /* seconds it asked us to wait; 0: it did not */
};

/* All of the entry's requests, then everything that follows from the answers.  False when
 * a required one is refused, an answer breaks a bound, or memory is short: then
 * *ret_refusal says which kind and error->message quotes the registry (raw). */
bool rest_resolve(const struct rest_session *s, struct arena *arena,
                  struct rest_result *ret_result, enum rest_refusal *ret_refusal,
                  struct error *error);

/* A root that another driver fetched: "manifest", "config", "layer.license". */
struct rest_root {
    const char *name;
    struct span body;
    bool json; /* else only its text and digest can be asked for */
};

/* The same without requests: what follows from answers that a driver got itself. */
bool rest_describe(const struct rest_session *s, const struct rest_root *roots,
                   size_t count, struct arena *arena, struct rest_result *ret_result,
                   struct error *error);

/* JSON of an answer, bounded in size, depth and number of values; *values counts those
 * of all answers.  NULL with an error. */
json_t *answer_parse(struct span body, size_t *values, struct error *error);

/* May a file of a model be called so?  Relative, no ".", "..", empty part, control
 * character, backslash or drive letter, at most 1024 bytes. */
bool path_clean(const char *path);

#endif
