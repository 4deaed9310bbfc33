/* short.h: the hot loop of the pickle machine: one look at the bytes, one step
 * over them.  Most instructions of a large pickle have no text and lie far from the end
 * of the input. */
#ifndef PICKLE_SHORT_H
#define PICKLE_SHORT_H

#include "formats/pickle/decode.h"

/* Bytes of an instruction and its argument; 0: no fixed size, or no such opcode. */
static const uint8_t pickle_sizes[256] = {
#define SIZE_NONE                              1
#define SIZE_U1                                2
#define SIZE_U2                                3
#define SIZE_U4                                5
#define SIZE_I4                                5
#define SIZE_U8                                9
#define SIZE_F8                                0 /* has a size, but not this order of bytes */
#define SIZE_LINE                              0
#define SIZE_LINES                             0
#define SIZE_BYTES1                            0
#define SIZE_BYTES4                            0
#define SIZE_BYTES8                            0
#define OPCODE(code, name, argument, protocol) [code] = SIZE_##argument,
#include "formats/pickle/opcodes.def"
#undef OPCODE
};

/* pickle_decode() for those; false, and nothing done, for all others. */
static inline bool pickle_decode_short(struct reader *r, struct pickle_instruction *ret)
{
    static const uint64_t masks[] = {
        [2] = 0xff, [3] = 0xffff, [5] = 0xffffffff, [9] = UINT64_MAX
    };
    struct span head = reader_peek(r, 9);
    unsigned size = head.len == 9 ? pickle_sizes[head.ptr[0]] : 0;
    if (size == 0)
        return false;
    const uint8_t *p = head.ptr + 1;
    uint64_t n = (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
                 (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
                 (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
    n &= masks[size];
    ret->offset = r->pos;
    ret->code = head.ptr[0];
    bool with_sign = ret->code == OP_BININT || ret->code == OP_EXT4;
    ret->number = with_sign ? (uint64_t)(int64_t)(int32_t)n : n;
    reader_skip(r, size);
    return true;
}

#endif
