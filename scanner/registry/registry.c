#include "registry/registry.h"

#include "registry/entry.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_LIMIT = 16 << 20, ENTRIES_MAX = 1000, REPORT_MAX = 64 << 10 };

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* A NULL-terminated list of an array's strings; `key` picks that member of elements
 * that are objects.  Never NULL unless memory is short. */
static const char *const *list_of(struct arena *arena, const json_t *array,
                                  const char *key)
{
    size_t n = json_array_size(array), used = 0;
    const char **list = arena_array(arena, n + 1, sizeof *list);
    for (size_t i = 0; list && i < n; i++) {
        const json_t *item = json_array_get(array, i);
        const char *text = key ? text_at(item, key) : json_string_value(item);
        if (text)
            list[used++] = text;
    }
    return list;
}

/* Append an array's strings at list[used]; with a NULL list only count. */
static size_t append(const char **list, size_t used, const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++, used++)
        if (list)
            list[used] = json_string_value(json_array_get(array, i));
    return used;
}

static size_t scope_variables(json_t *root, const char **list)
{
    json_t *scope = json_object_get(json_object_get(root, "endpoint"), "scope"), *names;
    const char *key;
    size_t used = 0;
    json_object_foreach(scope, key, names)
    {
        used = append(list, used, names);
    }
    return used;
}

static size_t token_variables(json_t *root, const char **list)
{
    const json_t *auth = json_object_get(root, "auth");
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(auth); i++)
        used = append(list, used, json_object_get(json_array_get(auth, i), "env"));
    return used;
}

static const char *const *gather(struct arena *arena, json_t *root,
                                 size_t (*variables)(json_t *, const char **))
{
    const char **list = arena_array(arena, variables(root, NULL) + 1, sizeof *list);
    if (list)
        (void)variables(root, list);
    return list;
}

/* What the trust rules come to, for people: "medium: the publisher is …". */
static const char *const *rule_texts(struct arena *arena, const json_t *trust)
{
    const json_t *rules_of = json_object_get(trust, "rules");
    size_t n = json_array_size(rules_of);
    const char **list = arena_array(arena, n + 1, sizeof *list);
    for (size_t i = 0; list && i < n; i++) {
        const json_t *rule = json_array_get(rules_of, i);
        struct span text =
            arena_printf(arena, "%s: %s", text_at(rule, "level"), text_at(rule, "why"));
        list[i] = (const char *)text.ptr;
    }
    return list;
}

static void read_parameters(struct arena *arena, json_t *query, struct pattern *p)
{
    struct parameter *list =
        arena_array(arena, json_object_size(query) + 1, sizeof *list);
    const char *name;
    json_t *how;
    p->parameters = list;
    if (!list)
        return;
    json_object_foreach(query, name, how)
    {
        list[p->parameter_count++] =
            (struct parameter){ .name = name,
                                .variable = json_string_value(how),
                                .expression = text_at(how, "matches"),
                                .groups = list_of(arena, json_object_get(how, "groups"),
                                                  NULL) };
    }
}

static void read_pattern(struct arena *arena, const json_t *match,
                         const char *const *hosts, struct pattern *ret_pattern)
{
    static const char *const parts[] = {
        [PART_REST] = "rest", [PART_PATH] = "path", [PART_FRAGMENT] = "fragment"
    };
    struct pattern p = { .scheme = text_at(match, "scheme"),
                         .hosts = hosts,
                         .form = text_at(match, "form"),
                         .groups =
                             list_of(arena, json_object_get(match, "groups"), NULL) };
    read_parameters(arena, json_object_get(match, "query"), &p);
    if (json_object_get(match, "hosts"))
        p.hosts = list_of(arena, json_object_get(match, "hosts"), NULL);
    for (int part = PART_REST; part <= PART_FRAGMENT; part++)
        if (json_object_get(match, parts[part])) {
            p.part = (enum part)part;
            p.expression = text_at(match, parts[part]);
        }
    *ret_pattern = p;
}

