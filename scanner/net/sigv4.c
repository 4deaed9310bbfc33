#include "net/sigv4.h"

#include "core/ini.h"
#include "net/secret.h"
#include "net/url.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHA256_SIZE = 32, PARAMETERS_MAX = 64 };

/* ---- hashing --------------------------------------------------------------------- */

static void add_hex(struct buffer *out, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buffer_printf(out, "%02x", bytes[i]);
}

static bool sha256(struct span bytes, uint8_t ret[SHA256_SIZE])
{
    return EVP_Digest(bytes.ptr ? bytes.ptr : (const uint8_t *)"", bytes.len, ret, NULL,
                      EVP_sha256(), NULL) == 1;
}

static bool hmac(const uint8_t *key, size_t key_len, struct span text,
                 uint8_t ret[SHA256_SIZE])
{
    return HMAC(EVP_sha256(), key, (int)key_len, text.ptr, text.len, ret, NULL) != NULL;
}

bool sigv4_payload(struct span body, char ret_hex[65])
{
    uint8_t digest[SHA256_SIZE];
    if (!sha256(body, digest))
        return false;
    for (size_t i = 0; i < SHA256_SIZE; i++)
        (void)snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
    return true;
}

void sigv4_time(int64_t seconds, char ret_text[SIGV4_TIME + 1])
{
    time_t t = (time_t)seconds;
    struct tm utc;
    ret_text[0] = '\0';
    if (gmtime_r(&t, &utc))
        (void)strftime(ret_text, SIGV4_TIME + 1, "%Y%m%dT%H%M%SZ", &utc);
}

/* ---- the canonical request ------------------------------------------------------- */

/* Percent-encoded in whatever way → in the one way that AWS computes with. */
static void add_encoded(struct buffer *out, struct span text, bool path)
{
    for (size_t at = 0; at < text.len;) {
        uint8_t c = url_decoded_byte(text, &at);
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     (c >= '0' && c <= '9') || (c && strchr("-._~", c)) ||
                     (path && c == '/');
        if (plain)
            buffer_add(out, span_of(&c, 1));
        else
            buffer_printf(out, "%%%02X", c);
    }
}

struct parameter {
    struct buffer name, value;
};

static int by_name(const void *a, const void *b)
{
    const struct parameter *left = a, *right = b;
    int order = span_compare(buffer_span(&left->name), buffer_span(&right->name));
    return order ? order
                 : span_compare(buffer_span(&left->value), buffer_span(&right->value));
}

static bool add_query(struct buffer *out, struct span query)
{
    struct parameter list[PARAMETERS_MAX];
    size_t n = 0;
    for (size_t at = 0, end; at < query.len && n < PARAMETERS_MAX; at = end + 1, n++) {
        end = span_find(query, "&", at);
        end = end == SIZE_MAX ? query.len : end;
        struct span one = span_slice(query, at, end);
        size_t equals = span_find(one, "=", 0);
        buffer_init(&list[n].name, URL_MAX * 3);
        buffer_init(&list[n].value, URL_MAX * 3);
        add_encoded(&list[n].name, span_slice(one, 0, equals), false);
        if (equals != SIZE_MAX)
            add_encoded(&list[n].value, span_slice(one, equals + 1, one.len), false);
        if (end == query.len) {
            n++;
            break;
        }
    }
    qsort(list, n, sizeof *list, by_name);
    for (size_t i = 0; i < n; i++) {
        buffer_add_text(out, i ? "&" : "");
        buffer_add(out, buffer_span(&list[i].name));
        buffer_add_text(out, "=");
        buffer_add(out, buffer_span(&list[i].value));
        buffer_free(&list[i].name);
        buffer_free(&list[i].value);
    }
    return n < PARAMETERS_MAX;
}

/* "name: value" as "name:value\n", and the names for SignedHeaders. */
static void add_headers(struct buffer *out, struct buffer *names, struct span host,
                        const char *const *headers)
{
    bool told = false;
    for (size_t i = 0; headers && (headers[i] || !told);) {
        size_t n = headers[i] ? strcspn(headers[i], ":") : 0;
        struct span name = span_of(headers[i], n);
        if (!told && (!headers[i] || span_compare(name, span_of_text("host")) > 0)) {
            buffer_add_text(out, "host:");
            buffer_add(out, host);
            buffer_add_text(out, "\n");
            buffer_add_text(names, names->len ? ";host" : "host");
            told = true;
            continue;
        }
        buffer_add(out, name);
        buffer_printf(out, ":%s\n", headers[i] + n + 1 + strspn(headers[i] + n + 1, " "));
        buffer_add_text(names, names->len ? ";" : "");
        buffer_add(names, name);
        i++;
    }
}

/* The parts of a canonical URL: the host with its port, the path, the query. */
static bool split(const char *url, struct span *ret_host, struct span *ret_path,
                  struct span *ret_query)
{
    const char *host = strstr(url, "://");
    if (!host)
        return false;
    host += 3;
    size_t n = strcspn(host, "/?"), path = strcspn(host + n, "?");
    *ret_host = span_of(host, n);
    *ret_path = path ? span_of(host + n, path) : span_of_text("/");
    *ret_query = span_of_text(host[n + path] ? host + n + path + 1 : "");
    return true;
}

