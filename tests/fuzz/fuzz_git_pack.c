/* A pack of a git server.  Its checksum is made right first, so that what lies in it is
 * reached. */
#include "sources/git/pack.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct git_pack pack = { 0 };
    struct error error = { 0 };
    uint8_t *copy = malloc(size + GIT_OID_SIZE);
    struct arena *arena = arena_new(64 << 20);
    assert(copy && arena);
    if (size)
        memcpy(copy, data, size);
    assert(EVP_Digest(copy, size, copy + size, NULL, EVP_sha1(), NULL) == 1);
    if (git_pack_read(span_of(copy, size + GIT_OID_SIZE), arena, &pack, &error))
        for (size_t i = 0; i < pack.count; i++) {
            const struct git_object *found = git_pack_find(&pack, pack.objects[i].oid);
            char hex[GIT_OID_HEX + 1];
            uint8_t oid[GIT_OID_SIZE];
            assert(found && found->bytes.len == pack.objects[i].bytes.len);
            git_oid_write(found->oid, hex);
            assert(git_oid_parse(span_of_text(hex), oid));
            assert(memcmp(oid, found->oid, sizeof oid) == 0);
        }
    else
        assert(error.code != ERROR_NONE);
    arena_free(arena);
    free(copy);
    return 0;
}
