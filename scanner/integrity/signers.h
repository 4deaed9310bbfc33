/* signers.h: whom the operator accepts, and how signatures are checked against that.
 *
 * Filled from the command line or a policy, never from a target; read-only afterwards.
 * With nothing in it, no signature is more than untrusted. */
#ifndef SIGNERS_H
#define SIGNERS_H

#include "integrity/minisign.h"
#include "integrity/sigstore/trust_root.h"
#include "integrity/verify.h"

enum { SIGNERS_KEYS_MAX = 16, SIGNERS_IDENTITIES_MAX = 64, SIGNER_FILE_MAX = 1 << 20 };

struct signers {
    struct crypto *crypto;
    struct arena *arena;
    EVP_PKEY *keys[SIGNERS_KEYS_MAX];
    size_t key_count;
    struct minisign_key minisign[SIGNERS_KEYS_MAX];
    size_t minisign_count;
    struct x509_list anchors;
    struct verify_identity identities[SIGNERS_IDENTITIES_MAX]; /* texts not owned */
    size_t identity_count;
    /* Further keyless identities, if not NULL: the policy's. */
    bool (*accepts)(const void *self, struct span subject, struct span issuer);
    const void *accepts_self;
    struct trust_root *root; /* NULL: keyless signatures cannot be verified */
    struct span root_text;   /* what it was read from */
    const char *keyring;     /* of gpgv; NULL: no PGP signature is accepted */
    const char *builder;     /* that provenance must name; NULL: any */
};

bool signers_init(struct signers *s, struct error *error);
void signers_free(struct signers *s); /* idempotent; of a zeroed one too */
/* Of a copy that was given more keys: only those from that number on. */
void signers_free_keys(struct signers *s, size_t from);

/* A public key: PEM or DER, or one of minisign's. */
bool signers_add_key(struct signers *s, const char *path, struct error *error);
/* Certificates to trust: PEM, one or more, or one in DER. */
bool signers_add_anchors(struct signers *s, const char *path, struct error *error);
/* ERROR_USAGE when a pattern is none. */
bool signers_add_identity(struct signers *s, const struct verify_identity *identity,
                          struct error *error);
/* A key as signers_key_text() wrote it.  ERROR_CONFIG, with `where`, when it is none or
 * is not the one of that identity. */
bool signers_add_key_text(struct signers *s, const char *base64, const char *identity,
                          const char *where, struct error *error);
/* The accepted key behind a verified signature's identity, in base64: the DER of a public
 * key, or what minisign writes; empty when the identity is not one of a key. */
struct span signers_key_text(const struct signers *s, struct arena *arena,
                             struct span identity);

bool signers_set_root(struct signers *s, const char *path, struct error *error);

bool signers_any(const struct signers *s); /* is there anybody to accept? */

struct verify_policy signers_policy(const struct signers *s, enum verify_method method,
                                    int64_t now);

/* Did one of them make this signature over that digest?  What is wrong with one by a key
 * that was given counts, whatever the others say. */
bool signers_minisign(const struct signers *s, const struct minisign *m,
                      struct span blake2b, struct refusal *why);

/* The operator's file, whole and at most `max` bytes, in the arena; ERROR_CONFIG. */
bool signers_read_file(struct arena *arena, const char *path, size_t max,
                       struct span *ret_bytes, struct error *error);

#endif
