/* wrapper.h: what the compression formats share.
 *
 * A wrapper holds one thing, compressed: its content becomes a child artifact.  Members
 * that follow each other are one content, as every reader takes them; what follows and
 * is no member makes the artifact incomplete. */
#ifndef WRAPPER_H
#define WRAPPER_H

#include "formats/inspector.h"

enum wrapper_step { WRAPPER_MORE, WRAPPER_END, WRAPPER_BROKEN };

struct wrapper_codec {
    void *(*open)(void); /* NULL when out of memory */
    void (*close)(void *self);
    /* Decode from *in, which moves on, into out; END behind a member's last byte. */
    enum wrapper_step (*step)(void *self, struct span *in, uint8_t *out, size_t room,
                              size_t *ret_len);
};

/* Does decoding from the first byte give something, and no error in it? */
bool wrapper_trial(struct span bytes, const struct wrapper_codec *codec);

/* Decode all from `start` on and inspect the content. */
void wrapper_inspect(struct inspection *in, const struct wrapper_codec *codec,
                     const char *const *suffixes, size_t start);

extern const struct wrapper_codec zlib_codec; /* of zlib.c; gzip.c has its own */
void *wrapper_inflate_open(int window_bits);
void wrapper_inflate_close(void *self);
enum wrapper_step wrapper_inflate_step(void *self, struct span *in, uint8_t *out,
                                       size_t room, size_t *ret_len);

#endif
