#include "sources/oci/docker_login.h"

#include "net/secret.h"

#include <string.h>

static const char hub_key[] = "https://index.docker.io/v1/";

static bool set(const struct auth_place *place, const char *name)
{
    const char *value = place->env ? place->env(name) : NULL;
    return value && *value;
}

/* RFC 6901: what stands in a pointer for a key. */
static void add_key(struct buffer *out, const char *key)
{
    for (; *key; key++)
        if (*key == '/' || *key == '~')
            buffer_add_text(out, *key == '/' ? "~1" : "~0");
        else
            buffer_add(out, span_of(key, 1));
}

static const char *pointer_to(struct arena *arena, const char *key)
{
    struct buffer text;
    buffer_init(&text, 1024);
    buffer_add_text(&text, "/auths/");
    add_key(&text, key);
    buffer_add_text(&text, "/auth");
    const char *copy = text.truncated ? NULL : arena_text(arena, buffer_span(&text));
    buffer_free(&text);
    return copy;
}

/* A helper for this host, else the one for all. */
static const char *helper_in(const json_t *root, const char *key)
{
    const json_t *all = json_object_get(root, "credHelpers");
    const char *one = json_string_value(json_object_get(all, key));
    if (!one)
        one = json_string_value(json_object_get(root, "credsStore"));
    return one && *one ? one : NULL;
}

bool docker_login_find(const struct auth_place *place, const char *host,
                       struct arena *arena, struct docker_login *ret_login)
{
    bool hub = strcmp(host, "docker.io") == 0, found = false;
    const char *const keys[] = { hub ? hub_key : host, hub ? host : NULL, NULL };
    struct docker_login l = { .file = set(place, "REGISTRY_AUTH_FILE")
                                          ? "$REGISTRY_AUTH_FILE"
                                      : set(place, "DOCKER_CONFIG")
                                          ? "$DOCKER_CONFIG/config.json"
                                          : "~/.docker/config.json" };
    struct error ignored;
    char *text = NULL;
    l.pointer = pointer_to(arena, keys[0]);
    json_t *root = secret_file(place, l.file, &text, &ignored) && text
                       ? json_read(span_of_text(text), l.file, &ignored)
                       : NULL;
    secret_file_free(text);
    for (size_t i = 0; keys[i] && !found; i++) {
        const char *pointer = pointer_to(arena, keys[i]);
        found = pointer && json_is_string(secret_pointer(root, pointer));
        if (found)
            l.pointer = pointer;
    }
    const char *helper = found ? NULL : helper_in(root, keys[0]);
    l.helper = helper ? arena_text(arena, span_of_text(helper)) : NULL;
    json_decref(root);
    *ret_login = l;
    return l.pointer && (!helper || l.helper);
}
