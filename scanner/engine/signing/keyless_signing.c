#include "engine/signing/keyless_signing.h"

#include "integrity/signers.h"
#include "integrity/sigstore/bundle_write.h"
#include "integrity/sigstore/fulcio_request.h"
#include "integrity/sigstore/identity_token.h"
#include "integrity/sigstore/rekor_request.h"
#include "integrity/sigstore/signing_config.h"
#include "integrity/sigstore/tsa.h"
#include "integrity/strict_json.h"
#include "net/secret.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum {
    ARENA_MAX = 1 << 30,
    TOKEN_ANSWER_MAX = 256 << 10,
    TOKEN_VALUES_MAX = 64,
    QUERY_MAX = 4096
};

static const char token_refused[] = "it does not accept the token";

struct keyless_signer {
    const struct keyless_request *request;
    struct signers signers; /* the root, and where things live */
    struct arena *arena;
    struct service_client client;
    struct signing_config config;
    struct fulcio_claims claims;
    EVP_PKEY *key;
    char *token; /* NULL until it is there */
};

/* ---- the identity token ----------------------------------------------------------- */

/* {"value": TOKEN}; false when it is not. */
static bool read_token(struct keyless_signer *s, struct span json)
{
    struct strict_json_reason ignored;
    struct span value = { NULL, 0 };
    json_t *root = strict_json_read(json, TOKEN_ANSWER_MAX, TOKEN_VALUES_MAX, &ignored);
    if (strict_json_text(root, "value", &value) && value.len)
        s->token = strndup((const char *)value.ptr, value.len);
    json_decref(root);
    return s->token != NULL;
}

/* Source: GitHub, "OpenID Connect reference". */
static bool ask_github(struct keyless_signer *s, struct error *error)
{
    const struct identity_source *from = &s->request->identity;
    struct http_response answer = { 0 };
    struct buffer query;
    buffer_init(&query, QUERY_MAX);
    buffer_add_text(&query, strchr(from->request_url, '?') ? "&audience=" : "?audience=");
    secret_encode(&query, from->audience);
    struct service_request q = {
        .who = "the identity provider of GitHub Actions",
        .url = from->request_url,
        .path = query.text,
        .refusal = token_refused,
        .content_type = "application/json",
        .accept = "application/json",
        .answer_max = TOKEN_ANSWER_MAX,
    };
    struct credential *c =
        query.truncated
            ? (error_set(error, ERROR_USAGE, "the audience's name is too long"), NULL)
            : service_bearer(from->request_url, from->request_token, error);
    q.credential = c;
    bool ok = c && service_ask(&s->client, &q, &answer, error);
    if (ok && !read_token(s, buffer_span(&answer.body)))
        ok = error_set(error, ERROR_NETWORK, "%s answered without a token", q.who);
    service_forget(&answer);
    credential_free(c);
    buffer_free(&query);
    return ok;
}

/* Asked for late: it is valid for some minutes, and hashing may take longer. */
static bool have_token(struct keyless_signer *s, struct error *error)
{
    const struct identity_source *from = &s->request->identity;
    const struct identity_expected expected = { .audience = from->audience };
    if (!s->token && !(from->person ? sign_in(from->person, &s->client,
                                              s->config.provider.url, &s->token, error)
                                    : ask_github(s, error)))
        return false;
    return identity_token_check(s->arena, span_of_text(s->token), &expected,
                                http_now(s->client.http), error);
}

/* ---- what the services answer ----------------------------------------------------- */

static bool wrong(struct error *error, const char *who, const char *why)
{
    return error_set(error, ERROR_NETWORK,
                     "%s answered with what does not verify, and nothing is written: %s",
                     who, why);
}

