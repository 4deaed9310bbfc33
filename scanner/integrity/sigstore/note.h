/* note.h: signed notes and the checkpoints of transparency logs.
 *
 * A note is a text, a blank line, and signature lines "— NAME BASE64(key id |
 * signature)". Lines by keys nobody knows are passed over; a line by a known key that
 * does not verify spoils the note.  Source: C2SP signed-note, tlog-checkpoint. */
#ifndef NOTE_H
#define NOTE_H

#include "integrity/crypto/pubkey.h"

enum { NOTE_BYTES_MAX = 64 << 10, NOTE_LINES_MAX = 32, NOTE_KEY_ID_LEN = 4 };

struct note_line {
    struct span name;
    struct span key_id;    /* 4 bytes, in the arena */
    struct span signature; /* in the arena */
};

struct note {
    struct span
        text; /* what is signed: to the newline before the blank line, inclusive */
    struct note_line lines[NOTE_LINES_MAX];
    size_t count;
};

/* False when it is none; *ret_note is then untouched. */
bool note_parse(struct arena *arena, struct span bytes, struct note *ret_note);

struct checkpoint {
    struct span origin;
    uint64_t size;
    uint8_t root[32];
};
bool checkpoint_parse(struct span text, struct checkpoint *ret_checkpoint);

/* The key id of a named Ed25519 key: SHA-256(name | "\n" | 0x01 | key), 4 bytes of it. */
bool note_ed25519_id(const struct crypto *c, struct span name, const EVP_PKEY *key,
                     uint8_t ret_id[SHA256_LEN]);

bool note_line_verify(const struct crypto *c, const struct note *note,
                      const struct note_line *line, EVP_PKEY *key);

#endif
