#include "net/oauth.h"

#include "core/base64.h"
#include "net/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum { RANDOM_BYTES = 32 };

/* ---- what is asked ---------------------------------------------------------------- */

/* 32 bytes as a word of OAUTH_WORD characters. */
static bool write_word(const uint8_t bytes[RANDOM_BYTES], char word[OAUTH_WORD + 1])
{
    struct buffer text;
    buffer_init(&text, OAUTH_WORD);
    base64url_add(&text, span_of(bytes, RANDOM_BYTES));
    bool ok = text.len == OAUTH_WORD;
    if (ok)
        memcpy(word, text.text, OAUTH_WORD + 1);
    secret_wipe(text.text, text.len);
    buffer_free(&text);
    return ok;
}

static bool random_word(char word[OAUTH_WORD + 1])
{
    uint8_t bytes[RANDOM_BYTES];
    bool ok = RAND_bytes(bytes, RANDOM_BYTES) == 1 && write_word(bytes, word);
    secret_wipe(bytes, sizeof bytes);
    return ok;
}

bool oauth_secrets_make(struct oauth_secrets *ret_secrets, struct error *error)
{
    struct oauth_secrets s;
    bool ok = random_word(s.state) && random_word(s.nonce) && random_word(s.verifier);
    if (ok)
        *ret_secrets = s;
    secret_wipe(&s, sizeof s);
    return ok || error_set(error, ERROR_MEMORY, "no random numbers can be made");
}

bool oauth_challenge(const char *verifier, char ret_challenge[OAUTH_WORD + 1])
{
    uint8_t digest[RANDOM_BYTES];
    size_t n = 0;
    return EVP_Q_digest(NULL, "SHA256", NULL, verifier, strlen(verifier), digest, &n) &&
           n == RANDOM_BYTES && write_word(digest, ret_challenge);
}

static void add(struct buffer *out, const char *name, const char *value)
{
    buffer_add_text(out, name);
    buffer_add_text(out, "=");
    secret_encode(out, value);
}

/* A browser is often started by a script: nothing in here means anything to a shell. */
static bool harmless(const char *url)
{
    return url[strspn(url, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                           "0123456789-._~:/?=&%+@,[]")] == '\0';
}

bool oauth_authorization_url(const char *endpoint, const struct oauth_client *client,
                             const struct oauth_secrets *secrets, struct buffer *out,
                             struct error *error)
{
    char challenge[OAUTH_WORD + 1];
    if (!harmless(endpoint))
        return error_set(error, ERROR_NETWORK,
                         "the address of the sign-in page holds odd characters");
    if (!oauth_challenge(secrets->verifier, challenge))
        return error_set(error, ERROR_MEMORY, "out of memory");
    buffer_add_text(out, endpoint);
    buffer_add_text(out, strchr(endpoint, '?') ? "&" : "?");
    add(out, "response_type", "code");
    add(out, "&client_id", client->id);
    add(out, "&scope", "openid email");
    add(out, "&redirect_uri", client->redirect);
    add(out, "&code_challenge", challenge);
    add(out, "&code_challenge_method", "S256");
    add(out, "&state", secrets->state);
    add(out, "&nonce", secrets->nonce);
    return !out->truncated ||
           error_set(error, ERROR_NETWORK, "the address of the sign-in page is too long");
}

void oauth_token_form(const struct oauth_client *client, bool named, const char *verifier,
                      const char *code, struct buffer *out)
{
    add(out, "grant_type", "authorization_code");
    add(out, "&code", code);
    add(out, "&redirect_uri", client->redirect);
    add(out, "&code_verifier", verifier);
    if (named)
        add(out, "&client_id", client->id);
}

bool oauth_code_valid(struct span code)
{
    for (size_t i = 0; i < code.len; i++)
        if (code.ptr[i] <= 0x20 || code.ptr[i] >= 0x7f)
            return false;
    return code.len > 0 && code.len <= OAUTH_CODE_MAX;
}

/* ---- what the browser brings ------------------------------------------------------ */

enum parameter { STATE, CODE, ERROR, ISSUER, PARAMETERS };

static const char *const parameter_names[PARAMETERS] = {
    [STATE] = "state",
    [CODE] = "code",
    [ERROR] = "error",
    [ISSUER] = "iss",
};

