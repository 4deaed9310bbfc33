/* storage.h: places that hold files and know nothing of models: buckets, containers, web
 * servers, OCI repositories.
 *
 * A driver of storage.def lists what lies at a URI, with the digests that the place
 * tells. Credentials are the operator's for that kind of place, and go to its servers
 * only: those of its provider, or the endpoint in the operator's environment. */
#ifndef STORAGE_H
#define STORAGE_H

#include "net/download.h"
#include "sources/listing.h"
#include "sources/place.h"

struct storage {
    /* in */
    const char *uri;
    struct arena *arena; /* everything that comes out lives here */
    struct http *http;
    const struct auth_place *secrets;
    bool typed; /* the operator wrote the URI: the server it names may be private */
    bool offline;
    bool direct; /* list nothing: storage_object() will name what lies there */
    /* out */
    struct place *places; /* where the files lie, with who we are there */
    struct listing listing;
    struct metadata *metadata, **metadata_end;
    struct span revision;
    struct image *images;    /* of a registry of images */
    const char *base, *tail; /* of `direct`: what goes around an object's name */
    bool slashes_encoded;
    size_t values; /* of JSON answers, so far */
};

/* Zero *s but for its input first; storage_free() ends it, whatever came of it.  A place
 * that holds nothing is REST_NOT_FOUND. */
bool storage_list(struct storage *s, enum rest_refusal *ret_refusal, struct error *error);
void storage_free(struct storage *s); /* credentials and the table; places stay usable
                                         only until then */

/* Of a `direct` storage: the URL of "a/b" below its URI; NULL: no memory. */
const char *storage_object(struct storage *s, const char *name);

/* Complete a download from one of the places, as whoever may load it there. */
bool storage_sign(const struct storage *s,
                  struct download *job); /* false: none of them */

/* ---- for drivers ---- */

typedef bool storage_driver(struct storage *s, enum rest_refusal *ret_refusal,
                            struct error *error);
#define STORAGE(scheme, function) storage_driver function;
#include "sources/storage/storage.def"
#undef STORAGE

/* A server that files lie at; with methods, the operator's credentials for it. */
struct place *storage_place(struct storage *s, const char *endpoint, bool own,
                            const struct auth_method *methods, size_t method_count,
                            struct error *error);

/* Does Azure, or the Azure that the operator names, keep blobs there? */
bool storage_azure_host(struct storage *s, struct span host);

/* "https://host:port/x//" → without slashes at its end; with a scheme if it has none. */
const char *storage_endpoint(struct storage *s, const char *text);

const char *storage_env(const struct storage *s, const char *name); /* NULL: not set */
struct span storage_unquoted(const char *etag); /* NULL is fine, and empty */
bool storage_tell(struct storage *s, const char *key, struct span value);

/* "s3://BUCKET/KEY": what stands behind "//", percent-decoded nowhere.  False with
 * ERROR_USAGE when there is no authority, or what is no URI's. */
bool storage_split(const struct storage *s, struct span *ret_authority,
                   const char **ret_path, struct error *error);

/* The name of a file below a prefix that was asked for: what stands behind it, or the
 * last part of the name when it is all of it.  NULL: it is not below it. */
const char *storage_below(const char *prefix, const char *name);

/* For `direct`: objects lie at `base`, then the prefix and a slash, then their names,
 * then `tail`.  Always true, or false with an error. */
bool storage_direct(struct storage *s, const char *base, const char *prefix, bool slashes,
                    const char *tail, struct error *error);

/* A page of a list in JSON; the caller json_decref()s.  NULL with an error. */
json_t *storage_json(struct storage *s, const struct place *p, const char *url,
                     enum rest_refusal *ret_refusal, struct error *error);

#endif
