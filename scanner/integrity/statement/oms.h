/* oms.h: the statement of OpenSSF Model Signing v1.0, inside a signed bundle.
 *
 * An in-toto Statement v1 whose predicate lists the digest of each file, or of each shard
 * of a file, and how they were made.  Source: model-signing-spec v1.0; docs/signatures.md
 * says where Assay is liberal.  Reading it proves nothing: whoever calls must have
 * verified the signature over the same bytes, or treat it as a claim of the target. */
#ifndef OMS_H
#define OMS_H

#include "core/budget.h"
#include "integrity/manifest.h"

#define STATEMENT_TYPE       "https://in-toto.io/Statement/v1"
#define OMS_PREDICATE        "https://model_signing/signature/v1.0"
#define OMS_LEGACY_PREDICATE "https://model_signing/Digests/v0.1"

enum { OMS_PAYLOAD_MAX = 64 << 20, OMS_IGNORES_MAX = 4096 };

enum oms_method { OMS_FILES, OMS_SHARDS };

struct oms_manifest {
    struct span subject; /* the model's name, as the signer wrote it; informational */
    enum oms_method method;
    uint64_t shard_size; /* 0: files */
    enum digest_algorithm algorithm;
    bool allow_symlinks;
    bool legacy;         /* Digests/v0.1: no root digest, no serialization */
    struct span *ignore; /* canonical paths; others that were written are left out */
    size_t ignore_count;
    struct manifest files;         /* sorted, unless it is about to be written */
    char root[DIGEST_HEX_MAX + 1]; /* the subject's sha256 */
};

/* The whole of `payload`, strictly.  `budget` may be NULL.  Everything lives in `arena`;
 * payload need not outlive it. */
bool oms_parse(struct span payload, struct arena *arena, struct budget *budget,
               struct oms_manifest *ret_manifest, struct refusal *ret_why);

/* What every model leaves out at its top: .git, .gitignore, .gitattributes, .github. */
enum { OMS_GIT_PATHS = 4 };
extern const char *const oms_git_paths[OMS_GIT_PATHS];

/* "sha256", "blake2b", "blake3" as the wire has them; false: none of these. */
bool oms_algorithm(struct span name, enum digest_algorithm *ret_algorithm);
const char *oms_algorithm_name(enum digest_algorithm a);

/* The SHA-256 over all digests in their order. */
bool oms_root(const struct manifest *m, char ret_hex[DIGEST_HEX_MAX + 1]);

/* The statement of m, whose files are in the order to be signed and whose names are
 * canonical.  Check out->truncated. */
void oms_write(struct buffer *out, const struct oms_manifest *m);

#endif
