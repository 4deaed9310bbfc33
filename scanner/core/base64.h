/* base64.h: bytes written as text: base64, hexadecimal, PEM.
 *
 * One strict decoder for hostile text.  Base64 takes both alphabets (RFC 4648 sections 4
 * and 5; DSSE and proto3 JSON allow either) and optional padding, but neither whitespace,
 * nor a length that no bytes give, nor bits set behind the last byte.  Results live in
 * the arena; false: not the encoding, or the arena is exhausted. */
#ifndef BASE64_H
#define BASE64_H

#include "core/arena.h"

bool base64_decode(struct arena *arena, struct span text, struct span *ret_bytes);

/* Standard alphabet with padding; empty when out of memory. */
struct span base64_encode(struct arena *arena, struct span bytes);
void base64_add(struct buffer *out, struct span bytes);

/* The alphabet for URLs, without padding, as tokens are written (RFC 7515, 2). */
void base64url_add(struct buffer *out, struct span bytes);

/* Lower-case digits only, as everything that is signed writes them. */
bool hex_decode(struct arena *arena, struct span text, struct span *ret_bytes);
struct span hex_encode(struct arena *arena, struct span bytes);

/* The one block of a PEM text (RFC 7468) with that label, "CERTIFICATE" or "PUBLIC KEY".
 * Nothing but whitespace may stand around it; lines may have any length. */
bool pem_decode(struct arena *arena, struct span text, const char *label,
                struct span *ret_der);

#endif
