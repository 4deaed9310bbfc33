/* crew.h: threads that own one worker each, and what they do together.
 *
 * Further workers start when a thread first has work, and live until the crew ends,
 * through any number of runs.  In which order items are done is nobody's business. */
#ifndef CREW_H
#define CREW_H

#include "worker/worker.h"

enum { CREW_MAX = 256 };

struct crew;

struct crew *crew_new(const struct worker_options *o,
                      unsigned threads); /* NULL: no memory */
void crew_free(struct crew *c);          /* NULL is fine */

/* What a thread works with. */
struct crew_hand {
    struct crew *crew;
    struct worker *worker;
    uint8_t *buffer; /* CREW_BUFFER bytes of its own */
};
enum { CREW_BUFFER = 1 << 20 };

/* Put another worker in the place of one that is lost. */
bool crew_hand_replace(struct crew_hand *h, struct error *error);

/* One item; false stops the whole run. */
typedef bool crew_work(void *self, size_t item, struct crew_hand *h, struct error *error);

/* Do all items, 0 to count - 1.  False with the first error when a thread had to stop. */
bool crew_run(struct crew *c, size_t count, crew_work *work, void *self,
              struct error *error);

/* Start the first worker, so that rules which it cannot use are an error even when there
 * is nothing to do. */
bool crew_start(struct crew *c, struct error *error);

/* Of a crew that has started: how its workers are confined, and which rules they use.  A
 * worker that reads other rules than the first one is refused. */
const char *crew_sandbox(const struct crew *c);
const char *crew_rules_digest(const struct crew *c);

#endif
