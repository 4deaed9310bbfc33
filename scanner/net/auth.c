#include "net/auth.h"

#include "net/aws.h"
#include "net/azure.h"
#include "net/google.h"
#include "net/secret.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    TOKENS_MAX = 16,
    TOKEN_SECONDS = 60,
    TOKEN_SECONDS_MAX = 3600,
    ANSWER_MAX = 64 << 10
};

/* A token that a service gave us, for one scope ("" of an exchange). */
struct token {
    char *scope;
    struct credential *credential;
    int64_t expires;
};

struct auth {
    struct auth_method method; /* its texts are the caller's */
    struct auth_place place;
    struct web_origin endpoint;
    char *endpoint_url; /* for "{endpoint}/login" */
    bool plain_ok;
    char source[128];
    struct credential *fixed; /* what needs no service; or NULL */
    struct secrets secrets;   /* for the token service */
    struct sigv4_key key;     /* AUTH_SIGV4 */
    struct google_key google; /* AUTH_GOOGLE */
    struct azure_key azure;   /* AUTH_AZURE */
    pthread_mutex_t lock;
    struct token tokens[TOKENS_MAX]; /* the newest first */
    size_t token_count;
};

/* --- opening --- */

static bool make_fixed(struct auth *a, struct secrets *s, struct error *error)
{
    struct span word = span_of_text(s->word);
    switch (a->method.kind) {
    case AUTH_BASIC:
        a->fixed = credential_basic(&a->endpoint, span_of_text(s->user), word,
                                    a->plain_ok, error);
        break;
    case AUTH_BEARER:
        a->fixed = credential_header(&a->endpoint, "Authorization", "Bearer ", word,
                                     a->plain_ok, error);
        break;
    case AUTH_HEADER:
        a->fixed = credential_header(&a->endpoint, a->method.header, "", word,
                                     a->plain_ok, error);
        break;
    default:
        return true;
    }
    return a->fixed != NULL;
}

static bool uses_form(const struct auth_method *m)
{
    return m->kind == AUTH_EXCHANGE && m->exchange_form[0];
}

/* Are all variables set that a token request names? */
static bool form_is_complete(const struct auth_method *m, const struct auth_place *p)
{
    struct buffer text;
    buffer_init(&text, 64 << 10);
    bool all = secret_expand(m->exchange_url, p, &text);
    for (size_t i = 0; all && m->exchange_form[i]; i++)
        all = secret_expand(m->exchange_form[i], p, &text);
    secret_wipe(text.text, text.capacity);
    buffer_free(&text);
    return all;
}

/* *ret_taken: this method is the one. */
static bool try_method(struct auth *a, const struct auth_method *m, bool *ret_taken,
                       struct error *error)
{
    struct secrets s = { 0 };
    bool taken = m->kind == AUTH_NONE, ok = true;
    if (uses_form(m)) {
        taken = form_is_complete(m, &a->place);
    } else if (m->kind == AUTH_SIGV4) {
        ok = sigv4_key_find(m, &a->place, &a->key, error);
        taken = ok && a->key.id;
        memcpy(s.source, a->key.source, sizeof a->key.source);
    } else if (m->kind == AUTH_GOOGLE) {
        ok = google_key_find(m, &a->place, &a->google, error);
        taken = ok && (a->google.word || a->google.url);
        memcpy(s.source, a->google.source, sizeof a->google.source);
        if (ok && a->google.word)
            a->fixed =
                credential_header(&a->endpoint, "Authorization", "Bearer ",
                                  span_of_text(a->google.word), a->plain_ok, error);
        ok = ok && (!a->google.word || a->fixed);
    } else if (m->kind == AUTH_AZURE) {
        ok = azure_key_find(&a->place, &a->azure, error);
        taken = ok && a->azure.account;
        if (taken)
            (void)snprintf(s.source, sizeof s.source, "%s", a->azure.source);
    } else if (m->kind != AUTH_NONE && m->kind != AUTH_OTHER) {
        ok = secrets_find(m, &a->place, &a->endpoint, &s, error);
        /* without secrets, tokens of a registry are asked for anonymously */
        taken = ok && (s.word || m->kind == AUTH_OCI);
    }
    if (taken) {
        a->method = *m;
        memcpy(a->source, s.source, sizeof a->source);
        ok = !s.word || make_fixed(a, &s, error);
    }
    if (taken && ok && !a->fixed)
        a->secrets = s;
    else
        secrets_wipe(&s);
    *ret_taken = taken;
    return ok;
}

