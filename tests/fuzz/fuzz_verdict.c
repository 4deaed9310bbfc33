/* What a child says of a signature, and what it is told: neither may harm who reads it,
 * and what was read must survive the wire. */
#include "worker/verify_order.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void verdict(struct arena *arena, struct span bytes)
{
    struct verification v, again;
    struct buffer wire;
    if (!verify_verdict_decode(arena, bytes, &v))
        return;
    require((v.state == SIGNATURE_VERIFIED) == (v.failure.check == SC_NONE));
    buffer_init(&wire, VERIFY_ORDER_MAX);
    require(verify_verdict_encode(&wire, &v));
    require(verify_verdict_decode(arena, buffer_span(&wire), &again) ||
            arena_exhausted(arena));
    buffer_free(&wire);
}

static void order(struct arena *arena, struct span bytes)
{
    struct verify_order *o = arena_alloc(arena, 2 * sizeof *o);
    struct buffer wire;
    if (!o || !verify_order_decode(arena, bytes, o))
        return;
    buffer_init(&wire, VERIFY_ORDER_MAX);
    require(verify_order_encode(&wire, o));
    require(verify_order_decode(arena, buffer_span(&wire), o + 1) ||
            arena_exhausted(arena));
    buffer_free(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(16 << 20);
    if (arena && size > 0)
        (data[0] % 2 ? order : verdict)(arena, span_of(data + 1, size - 1));
    arena_free(arena);
    return 0;
}
