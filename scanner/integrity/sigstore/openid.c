#include "integrity/sigstore/openid.h"

#include "integrity/sigstore/identity_token.h"
#include "integrity/strict_json.h"

#include <string.h>

enum { VALUES_MAX = 1 << 12 };

static struct span without_slash(struct span url)
{
    return url.len && url.ptr[url.len - 1] == '/' ? span_slice(url, 0, url.len - 1) : url;
}

static const char *read_provider(struct arena *arena, const json_t *root,
                                 const char *issuer, struct openid_provider *p)
{
    struct span who = { NULL, 0 }, page = who, tokens = who;
    if (!strict_json_text(root, "issuer", &who) || who.len == 0)
        return "its description names no issuer";
    if (!span_equal(without_slash(who), without_slash(span_of_text(issuer))))
        return "its description is of another issuer";
    if (!strict_json_text(root, "authorization_endpoint", &page) || page.len == 0 ||
        !strict_json_text(root, "token_endpoint", &tokens) || tokens.len == 0)
        return "its description names no page to sign in at, or none for tokens";
    *p = (struct openid_provider){ .issuer = arena_text(arena, who),
                                   .authorization_endpoint = arena_text(arena, page),
                                   .token_endpoint = arena_text(arena, tokens) };
    return arena_exhausted(arena) ? "it is too large" : NULL;
}

bool openid_provider_read(struct arena *arena, struct span json, const char *issuer,
                          struct openid_provider *ret_provider, const char **ret_why)
{
    struct strict_json_reason ignored;
    struct openid_provider p;
    json_t *root = strict_json_read(json, OPENID_ANSWER_MAX, VALUES_MAX, &ignored);
    const char *why = json_is_object(root) ? read_provider(arena, root, issuer, &p)
                                           : "it is not a strict JSON object";
    json_decref(root);
    if (why)
        *ret_why = why;
    else
        *ret_provider = p;
    return !why;
}

bool openid_token_read(struct span json, char **ret_token, const char **ret_why)
{
    struct strict_json_reason ignored;
    struct span token = { NULL, 0 };
    const char *why = NULL;
    json_t *root = strict_json_read(json, OPENID_ANSWER_MAX, VALUES_MAX, &ignored);
    if (!json_is_object(root))
        why = "it is not a strict JSON object";
    else if (!strict_json_text(root, "id_token", &token) || token.len == 0)
        why = "there is no identity token in it";
    else if (token.len > IDENTITY_TOKEN_MAX)
        why = "its identity token is too long";
    char *copy = why ? NULL : strndup((const char *)token.ptr, token.len);
    json_decref(root);
    if (copy)
        *ret_token = copy;
    else
        *ret_why = why ? why : "there is no memory for it";
    return copy != NULL;
}
