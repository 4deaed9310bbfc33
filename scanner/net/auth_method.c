/* "auth" as registry files write it.  The registry's own check has seen it before; what
 * is said here is for whoever uses net/ without one. */
#include "net/auth.h"

#include <string.h>

static bool wrong(struct error *error, const char *what)
{
    return error_set(error, ERROR_CONFIG, "auth: %s", what);
}

/* A list of texts, or one text; a missing one is empty. */
static bool read_list(const json_t *value, struct arena *arena, const char *const **ret,
                      struct error *error)
{
    size_t n = json_is_array(value) ? json_array_size(value) : json_is_string(value);
    const char **list = arena_array(arena, n + 1, sizeof *list);
    if (!list)
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (value && !json_is_array(value) && !json_is_string(value))
        return wrong(error, "a list of texts is expected");
    for (size_t i = 0; i < n; i++) {
        list[i] =
            json_string_value(json_is_array(value) ? json_array_get(value, i) : value);
        if (!list[i])
            return wrong(error, "a list of texts is expected");
    }
    *ret = list;
    return true;
}

static enum auth_kind kind_of(const char *type)
{
    static const struct {
        const char *name;
        enum auth_kind kind;
    } kinds[] = {
        {"none",           AUTH_NONE    },
        { "bearer",        AUTH_BEARER  },
        { "basic",         AUTH_BASIC   },
        { "header",        AUTH_HEADER  },
        { "oci-challenge", AUTH_OCI     },
        { "exchange",      AUTH_EXCHANGE},
        { "sigv4",         AUTH_SIGV4   },
        { "google",        AUTH_GOOGLE  },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(type, kinds[i].name) == 0)
            return kinds[i].kind;
    return AUTH_OTHER;
}

static bool read_json_file(const json_t *object, struct auth_method *m,
                           struct arena *arena, struct error *error)
{
    const char *const *pointers;
    const json_t *path = json_object_get(object, "path");
    if (!object)
        return true;
    if (!read_list(json_object_get(object, "ptr"), arena, &pointers, error))
        return false;
    if (!json_is_string(path) || !pointers[0] || (pointers[1] && pointers[2]))
        return wrong(error, "\"json_file\" needs a path and one or two pointers");
    m->json_file = json_string_value(path);
    m->json_pointer[0] = pointers[0];
    m->json_pointer[1] = pointers[1];
    return true;
}

/* Client credentials of Microsoft Entra ID: tenant, client and secret are in `env`.
 * Source: Microsoft identity platform, "OAuth 2.0 client credentials flow". */
static bool make_azure(struct auth_method *m, const json_t *object, struct arena *arena)
{
    const char *scope = json_string_value(json_object_get(object, "scope"));
    const char **form = arena_array(arena, 5, sizeof *form);
    if (!m->env[0] || !m->env[1] || !m->env[2] || !form)
        return form != NULL; /* without its three variables it stays AUTH_OTHER */
    m->kind = AUTH_EXCHANGE;
    m->exchange_url =
        (const char *)arena_printf(
            arena, "https://login.microsoftonline.com/$%s/oauth2/v2.0/token", m->env[0])
            .ptr;
    m->exchange_pointer = "/access_token";
    form[0] = "grant_type=client_credentials";
    form[1] = (const char *)arena_printf(arena, "client_id=$%s", m->env[1]).ptr;
    form[2] = (const char *)arena_printf(arena, "client_secret=$%s", m->env[2]).ptr;
    form[3] =
        (const char *)arena_printf(
            arena, "scope=%s", scope ? scope : "https://management.azure.com/.default")
            .ptr;
    m->exchange_form = form;
    return !arena_exhausted(arena);
}

bool auth_method_read(const json_t *object, struct arena *arena,
                      struct auth_method *ret_method, struct error *error)
{
    const char *type = json_string_value(json_object_get(object, "type"));
    struct auth_method m = {
        .netrc = json_is_true(json_object_get(object, "netrc")),
        .user = json_string_value(json_object_get(object, "user")),
        .header = json_string_value(json_object_get(object, "header")),
        .exchange_url = json_string_value(json_object_get(object, "token_url")),
        .exchange_pointer = json_string_value(json_object_get(object, "token_ptr")),
    };
    if (!type)
        return wrong(error, "\"type\" is missing");
    m.kind = kind_of(type);
    if (!read_list(json_object_get(object, "env"), arena, &m.env, error) ||
        !read_list(json_object_get(object, "file"), arena, &m.files, error) ||
        !read_list(json_object_get(object, "allow_hosts"), arena, &m.hosts, error) ||
        !read_list(json_object_get(object, "token_form"), arena, &m.exchange_form,
                   error) ||
        !read_json_file(json_object_get(object, "json_file"), &m, arena, error))
        return false;
    if (m.kind == AUTH_HEADER && !m.header)
        return wrong(error, "\"header\" is missing");
    if (m.kind == AUTH_BASIC && !m.user && m.env[0] && !m.env[1])
        m.user = "api";
    if (m.kind == AUTH_EXCHANGE && (!m.exchange_url || !m.exchange_pointer))
        return wrong(error, "an exchange needs \"token_url\" and \"token_ptr\"");
    if (strcmp(type, "azure") == 0 && !make_azure(&m, object, arena))
        return error_set(error, ERROR_MEMORY, "out of memory");
    *ret_method = m;
    return true;
}