static bool get_certificate(struct keyless_signer *s, struct span *ret_certificate,
                            struct error *error)
{
    const char *why = NULL;
    struct http_response answer = { 0 };
    struct signature_failure failure = { .check = SC_NONE };
    struct service_request q = { .who = "the certificate authority",
                                 .url = s->config.authority.url,
                                 .path = FULCIO_PATH,
                                 .content_type = "application/json",
                                 .accept = "application/json",
                                 .refusal = token_refused,
                                 .answer_max = FULCIO_ANSWER_MAX };
    s->key = EVP_PKEY_Q_keygen(crypto_library(s->signers.crypto), NULL, "EC", "P-256");
    if (s->key)
        q.body = fulcio_request(s->signers.crypto, s->arena, s->key);
    if (!q.body.len)
        return error_set(error, ERROR_MEMORY, "no key can be made");
    struct credential *c = service_bearer(q.url, s->token, error);
    q.credential = c;
    bool ok = c && service_ask(&s->client, &q, &answer, error);
    if (ok &&
        !fulcio_answer_read(s->arena, buffer_span(&answer.body), ret_certificate, &why))
        ok = wrong(error, q.who, why);
    if (ok && !verify_issued(s->signers.crypto, s->arena, *ret_certificate, s->key,
                             s->signers.root, &s->claims, &failure))
        ok = wrong(error, q.who, failure.reason);
    http_response_free(&answer);
    credential_free(c);
    return ok;
}

static bool get_timestamp(struct keyless_signer *s, const struct signing_service *from,
                          struct bundle *b, struct error *error)
{
    int64_t ignored;
    struct http_response answer = { 0 };
    struct signature_failure failure = { .check = SC_NONE };
    const struct service_request q = {
        .who = "the time-stamp authority",
        .url = from->url,
        .path = "",
        .content_type = "application/timestamp-query",
        .accept = "application/timestamp-reply",
        .body = tsa_request(s->signers.crypto, s->arena, b->signature),
        .answer_max = TSA_TOKEN_MAX,
    };
    if (!q.body.len)
        return error_set(error, ERROR_MEMORY, "out of memory");
    bool ok = service_ask(&s->client, &q, &answer, error);
    struct span token = ok ? arena_copy(s->arena, buffer_span(&answer.body)) : q.body;
    if (ok && !tsa_verify(s->signers.root, token, b->signature, &ignored, &failure))
        ok = wrong(error, q.who, failure.reason);
    if (ok)
        b->timestamps[b->timestamp_count++] = token;
    http_response_free(&answer);
    return ok;
}

static bool get_entry(struct keyless_signer *s, const struct signing_service *from,
                      struct bundle *b, struct error *error)
{
    struct http_response answer = { 0 };
    struct buffer body;
    bool first = from->version == 1;
    struct service_request q = { .who = "the transparency log",
                                 .url = from->url,
                                 .path = first ? REKOR_PATH_V1 : REKOR_PATH_V2,
                                 .content_type = "application/json",
                                 .accept = "application/json",
                                 .answer_max = REKOR_ANSWER_MAX };
    buffer_init(&body, REKOR_ANSWER_MAX);
    rekor_request(s->signers.crypto, s->arena, from->version, &b->envelope,
                  b->certificates[0], &body);
    q.body = buffer_span(&body);
    bool ok = (!body.truncated && !arena_exhausted(s->arena)) ||
              error_set(error, ERROR_MEMORY, "the statement is too large for a log");
    ok = ok && service_ask(&s->client, &q, &answer, error);
    if (ok && !rekor_answer_read(s->arena, from->version, buffer_span(&answer.body),
                                 &b->entries[b->entry_count]))
        ok = wrong(error, q.who, "its answer is no log entry");
    b->entry_count += ok;
    buffer_free(&body);
    http_response_free(&answer);
    return ok;
}

/* ---- the bundle ------------------------------------------------------------------- */

static bool anybody(const void *self, struct span subject, struct span issuer)
{
    (void)self, (void)subject, (void)issuer;
    return true;
}

/* As whoever gets it will verify it, from its text. */
static bool verify_text(struct keyless_signer *s, struct span text, struct error *error)
{
    struct bundle b;
    struct verification v;
    struct signature_failure failure = { .check = SC_NONE };
    const struct verify_target target = { .any_subject = true };
    struct verify_policy policy = signers_policy(&s->signers, VERIFY_KEYLESS, 0);
    policy.accepts = anybody;
    if (!bundle_parse(s->arena, text, &b, &failure))
        return wrong(error, "a service",
                     failure.reason); /* too much, or twice the same */
    verify_bundle(s->signers.crypto, s->arena, &b, &target, &policy, &v);
    return v.state == SIGNATURE_VERIFIED ||
           wrong(error, "the log or the time-stamp authority", v.failure.reason);
}

