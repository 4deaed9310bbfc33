/* pack.h: the objects in a pack that a git server sent.
 *
 * Every object is inflated, its deltas applied, and it is known by the SHA-1 of what came
 * out; the pack's own checksum must hold.  Bounded in objects, bytes of each and of all,
 * and in rounds of deltas.  Source: git, gitformat-pack(5). */
#ifndef GIT_PACK_H
#define GIT_PACK_H

#include "core/arena.h"
#include "core/error.h"

enum {
    GIT_OID_SIZE = 20,
    GIT_OID_HEX = 40,
    GIT_OBJECTS_MAX = 500000,
    GIT_OBJECT_BYTES_MAX = 256 << 20,
    GIT_PACK_BYTES_MAX = 512 << 20 /* inflated, deltas among them */
};

enum git_type { GIT_COMMIT = 1, GIT_TREE, GIT_BLOB, GIT_TAG };

struct git_object {
    enum git_type type;
    uint8_t oid[GIT_OID_SIZE];
    struct span bytes;
};

struct git_pack {
    struct git_object *objects;
    size_t count;
    uint32_t *table; /* oid → index + 1, open addressing */
    size_t mask;
};

/* Everything lives in the arena.  False with an ERROR_NETWORK, or ERROR_MEMORY. */
bool git_pack_read(struct span bytes, struct arena *arena, struct git_pack *ret_pack,
                   struct error *error);

/* NULL: it is not in the pack. */
const struct git_object *git_pack_find(const struct git_pack *p,
                                       const uint8_t oid[GIT_OID_SIZE]);

bool git_oid_parse(struct span hex, uint8_t ret_oid[GIT_OID_SIZE]); /* lower case */
void git_oid_write(const uint8_t oid[GIT_OID_SIZE], char ret_hex[GIT_OID_HEX + 1]);

#endif
