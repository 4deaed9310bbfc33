/* verify_order.h: one bundle to verify, as a confined child is told it, and its verdict.
 *
 * Certificates, time-stamps and the signature itself are DER that a stranger wrote; they
 * are read there first.  A verdict of "verified" out of a child is not believed: whoever
 * asked verifies once more, by then only what somebody trusted has signed, unless the
 * child was taken over.  Any other verdict stands. */
#ifndef VERIFY_ORDER_H
#define VERIFY_ORDER_H

#include "integrity/signers.h"

enum { VERIFY_ORDER_MAX = 512 << 20 };

struct verify_order {
    enum verify_method method;
    int64_t now;
    struct span keys[SIGNERS_KEYS_MAX]; /* DER */
    size_t key_count;
    struct span anchors[X509_LIST_MAX]; /* DER */
    size_t anchor_count;
    struct verify_identity identities[SIGNERS_IDENTITIES_MAX];
    size_t identity_count;
    bool asks;        /* further identities are accepted, by somebody who is not there */
    struct span root; /* JSON of the trusted root; empty: none */
    struct verify_target target;
    struct bundle bundle;
};

/* Appends to `out`, which was made with VERIFY_ORDER_MAX. */
bool verify_order_encode(struct buffer *out, const struct verify_order *o);

/* Spans point into `bytes`. */
bool verify_order_decode(struct arena *arena, struct span bytes,
                         struct verify_order *ret_order);

/* In the child.  Total; with `asks`, everybody is accepted and no statement is read. */
void verify_order_run(struct arena *arena, const struct verify_order *o,
                      struct verification *ret_verdict);

/* The verdict, without the payload, as one answer (signature_wire.h: {length u64} …). */
bool verify_verdict_encode(struct buffer *out, const struct verification *v);
bool verify_verdict_decode(struct arena *arena, struct span bytes,
                           struct verification *ret_verdict);

#endif
