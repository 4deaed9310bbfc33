/* sandbox.h: how the worker gives up its rights, in two stages (DESIGN section 4).
 *
 * Stage 1, the zygote: no new privileges, not dumpable, Landlock with every right
 * handled and none granted, a seccomp filter that is enough to fork and to pass
 * descriptors.  Stage 2, a child: resource limits and a narrower filter, built before
 * stage 1 so that entering it costs one system call.  No way leads back.
 *
 * What a child may do is the table in sandbox.c.  A system call outside of it kills
 * the process; those that libraries use to look around (open, stat) answer EACCES. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <linux/filter.h>

#include "core/error.h"
#include "worker/worker.h"

enum { SANDBOX_FILTER_MAX = 256 }; /* instructions */

struct sandbox_state {
    enum sandbox mode;
    char description[32]; /* "seccomp+landlock6", "seccomp", "off" */
    struct sock_filter child[SANDBOX_FILTER_MAX];
    unsigned short child_length;
};

/* What one child may use: past `data` bytes of private memory allocations fail, past
 * `file_size` a write to the spool does; past `cpu_seconds` it is killed. */
struct sandbox_limits {
    uint64_t data, file_size, cpu_seconds;
};

/* Stage 1.  False when the kernel cannot do what `mode` asks for, or did a part and
 * then failed: the process must then end without reading anything. */
bool sandbox_confine_zygote(enum sandbox mode, struct sandbox_state *ret_state,
                            struct error *error);

/* Stage 2.  Async-signal-safe; false as above. */
bool sandbox_confine_child(struct sandbox_state *s, const struct sandbox_limits *limits);

#endif
