/* control.h: the socket between the main process and the zygote.
 *
 * One SOCK_SEQPACKET pair, descriptor 3 in the worker; a packet is a message.  Both
 * ends are ours and of one version.  No byte of a target reaches the zygote but the
 * name of the file, which it only copies.
 *
 *   zygote to main   HELLO    value: CONTROL_VERSION, text: ASSAY_VERSION.  First
 *                    RULE     value: severity and CWE, text: id, NUL, title.  For each
 *                             byte rule
 *                    READY    text: how it is confined, NUL, digest of its rules
 *                    REFUSED  value: enum error_code, text: why; then it ends
 *   main to zygote   JOB      value: CPU seconds, text: the file's name,
 *                             descriptors: file, records, and a spool or none
 *                    ORIGINS  the same; the file is a bundle (origins/bundle.h)
 *                    SIGNATURE  the same; the file may be a signature, and the records
 *                             are one answer (signature_wire.h)
 *                    VERIFY   the same; the file is an order (verify_order.h), and the
 *                             answer a verdict
 *   zygote to main   STARTED  descriptor: pidfd of the child
 *                    ENDED    value: the child's wait status
 *                    FAILED   text: why there is no child; instead of the last two
 *
 * The worker's end of life is the end of file on this socket. */
#ifndef CONTROL_H
#define CONTROL_H

#include "core/artifact.h"
#include "worker/rule_table.h"

enum { CONTROL_FD = 3, CONTROL_VERSION = 5, CONTROL_FDS_MAX = 3 };

enum control_type {
    CONTROL_HELLO = 1,
    CONTROL_RULE,
    CONTROL_READY,
    CONTROL_REFUSED,
    CONTROL_JOB,
    CONTROL_ORIGINS,
    CONTROL_SIGNATURE,
    CONTROL_VERIFY,
    CONTROL_STARTED,
    CONTROL_ENDED,
    CONTROL_FAILED
};

/* How a child ends that could not do its work; 0 when its records are complete. */
enum child_exit {
    CHILD_DONE = 0,
    CHILD_UNCONFINED = 10, /* stage 2 failed */
    CHILD_UNREADABLE,      /* not a regular file, or it cannot be mapped */
    CHILD_NO_MEMORY,
    CHILD_UNSENT /* nobody took the records */
};

/* Text past NAME_MAX_BYTES is cut; the descriptors stay the sender's.  False with
 * errno set. */
bool control_send(int socket, enum control_type type, uint32_t value, struct span text,
                  const int *fds, size_t fd_count);

bool control_send_rule(int socket, const struct rule *rule);

struct control_message {
    uint32_t type, value;
    struct span text;         /* lies in bytes, with a NUL behind it */
    int fds[CONTROL_FDS_MAX]; /* the receiver's to close */
    size_t fd_count;
    char bytes[NAME_MAX_BYTES + 1];
};

/* Waits for one.  False at the end of file, and for a packet that is not one of ours;
 * what it holds is then worthless, and no descriptor is left open. */
bool control_receive(int socket, struct control_message *ret_message);

void control_close_fds(struct control_message *m);

/* Take a RULE in.  False when it is none that a worker may name. */
bool control_read_rule(const struct control_message *m, struct rule_table *table);

#endif
