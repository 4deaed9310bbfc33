/* The slow half of validation, for people who write an entry: every pattern compiles,
 * every example resolves to this very entry, every pattern has an example. */
#include "registry/entry.h"
#include "registry/place.h"

#include <stdlib.h>
#include <string.h>

struct verification {
    const struct entry *entry;
    struct buffer *report;
    bool ok;
};

__attribute__((format(printf, 3, 4))) static void
complain_at(struct verification *v, const struct place *at, const char *format, ...)
{
    struct buffer text;
    va_list args;
    buffer_init(&text, 2048);
    va_start(args, format);
    buffer_vprintf(&text, format, args);
    va_end(args);
    entry_problem(v->report, v->entry->registry.path, at, "%s", text.text);
    buffer_free(&text);
    v->ok = false;
}

/* An expression at `at`, and the names of its groups at `groups_at`. */
static void verify_expression(struct verification *v, const char *expression,
                              const char *const *names, const struct place *at,
                              const struct place *groups_at)
{
    struct error why;
    regex_t compiled;
    size_t groups = 0;
    if (!expression_compile(expression, &compiled, &why)) {
        complain_at(v, at, "%s", why.message);
        return;
    }
    while (names[groups])
        groups++;
    if (groups > compiled.re_nsub)
        complain_at(v, groups_at, "names %zu groups, the pattern has %zu", groups,
                    compiled.re_nsub);
    regfree(&compiled);
}

static void verify_parameters(struct verification *v, const struct pattern *p,
                              const struct place *pattern)
{
    const struct place query = { .in = pattern, .key = "query" };
    for (size_t i = 0; i < p->parameter_count; i++) {
        const struct parameter *parameter = &p->parameters[i];
        const struct place here = { .in = &query, .key = parameter->name };
        const struct place matches = { .in = &here, .key = "matches" };
        const struct place groups = { .in = &here, .key = "groups" };
        if (parameter->expression)
            verify_expression(v, parameter->expression, parameter->groups, &matches,
                              &groups);
    }
}

static void verify_patterns(struct verification *v)
{
    static const char *const parts[] = {
        [PART_REST] = "rest", [PART_PATH] = "path", [PART_FRAGMENT] = "fragment"
    };
    const struct place match = { .key = "match" };
    for (size_t i = 0; i < v->entry->pattern_count; i++) {
        const struct pattern *p = &v->entry->patterns[i];
        struct place here = { .in = &match, .index = i };
        struct place part = { .in = &here, .key = parts[p->part] };
        struct place groups_at = { .in = &here, .key = "groups" };
        verify_expression(v, p->expression, p->groups, &part, &groups_at);
        verify_parameters(v, p, &here);
        if (!p->scheme && !p->hosts[0])
            complain_at(v, &here, "has no hosts, here or in \"endpoint\"");
    }
}

static void verify_pinned(struct verification *v)
{
    json_t *pinned = json_object_get(v->entry->root, "pinned"), *expression;
    const struct place at = { .key = "pinned" };
    const char *key;
    json_object_foreach(pinned, key, expression)
    {
        struct place here = { .in = &at, .key = key };
        struct error why;
        regex_t compiled;
        if (expression_compile(json_string_value(expression), &compiled, &why))
            regfree(&compiled);
        else
            complain_at(v, &here, "%s", why.message);
    }
}

/* This entry among the others, in place of one with the same id. */
static struct registries *table_with(struct entry *e, const struct registries *others)
{
    struct registries *r = calloc(1, sizeof *r);
    size_t count = others ? others->count : 0;
    if (r)
        r->entries = calloc(count + 1, sizeof(struct entry *));
    if (!r || !r->entries) {
        free(r);
        return NULL;
    }
    r->entries[r->count++] = e;
    for (size_t i = 0; i < count; i++)
        if (strcmp(others->entries[i]->registry.id, e->registry.id) != 0)
            r->entries[r->count++] = others->entries[i];
    return r;
}

static void verify_examples(struct verification *v, const struct registries *table)
{
    const struct place examples = { .key = "examples" }, match = { .key = "match" };
    const struct entry *e = v->entry;
    bool *used = calloc(e->pattern_count, sizeof *used);
    for (size_t i = 0; used && e->registry.examples[i]; i++) {
        struct place here = { .in = &examples, .index = i };
        const struct pattern *pattern;
        struct reference ref;
        struct error why;
        if (!resolve_pattern(table, e->registry.examples[i], &ref, &pattern, &why)) {
            complain_at(v, &here, "%s", why.message);
            continue;
        }
        if (ref.registry == &e->registry)
            used[pattern - e->patterns] = true;
        else
            complain_at(v, &here, "is a reference to %s (%s)", ref.registry->id,
                        ref.registry->path);
        reference_free(&ref);
    }
    for (size_t i = 0; used && v->ok && i < e->pattern_count; i++) {
        struct place here = { .in = &match, .index = i };
        if (!used[i])
            complain_at(v, &here, "no example is written like this");
    }
    free(used);
}

bool registry_check(const char *path, const struct registries *others,
                    struct buffer *report)
{
    struct error error;
    json_t *root = json_read_file(path, &error);
    if (!root) {
        buffer_printf(report, "%s\n", error.message);
        return false;
    }
    const char *extends = json_string_value(json_object_get(root, "extends"));
    const struct registry *base =
        others && extends ? registries_find(others, extends) : NULL;
    if (base && !json_object_get(entry_of(base)->root, "extends")) {
        json_t *merged = entry_extended(root, entry_of(base)->root);
        json_decref(root);
        root = merged;
    } else if (extends) {
        const struct place at = { .key = "extends" };
        entry_problem(report, path, &at, "\"%.80s\" must be an entry that extends none",
                      extends);
        json_decref(root);
        return false;
    }
    if (!root || !entry_check(path, root, report)) {
        json_decref(root);
        return false;
    }
    struct arena *arena = arena_new((size_t)1 << 20);
    struct entry *e = arena ? entry_new(arena, path, root) : NULL;
    struct registries *table =
        e && !arena_exhausted(arena) ? table_with(e, others) : NULL;
    struct verification v = { .entry = e, .report = report, .ok = table != NULL };
    if (table) {
        verify_patterns(&v);
        verify_pinned(&v);
        if (v.ok)
            verify_examples(&v, table);
        free(table->entries);
    } else {
        buffer_printf(report, "%s: out of memory\n", path);
    }
    free(table);
    json_decref(root);
    arena_free(arena);
    return v.ok;
}
