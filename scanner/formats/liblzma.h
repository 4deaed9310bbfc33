/* liblzma.h: what xz and the format before it share: liblzma decodes both. */
#ifndef LIBLZMA_H
#define LIBLZMA_H

#include <lzma.h>

#include "formats/wrapper.h"

/* For the decoder; more makes the file incomplete. */
#define LIBLZMA_MEMORY_MAX (UINT64_C(256) << 20)

/* For a struct wrapper_codec whose state is an lzma_stream. */
void liblzma_close(void *self);
enum wrapper_step liblzma_step(void *self, struct span *in, uint8_t *out, size_t room,
                               size_t *ret_len);

#endif
