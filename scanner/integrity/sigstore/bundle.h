/* bundle.h: a Sigstore bundle taken apart, down to raw bytes and DER.
 *
 * All text that a hostile bundle has is read here: JSON, base64, PEM, the bodies of log
 * entries.  What comes out is plain data that can cross a wire; bundle_parse() touches no
 * key and decides nothing about trust, so it can run in a confined worker.  Media types
 * 0.1 to 0.3 and OpenSSF model signatures (which are bundles).  Spans live in the arena.
 * Source: sigstore/protobuf-specs, sigstore_bundle.proto, sigstore_rekor.proto. */
#ifndef BUNDLE_H
#define BUNDLE_H

#include "integrity/sigstore/rekor.h"
#include "integrity/statement/dsse.h"

#define BUNDLE_MEDIA_PREFIX "application/vnd.dev.sigstore.bundle"

enum {
    BUNDLE_BYTES_MAX = 64 << 20,
    BUNDLE_VALUES_MAX = 1 << 16,
    BUNDLE_ENTRIES_MAX = 32,
    BUNDLE_TIMESTAMPS_MAX = 32,
    BUNDLE_CERTIFICATES_MAX = 16
};

enum bundle_version {
    BUNDLE_BARE, /* no bundle: an envelope alone, or parts that a caller put together */
    BUNDLE_0_1,
    BUNDLE_0_2,
    BUNDLE_0_3
};
enum bundle_material {
    MATERIAL_NONE,
    MATERIAL_KEY,
    MATERIAL_CHAIN,
    MATERIAL_CERTIFICATE
};
enum bundle_content { CONTENT_ENVELOPE, CONTENT_MESSAGE };

struct bundle {
    enum bundle_version version;
    enum bundle_material material;
    struct span key_hint;
    struct span certificates[BUNDLE_CERTIFICATES_MAX]; /* DER, leaf first */
    size_t certificate_count;
    struct rekor_entry *entries;
    size_t entry_count;
    struct span timestamps[BUNDLE_TIMESTAMPS_MAX]; /* DER TimeStampResp */
    size_t timestamp_count;
    enum bundle_content content;
    struct dsse envelope;         /* of CONTENT_ENVELOPE */
    struct span signature;        /* the raw signature that everything else is about */
    struct span digest_algorithm; /* of CONTENT_MESSAGE: "SHA2_256"; empty: not given */
    struct span digest;           /* raw: a claim, never what is verified */
};

/* False with the check that failed and why; *ret_bundle is then untouched. */
bool bundle_parse(struct arena *arena, struct span bytes, struct bundle *ret_bundle,
                  struct signature_failure *failure);

/* A lone envelope as a bundle of key material; it must have exactly one signature. */
bool bundle_of_envelope(const struct dsse *envelope, struct bundle *ret_bundle,
                        struct signature_failure *failure);

/* Whether the beginning of a file looks like a bundle: for detection by content. */
bool bundle_claims(struct span head);

#endif
