/* retry.h: whether an attempt is worth another one, and when. */
#ifndef RETRY_H
#define RETRY_H

#include "net/http.h"

/* Is this status one that may be different a moment later?  429 and 503 say that nothing
 * was done; 500, 502, 504 and 408 do not, so only a repeatable request is sent again. */
bool retry_status(unsigned status, const struct fields *f, bool repeatable);

/* Milliseconds before attempt number `attempt` + 1 (the first is 1): what the server asks
 * for, or 0.5 s doubled each time, plus up to a quarter at random.  False when the server
 * wants more than `wait_max` seconds: then its answer stands. */
bool retry_wait(const struct fields *f, unsigned attempt, unsigned wait_max,
                const struct clock *clock, uint64_t *ret_milliseconds);

#endif
