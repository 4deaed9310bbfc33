/* Keys and signatures as PKCS #11 writes them, and what a URI of RFC 7512 says. */
#include "unit.h"

#include "integrity/token/token_ec.h"
#include "integrity/token/token_uri.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct crypto *crypto;
static struct arena *arena;

static const struct {
    const char *name;
    enum pubkey_type type;
    size_t bytes;
} curves[] = {
    {"P-256",  PUBKEY_P256, 32},
    { "P-384", PUBKEY_P384, 48},
    { "P-521", PUBKEY_P521, 66},
};
enum { CURVES = 3, POINT_MAX = 256 };

static int setup(void **state)
{
    struct error error;
    (void)state;
    crypto = crypto_new(&error);
    arena = arena_new(16 << 20);
    return crypto && arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    crypto_free(crypto);
    return 0;
}

static EVP_PKEY *new_key(const char *curve)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(crypto_library(crypto), NULL, "EC", curve);
    assert_non_null(key);
    return key;
}

static size_t bare_point(const EVP_PKEY *key, uint8_t point[POINT_MAX])
{
    size_t len = 0;
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
                                                     POINT_MAX, &len),
                     1);
    return len;
}

/* In an OCTET STRING. */
static struct span wrapped(struct span point)
{
    struct buffer out;
    const uint8_t header[] = { 0x04, 0x81, (uint8_t)point.len };
    buffer_init(&out, POINT_MAX);
    buffer_add(&out, span_of(header, 1));
    buffer_add(&out, point.len < 0x80 ? span_of(header + 2, 1) : span_of(header + 1, 2));
    buffer_add(&out, point);
    struct span kept = arena_copy(arena, buffer_span(&out));
    buffer_free(&out);
    return kept;
}

static bool reads_as(enum pubkey_type curve, struct span point, const EVP_PKEY *expected)
{
    EVP_PKEY *key = token_ec_key(crypto, curve, point);
    bool same =
        key && EVP_PKEY_eq(key, expected) == 1 && pubkey_type(key) == curve &&
        span_equal(pubkey_hint(crypto, arena, key), pubkey_hint(crypto, arena, expected));
    EVP_PKEY_free(key);
    return same;
}

static void test_points_of_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < CURVES; i++) {
        uint8_t bytes[POINT_MAX];
        EVP_PKEY *key = new_key(curves[i].name);
        struct span bare = span_of(bytes, bare_point(key, bytes));
        assert_int_equal(bare.len, 1 + 2 * curves[i].bytes);
        assert_true(reads_as(curves[i].type, bare, key));
        assert_true(reads_as(curves[i].type, wrapped(bare), key));
        uint8_t compressed[POINT_MAX] = { (uint8_t)(2 + (bytes[bare.len - 1] & 1)) };
        memcpy(compressed + 1, bytes + 1, curves[i].bytes);
        struct span half = span_of(compressed, 1 + curves[i].bytes);
        assert_true(reads_as(curves[i].type, half, key));
        assert_true(reads_as(curves[i].type, wrapped(half), key));
        EVP_PKEY_free(key);
    }
}

static bool refused(enum pubkey_type curve, struct span point)
{
    EVP_PKEY *key = token_ec_key(crypto, curve, point);
    EVP_PKEY_free(key);
    return key == NULL;
}

static void test_points_that_are_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < CURVES; i++) {
        const enum pubkey_type curve = curves[i].type;
        uint8_t bytes[POINT_MAX] = { 0 };
        EVP_PKEY *key = new_key(curves[i].name);
        size_t len = bare_point(key, bytes);
        struct span bare = span_of(bytes, len), whole = wrapped(bare);
        for (size_t n = 0; n < len; n++)
            assert_true(refused(curve, span_of(bytes, n)));
        for (size_t n = 0; n < whole.len; n++)
            assert_true(refused(curve, span_slice(whole, 0, n)));
        assert_true(refused(curve, span_of(bytes, len + 1)));
        assert_true(refused(curve, span_of(NULL, 0)));
        assert_true(refused(PUBKEY_UNKNOWN, bare));
        assert_true(refused(PUBKEY_RSA, bare));
        assert_true(refused(curves[(i + 1) % CURVES].type, bare));
        assert_true(refused(curve, wrapped(whole))); /* once, not twice */
        bytes[len - 1] ^= 1;                         /* not on the curve */
        assert_true(refused(curve, bare));
        bytes[0] = 0x06; /* hybrid */
        assert_true(refused(curve, bare));
        EVP_PKEY_free(key);
    }
    /* The long form of a length that has a short one is no DER. */
    uint8_t loose[3 + POINT_MAX] = { 0x04, 0x81, 65, 0x04 };
    EVP_PKEY *key = new_key("P-256");
    (void)bare_point(key, loose + 3);
    assert_true(refused(PUBKEY_P256, span_of(loose, 3 + 65)));
    EVP_PKEY_free(key);
}

