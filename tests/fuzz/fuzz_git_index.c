/* The index of a git clone, and which of its names patterns of attributes match.  Bit 0
 * of the first byte picks sha256; an index that begins behind it is read, and the same
 * bytes are read as a file of attributes. */
#include "origins/git_attributes.h"
#include "origins/git_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    struct git_attributes *attributes;
    size_t oid_size, bytes;
};

static void hear(void *self, const struct git_index_entry *e)
{
    struct heard *h = self;
    assert(e->oid.len == h->oid_size);
    assert(e->path.len > 0 && e->path.len <= GIT_PATH_MAX);
    assert(!memchr(e->path.ptr, '\0', e->path.len));
    h->bytes += e->oid.len;
    (void)git_attributes_change(h->attributes, e->path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct arena *arena = arena_new(16 << 20);
    struct git_attributes *attributes = calloc(1, sizeof *attributes);
    assert(arena && attributes);
    struct span bytes = span_of(data + 1, size - 1);
    struct heard h = { attributes, data[0] & 1 ? GIT_SHA256_SIZE : GIT_SHA1_SIZE, 0 };
    const char *why = NULL;
    git_attributes_add(attributes, arena, bytes);
    assert(attributes->count <= GIT_PATTERNS_MAX);
    enum git_index_outcome outcome = git_index_read(bytes, h.oid_size, hear, &h, &why);
    assert((outcome == GIT_INDEX_MALFORMED) == (why != NULL));
    assert(outcome == GIT_INDEX_READ || h.bytes == 0);
    assert(h.bytes <= size); /* no entry is said twice */
    free(attributes);
    arena_free(arena);
    return 0;
}
