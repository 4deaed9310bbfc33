/* digest.h: every digest that anything asks for, in one pass over the bytes.
 *
 * OpenSSL underneath, zlib for CRC-32, crc.h for the others, blake3.h.  A git blob
 * digest is sha1("blob <size>\0" + bytes), so the size must be known before the first
 * byte.  The two of a text keep its bytes until then, and are not known of one above 16
 * MiB; what is that long and holds a NUL byte is no text, and its bytes count as they
 * are.
 *
 * AutoV1 and AutoV3 are sha256 of a part of the file: of 64 KiB that begin at 1 MiB; of
 * the tensor data of a safetensors file, behind its header.  Shown are their first 8 and
 * 12 digits.  Source: stable-diffusion-webui, modules/hashes.py and sd_models.py. */
#ifndef DIGEST_H
#define DIGEST_H

#include "core/span.h"

enum digest_algorithm {
    DIGEST_SHA256,
    DIGEST_GIT_SHA1,
    DIGEST_GIT_SHA256,
    DIGEST_GIT_SHA1_TEXT, /* "\r\n" counts as "\n", as git stores a text */
    DIGEST_GIT_SHA256_TEXT,
    DIGEST_SHA384,
    DIGEST_SHA512,
    DIGEST_BLAKE2B, /* 512 bits */
    DIGEST_BLAKE3,  /* 256 bits */
    DIGEST_MD5,
    DIGEST_MD5_DOS2UNIX, /* DVC before 3.0: a text's line ends count as "\n" */
    DIGEST_SHA1,         /* of the bytes alone, as storage servers have it */
    DIGEST_CRC32,        /* of zlib and PKZIP, most significant byte first */
    DIGEST_CRC32C,       /* crc.h, in the same order */
    DIGEST_CRC64NVME,    /* the same */
    DIGEST_AUTOV1,
    DIGEST_AUTOV3,
    DIGEST_COUNT
};
enum { DIGEST_HEX_MAX = 128 };

#define DIGEST_BIT(algorithm) (1U << (algorithm))

const char *digest_name(enum digest_algorithm a); /* "sha256", "git-sha1" */
unsigned digest_digits(enum digest_algorithm a);  /* of the whole value, in hex */
bool digest_weak(enum digest_algorithm a);        /* other bytes can be made to have it */

struct digester;

struct digester *digester_new(unsigned algorithms,
                              uint64_t size); /* bits; NULL: no memory */
void digester_free(struct digester *d);       /* NULL is fine */
void digester_add(struct digester *d, struct span bytes);

/* Ends all of them; then each can be asked for once or more, as lower-case hex.
 * False when that algorithm was not asked for or OpenSSL failed. */
void digester_finish(struct digester *d);
bool digester_hex(const struct digester *d, enum digest_algorithm a,
                  char ret_hex[DIGEST_HEX_MAX + 1]);

#endif
