/* The operator's rules are tried once on no bytes, before any target is seen. */
#include "worker/yara_pack.h"

enum { TRIAL_SECONDS = 2, SEARCH_SECONDS = 1 };

struct trial {
    const struct yara_pack *pack;
    YR_MEMORY_BLOCK nothing;
    char module[64]; /* that may not be imported; empty: none */
};

/* ---- where a message points ------------------------------------------------------ */

static bool is_word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_';
}

/* `rule name` or `import "name"`. */
static bool line_says(const char *line, const char *word, const char *name)
{
    for (const char *at = line; (at = strstr(at, word)) != NULL; at++) {
        const char *rest = at + strlen(word);
        size_t space = strspn(rest, " \t\"");
        if (space > 0 && strncmp(rest + space, name, strlen(name)) == 0 &&
            !is_word_character(rest[space + strlen(name)]))
            return true;
    }
    return false;
}

/* libyara keeps no lines: they are looked up again.  0: nowhere. */
static unsigned line_of(const char *path, const char *word, const char *name)
{
    unsigned number = 0;
    bool found = false;
    char *line = NULL;
    size_t room = 0;
    FILE *in = fopen(path, "re");
    while (in && !found && getline(&line, &room, in) > 0) {
        number++;
        found = line_says(line, word, name);
    }
    free(line);
    if (in)
        (void)fclose(in);
    return found ? number : 0;
}

bool yara_refuse_rule(const YR_RULE *rule, struct error *error, const char *what)
{
    return error_set(error, ERROR_CONFIG, "%s:%u: rule %s: %s", rule->ns->name,
                     line_of(rule->ns->name, "rule", rule->identifier), rule->identifier,
                     what);
}

static bool refuse_module(const struct trial *t, struct error *error)
{
    const YR_RULES *all = t->pack->rules;
    const char *path = "a byte rule";
    unsigned line = 0;
    for (uint32_t i = 0; line == 0 && i < all->num_rules; i++) {
        path = all->rules_table[i].ns->name;
        line = line_of(path, "import", t->module);
    }
    return error_set(error, ERROR_CONFIG,
                     "%s:%u: it imports the module %s; rules may import dex, dotnet, "
                     "elf, hash, macho, math and pe",
                     path, line, t->module);
}

/* ---- the trial ------------------------------------------------------------------- */

/* Modules that are functions of the bytes.  The others open files (magic), want a
 * sandbox's report (cuckoo), print (console) or look at the clock (time). */
static bool may_import(const char *module)
{
    static const char *const known[] = { "dex",   "dotnet", "elf", "hash",
                                         "macho", "math",   "pe" };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], module) == 0)
            return true;
    return false;
}

static int on_trial(YR_SCAN_CONTEXT *context, int message, void *data, void *self)
{
    struct trial *t = self;
    (void)context;
    const YR_MODULE_IMPORT *import = message == CALLBACK_MSG_IMPORT_MODULE ? data : NULL;
    if (!import || may_import(import->module_name))
        return CALLBACK_CONTINUE;
    (void)snprintf(t->module, sizeof t->module, "%s", import->module_name);
    return CALLBACK_ERROR;
}

static const uint8_t *no_bytes(YR_MEMORY_BLOCK *block)
{
    (void)block;
    return (const uint8_t *)"";
}

static YR_MEMORY_BLOCK *first_block(YR_MEMORY_BLOCK_ITERATOR *blocks)
{
    struct trial *t = blocks->context;
    return &t->nothing;
}

static YR_MEMORY_BLOCK *no_more(YR_MEMORY_BLOCK_ITERATOR *blocks)
{
    (void)blocks;
    return NULL;
}

static uint64_t no_size(YR_MEMORY_BLOCK_ITERATOR *blocks)
{
    (void)blocks;
    return 0;
}

static int try_all(struct trial *t, uint64_t seconds)
{
    YR_MEMORY_BLOCK_ITERATOR blocks = {
        .context = t, .first = first_block, .next = no_more, .file_size = no_size
    };
    return yara_scan_within(t->pack, &blocks, seconds);
}

/* One that does not end is in [low, high): halve that until it is alone.  A rule that
 * ends only because one that it refers to was left out is beyond this; then a
 * neighbour is named. */
static const YR_RULE *find_endless(struct trial *t)
{
    YR_RULE *table = t->pack->rules->rules_table;
    uint32_t low = 0, high = t->pack->rules->num_rules;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        for (uint32_t i = 0; i < t->pack->rules->num_rules; i++)
            (i >= low && i < middle ? yr_rule_enable : yr_rule_disable)(&table[i]);
        if (try_all(t, SEARCH_SECONDS) == ERROR_SCAN_TIMEOUT)
            high = middle;
        else
            low = middle;
    }
    return &table[low];
}

bool yara_pack_try(const struct yara_pack *p, struct error *error)
{
    struct trial t = { .pack = p, .nothing = { .fetch_data = no_bytes } };
    yr_scanner_set_callback(p->scanner, on_trial, &t);
    yr_scanner_set_flags(p->scanner, SCAN_FLAGS_NO_TRYCATCH);
    int code = try_all(&t, TRIAL_SECONDS);
    if (code == ERROR_SUCCESS)
        return true;
    if (t.module[0])
        return refuse_module(&t, error);
    if (code == ERROR_SCAN_TIMEOUT)
        return yara_refuse_rule(find_endless(&t), error,
                                "it does not end, even on an empty file");
    const YR_RULE *rule = yr_scanner_last_error_rule(p->scanner);
    return rule ? yara_refuse_rule(rule, error, yara_reason(code))
                : error_set(error, ERROR_CONFIG, "byte rules: %s", yara_reason(code));
}