static bool canonical(const struct sigv4_request *q, struct buffer *out,
                      struct buffer *names)
{
    static const char *const none[] = { NULL };
    struct span host, path, query;
    if (!split(q->url, &host, &path, &query))
        return false;
    buffer_printf(out, "%s\n", q->method);
    add_encoded(out, path, true);
    buffer_add_text(out, "\n");
    bool ok = add_query(out, query);
    buffer_add_text(out, "\n");
    add_headers(out, names, host, q->headers ? q->headers : none);
    buffer_add_text(out, "\n");
    buffer_add(out, buffer_span(names));
    buffer_printf(out, "\n%s", q->payload);
    return ok && !out->truncated;
}

/* ---- the signature --------------------------------------------------------------- */

static bool derive(const struct sigv4_key *key, const char *date,
                   const struct sigv4_request *q, uint8_t ret[SHA256_SIZE])
{
    struct buffer first;
    uint8_t k[SHA256_SIZE];
    buffer_init(&first, 4096);
    buffer_printf(&first, "AWS4%s", key->secret);
    bool ok = !first.truncated && first.text &&
              hmac((const uint8_t *)first.text, first.len, span_of(date, 8), k) &&
              hmac(k, sizeof k, span_of_text(q->region), k) &&
              hmac(k, sizeof k, span_of_text(q->service), k) &&
              hmac(k, sizeof k, span_of_text("aws4_request"), ret);
    secret_wipe(k, sizeof k);
    secret_wipe(first.text, first.capacity);
    buffer_free(&first);
    return ok;
}

bool sigv4_sign(const struct sigv4_key *key, const struct sigv4_request *q,
                struct buffer *ret_value)
{
    struct buffer request, names, text;
    uint8_t digest[SHA256_SIZE], k[SHA256_SIZE], signature[SHA256_SIZE];
    char when[SIGV4_TIME + 1];
    buffer_init(&request, 8 * URL_MAX);
    buffer_init(&names, URL_MAX);
    buffer_init(&text, URL_MAX);
    sigv4_time(q->time, when);
    bool ok = canonical(q, &request, &names) && sha256(buffer_span(&request), digest);
    buffer_printf(&text, "AWS4-HMAC-SHA256\n%s\n%.8s/%s/%s/aws4_request\n", when, when,
                  q->region, q->service);
    if (ok)
        add_hex(&text, digest, sizeof digest);
    ok =
        ok && derive(key, when, q, k) && hmac(k, sizeof k, buffer_span(&text), signature);
    if (ok) {
        buffer_printf(ret_value,
                      "Credential=%s/%.8s/%s/%s/aws4_request, SignedHeaders=", key->id,
                      when, q->region, q->service);
        buffer_add(ret_value, buffer_span(&names));
        buffer_add_text(ret_value, ", Signature=");
        add_hex(ret_value, signature, sizeof signature);
    }
    secret_wipe(k, sizeof k);
    buffer_free(&request);
    buffer_free(&names);
    buffer_free(&text);
    return ok && !ret_value->truncated;
}

/* ---- the key --------------------------------------------------------------------- */

static const char *variable(const struct auth_place *place, const char *name)
{
    const char *value = name && place->env ? place->env(name) : NULL;
    return value && *value ? value : NULL;
}

static bool half(struct error *error, const char *where)
{
    return error_set(error, ERROR_CONFIG, "%s: half of an AWS key is there", where);
}

static char *copy_of(struct span text)
{
    return text.len ? strndup((const char *)text.ptr, text.len) : NULL;
}

static bool from_profile(const struct auth_place *place, const char *file,
                         struct sigv4_key *k, struct error *error)
{
    const char *profile = variable(place, "AWS_PROFILE");
    char *text;
    if (!secret_file(place, file, &text, error))
        return false;
    if (!text)
        return true;
    struct ini i = ini_of(span_of_text(text));
    while (ini_next(&i)) {
        char **to = span_is(i.key, "aws_access_key_id")       ? &k->id
                    : span_is(i.key, "aws_secret_access_key") ? &k->secret
                    : span_is(i.key, "aws_session_token")     ? &k->token
                                                              : NULL;
        if (!to || *to ||
            !span_equal(i.section, span_of_text(profile ? profile : "default")))
            continue;
        *to = copy_of(i.value);
    }
    secret_file_free(text);
    (void)snprintf(k->source, sizeof k->source, "%s", file);
    return true;
}

bool sigv4_key_find(const struct auth_method *m, const struct auth_place *place,
                    struct sigv4_key *ret_key, struct error *error)
{
    struct sigv4_key k = { 0 };
    const char *id = m->env[0] ? variable(place, m->env[0]) : NULL;
    const char *secret = id && m->env[1] ? variable(place, m->env[1]) : NULL;
    const char *token = secret && m->env[2] ? variable(place, m->env[2]) : NULL;
    const char *file = variable(place, "AWS_SHARED_CREDENTIALS_FILE");
    bool ok = true;
    if (id) {
        k.id = strdup(id);
        k.secret = secret ? strdup(secret) : NULL;
        k.token = token ? strdup(token) : NULL;
        (void)snprintf(k.source, sizeof k.source, "%s", m->env[0]);
    } else if (file || m->files[0]) {
        ok = from_profile(place, file ? "$AWS_SHARED_CREDENTIALS_FILE" : m->files[0], &k,
                          error);
    }
    if (ok && !k.id != !k.secret)
        ok = half(error, k.source);
    if (ok)
        *ret_key = k;
    else
        sigv4_key_wipe(&k);
    return ok;
}

static void wipe(char **text)
{
    if (*text)
        secret_wipe(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void sigv4_key_wipe(struct sigv4_key *k)
{
    wipe(&k->id);
    wipe(&k->secret);
    wipe(&k->token);
}
