/* A PKCS #11 module with one token, as tests want it: honest, or wrong in one way.
 *
 *   TOKEN_KEY   a private key in PEM, which the token signs with; "a.pem" is P-256
 *   TOKEN_IS    words for how it is, of those in has(); empty is an honest token
 *   TOKEN_LOG   a file to which each login and each signature adds a line
 *
 * The PIN is 1234.  Only what Assay and p11-kit call is there. */
#include <p11-kit/pkcs11.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRIVATE = 1, PUBLIC, SECOND, SLOT = 5, SESSION = 9 };

static struct {
    EVP_PKEY *key;
    unsigned wrong;        /* PINs so far */
    bool logged_in, fresh; /* fresh: a login for the next signature only */
    CK_OBJECT_HANDLE found[3];
    CK_ULONG count, given;
} token;

static bool has(const char *word)
{
    const char *words = getenv("TOKEN_IS");
    size_t n = strlen(word);
    for (const char *at = words; at && (at = strstr(at, word)) != NULL; at += n)
        if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

static void note(const char *line)
{
    const char *path = getenv("TOKEN_LOG");
    FILE *out = path ? fopen(path, "a") : NULL;
    if (!out)
        return;
    (void)fprintf(out, "%s\n", line);
    (void)fclose(out);
}

static void padded(CK_UTF8CHAR *field, size_t size, const char *text)
{
    memset(field, ' ', size);
    memcpy(field, text, strlen(text));
}

/* ---- module, slot, token ---------------------------------------------------------- */

static CK_RV initialize(void *arguments)
{
    const char *path = getenv("TOKEN_KEY");
    FILE *in = path ? fopen(path, "r") : NULL;
    (void)arguments;
    if (has("does-not-start"))
        return in ? fclose(in), CKR_DEVICE_ERROR : CKR_DEVICE_ERROR;
    token.key = in ? PEM_read_PrivateKey(in, NULL, NULL, NULL) : NULL;
    if (in)
        (void)fclose(in);
    return token.key ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV finalize(void *reserved)
{
    (void)reserved;
    EVP_PKEY_free(token.key);
    memset(&token, 0, sizeof token);
    return CKR_OK;
}

static CK_RV get_info(CK_INFO *ret)
{
    *ret = (CK_INFO){
        .cryptokiVersion = {2, 40}
    };
    padded(ret->manufacturerID, sizeof ret->manufacturerID, "Assay's tests");
    padded(ret->libraryDescription, sizeof ret->libraryDescription, "one token");
    return CKR_OK;
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
    (void)present;
    if (has("slots-fail"))
        return CKR_DEVICE_ERROR;
    if (slots && *count < 1)
        return CKR_BUFFER_TOO_SMALL;
    *count = has("absent") ? 0 : 1;
    if (slots)
        slots[0] = SLOT;
    return CKR_OK;
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *ret)
{
    *ret = (CK_SLOT_INFO){ .flags = CKF_TOKEN_PRESENT };
    padded(ret->slotDescription, sizeof ret->slotDescription, "a slot");
    padded(ret->manufacturerID, sizeof ret->manufacturerID, "Assay's tests");
    return slot == SLOT ? CKR_OK : CKR_SLOT_ID_INVALID;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *ret)
{
    *ret = (CK_TOKEN_INFO){ .flags = CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED };
    padded(ret->label, sizeof ret->label, has("rude") ? "\033[31mred" : "mock");
    padded(ret->manufacturerID, sizeof ret->manufacturerID, "Assay's tests");
    padded(ret->model, sizeof ret->model, "mock");
    padded(ret->serialNumber, sizeof ret->serialNumber, "1");
    if (!has("open"))
        ret->flags |= CKF_LOGIN_REQUIRED;
    if (has("pin-pad"))
        ret->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
    if (has("locked") || (has("locks") && token.wrong > 0))
        ret->flags |= CKF_USER_PIN_LOCKED;
    if (has("last-try") || (has("warns") && token.wrong > 0))
        ret->flags |= CKF_USER_PIN_FINAL_TRY;
    return slot == SLOT ? CKR_OK : CKR_SLOT_ID_INVALID;
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
                                CK_MECHANISM_INFO *ret)
{
    if (slot != SLOT || type != CKM_ECDSA || has("no-ecdsa"))
        return CKR_MECHANISM_INVALID;
    *ret = (CK_MECHANISM_INFO){ 256, 521, has("no-signing") ? CKF_VERIFY : CKF_SIGN };
    return CKR_OK;
}

/* ---- sessions --------------------------------------------------------------------- */

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application,
                          CK_NOTIFY notify, CK_SESSION_HANDLE *ret)
{
    (void)application, (void)notify;
    *ret = SESSION;
    return slot == SLOT && flags == CKF_SERIAL_SESSION ? CKR_OK : CKR_ARGUMENTS_BAD;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
    token.logged_in = false;
    return session == SESSION ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

static CK_RV close_all_sessions(CK_SLOT_ID slot)
{
    return slot == SLOT ? CKR_OK : CKR_SLOT_ID_INVALID;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE who, CK_UTF8CHAR *pin,
                   CK_ULONG len)
{
    (void)session;
    note(who == CKU_CONTEXT_SPECIFIC ? "login for one signature"
         : pin                       ? "login"
                                     : "login at the reader");
    if (has("no-pin-yet"))
        return CKR_USER_PIN_NOT_INITIALIZED;
    if (has("pin-is-locked"))
        return CKR_PIN_LOCKED;
    if (has("cancels"))
        return CKR_FUNCTION_CANCELED;
    if (pin ? len != 4 || memcmp(pin, "1234", 4) != 0 : !has("pin-pad")) {
        token.wrong++;
        return CKR_PIN_INCORRECT;
    }
    *(who == CKU_CONTEXT_SPECIFIC ? &token.fresh : &token.logged_in) = true;
    return CKR_OK;
}

/* ---- objects ---------------------------------------------------------------------- */

static const uint8_t *curve_of(CK_ULONG *ret_len)
{
    static const uint8_t p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
    static const uint8_t p384[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x22 };
    static const uint8_t p521[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x23 };
    int bits = EVP_PKEY_get_bits(token.key);
    *ret_len = bits == 256 ? sizeof p256 : sizeof p384;
    return bits == 256 ? p256 : bits == 384 ? p384 : p521;
}

/* 04 LEN and the point; *ret_begin: where that begins in `bytes`. */
static CK_ULONG point_of(uint8_t bytes[256], CK_ULONG *ret_begin)
{
    size_t len = 0;
    (void)EVP_PKEY_get_octet_string_param(token.key, OSSL_PKEY_PARAM_PUB_KEY, bytes + 3,
                                          253, &len);
    if (has("no-point"))
        bytes[3 + len - 1] ^= 1;
    if (has("bare-point")) {
        *ret_begin = 3;
        return len;
    }
    *ret_begin = len < 0x80 ? 1 : 0;
    bytes[*ret_begin] = 4;
    bytes[1] = len < 0x80 ? 4 : 0x81;
    bytes[2] = (uint8_t)len;
    return len + 3 - *ret_begin;
}

static CK_RV give(CK_ATTRIBUTE *a, const void *value, CK_ULONG len)
{
    CK_ULONG room = a->ulValueLen;
    a->ulValueLen = has("huge-attributes") && a->type == CKA_EC_POINT ? 1 << 30 : len;
    if (!a->pValue)
        return CKR_OK;
    if (room < len)
        return CKR_BUFFER_TOO_SMALL;
    memcpy(a->pValue, value, len);
    return CKR_OK;
}

static CK_RV get_attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a)
{
    const CK_OBJECT_CLASS class = object == PRIVATE ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY;
    const CK_KEY_TYPE type = has("rsa") ? CKK_RSA : CKK_EC;
    const CK_BBOOL signs = !has("may-not-sign"), always = has("always");
    uint8_t point[256];
    CK_ULONG len, begin;
    switch (a->type) {
    case CKA_CLASS:
        return give(a, &class, sizeof class);
    case CKA_ID:
        return give(a, "\001", has("no-id") ? 0 : 1);
    case CKA_LABEL:
        return give(a, "k", 1);
    case CKA_KEY_TYPE:
        return give(a, &type, sizeof type);
    case CKA_SIGN:
        return give(a, &signs, sizeof signs);
    case CKA_ALWAYS_AUTHENTICATE:
        return give(a, &always, sizeof always);
    case CKA_EC_PARAMS: {
        const uint8_t *curve = curve_of(&len);
        return has("odd-curve") ? give(a, "\023\002xy", 4) : give(a, curve, len);
    }
    case CKA_EC_POINT:
        if (object == PRIVATE)
            return CKR_ATTRIBUTE_TYPE_INVALID;
        len = point_of(point, &begin);
        return give(a, point + begin, len);
    default:
        a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
}

static CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                 CK_ATTRIBUTE *items, CK_ULONG count)
{
    CK_RV rv = session == SESSION ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
        rv = get_attribute(object, &items[i]);
    return rv;
}

static bool matches(CK_OBJECT_HANDLE object, const CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count; i++) {
        uint8_t value[256];
        CK_ATTRIBUTE a = { wanted[i].type, value, sizeof value };
        if (get_attribute(object, &a) != CKR_OK || a.ulValueLen != wanted[i].ulValueLen ||
            memcmp(value, wanted[i].pValue, a.ulValueLen) != 0)
            return false;
    }
    return true;
}