struct auth *auth_open(const struct auth_method *methods, size_t n,
                       const struct auth_place *place, const char *endpoint,
                       bool plain_ok, struct error *error)
{
    struct url url;
    if (!url_parse(endpoint, &url, error))
        return NULL;
    struct auth *a = calloc(1, sizeof *a);
    if (!a) {
        url_free(&url);
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    a->place = *place;
    a->endpoint = url.origin;
    a->endpoint_url = url.text; /* handed over */
    a->plain_ok = plain_ok;
    (void)pthread_mutex_init(&a->lock, NULL);
    bool taken = false, ok = true;
    for (size_t i = 0; i < n && !taken && ok; i++)
        ok = try_method(a, &methods[i], &taken, error);
    if (ok)
        return a;
    auth_free(a);
    return NULL;
}

static void token_free(struct token *t)
{
    free(t->scope);
    credential_free(t->credential);
    *t = (struct token){ 0 };
}

void auth_free(struct auth *a)
{
    if (!a)
        return;
    credential_free(a->fixed);
    secrets_wipe(&a->secrets);
    sigv4_key_wipe(&a->key);
    google_key_wipe(&a->google);
    azure_key_wipe(&a->azure);
    free(a->endpoint_url);
    for (size_t i = 0; i < a->token_count; i++)
        token_free(&a->tokens[i]);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
}

bool auth_anonymous(const struct auth *a)
{
    return !a->fixed && !a->secrets.word && !a->key.id && !a->google.url &&
           !a->azure.account && a->method.kind != AUTH_EXCHANGE;
}

const char *auth_source(const struct auth *a)
{
    return a->source;
}

/* --- tokens that are kept --- */

static struct credential *bearer(const struct auth *a, const char *token,
                                 struct error *error)
{
    return credential_header(&a->endpoint, "Authorization", "Bearer ",
                             span_of_text(token), a->plain_ok, error);
}

/* A copy of the token for `scope`, or with NULL of the newest; NULL: none that is good.
 */
static struct credential *token_for(struct auth *a, const char *scope, int64_t now)
{
    struct credential *found = NULL;
    (void)pthread_mutex_lock(&a->lock);
    for (size_t i = 0; i < a->token_count && !found; i++)
        if (a->tokens[i].expires > now &&
            (!scope || strcmp(a->tokens[i].scope, scope) == 0))
            found = credential_copy(a->tokens[i].credential);
    (void)pthread_mutex_unlock(&a->lock);
    return found;
}

/* Keep a copy in front; the oldest makes room, and one for the same scope goes. */
static void keep_token(struct auth *a, const char *scope, const struct credential *c,
                       int64_t expires)
{
    struct token new = { strdup(scope), credential_copy(c), expires };
    (void)pthread_mutex_lock(&a->lock);
    size_t place = 0;
    while (place < a->token_count && new.scope &&
           strcmp(a->tokens[place].scope, new.scope) != 0)
        place++;
    if (!new.scope || !new.credential) {
        token_free(&new);
    } else {
        if (place == TOKENS_MAX)
            place--;
        if (place < a->token_count)
            token_free(&a->tokens[place]);
        else
            a->token_count++;
        memmove(a->tokens + 1, a->tokens, place * sizeof *a->tokens);
        a->tokens[0] = new;
    }
    (void)pthread_mutex_unlock(&a->lock);
}

static void forget_tokens(struct auth *a)
{
    (void)pthread_mutex_lock(&a->lock);
    while (a->token_count > 0)
        token_free(&a->tokens[--a->token_count]);
    (void)pthread_mutex_unlock(&a->lock);
}

/* --- asking a token service --- */

static void wipe_response(struct http_response *r)
{
    secret_wipe(r->body.text, r->body.capacity);
    http_response_free(r);
}

/* The texts of a parsed answer, too, before they go back to the heap. */
static void wipe_text(const json_t *text)
{
    const char *value = json_string_value(text);
    if (value)
        secret_wipe((void *)(uintptr_t)value, json_string_length(text));
}

/* The token and its life in an answer; `pointers` are tried in order. */
static struct credential *read_token(const struct auth *a, const struct http_response *r,
                                     const char *const *pointers, int64_t now,
                                     int64_t *ret_expires, struct error *error)
{
    struct error ignored;
    json_t *root = json_read(buffer_span(&r->body), "token", &ignored);
    const json_t *token = NULL;
    struct credential *c = NULL;
    for (; root && *pointers && !json_is_string(token); pointers++)
        token = secret_pointer(root, *pointers);
    json_int_t seconds = json_integer_value(json_object_get(root, "expires_in"));
    if (seconds <= 0)
        seconds = TOKEN_SECONDS;
    *ret_expires = now + (seconds < TOKEN_SECONDS_MAX ? seconds : TOKEN_SECONDS_MAX) - 5;
    if (json_is_string(token))
        c = bearer(a, json_string_value(token), error);
    else
        (void)error_set(error, ERROR_NETWORK, "the token service's answer has no token");
    wipe_text(token);
    json_decref(root);
    return c;
}

/* Ask `q`, and make the token that comes a credential for the endpoint. */
static struct credential *ask_service(struct auth *a, struct http *h,
                                      struct http_request *q, const char *const *pointers,
                                      const char *scope, struct error *error)
{
    struct http_response r;
    struct credential *c = NULL;
    int64_t now = http_now(h), expires;
    q->compressed = true;
    q->repeatable = true;
    q->body_max = ANSWER_MAX;
    bool ok = http_fetch(h, q, &r, error);
    if (ok && r.status == 200)
        c = read_token(a, &r, pointers, now, &expires, error);
    else if (ok)
        (void)error_set(error, ERROR_NETWORK,
                        "%s: the token service answered with status %u",
                        r.hops[r.hop_count - 1].origin, r.status);
    wipe_response(&r);
    if (c)
        keep_token(a, scope, c, expires);
    return c;
}

/* The name and password for a token service; NULL without an error: there are none. */
static struct credential *service_credential(const struct auth *a,
                                             const struct web_origin *service,
                                             bool *ret_ok, struct error *error)
{
    *ret_ok = true;
    if (!a->secrets.word || !a->secrets.user)
        return NULL;
    struct credential *c =
        credential_basic(service, span_of_text(a->secrets.user),
                         span_of_text(a->secrets.word), a->plain_ok, error);
    *ret_ok = c != NULL;
    return c;
}

/* A token service lies at the endpoint itself, or has TLS. */
static bool service_url(const struct auth *a, const char *text, struct url *ret_url,
                        struct error *error)
{
    if (!url_parse(text, ret_url, error))
        return false;
    if (ret_url->origin.tls || web_origin_equal(&ret_url->origin, &a->endpoint))
        return true;
    url_free(ret_url);
    return error_set(error, ERROR_NETWORK, "the token service has no TLS");
}

/* "{endpoint}/login?tenant=$TENANT" */
static bool expand_url(const struct auth *a, struct buffer *out)
{
    const char *rest = a->method.exchange_url;
    if (strncmp(rest, "{endpoint}", 10) == 0) {
        size_t len = strcspn(a->endpoint_url, "?");
        while (len > 0 && a->endpoint_url[len - 1] == '/')
            len--;
        buffer_add(out, span_of(a->endpoint_url, len));
        rest += 10;
    }
    return secret_expand(rest, &a->place, out) && out->text;
}

static struct credential *exchange(struct auth *a, struct http *h,
                                   const struct http_request *for_request,
                                   struct error *error)
{
    const struct auth_method *m = &a->method;
    const char *const pointers[] = { m->exchange_pointer, NULL };
    struct credential *pair = NULL, *token = NULL;
    struct buffer text, form;
    struct url url = { 0 };
    bool ok;
    buffer_init(&text, URL_MAX);
    buffer_init(&form, 64 << 10);
    ok = expand_url(a, &text);
    for (size_t i = 0; ok && m->exchange_form[i]; i++) {
        buffer_add_text(&form, i ? "&" : "");
        ok = secret_expand(m->exchange_form[i], &a->place, &form);
    }
    if (!ok)
        (void)error_set(error, ERROR_CONFIG,
                        "a variable of the token request is not set");
    ok = ok && service_url(a, text.text, &url, error);
    if (ok && !m->exchange_form[0])
        pair = service_credential(a, &url.origin, &ok, error);
    if (ok) {
        bool here = web_origin_equal(&url.origin, &a->endpoint);
        struct http_request q = { .method = m->exchange_form[0] ? HTTP_POST : HTTP_GET,
                                  .url = url.text,
                                  .body = buffer_span(&form),
                                  .credential = pair,
                                  .private_ok = here && for_request->private_ok,
                                  .plain_ok = here && for_request->plain_ok };
        token = ask_service(a, h, &q, pointers, "", error);
    }
    credential_free(pair);
    url_free(&url);
    secret_wipe(form.text, form.capacity);
    buffer_free(&form);
    buffer_free(&text);
    return token;
}

static struct credential *exchange_google(struct auth *a, struct http *h,
                                          struct error *error)
{
    static const char *const pointers[] = { "/access_token", NULL };
    struct credential *token = NULL;
    struct buffer form;
    buffer_init(&form, 64 << 10);
    if (google_form(&a->google, http_now(h), &form, error)) {
        struct http_request q = { .method = HTTP_POST,
                                  .url = a->google.url,
                                  .body = buffer_span(&form) };
        token = ask_service(a, h, &q, pointers, "", error);
    }
    secret_wipe(form.text, form.capacity);
    buffer_free(&form);
    return token;
}

/* --- challenges (the token protocol of OCI registries) --- */

/* Only the endpoint may send us to a token service, and only to its own host or to one
 * that the registry file lists. */
static bool realm_allowed(const struct auth *a, const struct http_response *r,
                          const struct web_origin *realm)
{
    char endpoint[URL_ORIGIN_MAX + 1];
    web_origin_text(&a->endpoint, endpoint);
    if (r->hop_count == 0 || strcmp(r->hops[r->hop_count - 1].origin, endpoint) != 0)
        return false;
    if (strcmp(realm->host, a->endpoint.host) == 0)
        return true;
    for (size_t i = 0; a->method.hosts[i]; i++)
        if (web_origin_matches(realm, a->method.hosts[i]))
            return true;
    return false;
}

static void add_parameter(struct buffer *url, const char *name, const char *value)
{
    if (!*value)
        return;
    buffer_printf(url, "%c%s=", url->text && strchr(url->text, '?') ? '&' : '?', name);
    secret_encode(url, value);
}

/* NULL without an error (code ERROR_NONE): the challenge is not one to answer. */
static struct credential *answer_challenge(struct auth *a, struct http *h,
                                           const struct http_request *for_request,
                                           const struct http_response *r,
                                           struct error *error)
{
    static const char *const pointers[] = { "/token", "/access_token", NULL };
    struct challenge c;
    struct url url = { 0 };
    struct credential *token = NULL, *pair = NULL;
    struct buffer text;
    bool ok;
    error->code = ERROR_NONE;
    if (!field_challenge(&r->fields, &c) || !service_url(a, c.realm, &url, error))
        return NULL;
    if (!realm_allowed(a, r, &url.origin)) {
        url_free(&url);
        (void)error_set(error, ERROR_NETWORK,
                        "the registry asks for a token from a host that is not its own");
        return NULL;
    }
    buffer_init(&text, URL_MAX);
    buffer_add_text(&text, url.text);
    add_parameter(&text, "service", c.service);
    add_parameter(&text, "scope", c.scope);
    pair = service_credential(a, &url.origin, &ok, error);
    if (ok) {
        bool here = strcmp(url.origin.host, a->endpoint.host) == 0;
        struct http_request q = { .url = text.text,
                                  .credential = pair,
                                  .private_ok = here && for_request->private_ok,
                                  .plain_ok = here && for_request->plain_ok };
        token = ask_service(a, h, &q, pointers, c.scope, error);
    }
    credential_free(pair);
    buffer_free(&text);
    url_free(&url);
    return token;
}

/* --- requests --- */

/* With the secret behind the query, where it is for the endpoint. */
static bool query_fetch(const struct auth *a, struct http *h,
                        const struct http_request *q, struct http_response *ret_response,
                        struct error *error)
{
    struct http_request with = *q;
    struct buffer text;
    struct url url;
    if (!url_parse(q->url, &url, error))
        return false;
    buffer_init(&text, URL_MAX);
    buffer_add_text(&text, url.text);
    if (web_origin_equal(&url.origin, &a->endpoint)) {
        const char *word = a->secrets.word + (*a->secrets.word == '?');
        buffer_printf(&text, "%c%s", strchr(url.text, '?') ? '&' : '?', word);
        with.url = text.text;
    }
    url_free(&url);
    bool ok = text.truncated ? error_set(error, ERROR_NETWORK, "the URL is too long")
                             : http_fetch(h, &with, ret_response, error);
    secret_wipe(text.text, text.capacity);
    buffer_free(&text);
    return ok;
}

/* What to begin with.  False: there must be a token, and none was to be had. */
static bool first_credential(struct auth *a, struct http *h, const struct http_request *q,
                             struct credential **ret_token, struct error *error)
{
    *ret_token = NULL;
    if (a->method.kind == AUTH_OCI)
        *ret_token = token_for(a, NULL, http_now(h));
    bool google = a->method.kind == AUTH_GOOGLE && a->google.url;
    if (a->method.kind != AUTH_EXCHANGE && !google)
        return true;
    *ret_token = token_for(a, "", http_now(h));
    if (!*ret_token)
        *ret_token = google ? exchange_google(a, h, error) : exchange(a, h, q, error);
    return *ret_token != NULL;
}

/* The token for a second try after a 401, or NULL. */
static struct credential *second_credential(struct auth *a, struct http *h,
                                            const struct http_request *q,
                                            const struct http_response *r,
                                            struct error *error)
{
    error->code = ERROR_NONE;
    if (a->method.kind == AUTH_OCI)
        return answer_challenge(a, h, q, r, error);
    if (a->method.kind != AUTH_EXCHANGE)
        return NULL;
    forget_tokens(a); /* it may have been withdrawn before its time */
    return exchange(a, h, q, error);
}

bool auth_fetch(struct auth *a, struct http *h, const struct http_request *q,
                struct http_response *ret_response, struct error *error)
{
    struct http_request with = *q;
    struct credential *token;
    struct error why;
    *ret_response = (struct http_response){ .failure = HTTP_REFUSED };
    if (a->method.kind == AUTH_QUERY)
        return query_fetch(a, h, q, ret_response, error);
    if (a->method.kind == AUTH_SIGV4)
        return aws_fetch(&a->key, &a->endpoint, &a->place, a->plain_ok, h, q,
                         ret_response, error);
    if (a->method.kind == AUTH_AZURE)
        return azure_fetch(&a->azure, &a->endpoint, a->plain_ok, h, q, ret_response,
                           error);
    if (!first_credential(a, h, q, &token, error))
        return false;
    with.credential = token ? token : a->fixed;
    bool ok = http_fetch(h, &with, ret_response, error);
    if (ok && ret_response->status == 401) {
        struct credential *second = second_credential(a, h, q, ret_response, &why);
        if (second) {
            credential_free(token);
            token = second;
            with.credential = token;
            http_response_free(ret_response);
            ok = http_fetch(h, &with, ret_response, error);
        } else if (why.code != ERROR_NONE) {
            *error = why;
            ret_response->failure = HTTP_REFUSED;
            ok = false;
        }
    }
    credential_free(token);
    return ok;
}
