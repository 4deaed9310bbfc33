/* bundle_write.h: a Sigstore bundle of version 0.3 as text.
 *
 * What integrity/sigstore/bundle.h reads back, and nothing that it would refuse.  Source:
 * sigstore/protobuf-specs, sigstore_bundle.proto, in the JSON of proto3. */
#ifndef BUNDLE_WRITE_H
#define BUNDLE_WRITE_H

#include "integrity/sigstore/bundle.h"

#define BUNDLE_MEDIA_TYPE BUNDLE_MEDIA_PREFIX ".v0.3+json"

/* Its version and digest do not count; the content is an envelope.  Check out->truncated
 * and the arena. */
void bundle_write(struct arena *arena, const struct bundle *b, struct buffer *out);

/* {"payload", "payloadType", "signatures"} alone, as logs are given it. */
void bundle_write_envelope(struct arena *arena, const struct dsse *envelope,
                           struct buffer *out);

#endif
