/* driver.h: what an entry of registries.d tells the drivers, beyond its requests.
 *
 * Everything is borrowed from the registry or lives in the arena that was handed in.
 * Lists are NULL-terminated and never NULL; a text that an entry leaves out is NULL. */
#ifndef DRIVER_H
#define DRIVER_H

#include "core/json.h"
#include "registry/registry.h"
#include "registry/transport.h"

/* Where a reference is asked for, and whether credentials may go there.  An operator's
 * variable wins; a reference that names a server of its own goes there, without
 * credentials unless the operator configured it.  False with ERROR_USAGE that names the
 * variables when there is none. */
bool registry_endpoint(const struct reference *ref, environment_lookup *env,
                       struct arena *arena, const char **ret_url, bool *ret_own,
                       struct error *error);

/* Fill variables that the reference leaves open from the operator's environment
 * ("endpoint.scope", "endpoint.variables").  Before registry_endpoint(). */
bool reference_fill(struct reference *ref, environment_lookup *env, struct error *error);

/* Whose model it is, in the words of the reference ("identity.publisher"); or NULL. */
const char *reference_publisher(const struct reference *ref, struct arena *arena);

/* "auth", tried in order: a list of objects for net/auth.h, or NULL. */
const json_t *registry_auth(const struct registry *r);

/* How the headers of a download confirm a file. */
struct registry_download {
    const char *const *redirect_hosts; /* a host beyond these is a finding */
    const struct rest_header *headers; /* to send */
    size_t header_count;
    const char *size_header, *revision_header;
    bool resume;
    struct registry_hash_header {
        const char *algorithm, *header;
        size_t digits; /* only a value of this length; 0: any */
        bool base64;
        const char *key; /* "md5" of "crc32c=…,md5=…"; NULL: all of it */
    } const *hash_headers;
    size_t hash_header_count;
};
bool registry_download(const struct registry *r, struct arena *arena,
                       struct registry_download *ret_rules);
/* The endpoint's host, the entry's own hosts, or one of redirect_hosts. */
bool registry_download_host(const struct registry *r, const char *endpoint,
                            const char *url);

/* The stanza of the oci driver, its templates expanded. */
struct registry_oci {
    const char *repository, *reference; /* "library/llama3.2", "3b" */
    const char *const *accept;
    bool fetch_config, referrers;
    const struct rest_header
        *text_layers; /* name: root "layer.NAME"; value: media type */
    size_t text_layer_count;
    uint64_t text_max; /* bytes of each */
};
bool registry_oci(const struct reference *ref, struct arena *arena,
                  struct registry_oci *ret_stanza, struct error *error);

/* The stanza of the git-dvc driver. */
struct registry_git {
    const char *url;  /* to clone, https */
    const char *ref;  /* NULL: the default branch */
    const char *path; /* of the model in it */
    unsigned depth;   /* 0: the whole history */
};
bool registry_git(const struct reference *ref, struct arena *arena,
                  struct registry_git *ret_stanza, struct error *error);

#endif
