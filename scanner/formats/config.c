/* Configurations of Hugging Face's libraries that name Python code: config.json,
 * tokenizer_config.json, model_index.json and their kin.
 *
 * Source: transformers/dynamic_module_utils.py, transformers/configuration_utils.py,
 * diffusers/pipelines/pipeline_loading_utils.py. */
#include "formats/inspector.h"

#include "core/tokens.h"

enum { TEXT_MAX = 256, SHOWN = 120, REPORTS_MAX = 16 };

/* What the value of a key asks for. */
static const enum rule_id *asks_for(const char *key, const struct token *value)
{
    static const enum rule_id named = RULE_CONFIG_NAMED_CODE,
                              forced = RULE_CONFIG_FORCED_CODE;
    bool something = value->type != TOKEN_NULL && value->type != TOKEN_FALSE;
    if (strcmp(key, "auto_map") == 0 || strcmp(key, "custom_pipelines") == 0 ||
        strcmp(key, "custom_generate") == 0)
        return something ? &named : NULL;
    if (strcmp(key, "trust_remote_code") == 0)
        return value->type == TOKEN_TRUE || value->number ? &named : NULL;
    /* the name of a repository, whose code is fetched and imported */
    if (strcmp(key, "_attn_implementation_internal") == 0 ||
        strcmp(key, "_experts_implementation_internal") == 0)
        return value->type == TOKEN_STRING && span_find(value->text, "/", 0) != SIZE_MAX
                   ? &forced
                   : NULL;
    return NULL;
}

/* Walk through all of it, and tell `in`, unless it is NULL; whether anything names code.
 */
static bool walk(struct span bytes, struct inspection *in)
{
    static const char *const keys[] = { "auto_map",
                                        "custom_pipelines",
                                        "custom_generate",
                                        "trust_remote_code",
                                        "_attn_implementation_internal",
                                        "_experts_implementation_internal" };
    struct tokens *t = tokens_open(bytes, 0, TEXT_MAX, NULL);
    struct token k;
    unsigned found = 0;
    const char *key = NULL;
    while (t && found < REPORTS_MAX && tokens_next(t, &k) > TOKEN_ERROR) {
        const enum rule_id *rule = key && k.type != TOKEN_KEY ? asks_for(key, &k) : NULL;
        found += rule != NULL;
        if (rule && in)
            inspection_finding(
                in, *rule, k.offset,
                span_slice(bytes, (size_t)k.offset, (size_t)k.offset + SHOWN), "'%s'",
                key);
        key = NULL;
        for (size_t i = 0; k.type == TOKEN_KEY && i < sizeof keys / sizeof *keys; i++)
            if (span_is(k.text, keys[i]))
                key = keys[i];
    }
    tokens_close(t);
    return found > 0;
}

static enum claim claim(const struct inspection *in)
{
    bool config = span_ends_nocase(in->artifact->name, "config.json") ||
                  span_ends_nocase(in->artifact->name, "model_index.json");
    return config && walk(in->bytes, NULL) ? CLAIM_BESIDE : CLAIM_NONE;
}

static void inspect(struct inspection *in)
{
    (void)walk(in->bytes, in);
}

const struct inspector config_inspector = {
    .format = FORMAT_CONFIG,
    .claim = claim,
    .inspect = inspect,
};