struct parameters {
    struct value {
        unsigned count;
        bool broken; /* too long, or not percent-encoded text */
        size_t len;
        char text[OAUTH_CODE_MAX + 1];
    } value[PARAMETERS];
};

/* application/x-www-form-urlencoded; a NUL would end a text of ours early. */
static void decode(struct span in, struct value *v)
{
    for (size_t i = 0; i < in.len && !v->broken;) {
        uint8_t written = in.ptr[i], c = url_decoded_byte(in, &i);
        v->broken = c == '\0' || v->len == OAUTH_CODE_MAX ||
                    (written == '%' && in.ptr[i - 1] == '%'); /* no escape */
        if (!v->broken)
            v->text[v->len++] = (char)(written == '+' ? ' ' : c);
    }
}

static void read_pair(struct span pair, struct parameters *p)
{
    size_t at = span_find(pair, "=", 0);
    for (size_t i = 0; i < PARAMETERS; i++) {
        struct value *v = &p->value[i];
        if (!span_is(span_slice(pair, 0, at), parameter_names[i]))
            continue; /* others are passed over (RFC 6749, 4.1.2) */
        if (v->count++ == 0)
            decode(at == SIZE_MAX ? span_of(NULL, 0) : span_slice(pair, at + 1, pair.len),
                   v);
    }
}

static void read_query(struct span query, struct parameters *p)
{
    for (size_t at = 0; at <= query.len;) {
        size_t end = span_find(query, "&", at);
        if (end == SIZE_MAX)
            end = query.len;
        read_pair(span_slice(query, at, end), p);
        at = end + 1;
    }
}

/* "GET /auth/callback?QUERY HTTP/1.x": the query. */
static bool read_request_line(struct span head, struct span *ret_query)
{
    static const char start[] = "GET " OAUTH_CALLBACK_PATH "?";
    struct span line = span_slice(head, 0, span_find(head, "\r\n", 0));
    if (!span_starts(line, start) ||
        !(span_ends(line, " HTTP/1.1") || span_ends(line, " HTTP/1.0")))
        return false;
    struct span query =
        span_slice(line, sizeof start - 1, line.len - (sizeof " HTTP/1.1" - 1));
    for (size_t i = 0; i < query.len; i++)
        if (query.ptr[i] <= 0x20 || query.ptr[i] >= 0x7f)
            return false;
    *ret_query = query;
    return true;
}

static bool is_ours(const struct value *state, const char *expected)
{
    return state->count == 1 && !state->broken && state->len == strlen(expected) &&
           CRYPTO_memcmp(state->text, expected, state->len) == 0;
}

static const char *disorder(const struct parameters *p, const char *issuer)
{
    const struct value *code = &p->value[CODE], *iss = &p->value[ISSUER];
    for (size_t i = 0; i < PARAMETERS; i++)
        if (p->value[i].count > 1 || p->value[i].broken)
            return "a parameter that is there twice, is too long or is no text";
    if (code->count && p->value[ERROR].count)
        return "a code and an error";
    if (iss->count && strcmp(iss->text, issuer) != 0)
        return "the name of another provider";
    if (!p->value[ERROR].count && !oauth_code_valid(span_of(code->text, code->len)))
        return "no code";
    return NULL;
}

static void take_error(const char *word, struct oauth_answer *a)
{
    size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyz_");
    a->kind = OAUTH_REFUSED;
    if (word[len] == '\0' && len <= OAUTH_ERROR_MAX)
        memcpy(a->error, word, len + 1);
}

void oauth_answer_read(struct span head, const char *state, const char *issuer,
                       struct oauth_answer *ret_answer)
{
    struct parameters p = { 0 };
    struct oauth_answer *a = ret_answer;
    struct span query;
    *a = (struct oauth_answer){ .kind = OAUTH_FOREIGN };
    if (!read_request_line(head, &query))
        return;
    read_query(query, &p);
    if (is_ours(&p.value[STATE], state)) {
        a->why = disorder(&p, issuer);
        a->kind = a->why ? OAUTH_BROKEN : OAUTH_CODE;
        if (!a->why && p.value[ERROR].count)
            take_error(p.value[ERROR].text, a);
        else if (!a->why)
            memcpy(a->code, p.value[CODE].text, p.value[CODE].len + 1);
    }
    secret_wipe(&p, sizeof p);
}
