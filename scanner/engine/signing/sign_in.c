#include "engine/signing/sign_in.h"

#include "integrity/sigstore/identity_token.h"
#include "integrity/sigstore/openid.h"
#include "net/loopback.h"
#include "net/oauth.h"
#include "net/secret.h"

#include <stdlib.h>
#include <string.h>

enum { FORM_MAX = 64 << 10, ADDRESS_MAX = 16 << 10, REDIRECT_MAX = 64 };

static const char who[] = "the identity provider";

struct session {
    const struct sign_in *how;
    const struct service_client *client;
    const char *issuer;
    struct openid_provider provider;
    struct oauth_secrets secrets;
    struct oauth_client as;
    struct oauth_answer answer;
    char redirect[REDIRECT_MAX];
};

static bool wrong(struct error *error, const char *why)
{
    return error_set(error, ERROR_NETWORK, "%s answered with what is of no use: %s", who,
                     why);
}

/* ---- where it is ------------------------------------------------------------------ */

/* Plain http is between two programs on this machine only: a provider elsewhere has no
 * business there. */
static bool origin_fits(const struct web_origin *to, const struct web_origin *issuer)
{
    return to->tls || (!issuer->tls && web_origin_loopback(to));
}

/* *text is written anew, as url.h has it. */
static bool check_endpoint(const struct session *s, const struct web_origin *issuer,
                           const char **text, struct error *error)
{
    struct url url;
    struct error ignored;
    if (!url_parse(*text, &url, &ignored))
        return wrong(error, "an address that is none");
    bool fits = origin_fits(&url.origin, issuer);
    *text = arena_text(s->client->arena, span_of_text(url.text));
    url_free(&url);
    if (!fits)
        return wrong(error, "an address without TLS");
    return *text || error_set(error, ERROR_MEMORY, "out of memory");
}

static bool find_provider(struct session *s, struct error *error)
{
    const char *why = NULL;
    struct url issuer;
    struct http_response answer = { 0 };
    const struct service_request q = { .who = who,
                                       .url = s->issuer,
                                       .path = OPENID_PROVIDER_PATH,
                                       .content_type = "application/json",
                                       .accept = "application/json",
                                       .answer_max = OPENID_ANSWER_MAX };
    if (!url_parse(s->issuer, &issuer, error))
        return false;
    bool ok = service_ask(s->client, &q, &answer, error);
    if (ok && !openid_provider_read(s->client->arena, buffer_span(&answer.body),
                                    s->issuer, &s->provider, &why))
        ok = wrong(error, why);
    ok = ok &&
         check_endpoint(s, &issuer.origin, &s->provider.authorization_endpoint, error) &&
         check_endpoint(s, &issuer.origin, &s->provider.token_endpoint, error);
    http_response_free(&answer);
    url_free(&issuer);
    return ok;
}

/* ---- what the person brings ------------------------------------------------------- */

static bool show(struct session *s, struct error *error)
{
    struct buffer address;
    buffer_init(&address, ADDRESS_MAX);
    bool ok = oauth_authorization_url(s->provider.authorization_endpoint, &s->as,
                                      &s->secrets, &address, error);
    if (ok)
        s->how->show(s->how->self, address.text);
    buffer_free(&address);
    return ok;
}

static bool take(void *self, struct span head)
{
    struct session *s = self;
    oauth_answer_read(head, s->secrets.state, s->provider.issuer, &s->answer);
    return s->answer.kind != OAUTH_FOREIGN;
}

static bool check_answer(const struct oauth_answer *a, struct error *error)
{
    if (a->kind == OAUTH_CODE)
        return true;
    if (a->kind == OAUTH_BROKEN)
        return wrong(error, a->why);
    if (strcmp(a->error, "access_denied") == 0)
        return error_set(error, ERROR_NETWORK,
                         "the sign-in was refused, by you or by %s (access_denied)", who);
    return error_set(error, ERROR_NETWORK, "%s ended the sign-in: %s", who,
                     a->error[0] ? a->error : "it does not say why");
}

static bool wait_for_browser(struct session *s, struct error *error)
{
    struct loopback *l = loopback_open(error);
    if (!l)
        return false;
    /* "localhost", and not its address: what clients of Sigstore are registered with */
    (void)snprintf(s->redirect, sizeof s->redirect,
                   "http://localhost:%u" OAUTH_CALLBACK_PATH, (unsigned)loopback_port(l));
    bool ok = show(s, error);
    ok = ok && loopback_wait(l, SIGN_IN_MINUTES * 60 * 1000, take, s, error);
    loopback_close(l);
    return ok && check_answer(&s->answer, error);
}

