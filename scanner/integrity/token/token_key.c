#include "integrity/token/token_key.h"

#include "integrity/crypto/x509.h"
#include "integrity/token/token_ec.h"
#include "integrity/token/token_slot.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 1024, SIGNATURE_MAX = 256 };

struct token_key {
    struct signing_key key; /* first: whoever signs sees only this */
    struct token_uri uri;
    struct token_slot slot;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE private;
    enum pubkey_type curve;
    bool in_session;
    bool each_time; /* CKA_ALWAYS_AUTHENTICATE: every signature wants the PIN */
    bool has_pin;
    char pin[TOKEN_PIN_MAX]; /* kept no longer than it is needed */
};

/* Always false: "token X: …", the operator's to mend. */
static bool refuse(const struct token_key *k, const char *what, struct error *error)
{
    return error_set(error, ERROR_CONFIG, "token %s: %s", k->slot.label, what);
}

/* ---- logging in ------------------------------------------------------------------- */

static bool find_pin(struct token_key *k, const struct token_request *r,
                     struct error *error)
{
    const bool on_reader = k->slot.flags & CKF_PROTECTED_AUTHENTICATION_PATH;
    if (k->has_pin)
        return true;
    k->has_pin = token_uri_pin(&k->uri, k->pin, error);
    if (k->has_pin || error->code != ERROR_NONE || on_reader)
        return k->has_pin || error->code == ERROR_NONE;
    k->has_pin = r->ask_pin(r->ask_self, k->slot.label,
                            k->slot.flags & CKF_USER_PIN_FINAL_TRY, k->pin, error);
    return k->has_pin;
}

static bool wrong_pin(struct token_key *k, struct error *error)
{
    token_slot_look(&k->slot);
    if (k->slot.flags & CKF_USER_PIN_LOCKED)
        return refuse(k, "the PIN is wrong, and is locked now", error);
    if (k->slot.flags & CKF_USER_PIN_FINAL_TRY)
        return refuse(k, "the PIN is wrong; another wrong one locks it", error);
    return refuse(k, "the PIN is wrong; it was tried once, and tokens lock", error);
}

/* Without a PIN the token's reader asks for it. */
static bool log_in(struct token_key *k, CK_USER_TYPE who, struct error *error)
{
    CK_UTF8CHAR *pin = k->has_pin ? (CK_UTF8CHAR *)k->pin : NULL;
    CK_ULONG len = k->has_pin ? strlen(k->pin) : 0;
    CK_RV rv = k->slot.calls->C_Login(k->session, who, pin, len);
    switch (rv) {
    case CKR_OK:
        return true;
    case CKR_USER_ALREADY_LOGGED_IN:
        return who == CKU_USER || token_failed(&k->slot, "logging in", rv, error);
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
        return wrong_pin(k, error);
    case CKR_PIN_LOCKED:
        return refuse(k, "its PIN is locked", error);
    case CKR_USER_PIN_NOT_INITIALIZED:
        return refuse(k, "it has no PIN of a user yet", error);
    default:
        return token_failed(&k->slot, "logging in", rv, error);
    }
}

static bool begin_session(struct token_key *k, const struct token_request *r,
                          struct error *error)
{
    CK_RV rv = k->slot.calls->C_OpenSession(k->slot.id, CKF_SERIAL_SESSION, NULL, NULL,
                                            &k->session);
    if (rv != CKR_OK)
        return token_failed(&k->slot, "opening a session", rv, error);
    k->in_session = true;
    if (!(k->slot.flags & CKF_LOGIN_REQUIRED) && !k->uri.pin && !k->uri.pin_file)
        return true;
    if (k->slot.flags & CKF_USER_PIN_LOCKED)
        return refuse(k, "its PIN is locked", error);
    return find_pin(k, r, error) && log_in(k, CKU_USER, error);
}

/* ---- objects ---------------------------------------------------------------------- */

/* A template of what to look for. */
struct wanted {
    CK_OBJECT_CLASS class;
    CK_ATTRIBUTE items[4];
    CK_ULONG count;
};

static void want(struct wanted *w, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG len)
{
    w->items[w->count++] = (CK_ATTRIBUTE){ type, value, len };
}

static void want_class(struct wanted *w, CK_OBJECT_CLASS class)
{
    w->class = class;
    w->count = 0;
    want(w, CKA_CLASS, &w->class, sizeof w->class);
}

