/* x509.h: certificates: reading them, and chains that hold at one moment. */
#ifndef X509_H
#define X509_H

#include "integrity/crypto/crypto.h"
#include "integrity/signature_check.h"

enum { X509_DER_MAX = 64 << 10, X509_LIST_MAX = 256 };

/* NULL when the bytes are not exactly one DER certificate.  The caller X509_free()s. */
X509 *x509_read(const struct crypto *c, struct span der);

/* Certificates of the operator's: PEM, one or more, or one in DER. */
struct x509_list {
    X509 *items[X509_LIST_MAX];
    size_t count;
};
bool x509_list_read(const struct crypto *c, struct span text, const char *name,
                    struct x509_list *ret_list, struct error *error);
void x509_list_free(struct x509_list *l); /* idempotent */

/* Seconds since 1970; false when the certificate holds no such time. */
bool x509_validity(const X509 *cert, int64_t *ret_not_before, int64_t *ret_not_after);

/* A chain from the leaf to one of the anchors, at the time `t`. */
enum x509_result {
    X509_CHAIN_HOLDS,
    X509_CHAIN_UNANCHORED, /* it leads to nobody of the anchors */
    X509_CHAIN_BROKEN      /* expired, not allowed to sign, badly signed, … */
};
struct x509_chain {
    X509 *leaf;
    X509 *const *untrusted;
    size_t untrusted_count;
    X509 *const *anchors; /* roots or intermediates: any ends the chain */
    size_t anchor_count;
    int64_t t;
    bool strict; /* RFC 5280 to the letter */
};
/* *ret_issuer, where wanted: who signed the leaf (the caller frees it), or NULL;
 * *ret_top, where wanted: the sha256 of the last certificate of the chain, raw;
 * *ret_reason: in the words of OpenSSL. */
enum x509_result x509_chain_check(const struct crypto *c, const struct x509_chain *chain,
                                  X509 **ret_issuer, uint8_t ret_top[SHA256_LEN],
                                  const char **ret_reason);

/* The certificate method of model signing: KU and EKU of a leaf that may sign. */
bool x509_may_sign(X509 *leaf, struct signature_failure *failure);

bool x509_same_name(const X509 *cert, const X509 *issuer);          /* issuer's subject */
struct span x509_subject(struct arena *arena, const X509 *cert);    /* RFC 2253 text */
struct span x509_public_key(struct arena *arena, const X509 *cert); /* DER SPKI */

#endif