struct entry *entry_new(struct arena *arena, const char *path, json_t *root)
{
    struct entry *e = arena_alloc(arena, sizeof *e);
    if (!e)
        return NULL;
    e->root = root;
    struct registry *r = &e->registry;
    const json_t *urls = json_object_get(root, "urls");
    const json_t *endpoint = json_object_get(root, "endpoint");
    const json_t *matches = json_object_get(root, "match");
    r->id = text_at(root, "id");
    r->name = text_at(root, "name");
    r->description = text_at(root, "description");
    r->advice = text_at(root, "advice");
    r->location = text_at(root, "location");
    r->driver = text_at(root, "driver");
    r->has_api = json_is_true(json_object_get(root, "has_api"));
    r->base_url = text_at(urls, "base");
    r->api_url = text_at(urls, "api");
    r->model_url = text_at(urls, "model");
    r->documentation = text_at(urls, "documentation");
    r->path = arena_text(arena, span_of_text(path));
    r->endpoint = text_at(endpoint, "default");
    r->endpoint_env = list_of(arena, json_object_get(endpoint, "env"), NULL);
    r->scope_env = gather(arena, root, scope_variables);
    r->token_env = gather(arena, root, token_variables);
    r->hosts = list_of(arena, json_object_get(endpoint, "hosts"), NULL);
    r->lowered = rule_texts(arena, json_object_get(root, "trust"));
    r->forms = list_of(arena, matches, "form");
    r->examples = list_of(arena, json_object_get(root, "examples"), NULL);
    (void)trust_parse(text_at(json_object_get(root, "trust"), "default"), &r->trust);
    e->shared = list_of(arena, json_object_get(endpoint, "shared"), NULL);
    e->pattern_count = json_array_size(matches);
    e->patterns = arena_array(arena, e->pattern_count, sizeof *e->patterns);
    for (size_t i = 0; e->patterns && i < e->pattern_count; i++)
        read_pattern(arena, json_array_get(matches, i), r->hosts, &e->patterns[i]);
    return e;
}

/* What another entry says of asking, unless this one says it itself; null takes a member
 * away.  How references are written and trusted is never taken over. */
json_t *entry_extended(json_t *root, json_t *base)
{
    static const char *const sections[] = { "requests", "select",     "map",  "files",
                                            "download", "errors",     "rate", "checks",
                                            "oci",      "error_text", "git" };
    json_t *merged = json_deep_copy(root);
    for (size_t i = 0; merged && i < sizeof sections / sizeof *sections; i++) {
        json_t *inherited = json_deep_copy(json_object_get(base, sections[i])), *member;
        json_t *own = json_object_get(merged, sections[i]);
        const char *key;
        void *next;
        if (json_is_object(inherited) && json_is_object(own))
            json_object_update(inherited, own);
        else if (own) {
            json_decref(inherited);
            continue;
        }
        json_object_foreach_safe(inherited, next, key, member)
        {
            if (json_is_null(member))
                json_object_del(inherited, key);
        }
        if (inherited)
            json_object_set_new(merged, sections[i], inherited);
    }
    return merged;
}

/* A file that was read, until all of them are. */
struct source {
    char *path; /* in the arena */
    json_t *root;
};
struct sources {
    struct arena *arena;
    struct source files[ENTRIES_MAX];
    size_t count;
};

static bool check_source(const char *path, json_t *root, struct error *error)
{
    struct buffer report;
    buffer_init(&report, REPORT_MAX);
    bool ok = entry_check(path, root, &report);
    if (!ok)
        error_set(error, ERROR_CONFIG, "%.*s",
                  (int)span_find(buffer_span(&report), "\n", 0), report.text);
    buffer_free(&report);
    return ok;
}

static const char *id_of(const json_t *root)
{
    const char *id = text_at(root, "id");
    return id ? id : "";
}

/* One file in place of an earlier one with its id, or as a new one.  What extends
 * another entry is checked once that one is known. */
static bool add_file(struct sources *all, const char *path, struct error *error)
{
    json_t *root = json_read_file(path, error);
    if (!root)
        return false;
    if (!json_object_get(root, "extends") && !check_source(path, root, error)) {
        json_decref(root);
        return false;
    }
    size_t i = 0;
    while (i < all->count && strcmp(id_of(all->files[i].root), id_of(root)) != 0)
        i++;
    if (i == ENTRIES_MAX) {
        json_decref(root);
        return error_set(error, ERROR_CONFIG, "%s: more than %d registries", path,
                         ENTRIES_MAX);
    }
    if (i < all->count)
        json_decref(all->files[i].root);
    else
        all->count++;
    all->files[i].root = root;
    all->files[i].path = arena_text(all->arena, span_of_text(path));
    return all->files[i].path ||
           error_set(error, ERROR_MEMORY, "%s: out of memory", path);
}

