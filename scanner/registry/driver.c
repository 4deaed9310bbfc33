/* Accessors for the drivers: the endpoint in force, credentials, downloads, stanzas. */
#include "registry/driver.h"

#include "registry/template.h"
#include "registry/uri.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static const char *const *texts_of(struct arena *arena, const json_t *array)
{
    size_t n = json_array_size(array);
    const char **list = arena_array(arena, n + 1, sizeof *list);
    for (size_t i = 0; list && i < n; i++)
        list[i] = json_string_value(json_array_get(array, i));
    return list;
}

static const struct rest_header *pairs_of(struct arena *arena, json_t *object,
                                          size_t *ret_count)
{
    struct rest_header *list =
        arena_array(arena, json_object_size(object) + 1, sizeof *list);
    const char *key;
    json_t *value;
    size_t n = 0;
    json_object_foreach(object, key, value)
    {
        if (list)
            list[n++] =
                (struct rest_header){ .name = key, .value = json_string_value(value) };
    }
    *ret_count = n;
    return list;
}

/* ---- the endpoint ---------------------------------------------------------------- */

/* A scope with the variables of a reference and nothing else. */
static struct scope *plain_scope(const struct rest_session *session, struct arena *arena,
                                 struct rest_result *result)
{
    struct scope *s = malloc(sizeof *s);
    if (s && !scope_init(s, session, arena, result)) {
        free(s);
        return NULL;
    }
    return s;
}

static char *expand_in(const struct reference *ref, const char *template,
                       enum encoding as, struct arena *arena)
{
    struct rest_session session = { .reference = ref, .endpoint = "" };
    struct rest_result result = { 0 };
    struct buffer text;
    char *copy = NULL;
    struct scope *s = plain_scope(&session, arena, &result);
    buffer_init(&text, URL_MAX);
    if (s && template && template_expand(s, template, as, &text))
        copy = arena_text(arena, buffer_span(&text));
    buffer_free(&text);
    if (s)
        scope_free(s);
    free(s);
    return copy;
}

/* The host of a service may be made of variables; each is part of one label. */
static char *service_url(const struct reference *ref, struct arena *arena)
{
    const json_t *root = entry_of(ref->registry)->root;
    const char *template = text_of(json_object_get(root, "endpoint"), "service");
    char *url = expand_in(ref, template, AS_URL, arena);
    size_t dots = 0, wanted = 0;
    for (const char *c = template; c && *c; c++)
        wanted += *c == '.';
    for (const char *c = url; c && *c; c++)
        dots += *c == '.';
    return url && dots == wanted && !strchr(url, '%') ? url : NULL;
}

static const char *without_slash(struct arena *arena, const char *url)
{
    size_t n = strlen(url);
    bool bare = strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0;
    while (n > 0 && url[n - 1] == '/')
        n--;
    struct span text = arena_printf(arena, "%s%.*s", bare ? "https://" : "", (int)n, url);
    return text.len ? (const char *)text.ptr : NULL;
}

static bool same_host(const char *url, const char *host)
{
    char authority[URI_AUTHORITY_MAX + 1];
    return uri_authority_of(url, authority) && strcmp(authority, host) == 0;
}

/* The first variable that is set; with `host`, only if one that is set names it. */
static const char *configured(const struct registry *r, const char *host,
                              environment_lookup *env)
{
    const char *first = NULL;
    bool named = host == NULL;
    for (size_t i = 0; r->endpoint_env[i]; i++) {
        const char *value = env(r->endpoint_env[i]);
        if (!value || !*value)
            continue;
        first = first ? first : value;
        named = named || same_host(value, host);
    }
    return named ? first : NULL;
}

static bool no_endpoint(const struct registry *r, struct error *error)
{
    return error_set(error, ERROR_USAGE, "%s: no endpoint is configured: set %s%s%s",
                     r->id, r->endpoint_env[0] ? r->endpoint_env[0] : "its address",
                     r->scope_env[0] ? " or " : "",
                     r->scope_env[0] ? r->scope_env[0] : "");
}

bool registry_endpoint(const struct reference *ref, environment_lookup *env,
                       struct arena *arena, const char **ret_url, bool *ret_own,
                       struct error *error)
{
    const struct registry *r = ref->registry;
    const char *host = reference_variable(ref, "host"), *service;
    /* a site of the registry's own: the endpoint does not depend on which */
    bool site = host && (host_listed(host, r->hosts) || r->trust != TRUST_INTERNAL);
    const char *url = configured(r, site ? NULL : host, env);
    bool own = true;
    if (!url)
        url = !host || site ? r->endpoint : NULL;
    if (!url && (!host || site || !r->endpoint_env[0]) &&
        (service = service_url(ref, arena))) {
        url = service;
    } else if (!url && host) {
        struct span text = arena_printf(arena, "https://%s", host);
        url = (const char *)text.ptr;
        own = false;
    }
    if (!url)
        return no_endpoint(r, error);
    url = without_slash(arena, url);
    if (!url)
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (strncmp(url, "http://", 7) == 0 && r->trust != TRUST_INTERNAL) {
        char authority[URI_AUTHORITY_MAX + 1] = "";
        if (!uri_authority_of(url, authority) || !uri_loopback(authority))
            return error_set(error, ERROR_USAGE, "%s: the endpoint %.200s must be https",
                             r->id, url);
    }
    *ret_url = url;
    *ret_own = own;
    return true;
}

static bool fill_one(struct reference *ref, const char *key, const char *value)
{
    size_t n = ref->variable_count;
    if (n == REFERENCE_VARIABLES_MAX)
        return false;
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '\\')
            return false;
    ref->variables[n].value = strdup(value);
    if (!ref->variables[n].value)
        return false;
    ref->variables[n].key = key;
    ref->variable_count++;
    return true;
}

