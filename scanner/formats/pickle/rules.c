#include "formats/pickle/rules.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "core/arena.h"
#include "core/json.h"
#include "registry/place.h"

enum {
    RULES_ARENA_MAX = 64 << 20,
    PATH_ROOM = 4096,
    FIRST_SLOTS = 16384,
    MESSAGE_ROOM = 512
};

struct entry {
    const char *module, *name; /* name NULL: only "this module is mentioned" */
    struct pickle_verdict verdict;
};

struct pickle_rules {
    struct arena *arena;
    struct entry **slots; /* open addressing; a power of two, at most half full */
    size_t slot_count, used, count;
    EVP_MD_CTX *hash;
    char digest[65];
};

static const char *const category_names[PICKLE_CATEGORY_COUNT] = {
#define CATEGORY(symbol, name, what) [PICKLE_##symbol] = name,
#include "formats/pickle/checks.def"
#undef CATEGORY
};
static const char *const category_whats[PICKLE_CATEGORY_COUNT] = {
    [PICKLE_CATEGORY_NONE] = "is known to be dangerous",
#define CATEGORY(symbol, name, what) [PICKLE_##symbol] = what,
#include "formats/pickle/checks.def"
#undef CATEGORY
};
static const char *const check_names[PICKLE_CHECK_COUNT] = {
#define CHECK(symbol, name, what) [PICKLE_CHECK_##symbol] = name,
#include "formats/pickle/checks.def"
#undef CHECK
};

const char *pickle_class_name(enum pickle_class c)
{
    static const char *const names[] = {
        [PICKLE_UNKNOWN] = "unknown",
        [PICKLE_SAFE] = "safe",
        [PICKLE_CHECK] = "safe", /* a call that fails its check is a finding of its own */
        [PICKLE_DANGEROUS] = "dangerous",
    };
    return names[c];
}

const char *pickle_category_what(enum pickle_category c)
{
    return category_whats[c];
}

/* Index of `text` in a table that starts at 1; 0 when it is not there. */
static int table_find(const char *const *table, int count, const char *text)
{
    for (int i = 1; i < count; i++)
        if (strcmp(table[i], text) == 0)
            return i;
    return 0;
}

/* A name to look up: module, or module and name, or package + ".*" and name. */
struct key {
    struct span module;
    const char *suffix; /* "" or ".*" */
    struct span name;
    bool module_only;
};

static uint64_t hash_bytes(uint64_t h, struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ s.ptr[i]) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t key_hash(const struct key *k)
{
    uint64_t h = hash_bytes(UINT64_C(0xcbf29ce484222325), k->module);
    h = hash_bytes(h, span_of_text(k->suffix));
    h = (h ^ (k->module_only ? 1U : 0U)) * UINT64_C(0x100000001b3);
    h = hash_bytes(h, k->name);
    return h ^ h >> 29;
}

static bool entry_is(const struct entry *e, const struct key *k)
{
    size_t suffix = strlen(k->suffix), len = strlen(e->module);
    if (k->module_only != !e->name || len != k->module.len + suffix ||
        (k->module.len && memcmp(e->module, k->module.ptr, k->module.len) != 0) ||
        strcmp(e->module + k->module.len, k->suffix) != 0)
        return false;
    return k->module_only || span_is(k->name, e->name);
}

/* The slot that holds the key, or the empty one where it belongs. */
static struct entry **find_slot(const struct pickle_rules *r, const struct key *k)
{
    size_t mask = r->slot_count - 1;
    size_t at = (size_t)key_hash(k) & mask;
    while (r->slots[at] && !entry_is(r->slots[at], k))
        at = (at + 1) & mask;
    return &r->slots[at];
}

static struct key key_of(const struct entry *e)
{
    return (struct key){ .module = span_of_text(e->module),
                         .suffix = "",
                         .name = span_of_text(e->name),
                         .module_only = !e->name };
}

static bool grow(struct pickle_rules *r)
{
    size_t old_count = r->slot_count;
    struct entry **old = r->slots;
    size_t wanted = old_count ? old_count * 2 : FIRST_SLOTS;
    struct entry **slots = calloc(wanted, sizeof *slots);
    if (!slots)
        return false;
    r->slots = slots;
    r->slot_count = wanted;
    for (size_t i = 0; i < old_count; i++)
        if (old[i]) {
            struct key k = key_of(old[i]);
            *find_slot(r, &k) = old[i];
        }
    free(old);
    return true;
}

/* Which of two statements about one name counts. */
static int precedence(const struct pickle_verdict *v)
{
    return v->class == PICKLE_DANGEROUS ? 3 : v->class == PICKLE_CHECK ? 2 : 1;
}

