/* registry.h: the trust table, registries.d (docs/registries.md).
 *
 * One file a registry, strict JSON with // comments; later directories override
 * earlier ones by id.  Never loaded from the scan target.  A struct registries owns
 * everything it hands out; it is read-only after loading and may be shared by threads. */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "core/error.h"
#include "core/result.h"

struct registry {
    const char *id, *name; /* "huggingface", "HuggingFace Hub" */
    enum trust trust;      /* low, medium, high or internal */
    const char *description, *advice;
    const char *base_url, *api_url, *model_url,
        *documentation; /* NULL where there is none */
    bool has_api;
    const char *driver; /* json-rest, oci, git-dvc */
    const char *path;   /* the file it came from */
    const char *const
        *endpoint_env; /* NULL-terminated: variables that configure an endpoint */
    const char *const *examples; /* NULL-terminated: references it matches */
};

struct registries;

/* Reads *.json of each directory in order; one that does not exist is passed over.
 * Errors name file and line.  NULL-terminated list. */
struct registries *registries_load(const char *const *directories, struct error *error);
void registries_free(struct registries *r); /* NULL is fine */

size_t registries_count(const struct registries *r);
const struct registry *registries_at(const struct registries *r, size_t i); /* by id */
const struct registry *registries_find(const struct registries *r, const char *id);

enum { REFERENCE_VARIABLES_MAX = 16 };

/* What a reference means: a registry and its captured parts, percent-decoded once. */
struct reference {
    const struct registry *registry;
    char *name, *revision; /* "org/model"; revision NULL when the reference has none */
    bool pinned;           /* the revision is an immutable id */
    struct {
        const char *key;
        char *value;
    } variables[REFERENCE_VARIABLES_MAX];
    size_t variable_count;
};

/* Has the operator configured an endpoint of this registry?  Looked up by the caller
 * (the environment is read in cli/ only). */
typedef const char *environment_lookup(const char *name);

/* "hf:org/model@rev", "https://civitai.com/models/4201".  False with ERROR_USAGE and
 * a hint when no registry claims it, or when it carries control characters, "..", … */
bool registries_resolve(const struct registries *r, const char *text,
                        struct reference *ret_reference, struct error *error);
void reference_free(struct reference *ref);

/* The level that counts: internal only where `env` shows a configured endpoint,
 * else unknown (DESIGN section 5). */
enum trust registry_trust(const struct registry *r, environment_lookup *env);

/* Is one file a valid registry entry?  Every problem goes to `report`, one line each
 * as file:line: text; true when there is none. */
bool registry_check(const char *path, struct buffer *report);

#endif