static bool ask_person(struct session *s, struct error *error)
{
    const struct sign_in *how = s->how;
    (void)snprintf(s->redirect, sizeof s->redirect, "%s", OAUTH_OUT_OF_BAND);
    return show(s, error) &&
           how->read_code(how->self, s->answer.code, sizeof s->answer.code, error) &&
           (oauth_code_valid(span_of_text(s->answer.code)) ||
            error_set(error, ERROR_USAGE, "that is no code"));
}

/* ---- what it is exchanged for ----------------------------------------------------- */

static bool is_public(const struct sign_in *how)
{
    return !how->client_secret || !*how->client_secret;
}

/* Both are encoded as in a form before they are joined (RFC 6749, 2.3.1). */
static struct credential *client_credential(const struct session *s, struct error *error)
{
    struct buffer id, secret;
    struct url to;
    struct credential *c = NULL;
    if (!url_parse(s->provider.token_endpoint, &to, error))
        return NULL;
    buffer_init(&id, FORM_MAX);
    buffer_init(&secret, FORM_MAX);
    secret_encode(&id, s->how->client_id);
    secret_encode(&secret, s->how->client_secret);
    if (id.truncated || secret.truncated)
        (void)error_set(error, ERROR_USAGE, "the client's secret is too long");
    else
        c = credential_basic(&to.origin, buffer_span(&id), buffer_span(&secret), false,
                             error);
    secret_wipe(secret.text, secret.capacity);
    buffer_free(&secret);
    buffer_free(&id);
    url_free(&to);
    return c;
}

static bool ask_token(const struct session *s, struct span form,
                      const struct credential *credential, char **ret_token,
                      struct error *error)
{
    const char *why = NULL;
    struct http_response answer = { 0 };
    const struct service_request q = {
        .who = who,
        .url = s->provider.token_endpoint,
        .path = "",
        .content_type = "application/x-www-form-urlencoded",
        .accept = "application/json",
        .body = form,
        .credential = credential,
        .bad = "it does not accept the code, or not from this client",
        .refusal = "it does not accept this client, or its secret",
        .answer_max = OPENID_ANSWER_MAX,
    };
    bool ok = service_ask(s->client, &q, &answer, error);
    if (ok && !openid_token_read(buffer_span(&answer.body), ret_token, &why))
        ok = wrong(error, why);
    service_forget(&answer);
    return ok;
}

static bool exchange(const struct session *s, char **ret_token, struct error *error)
{
    struct buffer form;
    struct credential *c = NULL;
    if (!is_public(s->how) && !(c = client_credential(s, error)))
        return false;
    buffer_init(&form, FORM_MAX);
    oauth_token_form(&s->as, !c, s->secrets.verifier, s->answer.code, &form);
    bool ok = form.truncated
                  ? error_set(error, ERROR_USAGE, "the client's name is too long")
                  : ask_token(s, buffer_span(&form), c, ret_token, error);
    secret_wipe(form.text, form.capacity);
    buffer_free(&form);
    credential_free(c);
    return ok;
}

static bool check_token(const struct session *s, const char *token, struct error *error)
{
    const struct identity_expected expected = { .audience = s->how->client_id,
                                                .issuer = s->provider.issuer,
                                                .nonce = s->secrets.nonce };
    struct error why;
    return identity_token_check(s->client->arena, span_of_text(token), &expected,
                                http_now(s->client->http), &why) ||
           wrong(error, why.message);
}

bool sign_in(const struct sign_in *how, const struct service_client *client,
             const char *issuer, char **ret_token, struct error *error)
{
    struct session s = { .how = how, .client = client, .issuer = issuer };
    char *token = NULL;
    s.as = (struct oauth_client){ .id = how->client_id, .redirect = s.redirect };
    bool ok = find_provider(&s, error) && oauth_secrets_make(&s.secrets, error) &&
              (how->out_of_band ? ask_person(&s, error) : wait_for_browser(&s, error)) &&
              exchange(&s, &token, error) && check_token(&s, token, error);
    secret_wipe(&s, sizeof s);
    if (ok) {
        *ret_token = token;
        return true;
    }
    if (token)
        secret_wipe(token, strlen(token));
    free(token);
    return false;
}
