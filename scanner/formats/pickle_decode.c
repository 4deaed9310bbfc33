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