static bool add(struct pickle_rules *r, const char *module, const char *name,
                struct pickle_verdict verdict)
{
    if (r->used * 2 >= r->slot_count && !grow(r))
        return false;
    struct entry wanted = { .module = module, .name = name, .verdict = verdict };
    struct key k = key_of(&wanted);
    struct entry **slot = find_slot(r, &k);
    if (*slot) {
        if (precedence(&verdict) > precedence(&(*slot)->verdict))
            (*slot)->verdict = verdict;
        return true;
    }
    struct entry *e = arena_alloc(r->arena, sizeof *e);
    if (!e)
        return false;
    *e = wanted;
    *slot = e;
    r->used++;
    r->count += name != NULL;
    return true;
}

/* The kind in front keeps the names of one module from passing for a module and its. */
static void digest_text(struct pickle_rules *r, char kind, const char *text)
{
    EVP_DigestUpdate(r->hash, &kind, 1);
    EVP_DigestUpdate(r->hash, text, strlen(text) + 1);
}

static bool out_of_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "pickle rules: out of memory");
}

/* Remember that some list mentions this module; gives the copy that entries use. */
static const char *add_module(struct pickle_rules *r, const char *module)
{
    const char *copy = arena_text(r->arena, span_of_text(module));
    struct pickle_verdict none = { .class = PICKLE_UNKNOWN };
    digest_text(r, 'm', module);
    return copy && add(r, copy, NULL, none) ? copy : NULL;
}

/* One statement of a list: kept and digested. */
static bool add_name(struct pickle_rules *r, const char *module, const char *name,
                     struct pickle_verdict verdict)
{
    const char *copy = arena_text(r->arena, span_of_text(name));
    digest_text(r, 'n', name);
    verdict.exact = strcmp(name, "*") != 0 && !span_ends(span_of_text(module), ".*");
    return copy && add(r, module, copy, verdict);
}

/* A list that is being read. */
struct list {
    struct pickle_rules *rules;
    const char *file, *library;
    struct span text;
    struct error *error;
};

/* "FILE:LINE: message"; always false. */
__attribute__((format(printf, 3, 4))) static bool
complain(const struct list *l, const struct place *at, const char *format, ...)
{
    char message[MESSAGE_ROOM];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return error_set(l->error, ERROR_CONFIG, "%s:%zu: %s", l->file,
                     at ? place_line(l->text, at) : 1, message);
}

/* ["name", …] */
static bool read_module(const struct list *l, const struct place *at, json_t *names,
                        struct pickle_verdict verdict, const char *why)
{
    if (!json_is_array(names) || json_array_size(names) == 0)
        return complain(l, at, "\"%s\": \"%s\" must be a list of names", why, at->key);
    const char *kept = add_module(l->rules, at->key);
    size_t i;
    json_t *name;
    if (!kept)
        return out_of_memory(l->error);
    json_array_foreach(names, i, name)
    {
        struct place element = place_element(at, i);
        if (!json_is_string(name) || json_string_length(name) == 0)
            return complain(l, &element, "\"%s\": \"%s\": name %zu is not a text", why,
                            at->key, i + 1);
        if (!add_name(l->rules, kept, json_string_value(name), verdict))
            return out_of_memory(l->error);
    }
    return true;
}

/* { "module": ["name", …] } */
static bool read_names(const struct list *l, const struct place *at, json_t *modules,
                       struct pickle_verdict verdict)
{
    if (!json_is_object(modules))
        return complain(l, at, "\"%s\" must be an object of lists", at->key);
    const char *module;
    json_t *names;
    digest_text(l->rules, 'w', at->key);
    json_object_foreach(modules, module, names)
    {
        struct place member = place_member(at, module);
        if (!read_module(l, &member, names, verdict, at->key))
            return false;
    }
    return true;
}

static bool read_dangerous(const struct list *l, const struct place *at,
                           json_t *categories)
{
    if (!json_is_object(categories))
        return complain(l, at, "\"dangerous\" must be an object");
    const char *category;
    json_t *modules;
    json_object_foreach(categories, category, modules)
    {
        struct place member = place_member(at, category);
        int id = table_find(category_names, PICKLE_CATEGORY_COUNT, category);
        if (id == 0)
            return complain(l, &member, "unknown category \"%s\"", category);
        struct pickle_verdict v = { .class = PICKLE_DANGEROUS,
                                    .category = (enum pickle_category)id,
                                    .library = l->library };
        if (!read_names(l, &member, modules, v))
            return false;
    }
    return true;
}