bool reference_fill(struct reference *ref, environment_lookup *env, struct error *error)
{
    static const char *const sections[] = { "scope", "variables" };
    const json_t *endpoint = json_object_get(entry_of(ref->registry)->root, "endpoint");
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        const char *key;
        json_t *names;
        json_object_foreach(json_object_get(endpoint, sections[i]), key, names)
        {
            const char *value = NULL;
            for (size_t k = 0; (!value || !*value) && k < json_array_size(names); k++)
                value = env(json_string_value(json_array_get(names, k)));
            if (value && *value && !reference_variable(ref, key) &&
                !fill_one(ref, key, value))
                return error_set(error, ERROR_USAGE, "the value for %s does not fit",
                                 key);
        }
    }
    return true;
}

/* ---- credentials and downloads --------------------------------------------------- */

const json_t *registry_auth(const struct registry *r)
{
    return json_object_get(entry_of(r)->root, "auth");
}

bool registry_download(const struct registry *r, struct arena *arena,
                       struct registry_download *ret_rules)
{
    const json_t *rules_of = json_object_get(entry_of(r)->root, "download");
    const json_t *list = json_object_get(rules_of, "hash_headers");
    size_t n = json_array_size(list);
    struct registry_download d = {
        .redirect_hosts = texts_of(arena, json_object_get(rules_of, "redirect_hosts")),
        .size_header = text_of(rules_of, "size_header"),
        .revision_header = text_of(rules_of, "revision_header"),
        .resume = json_is_true(json_object_get(rules_of, "resume")),
        .hash_header_count = n
    };
    struct registry_hash_header *headers = arena_array(arena, n + 1, sizeof *headers);
    d.headers = pairs_of(arena, json_object_get(rules_of, "headers"), &d.header_count);
    for (size_t i = 0; headers && i < n; i++) {
        const json_t *one = json_array_get(list, i);
        const char *enc = text_of(one, "enc");
        headers[i] = (struct registry_hash_header){
            .algorithm = text_of(one, "alg"),
            .header = text_of(one, "header"),
            .digits = (size_t)json_integer_value(json_object_get(one, "if_len")),
            .base64 = enc && strcmp(enc, "base64") == 0,
            .key = text_of(one, "key")
        };
    }
    d.hash_headers = headers;
    if (!headers || !d.headers || !d.redirect_hosts)
        return false;
    *ret_rules = d;
    return true;
}

bool registry_download_host(const struct registry *r, const char *endpoint,
                            const char *url)
{
    char authority[URI_AUTHORITY_MAX + 1];
    const json_t *list =
        json_object_get(json_object_get(entry_of(r)->root, "download"), "redirect_hosts");
    if (same_origin(url, endpoint))
        return true;
    if (strncmp(url, "https://", 8) != 0 || !uri_authority_of(url, authority))
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *const one[] = { json_string_value(json_array_get(list, i)), NULL };
        if (host_listed(authority, one))
            return true;
    }
    return host_listed(authority, r->hosts);
}

/* ---- stanzas --------------------------------------------------------------------- */

static const char *first_expanded(const struct reference *ref, const json_t *templates,
                                  struct arena *arena)
{
    const char *text = NULL;
    for (size_t i = 0; !text && i < json_array_size(templates); i++)
        text = expand_in(ref, json_string_value(json_array_get(templates, i)), AS_TEXT,
                         arena);
    return text;
}

const char *reference_publisher(const struct reference *ref, struct arena *arena)
{
    const json_t *identity = json_object_get(entry_of(ref->registry)->root, "identity");
    return first_expanded(ref, json_object_get(identity, "publisher"), arena);
}

bool registry_oci(const struct reference *ref, struct arena *arena,
                  struct registry_oci *ret_stanza, struct error *error)
{
    const json_t *oci = json_object_get(entry_of(ref->registry)->root, "oci");
    struct registry_oci o = {
        .repository = expand_in(ref, text_of(oci, "repository"), AS_TEXT, arena),
        .reference = first_expanded(ref, json_object_get(oci, "reference"), arena),
        .accept = texts_of(arena, json_object_get(oci, "accept")),
        .fetch_config = json_is_true(json_object_get(oci, "fetch_config")),
        .referrers = json_is_true(json_object_get(oci, "referrers")),
        .text_max = (uint64_t)json_integer_value(json_object_get(oci, "text_max"))
    };
    o.text_layers =
        pairs_of(arena, json_object_get(oci, "text_layers"), &o.text_layer_count);
    if (!o.repository || !o.reference || !o.accept || !o.text_layers)
        return error_set(error, ERROR_CONFIG, "%s: \"oci\" does not fit this reference",
                         ref->registry->path);
    *ret_stanza = o;
    return true;
}

bool registry_git(const struct reference *ref, struct arena *arena,
                  struct registry_git *ret_stanza, struct error *error)
{
    const json_t *git = json_object_get(entry_of(ref->registry)->root, "git");
    struct registry_git g = {
        .url = expand_in(ref, text_of(git, "clone"), AS_URL, arena),
        .ref = expand_in(ref, text_of(git, "ref"), AS_TEXT, arena),
        .path = expand_in(ref, text_of(git, "path"), AS_TEXT, arena),
        .depth = (unsigned)json_integer_value(json_object_get(git, "depth"))
    };
    bool option = g.ref && g.ref[0] == '-'; /* never an option of git */
    if (!g.url || !g.path || !path_clean(g.path) || option)
        return error_set(error, ERROR_CONFIG, "%s: \"git\" does not fit this reference",
                         ref->registry->path);
    *ret_stanza = g;
    return true;
}
