#include "core/formats.h"
#include "worker/yara_pack.h"

static const YR_META *find_meta(const YR_RULE *rule, const char *name)
{
    const YR_META *meta;
    yr_rule_metas_foreach(rule, meta)
    {
        if (strcmp(meta->identifier, name) == 0)
            return meta;
    }
    return NULL;
}

static const char *meta_text(const YR_RULE *rule, const char *name)
{
    const YR_META *meta = find_meta(rule, name);
    return meta && meta->type == META_TYPE_STRING ? meta->string : NULL;
}

static bool parse_scope_word(struct span word, struct yara_scope *scope)
{
    bool known = true;
    if (span_is(word, "any"))
        scope->any = true;
    else if (span_is(word, "text"))
        scope->text = true;
    else if (span_is(word, "binary"))
        scope->binary = true;
    else if (span_is(word, "model"))
        scope->formats = UINT64_MAX;
    else
        known = false;
    for (int id = 0; id < FORMAT_COUNT; id++)
        if (span_is(word, formats[id].name) || span_is(word, formats[id].family)) {
            scope->formats |= FORMAT_BIT(id);
            known = true;
        }
    return known;
}

/* "any", or words with ", " between them. */
static bool parse_scope(const char *applies, struct yara_scope *ret_scope)
{
    struct yara_scope scope = { 0 };
    struct span left = span_of_text(applies);
    for (;;) {
        size_t comma = span_find(left, ", ", 0);
        if (!parse_scope_word(span_slice(left, 0, comma), &scope))
            return false;
        if (comma == SIZE_MAX)
            break;
        left = span_slice(left, comma + 2, left.len);
    }
    *ret_scope = scope;
    return true;
}

static bool is_confidence(const char *text)
{
    return strcmp(text, "low") == 0 || strcmp(text, "medium") == 0 ||
           strcmp(text, "high") == 0;
}

static bool wrong_meta(const YR_RULE *rule, const char *name, const char *wanted,
                       struct error *error)
{
    char what[128];
    (void)snprintf(what, sizeof what, "meta %s must be %s", name, wanted);
    return yara_refuse_rule(rule, error, what);
}

/* Meta that both packs understand, and that may be missing. */
static bool read_common_meta(const YR_RULE *rule, struct yara_entry *entry,
                             struct error *error)
{
    const char *severity = meta_text(rule, "severity");
    const char *applies = meta_text(rule, "applies");
    const YR_META *cwe = find_meta(rule, "cwe"), *secret = find_meta(rule, "secret");
    if (find_meta(rule, "severity") &&
        (!severity || !severity_parse(severity, &entry->rule.severity)))
        return wrong_meta(rule, "severity", "one of info, low, medium, high, critical",
                          error);
    if (applies && !parse_scope(applies, &entry->scope))
        return wrong_meta(rule, "applies",
                          "any, or some of text, binary, model and format names", error);
    if (cwe && cwe->type == META_TYPE_INTEGER && cwe->integer >= 0 &&
        cwe->integer <= UINT16_MAX)
        entry->rule.cwe = (unsigned)cwe->integer;
    entry->secret = secret && secret->type == META_TYPE_BOOLEAN && secret->integer != 0;
    return true;
}

/* The pack's own rules: nothing may be missing.  Identifiers cannot hold '-', ids do. */
static bool read_pack_meta(struct arena *arena, const YR_RULE *rule,
                           struct yara_entry *entry, struct error *error)
{
    static const char *const wanted[] = { "severity", "applies", "title", "reference" };
    char *id = arena_text(arena, arena_printf(arena, "yara/%s", rule->identifier));
    for (char *c = id; c && *c; c++)
        if (*c == '_')
            *c = '-';
    const char *said = meta_text(rule, "id");
    if (!id || !said || strcmp(said, id) != 0)
        return wrong_meta(rule, "id", id ? id : "its name", error);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!meta_text(rule, wanted[i]))
            return wrong_meta(rule, wanted[i], "there", error);
    if (!find_meta(rule, "cwe"))
        return wrong_meta(rule, "cwe", "a number, 0 when none fits", error);
    entry->confidence = meta_text(rule, "confidence");
    if (!entry->confidence || !is_confidence(entry->confidence))
        return wrong_meta(rule, "confidence", "low, medium or high", error);
    entry->rule.id = id;
    entry->rule.title = meta_text(rule, "title");
    return true;
}

/* The operator's: written for other tools too, so everything has a default. */
static bool read_operators_meta(struct arena *arena, const YR_RULE *rule,
                                struct yara_entry *entry, struct error *error)
{
    const char *title = meta_text(rule, "title");
    if (!title)
        title = meta_text(rule, "description");
    entry->rule.id = arena_text(arena, arena_printf(arena, "user/%s", rule->identifier));
    entry->rule.title = title ? title : rule->identifier;
    return entry->rule.id || error_set(error, ERROR_MEMORY, "out of memory");
}

bool yara_pack_read_meta(struct yara_pack *p, struct arena *arena, struct error *error)
{
    const YR_RULE *table = p->rules->rules_table;
    p->entries = arena_array(arena, p->rules->num_rules, sizeof *p->entries);
    if (!p->entries)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; i < p->rules->num_rules; i++) {
        struct yara_entry *e = &p->entries[i];
        e->rule.severity = SEVERITY_MEDIUM;
        e->scope.any = !find_meta(&table[i], "applies");
        if (RULE_IS_PRIVATE(&table[i]))
            continue;
        if (!read_common_meta(&table[i], e, error) ||
            !(p->operators ? read_operators_meta : read_pack_meta)(arena, &table[i], e,
                                                                   error))
            return false;
    }
    return true;
}
