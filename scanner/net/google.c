#include "net/google.h"

#include "core/base64.h"
#include "net/secret.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

static const char token_url[] = "https://oauth2.googleapis.com/token";
static const char scope[] = "https://www.googleapis.com/auth/cloud-platform";
enum { JWT_MAX = 16 << 10, JWT_SECONDS = 3600 };

/* ---- the file -------------------------------------------------------------------- */

static char *copy_of(const json_t *root, const char *key)
{
    const char *text = json_string_value(json_object_get(root, key));
    return text && *text ? strdup(text) : NULL;
}

static void wipe(char **text)
{
    if (*text)
        secret_wipe(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void google_key_wipe(struct google_key *k)
{
    char **const all[] = { &k->word,   &k->email,         &k->pem,     &k->id,
                           &k->client, &k->client_secret, &k->refresh, &k->url };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        wipe(all[i]);
}

static bool url_allowed(const char *text)
{
    struct url url;
    struct error ignored;
    if (!url_parse(text, &url, &ignored))
        return false;
    bool fine = url.origin.tls && web_origin_matches(&url.origin, "*.googleapis.com");
    url_free(&url);
    return fine;
}

static bool read_key(const char *text, const char *shown, struct google_key *k,
                     struct error *error)
{
    struct error ignored;
    json_t *root = json_read(span_of_text(text), shown, &ignored);
    k->email = copy_of(root, "client_email");
    k->pem = copy_of(root, "private_key");
    k->id = copy_of(root, "private_key_id");
    k->client = copy_of(root, "client_id");
    k->client_secret = copy_of(root, "client_secret");
    k->refresh = copy_of(root, "refresh_token");
    k->url = copy_of(root, "token_uri");
    json_decref(root);
    if (!k->url)
        k->url = strdup(token_url);
    if (!k->url || !url_allowed(k->url))
        return error_set(error, ERROR_CONFIG,
                         "%s: its token service does not lie at googleapis.com", shown);
    return (k->email && k->pem) || (k->client && k->client_secret && k->refresh) ||
           error_set(error, ERROR_CONFIG,
                     "%s: neither a service account nor a user's credential", shown);
}

bool google_key_find(const struct auth_method *m, const struct auth_place *place,
                     struct google_key *ret_key, struct error *error)
{
    struct google_key k = { .word = NULL };
    char shown[80] = "~/.config/gcloud/application_default_credentials.json";
    char *text = NULL;
    bool ok = true;
    for (size_t i = 1; m->env[0] && m->env[i] && !k.word; i++) {
        const char *value = place->env ? place->env(m->env[i]) : NULL;
        k.word = value && *value ? strdup(value) : NULL;
        (void)snprintf(k.source, sizeof k.source, "%s", m->env[i]);
    }
    if (!k.word) {
        const char *named = m->env[0] && place->env ? place->env(m->env[0]) : NULL;
        if (named && *named)
            (void)snprintf(shown, sizeof shown, "$%s", m->env[0]);
        ok = secret_file(place, shown, &text, error) &&
             (!text || read_key(text, shown, &k, error));
        (void)snprintf(k.source, sizeof k.source, "%s", shown);
    }
    secret_file_free(text);
    if (ok)
        *ret_key = k;
    else
        google_key_wipe(&k);
    return ok;
}

/* ---- the form -------------------------------------------------------------------- */

static bool add_json(struct buffer *out, json_t *stolen)
{
    char *text = json_dumps(stolen, JSON_COMPACT);
    if (text)
        base64url_add(out, span_of_text(text));
    free(text);
    json_decref(stolen);
    return text != NULL;
}

static bool add_signature(struct buffer *jwt, const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    uint8_t signature[1024];
    size_t n = sizeof signature;
    bool ok = key && c && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
              EVP_PKEY_get_size(key) <= (int)sizeof signature &&
              EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(c, signature, &n, (const uint8_t *)jwt->text, jwt->len) == 1;
    if (ok) {
        buffer_add_text(jwt, ".");
        base64url_add(jwt, span_of(signature, n));
    }
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return ok;
}

static bool add_jwt(const struct google_key *k, int64_t now, struct buffer *out)
{
    struct buffer jwt;
    buffer_init(&jwt, JWT_MAX);
    bool ok = add_json(
        &jwt, json_pack("{s:s,s:s,s:s*}", "alg", "RS256", "typ", "JWT", "kid", k->id));
    buffer_add_text(&jwt, ".");
    ok = ok &&
         add_json(&jwt, json_pack("{s:s,s:s,s:s,s:I,s:I}", "iss", k->email, "scope",
                                  scope, "aud", k->url, "iat", (json_int_t)now, "exp",
                                  (json_int_t)(now + JWT_SECONDS))) &&
         add_signature(&jwt, k->pem) && !jwt.truncated;
    if (ok)
        buffer_add(out, buffer_span(&jwt));
    secret_wipe(jwt.text, jwt.capacity);
    buffer_free(&jwt);
    return ok;
}

static void add_pair(struct buffer *out, const char *name, const char *value)
{
    buffer_printf(out, "%s%s=", out->len ? "&" : "", name);
    secret_encode(out, value);
}

bool google_form(const struct google_key *k, int64_t now, struct buffer *ret_form,
                 struct error *error)
{
    if (k->email && k->pem) {
        buffer_add_text(ret_form,
                        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
                        "&assertion=");
        return add_jwt(k, now, ret_form) ||
               error_set(error, ERROR_CONFIG, "%s: its key cannot sign", k->source);
    }
    add_pair(ret_form, "grant_type", "refresh_token");
    add_pair(ret_form, "client_id", k->client);
    add_pair(ret_form, "client_secret", k->client_secret);
    add_pair(ret_form, "refresh_token", k->refresh);
    return !ret_form->truncated || error_set(error, ERROR_MEMORY, "out of memory");
}
