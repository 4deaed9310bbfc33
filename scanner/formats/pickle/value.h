/* value.h: what the pickle machine knows about a value, in 64 bits.
 *
 * A handle is a tag and a payload.  Literals are not copied: a text is the offset of
 * the instruction that pushed it; a container is a position in store.h. */
#ifndef PICKLE_VALUE_H
#define PICKLE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t pickle_value;

/* 0 is "no value"; tags above UNKNOWN do not exist (the memo's packing uses 15). */
enum pickle_tag {
    PICKLE_NOTHING,
    PICKLE_ATOM,   /* None, False, True, an out-of-band buffer */
    PICKLE_INT,    /* a small integer, payload in two's complement */
    PICKLE_NUMBER, /* a float or a big integer: offset */
    PICKLE_STR,    /* offset, and a bit: see PICKLE_OVERWRITTEN */
    PICKLE_BYTES,  /* bytes or bytearray: offset */
    PICKLE_TUPLE,  /* these five: position in the ring, 0 when forgotten */
    PICKLE_LIST,
    PICKLE_DICT,
    PICKLE_SET,
    PICKLE_FROZENSET,
    PICKLE_GLOBAL,   /* these three: index of a global, offset */
    PICKLE_RESULT,   /* of a call to that global */
    PICKLE_INSTANCE, /* of that class, made by NEWOBJ */
    PICKLE_OTHER     /* persistent id, extension, …: offset */
};

enum pickle_atom { ATOM_NONE, ATOM_FALSE, ATOM_TRUE, ATOM_BUFFER };

enum {
    PAYLOAD_BITS = 56,
    OFFSET_BITS = 40,
    GLOBAL_INDEX_MAX = 0xffff /* as many distinct globals as a value can name */
};

static inline pickle_value value_make(enum pickle_tag tag, uint64_t payload)
{
    return payload << 4 | (uint64_t)tag;
}
static inline enum pickle_tag value_tag(pickle_value v)
{
    return (enum pickle_tag)(v & 15);
}
static inline uint64_t value_payload(pickle_value v)
{
    return v >> 4;
}

/* False when the integer does not fit the payload. */
static inline bool value_int(int64_t n, pickle_value *ret)
{
    const int64_t limit = INT64_C(1) << (PAYLOAD_BITS - 1);
    if (n < -limit || n >= limit)
        return false;
    *ret = value_make(PICKLE_INT, (uint64_t)n & ((UINT64_C(1) << PAYLOAD_BITS) - 1));
    return true;
}
static inline int64_t value_int_of(pickle_value v) /* of a PICKLE_INT */
{
    uint64_t sign = UINT64_C(1) << (PAYLOAD_BITS - 1);
    return (int64_t)((value_payload(v) ^ sign) - sign);
}

static inline pickle_value value_atom(enum pickle_atom a)
{
    return value_make(PICKLE_ATOM, (uint64_t)a);
}

/* GLOBAL, RESULT, INSTANCE */
static inline pickle_value value_of_global(enum pickle_tag tag, uint32_t index,
                                           uint64_t offset)
{
    return value_make(tag, (uint64_t)index << OFFSET_BITS |
                               (offset & ((UINT64_C(1) << OFFSET_BITS) - 1)));
}
static inline uint32_t value_global(pickle_value v)
{
    return (uint32_t)(value_payload(v) >> OFFSET_BITS) & GLOBAL_INDEX_MAX;
}
static inline bool value_has_global(pickle_value v)
{
    return value_tag(v) >= PICKLE_GLOBAL && value_tag(v) <= PICKLE_INSTANCE;
}
/* Where it was pushed; for every tag that carries an offset. */
static inline uint64_t value_offset(pickle_value v)
{
    return value_payload(v) & ((UINT64_C(1) << OFFSET_BITS) - 1);
}

/* A text fetched from a memo slot that had held another text before. */
#define PICKLE_OVERWRITTEN (UINT64_C(1) << (4 + OFFSET_BITS))

#endif