static bool collect(struct keyless_signer *s, struct bundle *b, struct error *error)
{
    const struct signing_config *c = &s->config;
    struct dsse *e = &b->envelope;
    if (!get_certificate(s, &b->certificates[0], error))
        return false;
    b->certificate_count = 1;
    b->signature =
        dsse_sign(s->signers.crypto, s->arena, s->key, e->payload_type, e->payload);
    e->signatures[0].signature = b->signature;
    e->count = 1;
    b->entries = arena_array(s->arena, c->logs.count, sizeof *b->entries);
    if (!b->signature.len || !b->entries)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < c->time_stampers.count; i++)
        if (!get_timestamp(s, &c->time_stampers.items[i], b, error))
            return false;
    for (size_t i = 0; i < c->logs.count; i++)
        if (!get_entry(s, &c->logs.items[i], b, error))
            return false;
    return true;
}

bool keyless_sign(struct keyless_signer *s, struct span payload, struct buffer *out,
                  struct error *error)
{
    struct bundle b = {
        .material = MATERIAL_CERTIFICATE,
        .content = CONTENT_ENVELOPE,
        .envelope = {.payload_type = span_of_text(DSSE_IN_TOTO), .payload = payload}
    };
    struct buffer text;
    if (!have_token(s, error) || !collect(s, &b, error))
        return false;
    buffer_init(&text, out->max);
    bundle_write(s->arena, &b, &text);
    bool ok = (!text.truncated && !arena_exhausted(s->arena)) ||
              error_set(error, ERROR_MEMORY, "the statement is too large for a bundle");
    ok = ok && verify_text(s, buffer_span(&text), error);
    if (ok)
        buffer_add(out, buffer_span(&text));
    buffer_free(&text);
    return ok;
}

const struct fulcio_claims *keyless_claims(const struct keyless_signer *s)
{
    return &s->claims;
}

/* ---- beginning and end ------------------------------------------------------------ */

static bool read_config(struct keyless_signer *s, struct error *error)
{
    struct span json;
    const char *path = s->request->signing_config;
    return signers_read_file(s->arena, path, SIGNING_CONFIG_BYTES_MAX, &json, error) &&
           signing_config_read(s->arena, json, path, http_now(s->client.http), &s->config,
                               error) &&
           signers_set_root(&s->signers, s->request->trusted_root, error);
}

static bool check_provider(const struct keyless_signer *s, struct error *error)
{
    return !s->request->identity.person || s->config.provider.url ||
           error_set(error, ERROR_CONFIG,
                     "%s: oidcUrls: no identity provider that is in service now",
                     s->request->signing_config);
}

static bool begin(struct keyless_signer *s, struct error *error)
{
    const char *token = s->request->identity.token;
    if (!s->arena || (token && !(s->token = strdup(token))))
        return error_set(error, ERROR_MEMORY, "out of memory");
    s->client = (struct service_client){ .http = http_new(&s->request->http, error),
                                         .arena = s->arena,
                                         .private_ok = s->request->private_ok };
    return s->client.http && signers_init(&s->signers, error) && read_config(s, error) &&
           check_provider(s, error) && (!s->token || have_token(s, error));
}

struct keyless_signer *keyless_signer_new(const struct keyless_request *r,
                                          struct error *error)
{
    struct keyless_signer *s = calloc(1, sizeof *s);
    if (!s) {
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    s->request = r;
    s->arena = arena_new(ARENA_MAX);
    if (begin(s, error))
        return s;
    keyless_signer_free(s);
    return NULL;
}

void keyless_signer_free(struct keyless_signer *s)
{
    if (!s)
        return;
    if (s->token)
        secret_wipe(s->token, strlen(s->token));
    free(s->token);
    EVP_PKEY_free(s->key);
    http_free(s->client.http);
    signers_free(&s->signers);
    arena_free(s->arena);
    free(s);
}