/* { "name": "check" } */
static bool read_module_checks(const struct list *l, const struct place *at,
                               json_t *names)
{
    if (!json_is_object(names))
        return complain(l, at, "\"check\": \"%s\" must be an object", at->key);
    const char *kept = add_module(l->rules, at->key), *name;
    json_t *check;
    if (!kept)
        return out_of_memory(l->error);
    json_object_foreach(names, name, check)
    {
        struct place member = place_member(at, name);
        const char *text = json_is_string(check) ? json_string_value(check) : "";
        int id = table_find(check_names, PICKLE_CHECK_COUNT, text);
        if (id == 0)
            return complain(l, &member, "%s.%s: unknown check \"%s\"", at->key, name,
                            text);
        struct pickle_verdict v = { .class = PICKLE_CHECK,
                                    .check = (enum pickle_check)id,
                                    .library = l->library };
        digest_text(l->rules, 'c', text);
        if (!add_name(l->rules, kept, name, v))
            return out_of_memory(l->error);
    }
    return true;
}

/* { "module": { "name": "check" } } */
static bool read_checks(const struct list *l, const struct place *at, json_t *modules)
{
    if (!json_is_object(modules))
        return complain(l, at, "\"check\" must be an object");
    const char *module;
    json_t *names;
    json_object_foreach(modules, module, names)
    {
        struct place member = place_member(at, module);
        if (!read_module_checks(l, &member, names))
            return false;
    }
    return true;
}

/* The keys that every list has. */
static bool read_head(struct list *l, const json_t *root)
{
    static const char *const known[] = { "schema",    "library", "safe", "instances",
                                         "dangerous", "check",   NULL };
    if (!json_is_object(root))
        return complain(l, NULL, "must be an object");
    const char *unknown = json_unknown_key(root, known);
    struct place at = place_member(NULL, unknown);
    if (unknown)
        return complain(l, &at, "unknown key \"%s\"", unknown);
    at = place_member(NULL, "schema");
    if (json_integer_value(json_object_get(root, "schema")) != 1)
        return complain(l, &at, "\"schema\" must be 1");
    at = place_member(NULL, "library");
    const char *library = json_string_value(json_object_get(root, "library"));
    if (!library)
        return complain(l, &at, "\"library\" must be a text");
    l->library = arena_text(l->rules->arena, span_of_text(library));
    return true;
}

static bool read_list(struct list *l, const json_t *root)
{
    if (!read_head(l, root))
        return false;
    json_t *safe = json_object_get(root, "safe");
    json_t *instances = json_object_get(root, "instances");
    json_t *dangerous = json_object_get(root, "dangerous");
    json_t *check = json_object_get(root, "check");
    struct place at_safe = place_member(NULL, "safe"),
                 at_instances = place_member(NULL, "instances"),
                 at_dangerous = place_member(NULL, "dangerous"),
                 at_check = place_member(NULL, "check");
    struct pickle_verdict v = { .class = PICKLE_SAFE, .library = l->library };
    struct pickle_verdict instance = { .class = PICKLE_CHECK,
                                       .check = PICKLE_CHECK_INSTANCE,
                                       .library = l->library };
    return (!safe || read_names(l, &at_safe, safe, v)) &&
           (!instances || read_names(l, &at_instances, instances, instance)) &&
           (!dangerous || read_dangerous(l, &at_dangerous, dangerous)) &&
           (!check || read_checks(l, &at_check, check));
}

static bool read_text(struct pickle_rules *r, const char *file, struct span text,
                      struct error *error)
{
    struct list l = { .rules = r, .file = file, .text = text, .error = error };
    json_t *root = json_read(text, file, error);
    bool ok = root && read_list(&l, root);
    json_decref(root);
    return ok;
}

static struct pickle_rules *rules_new(struct error *error)
{
    struct pickle_rules *r = calloc(1, sizeof *r);
    if (r) {
        r->arena = arena_new(RULES_ARENA_MAX);
        r->hash = EVP_MD_CTX_new();
    }
    if (!r || !r->arena || !r->hash || !grow(r) ||
        EVP_DigestInit_ex(r->hash, EVP_sha256(), NULL) != 1) {
        error_set(error, ERROR_MEMORY, "pickle rules: out of memory");
        pickle_rules_free(r);
        return NULL;
    }
    return r;
}

void pickle_rules_free(struct pickle_rules *r)
{
    if (!r)
        return;
    EVP_MD_CTX_free(r->hash);
    arena_free(r->arena);
    free(r->slots);
    free(r);
}

static void finish_digest(struct pickle_rules *r)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_DigestFinal_ex(r->hash, sum, &len);
    for (unsigned i = 0; i < len && i < 32; i++)
        (void)snprintf(r->digest + 2 * (size_t)i, 3, "%02x", sum[i]);
    EVP_MD_CTX_free(r->hash);
    r->hash = NULL;
}

