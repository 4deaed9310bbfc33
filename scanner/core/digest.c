#include "core/digest.h"

#include <openssl/evp.h>

struct digester {
    EVP_MD_CTX *contexts[DIGEST_COUNT]; /* NULL: not asked for, or failed */
    uint8_t values[DIGEST_COUNT][EVP_MAX_MD_SIZE];
    unsigned lengths[DIGEST_COUNT]; /* 0 until finished */
};

static const struct {
    const char *name;
    const EVP_MD *(*method)(void);
    bool weak;
} algorithms[DIGEST_COUNT] = {
    [DIGEST_SHA256] = { "sha256", EVP_sha256, false },
    [DIGEST_GIT_SHA1] = { "git-sha1", EVP_sha1, true },
};

const char *digest_name(enum digest_algorithm a)
{
    return algorithms[a].name;
}

bool digest_weak(enum digest_algorithm a)
{
    return algorithms[a].weak;
}

static void drop(struct digester *d, int a)
{
    EVP_MD_CTX_free(d->contexts[a]);
    d->contexts[a] = NULL;
}

static void add_git_header(struct digester *d, uint64_t size)
{
    char header[32];
    int n = snprintf(header, sizeof header, "blob %llu", (unsigned long long)size);
    if (!d->contexts[DIGEST_GIT_SHA1])
        return;
    if (EVP_DigestUpdate(d->contexts[DIGEST_GIT_SHA1], header, (size_t)n + 1) != 1)
        drop(d, DIGEST_GIT_SHA1);
}

struct digester *digester_new(unsigned wanted, uint64_t size)
{
    struct digester *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    for (int a = 0; a < DIGEST_COUNT; a++) {
        if (!(wanted & DIGEST_BIT(a)))
            continue;
        d->contexts[a] = EVP_MD_CTX_new();
        if (d->contexts[a] &&
            EVP_DigestInit_ex(d->contexts[a], algorithms[a].method(), NULL) != 1)
            drop(d, a);
    }
    add_git_header(d, size);
    return d;
}

void digester_free(struct digester *d)
{
    for (int a = 0; d && a < DIGEST_COUNT; a++)
        drop(d, a);
    free(d);
}

void digester_add(struct digester *d, struct span bytes)
{
    for (int a = 0; a < DIGEST_COUNT; a++)
        if (d->contexts[a] && EVP_DigestUpdate(d->contexts[a], bytes.ptr, bytes.len) != 1)
            drop(d, a);
}

void digester_finish(struct digester *d)
{
    for (int a = 0; a < DIGEST_COUNT; a++)
        if (d->contexts[a] &&
            EVP_DigestFinal_ex(d->contexts[a], d->values[a], &d->lengths[a]) != 1)
            d->lengths[a] = 0;
}

bool digester_hex(const struct digester *d, enum digest_algorithm a,
                  char ret_hex[DIGEST_HEX_MAX + 1])
{
    static const char digits[] = "0123456789abcdef";
    if (d->lengths[a] == 0)
        return false;
    for (unsigned i = 0; i < d->lengths[a]; i++) {
        ret_hex[2 * i] = digits[d->values[a][i] >> 4];
        ret_hex[2 * i + 1] = digits[d->values[a][i] & 15];
    }
    ret_hex[2 * d->lengths[a]] = '\0';
    return true;
}
