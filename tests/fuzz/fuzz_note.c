/* Signed notes and checkpoints: what is signed is always a prefix of the note. */
#include "integrity/sigstore/note.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct note note;
    struct checkpoint checkpoint;
    struct arena *arena = arena_new(4 << 20);
    if (!arena)
        return 0;
    if (note_parse(arena, span_of(data, size), &note)) {
        if (note.count == 0 || note.text.ptr != data || note.text.len >= size)
            abort();
        (void)checkpoint_parse(note.text, &checkpoint);
    }
    arena_free(arena);
    return 0;
}
