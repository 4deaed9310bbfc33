/* registry.h: the trust table, registries.d/ (docs/registries.md).
 *
 * One file a registry, strict JSON with // comments; later directories override
 * earlier ones by id.  Never loaded from the scan target.  A struct registries owns
 * everything it hands out; it is read-only after loading and may be shared by threads. */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "core/error.h"
#include "core/result.h"

/* Lists are NULL-terminated and never NULL; a text that an entry leaves out is NULL. */
struct registry {
    const char *id, *name; /* "huggingface", "HuggingFace Hub" */
    enum trust trust;      /* low, medium, high or internal */
    const char *description, *advice;
    const char *base_url, *api_url, *model_url, *documentation;
    const char *location; /* "own server": where it lies when there is no base_url */
    bool has_api;
    const char *driver;              /* json-rest, oci, git-dvc */
    const char *path;                /* the file it came from */
    const char *endpoint;            /* the default one */
    const char *const *endpoint_env; /* variables that name the operator's endpoint */
    const char *const *scope_env;    /* … the operator's part of a shared service */
    const char *const *token_env;    /* variables that hold credentials */
    const char *const *hosts;        /* whose URLs it claims */
    const char *const *lowered;      /* "medium: the publisher is not …", a rule each */
    const char *const *forms, *const *examples; /* how references are written */
};

struct registries;

/* Reads *.json of each directory in order; one that does not exist is passed over.
 * NULL with an error that names file and line.  The list is NULL-terminated. */
struct registries *registries_load(const char *const *directories, struct error *error);
void registries_free(struct registries *r); /* NULL is fine */

size_t registries_count(const struct registries *r);
const struct registry *registries_at(const struct registries *r, size_t i); /* by id */
const struct registry *registries_find(const struct registries *r, const char *id);

enum { REFERENCE_VARIABLES_MAX = 16 };

/* What a reference means: a registry and its captured parts, percent-decoded once.
 * Decoded text is UTF-8 without control characters, backslashes, "." and ".." segments.
 */
struct reference {
    const struct registry *registry;
    char *name, *revision; /* "org/model"; revision NULL when the reference has none */
    bool pinned;           /* the revision names one version for good: no tag, no alias */
    struct {
        const char *key; /* the registry's */
        char *value;
    } variables[REFERENCE_VARIABLES_MAX];
    size_t variable_count;
};

/* "hf:org/model@rev", "https://civitai.com/models/4201".  False with ERROR_USAGE and a
 * hint when no registry claims it or it is malformed; with ERROR_CONFIG when two
 * registries claim it or a pattern does not compile. */
bool registries_resolve(const struct registries *r, const char *text,
                        struct reference *ret_reference, struct error *error);
void reference_free(struct reference *ref);

/* Does it begin like a reference: with a scheme that an entry knows ("hf:"), or as a URL?
 * Then it is none other, whether it resolves or not; never a path. */
bool registries_claim(const struct registries *r, const char *text);
const char *reference_variable(const struct reference *ref,
                               const char *key); /* or NULL */

/* The environment is read in cli/ only, so callers say how: getenv, or a test's table. */
typedef const char *environment_lookup(const char *name);

/* The level of a registry as such: `internal` only where the operator configured an
 * endpoint of it, else unknown (DESIGN section 5).  Any other level is the table's. */
enum trust registry_trust(const struct registry *r, environment_lookup *env);

/* The level that counts for one reference: never above registry_trust(), lowered by the
 * entry's rules, and `internal` only when its host, account, project … is the
 * operator's own.  *ret_why (may be NULL) is a sentence, owned by the registry or static.
 */
enum trust reference_trust(const struct reference *ref, environment_lookup *env,
                           const char **ret_why);

/* Is one file a valid registry entry?  Every problem goes to `report`, one line each as
 * "file:line: text"; true when there is none.  Its examples must resolve to it also
 * among `others`, which may be NULL. */
bool registry_check(const char *path, const struct registries *others,
                    struct buffer *report);

#endif
