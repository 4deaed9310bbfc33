/* loopback.h: the one HTTP request that a browser brings back to this machine.
 *
 * Hears 127.0.0.1 and nothing else, on a port that the system picks.  Browsers connect
 * ahead of need, and anybody on this machine may connect: a few connections are served
 * at once, each may send one request of bounded size, and all of them together have as
 * long as loopback_wait() was given.  Source: RFC 8252, section 7.3. */
#ifndef LOOPBACK_H
#define LOOPBACK_H

#include "core/error.h"
#include "core/span.h"

enum {
    LOOPBACK_CONNECTIONS = 8,       /* the one that has waited longest makes room */
    LOOPBACK_REQUEST_MAX = 16 << 10 /* bytes; a longer one is cut off */
};

struct loopback;

struct loopback *loopback_open(struct error *error); /* NULL: ERROR_IO, ERROR_MEMORY */
void loopback_close(struct loopback *l); /* wipes what was received; NULL is fine */
uint16_t loopback_port(const struct loopback *l);

/* Hands the head of each request to take(), up to and with its empty line, until one is
 * taken: that one is answered with a page that says so, all others with 404.  Nothing
 * that was received is sent back.  False when the time is over (ERROR_NETWORK) or
 * the system does not let us listen (ERROR_IO). */
bool loopback_wait(struct loopback *l, int milliseconds,
                   bool (*take)(void *self, struct span head), void *self,
                   struct error *error);

#endif
