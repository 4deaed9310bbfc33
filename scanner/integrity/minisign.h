/* minisign.h: signatures of minisign: Ed25519 over the BLAKE2b-512 of a file.
 *
 * Four lines: an untrusted comment, the signature, the trusted comment, a second
 * signature that covers the first and the trusted comment.  The legacy form, over the
 * bytes of the file itself, is read and refused.  Source: minisign(1), "Signature
 * format". */
#ifndef MINISIGN_H
#define MINISIGN_H

#include "integrity/crypto/crypto.h"
#include "integrity/manifest.h"

enum {
    MINISIGN_KEY_ID = 8,
    MINISIGN_KEY = 32,
    MINISIGN_SIGNATURE = 64,
    MINISIGN_BYTES_MAX = 64 << 10
};

struct minisign {
    bool legacy;           /* "Ed": over the file, not over its digest */
    struct span key_id;    /* 8 bytes */
    struct span signature; /* 64 bytes */
    struct span comment;   /* the trusted one; trusted only once verified */
    struct span global;    /* 64 bytes, over signature and comment */
};

struct minisign_key {
    uint8_t id[MINISIGN_KEY_ID], key[MINISIGN_KEY];
};

bool minisign_claims(struct span head);

/* Spans live in the arena. */
bool minisign_parse(struct arena *arena, struct span bytes, struct minisign *ret,
                    struct refusal *why);

/* The operator's public key: the file that minisign wrote, or its base64 line alone. */
bool minisign_key_parse(struct arena *arena, struct span text, struct minisign_key *ret);

/* `blake2b` is the raw BLAKE2b-512 of the file.  UNTRUSTED when the key is another one.
 */
bool minisign_verify(const struct crypto *c, const struct minisign *m,
                     const struct minisign_key *key, struct span blake2b,
                     struct refusal *why);

/* "E7620F1842B4E81F", as minisign writes it. */
enum { MINISIGN_ID_TEXT = 16 };
void minisign_id_text(const uint8_t id[MINISIGN_KEY_ID], char ret[MINISIGN_ID_TEXT + 1]);

#endif