/* *ret_count: 0, 1 or 2 for more than one. */
static bool find_objects(struct token_key *k, struct wanted *w,
                         CK_OBJECT_HANDLE *ret_first, size_t *ret_count,
                         struct error *error)
{
    CK_OBJECT_HANDLE found[2] = { 0 };
    size_t count = 0;
    CK_ULONG n = 1;
    CK_FUNCTION_LIST *f = k->slot.calls;
    CK_RV rv = f->C_FindObjectsInit(k->session, w->items, w->count);
    if (rv != CKR_OK)
        return token_failed(&k->slot, "looking for keys", rv, error);
    while (rv == CKR_OK && n > 0 && count < 2) {
        n = 0;
        rv = f->C_FindObjects(k->session, &found[count], 1, &n);
        count += rv == CKR_OK && n > 0;
    }
    CK_RV end = f->C_FindObjectsFinal(k->session);
    if (rv != CKR_OK || end != CKR_OK)
        return token_failed(&k->slot, "looking for keys", rv != CKR_OK ? rv : end, error);
    *ret_first = found[0];
    *ret_count = count;
    return true;
}

/* False, whyever, when there is no such attribute of at most `size` bytes. */
static bool read_attribute(const struct token_key *k, CK_OBJECT_HANDLE object,
                           CK_ATTRIBUTE_TYPE type, void *bytes, size_t size,
                           struct span *ret_value)
{
    CK_ATTRIBUTE a = { type, bytes, size };
    if (k->slot.calls->C_GetAttributeValue(k->session, object, &a, 1) != CKR_OK ||
        a.ulValueLen > size)
        return false;
    *ret_value = span_of(bytes, a.ulValueLen);
    return true;
}

static bool attribute_is_true(const struct token_key *k, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    struct span s;
    return read_attribute(k, k->private, type, &value, sizeof value, &s) &&
           s.len == sizeof value && value != CK_FALSE;
}

/* ---- the private key -------------------------------------------------------------- */

static bool find_private(struct token_key *k, struct error *error)
{
    static const CK_ATTRIBUTE_TYPE names[] = { CKA_ID, CKA_LABEL };
    struct wanted w;
    size_t count = 0;
    want_class(&w, CKO_PRIVATE_KEY);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const CK_ATTRIBUTE *a = p11_kit_uri_get_attribute(k->uri.uri, names[i]);
        if (a)
            want(&w, names[i], a->pValue, a->ulValueLen);
    }
    if (!find_objects(k, &w, &k->private, &count, error))
        return false;
    if (count == 0)
        return error_set(error, ERROR_NOT_FOUND,
                         "token %s: no private key on it matches the PKCS #11 URI",
                         k->slot.label);
    return count == 1 || refuse(k,
                                "more than one private key matches the PKCS #11 URI: "
                                "name one with id= or object=",
                                error);
}

static bool check_private(struct token_key *k, struct error *error)
{
    CK_KEY_TYPE type = 0;
    CK_MECHANISM_INFO ecdsa = { 0 };
    uint8_t bytes[TOKEN_EC_PARAMS_MAX];
    struct span value;
    if (!read_attribute(k, k->private, CKA_KEY_TYPE, &type, sizeof type, &value) ||
        value.len != sizeof type || type != CKK_EC)
        return refuse(
            k, "the key is no elliptic-curve key (models are signed with ECDSA)", error);
    if (!attribute_is_true(k, CKA_SIGN))
        return refuse(k, "the key may not sign (its CKA_SIGN is false)", error);
    if (read_attribute(k, k->private, CKA_EC_PARAMS, bytes, sizeof bytes, &value))
        k->curve = token_ec_curve(value);
    if (k->curve == PUBKEY_UNKNOWN)
        return refuse(k, "the key is on another curve than P-256, P-384 or P-521", error);
    CK_RV rv = k->slot.calls->C_GetMechanismInfo(k->slot.id, CKM_ECDSA, &ecdsa);
    if (rv != CKR_OK || !(ecdsa.flags & CKF_SIGN))
        return refuse(k, "it does not sign with plain ECDSA (CKM_ECDSA)", error);
    k->each_time = attribute_is_true(k, CKA_ALWAYS_AUTHENTICATE);
    return true;
}

/* ---- the public key --------------------------------------------------------------- */

/* What belongs to a private key has its id, or without one its label. */
static bool find_companion(struct token_key *k, CK_OBJECT_CLASS class,
                           CK_OBJECT_HANDLE *ret_object, size_t *ret_count,
                           struct error *error)
{
    static const CK_ATTRIBUTE_TYPE names[] = { CKA_ID, CKA_LABEL };
    uint8_t bytes[NAME_MAX_BYTES];
    struct span name;
    struct wanted w;
    *ret_count = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (read_attribute(k, k->private, names[i], bytes, sizeof bytes, &name) &&
            name.len > 0) {
            want_class(&w, class);
            want(&w, names[i], bytes, name.len);
            return find_objects(k, &w, ret_object, ret_count, error);
        }
    return true;
}

