#include "net/credential.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct credential {
    struct web_origin to;
    size_t size; /* of line, with its NUL */
    char line[];
};

enum { SECRET_MAX = 64 << 10 };

void secret_wipe(void *bytes, size_t size)
{
    if (bytes)
        OPENSSL_cleanse(bytes, size);
}

void credential_free(struct credential *c)
{
    if (!c)
        return;
    secret_wipe(c->line, c->size);
    free(c);
}

struct credential *credential_copy(const struct credential *c)
{
    struct credential *copy = malloc(sizeof *c + c->size);
    if (copy)
        memcpy(copy, c, sizeof *c + c->size);
    return copy;
}

const char *credential_line(const struct credential *c, const struct web_origin *origin)
{
    return c && web_origin_equal(&c->to, origin) ? c->line : NULL;
}

static bool printable(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    return true;
}

/* Room for "name: prefix" and `more` bytes; *ret_at is where they go. */
static struct credential *make(const struct web_origin *to, const char *name,
                               const char *prefix, size_t more, bool plain_ok,
                               size_t *ret_at, struct error *error)
{
    char origin[URL_ORIGIN_MAX + 1];
    if (!to->tls && !plain_ok && !web_origin_loopback(to)) {
        web_origin_text(to, origin);
        (void)error_set(error, ERROR_CONFIG,
                        "no credential is sent to %s without TLS unless http is allowed",
                        origin);
        return NULL;
    }
    size_t at = strlen(name) + 2 + strlen(prefix), size = at + more + 1;
    struct credential *c = calloc(1, sizeof *c + size);
    if (!c) {
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    c->to = *to;
    c->size = size;
    (void)snprintf(c->line, size, "%s: %s", name, prefix);
    *ret_at = at;
    return c;
}

struct credential *credential_header(const struct web_origin *to, const char *name,
                                     const char *prefix, struct span secret,
                                     bool plain_ok, struct error *error)
{
    size_t at;
    if (secret.len == 0 || secret.len > SECRET_MAX || !printable(secret)) {
        (void)error_set(error, ERROR_CONFIG,
                        "a credential is empty, too long, or holds control characters");
        return NULL;
    }
    struct credential *c = make(to, name, prefix, secret.len, plain_ok, &at, error);
    if (c)
        memcpy(c->line + at, secret.ptr, secret.len);
    return c;
}

struct credential *credential_basic(const struct web_origin *to, struct span user,
                                    struct span password, bool plain_ok,
                                    struct error *error)
{
    size_t at, size = user.len + 1 + password.len;
    if (user.len > SECRET_MAX || password.len > SECRET_MAX || !printable(user) ||
        !printable(password) || (user.len && memchr(user.ptr, ':', user.len))) {
        (void)error_set(error, ERROR_CONFIG,
                        "a user name or password is too long, or holds characters that "
                        "it may not hold");
        return NULL;
    }
    uint8_t *pair = malloc(size);
    struct credential *c = NULL;
    if (!pair)
        (void)error_set(error, ERROR_MEMORY, "out of memory");
    else
        c = make(to, "Authorization", "Basic ", (size + 2) / 3 * 4, plain_ok, &at, error);
    if (c) {
        if (user.len)
            memcpy(pair, user.ptr, user.len);
        pair[user.len] = ':';
        if (password.len)
            memcpy(pair + user.len + 1, password.ptr, password.len);
        (void)EVP_EncodeBlock((uint8_t *)c->line + at, pair, (int)size);
    }
    secret_wipe(pair, size);
    free(pair);
    return c;
}
