/* byte_scan.h: which bytes of an artifact the byte rules look at.
 *
 * All of them, once, but two kinds that inspectors leave out while they work: tensor
 * bulk (looked at with --depth deep), and bytes that are looked at as an artifact of
 * their own: a member that lies in its parent as it is, and the compressed form of one
 * that does not.  What no inspector accounts for is therefore always searched. */
#ifndef BYTE_SCAN_H
#define BYTE_SCAN_H

#include "formats/inspector.h"

struct byte_range {
    uint64_t offset, size; /* in the artifact's bytes */
};

/* Whoever searches; the worker's is in worker/yara_rules.h.  Ranges ascend, do not
 * touch and are never empty.  What it finds goes to inspection_report(). */
struct byte_scanner {
    void *self;
    void (*scan)(void *self, struct inspection *in, const struct byte_range *ranges,
                 size_t count);
};

/* What was left out so far, in any order.  Start it zeroed. */
struct left_out {
    struct byte_range *list; /* heap */
    size_t count, capacity;
};

void left_out_free(struct left_out *l);

/* For a member about to be inspected: where it lies in the artifact, if it does. */
void byte_scan_leave_out_member(struct inspection *in, struct span member);

/* Search in->artifact; its inspectors have run. */
void byte_scan(struct inspection *in);

#endif
