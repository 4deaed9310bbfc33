/* oms_sign.h: a model's statement, signed: the bundle that model_signing reads.
 *
 * Offline, by an elliptic-curve key alone or with a certificate chain.  Source:
 * model-signing-spec v1.0; sigstore/protobuf-specs, bundle v0.3. */
#ifndef OMS_SIGN_H
#define OMS_SIGN_H

#include "integrity/crypto/signing_key.h"
#include "integrity/crypto/x509.h"
#include "integrity/statement/oms.h"

enum { OMS_BUNDLE_MAX = 96 << 20 };

/* Could anybody verify what they sign now?  `chain` is NULL or the leaf, whose key must
 * be `key`, and then its issuers.  ERROR_CONFIG for a key that OMS does not know or that
 * is not the certificate's, and for a chain that does not hold at the time `now`. */
bool oms_can_sign(const struct crypto *c, const EVP_PKEY *key,
                  const struct x509_list *chain, int64_t now, struct error *error);

/* `payload` is what oms_write() wrote.  The bundle is verified, as whoever gets it will
 * at the time `now`, and appended to `out`, made with OMS_BUNDLE_MAX. */
bool oms_sign(const struct crypto *c, struct signing_key *key,
              const struct x509_list *chain, struct span payload, int64_t now,
              struct buffer *out, struct error *error);

#endif
