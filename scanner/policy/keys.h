/* keys.h: the keys of a policy and what their values look like; inside policy/ only. */
#ifndef KEYS_H
#define KEYS_H

#include "policy/demands.h"
#include "registry/registry.h"

enum key_kind {
    KIND_SEVERITY,
    KIND_INCOMPLETE,
    KIND_BOOLEAN,
    KIND_LEVELS,
    KIND_SOURCES,
    KIND_REGISTRIES,
    KIND_GLOBS,
    KIND_FORMATS,
    KIND_VOICES,
    KIND_FILES,
    KIND_COVERAGE,
    KIND_IDENTITIES,
    KIND_FINGERPRINTS,
    KIND_LICENSES,
    KIND_UNKNOWN,
    KIND_DAYS,
    KIND_CHECKS
};

struct key {
    const char *section, *name; /* section "" at the top */
    enum key_kind kind;
    bool top; /* not in overrides */
    const char *help;
};
extern const struct key policy_keys[POLICY_KEYS];

/* The key of that name, or POLICY_KEYS. */
enum policy_key key_find(const char *section, const char *name);
bool key_is_section(const char *name);

/* What is wrong with a value goes to the check's report. */
void key_check(enum policy_key key, struct check *c, const struct registries *registries,
               json_t *value, const struct place *at);

/* The same for one element of a list. */
void key_check_element(enum policy_key key, struct check *c,
                       const struct registries *registries, json_t *value,
                       const struct place *at);

/* "hf:acme/m" as "huggingface:acme/m", with every scheme that a registry is written by;
 * NULL when no registry is.  Without a table the text itself. */
const char *source_canonical(const char *source, const struct registries *registries,
                             struct arena *arena);

/* Make s->demands of s->settings, which key_check() has passed.  False: no memory. */
bool scope_compile(struct scope *s, const struct registries *registries,
                   struct arena *arena);

#endif
