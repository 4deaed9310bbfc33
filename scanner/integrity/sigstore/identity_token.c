#include "integrity/sigstore/identity_token.h"

#include "core/base64.h"
#include "integrity/rfc3339.h"
#include "integrity/strict_json.h"

enum { VALUES_MAX = 1 << 12, LEEWAY = 5 /* seconds that clocks may differ */ };

/* HEADER.PAYLOAD.SIGNATURE: the bytes of the payload. */
static bool payload_of(struct arena *arena, struct span token, struct span *ret_payload)
{
    size_t first = span_find(token, ".", 0);
    size_t second = first == SIZE_MAX ? first : span_find(token, ".", first + 1);
    return token.len <= IDENTITY_TOKEN_MAX && second != SIZE_MAX &&
           second + 1 < token.len && span_find(token, ".", second + 1) == SIZE_MAX &&
           base64_decode(arena, span_slice(token, first + 1, second), ret_payload);
}

/* "aud" is a text, or a list of them. */
static bool is_for(const json_t *claims, const char *expected)
{
    const json_t *audience = strict_json_field(claims, "aud");
    if (json_is_string(audience))
        return span_is(strict_json_string(audience), expected);
    for (size_t i = 0; i < json_array_size(audience); i++) {
        const json_t *one = json_array_get(audience, i);
        if (json_is_string(one) && span_is(strict_json_string(one), expected))
            return true;
    }
    return false;
}

static bool says(const json_t *claims, const char *name, const char *expected)
{
    struct span value = { NULL, 0 };
    return !expected ||
           (strict_json_text(claims, name, &value) && span_is(value, expected));
}

/* Who it is from and for. */
static bool check_parties(const json_t *claims, const struct identity_expected *expected,
                          struct error *error)
{
    if (!is_for(claims, expected->audience))
        return error_set(error, ERROR_USAGE,
                         "the identity token is for another audience than \"%.200s\", "
                         "and is not sent to Sigstore",
                         expected->audience);
    if (!says(claims, "iss", expected->issuer))
        return error_set(error, ERROR_USAGE,
                         "the identity token is of another issuer than the one asked");
    return says(claims, "nonce", expected->nonce) ||
           error_set(error, ERROR_USAGE, "the identity token is of another sign-in");
}

static bool check_claims(const json_t *claims, const struct identity_expected *expected,
                         int64_t now, struct error *error)
{
    bool expires, begins;
    int64_t end = 0, start = 0;
    char when[RFC3339_MAX];
    struct span issuer = { NULL, 0 }, subject = issuer;
    if (!strict_json_int64(claims, "exp", &expires, &end) || !expires ||
        !strict_json_int64(claims, "nbf", &begins, &start) ||
        !strict_json_text(claims, "iss", &issuer) || issuer.len == 0 ||
        !strict_json_text(claims, "sub", &subject) || subject.len == 0)
        return error_set(error, ERROR_USAGE,
                         "the identity token lacks one of iss, sub, exp");
    if (!check_parties(claims, expected, error))
        return false;
    rfc3339_format(end, when);
    if (now >= end)
        return error_set(error, ERROR_USAGE, "the identity token expired at %s", when);
    rfc3339_format(start, when);
    return !begins || now + LEEWAY >= start ||
           error_set(error, ERROR_USAGE, "the identity token is not valid before %s",
                     when);
}

bool identity_token_check(struct arena *arena, struct span token,
                          const struct identity_expected *expected, int64_t now,
                          struct error *error)
{
    struct span payload;
    struct strict_json_reason ignored;
    json_t *claims =
        payload_of(arena, token, &payload)
            ? strict_json_read(payload, IDENTITY_TOKEN_MAX, VALUES_MAX, &ignored)
            : NULL;
    bool ok =
        json_is_object(claims)
            ? check_claims(claims, expected, now, error)
            : error_set(error, ERROR_USAGE, "the identity token is no JSON Web Token");
    json_decref(claims);
    return ok;
}
