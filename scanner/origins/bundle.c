#include "origins/bundle.h"

static uint8_t *put(uint8_t *at, uint32_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *at++ = (uint8_t)(value >> 8 * i);
    return at;
}

void bundle_head(uint8_t ret_head[BUNDLE_HEAD], enum origin_kind kind, uint32_t number,
                 struct span path, uint32_t size)
{
    uint8_t *at = put(ret_head, kind, 1);
    at = put(at, number, 4);
    at = put(at, (uint32_t)path.len, 2);
    (void)put(at, size, 4);
}

bool bundle_next(struct reader *r, struct origin_source *ret_source)
{
    uint8_t kind = reader_u8(r);
    uint32_t number = reader_u32le(r);
    uint16_t path_length = reader_u16le(r);
    uint32_t size = reader_u32le(r);
    struct origin_source s = { .number = number };
    s.path = reader_bytes(r, path_length);
    s.bytes = reader_bytes(r, size);
    if (!reader_ok(r) || kind >= ORIGIN_KINDS)
        return false;
    s.kind = (enum origin_kind)kind;
    *ret_source = s;
    return true;
}