static void test_curves(void **state)
{
    (void)state;
    static const uint8_t p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
    static const uint8_t p384[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x22 };
    static const uint8_t p521[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x23 };
    static const uint8_t k256[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x0a };
    assert_int_equal(token_ec_curve(span_of(p256, sizeof p256)), PUBKEY_P256);
    assert_int_equal(token_ec_curve(span_of(p384, sizeof p384)), PUBKEY_P384);
    assert_int_equal(token_ec_curve(span_of(p521, sizeof p521)), PUBKEY_P521);
    assert_int_equal(token_ec_curve(span_of(k256, sizeof k256)), PUBKEY_UNKNOWN);
    assert_int_equal(token_ec_curve(span_of(p256, sizeof p256 - 1)), PUBKEY_UNKNOWN);
    assert_int_equal(token_ec_curve(span_of(NULL, 0)), PUBKEY_UNKNOWN);
}

/* What a token would answer to CKM_ECDSA: r and s of a signature over the text. */
static void raw_signature(EVP_PKEY *key, size_t half, struct span text, uint8_t *raw)
{
    struct span der = pubkey_sign(crypto, arena, key, text);
    const uint8_t *at = der.ptr;
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    assert_non_null(s);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, (int)half), half);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + half, (int)half), half);
    ECDSA_SIG_free(s);
}

static void test_signatures(void **state)
{
    (void)state;
    struct span text = span_of_text("what is signed"), der;
    for (size_t i = 0; i < CURVES; i++) {
        const size_t half = curves[i].bytes;
        uint8_t raw[POINT_MAX] = { 0 };
        EVP_PKEY *key = new_key(curves[i].name);
        assert_int_equal(token_ec_signature_size(curves[i].type), 2 * half);
        for (unsigned n = 0; n < 50; n++) { /* halves that begin with zeros and ones */
            raw_signature(key, half, text, raw);
            assert_true(
                token_ec_signature(arena, curves[i].type, span_of(raw, 2 * half), &der));
            assert_true(pubkey_verify(crypto, key, NULL, text, der));
        }
        assert_false(
            token_ec_signature(arena, curves[i].type, span_of(raw, 2 * half - 1), &der));
        assert_false(
            token_ec_signature(arena, curves[i].type, span_of(raw, 2 * half + 1), &der));
        assert_false(token_ec_signature(arena, curves[i].type, span_of(raw, 0), &der));
        memset(raw, 0, sizeof raw); /* well formed, and never one */
        assert_true(
            token_ec_signature(arena, curves[i].type, span_of(raw, 2 * half), &der));
        assert_false(pubkey_verify(crypto, key, NULL, text, der));
        EVP_PKEY_free(key);
    }
    assert_int_equal(token_ec_signature_size(PUBKEY_RSA), 0);
}

/* ---- URIs ------------------------------------------------------------------------- */

static void test_uris(void **state)
{
    (void)state;
    struct token_uri u;
    struct error error;
    CK_SLOT_ID slot = 7;
    assert_true(token_uri_read("pkcs11:token=My%20token;object=k?module-path=/m.so&"
                               "module-name=soft&pin-value=12%2634",
                               &u, &error));
    assert_string_equal(u.module_path, "/m.so");
    assert_string_equal(u.module_name, "soft");
    assert_string_equal(u.pin, "12&34");
    assert_null(u.pin_file);
    assert_false(token_uri_slot(&u, &slot));
    assert_int_equal(slot, 7);
    token_uri_free(&u);
    token_uri_free(&u);
    assert_true(token_uri_read("pkcs11:slot-id=3;id=%00%ff", &u, &error));
    assert_true(token_uri_slot(&u, &slot));
    assert_int_equal(slot, 3);
    assert_null(u.pin);
    token_uri_free(&u);
    assert_true(token_uri_read("pkcs11:token=a&object=b;object=c?pin-source=/p?x;x=&"
                               "module-name=x",
                               &u, &error));
    token_uri_free(&u);
    assert_true(token_uri_read("pkcs11:", &u, &error));
    token_uri_free(&u);
}

