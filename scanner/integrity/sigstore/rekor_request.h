/* rekor_request.h: handing an envelope to a transparency log, and its answer.
 *
 * Text only: who sends it is engine/signing/keyless_signing.c.  Version 1 takes the
 * envelope (an entry of kind dsse), version 2 the digest of what was signed
 * (hashedrekord).  Source: sigstore/rekor, openapi.yaml; sigstore/rekor-tiles, api/proto.
 */
#ifndef REKOR_REQUEST_H
#define REKOR_REQUEST_H

#include "integrity/sigstore/rekor.h"
#include "integrity/statement/dsse.h"

#define REKOR_PATH_V1 "/api/v1/log/entries"
#define REKOR_PATH_V2 "/api/v2/log/entries"

enum { REKOR_ANSWER_MAX = 128 << 20, REKOR_ANSWER_VALUES_MAX = 1 << 12 };

/* Of an envelope with one signature, by the P-256 key of that certificate (DER).  Check
 * out->truncated and the arena. */
void rekor_request(const struct crypto *c, struct arena *arena, unsigned version,
                   const struct dsse *envelope, struct span certificate,
                   struct buffer *out);

/* The entry, unverified.  False when it is none; *ret_entry is then untouched. */
bool rekor_answer_read(struct arena *arena, unsigned version, struct span json,
                       struct rekor_entry *ret_entry);

#endif