/* In a certificate on the token; NULL without an error when there is none. */
static EVP_PKEY *certified_key(struct token_key *k, const struct crypto *c,
                               struct error *error)
{
    CK_OBJECT_HANDLE object = 0;
    size_t count = 0;
    struct span der;
    error->code = ERROR_NONE;
    if (!find_companion(k, CKO_CERTIFICATE, &object, &count, error) || count == 0)
        return NULL;
    EVP_PKEY *key = NULL;
    uint8_t *bytes = malloc(X509_DER_MAX);
    if (bytes && read_attribute(k, object, CKA_VALUE, bytes, X509_DER_MAX, &der)) {
        X509 *certificate = x509_read(c, der);
        key = certificate ? X509_get_pubkey(certificate) : NULL;
        X509_free(certificate);
    }
    free(bytes);
    return key;
}

static bool find_public(struct token_key *k, const struct crypto *c, X509 *certificate,
                        struct error *error)
{
    CK_OBJECT_HANDLE object = 0;
    uint8_t bytes[TOKEN_EC_POINT_MAX];
    struct span point;
    size_t count = 0;
    if (!find_companion(k, CKO_PUBLIC_KEY, &object, &count, error))
        return false;
    if (count > 1)
        return refuse(k, "more than one public key belongs to the private key", error);
    if (count == 1) {
        if (read_attribute(k, object, CKA_EC_POINT, bytes, sizeof bytes, &point))
            k->key.verifies = token_ec_key(c, k->curve, point);
        return k->key.verifies ||
               refuse(k, "its public key is no point of the private key's curve", error);
    }
    error->code = ERROR_NONE;
    k->key.verifies =
        certificate ? X509_get_pubkey(certificate) : certified_key(k, c, error);
    if (!k->key.verifies)
        return error->code != ERROR_NONE
                   ? false
                   : refuse(k,
                            "it holds no public key and no certificate of the private "
                            "key; give one with pkcs11-certificate",
                            error);
    return pubkey_type(k->key.verifies) == k->curve ||
           refuse(k, "the certificate is not that of the private key", error);
}

/* ---- signing ---------------------------------------------------------------------- */

static bool sign(struct signing_key *self, const struct crypto *c, struct arena *arena,
                 struct span bytes, struct span *ret_signature, struct error *error)
{
    struct token_key *k = (struct token_key *)self;
    CK_FUNCTION_LIST *f = k->slot.calls;
    CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };
    uint8_t digest[64], raw[SIGNATURE_MAX];
    size_t digest_len;
    CK_ULONG raw_len = sizeof raw;
    if (!crypto_digest(c, pubkey_digest(k->curve), bytes, digest, &digest_len))
        return error_set(error, ERROR_MEMORY, "out of memory");
    CK_RV rv = f->C_SignInit(k->session, &ecdsa, k->private);
    if (rv == CKR_OK && k->each_time && !log_in(k, CKU_CONTEXT_SPECIFIC, error))
        return false;
    if (rv == CKR_OK)
        rv = f->C_Sign(k->session, digest, digest_len, raw, &raw_len);
    if (rv != CKR_OK)
        return token_failed(&k->slot, "signing", rv, error);
    if (raw_len != token_ec_signature_size(k->curve))
        return error_set(error, ERROR_IO,
                         "token %s: signing: %lu bytes are no signature of %s",
                         k->slot.label, raw_len, pubkey_type_name(k->curve));
    return token_ec_signature(arena, k->curve, span_of(raw, raw_len), ret_signature) ||
           error_set(error, ERROR_MEMORY, "out of memory");
}

/* ---- beginning and end ------------------------------------------------------------ */

static void release(struct signing_key *self)
{
    struct token_key *k = (struct token_key *)self;
    explicit_bzero(k->pin, sizeof k->pin);
    if (k->in_session)
        (void)k->slot.calls->C_CloseSession(k->session);
    token_slot_close(&k->slot);
    token_uri_free(&k->uri);
    free(k);
}

struct signing_key *token_key_open(const struct crypto *c, const struct token_request *r,
                                   X509 *certificate, struct error *error)
{
    struct token_key *k = calloc(1, sizeof *k);
    if (!k) {
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    k->key = (struct signing_key){ .sign = sign, .free = release };
    bool ok = token_uri_read(r->uri, &k->uri, error) &&
              token_slot_open(&k->uri, r->module, &k->slot, error) &&
              begin_session(k, r, error) && find_private(k, error) &&
              check_private(k, error) && find_public(k, c, certificate, error) &&
              (!k->each_time || find_pin(k, r, error));
    if (!k->each_time)
        explicit_bzero(k->pin, sizeof k->pin);
    if (ok)
        return &k->key;
    signing_key_free(&k->key);
    return NULL;
}