static CK_RV find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    (void)session;
    if (has("cannot-find"))
        return CKR_DEVICE_MEMORY;
    token.count = token.given = 0;
    for (CK_OBJECT_HANDLE o = PRIVATE; o <= SECOND; o++)
        if ((o != PRIVATE || token.logged_in || has("open")) &&
            (o != PUBLIC || !has("no-public")) && (o != SECOND || has("two-public")) &&
            matches(o, wanted, count))
            token.found[token.count++] = o;
    return CKR_OK;
}

static CK_RV find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG room,
                  CK_ULONG *ret_count)
{
    (void)session;
    *ret_count = 0;
    while (*ret_count < room && token.given < token.count)
        objects[(*ret_count)++] = token.found[token.given++];
    return CKR_OK;
}

static CK_RV find_final(CK_SESSION_HANDLE session)
{
    return session == SESSION ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

/* ---- signing ---------------------------------------------------------------------- */

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *how, CK_OBJECT_HANDLE key)
{
    (void)session;
    return key == PRIVATE && how->mechanism == CKM_ECDSA ? CKR_OK : CKR_MECHANISM_INVALID;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *digest, CK_ULONG digest_len,
                  CK_BYTE *out, CK_ULONG *len)
{
    uint8_t der[256];
    size_t der_len = sizeof der;
    int half = (EVP_PKEY_get_bits(token.key) + 7) / 8;
    (void)session;
    note("sign");
    if (has("taken-out"))
        return CKR_DEVICE_REMOVED;
    if (has("always") && !token.fresh)
        return CKR_USER_NOT_LOGGED_IN;
    token.fresh = false;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(token.key, NULL);
    if (!ctx || *len < (CK_ULONG)(2 * half) || EVP_PKEY_sign_init(ctx) != 1 ||
        EVP_PKEY_sign(ctx, der, &der_len, digest, digest_len) != 1)
        return CKR_FUNCTION_FAILED;
    EVP_PKEY_CTX_free(ctx);
    const uint8_t *at = der;
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &at, (long)der_len);
    (void)BN_bn2binpad(ECDSA_SIG_get0_r(s), out, half);
    (void)BN_bn2binpad(ECDSA_SIG_get0_s(s), out + half, half);
    ECDSA_SIG_free(s);
    *len = has("short-signature")  ? (CK_ULONG)(2 * half - 2)
           : has("huge-signature") ? 1 << 30
           : has("no-signature")   ? 0
                                   : (CK_ULONG)(2 * half);
    if (has("wrong-signature"))
        out[half] ^= 1;
    return CKR_OK;
}

static CK_RV get_function_list(CK_FUNCTION_LIST **ret);
static CK_FUNCTION_LIST functions = {
    .version = {2, 40},
    .C_Initialize = initialize,
    .C_Finalize = finalize,
    .C_GetInfo = get_info,
    .C_GetFunctionList = get_function_list,
    .C_GetSlotList = get_slot_list,
    .C_GetSlotInfo = get_slot_info,
    .C_GetTokenInfo = get_token_info,
    .C_GetMechanismInfo = get_mechanism_info,
    .C_OpenSession = open_session,
    .C_CloseSession = close_session,
    .C_CloseAllSessions = close_all_sessions,
    .C_Login = login,
    .C_GetAttributeValue = get_attribute_value,
    .C_FindObjectsInit = find_init,
    .C_FindObjects = find,
    .C_FindObjectsFinal = find_final,
    .C_SignInit = sign_init,
    .C_Sign = sign,
};

static CK_RV get_function_list(CK_FUNCTION_LIST **ret)
{
    *ret = &functions;
    return CKR_OK;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret)
{
    return get_function_list(ret);
}
