#include "worker/yara_pack.h"

enum { ARENA_MAX = 64 << 20 };

const char *yara_reason(int code)
{
    switch (code) {
    case ERROR_INSUFFICIENT_MEMORY:
        return "out of memory";
    case ERROR_COULD_NOT_OPEN_FILE:
        return "it cannot be opened";
    case ERROR_INVALID_FILE:
    case ERROR_CORRUPT_FILE:
        return "it is damaged";
    case ERROR_UNSUPPORTED_FILE_VERSION:
        return "it was compiled by another libyara";
    case ERROR_TOO_MANY_RE_FIBERS:
        return "a regular expression is too complex for these bytes";
    case ERROR_EXEC_STACK_OVERFLOW:
        return "a condition is too deep";
    default:
        return "libyara gave up";
    }
}

struct pack_stream {
    FILE *in;
    struct digester *digest;
};

static size_t read_stream(void *bytes, size_t size, size_t count, void *self)
{
    const struct pack_stream *s = self;
    size_t got = fread(bytes, size, count, s->in);
    digester_add(s->digest, span_of(bytes, got * size));
    return got;
}

static bool load_pack(struct yara_pack *p, const char *path, struct digester *digest,
                      struct error *error)
{
    char header[sizeof YARA_PACK_HEADER + 1] = "";
    FILE *in = fopen(path, "re");
    if (!in)
        return error_errno(error, ERROR_CONFIG, "the compiled byte rules %s", path);
    struct pack_stream source = { in, digest };
    YR_STREAM stream = { .user_data = &source, .read = read_stream };
    int code = ERROR_UNSUPPORTED_FILE_VERSION;
    bool ours = fgets(header, sizeof header, in) && strcmp(header, YARA_PACK_HEADER) == 0;
    if (ours)
        code = yr_rules_load_stream(&stream, &p->rules);
    (void)fclose(in);
    if (!ours)
        return error_set(error, ERROR_CONFIG,
                         "the compiled byte rules %s are not of assay " ASSAY_VERSION
                         " with libyara " YR_VERSION ": install both from one build",
                         path);
    return code == ERROR_SUCCESS ||
           error_set(error, ERROR_CONFIG, "the compiled byte rules %s: %s", path,
                     yara_reason(code));
}

static bool make_scanner(struct yara_pack *p, struct error *error)
{
    int code = yr_scanner_create(p->rules, &p->scanner);
    return code == ERROR_SUCCESS ||
           error_set(error, ERROR_MEMORY, "byte rules: %s", yara_reason(code));
}

static const YR_RULE *rule_of(const struct yara_pack *p, const struct rule *rule)
{
    size_t size = p->rules->num_rules;
    for (size_t i = 0; i < size; i++)
        if (&p->entries[i].rule == rule)
            return &p->rules->rules_table[i];
    return NULL;
}

static int by_id(const void *a, const void *b)
{
    const struct rule *const *x = a, *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

/* All rules of all packs by id.  Two of one name can only be the operator's, from two
 * files: a report could not tell them apart. */
static bool list_rules(struct yara_rules *y, struct error *error)
{
    size_t total = 0;
    for (size_t i = 0; i < y->pack_count; i++)
        total += y->packs[i].rules->num_rules;
    y->list = arena_array(y->arena, total + 1, sizeof(struct rule *));
    if (!y->list)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < y->pack_count; i++)
        for (uint32_t n = 0; n < y->packs[i].rules->num_rules; n++)
            if (y->packs[i].entries[n].rule.id)
                y->list[y->count++] = &y->packs[i].entries[n].rule;
    if (y->count > RULE_TABLE_MAX)
        return error_set(error, ERROR_CONFIG, "more than %d byte rules", RULE_TABLE_MAX);
    qsort(y->list, y->count, sizeof *y->list, by_id);
    for (size_t i = 1; i < y->count; i++)
        if (strcmp(y->list[i - 1]->id, y->list[i]->id) == 0) {
            const struct yara_pack *p = &y->packs[y->pack_count - 1];
            const YR_RULE *a = rule_of(p, y->list[i - 1]), *b = rule_of(p, y->list[i]);
            return error_set(error, ERROR_CONFIG, "rule %s is in %s and in %s",
                             y->list[i]->id, a ? a->ns->name : "?",
                             b ? b->ns->name : "?");
        }
    return true;
}

static bool load(struct yara_rules *y, const char *pack, const char *const *sources,
                 struct digester *digest, struct error *error)
{
    struct yara_pack *own = &y->packs[y->pack_count++];
    bool ok = load_pack(own, pack, digest, error) && make_scanner(own, error) &&
              yara_pack_read_meta(own, y->arena, error);
    if (ok && sources && *sources) {
        struct yara_pack *p = &y->packs[y->pack_count++];
        p->operators = true;
        ok = yara_pack_compile(p, sources, digest, error) && make_scanner(p, error) &&
             yara_pack_try(p, error) && yara_pack_read_meta(p, y->arena, error);
    }
    if (!ok || !list_rules(y, error))
        return false;
    digester_finish(digest);
    return digester_hex(digest, DIGEST_SHA256, y->digest) ||
           error_set(error, ERROR_MEMORY, "byte rules: no digest");
}

struct yara_rules *yara_rules_load(const char *pack, const char *const *sources,
                                   struct error *error)
{
    struct yara_rules *y = calloc(1, sizeof *y);
    struct arena *arena = y ? arena_new(ARENA_MAX) : NULL;
    struct digester *digest = digester_new(DIGEST_BIT(DIGEST_SHA256), 0);
    if (!arena || !digest || yr_initialize() != ERROR_SUCCESS) {
        digester_free(digest);
        arena_free(arena);
        free(y);
        (void)error_set(error, ERROR_MEMORY, "libyara cannot start");
        return NULL;
    }
    y->arena = arena;
    /* Matches are shown from the artifact itself: no copy of each. */
    (void)yr_set_configuration_uint32(YR_CONFIG_MAX_MATCH_DATA, 0);
    bool ok = load(y, pack, sources, digest, error);
    digester_free(digest);
    if (ok)
        return y;
    yara_rules_free(y);
    return NULL;
}

void yara_rules_free(struct yara_rules *y)
{
    if (!y)
        return;
    for (size_t i = 0; i < y->pack_count; i++) {
        if (y->packs[i].scanner)
            yr_scanner_destroy(y->packs[i].scanner);
        if (y->packs[i].rules)
            (void)yr_rules_destroy(y->packs[i].rules);
    }
    (void)yr_finalize();
    arena_free(y->arena);
    free(y);
}

const struct rule *yara_rules_at(const struct yara_rules *y, size_t i)
{
    return i < y->count ? y->list[i] : NULL;
}

const char *yara_rules_digest(const struct yara_rules *y)
{
    return y->digest;
}

struct byte_scanner yara_rules_scanner(struct yara_rules *y)
{
    return (struct byte_scanner){ .self = y, .scan = yara_scan };
}
