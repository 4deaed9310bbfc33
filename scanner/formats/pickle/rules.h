/* rules.h: the lists of globals (rules/pickle/ *.json) that say what a name
 * that a pickle imports is able to do.
 *
 *   { "schema": 1, "library": "torch",
 *     "safe":      { "torch._utils": ["_rebuild_tensor_v2"] },
 *     "instances": { "transformers.training_args": ["TrainingArguments"] },
 *     "dangerous": { "exec-process": { "os": ["system"], "subprocess": ["*"], "pip.*":
 * ["*"] } }, "check":     { "functools": { "partial": "partial" } } }
 *
 * "instances" are classes whose objects may be made and filled with state, but that
 * must not be called.  "*" as a name: every name of the module; a module "x.*": x and all
 * below it. Categories and checks are the rows of checks.def.  The order of
 * precedence: exact dangerous, exact check, exact safe, dangerous wildcard, safe
 * wildcard; so no list can make safe what another calls dangerous by name. Loaded once,
 * before confinement, and only read afterwards. */
#ifndef PICKLE_RULES_H
#define PICKLE_RULES_H

#include "core/error.h"
#include "core/span.h"

enum pickle_class { PICKLE_UNKNOWN, PICKLE_SAFE, PICKLE_CHECK, PICKLE_DANGEROUS };

enum pickle_category {
    PICKLE_CATEGORY_NONE,
#define CATEGORY(symbol, name, what) PICKLE_##symbol,
#include "formats/pickle/checks.def"
#undef CATEGORY
    PICKLE_CATEGORY_COUNT
};

enum pickle_check {
    PICKLE_CHECK_NONE,
#define CHECK(symbol, name, what) PICKLE_CHECK_##symbol,
#include "formats/pickle/checks.def"
#undef CHECK
    PICKLE_CHECK_COUNT
};

struct pickle_verdict {
    enum pickle_class class;
    enum pickle_category category; /* of a dangerous one */
    enum pickle_check check;       /* of a checked one */
    const char *library;           /* whose list named it, or NULL */
    bool exact;                    /* by its full name, not by a wildcard */
};

/* Checks that are about a class: naming it does nothing, its instances are judged. */
static inline bool pickle_check_is_class(enum pickle_check c)
{
    return c == PICKLE_CHECK_INSTANCE || c == PICKLE_CHECK_DISTRIBUTION ||
           c == PICKLE_CHECK_NO_FORMULA;
}

struct pickle_rules;

/* Read data_dir/rules/pickle/ *.json in order of their names, then `extra_files`
 * (NULL-terminated, or NULL).  NULL with *error naming file and key on failure. */
struct pickle_rules *pickle_rules_load(const char *data_dir,
                                       const char *const *extra_files,
                                       struct error *error);
/* One list in memory; `name` stands for the file in errors. */
struct pickle_rules *pickle_rules_read(struct span json, const char *name,
                                       struct error *error);
void pickle_rules_free(struct pickle_rules *rules); /* NULL is fine */

/* Unknown for whatever no list names; `rules` may be NULL. */
struct pickle_verdict pickle_rules_find(const struct pickle_rules *rules,
                                        struct span module, struct span name);

/* Does any list mention this very module? */
bool pickle_rules_know_module(const struct pickle_rules *rules, struct span module);

const char *pickle_rules_digest(const struct pickle_rules *rules); /* sha256, hex */
size_t pickle_rules_count(const struct pickle_rules *rules);

const char *pickle_class_name(enum pickle_class c); /* as reports spell it */
const char *pickle_category_what(enum pickle_category c);

#endif
