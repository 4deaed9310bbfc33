/* Signature files of every kind, and what a worker answers: whatever is read must survive
 * the wire unchanged, and an answer of anybody's must not harm who reads it. */
#include "worker/signature_wire.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void require_same(const struct signature_file *f, struct arena *arena)
{
    struct signature_file again;
    struct buffer wire, once_more;
    buffer_init(&wire, SIGNATURE_WIRE_MAX);
    buffer_init(&once_more, SIGNATURE_WIRE_MAX);
    if (signature_wire_encode(&wire, f)) {
        require(signature_wire_whole(buffer_span(&wire)));
        if (signature_wire_decode(arena, buffer_span(&wire), &again) &&
            signature_wire_encode(&once_more, &again))
            require(span_equal(buffer_span(&wire), buffer_span(&once_more)));
    }
    buffer_free(&wire);
    buffer_free(&once_more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct signature_file file;
    struct span bytes = span_of(data, size);
    struct arena *arena = arena_new(64 << 20);
    if (!arena)
        return 0;
    (void)signature_file_starts(span_slice(bytes, 0, SIGNATURE_HEAD));
    signature_file_read(arena, bytes, NULL, &file);
    require(file.kind < SIGNATURE_FILE_KINDS);
    require(!file.check || (file.check[0] && file.reason.len));
    require(file.check || file.kind != SIGNATURE_FILE_PAYLOAD || file.image.len == 32);
    for (size_t i = 0; i < file.model.files.count; i++) {
        const struct manifest_entry *e = &file.model.files.entries[i];
        require(!name_problem(e->path) || span_is(e->path, "."));
        require(digest_canonical(e->digest, e->algorithm) && e->start < e->end);
    }
    for (size_t i = 0; i < file.sums.count; i++) {
        const struct manifest_entry *e = &file.sums.entries[i];
        require(!path_problem(e->path) || span_is(e->path, "."));
        require(digest_canonical(e->digest, e->algorithm) && e->end == WHOLE_FILE);
    }
    require_same(&file, arena);
    (void)signature_wire_decode(arena, bytes, &file);
    arena_free(arena);
    return 0;
}
