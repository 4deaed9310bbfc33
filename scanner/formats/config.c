/* Configurations of Hugging Face's libraries that name Python code: config.json,
 * tokenizer_config.json, model_index.json and their kin.
 *
 * Source: transformers/dynamic_module_utils.py, transformers/configuration_utils.py,
 * diffusers/pipelines/pipeline_loading_utils.py. */
#include "formats/inspector.h"

#include "core/tokens.h"

enum { TEXT_MAX = 256, SHOWN = 120, REPORTS_MAX = 16 };

/* A key, and the values of it that ask for code. */
static const struct setting {
    const char *key;
    enum { ANYTHING, TRUE, REPOSITORY } value; /* whose code is fetched and imported */
    enum rule_id rule;
} settings[] = {
    {"auto_map",                          ANYTHING,   RULE_CONFIG_NAMED_CODE },
    { "custom_pipelines",                 ANYTHING,   RULE_CONFIG_NAMED_CODE },
    { "custom_generate",                  ANYTHING,   RULE_CONFIG_NAMED_CODE },
    { "trust_remote_code",                TRUE,       RULE_CONFIG_NAMED_CODE },
    { "_attn_implementation_internal",    REPOSITORY, RULE_CONFIG_FORCED_CODE},
    { "_experts_implementation_internal", REPOSITORY, RULE_CONFIG_FORCED_CODE},
};

static const struct setting *setting_of(struct span key)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (span_is(key, settings[i].key))
            return &settings[i];
    return NULL;
}

static bool asks_for_code(const struct setting *s, const struct token *value)
{
    switch (s->value) {
    case ANYTHING:
        return value->type != TOKEN_NULL && value->type != TOKEN_FALSE;
    case TRUE:
        return value->type == TOKEN_TRUE || value->number;
    default:
        return value->type == TOKEN_STRING && span_find(value->text, "/", 0) != SIZE_MAX;
    }
}

/* Walk through all of it, and tell `in`, unless it is NULL; whether anything asks for
 * code. */
static bool walk(struct span bytes, struct inspection *in)
{
    struct tokens *t = tokens_open(bytes, 0, TEXT_MAX, NULL);
    struct token k;
    unsigned found = 0;
    const struct setting *s = NULL; /* whose value is next */
    while (t && found < REPORTS_MAX && tokens_next(t, &k) > TOKEN_ERROR) {
        bool asks = s && k.type != TOKEN_KEY && asks_for_code(s, &k);
        found += asks;
        if (asks && in)
            inspection_finding(
                in, s->rule, k.offset,
                span_slice(bytes, (size_t)k.offset, (size_t)k.offset + SHOWN), "'%s'",
                s->key);
        s = k.type == TOKEN_KEY ? setting_of(k.text) : NULL;
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
