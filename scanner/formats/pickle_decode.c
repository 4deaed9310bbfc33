#include "formats/pickle_decode.h"

const struct pickle_opcode pickle_opcodes[256] = {
#define OPCODE(code, name, argument, protocol)                                           \
    [code] = { #name, ARGUMENT_##argument, protocol },
#include "formats/pickle_opcodes.def"
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

static bool counted(struct reader *r, struct pickle_instruction *i)
{
    i->text = reader_bytes(r, i->number);
    return reader_ok(r);
}

static bool argument(struct reader *r, enum pickle_argument kind,
                     struct pickle_instruction *i)
{
    switch (kind) {
    case ARGUMENT_NONE:
        return true;
    case ARGUMENT_U1:
        i->number = reader_u8(r);
        return reader_ok(r);
    case ARGUMENT_U2:
        i->number = reader_u16le(r);
        return reader_ok(r);
    case ARGUMENT_U4:
        i->number = reader_u32le(r);
        return reader_ok(r);
    case ARGUMENT_I4:
        i->number = (uint64_t)(int64_t)(int32_t)reader_u32le(r);
        return reader_ok(r);
    case ARGUMENT_U8:
        i->number = reader_u64le(r);
        return reader_ok(r);
    case ARGUMENT_F8:
        i->number = reader_u64be(r);
        return reader_ok(r);
    case ARGUMENT_LINE:
        i->text = line(r);
        return true;
    case ARGUMENT_LINES:
        i->text = line(r);
        i->second = line(r);
        return true;
    case ARGUMENT_BYTES1:
        i->number = reader_u8(r);
        return counted(r, i);
    case ARGUMENT_BYTES4:
        i->number = reader_u32le(r);
        return counted(r, i);
    case ARGUMENT_BYTES8:
        i->number = reader_u64le(r);
        return counted(r, i);
    }
    return false;
}

enum pickle_decoded pickle_decode(struct reader *r, struct pickle_instruction *ret)
{
    if (reader_left(r) == 0)
        return DECODED_END;
    ret->offset = r->pos;
    ret->code = reader_u8(r);
    const struct pickle_opcode *op = &pickle_opcodes[ret->code];
    if (!op->name)
        return DECODED_INVALID;
    return argument(r, op->argument, ret) ? DECODED : DECODED_TRUNCATED;
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
    return counted(r, i) && crossed;
}

enum pickle_decoded pickle_decode_framed(struct reader *r, size_t *frame_end,
                                         struct pickle_instruction *ret,
                                         bool *ret_crossed)
{
    static const uint8_t widths[] = {
        [ARGUMENT_U1] = 1, [ARGUMENT_U2] = 2, [ARGUMENT_U4] = 4,    [ARGUMENT_I4] = 4,
        [ARGUMENT_U8] = 8, [ARGUMENT_F8] = 8, [ARGUMENT_BYTES8] = 0
    };
    (void)enter(r, frame_end, 1);
    if (reader_left(r) == 0)
        return DECODED_END;
    ret->offset = r->pos;
    ret->code = reader_u8(r);
    const struct pickle_opcode *op = &pickle_opcodes[ret->code];
    bool ok = true;
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
        ok = argument(r, op->argument, ret);
    }
    return ok && reader_ok(r) ? DECODED : DECODED_TRUNCATED;
}
