#include "integrity/sigstore/fulcio.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define FULCIO_ARC "1.3.6.1.4.1.57264.1."

enum { NAME_MAX_LEN = 4096 };

/* The contents of the one extension with that number; false when there are two. */
static bool extension(const X509 *leaf, const char *oid, bool *ret_present,
                      struct span *ret_contents)
{
    bool once = false;
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    *ret_present = false;
    if (object) {
        int at = X509_get_ext_by_OBJ(leaf, object, -1);
        once = at < 0 || X509_get_ext_by_OBJ(leaf, object, at) < 0;
        if (at >= 0) {
            const ASN1_OCTET_STRING *data =
                X509_EXTENSION_get_data(X509_get_ext(leaf, at));
            *ret_contents =
                span_of(ASN1_STRING_get0_data(data), (size_t)ASN1_STRING_length(data));
            *ret_present = true;
        }
    }
    ASN1_OBJECT_free(object);
    return once;
}

/* A DER UTF8String and nothing behind it. */
static bool utf8_string(struct arena *arena, struct span der, struct span *ret_text)
{
    const uint8_t *at = der.ptr;
    ASN1_UTF8STRING *text = d2i_ASN1_UTF8STRING(NULL, &at, (long)der.len);
    bool ok = text && at == der.ptr + der.len;
    if (ok)
        *ret_text = arena_copy(arena, span_of(ASN1_STRING_get0_data(text),
                                              (size_t)ASN1_STRING_length(text)));
    ASN1_UTF8STRING_free(text);
    ERR_clear_error();
    return ok;
}

/* A claim that may be absent; what is there twice or not a text counts as absent. */
static struct span claim(struct arena *arena, const X509 *leaf, const char *oid)
{
    bool present;
    struct span der, text = { NULL, 0 };
    if (extension(leaf, oid, &present, &der) && present)
        (void)utf8_string(arena, der, &text);
    return text;
}

static bool plain(struct span name)
{
    return name.len > 0 && name.len <= NAME_MAX_LEN && !memchr(name.ptr, 0, name.len);
}

/* Where versions 1 and 2 of the extension are both given, they agree. */
static bool issuer(struct arena *arena, const X509 *leaf, struct span *ret_issuer)
{
    bool has_old, has_new;
    struct span old, der, text = { NULL, 0 };
    if (!extension(leaf, FULCIO_ARC "1", &has_old, &old) ||
        !extension(leaf, FULCIO_ARC "8", &has_new, &der) || !(has_old || has_new))
        return false;
    if (has_new && !utf8_string(arena, der, &text))
        return false;
    if (!has_new)
        text = arena_copy(arena, old);
    *ret_issuer = text;
    return (!(has_new && has_old) || span_equal(text, old)) && plain(text);
}

static bool name_of(struct arena *arena, const GENERAL_NAME *name, struct span *ret_name)
{
    int type;
    const ASN1_STRING *text = NULL;
    const void *value = GENERAL_NAME_get0_value(name, &type);
    if (type == GEN_EMAIL || type == GEN_URI) {
        text = value;
    } else if (type == GEN_OTHERNAME) {
        char oid[64];
        const OTHERNAME *other = value;
        if (OBJ_obj2txt(oid, sizeof oid, other->type_id, 1) > 0 &&
            strcmp(oid, FULCIO_ARC "7") == 0 && other->value->type == V_ASN1_UTF8STRING)
            text = other->value->value.utf8string;
    }
    if (!text)
        return false;
    *ret_name = arena_copy(
        arena, span_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)));
    return plain(*ret_name);
}

/* Exactly one name in exactly one extension, which is critical. */
static bool subject(struct arena *arena, const X509 *leaf, struct span *ret_name)
{
    int critical = 0; /* -2: there are two such extensions */
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, NULL);
    bool ok = names && sk_GENERAL_NAME_num(names) > 0 &&
              name_of(arena, sk_GENERAL_NAME_value(names, 0), ret_name) &&
              sk_GENERAL_NAME_num(names) == 1 && critical == 1;
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return ok;
}

bool fulcio_read(struct arena *arena, X509 *leaf, struct fulcio_claims *ret_claims,
                 struct signature_failure *failure)
{
    struct fulcio_claims out = {
        .subject = {NULL, 0}
    };
    bool named = subject(arena, leaf, &out.subject);
    bool vouched = issuer(arena, leaf, &out.issuer);
    out.build_signer = claim(arena, leaf, FULCIO_ARC "9");
    out.source = claim(arena, leaf, FULCIO_ARC "12");
    out.source_digest = claim(arena, leaf, FULCIO_ARC "13");
    out.source_ref = claim(arena, leaf, FULCIO_ARC "14");
    out.build_config = claim(arena, leaf, FULCIO_ARC "18");
    out.run = claim(arena, leaf, FULCIO_ARC "21");
    *ret_claims = out;
    return signature_require(
               failure, SC_LEAF_NAME, named,
               "The certificate does not have exactly one critical name.") &&
           signature_require(failure, SC_LEAF_ISSUER, vouched,
                             "The certificate states no identity provider, or two.");
}

bool fulcio_form(X509 *leaf, struct signature_failure *failure)
{
    bool authority = X509_check_ca(leaf) != 0;
    uint32_t flags = X509_get_extension_flags(leaf);
    bool signs = (flags & EXFLAG_KUSAGE) != 0 &&
                 (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) != 0;
    bool code = (flags & EXFLAG_XKUSAGE) != 0 &&
                X509_get_extended_key_usage(leaf) == XKU_CODE_SIGN;
    return signature_require(failure, SC_LEAF_NO_AUTHORITY, !authority,
                             "The signer's certificate could sign other certificates.") &&
           signature_require(failure, SC_LEAF_USAGE, signs,
                             "The certificate's key usage is not digital signature.") &&
           signature_require(
               failure, SC_LEAF_PURPOSE, code,
               "The certificate's extended key usage is not code signing alone.");
}
