/* progress.h: one line on standard error that says how far a scan is. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "engine/scan.h"

struct progress {
    bool shown;
    double started, drawn; /* seconds, monotonic */
};

void progress_start(struct progress *p, bool shown);
void progress_update(void *self,
                     const struct scan_progress *s); /* scan_options.progress */
void progress_end(struct progress *p);               /* wipes the line */

#endif
