/* signature_file.h: a file that vouches for others, taken apart.
 *
 * What kind it is, its content decides.  Reading it touches no key and proves nothing; it
 * runs in a confined worker when the file lies in a target, and what comes out is plain
 * data that crosses a wire (worker/signature_wire.h).  Spans live in the arena. */
#ifndef SIGNATURE_FILE_H
#define SIGNATURE_FILE_H

#include "integrity/minisign.h"
#include "integrity/sigstore/bundle.h"
#include "integrity/statement/oms.h"

enum signature_file_kind {
    SIGNATURE_FILE_UNKNOWN,
    SIGNATURE_FILE_BUNDLE,   /* Sigstore bundles, one or (.jsonl) some; OMS is one */
    SIGNATURE_FILE_ENVELOPE, /* DSSE envelopes alone, one or some */
    SIGNATURE_FILE_MINISIGN,
    SIGNATURE_FILE_PGP,  /* only recognised; gpgv reads it */
    SIGNATURE_FILE_SUMS, /* digests of files: SHA256SUMS and its kin */
    SIGNATURE_FILE_BARE, /* base64 of a signature and nothing else, as cosign wrote */
    SIGNATURE_FILE_OLD_BUNDLE, /* the JSON that cosign wrote before Sigstore bundles */
    SIGNATURE_FILE_IMAGE,      /* cosign's manifest of the signatures of an image, and */
    SIGNATURE_FILE_PAYLOAD,    /* what such a signature is over */
    SIGNATURE_FILE_ATTESTATIONS, /* cosign's manifest of the attestations of an image */
    SIGNATURE_FILE_MANIFEST, /* an image's, or an index: what a signature of it covers */
    SIGNATURE_FILE_CERTIFICATE, /* that of a bare signature, and */
    SIGNATURE_FILE_ENTRY,       /* its log entry: a bundle with nothing but that */
    SIGNATURE_FILE_KINDS
};

enum {
    SIGNATURE_FILE_MAX = 64 << 20,
    SIGNATURE_BUNDLES_MAX = 32,
    SIGNATURE_LAYERS_MAX = 256 /* of a manifest: who signs an image again adds one */
};

struct signature_file {
    enum signature_file_kind kind;
    const char *check; /* NULL: it was read to its end; else which check failed, */
    enum signature_state state; /* what that means, */
    struct span reason;         /* and why */
    struct bundle *bundles;
    size_t bundle_count;
    bool has_model; /* the first bundle's payload is a model's statement, readable: */
    struct oms_manifest model; /* a claim, as long as nobody verified the bundle */
    const char *model_check;   /* or why it is not: NULL, or the check, */
    enum signature_state model_state;
    struct span model_reason;
    struct minisign minisign;
    struct manifest sums; /* also what an image's manifest names, cosign's as well */
    bool index;           /* those are manifests, */
    struct span config;   /* else this is one of them: hex, or empty */
    struct span bare;     /* the raw signature */
    struct span image;    /* raw sha256 of the image's manifest that a payload, or the
                             bundles below a manifest, are about; else empty */
};

/* Total: a file that is none of these is SIGNATURE_FILE_UNKNOWN, one that is broken has a
 * check and a reason.  `budget` may be NULL. */
void signature_file_read(struct arena *arena, struct span bytes, struct budget *budget,
                         struct signature_file *ret_file);

/* Is it the signature of a model, be its statement broken? */
bool signature_file_is_model(const struct signature_file *f);

/* May a file be one, by the last component of its path or by its first bytes? */
enum { SIGNATURE_HEAD = 1024 };
bool signature_file_named(struct span path);
bool signature_file_starts(struct span head);

/* Does the name promise digests of files? */
bool signature_file_lists(struct span path);

/* The name of the file that a detached signature, or a lone digest, is of:
 * "model.bin.minisig" → "model.bin"; empty when the name has no ending that says so. */
struct span signature_file_subject(struct span path);

#endif