static bool extend(struct source *f, json_t *base, struct error *error)
{
    const char *id = text_at(f->root, "extends");
    if (!base || json_object_get(base, "extends"))
        return error_set(error, ERROR_CONFIG,
                         "%s:1: extends: %s \"%.80s\", which must be an entry that "
                         "extends none",
                         f->path, base ? "this is" : "there is no", id ? id : "");
    json_t *merged = entry_extended(f->root, base);
    if (!merged || !check_source(f->path, merged, error)) {
        json_decref(merged);
        return merged ? false
                      : error_set(error, ERROR_MEMORY, "%s: out of memory", f->path);
    }
    json_decref(f->root);
    f->root = merged;
    return true;
}

static json_t *source_find(const struct sources *all, const char *id)
{
    for (size_t i = 0; id && i < all->count; i++)
        if (strcmp(id_of(all->files[i].root), id) == 0)
            return all->files[i].root;
    return NULL;
}

/* Entries from the files; the registries own the roots from here on. */
static bool settle(struct registries *r, struct sources *all, struct error *error)
{
    bool ok = true;
    for (size_t i = 0; ok && i < all->count; i++) {
        struct source *f = &all->files[i];
        if (json_object_get(f->root, "extends"))
            ok = extend(f, source_find(all, text_at(f->root, "extends")), error);
    }
    for (size_t i = 0; ok && i < all->count; i++) {
        r->entries[i] = entry_new(r->arena, all->files[i].path, all->files[i].root);
        if (!r->entries[i] || arena_exhausted(r->arena))
            ok = error_set(error, ERROR_MEMORY, "%s: out of memory", all->files[i].path);
    }
    if (ok)
        r->count = all->count;
    for (size_t i = 0; !ok && i < all->count; i++)
        json_decref(all->files[i].root);
    all->count = 0;
    return ok;
}

static int is_entry_file(const struct dirent *d)
{
    return d->d_name[0] != '.' && span_ends(span_of_text(d->d_name), ".json");
}

static bool add_directory(struct sources *all, const char *directory, struct error *error)
{
    struct dirent **files = NULL;
    int n = scandir(directory, &files, is_entry_file, alphasort);
    if (n < 0)
        return errno == ENOENT || error_errno(error, ERROR_IO, "%s", directory);
    bool ok = true;
    struct buffer path;
    buffer_init(&path, 8192);
    for (int i = 0; i < n; i++) {
        buffer_clear(&path);
        buffer_printf(&path, "%s/%s", directory, files[i]->d_name);
        if (ok && (!path.text || path.truncated))
            ok = error_set(error, ERROR_MEMORY, "%s: out of memory", directory);
        ok = ok && add_file(all, path.text, error);
        free(files[i]);
    }
    free(files);
    buffer_free(&path);
    return ok;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *const *left = a, *const *right = b;
    return strcmp((*left)->registry.id, (*right)->registry.id);
}

struct registries *registries_load(const char *const *directories, struct error *error)
{
    struct registries *r = calloc(1, sizeof *r);
    if (r)
        r->arena = arena_new(ARENA_LIMIT);
    if (r && r->arena)
        r->entries = arena_array(r->arena, ENTRIES_MAX, sizeof(struct entry *));
    if (!r || !r->entries) {
        registries_free(r);
        error_set(error, ERROR_MEMORY, "registries: out of memory");
        return NULL;
    }
    struct sources *all = calloc(1, sizeof *all);
    bool ok = all != NULL || error_set(error, ERROR_MEMORY, "registries: out of memory");
    if (all)
        all->arena = r->arena;
    for (size_t i = 0; ok && directories[i]; i++)
        ok = add_directory(all, directories[i], error);
    ok = ok && settle(r, all, error);
    for (size_t i = 0; all && i < all->count; i++)
        json_decref(all->files[i].root);
    free(all);
    if (!ok) {
        registries_free(r);
        return NULL;
    }
    qsort(r->entries, r->count, sizeof(struct entry *), compare_entries);
    return r;
}

void registries_free(struct registries *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++)
        json_decref(r->entries[i]->root);
    arena_free(r->arena);
    free(r);
}

size_t registries_count(const struct registries *r)
{
    return r->count;
}

const struct registry *registries_at(const struct registries *r, size_t i)
{
    return i < r->count ? &r->entries[i]->registry : NULL;
}

const struct registry *registries_find(const struct registries *r, const char *id)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->entries[i]->registry.id, id) == 0)
            return &r->entries[i]->registry;
    return NULL;
}

const struct entry *entry_of(const struct registry *r)
{
    return (const struct entry *)(const void *)r;
}
