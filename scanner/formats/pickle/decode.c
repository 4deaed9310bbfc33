#include "formats/pickle/decode.h"

const struct pickle_opcode pickle_opcodes[256] = {
#define OPCODE(code, name, argument, protocol)                                           \
    [code] = { #name, ARGUMENT_##argument, protocol },
#include "formats/pickle/opcodes.def"
#undef OPCODE
};

/* A line; at the end of the input both unpicklers take what is left and cut its last
 * byte off as if it were the newline. */
static struct span line(struct reader *r)
{
    size_t left = reader_left(r);
    struct span rest = reader_peek(r, left);
    const uint8_t *newline = left ? memchr(rest.ptr, '\n', left) : NULL;
    if (newline)
        return reader_line(r, left);
    reader_skip(r, left);
    return span_slice(rest, 0, left ? left - 1 : 0);
}

/* Bytes of the argument that have a fixed size; of a counted one, of its length. */
static const uint8_t widths[] = {
    [ARGUMENT_NONE] = 0,   [ARGUMENT_U1] = 1,     [ARGUMENT_U2] = 2,
    [ARGUMENT_U4] = 4,     [ARGUMENT_U8] = 8,     [ARGUMENT_I4] = 4,
    [ARGUMENT_F8] = 8,     [ARGUMENT_LINE] = 0,   [ARGUMENT_LINES] = 0,
    [ARGUMENT_BYTES1] = 1, [ARGUMENT_BYTES4] = 4, [ARGUMENT_BYTES8] = 8,
};

static uint64_t little_endian(struct span s, size_t at, unsigned width)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < width; i++)
        v |= (uint64_t)s.ptr[at + i] << (8 * i);
    return v;
}

/* What the little-endian bytes of a fixed-size argument mean. */
static uint64_t number(uint64_t bytes, enum pickle_argument kind)
{
    return kind == ARGUMENT_I4   ? (uint64_t)(int64_t)(int32_t)bytes
           : kind == ARGUMENT_F8 ? __builtin_bswap64(bytes)
                                 : bytes;
}

/* The kind of argument plus one, by opcode; 0: no such opcode. */
static const uint8_t kinds[256] = {
#define OPCODE(code, name, argument, protocol) [code] = ARGUMENT_##argument + 1,
#include "formats/pickle/opcodes.def"
#undef OPCODE
};

/* Arguments that do not have a fixed size. */
static enum pickle_decoded decode_text(struct reader *r, enum pickle_argument kind,
                                       struct pickle_instruction *ret)
{
    if (kind >= ARGUMENT_BYTES1) {
        ret->text = reader_bytes(r, ret->number);
        return reader_ok(r) ? DECODED : DECODED_TRUNCATED;
    }
    ret->text = line(r);
    if (kind == ARGUMENT_LINES)
        ret->second = line(r);
    return DECODED;
}

static enum pickle_decoded truncated(struct pickle_instruction *ret)
{
    ret->number = 0;
    return DECODED_TRUNCATED;
}

enum pickle_decoded pickle_decode(struct reader *r, struct pickle_instruction *ret)
{
    struct span head = reader_peek(r, 9);
    if (head.len == 0)
        return DECODED_END;
    ret->offset = r->pos;
    ret->code = head.ptr[0];
    if (kinds[ret->code] == 0)
        return DECODED_INVALID;
    enum pickle_argument kind = (enum pickle_argument)(kinds[ret->code] - 1);
    unsigned width = widths[kind];
    if (head.len <= width)
        return truncated(ret);
    ret->number = number(little_endian(head, 1, width), kind);
    reader_skip(r, 1 + width);
    return kind < ARGUMENT_LINE ? DECODED : decode_text(r, kind, ret);
}

/* A read of n bytes: drop the rest of the frame when they do not lie in it. */
static bool enter(struct reader *r, size_t *frame_end, uint64_t n)
{
    if (*frame_end == SIZE_MAX || n <= *frame_end - r->pos)
        return false;
    bool dropped = r->pos < *frame_end;
    reader_seek(r, *frame_end);
    *frame_end = SIZE_MAX;
    return dropped;
}

static bool enter_line(struct reader *r, size_t *frame_end)
{
    if (*frame_end == SIZE_MAX)
        return false;
    size_t left = *frame_end - r->pos;
    struct span rest = reader_peek(r, left);
    const uint8_t *newline = rest.len ? memchr(rest.ptr, '\n', rest.len) : NULL;
    return newline ? false : enter(r, frame_end, left + 1);
}

/* Bytes, unlike texts, are put together from both sides of the end. */
static bool joins(uint8_t code)
{
    return code == OP_BINBYTES || code == OP_SHORT_BINBYTES || code == OP_BINBYTES8 ||
           code == OP_BYTEARRAY8;
}

static bool enter_counted(struct reader *r, size_t *frame_end, unsigned width,
                          struct pickle_instruction *i)
{
    bool crossed = enter(r, frame_end, width);
    i->number = width == 1   ? reader_u8(r)
                : width == 4 ? reader_u32le(r)
                             : reader_u64le(r);
    if (!joins(i->code))
        crossed |= enter(r, frame_end, i->number);
    else if (*frame_end != SIZE_MAX && i->number > *frame_end - r->pos)
        *frame_end = SIZE_MAX;
    i->text = reader_bytes(r, i->number);
    return crossed;
}

static uint64_t number_behind(struct reader *r, enum pickle_argument kind)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < widths[kind]; i++)
        bytes |= (uint64_t)reader_u8(r) << (8 * i);
    return number(bytes, kind);
}

enum pickle_decoded pickle_decode_framed(struct reader *r, size_t *frame_end,
                                         struct pickle_instruction *ret,
                                         bool *ret_crossed)
{
    (void)enter(r, frame_end, 1);
    if (reader_left(r) == 0)
        return DECODED_END;
    ret->offset = r->pos;
    ret->code = reader_u8(r);
    const struct pickle_opcode *op = &pickle_opcodes[ret->code];
    *ret_crossed = false;
    if (!op->name)
        return DECODED_INVALID;
    switch (op->argument) {
    case ARGUMENT_LINES:
        *ret_crossed = enter_line(r, frame_end);
        ret->text = line(r);
        *ret_crossed |= enter_line(r, frame_end);
        ret->second = line(r);
        break;
    case ARGUMENT_LINE:
        *ret_crossed = enter_line(r, frame_end);
        ret->text = line(r);
        break;
    case ARGUMENT_BYTES1:
        *ret_crossed = enter_counted(r, frame_end, 1, ret);
        break;
    case ARGUMENT_BYTES4:
        *ret_crossed = enter_counted(r, frame_end, 4, ret);
        break;
    case ARGUMENT_BYTES8:
        *ret_crossed = enter_counted(r, frame_end, 8, ret);
        break;
    default:
        *ret_crossed = enter(r, frame_end, widths[op->argument]);
        ret->number = number_behind(r, op->argument);
    }
    return reader_ok(r) ? DECODED : DECODED_TRUNCATED;
}