static bool load_file(struct pickle_rules *r, const char *path, struct error *error)
{
    size_t len = 0;
    char *text = json_file_text(path, &len, error);
    bool ok = text && read_text(r, path, span_of(text, len), error);
    free(text);
    return ok;
}

static int is_list(const struct dirent *d)
{
    return d->d_name[0] != '.' && span_ends(span_of_text(d->d_name), ".json");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool load_directory(struct pickle_rules *r, const char *directory,
                           struct error *error)
{
    struct dirent **names = NULL;
    int n = scandir(directory, &names, is_list, by_name);
    if (n < 0)
        return error_errno(error, ERROR_IO, "%s", directory);
    bool ok = n > 0 ||
              error_set(error, ERROR_CONFIG, "%s: no lists of globals here", directory);
    for (int i = 0; i < n; i++) {
        char path[PATH_ROOM];
        int len = snprintf(path, sizeof path, "%s/%s", directory, names[i]->d_name);
        if (ok && (len < 0 || (size_t)len >= sizeof path))
            ok = error_set(error, ERROR_CONFIG, "%s: the path is too long", directory);
        ok = ok && load_file(r, path, error);
        free(names[i]);
    }
    free(names);
    return ok;
}

struct pickle_rules *pickle_rules_load(const char *data_dir,
                                       const char *const *extra_files,
                                       struct error *error)
{
    char directory[PATH_ROOM];
    int len = snprintf(directory, sizeof directory, "%s/rules/pickle", data_dir);
    if (len < 0 || (size_t)len >= sizeof directory) {
        error_set(error, ERROR_CONFIG, "%s: the path is too long", data_dir);
        return NULL;
    }
    struct pickle_rules *r = rules_new(error);
    bool ok = r && load_directory(r, directory, error);
    for (; ok && extra_files && *extra_files; extra_files++) {
        ok = load_file(r, *extra_files, error);
        if (!ok && error->code == ERROR_IO)
            error->code = ERROR_CONFIG; /* the operator named it */
    }
    if (!ok) {
        pickle_rules_free(r);
        return NULL;
    }
    finish_digest(r);
    return r;
}

struct pickle_rules *pickle_rules_read(struct span json, const char *name,
                                       struct error *error)
{
    struct pickle_rules *r = rules_new(error);
    if (!r || !read_text(r, name, json, error)) {
        pickle_rules_free(r);
        return NULL;
    }
    finish_digest(r);
    return r;
}

static const struct pickle_verdict *lookup(const struct pickle_rules *r,
                                           struct span module, const char *suffix,
                                           struct span name)
{
    struct key k = { .module = module, .suffix = suffix, .name = name };
    const struct entry *e = *find_slot(r, &k);
    return e ? &e->verdict : NULL;
}

/* The strongest statement by wildcard: about this module, then about each package
 * that it lies in. */
static struct pickle_verdict find_wildcard(const struct pickle_rules *r,
                                           struct span module, struct span name)
{
    const struct span star = span_of_text("*");
    struct pickle_verdict best = { .class = PICKLE_UNKNOWN };
    const struct pickle_verdict *v = lookup(r, module, "", star);
    if (v)
        best = *v;
    for (struct span package = module; package.len > 0;) {
        const struct pickle_verdict *by_name = lookup(r, package, ".*", name);
        const struct pickle_verdict *any = lookup(r, package, ".*", star);
        if (by_name && by_name->class > best.class)
            best = *by_name;
        if (any && any->class > best.class)
            best = *any;
        size_t end = package.len - 1;
        while (end > 0 && package.ptr[end] != '.')
            end--;
        package = span_slice(package, 0, end);
    }
    return best;
}

struct pickle_verdict pickle_rules_find(const struct pickle_rules *r, struct span module,
                                        struct span name)
{
    if (!r)
        return (struct pickle_verdict){ .class = PICKLE_UNKNOWN };
    const struct pickle_verdict *exact = lookup(r, module, "", name);
    if (exact && exact->exact)
        return *exact;
    return find_wildcard(r, module, name);
}

bool pickle_rules_know_module(const struct pickle_rules *r, struct span module)
{
    if (!r)
        return false;
    struct key k = { .module = module, .suffix = "", .module_only = true };
    return *find_slot(r, &k) != NULL;
}

const char *pickle_rules_digest(const struct pickle_rules *r)
{
    return r->digest;
}

size_t pickle_rules_count(const struct pickle_rules *r)
{
    return r->count;
}
