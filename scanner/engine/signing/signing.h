/* signing.h: sign a model, or say what its digest is: the whole of assay sign and digest.
 */
#ifndef SIGNING_H
#define SIGNING_H

#include "engine/signing/keyless_signing.h"
#include "engine/signing/signed_model.h"
#include "integrity/signers.h"
#include "integrity/token/token_key.h"

/* What sign, verify and digest ask of a model's files alike. */
struct model_options {
    const char *const *ignore; /* paths as the operator wrote them, NULL-terminated; those
                                  outside of the model are passed over */
    bool ignore_git, ignore_unsigned, allow_symlinks;
    unsigned threads;
};

/* `path`, from the model's top; false when it is not inside.  It need not exist. */
bool model_relative(const struct source_list *list, const char *path, struct arena *arena,
                    struct span *ret_path);

/* The options, with `own` (a signature; or NULL) also ignored; lives in the arena. */
bool model_signed_options(const struct source_list *list, const struct model_options *o,
                          const char *own, struct arena *arena,
                          struct signed_options *ret_options, struct error *error);

struct sign_request {
    const char *model;
    struct model_options files;
    enum oms_method method;
    uint64_t shard_size;
    enum digest_algorithm algorithm;
    const char *output;
    const struct keyless_request *keyless; /* by an identity; or NULL, and: */
    const struct token_request *token;     /* by a key on a token; or NULL, and: */
    const char *private_key, *passphrase;  /* passphrase: NULL when there is none */
    const char *certificate;               /* NULL: by the key alone, of either kind */
    const char *const *chain; /* further certificates, NULL-terminated; or NULL */
};

struct sign_report {
    size_t files;                    /* how many it covers */
    char identity[256], issuer[256]; /* of a keyless signature, maybe cut; else empty */
};

/* Write the bundle, whole or not at all. */
bool sign_model(const struct sign_request *r, struct sign_report *ret_report,
                struct error *error);

/* The digest of a model: what a signature of it has as its subject. */
bool digest_model(const char *model, const struct model_options *o,
                  char ret_hex[DIGEST_HEX_MAX + 1], struct error *error);

#endif