static void test_pin_sources(void **state)
{
    static const char *const before[] = { "", "file:", "file://", "file://localhost" };
    char path[] = "/tmp/assay-pin-XXXXXX", uri[256], pin[TOKEN_PIN_MAX];
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "1234\nmore\n", 10), 10);
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        struct token_uri u;
        struct error error;
        (void)snprintf(uri, sizeof uri, "pkcs11:object=k?pin-source=%s%s", before[i],
                       path);
        assert_true(token_uri_read(uri, &u, &error));
        assert_string_equal(u.pin_file, path);
        assert_true(token_uri_pin(&u, pin, &error));
        assert_string_equal(pin, "1234");
        token_uri_free(&u);
    }
    static char huge[2 * TOKEN_PIN_MAX];
    memset(huge, '1', sizeof huge);
    const struct span bad[] = {
        {(const uint8_t *)"\n1234", 5            },
        { NULL,                     0            },
        { (const uint8_t *)huge,    sizeof huge  },
        { (const uint8_t *)huge,    TOKEN_PIN_MAX}
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct token_uri u;
        struct error error;
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, bad[i].ptr, bad[i].len, 0), bad[i].len);
        assert_true(token_uri_read(uri, &u, &error));
        assert_false(token_uri_pin(&u, pin, &error));
        assert_int_equal(error.code, ERROR_CONFIG);
        token_uri_free(&u);
    }
    (void)close(fd);
    (void)unlink(path);
}

static void test_uris_that_are_refused(void **state)
{
    static const struct {
        const char *uri, *why;
    } rows[] = {
        {"",                                      "pkcs11:"      },
        { "key.pem",                              "pkcs11:"      },
        { "pkcs11:token",                         "syntax"       },
        { "pkcs11:token=%zz",                     "encod"        },
        { "pkcs11:token=a;token=b",               ""             },
        { "pkcs11:slot-id=x",                     ""             },
        { "pkcs11:colour=red",                    "does not know"},
        { "pkcs11:?pin-source=%7ccat%20/etc/pin", "command"      },
        { "pkcs11:?pin-source=|cat",              "command"      },
        { "pkcs11:?pin-source=pin.txt",           "absolute"     },
        { "pkcs11:?pin-source=file:pin.txt",      "absolute"     },
        { "pkcs11:?pin-source=file://host/pin",   "absolute"     },
        { "pkcs11:?pin-source=https://host/pin",  "absolute"     },
        { "pkcs11:?pin-value=1&pin-source=/p",    "both"         },
        { "pkcs11:?module-path=m.so",             "absolute"     },
        { "pkcs11:?module-name=a/b",              "no name"      },
        { "pkcs11:?module-name=",                 "no name"      },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct token_uri u = { .module_name = "untouched" };
        struct error error = { 0 };
        if (token_uri_read(rows[i].uri, &u, &error))
            fail_msg("%s was taken", rows[i].uri);
        assert_int_equal(error.code, ERROR_CONFIG);
        assert_string_equal(u.module_name, "untouched");
        if (!strstr(error.message, rows[i].why))
            fail_msg("%s: %s", rows[i].uri, error.message);
    }
    char uri[2 * TOKEN_PIN_MAX] = "pkcs11:?pin-value=";
    size_t begin = strlen(uri);
    memset(uri + begin, '1', TOKEN_PIN_MAX);
    uri[begin + TOKEN_PIN_MAX] = '\0';
    struct token_uri u;
    struct error error = { 0 };
    assert_false(token_uri_read(uri, &u, &error));
    assert_null(strstr(error.message, "1111"));
    uri[begin + TOKEN_PIN_MAX - 1] = '\0';
    assert_true(token_uri_read(uri, &u, &error));
    char pin[TOKEN_PIN_MAX];
    assert_true(token_uri_pin(&u, pin, &error));
    token_uri_free(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_of_every_form),
        cmocka_unit_test(test_points_that_are_none),
        cmocka_unit_test(test_curves),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_uris),
        cmocka_unit_test(test_pin_sources),
        cmocka_unit_test(test_uris_that_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
